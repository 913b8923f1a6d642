//! Built-in kinds: the orchestrator works on them itself. Their attempts have no message and no worker; what they
//! wait for stands in their row.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::built_in::{Work, bad_input, hands_down, read};
use warrener_shared::job::{BuiltIn, Problem, SubmitContext};
use warrener_shared::state::{JobState, Outcome};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::RetryAdvice;

use super::end::{self, End};
use super::retry::{self, Failure};
use super::{attempt, round, send};
use crate::event::{Event, SubJobEnded, Submitted};
use crate::row::{Json, Parent, WaitsFor};
use crate::slice::{Read, Slice, TaskOf, counted};
use crate::turn::Turn;

/// Reads that beginning an attempt of this kind takes, beside its input; none if no attempt is to begin.
pub(super) fn missing(slice: &Slice, kind: BuiltIn, most: u32) -> Vec<Read> {
    if kind != BuiltIn::Job || most == 0 {
        return Vec::new();
    }
    let mut reads = Vec::new();
    if slice.new_jobs() == 0 {
        reads.push(Read::NewJobs(1));
    }
    if !slice.has_queue_names() {
        reads.push(Read::QueueNames);
    }
    if !slice.has_numbers(slice.numbers_max()) {
        reads.push(Read::Numbers(slice.numbers_max()));
    }
    reads
}

/// Tells whether the rows that [`missing`] names are there for one more attempt; a job that was begun used some of them
/// up.
pub(super) fn may_begin(slice: &Slice, kind: BuiltIn) -> bool {
    kind != BuiltIn::Job || (slice.new_jobs() > 0 && slice.has_numbers(slice.numbers_max()))
}

/// An attempt begins as soon as its task may go out.
pub(super) fn begin(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf, kind: BuiltIn, input: &[u8]) {
    attempt::begin(turn, no, spec);
    let level = turn.job_of(no).row.level + 1;
    let around = turn.job_of(no).spec.clone();
    let may_use = || kind == BuiltIn::Job && spec.input.as_ref().is_some_and(|input| hands_down(input.source()));
    let templates = Some(&around.templates).filter(|templates| !templates.is_empty() && may_use());
    let context = SubmitContext { message_id: None, priority: Some(spec.policy.priority), level, templates };
    let work = read(kind, input, &context, &turn.slice.limits).and_then(|work| make_room(turn, work));
    match work {
        Ok(Work::Pass) => pass(turn, no, input),
        Ok(work) => work_on(turn, no, work, spec.policy.priority, level),
        Err(problems) => {
            let error = bad_input(&problems);
            let how = Failure { outcome: Outcome::Failed, error: &error, advice: RetryAdvice::Never, stop: false };
            retry::attempt_failed(turn, no, how);
        }
    }
}

/// Makes room for the queues of a sub-job: what a submit may not do, an input may not do either.
fn make_room(turn: &mut Turn<'_>, work: Work) -> Result<Work, Vec<Problem>> {
    if let Work::Job { spec, .. } = &work {
        if let Some(problem) = spec.unknown_limit(|name| turn.slice.limit(name.as_str()).is_some()) {
            return Err(vec![problem]);
        }
        turn.slice.take_queue_names(spec).map_err(|problem| vec![problem])?;
    }
    Ok(work)
}

/// `priority` and `level` are those of a sub-job.
fn work_on(turn: &mut Turn<'_>, no: TaskNo, work: Work, priority: u8, level: u8) {
    let now = turn.now;
    match work {
        Work::SleepFor(span) => sleep(turn, no, now + span, WaitsFor::Span(now + span)),
        Work::SleepUntil(time) => sleep(turn, no, time, WaitsFor::Time(time)),
        Work::Wait { event, key } => {
            turn.task_mut(no).waits_for = Some(WaitsFor::Event { event: event.into(), key: key.into() });
        }
        Work::Job { spec, body } => {
            let (job, id) = turn.slice.take_new_job();
            let tasks = counted(spec.tasks.len());
            let first_task = turn.slice.take_numbers(tasks);
            let row = turn.task_mut(no);
            row.waits_for = Some(WaitsFor::Job(job));
            let parent = Some(Parent { job: row.job, task: no, attempt: row.attempt });
            let traceparent = turn.job_of(no).traceparent.clone();
            turn.slice.keep_body(job, body, priority);
            let submitted = Submitted { job, id, spec, traceparent, first_task, parent, level };
            turn.follow(Event::Submitted(submitted));
        }
        Work::Publish(parcel) => send::begin(turn, no, parcel),
        // What a job decides is nothing for a person to look into.
        Work::Fail(error) => end::end(turn, no, End::failed(&error)),
        Work::Pass => {}
    }
}

