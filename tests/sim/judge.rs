//! The judges: they watch what is written and what is done, and share no code with the rules.
//!
//! They know the plan of every job, read rows as data, and keep their own account of states and attempts.

mod account;
mod built_in;
mod code;
mod end;
mod kept;
mod language;
mod limit;
mod marks;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use warrener_engine::row::TaskRow;
use warrener_orchestrator::store::memory::Memory;
use warrener_orchestrator::store::{Commit, Rows as _};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::state::TaskState;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;
use warrener_worker::session::{Ending, Ticket};

use self::account::Account;
pub(crate) use self::limit::{JOB_LIMIT, LIMIT};
pub(crate) use self::verdict::work;
use crate::plan::{Fault, JobPlan, LimitPlan, Plan, Wish};
use crate::reach::Reach;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which, in a word.
    pub(crate) rule: &'static str,
    /// What was seen.
    pub(crate) what: String,
}

impl Violation {
    pub(crate) const fn new(rule: &'static str, what: String) -> Self {
        Self { rule, what }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Judge {
    plans: Vec<JobPlan>,
    /// By the job's number in the store.
    accounts: BTreeMap<JobNo, Account>,
    numbers: BTreeMap<String, JobNo>,
    /// Jobs whose submitter was told that they are kept.
    accepted: BTreeSet<usize>,
    /// What workers were told to stop.
    told: BTreeMap<String, BTreeSet<String>>,
    /// What runs where.
    running: BTreeSet<(String, Ticket)>,
    /// What workers really came to.
    said: BTreeMap<Ticket, Vec<Report>>,
    /// When an attempt first went out.
    published: BTreeMap<(TaskNo, u32), u64>,
    /// When the orchestrator last heard of an attempt.
    heard: BTreeMap<(TaskNo, u32), u64>,
    /// Attempts that were open in the store after some commit.
    opened: BTreeSet<String>,
    /// Attempts whose end stood in the row of their task after some commit, and was judged then.
    judged: BTreeMap<(TaskNo, u32), TaskState>,
    /// When an attempt first stood in the store.
    begun: BTreeMap<(TaskNo, u32), u64>,
    /// The jobs inside of tasks, by the attempt that runs them.
    inner: BTreeMap<(TaskNo, u32), JobNo>,
    /// Which attempts have which answer.
    answers: BTreeMap<Vec<u8>, BTreeSet<(TaskNo, u32)>>,
    /// Attempts whose message was lost with its queue, and has not been published again.
    dropped: BTreeMap<(TaskNo, u32), u64>,
    /// Answers that went out.
    replied: BTreeSet<i64>,
    /// Since when the orchestrator has had a session with the broker.
    connected: Option<u64>,
    /// How often a task took its worker with it.
    crashed: BTreeMap<TaskNo, u32>,
    /// How often an attempt of a task was over by time, or handed back, which makes the broker count afresh.
    excused: BTreeMap<TaskNo, u32>,
    /// The broker may forget how often a message came back, or two workers may have it.
    miscounts: bool,
    /// Since when there are no faults.
    calm_since: Option<u64>,
    /// Attempts whose success the broker confirmed while they were open and within their time limit.
    in_time: BTreeSet<(TaskNo, u32)>,
    /// When somebody who had stood still went on.
    resumed: u64,
    wished: Vec<Wish>,
    is_lossy: bool,
    /// The wall clock may jump while no orchestrator is there to see it.
    clock_jumps: bool,
    /// The limit on the work of each queue.
    limit: Option<LimitPlan>,
    /// Jobs that may have begun and not be over at once.
    jobs_at_once: Option<usize>,
    /// Those that have begun, and are not over.
    working: BTreeSet<JobNo>,
    /// Attempts that it counted.
    counted: BTreeSet<(TaskNo, u32)>,
    /// When they began, by queue.
    begins: BTreeMap<i64, Vec<u64>>,
    /// True if the wall clock, by which rates are kept, may be set.
    clock_moves: bool,
    violation: Option<Violation>,
    pub(crate) reach: Reach,
    now: u64,
}

impl Judge {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plans: plan.jobs.clone(),
            accounts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            accepted: BTreeSet::new(),
            told: BTreeMap::new(),
            running: BTreeSet::new(),
            said: BTreeMap::new(),
            published: BTreeMap::new(),
            heard: BTreeMap::new(),
            opened: BTreeSet::new(),
            judged: BTreeMap::new(),
            begun: BTreeMap::new(),
            inner: BTreeMap::new(),
            answers: BTreeMap::new(),
            dropped: BTreeMap::new(),
            replied: BTreeSet::new(),
            connected: None,
            crashed: BTreeMap::new(),
            excused: BTreeMap::new(),
            miscounts: plan.faults.on.iter().any(|fault| !COUNTED.contains(fault)),
            calm_since: None,
            in_time: BTreeSet::new(),
            resumed: 0,
            wished: Vec::new(),
            is_lossy: plan.faults.has(Fault::BrokerWiped),
            clock_jumps: plan.faults.set_clocks() && DEADLY.iter().any(|fault| plan.faults.has(*fault)),
            limit: plan.limit,
            jobs_at_once: plan.jobs_at_once,
            working: BTreeSet::new(),
            counted: BTreeSet::new(),
            begins: BTreeMap::new(),
            clock_moves: plan.faults.set_clocks(),
            violation: None,
            reach: Reach::default(),
            now: 0,
        }
    }

