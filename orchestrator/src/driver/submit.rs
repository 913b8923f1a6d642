//! Submits, and the requests of people.

use warrener_engine::event::Submitted as Accepted;
use warrener_engine::{Event, JobRow, Need};
use warrener_shared::id::{JobId, JobNo, QueueName};
use warrener_shared::job::{JobSpec, Problem, Until};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::JobState;

use super::Driver;
use super::batch::Batch;
use super::input::{Answer, Command, Input, Output, Requester, Submission};
use crate::filter::fits::{Candidate, Tasks};
use crate::rows::Parsed;
use crate::rows::verdict::{self, Verdict};
use crate::store::{Caption, Found, OwedReply, Store, StoreError, Submitted};

impl<S: Store> Driver<S> {
    /// Keeps a job, finds that it is there already, or refuses it. The answer follows after the commit.
    pub(super) fn submit(&mut self, at: usize, submission: &Submission, batch: &mut Batch) -> Result<(), StoreError> {
        match self.judge(submission, batch)? {
            Verdict::New => {}
            Verdict::Replaces(holder) => self.cancel_holder(holder, batch)?,
            Verdict::Succeeds(holder) => batch.commit.released.push(holder),
            Verdict::Updates(no, id) => {
                self.update(no, submission, batch)?;
                let answer = again(no, id, submission, batch);
                batch.answers.push((at, answer));
                return Ok(());
            }
            Verdict::Existing(no, id) => {
                let answer = again(no, id, submission, batch);
                batch.answers.push((at, answer));
                return Ok(());
            }
            Verdict::Refused(problem) => {
                batch.answers.push((at, Answer::Refused(vec![problem])));
                return Ok(());
            }
        }
        let id = submission.spec.id.clone().unwrap_or_else(|| self.chance.job_id());
        let job = self.accept(id.clone(), submission, batch)?;
        owe(job, submission, batch);
        batch.answers.push((at, Answer::Kept { id, no: job, existing: false }));
        Ok(())
    }

    /// Makes a new job of a submit that was judged.
    pub(super) fn accept(
        &mut self,
        id: JobId,
        submission: &Submission,
        batch: &mut Batch,
    ) -> Result<JobNo, StoreError> {
        let job = self.held.numbers.take_job();
        let tasks = u32::try_from(submission.spec.tasks.len()).expect("the parser limits the tasks");
        let first_task = self.held.numbers.take_tasks(tasks);
        let mut submitted = submission.submitted.clone();
        if let Some(traces) = &self.shared.traces {
            submitted.traceparent = traces.of_submit(submitted.traceparent);
        }
        let traceparent = submitted.traceparent.clone();
        batch.ids.insert(id.clone(), Found { no: job, digest: submitted.digest });
        let parsed = Parsed::new(submission.spec.clone(), traceparent.clone(), submitted.body.len());
        self.shared.specs.keep((job, batch.now, first_task), parsed);
        batch.commit.submitted.push((job, submitted, Caption::of(&submission.spec)));
        let spec = submission.spec.clone();
        let accepted = Accepted { job, id, spec, traceparent, first_task, parent: None, level: 0 };
        self.decide(Event::Submitted(accepted), batch)?;
        metrics::counter!("warrener_jobs_submitted_total").increment(1);
        Ok(job)
    }

    /// Puts the content of a submit in the place of that of a scheduled job.
    fn update(&mut self, job: JobNo, submission: &Submission, batch: &mut Batch) -> Result<(), StoreError> {
        self.load_for(Need::Job(job), batch)?;
        let row = &batch.slice.job(job).expect("just loaded").row;
        let (id, created_at) = (row.id.clone(), row.created_at);
        let tasks = u32::try_from(submission.spec.tasks.len()).expect("the parser limits the tasks");
        let first_task = self.held.numbers.take_tasks(tasks);
        // The id stays that of the first content: whoever sends that again finds the job.
        let digest = self.known(&id, batch)?.and_then(|found| found.digest);
        let mut submitted = Submitted { digest, ..submission.submitted.clone() };
        if let Some(traces) = &self.shared.traces {
            submitted.traceparent = traces.of_submit(submitted.traceparent);
        }
        let (spec, traceparent) = (submission.spec.clone(), submitted.traceparent.clone());
        let parsed = Parsed::new(spec.clone(), traceparent.clone(), submitted.body.len());
        self.shared.specs.keep((job, created_at, first_task), parsed);
        let content = (job, submitted, Caption::of(&spec));
        match batch.commit.submitted.iter_mut().find(|(no, ..)| *no == job) {
            Some(earlier) => *earlier = content,
            None => batch.commit.submitted.push(content),
        }
        let updated = Accepted { job, id, spec, traceparent, first_task, parent: None, level: 0 };
        self.decide(Event::ContentReplaced(updated), batch)
    }

