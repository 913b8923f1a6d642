//! Schedules: what is due, what people want of them, and the jobs that they start.

use std::collections::BTreeSet;
use std::sync::Arc;

use warrener_engine::schedule::{Circumstances, Order, ScheduleState, TickOpen, TickOutcome, TickRow};
use warrener_engine::{Effect, Event, Need};
use warrener_shared::id::{JobNo, ScheduleName};
use warrener_shared::job::{Problem, SubmitContext, parse};
use warrener_shared::schedule::{Overlap, TickScope, database_version};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::{SCHEDULE_TICK, TickEvent};

use super::batch::Batch;
use super::input::{Answer, Asker, Precondition, Requester, ScheduleCommand, Submission};
use super::timers::Timer;
use super::{DUE_MAX, Driver};
use crate::filter::fits::{Candidate, Tasks};
use crate::rows::verdict::Verdict;
use crate::store::schedules::{ScheduleQuery, TickQuery};
use crate::store::{AuditRow, Store, StoreError, Submitted};

impl<S: Store> Driver<S> {
    /// The schedules that are due.
    pub(super) fn due_schedules(&mut self, now: Timestamp) -> Result<Vec<Timer>, StoreError> {
        let most = DUE_MAX + self.put_off.set_aside();
        let numbers = self.held.schedules.read_due(now, most, &mut self.store)?;
        Ok(numbers.into_iter().map(Timer::Schedule).collect())
    }

    /// Decides what is due of a schedule.
    pub(super) fn schedule_due(&mut self, no: i64, batch: &mut Batch) -> Result<(), StoreError> {
        if !self.load_schedule(no, batch)? {
            return Ok(());
        }
        let Some(Some(mut state)) = batch.schedules.remove(&no) else { return Ok(()) };
        let stopping = self.stopping(&state);
        let past = match state.backfill_reach() {
            Some((from, to)) => self.store.ticks(TickQuery::Between(no, from, to))?,
            None => Vec::new(),
        };
        let facts = Circumstances { stopping, passed_over: self.passed_over, past, zones: database_version() };
        let orders = state.due(batch.now, &facts);
        self.carry_out(state, orders, batch)
    }

    /// Has the state of a schedule among those of the batch; false if there is no such schedule.
    fn load_schedule(&mut self, no: i64, batch: &mut Batch) -> Result<bool, StoreError> {
        if let Some(state) = batch.schedules.get(&no) {
            return Ok(state.is_some());
        }
        let mut state = self.held.schedules.state(no, &mut self.store, &self.shared.limits)?;
        if let Some(state) = &mut state {
            self.know_ahead(state, batch.now)?;
        }
        let is_there = state.is_some();
        if is_there {
            batch.schedules.insert(no, state);
        }
        Ok(is_there)
    }

    /// The number of the schedule of a name, its state loaded.
    fn find_schedule(&mut self, name: &ScheduleName, batch: &mut Batch) -> Result<Option<i64>, StoreError> {
        let here = batch.schedules.values().flatten().find(|state| state.row.name == *name);
        if let Some(state) = here {
            return Ok(Some(state.row.no));
        }
        if !self.held.schedules.any() {
            return Ok(None);
        }
        let Some(row) = self.store.schedules(ScheduleQuery::Named(name))?.into_iter().next() else { return Ok(None) };
        // One that this batch removed is still in the store.
        if batch.schedules.contains_key(&row.no) {
            return Ok(None);
        }
        let no = row.no;
        let mut state = self.held.schedules.state_of(row, &self.shared.limits)?;
        self.know_ahead(&mut state, batch.now)?;
        batch.schedules.insert(no, Some(state));
        Ok(Some(no))
    }

    /// Reads what was decided by a clock that was ahead.
    fn know_ahead(&mut self, state: &mut ScheduleState, now: Timestamp) -> Result<(), StoreError> {
        if let Some((from, to)) = state.ahead(now) {
            state.know_ahead(self.store.ticks(TickQuery::Between(state.row.no, from, to))?, now);
        }
        Ok(())
    }

    /// Carries out what a schedule asks for, until it asks for nothing more, and keeps its state in the batch.
    fn carry_out(
        &mut self,
        mut state: ScheduleState,
        mut orders: Vec<Order>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        while !orders.is_empty() {
            let mut was_refused = false;
            for order in std::mem::take(&mut orders) {
                match order {
                    Order::Start { at, run } => {
                        let outcome = self.start_tick(&state, at, run, batch)?;
                        was_refused |= outcome.is_err();
                        state.settled(at, run, outcome);
                    }
                    Order::Cancel(job) => self.cancel_for_next(job, batch)?,
                }
            }
            if was_refused {
                orders = state.go_on(batch.now);
            }
        }
        batch.schedules.insert(state.row.no, Some(state));
        Ok(())
    }