    pub(crate) fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// Notes a broken rule; the first is the one that counts.
    fn find(&mut self, rule: &'static str, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation::new(rule, what()));
        }
    }

    fn must(&mut self, holds: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.find(rule, what);
        }
    }

    /// Whether a job was ever seen in the store.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.numbers.contains_key(id)
    }

    pub(crate) fn accepted(&mut self, job: usize) {
        self.accepted.insert(job);
        let id = self.plans[job].id.clone();
        let unique = self.plans[job].unique.is_some();
        self.must(self.knows(&id) || unique, "lost", || format!("{id} was accepted, and is not in the store"));
    }

    pub(crate) fn wished(&mut self, wish: Wish) {
        self.wished.push(wish);
    }

    /// Whether somebody asked for the whole job, or for what of it did not succeed, to be tried again.
    fn was_reopened(&self, id: &str) -> bool {
        self.wished.iter().any(|wish| matches!(wish, Wish::Retry(job) if self.plans[*job].id == id))
    }

    /// Whether somebody asked for a single task of the job to be tried again.
    fn was_redone(&self, id: &str) -> bool {
        self.wished.iter().any(|wish| matches!(wish, Wish::RetryTask(place) if self.plans[place.job].id == id))
    }

    fn was_retried(&self, id: &str) -> bool {
        self.was_reopened(id) || self.was_redone(id)
    }

    /// Whether somebody asked for the task or item to be left out.
    fn was_skipped(&self, id: &str, task: usize, item: Option<u32>) -> bool {
        self.wished.iter().any(|wish| match wish {
            Wish::Skip(place) => self.plans[place.job].id == id && (place.task, place.item) == (task, item),
            _ => false,
        })
    }

    /// A rule was met.
    pub(crate) fn mark(&mut self, rule: &str) {
        self.reach.rule(rule);
    }

    pub(crate) fn before_commit(&mut self, commit: &Commit, memory: &mut Memory, now: u64) {
        self.now = now;
        self.mark_commit(commit, memory);
        for row in &commit.changes.new_tasks {
            self.mark_task(None, row);
        }
        for row in &commit.changes.tasks {
            let Some(old) = row_of(memory, row.no) else { continue };
            self.mark_task(Some(&old), row);
            let went_on = row.attempt >= old.attempt;
            self.must(went_on, "attempts", || {
                format!("attempt {} of task {} became {}", old.attempt, row.no.0, row.attempt)
            });
            let both = old.state == TaskState::Succeeded && row.state == TaskState::Succeeded;
            // Of a mapped task the items have the output.
            let is_frozen = both && old.attempt == row.attempt && row.map.is_none();
            let changed = is_frozen && old.output != row.output;
            self.must(!changed, "rewritten", || format!("the output of task {} changed after its end", row.no.0));
        }
    }

    pub(crate) fn after_commit(&mut self, commit: &Commit, memory: &mut Memory, now: u64) {
        self.now = now;
        let mut new_jobs: Vec<_> = commit.changes.new_jobs.iter().collect();
        new_jobs.sort_by_key(|row| row.no);
        new_jobs.into_iter().for_each(|row| self.keep_account(row, memory));
        for (job, events) in &commit.changes.events {
            let retried = self.accounts.get(job).is_some_and(|account| self.was_retried(&account.plan.id));
            let Some(account) = self.accounts.get_mut(job) else { continue };
            for event in events {
                if let Err(violation) = account.note(event, retried, &mut self.reach) {
                    self.violation.get_or_insert(violation);
                }
            }
        }
        for row in commit.changes.tasks.iter().chain(&commit.changes.new_tasks) {
            self.note_started(row);
            if row.dispatch_no.is_some() {
                self.opened.insert(row.ticket().to_string());
            }
            if row.attempt > 0 {
                self.begun.entry((row.no, row.attempt)).or_insert(now);
            }
            self.judge_skip(row);
            self.judge_unbegun(row);
            if row.state.is_final() && row.map.is_none() && row.attempt > 0 {
                self.judge_end(row, memory);
                self.judge_rounds(row, memory);
            }
        }
        self.judge_limit(commit, memory);
        self.judge_jobs_at_once(commit, memory);
        for row in &commit.changes.attempts {
            self.judge_record(row, memory);
        }
        for row in &commit.changes.jobs {
            self.count(row.no, memory);
        }
        for letter in &commit.dead {
            self.judge_letter(letter);
            self.must(letter.code != "internal", "internal", || format!("an input was set aside: {}", letter.message));
        }
    }

    /// What the orchestrator sends out is open in the store, or was when it was decided.
    pub(crate) fn publishes(&mut self, ticket: &str) {
        let now = self.now;
        let Some((task, attempt)) = parts(ticket) else {
            return self.find("published", || format!("{ticket} is no ticket"));
        };
        if self.published.contains_key(&(task, attempt)) {
            self.mark("published again");
        }
        self.published.entry((task, attempt)).or_insert(now);
        self.dropped.remove(&(task, attempt));
        let was_open = self.opened.contains(ticket);
        self.must(was_open, "published", || {
            format!("the orchestrator publishes {ticket}, which was never an open attempt in the store")
        });
    }

    pub(crate) fn told_to_stop(&mut self, worker: &str, tickets: &[String]) {
        self.told.entry(worker.to_owned()).or_default().extend(tickets.iter().cloned());
    }

    pub(crate) fn starts(
        &mut self,
        worker: &str,
        ticket: &Ticket,
        assignment: &Assignment,
        memory: &mut Memory,
        now: u64,
    ) {
        self.now = now;
        let told = self.told.get(worker).is_some_and(|told| told.contains(&**ticket));
        self.must(!told, "cancel", || format!("{worker} begins {ticket} after it was told to stop it"));
        let fresh = self.running.insert((worker.to_owned(), ticket.clone()));
        self.must(fresh, "twice", || format!("{worker} works on {ticket} twice at once"));
        let known = parts(ticket).is_some_and(|attempt| self.published.contains_key(&attempt));
        self.must(known, "forged", || format!("{worker} begins {ticket}, which nobody published"));
        let row = parts(ticket).and_then(|(task, _)| memory.tasks(task, 1).ok()?.pop());
        let Some(row) = row.filter(|row| row.ticket().to_string() == **ticket && row.dispatch_no.is_some()) else {
            return;
        };
        let is_ours = self.task_of(&row).is_some_and(|task| task.is_built_in() || task.is_faulty);
        self.must(!is_ours, "forged", || format!("{worker} begins {ticket}, which is for no worker"));
        let Some(account) = self.accounts.get(&row.job) else { return };
        if let Some(open) = account.open_need(row.position) {
            self.find("needs", || format!("{}/{} begins before its need {open}", assignment.job, assignment.task));
        }
        let Some(job) = memory.job(row.job).ok().flatten() else { return };
        self.mark_begin(&row, &job);
        let Some(account) = self.accounts.get(&row.job) else { return };
        let expected = verdict::input(&account.plan, &job, row.position, row.index, row.round + 1, memory);
        let is: Value = serde_json::from_slice(&assignment.input).unwrap_or(Value::Null);
        self.must(expected.as_ref().is_none_or(|expected| *expected == is), "input", || {
            format!("{}/{} begins with {is}, not {expected:?}", assignment.job, assignment.task)
        });
    }

    pub(crate) fn ends(&mut self, worker: &str, ticket: &Ticket, ending: &Ending) {
        self.running.remove(&(worker.to_owned(), ticket.clone()));
        if let Ending::Reported(report) = ending {
            self.said.entry(ticket.clone()).or_default().push(report.clone());
        }
    }

    /// A delivery is acknowledged: its report is safe, or nobody wants it.
    pub(crate) fn acks(&mut self, worker: &str, ticket: &Ticket, is_safe: bool) {
        let told = self.told.get(worker).is_some_and(|told| told.contains(&**ticket));
        self.must(is_safe || told, "unsafe_ack", || {
            format!("{worker} acknowledges {ticket} before its report is confirmed")
        });
    }

    pub(crate) fn is_busy(&mut self, worker: &str, attempts: usize, slots: usize) {
        self.must(attempts <= slots, "slots", || {
            format!("{worker} has {slots} slots and works on {attempts} attempts")
        });
    }

    /// A task takes its worker with it: three times, and it is done for. An attempt whose time was over before the
    /// death was known may be handed out again, and counts on its own.
    pub(crate) fn crashes(&mut self, ticket: &Ticket) {
        let Some((task, _)) = parts(ticket) else { return };
        let crashed = self.crashed.entry(task).or_default();
        *crashed += 1;
        let crashed = *crashed;
        let retried = self.wished.iter().any(|wish| matches!(wish, Wish::Retry(_) | Wish::RetryTask(_)));
        let excused = self.excused.get(&task).copied().unwrap_or(0);
        self.must(crashed <= CRASHES_MAX * (1 + excused) || retried || self.miscounts, "crashes", || {
            format!("task {} killed {crashed} workers", task.0)
        });
    }

    pub(crate) fn calm(&mut self, now: u64) {
        self.calm_since = Some(now);
    }

    pub(crate) fn worker_gone(&mut self, worker: &str) {
        self.running.retain(|(other, _)| other != worker);
    }

    /// The orchestrator heard of an attempt; a forged ticket is no sign of life.
    pub(crate) fn heard(&mut self, ticket: &str, now: u64) {
        if let Some(attempt) = parts(ticket).filter(|_| self.opened.contains(ticket)) {
            self.heard.insert(attempt, now);
            self.dropped.remove(&attempt);
        }
    }

    /// The orchestrator has a session with the broker, or none any more.
    pub(crate) const fn connected(&mut self, since: Option<u64>) {
        self.connected = since;
    }

    /// The orchestrator's process ends: a sign of life that it had not written down is forgotten.
    pub(crate) fn orchestrator_dies(&mut self, memory: &mut Memory) {
        self.connected = None;
        self.heard.retain(|(task, _), _| row_of(memory, *task).is_some_and(|row| row.started_at.is_some()));
    }

    /// The broker lost messages with their queue.
    pub(crate) fn lost_with_queue(&mut self, tickets: &[String], memory: &mut Memory, now: u64) {
        for attempt in tickets.iter().filter_map(|ticket| parts(ticket)) {
            // One that was seen at work is a worker's; if that is gone too, its time limit tells.
            if row_of(memory, attempt.0).is_some_and(|row| row.started_at.is_none()) {
                self.dropped.insert(attempt, now);
            }
        }
    }
}

fn row_of(memory: &mut Memory, no: TaskNo) -> Option<TaskRow> {
    memory.tasks(no, 1).ok().and_then(|mut rows| rows.pop())
}

/// Faults after which the broker still counts how often a message came back, and one worker at a time has it.
const COUNTED: [Fault; 5] = [Fault::WorkerKilled, Fault::ControlLost, Fault::Hostile, Fault::WallJump, Fault::WallFar];
/// What ends the orchestrator's process.
const DEADLY: [Fault; 3] = [Fault::OrchestratorKilled, Fault::CrashBeforeCommit, Fault::CrashAfterCommit];
/// Workers that one task may kill.
const CRASHES_MAX: u32 = 3;

/// Task and attempt of a ticket.
fn parts(ticket: &str) -> Option<(TaskNo, u32)> {
    let mut parts = ticket.split('.');
    Some((TaskNo(parts.next()?.parse().ok()?), parts.next()?.parse().ok()?))
}
