//! Bulk operations, worked on in slices between batches, as pruning is.
//!
//! A slice is a batch of its own. Its commit holds what was done to its members and how far the operation is, so no
//! member is acted on twice, whenever the process ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use warrener_engine::Need;
use warrener_shared::id::{JobNo, TaskAddress, TaskNo};

use super::batch::Batch;
use super::condition::{Failure, StoreCondition, panic_text};
use super::input::{Answer, Command};
use super::{Driver, letter, replay};
use crate::store::{
    AuditRow, BulkAction, BulkChange, BulkError, BulkRow, BulkState, BulkTarget, ERRORS_MAX, Found, Store, StoreError,
};

/// Time for the rest of the loop after a slice, as a multiple of the slice's own: operations take at most half of it.
const OTHERS: u32 = 1;
/// Shortest time between two slices.
const PAUSE: Duration = Duration::from_millis(2);
/// Time after which a slice ends, though not before its first member.
const SLICE_TIME: Duration = Duration::from_millis(20);
/// Most operations that run at once.
const RUNNING_MAX: usize = 100;
/// Most characters of a reason that an operation keeps.
const EXCERPT: usize = 300;

/// Pace of the operations, which outlives `recollect`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BulkPace {
    /// Monotonic time before which no slice begins, so that others have their turn.
    next: Duration,
    /// Monotonic time before which no rate allows a member, as long as the operations are the same.
    idle: Duration,
    /// Slices that have one member still: one of a slice that failed is to be found.
    alone: usize,
}

/// Outcome of the turn of one member.
enum MemberOutcome {
    Done,
    Skipped,
    /// The action was refused, for this reason.
    Refused(String),
}

impl BulkPace {
    /// Has all operations looked at again: one of them began, went on or ended.
    pub(super) const fn look_anew(&mut self) {
        self.idle = Duration::ZERO;
    }
}

impl<S: Store> Driver<S> {
    /// Begins an operation, with the commit of this batch.
    pub(super) fn begin_bulk(&self, row: &BulkRow, set: &Arc<[i64]>, batch: &mut Batch) -> Answer {
        let begun = batch.commit.bulk.iter().filter(|change| change.set.is_some()).count();
        let desk = &self.held.bulk;
        if desk.open.len() + begun >= RUNNING_MAX {
            return Answer::Conflict(format!("{RUNNING_MAX} bulk operations run already; wait for one of them"));
        }
        let no = desk.last + 1 + i64::try_from(begun).unwrap_or(i64::MAX);
        let mut row = BulkRow { created_at: batch.now.0, ..row.clone() };
        if set.is_empty() {
            row.end(BulkState::Succeeded, batch.now);
        }
        batch.commit.bulk.push(BulkChange { no, row, set: Some(set.clone()) });
        Answer::Begun(no)
    }

    /// Stops an operation, with the commit of this batch. A conflict if it is over.
    pub(super) fn stop_bulk(&self, no: i64, batch: &mut Batch) -> Answer {
        let Some(open) = self.held.bulk.open.get(&no) else {
            return Answer::Conflict("the operation is over already".to_owned());
        };
        let mut row = open.row.clone();
        row.end(BulkState::Cancelled, batch.now);
        batch.commit.bulk.push(BulkChange { no, row, set: None });
        Answer::Done
    }

    /// Longest time that the loop may wait before an operation demands another turn; `None` if there is none.
    pub(super) fn bulk_patience(&self) -> Option<Duration> {
        let next = self.bulk.next.max(self.bulk.idle).saturating_sub(self.clock.monotonic());
        (!self.held.bulk.open.is_empty()).then_some(next)
    }