    fn cancel_for_next(&mut self, job: JobNo, batch: &mut Batch) -> Result<(), StoreError> {
        self.load_for(Need::Job(job), batch)?;
        if batch.slice.job(job).is_some_and(|entry| !entry.row.state.is_final()) {
            self.decide(Event::CancelRequested(job), batch)?;
        }
        Ok(())
    }

    /// Submits the job of a tick; an error in words if it is not accepted.
    fn start_tick(
        &mut self,
        state: &ScheduleState,
        at: Timestamp,
        run: u32,
        batch: &mut Batch,
    ) -> Result<Result<JobNo, String>, StoreError> {
        let number = state.open().find(|tick| (tick.at, tick.run) == (at, run)).map_or(1, |tick| tick.number);
        let (spec, limits) = (&state.spec, self.shared.limits);
        let scope = TickScope {
            name: &spec.name,
            tick: at,
            local: spec.plan.zone.local(at),
            number: u64::try_from(number).unwrap_or(1),
            last_success: state.row.last_success,
            run,
        };
        let (id, body) = match spec.job.render(&scope, &limits) {
            Ok(rendered) => rendered,
            Err(error) => return Ok(Err(error.message)),
        };
        let job = match parse(&body, &SubmitContext::default(), &limits) {
            Ok(job) => job,
            Err(problems) => return Ok(Err(in_words(&problems))),
        };
        let submitted = Submitted { body: body.into(), priority: None, traceparent: None, digest: None };
        let submission = Submission { spec: Arc::new(job), submitted, reply: None, asker: Asker::default() };
        match self.judge(&submission, batch)? {
            Verdict::New => {}
            Verdict::Replaces(holder) => self.cancel_holder(holder, batch)?,
            Verdict::Succeeds(holder) => batch.commit.released.push(holder),
            Verdict::Existing(_, other) | Verdict::Updates(_, other) => {
                return Ok(Err(format!("job {other} holds its unique key")));
            }
            Verdict::Refused(problem) => return Ok(Err(problem.detail)),
        }
        let no = self.accept(id.clone(), &submission, batch)?;
        batch.commit.audit.push(AuditRow {
            time: batch.now,
            who: format!("schedule:{}", spec.name).into(),
            from: None,
            verb: "job.submit".into(),
            target: id.to_string(),
            outcome: "done".into(),
            reason: None,
        });
        Ok(Ok(no))
    }

    /// Jobs of a schedule that are final and whose workers are not known to have stopped. Only who cancels asks.
    fn stopping(&self, state: &ScheduleState) -> BTreeSet<JobNo> {
        let mut stopping = BTreeSet::new();
        if state.spec.overlap == Overlap::Cancel {
            let at_work = self.held.stops.jobs();
            let waited_for = state.open().filter(|tick| tick.open == TickOpen::Stopping).filter_map(|tick| tick.job);
            stopping.extend(waited_for.filter(|job| at_work.contains(job)));
        }
        stopping
    }

    /// Tells schedules of the ends of their jobs, and lets them start others, all in the batch in which those ended.
    pub(super) fn follow_ends(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if !self.held.schedules.awaits_ends() && batch.schedules.is_empty() {
            return Ok(());
        }
        let mut looked = 0;
        while let Some(effect) = batch.effects.get(looked) {
            looked += 1;
            let Effect::Reply(job) = *effect else { continue };
            let here = batch.schedules.values().flatten();
            let mut here = here.filter(|state| state.open().any(|tick| tick.job == Some(job)));
            let known = self.held.schedules.of_job(job);
            let Some(no) = known.or_else(|| here.next().map(|state| state.row.no)) else { continue };
            let end = batch.slice.job(job).map_or(JobState::Failed, |entry| entry.row.state);
            if self.load_schedule(no, batch)?
                && let Some(Some(mut state)) = batch.schedules.remove(&no)
            {
                let orders = state.ended(job, end, batch.now);
                self.carry_out(state, orders, batch)?;
            }
        }
        Ok(())
    }

    /// A final job runs again: its schedule waits for its end once more.
    pub(super) fn reopen_tick(&mut self, job: JobNo, batch: &mut Batch) -> Result<(), StoreError> {
        if !self.held.schedules.any() {
            return Ok(());
        }
        let Some(tick) = self.store.ticks(TickQuery::OfJob(job))?.into_iter().next() else { return Ok(()) };
        if self.load_schedule(tick.schedule, batch)?
            && let Some(Some(state)) = batch.schedules.get_mut(&tick.schedule)
        {
            state.reopened(tick, batch.now);
        }
        Ok(())
    }

