//! What is judged of ends: of attempts, of jobs, and of the world.

use std::collections::BTreeMap;

use warrener_engine::row::{AttemptRow, Stop, TaskRow};
use warrener_orchestrator::store::Rows as _;
use warrener_orchestrator::store::memory::Memory;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::wire::result::Report;
use warrener_worker::session::Ticket;

use super::code::code_of;
use super::{Judge, language, verdict};
use crate::broker::Books;
use crate::plan::{RunOn, TaskPlan, Via};
use crate::world::Replies;

impl Judge {
    /// A task is final: what it came to is what a worker said, or what time did.
    pub(super) fn judge_end(&mut self, row: &TaskRow, memory: &mut Memory) {
        // A task may also end between two attempts; the latest has its record then.
        let has_record = memory.attempts(row.no).any(|record| record.attempt == row.attempt);
        if self.judged.contains_key(&(row.no, row.attempt)) {
            return;
        }
        if !has_record {
            self.judged.insert((row.no, row.attempt), row.state);
        }
        let ticket = row.ticket().to_string();
        let said = self.said.get(ticket.as_str()).cloned().unwrap_or_default();
        if let Some(work) = self.task_of(row).filter(|task| task.is_built_in()).map(|task| task.work.clone()) {
            return self.judge_own_end(row, &work, memory);
        }
        match row.state {
            TaskState::Succeeded => {
                let output = row.output.as_deref().unwrap_or_default();
                let is_said =
                    said.iter().any(|report| matches!(report, Report::Succeeded { output: said } if said == output));
                self.must(is_said, "invented", || {
                    format!("{ticket} succeeded with {}, and no worker said so", String::from_utf8_lossy(output))
                });
            }
            TaskState::TimedOut => self.judge_time_out(row, row.attempt, &code_of(row.error.as_deref()), memory),
            TaskState::Failed => {
                let code = code_of(row.error.as_deref());
                if code == "lost" {
                    self.judge_loss(row, row.attempt);
                }
                let is_ours = [
                    "lost",
                    "crashed",
                    "rejected",
                    "too_many_failures",
                    "expression_error",
                    "unknown_kind",
                    "not_reached",
                ]
                .contains(&code.as_str());
                let is_said =
                    said.iter().any(|report| matches!(report, Report::Failed { error, .. } if error.code == code));
                self.must(is_ours || is_said, "invented", || {
                    format!("{ticket} failed with {code}, and no worker said so")
                });
            }
            _ => {}
        }
    }

    /// An attempt that another may follow: nobody's time is over before it is, whatever the wall clock says.
    pub(super) fn judge_record(&mut self, record: &AttemptRow, memory: &mut Memory) {
        let Some(row) = memory.tasks(record.task, 1).ok().and_then(|mut rows| rows.pop()) else { return };
        if matches!(record.outcome, Outcome::TimedOut | Outcome::Lost | Outcome::Released) {
            *self.excused.entry(record.task).or_default() += 1;
        }
        self.mark(&format!("attempt closed: {}", record.outcome));
        // What ended a task becomes a record when the task is tried again, long afterwards.
        if let Some(state) = self.judged.get(&(record.task, record.attempt)).copied() {
            // The first record of an attempt is the one that is kept.
            let kept = memory.attempts(record.task).find(|kept| kept.attempt == record.attempt).cloned();
            return self.judge_history(kept.as_ref().unwrap_or(record), state);
        }
        // A round may have been the last though it was not enough: its attempt succeeded, and its task failed. Tried again
        // by hand, the task says so of its attempt, whose first record is the one that is kept.
        let kept = memory.attempts(record.task).find(|kept| kept.attempt == record.attempt);
        if kept.is_some_and(|kept| kept.outcome != record.outcome) {
            return;
        }
        if language::is_round(record) {
            self.judge_round(record, &row, memory);
        }
        if self.task_of(&row).is_some_and(TaskPlan::is_built_in) {
            return self.judge_own_record(record, &row);
        }
        match record.outcome {
            Outcome::TimedOut => {
                self.judge_time_out(&row, record.attempt, &code_of(record.error.as_deref()), memory);
            }
            Outcome::Lost => self.judge_loss(&row, record.attempt),
            Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled | Outcome::Released => {}
        }
    }

