//! Making a checked commit true, and forgetting old jobs. Nothing here can fail.

use std::sync::Arc;

use warrener_engine::limit::SlotChange;
use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::limits::LOG_CHUNKS;

use super::{KeptJob, Memory};
use crate::store::{BulkChange, BulkState, Commit, Death, DelayedChanges, DispatchNo, KeptChanges, OwedReply};

impl Memory {
    /// Carries out a commit that was checked, in the order in which the databases do.
    pub(super) fn apply(&mut self, commit: &Commit) {
        for old in &commit.changes.replaced {
            if let Some(kept) = self.jobs.remove(&old.job) {
                self.index.job(Some(&kept.row), None);
            }
            self.forget_tasks(old.first_task, old.tasks);
        }
        for (row, (_, submitted, caption)) in commit.changes.new_jobs.iter().zip(&commit.submitted) {
            self.index.job(None, Some(row));
            self.ids.insert(row.id.clone(), row.no);
            let kept = KeptJob { row: row.clone(), submitted: submitted.clone(), caption: caption.clone() };
            self.jobs.insert(row.no, kept);
        }
        commit.changes.jobs.iter().for_each(|row| self.update_job(row));
        for row in &commit.changes.new_tasks {
            self.put_task(row);
        }
        for row in &commit.changes.tasks {
            if self.tasks.get(&row.no).is_some_and(|kept| is_same(kept, row)) {
                self.put_task(row);
            }
        }
        for (first, count) in &commit.changes.dropped {
            self.forget_tasks(*first, *count);
        }
        for row in &commit.changes.attempts {
            // The latest attempt of a task that ended between attempts is there already.
            self.attempts.entry((row.task, row.attempt)).or_insert_with(|| row.clone());
        }
        for (job, events) in &commit.changes.events {
            let first = events.first().map_or(0, |event| event.sequence);
            self.events.insert((*job, first), events.clone());
            self.counters.last_event += 1;
        }
        self.apply_rest(commit);
    }

    /// Limits, what their keys hold, and the slots of jobs.
    fn apply_limits(&mut self, commit: &Commit) {
        for row in &commit.changes.keys {
            self.limit_keys.insert(row.key.clone(), row.clone());
        }
        for SlotChange { job, key, since } in &commit.changes.slots {
            match since {
                Some(since) => drop(self.limit_slots.insert((key.clone(), *job), *since)),
                None => drop(self.limit_slots.remove(&(key.clone(), *job))),
            }
        }
        commit.idle_keys.iter().for_each(|key| drop(self.limit_keys.remove(key)));
        for (name, definition) in &commit.limits {
            match definition {
                Some(definition) => drop(self.limits.insert(name.clone(), definition.clone())),
                None => drop(self.limits.remove(name)),
            }
        }
    }

    /// Carries out the part of a commit that no rule made: answers, logs, stops, deaths, dead letters, counters.
    fn apply_rest(&mut self, commit: &Commit) {
        for reply in &commit.owed {
            self.counters.last_reply += 1;
            let no = self.counters.last_reply;
            self.replies.insert(no, OwedReply { no, ..reply.clone() });
        }
        for no in &commit.replied {
            self.replies.remove(no);
        }
        for chunk in &commit.logs {
            let log = self.logs.entry((chunk.task, chunk.attempt)).or_default();
            if log.len() < LOG_CHUNKS as usize {
                log.push(chunk.clone());
            }
        }
        for asked in &commit.asked {
            let (_, stopped) = self.stops.remove(&(asked.task, asked.attempt)).unzip();
            self.stops.insert((asked.task, asked.attempt), (asked.clone(), stopped.flatten()));
        }
        for (task, attempt, at) in &commit.stopped {
            if let Some((_, stopped)) = self.stops.get_mut(&(*task, *attempt)) {
                *stopped = stopped.or(Some(*at));
            }
        }
        for death in &commit.deaths {
            let same =
                |kept: &Death| (kept.task, kept.attempt, &kept.worker) == (death.task, death.attempt, &death.worker);
            if !self.deaths.iter().any(same) {
                self.deaths.push(death.clone());
            }
        }
        for letter in &commit.dead {
            self.counters.last_dead += 1;
            self.dead.insert(self.counters.last_dead, letter.clone());
        }
        for no in &commit.discarded {
            self.dead.remove(no);
        }
        self.counters.last_event += i64::try_from(commit.schedules.told.len()).unwrap_or(i64::MAX);
        self.apply_delayed(&commit.delayed);
        for row in &commit.audit {
            self.counters.last_audit += 1;
            self.audit.insert(self.counters.last_audit, row.clone());
        }
        self.apply_limits(commit);
        self.apply_kept(&commit.kept);
        self.apply_bulk(commit);
        for job in &commit.released {
            if let Some(kept) = self.jobs.get_mut(job) {
                kept.caption.unique = None;
            }
        }
        for (no, paused) in &commit.paused {
            self.queues.iter_mut().filter(|row| row.no == *no).for_each(|row| row.paused = *paused);
        }
        self.schedules.apply(&commit.schedules);
        self.counters.next_job = commit.jobs_below.unwrap_or(self.counters.next_job);
        self.counters.next_task = commit.taken_below.unwrap_or(self.counters.next_task);
        self.counters.published_below = commit.published_below.unwrap_or(self.counters.published_below);
        self.counters.seen_at = commit.seen_at.or(self.counters.seen_at);
        self.counters.trust = commit.trust.or(self.counters.trust);
    }

