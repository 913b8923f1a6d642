//! Built-in kinds: the orchestrator works on them itself. Their attempts have no message and no worker; what they
//! wait for stands in their row.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::built_in::{Work, bad_input, read};
use warrener_shared::job::{BuiltIn, SubmitContext, TaskSpec};
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::RetryAdvice;

use super::Decision;
use super::end::{self, End};
use super::retry::{self, Failure};
use crate::event::{Event, SubJobEnded, Submitted};
use crate::row::{Json, Parent, WaitsFor};
use crate::slice::{Read, Slice};

/// What beginning an attempt of this kind takes, beside its input; nothing if none is to begin.
pub(super) fn missing(slice: &Slice, kind: BuiltIn, most: u32) -> Vec<Read> {
    if kind != BuiltIn::Job || most == 0 {
        return Vec::new();
    }
    let mut reads = Vec::new();
    if slice.new_jobs() == 0 {
        reads.push(Read::NewJobs(1));
    }
    // Numbers are taken for the largest job allowed.
    let tasks = u32::try_from(slice.limits.tasks).unwrap_or(u32::MAX);
    if !slice.has_numbers(tasks) {
        reads.push(Read::Numbers(tasks));
    }
    reads
}

/// Whether what [`missing`] names is there for one more attempt; a job that was begun used some of it up.
pub(super) fn may_begin(slice: &Slice, kind: BuiltIn) -> bool {
    let tasks = u32::try_from(slice.limits.tasks).unwrap_or(u32::MAX);
    kind != BuiltIn::Job || (slice.new_jobs() > 0 && slice.has_numbers(tasks))
}

/// An attempt begins as soon as its task may go out.
pub(super) fn begin(
    slice: &mut Slice,
    no: TaskNo,
    spec: &TaskSpec,
    kind: BuiltIn,
    input: &[u8],
    now: Timestamp,
    out: &mut Decision,
) {
    let row = slice.task_mut(no);
    row.attempt += 1;
    row.dispatched_at = Some(now);
    row.started_at = Some(now);
    row.worker = None;
    row.progress = None;
    row.rank = None;
    row.start_by = None;
    row.wake_at = spec.policy.timeout.map(|span| now + span);
    // Until it is read what it waits for: nothing can bring that about.
    row.waits_for = Some(WaitsFor::Time(Timestamp(i64::MAX)));
    let job = row.job;
    slice.job_mut(job).begun = true;
    slice.enter(no, TaskState::Dispatched, now);
    let level = slice.job(job).expect("the job was loaded").row.level + 1;
    let priority = spec.policy.priority;
    let context = SubmitContext { message_id: None, priority: Some(priority), level };
    match read(kind, input, &context, &slice.limits) {
        Ok(work) => work_on(slice, no, work, (priority, level), now, out),
        Err(problems) => {
            let error = bad_input(&problems);
            let how = Failure { outcome: Outcome::Failed, error: &error, advice: RetryAdvice::Never, stop: false };
            retry::attempt_failed(slice, no, how, now, out);
        }
    }
}

/// `priority` and `level` are those of a sub-job.
fn work_on(slice: &mut Slice, no: TaskNo, work: Work, (priority, level): (u8, u8), now: Timestamp, out: &mut Decision) {
    let row = slice.task_mut(no);
    match work {
        Work::SleepFor(span) => sleep(slice, no, (now + span, WaitsFor::Span(now + span)), now, out),
        Work::SleepUntil(time) => sleep(slice, no, (time, WaitsFor::Time(time)), now, out),
        Work::Wait { event, key } => row.waits_for = Some(WaitsFor::Event { event: event.into(), key: key.into() }),
        Work::Job { spec, body } => {
            let (job, id) = slice.take_new_job();
            let tasks = u32::try_from(spec.tasks.len()).expect("the parser limits the tasks");
            let first_task = slice.take_numbers(tasks);
            let row = slice.task_mut(no);
            row.waits_for = Some(WaitsFor::Job(job));
            row.progress = Some(progress(tasks, id.as_str()));
            let (own, attempt) = (row.job, row.attempt);
            let traceparent = slice.job(own).expect("the job was loaded").traceparent.clone();
            slice.keep_body(job, body, priority);
            let parent = Some(Parent { task: no, attempt });
            let submitted = Submitted { job, id, spec, traceparent, first_task, parent, level };
            out.follow.push(Event::Submitted(submitted));
        }
    }
}

/// What is shown of a task that runs a job: which one.
fn progress(tasks: u32, id: &str) -> Json {
    let shown = serde_json::json!({"done": 0, "total": tasks, "note": format!("job {id}")});
    Json::from(shown.to_string().into_bytes())
}