/// The input is the output, unless it is larger than an output may be.
fn pass(turn: &mut Turn<'_>, no: TaskNo, input: &[u8]) {
    let most = turn.slice.limits.output_bytes;
    if input.len() <= most {
        return round::succeeded(turn, no, Arc::from(input));
    }
    let message = format!("its input has {} bytes, more than output_bytes ({most})", input.len());
    let error = ErrorObject::new(code::TOO_LARGE, message);
    let how = Failure { outcome: Outcome::Failed, error: &error, advice: RetryAdvice::Never, stop: false };
    retry::attempt_failed(turn, no, how);
}

fn sleep(turn: &mut Turn<'_>, no: TaskNo, time: Timestamp, waits_for: WaitsFor) {
    if time <= turn.now {
        return round::succeeded(turn, no, Arc::from(*b"null"));
    }
    let row = turn.task_mut(no);
    row.waits_for = Some(waits_for);
    row.wake_at = Some(row.wake_at.map_or(time, |limit| limit.min(time)));
}

/// A time of its own has come: it slept long enough, or its time limit passed.
pub(super) fn due(turn: &mut Turn<'_>, no: TaskNo) {
    let row = turn.task(no);
    if matches!(row.waits_for, Some(WaitsFor::Time(time) | WaitsFor::Span(time)) if time <= turn.now) {
        return round::succeeded(turn, no, Arc::from(*b"null"));
    }
    retry::out_of_time(turn, no);
}

/// Somebody answered what the task waits for.
pub(super) fn answered(turn: &mut Turn<'_>, no: TaskNo, payload: &Json) {
    let waits = turn.slice.task(no).is_some_and(|row| matches!(row.waits_for, Some(WaitsFor::Event { .. })));
    if waits {
        round::succeeded(turn, no, payload.clone());
    }
}

/// The sub-job of a task is final.
pub(super) fn sub_job_ended(turn: &mut Turn<'_>, ended: &SubJobEnded) {
    let no = ended.parent.task;
    let waits = turn
        .slice
        .task(no)
        .is_some_and(|row| row.attempt == ended.parent.attempt && row.waits_for == Some(WaitsFor::Job(ended.job)));
    if !waits {
        return;
    }
    let (row, most) = (turn.job(ended.job).row.clone(), turn.slice.limits.output_bytes);
    let (outcome, error) = match (row.state, row.output) {
        (JobState::Succeeded, Some(output)) if output.len() <= most => {
            return round::succeeded(turn, no, output);
        }
        (JobState::Succeeded, output) => {
            let size = output.map_or(0, |output| output.len());
            let message = format!("the output of job {} has {size} bytes, more than output_bytes ({most})", row.id);
            (Outcome::Failed, ErrorObject::new(code::TOO_LARGE, message))
        }
        (state, _) => (of_state(state), of_job(row.error.as_deref())),
    };
    let how = Failure { outcome, error: &error, advice: RetryAdvice::Policy, stop: false };
    retry::attempt_failed(turn, no, how);
}

const fn of_state(state: JobState) -> Outcome {
    if matches!(state, JobState::TimedOut) { Outcome::TimedOut } else { Outcome::Failed }
}

/// The error of the job as that of the task that ran it: what failed, and why, as it is known inside.
fn of_job(error: Option<&[u8]>) -> ErrorObject {
    let own = error.and_then(ErrorObject::from_json);
    let own = own.unwrap_or_else(|| ErrorObject::new(code::CANCELLED, "its job was cancelled"));
    ErrorObject { attempt: None, ..own }
}