    /// Works on one slice of one operation, if it is time for one and the store can be written.
    pub(super) fn work_bulk(&mut self) {
        let began = self.clock.monotonic();
        let is_time = began >= self.bulk.next.max(self.bulk.idle);
        if self.held.bulk.open.is_empty() || !is_time || self.condition != StoreCondition::Writable {
            return;
        }
        let (no, most) = match self.held.bulk.next(began) {
            Ok(next) => next,
            Err(wait) => {
                self.bulk.idle = began + wait;
                return;
            }
        };
        let most = if self.bulk.alone > 0 { 1 } else { most };
        let outcome = catch_unwind(AssertUnwindSafe(|| self.bulk_slice(no, most, None)));
        let outcome = match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        };
        self.bulk.alone = self.bulk.alone.saturating_sub(1);
        if let Err(failure) = outcome {
            self.bulk_failed(no, most, &failure);
        }
        let now = self.clock.monotonic();
        self.bulk.next = now + ((now - began) * OTHERS).max(PAUSE);
    }

    /// Deals with a slice that was not committed: its members are tried one by one, and the one that fails alone is
    /// counted as failed.
    fn bulk_failed(&mut self, no: i64, most: usize, failure: &Failure) {
        if self.recollect().is_err() || !failure.is_the_inputs() {
            return self.degrade(&failure.to_string());
        }
        if most > 1 {
            self.bulk.alone = most;
            return;
        }
        tracing::error!(why = %failure, bulk = no, "a member of a bulk operation could not be handled; it is left out");
        if let Err(error) = self.bulk_slice(no, 1, Some("this is a fault of the orchestrator; its log says more")) {
            self.degrade(&error.to_string());
        }
    }

    /// Gives their turn to the next members of an operation, or counts them as failed for a reason.
    fn bulk_slice(&mut self, no: i64, most: usize, fault: Option<&str>) -> Result<(), StoreError> {
        let open = self.held.bulk.open.get_mut(&no).expect("it is open");
        let members = open.members(no, most, &mut self.store)?;
        let mut row = open.row.clone();
        let mut batch = self.new_batch();
        match members {
            None => row.end(BulkState::Failed, batch.now),
            Some(members) => {
                let (began, count) = (self.clock.monotonic(), members.len());
                // What is sent again is counted once the broker has it, in the order of the members.
                let most = if fault.is_none() { self.replayed(no, &row, &members, &mut batch)? } else { count };
                let mut at = 0;
                // Each removal of a job is written at once: others wait for few of them.
                while at < most && (at == 0 || self.since(began) < SLICE_TIME) {
                    self.member(no, members[at], &mut row, fault, &mut batch)?;
                    at += 1;
                }
                self.held.bulk.spare(no, count - at);
                if at == 0 {
                    self.held.bulk.rest(no, began + replay::LOOK_EVERY);
                    return self.settle(batch).map(drop);
                }
                if row.position() >= row.matched {
                    row.end(BulkState::Succeeded, batch.now);
                }
            }
        }
        batch.commit.bulk.push(BulkChange { no, row, set: None });
        self.admit(&mut batch)?;
        self.settle(batch).map(drop)
    }

    /// Gives a member its turn, and counts what became of it.
    fn member(
        &mut self,
        no: i64,
        member: i64,
        row: &mut BulkRow,
        fault: Option<&str>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let (outcome, name) = match (fault, row.target) {
            (Some(fault), _) => (MemberOutcome::Refused(fault.to_owned()), member.to_string()),
            (None, BulkTarget::Jobs) => self.bulk_job(row, member, batch)?,
            (None, BulkTarget::Tasks) => self.bulk_task(row, member, batch)?,
            (None, BulkTarget::Dead) => (self.bulk_letter(row, member, batch)?, member.to_string()),
        };
        let (outcome, reason) = match outcome {
            MemberOutcome::Skipped => {
                row.skipped += 1;
                return Ok(());
            }
            MemberOutcome::Done => {
                row.done += 1;
                ("done", None)
            }
            MemberOutcome::Refused(why) => {
                row.failed += 1;
                let detail: String = why.chars().take(EXCERPT).collect();
                if row.errors.len() < ERRORS_MAX {
                    let code = if fault.is_some() { "internal" } else { "conflict" };
                    row.errors.push(BulkError { id: name.clone(), code: code.to_owned(), detail: detail.clone() });
                }
                ("refused", Some(detail))
            }
        };
        batch.commit.audit.push(AuditRow {
            time: batch.now,
            who: format!("bulk:{no}").into(),
            from: None,
            verb: verb(row).into(),
            target: name,
            outcome: outcome.into(),
            reason,
        });
        Ok(())
    }

    fn bulk_job(&mut self, row: &BulkRow, no: i64, batch: &mut Batch) -> Result<(MemberOutcome, String), StoreError> {
        let job = JobNo(no);
        let Some(kept) = self.store.job(job)? else {
            // Whoever removed it did what was asked for, perhaps this operation right before the process ended.
            let verdict = if row.action == BulkAction::Delete { MemberOutcome::Done } else { MemberOutcome::Skipped };
            return Ok((verdict, no.to_string()));
        };
        let (id, name) = (kept.id.clone(), kept.id.to_string());
        self.load_for(Need::Job(job), batch)?;
        let state = batch.slice.job(job).map_or(kept.state, |entry| entry.row.state);
        if row.states >> (state as u32) & 1 == 0 {
            return Ok((MemberOutcome::Skipped, name));
        }
        let command = match row.action {
            BulkAction::Cancel => Command::Cancel(id),
            BulkAction::Retry => Command::Retry(id),
            BulkAction::Pause => Command::Pause(id, true),
            BulkAction::Resume => Command::Pause(id, false),
            BulkAction::Delete if !state.is_final() => {
                return Ok((MemberOutcome::Refused(format!("the job is {state}; cancel it first")), name));
            }
            BulkAction::Delete => {
                // Before the commit that counts it: should the process end between, it is found gone and counted.
                let removed = self.store.remove(job)?;
                self.held.dead.thinned();
                return Ok((if removed { MemberOutcome::Done } else { MemberOutcome::Skipped }, name));
            }
            BulkAction::Skip | BulkAction::Replay | BulkAction::Discard => return Ok((MemberOutcome::Skipped, name)),
        };
        Ok((outcome_of(self.fulfil(0, &command, batch)?), name))
    }

    fn bulk_task(&mut self, row: &BulkRow, no: i64, batch: &mut Batch) -> Result<(MemberOutcome, String), StoreError> {
        let no = TaskNo(no);
        let gone = || Ok((MemberOutcome::Skipped, no.0.to_string()));
        let Some(kept) = self.store.tasks(no, 1)?.pop() else { return gone() };
        if self.store.job(kept.job)?.is_none() {
            return gone();
        }
        self.load_for(Need::Job(kept.job), batch)?;
        self.load_for(Need::Task(no), batch)?;
        let (Some(entry), Some(task)) = (batch.slice.job(kept.job), batch.slice.task(no)) else { return gone() };
        let Some(spec) = entry.spec.tasks.get(kept.position as usize) else { return gone() };
        let address = TaskAddress { task: spec.name.clone(), index: kept.index };
        let (id, state) = (entry.row.id.clone(), task.state);
        let name = format!("{id}/{address}");
        if row.states >> (state as u32) & 1 == 0 {
            return Ok((MemberOutcome::Skipped, name));
        }
        let answer = match row.action {
            BulkAction::Retry => self.retry_task(&id, &address, batch)?,
            _ => self.skip(&id, &address, batch)?,
        };
        Ok((outcome_of(answer), name))
    }

    fn bulk_letter(&mut self, row: &BulkRow, no: i64, batch: &mut Batch) -> Result<MemberOutcome, StoreError> {
        let replayed = if row.action == BulkAction::Replay { self.replays.take(no) } else { None };
        match replayed {
            Some(Ok(())) => return Ok(MemberOutcome::Done),
            Some(Err(why)) => return Ok(MemberOutcome::Refused(why)),
            None => {}
        }
        let Some(kept) = self.store.dead_letter(no)? else { return Ok(MemberOutcome::Skipped) };
        if !self.letter_matches(row, kept.head.job.as_deref(), batch)? {
            return Ok(MemberOutcome::Skipped);
        }
        if row.action == BulkAction::Discard {
            batch.commit.discarded.push(no);
            return Ok(MemberOutcome::Done);
        }
        Ok(match letter::parcel(&kept) {
            Ok(_) => MemberOutcome::Refused("it was not sent".to_owned()),
            Err(why) => MemberOutcome::Refused(why),
        })
    }
}

