//! What is judged of tasks that the orchestrator works on itself, and of what people did to single tasks.

use serde_json::Value;
use warrener_engine::row::{AttemptRow, JobRow, Parent, Skip, TaskRow};
use warrener_orchestrator::driver::Answer;
use warrener_orchestrator::store::Rows as _;
use warrener_orchestrator::store::memory::Memory;
use warrener_shared::state::{JobState, Outcome, TaskState};

use super::account::Account;
use super::code::code_of;
use super::{Judge, row_of, verdict};
use crate::plan::{EventPlan, JobPlan, Place, Wish, Work};

impl Judge {
    /// The plan of a new job: one that was submitted, or the one inside of a task.
    pub(super) fn plan_of(&self, row: &JobRow, memory: &mut Memory) -> Option<JobPlan> {
        let Some(parent) = row.parent else {
            return self.plans.iter().find(|plan| plan.id == row.id.as_str()).cloned();
        };
        let task = row_of(memory, parent.task)?;
        let outer = &self.accounts.get(&task.job)?.plan;
        match &outer.tasks.get(task.position as usize)?.work {
            Work::Job(job) => Some(JobPlan { id: row.id.to_string(), ..(**job).clone() }),
            _ => None,
        }
    }

    pub(super) fn keep_account(&mut self, row: &JobRow, memory: &mut Memory) {
        self.numbers.insert(row.id.to_string(), row.no);
        self.mark(if row.parent.is_some() { "a sub-job becomes rows" } else { "a job becomes rows" });
        if let Some(Parent { task, attempt, .. }) = row.parent {
            let fresh = self.inner.insert((task, attempt), row.no).is_none();
            self.must(fresh, "twice", || format!("attempt {attempt} of task {} runs two jobs", task.0));
        }
        match self.plan_of(row, memory) {
            Some(plan) => drop(self.accounts.insert(row.no, Account::new(plan))),
            None => self.find("forged", || format!("job {} was never submitted", row.id)),
        }
    }

    /// The end of an attempt that the orchestrator worked on.
    pub(super) fn judge_own_end(&mut self, row: &TaskRow, work: &Work, memory: &mut Memory) {
        let begun = self.begun.get(&(row.no, row.attempt)).copied().unwrap_or(self.now);
        let since = self.now - begun;
        let output = row.output.as_deref().unwrap_or_default();
        let inner =
            self.inner.get(&(row.no, row.attempt)).and_then(|no| memory.jobs().find(|job| job.no == *no).cloned());
        let code = code_of(row.error.as_deref());
        let is_right = match (row.state, work) {
            (TaskState::Succeeded, Work::Sleep(ms)) => output == b"null" && (since >= *ms || self.clock_jumps),
            (TaskState::Succeeded, Work::Pass) => {
                let (plan, job) = (self.accounts.get(&row.job), memory.job(row.job).ok().flatten());
                let expected = plan.zip(job).and_then(|(account, job)| {
                    verdict::expected(&account.plan, &job, row.position, row.index, row.round + 1, memory)
                });
                expected.is_none_or(|expected| serde_json::from_slice::<Value>(output).ok() == Some(expected))
            }
            (TaskState::Failed, Work::Fail(own)) => code == **own,
            (TaskState::Failed, Work::Sleep(_) | Work::Pass) => code == "not_reached",
            (TaskState::Succeeded, Work::Fail(_)) => false,
            (TaskState::Succeeded, Work::Wait(key)) => self.is_sent(*key, output),
            (TaskState::Succeeded, Work::Job(_)) => inner
                .as_ref()
                .is_some_and(|job| job.state == JobState::Succeeded && job.output.as_deref() == Some(output)),
            (TaskState::Failed, Work::Job(_)) => inner.as_ref().is_some_and(|job| {
                let own = code_of(job.error.as_deref());
                let is_over = matches!(job.state, JobState::Failed | JobState::Cancelled);
                is_over && (own == code || (own.is_empty() && code == "cancelled"))
            }),
            (TaskState::TimedOut, _) => {
                let limit = self.task_of(row).map_or(0, |task| task.timeout_s * 1000);
                let by_inner = inner.as_ref().is_some_and(|job| job.state == JobState::TimedOut);
                code == "not_started" || by_inner || since >= limit || self.clock_jumps
            }
            (TaskState::Failed, _) => false,
            _ => true,
        };
        self.must(is_right, "built_in", || {
            let work = work.name();
            let output = String::from_utf8_lossy(output);
            format!("{work} of task {} ended {} {code} with {output} after {since} ms", row.no.0, row.state)
        });
        match (row.state, work) {
            (TaskState::Succeeded, Work::Pass) => self.mark("a pass succeeds"),
            (TaskState::Failed, Work::Fail(_)) => self.mark("a failure of the job's own"),
            (TaskState::Succeeded, Work::Sleep(_)) => self.mark("a sleep ends"),
            (TaskState::Succeeded, Work::Wait(_)) => {
                self.answers.entry(output.to_vec()).or_default().insert((row.no, row.attempt));
                self.mark("a wait is answered");
            }
            (TaskState::Succeeded, Work::Job(_)) => self.mark("a sub-job succeeds"),
            (TaskState::Failed, Work::Job(_)) => self.mark("a sub-job fails"),
            (TaskState::TimedOut, Work::Wait(_)) => self.mark("a wait is not answered in time"),
            (TaskState::TimedOut, Work::Job(_)) => self.mark("a sub-job is out of time"),
            _ => {}
        }
    }

