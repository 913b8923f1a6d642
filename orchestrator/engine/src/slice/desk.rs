//! Limits as a batch sees them: what is committed, and what it changed since.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use warrener_shared::expr::{ExprError, Template};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::BuiltIn;
use warrener_shared::time::Timestamp;

use super::Slice;
use crate::limit::{
    Claim, Holds, KeyRow, KeyState, Limit, LimitBook, LimitChanges, LimitKey, SlotChange, TaskInJob, holds, key_text,
};

/// See the module.
#[derive(Debug)]
pub(super) struct LimitDesk {
    book: Arc<LimitBook>,
    limits: Arc<[Arc<Limit>]>,
    fair: Arc<BTreeMap<String, Template>>,
    /// Tasks that were woken since somebody last asked.
    woken: Vec<TaskNo>,
    /// The time of the batch.
    now: Timestamp,
    changes: LimitChanges,
}

impl Slice {
    /// Gives the limits to the batch. Where there are none it does without, and nothing asks for them.
    #[must_use]
    pub fn with_book(mut self, book: &Arc<LimitBook>, now: Timestamp) -> Self {
        let (limits, fair) = (book.limits(), book.fair());
        if !limits.is_empty() || !fair.is_empty() || !book.is_empty() {
            let (woken, changes) = (Vec::new(), LimitChanges::default());
            self.desk = Some(LimitDesk { book: book.clone(), limits, fair, woken, now, changes });
        }
        self
    }

    /// Tells whether there are limits.
    pub const fn has_limits(&self) -> bool {
        self.desk.is_some()
    }

    /// Attempts of a cost of 1 that a key lets out at the time of the batch; any number if its limit is no more.
    pub(crate) fn key_room(&self, key: &LimitKey) -> u32 {
        let Some(desk) = &self.desk else { return u32::MAX };
        self.limit(key.limit()).map_or(u32::MAX, |limit| self.key(key).room(limit, 1, desk.now))
    }

    /// The time of the batch; 0 where there are no limits.
    pub(crate) fn batch_time(&self) -> Timestamp {
        self.desk.as_ref().map_or(Timestamp(0), |desk| desk.now)
    }

    /// The limit of this name.
    pub fn limit(&self, name: &str) -> Option<&Arc<Limit>> {
        self.desk.as_ref()?.limits.iter().find(|limit| limit.name.as_str() == name)
    }

    /// Shares that the next attempt of a task or item takes; `None` if no limit counts it.
    pub(crate) fn holds_of(&self, no: TaskNo) -> Option<Holds> {
        let desk = self.desk.as_ref()?;
        let (row, entry) = self.with_job(no);
        holds(&desk.limits, entry.limited_task(row.position), &self.limits)
    }

    /// State of a key.
    pub fn key(&self, key: &LimitKey) -> KeyState {
        let Some(desk) = &self.desk else { return KeyState::default() };
        desk.changes.keys.get(key).cloned().or_else(|| desk.book.key(key)).unwrap_or_default()
    }

    /// The same for changing; `None` where there are no limits.
    pub fn key_mut(&mut self, key: &LimitKey) -> Option<&mut KeyState> {
        let desk = self.desk.as_mut()?;
        Some(match desk.changes.keys.entry(key.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(desk.book.key(key).unwrap_or_default()),
        })
    }

    /// The key by which a task shares its queue; null is one key, too. `None` if the queue is not fair.
    pub(crate) fn fair_key(&self, of: TaskInJob<'_>) -> Option<Result<String, ExprError>> {
        let template = self.desk.as_ref()?.fair.get(of.task.policy.queue.as_str())?;
        if BuiltIn::of(&of.task.kind).is_some() {
            return None;
        }
        Some(key_text(template, of, &self.limits))
    }

    /// The virtual time of a fair queue.
    pub(crate) fn virtual_time(&self, queue: &str) -> i64 {
        let Some(desk) = &self.desk else { return 0 };
        desk.changes.virtual_times.get(queue).copied().unwrap_or_else(|| desk.book.virtual_time(queue))
    }

    /// The virtual time of a fair queue goes on.
    pub(crate) fn advance_virtual_time(&mut self, queue: &str, to: i64) {
        let time = self.virtual_time(queue).max(to);
        if let Some(desk) = &mut self.desk {
            desk.changes.virtual_times.insert(queue.to_owned(), time);
        }
    }

    /// Notes that a parked task joined the ready.
    pub(crate) fn note_woken(&mut self, no: TaskNo) {
        if let Some(desk) = &mut self.desk {
            desk.woken.push(no);
        }
    }

    /// Takes the tasks that were woken since this was last asked.
    pub fn take_woken(&mut self) -> Vec<TaskNo> {
        self.desk.as_mut().map(|desk| std::mem::take(&mut desk.woken)).unwrap_or_default()
    }

    /// Shares of an open attempt.
    pub(crate) fn held_by(&self, no: TaskNo) -> Option<Holds> {
        let desk = self.desk.as_ref()?;
        desk.changes.holds.get(&no).cloned().unwrap_or_else(|| desk.book.holds(no))
    }