fn sleep(slice: &mut Slice, no: TaskNo, (time, waits_for): (Timestamp, WaitsFor), now: Timestamp, out: &mut Decision) {
    if time <= now {
        return end::end(slice, no, End::succeeded(Arc::from(*b"null")), now, out);
    }
    let row = slice.task_mut(no);
    row.waits_for = Some(waits_for);
    row.wake_at = Some(row.wake_at.map_or(time, |limit| limit.min(time)));
}

/// A time of its own has come: it slept long enough, or its time limit passed.
pub(super) fn due(slice: &mut Slice, no: TaskNo, now: Timestamp, out: &mut Decision) {
    let row = slice.task(no).expect("the task was loaded");
    if matches!(row.waits_for, Some(WaitsFor::Time(time) | WaitsFor::Span(time)) if time <= now) {
        return end::end(slice, no, End::succeeded(Arc::from(*b"null")), now, out);
    }
    let what = row.waits_for.as_ref().map_or_else(String::new, ToString::to_string);
    let error = ErrorObject::new(code::TIMED_OUT, format!("its time limit passed while it waited for {what}"));
    let how = Failure { outcome: Outcome::TimedOut, error: &error, advice: RetryAdvice::Policy, stop: true };
    retry::attempt_failed(slice, no, how, now, out);
}

/// Somebody answered what the task waits for.
pub(super) fn answered(slice: &mut Slice, no: TaskNo, payload: &Json, now: Timestamp, out: &mut Decision) {
    let waits = slice.task(no).is_some_and(|row| matches!(row.waits_for, Some(WaitsFor::Event { .. })));
    if waits {
        end::end(slice, no, End::succeeded(payload.clone()), now, out);
    }
}

/// The sub-job of a task is final.
pub(super) fn sub_job_ended(slice: &mut Slice, ended: &SubJobEnded, now: Timestamp, out: &mut Decision) {
    let no = ended.parent.task;
    let waits = slice
        .task(no)
        .is_some_and(|row| row.attempt == ended.parent.attempt && row.waits_for == Some(WaitsFor::Job(ended.job)));
    if !waits {
        return;
    }
    let row = slice.job(ended.job).expect("the sub-job was loaded").row.clone();
    let (outcome, error) = match (row.state, row.output) {
        (JobState::Succeeded, Some(output)) if output.len() <= slice.limits.output_bytes => {
            return end::end(slice, no, End::succeeded(output), now, out);
        }
        (JobState::Succeeded, output) => {
            let (size, most) = (output.map_or(0, |output| output.len()), slice.limits.output_bytes);
            let message = format!("the output of job {} has {size} bytes, more than output_bytes ({most})", row.id);
            (Outcome::Failed, ErrorObject::new(code::TOO_LARGE, message))
        }
        (state, _) => (of_state(state), of_job(row.id.as_str(), state, row.error.as_deref())),
    };
    let how = Failure { outcome, error: &error, advice: RetryAdvice::Policy, stop: false };
    retry::attempt_failed(slice, no, how, now, out);
}

const fn of_state(state: JobState) -> Outcome {
    if matches!(state, JobState::TimedOut) { Outcome::TimedOut } else { Outcome::Failed }
}

/// The error of the job as that of the task that ran it.
fn of_job(id: &str, state: JobState, error: Option<&[u8]>) -> ErrorObject {
    let own = error.and_then(ErrorObject::from_json);
    let why = own.as_ref().map_or_else(String::new, |own| format!(": {}", own.message));
    let word = own.as_ref().map_or(std::borrow::Cow::Borrowed(code::CANCELLED), |own| own.code.clone());
    let details = own.and_then(|own| own.details);
    let message = format!("job {id} ended {state}{why}");
    ErrorObject { code: word, details, ..ErrorObject::new(code::CANCELLED, message) }
}

/// The attempt ends: a job that still runs for it is stopped.
pub(super) fn close(waits_for: &WaitsFor, out: &mut Decision) {
    if let WaitsFor::Job(job) = waits_for {
        out.follow.push(Event::ParentEnded(*job));
    }
}

/// What stopping the job of a task that ended takes.
pub(super) fn missing_to_stop(slice: &Slice, job: JobNo) -> Vec<Read> {
    match slice.job(job) {
        None => vec![Read::Job(job)],
        Some(entry) if entry.row.state.is_final() => Vec::new(),
        Some(_) => super::cancel::missing_open(slice, job),
    }
}
