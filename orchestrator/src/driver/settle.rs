//! Committing a batch, then acting on it.

use warrener_engine::Effect;
use warrener_engine::slice::{Changes, NewBody};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::{Millis, Timestamp};

use super::batch::Batch;
use super::held::Held;
use super::input::{Outgoing, Output};
use super::{Answers, Driver};
use crate::rows::Parsed;
use crate::store::{Caption, DispatchNo, Store, StoreError, Submitted};

impl<S: Store> Driver<S> {
    /// Commits the batch, then acts on it, and gives the answers to its inputs. A batch that changes nothing is not
    /// committed.
    ///
    /// # Errors
    /// If the commit failed or its outcome is unknown. After a commit nothing is an error any more: what could not be
    /// done then is made good from the rows, since the inputs must not be handled again.
    pub(super) fn settle(&mut self, mut batch: Batch) -> Result<Answers, StoreError> {
        batch.commit.changes = batch.slice.take_changes();
        self.keep_sub_jobs(&mut batch);
        self.keep_schedules(&mut batch);
        self.dead_letters(&mut batch)?;
        self.ask_to_stop(&mut batch);
        if !batch.commit.is_idle() || batch.must_commit {
            self.counters(&mut batch);
            batch.commit.replied.extend(self.replies.given());
            if mutant::is(Mutant::EarlyPublish) {
                self.act(&mut batch)?;
            }
            self.store.commit(&batch.commit)?;
            self.shared.limit_register.book.committed(batch.slice.take_limit_changes());
            self.held.dead.committed(&batch.commit);
            self.held.kept.committed(&batch.commit.kept);
            self.held.bulk.committed(&batch.commit, self.rhythm.last_commit);
            if !batch.commit.bulk.is_empty() {
                self.bulk.look_anew();
            }
            self.replies.forgotten();
            self.held.numbers.dispatched_below(DispatchNo(batch.slice.next_dispatch()));
            self.schedules_committed(&batch);
            let next = earliest(&batch.commit.changes).into_iter().chain(self.held.schedules.next_due());
            self.held.next_due = self.held.next_due.into_iter().chain(next).min();
            self.written();
            self.notify(&batch);
        }
        batch.slice.take_wakes().iter().for_each(|(key, at)| self.held.wakes.note(key, *at));
        self.remove(&mut batch);
        self.held.stops.extend(std::mem::take(&mut batch.stops));
        self.remember(&mut batch);
        if let Err(error) = self.act(&mut batch) {
            // What is committed stands: its inputs must not be handled again. What was left undone is made good from
            // the rows.
            tracing::error!(%error, "a commit could not be followed up at once; making it good from the rows");
            if let Err(error) = self.recollect() {
                self.degrade(&error.to_string());
            }
        }
        Ok(batch.answers)
    }

    /// Keeps the documents of sub-jobs as if somebody had submitted them, in the order of their numbers.
    fn keep_sub_jobs(&mut self, batch: &mut Batch) {
        for NewBody { job, body, priority } in std::mem::take(&mut batch.commit.changes.bodies) {
            let entry = batch.slice.job(job).expect("a sub-job became rows in this batch");
            let (spec, traceparent) = (entry.spec.clone(), entry.traceparent.clone());
            let parsed = Parsed::new(spec.clone(), traceparent.clone(), body.len());
            self.shared.specs.keep((job, batch.now, entry.row.first_task), parsed);
            let submitted = Submitted { body, priority: Some(priority), traceparent, digest: None };
            batch.commit.submitted.push((job, submitted, Caption::of(&spec)));
        }
        batch.commit.submitted.sort_by_key(|(job, ..)| *job);
    }

    /// Tells those who wait for events, or for the end of a job, that there is news.
    fn notify(&self, batch: &Batch) {
        if !batch.commit.changes.events.is_empty() || !batch.commit.schedules.told.is_empty() {
            self.shared.notices.tell_events(self.store.last_events());
        }
        if !batch.commit.logs.is_empty() {
            self.shared.notices.tell_logs(batch.commit.logs.iter().map(|log| log.task));
        }
        let ended = |effect: &Effect| if let Effect::Reply(job) = effect { Some(*job) } else { None };
        self.shared.notices.tell_ends(batch.effects.iter().filter_map(ended));
    }

