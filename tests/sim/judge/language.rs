//! Judges of rounds, of limits over a job, and of failures that are tolerated.

use serde_json::Value;
use warrener_engine::row::{AttemptRow, JobRow, TaskRow};
use warrener_orchestrator::store::memory::Memory;
use warrener_orchestrator::store::{DeadLetter, Rows as _};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::code::code_of;
use super::{Judge, verdict};
use crate::plan::{TaskPlan, Wish, Work, name};

impl Judge {
    /// No more attempts of a job are open than may be, those of its items included.
    pub(super) fn count_open(&mut self, job: &JobRow, tasks: &[TaskRow], memory: &mut Memory) {
        let Some(most) = self.accounts[&job.no].plan.max_parallel else { return };
        let is_open = |row: &&TaskRow| row.dispatch_no.is_some() || row.waits_for.is_some();
        let mut open = tasks.iter().filter(is_open).count() as u64;
        for map in tasks.iter().filter_map(|task| task.map) {
            open += memory.tasks(map.first_item, map.total).unwrap_or_default().iter().filter(is_open).count() as u64;
        }
        self.must(open <= most, "slots", || format!("{open} attempts of {} are open, {most} may be", job.id));
        if open == most {
            self.mark("a job has as many open attempts as it may");
        }
    }

    /// A round is over, and another follows: it was really worked on, and was not enough.
    pub(super) fn judge_round(&mut self, record: &AttemptRow, row: &TaskRow, memory: &mut Memory) {
        // What ended and was tried again by hand within one commit looks the same.
        let was_retried = self.wished.iter().any(|wish| matches!(wish, Wish::Retry(_) | Wish::RetryTask(_)));
        let Some(plan) = self.task_of(row).filter(|_| !was_retried).cloned() else { return };
        let Some(repeat) = &plan.repeat else {
            return self
                .find("rounds", || format!("task {} is not repeated, and a round of it is over", record.task.0));
        };
        let Some(output) = self.round_output(row, record.round + 1, memory) else { return };
        if matches!(plan.work, Work::Worker) {
            let bytes = output.to_string().into_bytes();
            let is_said = self
                .reports_of(row, record.attempt)
                .any(|report| matches!(report, Report::Succeeded { output: said } if *said == bytes));
            self.must(is_said, "rounds", || {
                format!(
                    "round {} of task {} should come to {output}, no worker said so",
                    record.round + 1,
                    record.task.0
                )
            });
        }
        let is_enough = repeat.until.holds(u64::from(record.round) + 1, &output);
        let is_last = u64::from(record.round) + 1 >= repeat.max;
        let goes_on = !row.state.is_final() || row.attempt > record.attempt;
        self.must(!(is_enough || is_last && goes_on), "rounds", || {
            format!("round {} of task {} came to {output}: {repeat:?}", record.round + 1, record.task.0)
        });
        self.mark("a round follows another");
    }

    /// A repeated task is final: after as many rounds as its plan says.
    pub(super) fn judge_rounds(&mut self, row: &TaskRow, memory: &mut Memory) {
        let Some(repeat) = self.task_of(row).and_then(|task| task.repeat.clone()) else { return };
        let code = code_of(row.error.as_deref());
        let is_reached = row.state == TaskState::Succeeded;
        if !is_reached && code != "not_reached" {
            return;
        }
        let round = u64::from(row.round) + 1;
        let Some(output) = self.round_output(row, row.round + 1, memory) else { return };
        let is_right = repeat.until.holds(round, &output) == is_reached
            && round <= repeat.max
            && (is_reached || round == repeat.max);
        self.must(is_right, "rounds", || {
            format!(
                "task {} ended {} {code} after round {round}, which came to {output}: {repeat:?}",
                row.no.0, row.state
            )
        });
        self.mark(if is_reached { "rounds are enough" } else { "rounds are not enough" });
    }

    /// Output that a round of a task or item must come to.
    fn round_output(&self, row: &TaskRow, round: u32, memory: &mut Memory) -> Option<Value> {
        let plan = &self.accounts.get(&row.job)?.plan;
        let job = memory.job(row.job).ok().flatten()?;
        verdict::expected(plan, &job, row.position, row.index, round, memory)
    }

    /// Nobody is asked to look into a failure that is tolerated, or into one that the task around a job answers for.
    pub(super) fn judge_letter(&mut self, letter: &DeadLetter) {
        let Some(job) = letter.job.as_deref().and_then(|id| self.numbers.get(id)).copied() else { return };
        let Some(account) = self.accounts.get(&job).filter(|_| letter.from == "task") else { return };
        let is_inner = !self.plans.iter().any(|plan| plan.id == account.plan.id);
        let address = letter.task.clone().unwrap_or_default();
        let task = account.plan.tasks.iter().enumerate().find(|(place, _)| name(*place) == address);
        let is_allowed = task.is_some_and(|(_, task)| task.map.is_none() && task.allows(&letter.code));
        self.must(!is_inner && !is_allowed, "tolerated", || {
            format!(
                "{}/{address} is a dead letter for {}, which is tolerated",
                letter.job.clone().unwrap_or_default(),
                letter.code
            )
        });
    }

    /// A task that failed had all the attempts that it may, in its last round, unless its worker said that it is no use.
    pub(super) fn gave_up(&mut self, row: &TaskRow, memory: &Memory) {
        let Some(plan) = self.task_of(row).filter(|task| matches!(task.work, Work::Worker)) else { return };
        let most = plan.attempts;
        let code = code_of(row.error.as_deref());
        let said: Vec<_> = self.reports_of(row, row.attempt).cloned().collect();
        let [Report::Failed { error, retry: RetryAdvice::Policy }] = &said[..] else { return };
        if row.state != TaskState::Failed || error.code != code {
            return;
        }
        let spent = 1 + costly(memory, row, row.round, row.attempt);
        self.must(spent >= most, "gave_up", || {
            format!("task {} failed after {spent} attempts in round {}, {most} may fail", row.no.0, row.round + 1)
        });
    }
}

/// Attempts of one round that count against the policy, before one of them.
pub(super) fn costly(memory: &Memory, row: &TaskRow, round: u32, before: u32) -> u64 {
    let records = memory.attempts(row.no).filter(|record| record.round == round && record.attempt < before);
    records.filter(|record| record.outcome.costs_an_attempt()).count() as u64
}

/// Tells if the row of an attempt says that a round is over.
pub(super) const fn is_round(record: &AttemptRow) -> bool {
    matches!(record.outcome, Outcome::Succeeded)
}

impl TaskPlan {
    /// Whether a failure with this code counts as ok.
    pub(super) fn allows(&self, code: &str) -> bool {
        self.allow_failure || self.allowed.contains(&code)
    }
}