    /// Cancels the job that holds a unique key, which it no longer holds while it comes to its end.
    pub(super) fn cancel_holder(&mut self, holder: JobNo, batch: &mut Batch) -> Result<(), StoreError> {
        batch.commit.released.push(holder);
        self.decide(Event::CancelRequested(holder), batch)
    }

    /// Number and digest of a job by its id, jobs of this batch included; `None` if there is none.
    pub(super) fn known(&mut self, id: &JobId, batch: &Batch) -> Result<Option<Found>, StoreError> {
        match batch.ids.get(id) {
            Some(found) => Ok(Some(*found)),
            None if batch.new_ids.contains(id) => Ok(None),
            None => self.store.find(id),
        }
    }

    /// Looks for all ids of a batch of submits at once. A single one is looked for when it is handled.
    pub(super) fn look_for(&mut self, inputs: &[Input], batch: &mut Batch) -> Result<(), StoreError> {
        let id = |input: &Input| if let Input::Submit(one) = input { one.spec.id.clone() } else { None };
        let ids: Vec<JobId> = inputs.iter().filter_map(id).collect();
        // One is looked for when it is handled.
        if ids.len() > 1 {
            batch.ids.extend(self.store.find_all(&ids.iter().collect::<Vec<_>>())?);
            batch.new_ids = ids.into_iter().filter(|id| !batch.ids.contains_key(id)).collect();
        }
        Ok(())
    }

    /// Judges a submit, jobs of this batch included.
    pub(super) fn judge(&mut self, submission: &Submission, batch: &mut Batch) -> Result<Verdict, StoreError> {
        let spec = &submission.spec;
        if let Some(id) = &spec.id
            && let Some(found) = self.known(id, batch)?
        {
            return Ok(verdict::by_id(id, found, submission.submitted.digest));
        }
        let book = &self.shared.limit_register.book;
        if let Some(problem) = spec.unknown_limit(|name| book.limit(name.as_str()).is_some()) {
            return Ok(Verdict::Refused(problem));
        }
        if let Some(problem) = self.uncountable(spec, batch) {
            return Ok(Verdict::Refused(problem));
        }
        if let Some(problem) = self.too_many_queues(spec) {
            return Ok(Verdict::Refused(problem));
        }
        let holder = match &spec.unique {
            Some(unique) => self.holder(&unique.key, batch)?.map(|holder| (unique, holder)),
            None => None,
        };
        let verdict = match &holder {
            None => Verdict::New,
            Some((unique, holder)) => {
                let is_seen = match submission.asker.by.as_deref() {
                    Some(by) => self.exists_for(by, holder.no, batch)?,
                    None => true,
                };
                verdict::by_key(unique, holder, is_seen)
            }
        };
        let begins = matches!(verdict, Verdict::New | Verdict::Succeeds(_));
        Ok(self.turned_away(spec, batch).filter(|_| begins).map_or(verdict, Verdict::Refused))
    }

    /// Tells whether a job exists for the requester, by its filter.
    pub(super) fn exists_for(&mut self, by: &Requester, job: JobNo, batch: &mut Batch) -> Result<bool, StoreError> {
        if by.only.is_none() {
            return Ok(true);
        }
        self.load_for(Need::Job(job), batch)?;
        let Some(entry) = batch.slice.job(job) else { return Ok(false) };
        let (state, created_at) = (entry.row.state, entry.row.created_at);
        let is_sub_job = entry.row.parent.is_some();
        let job = Candidate { id: Some(&entry.row.id), spec: &entry.spec, is_sub_job, state, created_at };
        Ok(by.sees(job, Tasks::Any, batch.now))
    }