    /// A task whose input fails never goes out, and nothing else ends so.
    pub(super) fn judge_unbegun(&mut self, row: &TaskRow) {
        let Some(plan) = self.task_of(row).filter(|_| row.map.is_none() && row.state == TaskState::Failed) else {
            return;
        };
        let (is_faulty, is_mapped) = (plan.is_faulty, plan.map.is_some() && row.index.is_none());
        let is_expression = code_of(row.error.as_deref()) == "expression_error";
        // The error of a job inside of a task is that of the task.
        let is_right = is_mapped || plan.is_built_in() || is_expression == is_faulty;
        self.must(is_right, "expression", || {
            let error = code_of(row.error.as_deref());
            format!("task {} failed with {error}; its input fails: {is_faulty}", row.no.0)
        });
        if is_expression {
            self.mark(if is_mapped { "the list of items fails" } else { "an input fails" });
        }
    }

    fn judge_history(&mut self, record: &AttemptRow, ended: TaskState) {
        let agrees = match record.outcome {
            Outcome::Succeeded => ended == TaskState::Succeeded,
            Outcome::Failed => ended == TaskState::Failed,
            Outcome::TimedOut => ended == TaskState::TimedOut,
            Outcome::Lost => ended == TaskState::Failed,
            Outcome::Cancelled => matches!(ended, TaskState::Cancelled | TaskState::Skipped),
            Outcome::Released => false,
        };
        self.must(agrees, "history", || {
            format!("attempt {} of {} ended {ended}, its record says {}", record.attempt, record.task.0, record.outcome)
        });
    }

    fn judge_time_out(&mut self, row: &TaskRow, attempt: u32, code: &str, memory: &mut Memory) {
        let Some(limit) = self.task_of(row).map(|task| task.timeout_s * 1000) else { return };
        self.judge_dropped(row, attempt, code);
        let is_said = self
            .reports_of(row, attempt)
            .any(|report| matches!(report, Report::Failed { error, .. } if error.code == "timed_out"));
        if code == "timed_out" {
            self.mark(if is_said { "ended: timed out by the worker" } else { "ended: timed out by the orchestrator" });
        }
        if code == "timed_out" && !is_said {
            self.judge_in_time(row, attempt, memory);
        }
        let silence = self.task_of(row).and_then(|task| task.heartbeat_s);
        let heard = self.heard.get(&(row.no, attempt)).copied();
        let calm = self.calm_since;
        if let (Some(seconds), Some(heard), Some(calm), false) = (silence, heard, calm, is_said) {
            let silent = self.now - heard.max(calm).max(self.resumed);
            self.must(silent < seconds * 1000 + NOTICED_MS, "unnoticed", || {
                format!("attempt {attempt} of {} was silent for {silent} ms, {seconds} s are allowed", row.no.0)
            });
        }
        let since = self.published.get(&(row.no, attempt)).map_or(u64::MAX, |at| self.now - at);
        self.must(code == "not_started" || is_said || since >= limit || self.clock_jumps, "too_early", || {
            format!("attempt {attempt} of {} timed out ({code}) after {since} ms; its limit is {limit} ms", row.no.0)
        });
    }

    /// A message that was lost with its queue is published again, long before the time of its attempt is over.
    fn judge_dropped(&mut self, row: &TaskRow, attempt: u32, code: &str) {
        let Some(lost) = self.dropped.remove(&(row.no, attempt)).filter(|_| code == "timed_out") else { return };
        let Some(connected) = self.connected else { return };
        let since = self.now - lost.max(connected).max(self.resumed);
        self.must(since < REPUBLISHED_MS, "unpublished", || {
            format!("attempt {attempt} of {} timed out {since} ms after its message was lost with its queue", row.no.0)
        });
    }

    /// Whoever looked at a queue just before it was lost may say afterwards that a message had left it: a worker had
    /// it then, and gave it back.
    pub(super) fn note_started(&mut self, row: &TaskRow) {
        let attempt = (row.no, row.attempt);
        let looked = self.dropped.get(&attempt).is_some_and(|lost| self.now - (*lost).max(self.resumed) < LOOKED_MS);
        if looked && row.started_at.is_some() {
            self.dropped.remove(&attempt);
        }
    }

    fn judge_loss(&mut self, row: &TaskRow, attempt: u32) {
        let Some(own) = self.task_of(row).map(|task| task.heartbeat_s) else { return };
        let limit = own.map_or(LEASE_MS, |seconds| seconds * 1000);
        let since = self.heard.get(&(row.no, attempt)).map_or(u64::MAX, |at| self.now - at);
        self.must(since >= limit, "too_early", || {
            format!("attempt {attempt} of {} was lost after {since} ms of silence; {limit} are allowed", row.no.0)
        });
    }