    /// Puts what became of schedules into the commit.
    pub(super) fn keep_schedules(&self, batch: &mut Batch) {
        let changes = &mut batch.commit.schedules;
        for (no, state) in &batch.schedules {
            let Some(state) = state else {
                changes.removed.push(*no);
                continue;
            };
            let before = changes.ticks.len();
            changes.ticks.extend(state.changed().cloned());
            let told: Vec<TickEvent> =
                state.changed().filter(|tick| tick.decided_at == batch.now).map(|tick| event(state, tick)).collect();
            if !told.is_empty() {
                changes.told.push((*no, told));
            }
            if self.held.schedules.is_to_tidy(state, changes.ticks.len() - before) {
                changes.kept.push((*no, state.spec.keep_ticks));
            }
            changes.schedules.push(state.row.clone());
        }
    }

    /// Remembers what became of schedules, which is committed, and counts it.
    pub(super) fn schedules_committed(&mut self, batch: &Batch) {
        if batch.schedules.is_empty() {
            return;
        }
        self.held.schedules.committed(&batch.schedules);
        for state in batch.schedules.values().flatten() {
            for tick in state.changed().filter(|tick| tick.decided_at == batch.now) {
                metrics::counter!("warrener_schedule_ticks_total", "outcome" => tick.outcome.as_str()).increment(1);
                if tick.outcome == TickOutcome::Started && tick.run == 1 {
                    let late = batch.now.since(state.spec.due(tick.at)).to_std();
                    metrics::histogram!("warrener_schedule_lag_seconds").record(late.as_secs_f64());
                }
            }
        }
    }
}

/// The event of what became of a tick.
fn event(state: &ScheduleState, tick: &TickRow) -> TickEvent {
    let name = &state.row.name;
    TickEvent {
        time: tick.decided_at.to_rfc3339().into(),
        kind: SCHEDULE_TICK.into(),
        schedule: name.as_str().into(),
        tick: tick.at.to_rfc3339().into(),
        run: tick.run,
        outcome: tick.outcome.as_str().into(),
        job: tick.job.map(|_| warrener_shared::schedule::job_id(name, tick.at, tick.run).as_str().into()),
        reason: tick.reason.as_deref().map(Into::into),
    }
}

/// Wishes of people.
impl<S: Store> Driver<S> {
    pub(super) fn schedule_command(
        &mut self,
        command: &ScheduleCommand,
        by: Option<&Requester>,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        let found = match self.find_schedule(command.name(), batch) {
            Err(StoreError::Unfit { why, .. }) => return self.renew_schedule(command, by, &why, batch),
            found => found?,
        };
        let found = found.filter(|no| match (by, batch.schedules.get(no)) {
            (Some(by), Some(Some(state))) => self.sees_schedule(by, state, batch.now),
            _ => true,
        });
        let state = found.and_then(|no| batch.schedules.get(&no)?.as_ref());
        if let Some(why) = refusal(command.precondition(), state.map(|state| state.row.revision)) {
            return Ok(Answer::Stale(why));
        }
        if let ScheduleCommand::Apply { spec, body, .. } = command {
            return self.apply_schedule(found, spec, body, batch);
        }
        let Some(no) = found else { return Ok(Answer::NotFound) };
        if let ScheduleCommand::Delete(..) = command {
            batch.schedules.insert(no, None);
            return Ok(Answer::Done);
        }
        let Some(Some(mut state)) = batch.schedules.remove(&no) else { return Ok(Answer::NotFound) };
        let mut answer = Answer::Done;
        match command {
            ScheduleCommand::Trigger(_) => {
                let second = Timestamp(batch.now.0 - batch.now.0.rem_euclid(1000));
                let runs = self.store.ticks(TickQuery::At(no, second))?.iter().map(|tick| tick.run).max();
                let order = state.trigger(batch.now, runs.unwrap_or(0));
                let Order::Start { at, run } = order else { unreachable!("a trigger starts a tick") };
                self.carry_out(state, vec![order], batch)?;
                let state = batch.schedules.get(&no).and_then(Option::as_ref).expect("it was just kept");
                let tick = state.changed().find(|tick| (tick.at, tick.run) == (at, run)).expect("it was just decided");
                answer = match (tick.job, &tick.reason) {
                    (Some(job), _) => {
                        let id = warrener_shared::schedule::job_id(&state.row.name, at, run);
                        Answer::Kept { id, no: job, existing: false }
                    }
                    (None, why) => Answer::Conflict(why.clone().unwrap_or_default()),
                };
            }
            ScheduleCommand::Backfill(_, work) => {
                if !state.begin_backfill(work.clone(), batch.now) {
                    answer = Answer::Conflict("a backfill of it is at work; wait for its end".to_owned());
                }
                self.carry_out(state, Vec::new(), batch)?;
            }
            ScheduleCommand::Pause(_, paused, _) => {
                let orders = state.pause(*paused, batch.now);
                self.carry_out(state, orders, batch)?;
            }
            ScheduleCommand::Apply { .. } | ScheduleCommand::Delete(..) => unreachable!("handled above"),
        }
        Ok(answer)
    }

