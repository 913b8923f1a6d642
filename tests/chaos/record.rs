//! The rig's own record while it runs: shared by clients and readers, and the history in the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::dice::Dice;
use crate::history::{End, Finished, History, Sent, now};
use crate::shapes::Shape;

/// Copies speak of the same record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    history: Arc<Mutex<History>>,
    waits: Arc<Mutex<Vec<u64>>>,
}

impl Record {
    /// A job that is about to be submitted for the first time: its id and document.
    pub(crate) fn send(&self, dice: &mut Dice, asks: bool) -> (String, String) {
        let shape = Shape::draw(dice);
        let id = warrener_tests::broker::unique("chaos");
        let document = shape.document(&id, dice).to_string();
        self.history().sent.insert(id.clone(), Sent { shape, at: now(), accepted: None, asks });
        (id, document)
    }

    /// Notes that its submit was said to be accepted.
    pub(crate) fn accept(&self, id: &str) {
        let mut history = self.history();
        let Some(sent) = history.sent.get_mut(id).filter(|sent| sent.accepted.is_none()) else { return };
        let at = now();
        sent.accepted = Some(at);
        let waited = at.saturating_sub(sent.at);
        drop(history);
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).push(waited);
    }

    /// A message `job.finished` came.
    pub(crate) fn finish(&self, job: &str, state: &str) {
        // It was accepted, even if the word of it is still on its way.
        self.accept(job);
        self.history().answers.push(Finished { job: job.to_owned(), state: state.to_owned() });
    }

    /// Notes what became of a job.
    pub(crate) fn end(&self, job: &str, end: End) {
        self.history().ends.insert(job.to_owned(), end);
    }

    /// The time since which the 99th of 100 submits was accepted, and forgets them.
    pub(crate) fn slow_accept(&self) -> Duration {
        let mut waits = std::mem::take(&mut *self.waits.lock().unwrap_or_else(PoisonError::into_inner));
        waits.sort_unstable();
        let place = (waits.len() * 99).div_ceil(100).saturating_sub(1);
        Duration::from_nanos(waits.get(place).copied().unwrap_or_default())
    }

    /// Jobs whose client waits to be told of their end.
    pub(crate) fn untold(&self) -> usize {
        let history = self.history();
        let told: BTreeSet<_> = history.answers.iter().map(|answer| &answer.job).collect();
        let asks = history.sent.iter().filter(|(_, sent)| sent.asks && sent.accepted.is_some());
        asks.filter(|(id, _)| !told.contains(id)).count()
    }

    /// Jobs that are accepted and not known to be final.
    pub(crate) fn in_flight(&self) -> usize {
        let history = self.history();
        history.open_at(u64::MAX).iter().filter(|id| history.sent[*id].accepted.is_some()).count()
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
