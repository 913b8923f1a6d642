//! Submits and the requests of people.

use std::sync::Arc;

use warrener_engine::Event;
use warrener_engine::event::Submitted as Accepted;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::job::{JobSpec, Problem, Shape};

use super::Driver;
use super::batch::Batch;
use super::cache::Parsed;
use super::input::{Answer, Command, Submission};
use crate::store::{Caption, Found, OwedReply, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Keeps a job, or finds that it is there already.
    pub(super) fn submit(
        &mut self,
        at: usize,
        submission: &mut Submission,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        if let Some(id) = &submission.spec.id
            && let Some(Found { no, digest }) = self.known(id, batch)?
        {
            let same = digest.is_some() && digest == submission.submitted.digest;
            let id = id.clone();
            return if same { self.again(at, no, id, submission, batch) } else { refuse(at, &id, batch) };
        }
        let job = JobNo(self.next_job);
        let id = submission.spec.id.clone().unwrap_or_else(new_id);
        let tasks = submission.spec.tasks.len();
        let first_task = TaskNo(self.next_task);
        self.next_job += 1;
        self.next_task += i64::try_from(tasks).expect("the parser limits the tasks");
        let submitted = submission.submitted.clone();
        let traceparent = submitted.traceparent.clone();
        batch.ids.insert(id.clone(), Found { no: job, digest: submitted.digest });
        let parsed =
            Parsed { spec: submission.spec.clone(), traceparent: traceparent.clone(), bytes: submitted.body.len() };
        self.memory.specs.insert(job, parsed);
        batch.commit.submitted.push((job, submitted, caption(&submission.spec)));
        let accepted = Accepted { job, id: id.clone(), spec: submission.spec.clone(), traceparent, first_task };
        self.decide(Event::Submitted(accepted), batch)?;
        owe(job, submission, batch);
        batch.answers.push((at, Answer::Kept { id, no: job, existing: false }));
        metrics::counter!("warrener_jobs_submitted_total").increment(1);
        Ok(())
    }

    fn known(&mut self, id: &JobId, batch: &Batch) -> Result<Option<Found>, StoreError> {
        match batch.ids.get(id) {
            Some(found) => Ok(Some(*found)),
            None => self.store.find(id),
        }
    }

    /// The same job was submitted again: it gets its own answers, at once if the job is final.
    fn again(
        &mut self,
        at: usize,
        no: JobNo,
        id: JobId,
        submission: &Submission,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        owe(no, submission, batch);
        batch.after.reply.push(no);
        batch.answers.push((at, Answer::Kept { id, no, existing: true }));
        Ok(())
    }

    pub(super) fn command(&mut self, at: usize, command: &Command, batch: &mut Batch) -> Result<(), StoreError> {
        let answer = match command {
            Command::Cancel(id) => self.on_job(id, Event::CancelRequested, batch)?,
            Command::Pause(id, paused) => self.on_job(id, |job| Event::PauseRequested(job, *paused), batch)?,
            Command::PauseQueue(name, paused) => self.pause_queue(name, *paused, batch),
        };
        batch.answers.push((at, answer));
        Ok(())
    }

    fn on_job(&mut self, id: &JobId, event: impl Fn(JobNo) -> Event, batch: &mut Batch) -> Result<Answer, StoreError> {
        let Some(Found { no: job, .. }) = self.known(id, batch)? else { return Ok(Answer::NotFound) };
        let event = event(job);
        self.load_for(&event, batch)?;
        let state = batch.slice.job(job).expect("just loaded").row.state;
        if state.is_final() {
            return Ok(Answer::Conflict(format!("the job is {state} already")));
        }
        self.decide(event, batch)?;
        Ok(Answer::Done)
    }

    fn pause_queue(&mut self, name: &QueueName, paused: bool, batch: &mut Batch) -> Answer {
        let Some((no, lane)) = self.lanes.iter_mut().find(|(_, lane)| lane.name == *name) else {
            return Answer::NotFound;
        };
        lane.paused = paused;
        lane.backlog = true;
        batch.commit.paused.push((*no, paused));
        Answer::Done
    }
}

fn new_id() -> JobId {
    JobId::new(&uuid::Uuid::now_v7().to_string()).expect("a UUID is a valid id")
}

fn refuse(at: usize, id: &JobId, batch: &mut Batch) -> Result<(), StoreError> {
    let problem = Problem {
        pointer: "/id".to_owned(),
        code: "conflict".to_owned(),
        detail: format!("a job with the id {id} exists and has other content"),
        hint: Some("send the same content again, or choose another id".to_owned()),
    };
    batch.answers.push((at, Answer::Refused(vec![problem])));
    Ok(())
}

fn owe(job: JobNo, submission: &Submission, batch: &mut Batch) {
    let Some(reply) = &submission.reply else { return };
    let owed = |accepted| OwedReply {
        no: 0,
        job,
        reply_to: reply.to.queue.clone(),
        correlation_id: reply.to.correlation_id.clone(),
        accepted,
    };
    if reply.mode.wants_accepted() {
        batch.commit.owed.push(owed(true));
        batch.after.reply.push(job);
    }
    if reply.mode.wants_finished() {
        batch.commit.owed.push(owed(false));
    }
}

fn caption(spec: &Arc<JobSpec>) -> Caption {
    Caption {
        name: spec.name.clone(),
        kind: (spec.shape == Shape::Single).then(|| spec.tasks[0].kind.to_string()),
        labels: serde_json::to_string(&spec.labels).expect("labels are text"),
        tasks: u32::try_from(spec.tasks.len()).expect("the parser limits the tasks"),
    }
}
