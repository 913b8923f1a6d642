//! The book of limits: what each key holds, as it is committed.
//!
//! It is made anew from the rows, and changes when a commit has succeeded, by the one who made the commit. Others may
//! look at any time; a look is short.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use warrener_shared::expr::Template;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::time::Timestamp;

use super::{Claim, Hold, Holds, InLine, KeptClaims, KeySettings, KeyState, Limit, LimitKey, SlotRow};

/// See the module.
#[derive(Debug, Default)]
pub struct LimitBook(RwLock<Pages>);

#[derive(Debug, Default)]
struct Pages {
    limits: Arc<[Arc<Limit>]>,
    keys: BTreeMap<LimitKey, KeyState>,
    /// Shares of open attempts.
    holds: BTreeMap<TaskNo, Holds>,
    /// Claims of jobs to the slots of limits that count jobs.
    claims: BTreeMap<(JobNo, LimitKey), Claim>,
    /// Jobs that hold slots, and since when: of each key the oldest first.
    holders: BTreeSet<(LimitKey, Timestamp, JobNo)>,
    /// Jobs that give their slots up once they have ended.
    leaving: BTreeSet<JobNo>,
    /// Expressions by which queues are shared, by the name of the queue.
    fair: Arc<BTreeMap<String, Template>>,
    /// Virtual times of fair queues, by the name of the queue.
    virtual_times: BTreeMap<String, i64>,
}

/// Row of a key: all of it that no other row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: LimitKey,
    /// Level of its bucket; see [`super::Rate`].
    pub bucket: i64,
    /// Time until which nothing of it goes out.
    pub paused_until: Option<Timestamp>,
    /// Settings of its own.
    pub settings: KeySettings,
}

/// Number of tasks that wait for a key in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The key.
    pub key: LimitKey,
    /// Number of the queue.
    pub queue: i64,
    /// Number of tasks.
    pub count: u32,
}

/// Changes of a batch to the book.
#[derive(Debug, Default)]
pub struct LimitChanges {
    pub(crate) keys: BTreeMap<LimitKey, KeyState>,
    pub(crate) holds: BTreeMap<TaskNo, Option<Holds>>,
    pub(crate) claims: BTreeMap<(JobNo, LimitKey), Option<Claim>>,
    /// Keys that have room again at a time, the earliest known.
    pub(crate) wakes: BTreeMap<LimitKey, Timestamp>,
    pub(crate) virtual_times: BTreeMap<String, i64>,
}

impl LimitBook {
    /// Makes the book anew: from the limits, the kept rows, the shares of open attempts, what waits, and the claims of
    /// jobs.
    pub fn fill(
        &self,
        limits: Arc<[Arc<Limit>]>,
        rows: Vec<KeyRow>,
        holds: impl IntoIterator<Item = (TaskNo, Holds)>,
        waiting: impl IntoIterator<Item = Waiting>,
        claims: KeptClaims,
    ) {
        let (fair, virtual_times) = {
            let read = self.read();
            (read.fair.clone(), read.virtual_times.clone())
        };
        let mut pages = Pages { limits, fair, virtual_times, ..Pages::default() };
        for row in rows {
            let KeyRow { key, bucket, paused_until, settings } = row;
            pages.keys.insert(key, KeyState { bucket, paused_until, settings, ..KeyState::default() });
        }
        for (task, holds) in holds {
            for hold in holds.iter().filter(|hold| hold.limit.per_job.is_none()) {
                pages.keys.entry(hold.key.clone()).or_default().running += 1;
            }
            pages.holds.insert(task, holds);
        }
        for Waiting { key, queue, count } in waiting {
            pages.keys.entry(key).or_default().waiting.insert(queue, count);
        }
        pages.fill_claims(claims);
        *self.write() = pages;
    }

    /// Has queues shared by the keys that these expressions give, by the name of the queue.
    pub fn share(&self, fair: BTreeMap<String, Template>) {
        self.write().fair = Arc::new(fair);
    }

    /// Expressions by which queues are shared, by the name of the queue.
    pub fn fair(&self) -> Arc<BTreeMap<String, Template>> {
        self.read().fair.clone()
    }

    /// The virtual time of a fair queue goes on from here at least.
    pub fn begin_virtual_time(&self, queue: &str, time: i64) {
        let mut pages = self.write();
        let known = pages.virtual_times.entry(queue.to_owned()).or_default();
        *known = time.max(*known);
    }

    pub(crate) fn virtual_time(&self, queue: &str) -> i64 {
        self.read().virtual_times.get(queue).copied().unwrap_or(0)
    }

    /// The limits that there are, by name.
    pub fn limits(&self) -> Arc<[Arc<Limit>]> {
        self.read().limits.clone()
    }

    /// The limit of this name.
    pub fn limit(&self, name: &str) -> Option<Arc<Limit>> {
        self.read().limits.iter().find(|limit| limit.name.as_str() == name).cloned()
    }

    /// State of a key.
    pub fn key(&self, key: &LimitKey) -> Option<KeyState> {
        self.read().keys.get(key).cloned()
    }

    /// So many keys of a limit after one, in order, with what they hold.
    pub fn keys(&self, limit: &str, after: Option<&str>, most: usize) -> Vec<(LimitKey, KeyState)> {
        let first = LimitKey::written(&format!("{limit}/{}", after.unwrap_or_default()).into());
        let read = self.read();
        let from = read.keys.range(first.clone()..).filter(|(key, _)| after.is_none() || **key != first);
        let own = from.take_while(|(key, _)| key.limit() == limit);
        own.take(most).map(|(key, state)| (key.clone(), state.clone())).collect()
    }