    /// Problem of a job that would bring more queues than may be known; `None` if it does not.
    fn too_many_queues(&self, spec: &JobSpec) -> Option<Problem> {
        let (known, most) = (self.held.admission.names().len(), self.shared.limits.queues);
        // Far from the limit nobody makes a list.
        if known + spec.tasks.len() <= most { None } else { spec.too_many_queues(&self.queue_names(), most) }
    }

    /// Job that holds a unique key, jobs of this batch included; `None` if the key is free.
    fn holder(&mut self, key: &str, batch: &Batch) -> Result<Option<JobRow>, StoreError> {
        for (no, _, caption) in batch.commit.submitted.iter().rev() {
            if let Some(unique) = caption.unique.as_ref().filter(|unique| unique.key == key)
                && let Some(row) = batch.slice.job(*no).map(|entry| &entry.row)
                && row.holds_key(unique.until, batch.now)
                && !batch.commit.released.contains(no)
            {
                return Ok(Some(row.clone()));
            }
        }
        let Some(row) = self.store.holder(key, batch.now)? else { return Ok(None) };
        if batch.commit.released.contains(&row.no) {
            return Ok(None);
        }
        let Some(newer) = batch.slice.job(row.no) else { return Ok(Some(row)) };
        let until = newer.spec.unique.as_ref().map_or(Until::Finished, |unique| unique.until);
        Ok(newer.row.holds_key(until, batch.now).then(|| newer.row.clone()))
    }

    /// Carries out a request of a person, and notes its answer.
    pub(super) fn command(&mut self, at: usize, command: &Command, batch: &mut Batch) -> Result<(), StoreError> {
        let answer = self.fulfil(at, command, batch)?;
        batch.answers.push((at, answer));
        Ok(())
    }

    /// Carries out a request, which is the input at this position of the batch, and answers it.
    pub(super) fn fulfil(&mut self, at: usize, command: &Command, batch: &mut Batch) -> Result<Answer, StoreError> {
        Ok(match command {
            Command::Cancel(id) => self.on_job(id, Event::CancelRequested, batch)?,
            Command::Pause(id, paused) => self.on_job(id, |job| Event::PauseRequested(job, *paused), batch)?,
            Command::Drain(worker) => {
                self.send(Output::Drain(worker.clone()));
                Answer::Done
            }
            Command::Discard(no) => {
                batch.commit.discarded.push(*no);
                Answer::Done
            }
            Command::CancelDelayed(no) => {
                batch.commit.delayed.gone.push(*no);
                Answer::Done
            }
            Command::Replay(no, parcel) => {
                self.send(Output::Replay(*no, parcel.clone()));
                Answer::Done
            }
            Command::Delete(id) => self.delete(at, id, batch)?,
            Command::Retry(id) => self.retry(id, batch)?,
            Command::RetryTask(id, address) => self.retry_task(id, address, batch)?,
            Command::Skip(id, address) => self.skip(id, address, batch)?,
            Command::PauseQueue(name, paused) => self.pause_queue(name, *paused, batch),
            Command::PutLimit(name, definition) => self.put_limit(name, definition, batch),
            Command::RemoveLimit(name) => self.remove_limit(name, batch),
            Command::SetKey(key, settings, paused) => self.set_key(key, *settings, *paused, batch)?,
            Command::Bulk(row, set) => self.begin_bulk(row, set, batch),
            Command::StopBulk(no) => self.stop_bulk(*no, batch),
        })
    }