    /// An attempt of its own that another may follow.
    pub(super) fn judge_own_record(&mut self, record: &AttemptRow, row: &TaskRow) {
        let begun = self.begun.get(&(record.task, record.attempt)).copied().unwrap_or(self.now);
        let limit = self.task_of(row).map_or(0, |task| task.timeout_s * 1000);
        let is_job = self.task_of(row).is_some_and(|task| matches!(task.work, Work::Job(_)));
        let since = self.now - begun;
        let is_right = match record.outcome {
            Outcome::TimedOut => is_job || since >= limit || self.clock_jumps,
            Outcome::Failed => is_job,
            Outcome::Succeeded | Outcome::Cancelled => true,
            Outcome::Lost | Outcome::Released => false,
        };
        self.must(is_right, "built_in", || {
            format!("attempt {} of task {} ended {} after {since} ms", record.attempt, record.task.0, record.outcome)
        });
        self.mark("another attempt of a built-in task");
    }

    fn is_sent(&self, key: usize, output: &[u8]) -> bool {
        let said = |event: &EventPlan| event.key == key && event.payload.to_string().as_bytes() == output;
        self.wished.iter().any(|wish| matches!(wish, Wish::Event(event) if said(event)))
    }

    /// What is left out by hand, somebody asked for.
    pub(super) fn judge_skip(&mut self, row: &TaskRow) {
        let Some(skip) = row.skip.filter(|_| row.state == TaskState::Skipped) else { return };
        match skip {
            Skip::Rule => return self.mark("skipped: run_on or if does not hold"),
            Skip::Upstream => return self.mark("skipped: a need failed"),
            Skip::Hand => {}
        }
        let id = self.accounts.get(&row.job).map(|account| account.plan.id.clone()).unwrap_or_default();
        let asked = self.was_skipped(&id, row.position as usize, row.index);
        self.must(asked, "invented", || format!("task {} of {id} is skipped by hand, and nobody asked", row.no.0));
        self.mark(if row.index.is_some() { "skipped: an item by hand" } else { "skipped: a task by hand" });
    }

    /// A person got an answer.
    pub(crate) fn answered(&mut self, wish: Wish, answer: &Answer) {
        let word = match answer {
            Answer::Done | Answer::Answered(_) => "done",
            Answer::NotFound => "nothing there",
            Answer::Conflict(_) => "refused",
            _ => return,
        };
        let name = match wish {
            Wish::Cancel(_) => "cancel",
            Wish::Pause(_, true) => "pause",
            Wish::Pause(_, false) => "resume",
            Wish::Retry(_) => "retry",
            Wish::RetryTask(Place { item: None, .. }) => "retry of a task",
            Wish::RetryTask(_) => "retry of an item",
            Wish::Skip(Place { item: None, .. }) => "skip of a task",
            Wish::Skip(_) => "skip of an item",
            Wish::PauseQueue(_, true) => "pause of a queue",
            Wish::PauseQueue(_, false) => "resume of a queue",
            Wish::Drain(_) => "drain",
            Wish::Event(_) => "event",
            Wish::Submit(_) => return,
        };
        self.mark(&format!("asked: {name}, {word}"));
        if let (Wish::Event(event), Answer::Answered(many)) = (wish, answer) {
            let kept = self.answers.get(event.payload.to_string().as_bytes()).map_or(0, |tasks| tasks.len());
            // What was answered may be tried again in the same batch.
            let redone = self.wished.iter().any(|wish| matches!(wish, Wish::RetryTask(_)));
            self.must(kept == *many || redone, "answers", || {
                format!("{many} tasks were said to have {}, in the store {kept} have it", event.payload)
            });
        }
    }

    /// A job inside of a task succeeded only if the attempt that ran it did.
    pub(super) fn inner_jobs(&mut self, jobs: &[JobRow], memory: &mut Memory) {
        for job in jobs {
            let Some(Parent { task, attempt, .. }) = job.parent else { continue };
            let Some(row) = row_of(memory, task) else { continue };
            let record = memory.attempts(task).find(|record| record.attempt == attempt);
            let outcome = record.map(|record| record.outcome);
            let has_succeeded = match outcome {
                Some(outcome) => outcome == Outcome::Succeeded,
                None => row.attempt == attempt && row.state == TaskState::Succeeded,
            };
            let is_right = has_succeeded == (job.state == JobState::Succeeded);
            self.must(is_right, "built_in", || {
                format!(
                    "{} is {}, attempt {attempt} of task {} is {outcome:?} {}",
                    job.id, job.state, task.0, row.state
                )
            });
            if job.state == JobState::Cancelled {
                self.mark("a sub-job is stopped with its task");
            }
        }
    }
}