    /// Keys for which something waits.
    pub fn waited_for(&self) -> Vec<LimitKey> {
        self.read().keys.iter().filter(|(_, state)| !state.waiting.is_empty()).map(|(key, _)| key.clone()).collect()
    }

    /// Number of keys that are known.
    pub fn len(&self) -> usize {
        self.read().keys.len()
    }

    /// Tells whether nothing is known of any key.
    pub fn is_empty(&self) -> bool {
        let read = self.read();
        read.keys.is_empty() && read.claims.is_empty()
    }

    /// The shares of an open attempt.
    pub(crate) fn holds(&self, task: TaskNo) -> Option<Holds> {
        self.read().holds.get(&task).cloned()
    }

    /// Claim of a job to a slot of a key.
    pub(crate) fn claim(&self, job: JobNo, key: &LimitKey) -> Option<Claim> {
        self.read().claims.get(&(job, key.clone())).copied()
    }

    /// Claims of a job, by key.
    pub(crate) fn claims(&self, job: JobNo) -> Vec<(LimitKey, Claim)> {
        let read = self.read();
        let own = read.claims.range((job, LimitKey::raw(""))..).take_while(|((of, _), _)| *of == job);
        own.map(|((_, key), claim)| (key.clone(), *claim)).collect()
    }

    /// Jobs that hold slots of a key, those that have for longest first; at most so many.
    pub(crate) fn holders(&self, key: &LimitKey, most: usize) -> Vec<(JobNo, Timestamp)> {
        let read = self.read();
        let from = read.holders.range((key.clone(), Timestamp(i64::MIN), JobNo(i64::MIN))..);
        from.take_while(|(of, ..)| of == key).take(most).map(|(_, since, job)| (*job, *since)).collect()
    }

    /// Jobs that give their slots up once they are known to have ended.
    pub fn leaving(&self) -> Vec<JobNo> {
        self.read().leaving.iter().copied().collect()
    }

    /// Takes in what a commit made true.
    pub fn committed(&self, changes: LimitChanges) {
        if changes.keys.is_empty() && changes.holds.is_empty() && changes.claims.is_empty() {
            return;
        }
        let mut pages = self.write();
        pages.virtual_times.extend(changes.virtual_times);
        pages.keys.extend(changes.keys);
        for ((job, key), claim) in changes.claims {
            pages.claim(job, key, claim);
        }
        for (task, holds) in changes.holds {
            match holds {
                Some(holds) => drop(pages.holds.insert(task, holds)),
                None => drop(pages.holds.remove(&task)),
            }
        }
    }

    /// Keys that nothing would be lost of, at most so many.
    pub fn idle(&self, now: Timestamp, most: usize) -> Vec<LimitKey> {
        let read = self.read();
        read.keys.iter().filter(|(_, state)| state.is_idle(now)).take(most).map(|(key, _)| key.clone()).collect()
    }

    /// The wall clock was set by so many milliseconds: buckets and pauses go on as they were.
    pub fn shift(&self, by: i64) {
        for state in self.write().keys.values_mut() {
            state.bucket = state.bucket.saturating_add(by.saturating_mul(1_000_000));
            state.paused_until = state.paused_until.map(|until| Timestamp(until.0.saturating_add(by)));
        }
    }

    /// Forgets keys.
    pub fn forget(&self, keys: &[LimitKey]) {
        let mut pages = self.write();
        keys.iter().for_each(|key| drop(pages.keys.remove(key)));
    }

    /// Shares of all open attempts.
    pub fn open(&self) -> Vec<(TaskNo, Vec<Hold>)> {
        self.read().holds.iter().map(|(task, holds)| (*task, holds.to_vec())).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Pages> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Makes the claims of jobs anew. Of a job that holds no slot the best of its tasks in the line of a key leads.
    fn fill_claims(&mut self, KeptClaims { slots, in_line }: KeptClaims) {
        for SlotRow { job, key, since, is_over } in slots {
            let counts = |limit: &Arc<Limit>| limit.name.as_str() == key.limit() && limit.per_job.is_some();
            if self.limits.iter().any(counts) {
                let state = self.keys.entry(key.clone()).or_default();
                state.running += 1;
                state.leaving += u32::from(is_over);
            }
            let claim = if is_over { Claim::Leaves(since) } else { Claim::Holds(since) };
            self.claim(job, key, Some(claim));
        }
        for InLine { key, job, task } in in_line {
            match self.claims.get(&(job, key.clone())) {
                None => self.claim(job, key, Some(Claim::Waits(task))),
                // It came there while the limit counted attempts.
                Some(_) => self.keys.entry(key).or_default().is_mixed = true,
            }
        }
    }

    /// Notes the claim of a job, or that it has none any more.
    fn claim(&mut self, job: JobNo, key: LimitKey, claim: Option<Claim>) {
        let known = match claim {
            Some(claim) => self.claims.insert((job, key.clone()), claim),
            None => self.claims.remove(&(job, key.clone())),
        };
        if let Some(since) = known.and_then(Claim::since) {
            self.holders.remove(&(key.clone(), since, job));
        }
        if let Some(since) = claim.and_then(Claim::since) {
            self.holders.insert((key, since, job));
        }
        let mut own = self.claims.range((job, LimitKey::raw(""))..).take_while(|((of, _), _)| *of == job);
        if own.any(|(_, claim)| matches!(claim, Claim::Leaves(_))) {
            self.leaving.insert(job);
        } else {
            self.leaving.remove(&job);
        }
    }
}
