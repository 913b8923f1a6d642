//! What must hold after every commit, whatever happened.

use std::collections::BTreeSet;

use warrener_shared::id::TaskNo;
use warrener_shared::state::TaskState;

use super::World;
use crate::invariant::{of_task, violations};
use crate::row::{Counts, Ended, JobRow, TaskRow};
use crate::{Effect, Slice};

impl World {
    /// Everything about the rows and the effects of a batch that is not as it must be.
    pub(super) fn check(&self, effects: &[Effect]) {
        let mut found = Vec::new();
        for job in self.jobs.values() {
            let tasks = self.tasks_of(job);
            found.extend(violations(job, &tasks));
            for task in &tasks {
                found.extend(self.items_of(task));
                found.extend(self.needs_of(job, task));
            }
            found.extend(self.events_of(job));
            found.extend(self.slots_of(job));
        }
        found.extend(self.attempts_of(effects));
        assert!(found.is_empty(), "after a batch at {}: {found:#?}\n{}", self.now, self.glance());
    }

    pub(in crate::tests) fn tasks_of(&self, job: &JobRow) -> Vec<TaskRow> {
        let count = self.specs[&job.no].tasks.len();
        (0..count).map(|at| self.tasks[&job.task_no(u32::try_from(at).unwrap())].clone()).collect()
    }

    /// A dispatched task or item has no need that is not final.
    pub(super) fn check_needs(&self, slice: &Slice, effect: &Effect) {
        let Effect::Opened { ticket, .. } = effect else { return };
        let row = slice.task(ticket.task).expect("it was just dispatched");
        let job = slice.job(row.job).expect("its job was loaded");
        for need in &job.spec.tasks[row.position as usize].needs {
            let no = job.row.task_no(*need);
            let state = slice.task(no).or_else(|| self.tasks.get(&no)).map(|row| row.state);
            assert!(state.is_some_and(TaskState::is_final), "{} went out before its need {need}", self.address(row));
        }
    }

    fn items_of(&self, mapped: &TaskRow) -> Vec<String> {
        let Some(map) = mapped.map else { return Vec::new() };
        let mut found = Vec::new();
        let mut counts = Counts::default();
        for index in 0..map.total {
            let row = self.tasks.get(&TaskNo(map.first_item.0 + i64::from(index)));
            if row.is_some() != (index < map.next) {
                found.push(format!("item {index}: next is {}, its row is {row:?}", map.next));
            }
            let Some(row) = row else { continue };
            counts.add(row.state, 1);
            found.extend(of_task(row).into_iter().map(|what| format!("item {index}: {what}")));
            if row.index != Some(index) || row.position != mapped.position || row.job != mapped.job {
                found.push(format!("item {index} is of another task"));
            }
            if mapped.state.is_final() && !row.state.is_final() {
                found.push(format!("item {index} is {} of a {} task", row.state, mapped.state));
            }
        }
        if counts != map.counts {
            found.push(format!("counts {:?} of the mapped task, {counts:?} of its items", map.counts));
        }
        let each = self.specs[&mapped.job].tasks[mapped.position as usize].for_each.as_ref();
        let open = counts.open() - counts.get(TaskState::Waiting);
        if each.and_then(|each| each.max_parallel).is_some_and(|most| open > most) {
            found.push(format!("{open} items are open"));
        }
        found
    }

    /// The counters of a waiting task say how its needs stand.
    fn needs_of(&self, job: &JobRow, task: &TaskRow) -> Vec<String> {
        if task.state != TaskState::Waiting {
            return Vec::new();
        }
        let spec = &self.specs[&job.no];
        let needs = spec.tasks[task.position as usize].needs.iter();
        let mut is = (0, 0, 0);
        for at in needs {
            let need = &self.tasks[&job.task_no(*at)];
            if !need.state.is_final() {
                is.0 += 1;
                continue;
            }
            match need.ended(&spec.tasks[*at as usize].allow_failure) {
                Ended::Ok => is.1 += 1,
                Ended::Failed => is.2 += 1,
                Ended::Neutral => {}
            }
        }
        let says = (task.needs_open, task.needs_ok, task.needs_failed);
        if says == is { Vec::new() } else { vec![format!("{} counts needs as {says:?}: {is:?}", self.address(task))] }
    }

    /// No more attempts of a job are open than may be, and what waits for that is not forgotten.
    fn slots_of(&self, job: &JobRow) -> Vec<String> {
        let rows = || self.tasks.values().filter(|row| row.job == job.no);
        let open = rows().filter(|row| row.dispatch_no.is_some() || row.waits_for.is_some()).count();
        let Some(most) = self.specs[&job.no].max_parallel else {
            return rows()
                .filter(|row| row.parked.is_some() && row.line.is_none())
                .map(|row| format!("{} is parked", row.no.0))
                .collect();
        };
        let (says, most) = (job.open_attempts as usize, most as usize);
        let mut found = Vec::new();
        if open != says || open > most {
            found.push(format!("{open} attempts are open, the job says {says}, {most} may be"));
        }
        let queues: BTreeSet<i64> = rows().map(|row| row.queue).collect();
        for queue in queues {
            let of = || rows().filter(|row| row.queue == queue);
            let offered = of().filter(|row| row.rank.is_some()).count();
            let parked = of().filter(|row| row.parked.is_some() && row.line.is_none()).count();
            if offered < most.saturating_sub(open).min(offered + parked) {
                found.push(format!(
                    "job {}: {parked} are parked and {offered} offered, {open} of {most} are open",
                    job.no.0
                ));
            }
        }
        found
    }

    /// The events of a job are numbered from 1 without gaps, and the row knows the latest.
    fn events_of(&self, job: &JobRow) -> Option<String> {
        let log = self.log.get(&job.no).map_or(&[][..], Vec::as_slice);
        let gapless = log.iter().zip(1..).all(|(event, no)| event.sequence == no);
        let latest = u64::try_from(log.len()).unwrap();
        (!gapless || job.sequence != latest).then(|| format!("{latest} events, the job says {}", job.sequence))
    }

    /// Each attempt is opened at most once and closed at most once, and those that are open were never closed.
    fn attempts_of(&self, effects: &[Effect]) -> Vec<String> {
        let (mut opened, mut closed) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Vec::new();
        for effect in effects {
            let fresh = match effect {
                Effect::Opened { ticket, .. } => opened.insert(*ticket),
                Effect::Closed { ticket, .. } => closed.insert(*ticket),
                _ => true,
            };
            if !fresh {
                found.push(format!("twice: {effect:?}"));
            }
        }
        let open: BTreeSet<_> = self.open().into_iter().collect();
        found.extend(open.intersection(&closed).map(|ticket| format!("{ticket} is closed and open")));
        found.extend(opened.difference(&closed).filter(|t| !open.contains(t)).map(|t| format!("{t} is not open")));
        found
    }
}
