//! Limits that people make, change and remove, and their keys. Whatever is changed acts at once.

use warrener_engine::Event;
use warrener_engine::limit::{KeySettings, LimitKey};
use warrener_shared::id::LimitName;
use warrener_shared::job::{JobSpec, Problem};
use warrener_shared::time::Timestamp;

use super::Driver;
use super::batch::Batch;
use super::input::Answer;
use super::timers::Timer;
use crate::limits::LimitDefinition;
use crate::store::{Store, StoreError};

impl<S: Store> Driver<S> {
    /// Keeps a limit under this name, in place of the one before.
    pub(super) fn put_limit(&self, name: &LimitName, definition: &LimitDefinition, batch: &mut Batch) -> Answer {
        if let Some(refusal) = self.configured(name) {
            return refusal;
        }
        if let Err(problems) = definition.compile(name) {
            let text: Vec<String> = problems.into_iter().map(|(field, why)| format!("{field}: {why}")).collect();
            return Answer::Conflict(text.join("; "));
        }
        let text = serde_json::to_string(definition).expect("a definition has text keys only");
        batch.commit.limits.push((name.to_string(), Some(text)));
        batch.after.limits = true;
        Answer::Done
    }

    /// Removes a limit. Whatever waits for it goes on.
    pub(super) fn remove_limit(&self, name: &LimitName, batch: &mut Batch) -> Answer {
        if let Some(refusal) = self.configured(name) {
            return refusal;
        }
        if self.shared.limit_register.book.limit(name.as_str()).is_none() {
            return Answer::NotFound;
        }
        batch.commit.limits.push((name.to_string(), None));
        batch.after.limits = true;
        Answer::Done
    }

    /// Problem of a job of which a limit cannot count a task; `None` without one.
    pub(super) fn uncountable(&self, spec: &JobSpec, batch: &Batch) -> Option<Problem> {
        if !batch.slice.has_limits() {
            return None;
        }
        self.shared.limit_register.uncountable(spec, &self.shared.limits)
    }

    /// Problem of a new job that finds every slot of a limit taken which refuses jobs then; `None` without one.
    pub(super) fn turned_away(&self, spec: &JobSpec, batch: &Batch) -> Option<Problem> {
        if !batch.slice.has_limits() {
            return None;
        }
        let state = |key: &LimitKey| batch.slice.key(key);
        self.shared.limit_register.turned_away(spec, &self.shared.limits, state, batch.now)
    }

    /// Has jobs give their slots up that are over, and whose workers are known to have stopped.
    pub(super) fn free_slots(&mut self) -> Result<(), StoreError> {
        let leaving = self.shared.limit_register.book.leaving();
        if leaving.is_empty() {
            return Ok(());
        }
        let at_work = self.held.stops.jobs();
        let mut free = Vec::new();
        for job in leaving {
            if !at_work.contains(&job) && self.store.job(job)?.is_none_or(|row| row.state.is_final()) {
                free.push(Timer::Stopped(job));
            }
        }
        if !free.is_empty() {
            self.happen(&free);
        }
        Ok(())
    }

    fn configured(&self, name: &LimitName) -> Option<Answer> {
        let is_configured = self.shared.limit_register.configured.contains_key(name);
        let why = || format!("limit {name} stands in the configuration of the orchestrator; change it there");
        is_configured.then(|| Answer::Conflict(why()))
    }

    /// Gives a key settings of its own, and a time until which nothing of it goes out.
    pub(super) fn set_key(
        &mut self,
        key: &LimitKey,
        settings: KeySettings,
        paused_until: Option<Timestamp>,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        let queue = key.limit().strip_prefix("queue:");
        let is_shared = queue.is_some_and(|queue| self.shared.limit_register.fair.contains_key(queue));
        if batch.slice.limit(key.limit()).is_none() && !is_shared {
            return Ok(Answer::NotFound);
        }
        let Some(state) = batch.slice.key_mut(key) else { return Ok(Answer::NotFound) };
        state.settings = settings;
        state.paused_until = paused_until;
        batch.must_commit = true;
        if !is_shared {
            // Jobs with a slot wait for the end of a pause in lines of their own.
            let lines = self.shared.limit_register.book.waited_for().into_iter();
            let of_jobs = lines.filter(|line| line.job_in_line().is_some_and(|(_, of)| of == *key));
            for line in of_jobs.chain([key.clone()]) {
                self.decide(Event::KeyFreed(line), batch)?;
            }
        }
        Ok(Answer::Done)
    }
}
