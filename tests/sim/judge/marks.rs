//! What is met, for the reach table; nothing is judged here.

use warrener_engine::row::{JobRow, Stop, TaskRow};
use warrener_orchestrator::store::memory::Memory;
use warrener_orchestrator::store::{Commit, Rows as _};
use warrener_shared::error::ErrorObject;
use warrener_shared::id::Ticket;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::result::Report;

use super::{Judge, row_of};
use crate::plan::{Fault, RunOn};

impl Judge {
    /// A fault strikes whatever there is.
    pub(crate) fn struck(&mut self, fault: Fault) {
        let states = self.accounts.values().filter(|account| account.state.is_some_and(|state| !state.is_final()));
        for account in states {
            for place in 0..account.plan.tasks.len() {
                let state = account.tasks.get(&(place, None)).map_or(TaskState::Waiting, |(state, _)| *state);
                *self.reach.pairs.entry((fault, state)).or_default() += 1;
            }
            for ((_, item), (state, _)) in &account.tasks {
                *self.reach.pairs.entry((fault, *state)).or_default() += u64::from(item.is_some());
            }
        }
    }

    pub(super) fn mark_commit(&mut self, commit: &Commit, memory: &mut Memory) {
        for row in &commit.changes.jobs {
            if let Some(old) = memory.job(row.no).ok().flatten() {
                self.mark_job(&old, row);
            }
        }
        let is_taking = |row: &JobRow| {
            let plan = self.plans.iter().find(|plan| plan.id == row.id.as_str());
            plan.is_some_and(|plan| plan.unique == Some("cancel_existing"))
        };
        let takes = commit.changes.new_jobs.iter().any(is_taking);
        if takes && commit.changes.jobs.iter().any(|row| row.stop != Stop::None) {
            self.mark("unique: cancel_existing");
        }
    }

    fn mark_job(&mut self, old: &JobRow, row: &JobRow) {
        match (old.stop, row.stop) {
            (Stop::None, Stop::CancelHalt) if old.state == JobState::Scheduled => {
                self.mark("stopped: before its start")
            }
            (Stop::None, Stop::Cancel) => self.mark("stopped: by cancel"),
            (Stop::Cancel, Stop::CancelHalt) => self.mark("stopped: by a second cancel"),
            (Stop::None, Stop::Deadline) => self.mark("stopped: by its deadline"),
            (Stop::Deadline, Stop::DeadlineHalt) => self.mark("stopped: by cancel after its deadline"),
            _ => {}
        }
        if row.failing && !old.failing {
            self.mark("fail_fast stops the rest");
        }
    }

    pub(super) fn mark_task(&mut self, old: Option<&TaskRow>, row: &TaskRow) {
        if old.is_some_and(|old| old.state == row.state && old.started_at == row.started_at) {
            return;
        }
        let error = row.error.as_deref().and_then(ErrorObject::from_json);
        let code = error.as_ref().map_or("", |error| &*error.code);
        let (is_item, is_mapped) = (row.index.is_some(), row.map.is_some());
        match row.state {
            TaskState::Waiting if is_item => self.mark("items: wait for their turn again"),
            TaskState::Succeeded if row.map.is_some_and(|map| map.total == 0) => self.mark("items: the list is empty"),
            TaskState::Succeeded if row.map.is_some_and(|map| map.failed() > 0) => {
                self.mark("items: a failure is tolerated");
            }
            TaskState::Failed if is_mapped && code == "too_many_failures" => self.mark("items: too many failures"),
            TaskState::TimedOut if code == "not_started" && is_item => self.mark("items: not started in time"),
            TaskState::TimedOut if code == "not_started" => self.mark("not started in time"),
            TaskState::Failed if code == "lost" => self.mark("ended: lost"),
            TaskState::Failed if code == "crashed" => self.mark("ended: crashed"),
            TaskState::Dispatched if row.started_at.is_some() && row.waits_for.is_none() && !is_mapped => {
                let is_seen = row.worker.is_some();
                self.mark(if is_seen { "seen at work by a heartbeat" } else { "seen to have left its queue" });
            }
            _ => {}
        }
    }

    /// A worker begins, by a rule that is not the usual one.
    pub(super) fn mark_begin(&mut self, row: &TaskRow, job: &JobRow) {
        let run_on = self.task_of(row).map(|task| task.run_on);
        if run_on == Some(RunOn::Failure) {
            self.mark("runs: run_on failure");
        }
        if job.stop != Stop::None {
            self.mark("runs after a stop: run_on done");
        }
    }

    /// A report reaches the orchestrator.
    pub(crate) fn mark_report(&mut self, ticket: &Ticket, report: &Report, memory: &mut Memory) {
        if !row_of(memory, ticket.task).is_some_and(|row| row.is_open(ticket)) {
            return self.mark("report: of a closed attempt");
        }
        self.mark(match report {
            Report::Succeeded { .. } => "report: succeeded",
            Report::Failed { .. } => "report: failed",
            Report::Claimed { .. } => "report: claimed",
            Report::Progress(_) => "report: progress",
            Report::Released { code, .. } => match code.as_deref() {
                Some("suspect") => "report: released as suspect",
                Some("unknown_kind") => "report: released, the kind is unknown",
                _ => "report: released",
            },
        });
    }

    /// An answer to a submitter goes out, perhaps not for the first time.
    pub(crate) fn replies(&mut self, no: i64) {
        if !self.replied.insert(no) {
            self.mark("an answer was sent again");
        }
    }
}