    /// Adds the counters and marks to the commit that go with each: free numbers, progress of publishing, the clock.
    fn counters(&mut self, batch: &mut Batch) {
        let Held { numbers, delivery, .. } = &mut self.held;
        batch.commit.jobs_below = Some(numbers.jobs_below());
        batch.commit.taken_below = Some(numbers.tasks_below());
        batch.commit.events_published = self.events_published.take();
        batch.commit.seen_at = Some(batch.now);
        batch.commit.trust = self.age.trust();
        self.rhythm.last_commit = self.clock.monotonic();
        // What is to be published again goes before what was published meanwhile.
        if batch.commit.published_below.is_none() {
            batch.commit.published_below = delivery.advance(numbers.next_dispatch());
        }
    }

    /// Carries out what the commit made true: windows, open attempts, messages, stops and answers.
    fn act(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let mut outgoing = Vec::new();
        let stillborn = batch.stillborn();
        let (mut finished, mut shows) = (Vec::new(), false);
        for effect in std::mem::take(&mut batch.effects) {
            match effect {
                Effect::Publish { dispatch, .. } if stillborn.contains(&dispatch.ticket) => {}
                Effect::Stop { ticket, .. } if stillborn.contains(&ticket) => {}
                Effect::Opened { ticket, queue, dispatch_no, silence } => {
                    // Whoever makes queues anew must know which hold something.
                    shows |= self.held.admission.opened(queue);
                    self.held.delivery.insert(dispatch_no, ticket, queue, silence.map(Millis::to_std));
                }
                Effect::Closed { ticket, queue, finished } => {
                    self.held.admission.closed(queue, finished);
                    self.held.delivery.remove(&ticket);
                }
                Effect::Publish { dispatch_no, dispatch } => outgoing.push(self.outgoing(dispatch_no, *dispatch)),
                Effect::Stop { ticket, worker } => batch.after.stop.push((ticket, worker)),
                Effect::Send(attempt, parcel) => batch.after.send.push((attempt, parcel)),
                Effect::Reply(job) => finished.push(job),
                Effect::Ignored(_) => metrics::counter!("warrener_reports_ignored_total").increment(1),
                Effect::DeadLetter(_) => {}
            }
        }
        if shows {
            self.show();
        }
        if !finished.is_empty() {
            self.reply_finished(&finished, &batch.slice)?;
        }
        self.send_batch(outgoing, batch)
    }

    /// Hands the messages of a batch to the broker side: attempts, stops, then the answers that submits are owed.
    fn send_batch(&mut self, outgoing: Vec<Outgoing>, batch: &mut Batch) -> Result<(), StoreError> {
        if !outgoing.is_empty() {
            self.send(Output::Publish(outgoing));
        }
        let stop = std::mem::take(&mut batch.after.stop);
        if !stop.is_empty() {
            self.send(Output::Stop(stop));
        }
        let send = std::mem::take(&mut batch.after.send);
        if !send.is_empty() {
            self.send(Output::Send(send));
        }
        for (no, parcel) in std::mem::take(&mut batch.after.replay) {
            self.send(Output::Replay(no, parcel));
        }
        self.reply_owed(&std::mem::take(&mut batch.after.reply))?;
        self.give_on()?;
        if batch.after.limits {
            self.held.count_limits(&mut self.store, &self.shared)?;
        }
        if batch.after.reply_all {
            self.give_owed()?;
            self.republish()?;
        }
        Ok(())
    }

    /// Hands an output to the broker side.
    pub(super) fn send(&self, output: Output) {
        // The receiver is gone only when the process ends.
        self.outputs.send(output).ok();
    }
}

/// First time at which something in these rows is due; `None` if nothing is. A row that waits for nothing any more may
/// have set an earlier one: then nothing is found due, and the store is asked for the next.
fn earliest(changes: &Changes) -> Option<Timestamp> {
    let tasks = changes.new_tasks.iter().chain(&changes.tasks).filter_map(|row| row.wake_at);
    let jobs = changes.new_jobs.iter().chain(&changes.jobs).filter_map(|row| row.wake_at);
    tasks.chain(jobs).min()
}