    /// Decides an event about an open job. A conflict if the job is final.
    fn on_job(&mut self, id: &JobId, event: impl Fn(JobNo) -> Event, batch: &mut Batch) -> Result<Answer, StoreError> {
        let Some(Found { no: job, .. }) = self.known(id, batch)? else { return Ok(Answer::NotFound) };
        self.load_for(Need::Job(job), batch)?;
        let state = batch.slice.job(job).expect("just loaded").row.state;
        if state.is_final() {
            return Ok(Answer::Conflict(format!("the job is {state} already")));
        }
        self.decide(event(job), batch)?;
        Ok(Answer::Done)
    }

    /// Reopens a job that ended without success. A conflict for any other.
    fn retry(&mut self, id: &JobId, batch: &mut Batch) -> Result<Answer, StoreError> {
        let Some(Found { no: job, .. }) = self.known(id, batch)? else { return Ok(Answer::NotFound) };
        self.load_for(Need::Job(job), batch)?;
        let state = batch.slice.job(job).expect("just loaded").row.state;
        if !state.is_final() || state == JobState::Succeeded {
            return Ok(Answer::Conflict(format!("the job is {state}; only one that ended without success is retried")));
        }
        // What was joined from items that are worked on again is no longer so.
        if !mutant::is(Mutant::StaleLists) {
            self.held.rows.forget_lists();
        }
        batch.commit.released.push(job);
        self.reopen_tick(job, batch)?;
        self.decide(Event::RetryRequested(job), batch)?;
        Ok(Answer::Done)
    }

    /// Notes a final job to be removed once the batch is committed, unless something in the batch runs it again. A
    /// conflict for a job that is not final.
    fn delete(&mut self, at: usize, id: &JobId, batch: &mut Batch) -> Result<Answer, StoreError> {
        let Some(Found { no: job, .. }) = self.known(id, batch)? else { return Ok(Answer::NotFound) };
        self.load_for(Need::Job(job), batch)?;
        let state = batch.slice.job(job).expect("just loaded").row.state;
        if !state.is_final() {
            return Ok(Answer::Conflict(format!("the job is {state}; cancel it, and delete it once it is final")));
        }
        batch.after.remove.push((at, job));
        Ok(Answer::Done)
    }

    /// Removes the jobs that were to be deleted, after the commit, and corrects the answers where that was not
    /// possible.
    pub(super) fn remove(&mut self, batch: &mut Batch) {
        for (at, job) in std::mem::take(&mut batch.after.remove) {
            let outcome = self.store.remove(job);
            let answer = batch.answers.iter().position(|(place, _)| *place == at).expect("it was answered");
            match outcome {
                Ok(true) => self.held.dead.thinned(),
                Ok(false) => batch.answers[answer].1 = Answer::Conflict("the job runs again".to_owned()),
                Err(error) => {
                    // Whoever asked is told nothing, which means that it has to look.
                    batch.answers.remove(answer);
                    self.degrade(&error.to_string());
                    return;
                }
            }
        }
    }

    /// Pauses or resumes a queue, with the commit of this batch.
    fn pause_queue(&mut self, name: &QueueName, paused: bool, batch: &mut Batch) -> Answer {
        let Some(no) = self.held.admission.pause(name, paused) else { return Answer::NotFound };
        batch.commit.paused.push((no, paused));
        Answer::Done
    }
}

/// Answers a submit of a job that is there already. Its replies are its own, and go at once if the job is final.
fn again(no: JobNo, id: JobId, submission: &Submission, batch: &mut Batch) -> Answer {
    owe(no, submission, batch);
    batch.after.reply.push(no);
    Answer::Kept { id, no, existing: true }
}

/// Owes the sender of a submit the answers that it wants.
fn owe(job: JobNo, submission: &Submission, batch: &mut Batch) {
    let Some(reply) = &submission.reply else { return };
    let now = batch.now;
    let owed = |accepted| OwedReply {
        no: 0,
        job,
        reply_to: reply.to.queue.clone(),
        correlation_id: reply.to.correlation_id.clone(),
        accepted,
        owed_at: now,
        refusal: None,
    };
    if reply.mode.wants_accepted() {
        batch.commit.owed.push(owed(true));
        batch.after.reply.push(job);
    }
    if reply.mode.wants_finished() {
        batch.commit.owed.push(owed(false));
    }
}