    /// Notes the shares of an attempt, or that it has none any more.
    pub(crate) fn note_holds(&mut self, no: TaskNo, holds: Option<Holds>) {
        if let Some(desk) = &mut self.desk {
            desk.changes.holds.insert(no, holds);
        }
    }

    /// Claim of a job to a slot of a key of a limit that counts jobs.
    pub(crate) fn claim(&self, job: JobNo, key: &LimitKey) -> Option<Claim> {
        let desk = self.desk.as_ref()?;
        desk.changes.claims.get(&(job, key.clone())).copied().unwrap_or_else(|| desk.book.claim(job, key))
    }

    /// Claims of a job, by key.
    pub(crate) fn claims_of(&self, job: JobNo) -> Vec<(LimitKey, Claim)> {
        let Some(desk) = &self.desk else { return Vec::new() };
        let mut claims: BTreeMap<LimitKey, Claim> = desk.book.claims(job).into_iter().collect();
        let changed = desk.changes.claims.range((job, LimitKey::raw(""))..).take_while(|((of, _), _)| *of == job);
        for ((_, key), claim) in changed {
            match claim {
                Some(claim) => drop(claims.insert(key.clone(), *claim)),
                None => drop(claims.remove(key)),
            }
        }
        claims.into_iter().collect()
    }

    /// Notes the claim of a job to a slot of a key, or that it has none any more.
    pub(crate) fn note_claim(&mut self, job: JobNo, key: &LimitKey, claim: Option<Claim>) {
        if let Some(desk) = &mut self.desk {
            desk.changes.claims.insert((job, key.clone()), claim);
        }
    }

    /// The job that has held a slot of a key for longest, of those that do not leave it.
    pub(crate) fn oldest_holder(&self, key: &LimitKey) -> Option<(JobNo, Timestamp)> {
        let desk = self.desk.as_ref()?;
        let holds = |job: JobNo| match self.claim(job, key) {
            Some(Claim::Holds(since)) => Some((since, job)),
            _ => None,
        };
        // Those that this batch changed may be as many again.
        let changed = desk.changes.claims.keys().filter(|(_, of)| of == key).map(|(job, _)| *job);
        let running = self.key(key).running as usize + desk.changes.claims.len();
        let kept = desk.book.holders(key, running).into_iter().map(|(job, _)| job);
        changed.chain(kept).filter_map(holds).min().map(|(since, job)| (job, since))
    }

    /// Changes of slots, as they are kept. Who waits for one the rows of the tasks say.
    pub(super) fn slot_changes(&self) -> Vec<SlotChange> {
        let Some(desk) = &self.desk else { return Vec::new() };
        let change = |((job, key), claim): (&(JobNo, LimitKey), &Option<Claim>)| {
            let since = claim.and_then(Claim::since);
            let before = desk.book.claim(*job, key).and_then(Claim::since);
            (since != before).then(|| SlotChange { job: *job, key: key.clone(), since })
        };
        desk.changes.claims.iter().filter_map(change).collect()
    }

    /// Notes that what waits for a key is to be woken at a time.
    pub(crate) fn wake_key_at(&mut self, key: &LimitKey, at: Timestamp) {
        if let Some(desk) = &mut self.desk {
            let known = desk.changes.wakes.entry(key.clone()).or_insert(at);
            *known = at.min(*known);
        }
    }

    /// The times at which keys are to be looked at again. They are no change: memory alone has them.
    pub fn take_wakes(&mut self) -> BTreeMap<LimitKey, Timestamp> {
        self.desk.as_mut().map(|desk| std::mem::take(&mut desk.changes.wakes)).unwrap_or_default()
    }

    /// Rows of the keys of which something changed that no other row says.
    pub(super) fn key_rows(&self) -> Vec<KeyRow> {
        let Some(desk) = &self.desk else { return Vec::new() };
        let news = |(key, state): (&LimitKey, &KeyState)| {
            let before = desk.book.key(key).unwrap_or_default();
            let parts = |state: &KeyState| (state.bucket, state.paused_until, state.settings);
            (parts(&before) != parts(state)).then(|| KeyRow {
                key: key.clone(),
                bucket: state.bucket,
                paused_until: state.paused_until,
                settings: state.settings,
            })
        };
        let kept = |key: &LimitKey| !key.text().starts_with("fair:");
        desk.changes.keys.iter().filter(|(key, _)| kept(key)).filter_map(news).collect()
    }

    /// Takes the changes of the limits, for [`LimitBook::committed`] once the others are committed.
    pub fn take_limit_changes(&mut self) -> LimitChanges {
        let Some(desk) = &mut self.desk else { return LimitChanges::default() };
        let wakes = std::mem::take(&mut desk.changes.wakes);
        std::mem::replace(&mut desk.changes, LimitChanges { wakes, ..LimitChanges::default() })
    }
}