    /// Carries out a wish about a schedule that cannot be read any more, as far as that needs no document.
    fn renew_schedule(
        &mut self,
        command: &ScheduleCommand,
        by: Option<&Requester>,
        why: &str,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        let row = self.store.schedules(ScheduleQuery::Named(command.name()))?.pop();
        // Nobody can tell whose its jobs would be.
        let Some(row) = row.filter(|_| by.is_none_or(|by| by.only.is_none())) else { return Ok(Answer::NotFound) };
        if let Some(why) = refusal(command.precondition(), Some(row.revision)) {
            return Ok(Answer::Stale(why));
        }
        match command {
            ScheduleCommand::Delete(..) => {
                batch.schedules.insert(row.no, None);
                Ok(Answer::Done)
            }
            ScheduleCommand::Apply { spec, body, .. } => {
                let mut state = self.held.schedules.state_with(row, spec.clone());
                self.know_ahead(&mut state, batch.now)?;
                let orders = state.rewrite(spec.clone(), body.clone(), false, batch.now);
                self.carry_out(state, orders, batch)?;
                Ok(Answer::Applied { is_new: false })
            }
            _ => Ok(Answer::Conflict(format!("it cannot be read any more ({why}); write it again, or delete it"))),
        }
    }

    fn apply_schedule(
        &mut self,
        found: Option<i64>,
        spec: &Arc<warrener_shared::schedule::ScheduleSpec>,
        body: &Arc<[u8]>,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        let (now, zones) = (batch.now, database_version());
        let Some(no) = found else {
            // One of this name that the requester does not see is in nobody's way, except by its name.
            if self.find_schedule(&spec.name, batch)?.is_some() {
                return Ok(Answer::Conflict(format!("the name {} is taken", spec.name)));
            }
            let no = self.held.schedules.take_no();
            let state = ScheduleState::first(no, spec.clone(), body.clone(), now, zones);
            batch.schedules.insert(no, Some(state));
            return Ok(Answer::Applied { is_new: true });
        };
        let Some(Some(mut state)) = batch.schedules.remove(&no) else { return Ok(Answer::NotFound) };
        let orders = if state.row.body == *body {
            state.wish(now)
        } else {
            let is_same_plan = state.spec.plan_text == spec.plan_text;
            state.rewrite(spec.clone(), body.clone(), is_same_plan, now)
        };
        self.carry_out(state, orders, batch)?;
        Ok(Answer::Applied { is_new: false })
    }

    /// Tells whether a schedule exists for somebody: its jobs would.
    fn sees_schedule(&self, by: &Requester, state: &ScheduleState, now: Timestamp) -> bool {
        if by.only.is_none() {
            return true;
        }
        let sample = crate::rows::schedule::sample(&state.spec, &self.shared.limits, now);
        sample.is_some_and(|job| {
            let (id, created_at) = (job.id.as_ref(), now);
            let job = Candidate { id, spec: &job, is_sub_job: false, state: JobState::Running, created_at };
            by.sees(job, Tasks::Any, now)
        })
    }
}

/// Reason why a request must not be carried out on the schedule as it is.
fn refusal(wanted: Precondition, found: Option<i64>) -> Option<String> {
    match (wanted, found) {
        (Precondition::None, _) | (Precondition::Exists, Some(_)) | (Precondition::New, None) => None,
        (Precondition::Revision(wanted), Some(found)) if wanted == found => None,
        (Precondition::New, Some(_)) => Some("there is a schedule of this name already".to_owned()),
        (_, Some(found)) => Some(format!("somebody has changed it meanwhile: its revision is {found}")),
        (_, None) => Some("there is no schedule of this name any more".to_owned()),
    }
}

fn in_words(problems: &[Problem]) -> String {
    problems.first().map_or_else(String::new, |problem| format!("{}: {}", problem.pointer, problem.detail))
}