    pub(super) fn task_of(&self, row: &TaskRow) -> Option<&TaskPlan> {
        self.accounts.get(&row.job)?.plan.tasks.get(row.position as usize)
    }

    /// What workers said at the end of an attempt.
    pub(super) fn reports_of(&self, row: &TaskRow, attempt: u32) -> impl Iterator<Item = &Report> {
        let from = format!("{}.{attempt}.", row.no.0);
        let of_it = self.said.range(Ticket::from(from.as_str())..);
        of_it.take_while(move |(ticket, _)| ticket.starts_with(&from)).flat_map(|(_, said)| said)
    }

    /// The counters of a job are the counts of its tasks.
    pub(super) fn count(&mut self, job: JobNo, memory: &mut Memory) {
        let Some(row) = memory.job(job).ok().flatten() else { return };
        let Some(account) = self.accounts.get(&job) else { return };
        let many = u32::try_from(account.plan.tasks.len()).unwrap_or(0);
        let Ok(tasks) = memory.tasks(row.first_task, many) else { return };
        let mut counts = [0; 9];
        tasks.iter().for_each(|task| counts[task.state as usize] += 1);
        self.must(counts == row.counts.0, "counters", || {
            format!("{} counts {:?}, its tasks are {counts:?}", row.id, row.counts.0)
        });
        for task in tasks.iter().filter(|task| task.state == TaskState::Waiting) {
            self.count_needs(job, task, &tasks);
        }
        for task in tasks.iter().filter(|task| task.map.is_some()) {
            self.count_items(job, task);
        }
        self.count_open(&row, &tasks, memory);
        for task in tasks.iter().filter(|task| !task.state.is_final()) {
            let is_spared = self.accounts[&job].plan.tasks[task.position as usize].run_on == RunOn::Done;
            let must_be_over = row.stop.halts() || (row.stop != Stop::None && !is_spared);
            self.must(!must_be_over, "cancel", || {
                format!("{} was stopped, and its task {} is still {}", row.id, task.no.0, task.state)
            });
        }
        let open = tasks.iter().any(|task| !task.state.is_final());
        self.must(!(row.state.is_final() && open), "final", || format!("{} is {} with open tasks", row.id, row.state));
        let sequence = self.accounts[&job].sequence;
        self.must(sequence == row.sequence, "events", || {
            format!("{} has {sequence} events, its row says {}", row.id, row.sequence)
        });
    }

    fn count_needs(&mut self, job: JobNo, task: &TaskRow, tasks: &[TaskRow]) {
        let plan = &self.accounts[&job].plan.tasks[task.position as usize];
        let open = plan.needs.iter().filter(|need| !tasks[**need].state.is_final()).count();
        self.must(open == task.needs_open as usize, "counters", || {
            format!("task {} counts {} open needs, there are {open}", task.no.0, task.needs_open)
        });
    }

    /// No more items are out than may be at once.
    fn count_items(&mut self, job: JobNo, task: &TaskRow) {
        let plan = &self.accounts[&job].plan.tasks[task.position as usize];
        let (Some(map), Some(most)) = (task.map, plan.map.as_ref().and_then(|map| map.max_parallel)) else { return };
        let out = map.counts.get(TaskState::Dispatched) + map.counts.get(TaskState::Retrying);
        self.must(u64::from(out) <= most, "parallel", || {
            format!("{out} items of task {} are out, {most} may be", task.no.0)
        });
    }

    pub(crate) fn at_the_end(&mut self, memory: &mut Memory, replies: &Replies, held: u64, books: Books) {
        let settled = books.acked + books.dead + books.dropped + held;
        self.must(books.put == settled, "conservation", || format!("{books:?}, and {held} are held"));
        let jobs: Vec<_> = memory.jobs().cloned().collect();
        for job in &jobs {
            let Some(account) = self.accounts.get(&job.no) else { continue };
            let many = u32::try_from(account.plan.tasks.len()).unwrap_or(0);
            let tasks = memory.tasks(job.first_task, many).unwrap_or_default();
            for task in &tasks {
                self.records(task, memory);
                if !self.was_retried(job.id.as_str()) {
                    self.budget(task, memory);
                    self.gave_up(task, memory);
                }
                if let Some(map) = task.map {
                    for item in memory.tasks(map.first_item, map.total).unwrap_or_default() {
                        self.records(&item, memory);
                    }
                }
            }
            let id = job.id.as_str();
            let asked = verdict::Asked { reopened: self.was_reopened(id), redone: self.was_redone(id) };
            let account = &self.accounts[&job.no];
            if let Some(wrong) = verdict::of(&account.plan, job, &tasks, memory, asked) {
                self.find("verdict", || format!("{}: {wrong}", job.id));
            }
        }
        self.inner_jobs(&jobs, memory);
        self.nothing_lost(memory);
        if !replies.were_lost && !self.is_lossy {
            self.all_answered(memory, replies);
        }
    }