    /// Keeps messages that go out later, puts them off and forgets them.
    fn apply_delayed(&mut self, changes: &DelayedChanges) {
        for message in &changes.kept {
            self.counters.last_delayed += 1;
            self.delayed.insert(self.counters.last_delayed, message.clone());
        }
        for one in &changes.put_off {
            if let Some(message) = self.delayed.get_mut(&one.no) {
                let message = Arc::make_mut(message);
                (message.due_at, message.after_delay) = (one.due_at, true);
            }
        }
        for no in &changes.gone {
            self.delayed.remove(no);
        }
    }

    /// Keeps answers for tasks that begin to wait, and who was given them.
    fn apply_kept(&mut self, changes: &KeptChanges) {
        let new = changes.new.iter().map(|(answer, payload)| (answer.no, (answer.clone(), payload.clone())));
        self.kept.extend(new);
        self.given.extend(changes.given.iter().copied());
        for no in &changes.gone {
            self.kept.remove(no);
            self.given.retain(|(_, given)| given != no);
        }
    }

    /// Keeps bulk operations as they are from now on, and the sets of those that are not over.
    fn apply_bulk(&mut self, commit: &Commit) {
        for change in &commit.bulk {
            let is_running = change.row.state == BulkState::Running;
            let kept = self.bulk.get(&change.no).and_then(|kept| kept.set.clone());
            let set = change.set.clone().or(kept).filter(|_| is_running);
            self.bulk.insert(change.no, BulkChange { set, ..change.clone() });
        }
    }

    /// Replaces the row of a job, if it is the same job.
    pub(super) fn update_job(&mut self, row: &JobRow) {
        if let Some(kept) = self.jobs.get_mut(&row.no).filter(|kept| kept.row.first_task == row.first_task) {
            self.index.job(Some(&kept.row), Some(row));
            kept.row = row.clone();
        }
    }

    /// Adds or replaces the row of a task, and follows the highest dispatch.
    pub(super) fn put_task(&mut self, row: &TaskRow) {
        if let Some(no) = row.dispatch_no {
            self.counters.next_dispatch = self.counters.next_dispatch.max(DispatchNo(no + 1));
        }
        let old = self.tasks.insert(row.no, row.clone());
        self.index.task(old.as_ref(), Some(row));
    }

    /// Removes a job with everything that belongs to it.
    pub(super) fn forget(&mut self, job: JobNo) {
        let Some(kept) = self.jobs.remove(&job) else { return };
        self.index.job(Some(&kept.row), None);
        self.ids.remove(&kept.row.id);
        self.forget_tasks(kept.row.first_task, kept.caption.tasks);
        let events: Vec<_> = self.events.range((job, 0)..=(job, u64::MAX)).map(|(key, _)| *key).collect();
        for key in events {
            self.events.remove(&key);
        }
        self.replies.retain(|_, reply| reply.job != job);
    }

    /// Removes a range of tasks and all that is kept by their numbers, items of mapped tasks too.
    fn forget_tasks(&mut self, first: TaskNo, count: u32) {
        let rows: Vec<TaskRow> = self.range(first, count).cloned().collect();
        for row in rows {
            self.tasks.remove(&row.no);
            self.logs.retain(|(task, _), _| *task != row.no);
            self.stops.retain(|(task, _), _| *task != row.no);
            self.deaths.retain(|death| death.task != row.no);
            self.index.task(Some(&row), None);
            let attempts: Vec<_> = self.attempts(row.no).map(|attempt| attempt.attempt).collect();
            for attempt in attempts {
                self.attempts.remove(&(row.no, attempt));
            }
            if let Some(map) = row.map {
                self.forget_tasks(map.first_item, map.total);
            }
        }
    }
}

/// Tells whether a row is that of the same place in the same job. Only such a row is replaced.
fn is_same(kept: &TaskRow, row: &TaskRow) -> bool {
    (kept.job, kept.position, kept.index) == (row.job, row.position, row.index)
}