impl<S: Store> Driver<S> {
    /// Tells whether a dead letter still belongs to a job that the filter names: any does, if it names none.
    pub(super) fn letter_matches(
        &mut self,
        row: &BulkRow,
        job: Option<&str>,
        batch: &mut Batch,
    ) -> Result<bool, StoreError> {
        if row.filter.trim() == "*" {
            return Ok(true);
        }
        let Some(id) = job.and_then(|id| id.parse().ok()) else { return Ok(false) };
        let Some(Found { no, .. }) = self.known(&id, batch)? else { return Ok(false) };
        let kept = self.store.job(no)?.map(|kept| kept.state);
        let state = batch.slice.job(no).map(|entry| entry.row.state).or(kept);
        Ok(state.is_some_and(|state| row.states >> (state as u32) & 1 == 1))
    }
}

fn outcome_of(answer: Answer) -> MemberOutcome {
    match answer {
        Answer::NotFound => MemberOutcome::Skipped,
        Answer::Conflict(why) => MemberOutcome::Refused(why),
        _ => MemberOutcome::Done,
    }
}

/// Verb of the audit.
fn verb(row: &BulkRow) -> &'static str {
    match (row.target, row.action) {
        (BulkTarget::Tasks, BulkAction::Retry) => "task.retry",
        (_, BulkAction::Skip) => "task.skip",
        (_, BulkAction::Cancel) => "job.cancel",
        (_, BulkAction::Retry) => "job.retry",
        (_, BulkAction::Pause) => "job.pause",
        (_, BulkAction::Resume) => "job.resume",
        (_, BulkAction::Delete) => "job.delete",
        (_, BulkAction::Replay) => "dead.replay",
        (_, BulkAction::Discard) => "dead.discard",
    }
}
