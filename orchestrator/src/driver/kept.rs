//! Answers that come before a task waits for them: kept for a time, and given to every task that begins to wait within
//! it, the latest first, each once.

use std::collections::BTreeSet;

use warrener_engine::row::Json;
use warrener_engine::{Event, Need};
use warrener_shared::id::TaskNo;
use warrener_shared::job::{Problem, code};
use warrener_shared::time::Millis;
use warrener_shared::wire::submit::EventBody;

use super::Driver;
use super::batch::Batch;
use crate::store::{KeptAnswer, Store, StoreError, event_text};

/// Most answers that are kept at once.
const ANSWERS_MAX: usize = 100_000;
/// Most bytes of the payload of an answer that is kept.
const PAYLOAD_MAX: usize = 1024 * 1024;
/// Most answers that are forgotten in one go.
const FORGOTTEN_MAX: usize = 1_000;

impl<S: Store> Driver<S> {
    /// Problem of an answer that is to be kept, and cannot be; `None` without one.
    pub(super) fn cannot_keep(&self, event: &EventBody, batch: &Batch) -> Option<Problem> {
        let (size, count) = (event.payload.bytes().len(), self.held.kept.len() + batch.commit.kept.new.len());
        let (code, pointer, detail) = if size > PAYLOAD_MAX {
            let detail = format!("the payload has {size} bytes, one that is kept at most {PAYLOAD_MAX}");
            (code::TOO_LARGE, "/payload", detail)
        } else if count >= ANSWERS_MAX {
            (code::TOO_MANY, "/keep", format!("{count} answers are kept, at most {ANSWERS_MAX} are"))
        } else {
            return None;
        };
        Some(Problem { pointer: pointer.to_owned(), ..Problem::of_message(code, detail, None) })
    }

    /// Keeps an answer for tasks that begin to wait later. The tasks `answered` have it already.
    pub(super) fn keep_answer(&self, event: &EventBody, keep: Millis, answered: &[TaskNo], batch: &mut Batch) {
        let no = self.held.kept.last() + i64::try_from(batch.commit.kept.new.len()).unwrap_or(i64::MAX) + 1;
        let answer = KeptAnswer { no, event: event_text(&event.event, &event.key), until: batch.now + keep };
        batch.commit.kept.new.push((answer, event.payload.bytes().into()));
        batch.commit.kept.given.extend(answered.iter().map(|task| (*task, no)));
    }

    /// Gives kept answers to the tasks that began to wait in this batch. True if one was given: others may be ready
    /// then.
    pub(super) fn give_kept(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        if self.held.kept.len() == 0 && batch.commit.kept.new.is_empty() {
            return Ok(false);
        }
        let mut any = false;
        for (task, event, key) in batch.slice.waiting_for_events() {
            if let Some((no, payload)) = self.kept_for(task, &event_text(&event, &key), batch)? {
                batch.commit.kept.given.push((task, no));
                self.load_for(Need::Task(task), batch)?;
                self.decide(Event::Answered(task, payload), batch)?;
                any = true;
            }
        }
        Ok(any)
    }

    /// The latest kept answer that the task was not given yet, with its payload.
    fn kept_for(&mut self, task: TaskNo, event: &str, batch: &Batch) -> Result<Option<(i64, Json)>, StoreError> {
        let changes = &batch.commit.kept;
        let new = changes.new.iter().rev().filter(|(answer, _)| answer.event == event);
        let mut all: Vec<i64> = new.map(|(answer, _)| answer.no).collect();
        all.extend(self.held.kept.to(event, batch.now));
        if all.is_empty() {
            return Ok(None);
        }
        let here = changes.given.iter().filter(|(of, _)| *of == task).map(|(_, no)| *no);
        let given: BTreeSet<i64> = self.store.given_answers(task)?.into_iter().chain(here).collect();
        let Some(no) = all.into_iter().find(|no| !given.contains(no)) else { return Ok(None) };
        let payload = match changes.new.iter().find(|(answer, _)| answer.no == no) {
            Some((_, payload)) => Some(payload.clone()),
            None => self.store.kept_payload(no)?,
        };
        Ok(payload.map(|payload| (no, payload)))
    }

    /// Forgets answers whose time is over.
    pub(super) fn forget_answers(&mut self) {
        let over = self.held.kept.over(self.now(), FORGOTTEN_MAX);
        if over.is_empty() {
            return;
        }
        let mut batch = self.new_batch();
        batch.commit.kept.gone = over;
        if let Err(error) = self.settle(batch) {
            self.degrade(&error.to_string());
        }
    }
}