    /// No more attempts fail than the policy allows.
    fn budget(&mut self, task: &TaskRow, memory: &Memory) {
        let Some(plan) = self.task_of(task) else { return };
        let most = plan.attempts;
        let costly = language::costly(memory, task, task.round, u32::MAX);
        for round in 0..task.round {
            let spent = language::costly(memory, task, round, u32::MAX);
            self.must(spent < most, "budget", || {
                format!("{spent} attempts of task {} failed in round {}, {most} may", task.no.0, round + 1)
            });
        }
        let last = memory.attempts(task.no).last().map_or(0, |row| row.attempt);
        let is_open = last < task.attempt && matches!(task.state, TaskState::Failed | TaskState::TimedOut);
        let is_costly = !["not_started", "not_reached"].contains(&code_of(task.error.as_deref()).as_str());
        let spent = costly + u64::from(is_open && is_costly);
        self.must(spent <= most, "budget", || format!("{spent} attempts of task {} failed, {most} may", task.no.0));
    }

    /// One record for each attempt, without a gap; only the latest may be in the row of its task alone.
    fn records(&mut self, task: &TaskRow, memory: &Memory) {
        let records: Vec<u32> = memory.attempts(TaskNo(task.no.0)).map(|row| row.attempt).collect();
        let many = u32::try_from(records.len()).unwrap_or(0);
        let gapless = records.iter().copied().eq(1..=many);
        let complete = many == task.attempt || many + 1 == task.attempt || (task.attempt == 0 && many == 0);
        self.must(gapless && complete, "records", || {
            format!("task {} is at attempt {}, its records are {records:?}", task.no.0, task.attempt)
        });
    }

    fn nothing_lost(&mut self, memory: &Memory) {
        let ids: BTreeMap<String, ()> = memory.jobs().map(|job| (job.id.to_string(), ())).collect();
        for job in self.accepted.clone() {
            let plan = &self.plans[job];
            let (id, unique) = (plan.id.clone(), plan.unique.is_some());
            self.must(ids.contains_key(&id) || unique, "lost", || format!("{id} was accepted and is gone"));
        }
        for id in self.numbers.keys().cloned().collect::<Vec<_>>() {
            self.must(ids.contains_key(&id), "lost", || format!("{id} was kept and is gone"));
        }
    }

    /// Whoever asked over AMQP has heard of the end.
    fn all_answered(&mut self, memory: &Memory, replies: &Replies) {
        for (at, plan) in self.plans.clone().iter().enumerate() {
            let Some(job) = memory.jobs().find(|job| job.id.as_str() == plan.id) else { continue };
            if plan.via != Via::Amqp {
                continue;
            }
            let answers = replies.finished.get(&at).cloned().unwrap_or_default();
            self.must(!answers.is_empty(), "unanswered", || {
                format!("{} is {}, and nobody was told", job.id, job.state)
            });
            for answer in answers {
                let body: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
                // With a unique key the answer may be of the job that held it.
                let Some(of) = memory.jobs().find(|job| body["job_id"] == job.id.as_str()) else {
                    self.find("answer", || format!("an answer about no job: {body}"));
                    continue;
                };
                let right = body["state"] == of.state.as_str() || self.was_retried(of.id.as_str());
                self.must(right, "answer", || format!("{} is {}, the answer says {body}", of.id, of.state));
            }
        }
    }
}

/// How long after its time a silence may be noticed.
const NOTICED_MS: u64 = 15_000;
/// How long after its queue was lost a message may be missing.
const REPUBLISHED_MS: u64 = 8_000;
/// How long after its queue was lost what was seen before may become known.
const LOOKED_MS: u64 = 1_500;
/// The lease that workers of the simulation ask for.
const LEASE_MS: u64 = 10_000;
