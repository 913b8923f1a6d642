//! Limits that count jobs under whatever happens: a judge that counts for itself looks after every batch.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use warrener_shared::error::ErrorObject;
use warrener_shared::expr::{Roots, Template};
use warrener_shared::id::{JobNo, LimitName, Ticket};
use warrener_shared::json::Doc;
use warrener_shared::limits::Limits;
use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::{KeyPause, Report, RetryAdvice};

use super::random::Random;
use super::world::World;
use crate::Event;
use crate::event::Reported;
use crate::limit::{InLine, KeptClaims, KeyRow, Limit, LimitKey, SlotRow, Waiting, WhenFull, holds};
use crate::row::TaskRow;

const SEEDS: u64 = 12;
const TENANTS: [&str; 2] = ["acme", "bell"];

fn tenant() -> Template {
    let roots = Roots { task: true, ..Roots::default() };
    Template::parse(&Doc::text("${{ job.labels.tenant }}"), roots, &Limits::DEFAULT).unwrap()
}

fn limit(slots: u32, when_full: WhenFull) -> Arc<Limit> {
    Arc::new(Limit {
        name: LimitName::new("jobs").unwrap(),
        on: None,
        key: Some(tenant()),
        concurrency: Some(slots),
        rate: None,
        cost: None,
        per_job: Some(when_full),
    })
}

/// A limit of one attempt of a tenant at once, beside that of jobs.
fn one_attempt() -> Arc<Limit> {
    let name = LimitName::new("attempts").unwrap();
    Arc::new(Limit { name, concurrency: Some(1), per_job: None, ..(*limit(1, WhenFull::Wait)).clone() })
}

/// A world with tenants, and what its judge has seen.
struct Tenants {
    world: World,
    random: Random,
    limits: Arc<[Arc<Limit>]>,
    /// Jobs of which a limited task went out since they were last final, unless the limit changed since.
    served: BTreeSet<JobNo>,
}

impl Tenants {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut world = World::new();
        world.room = *random.pick(&[1, 3, 1000]);
        if random.percent(50) {
            world.book.share(BTreeMap::from([("q".to_owned(), tenant())]));
        }
        let limits = Self::limits(&mut random);
        world.book.fill(limits.clone(), Vec::new(), Vec::new(), Vec::new(), KeptClaims::default());
        Self { world, random, limits, served: BTreeSet::new() }
    }

    fn limits(random: &mut Random) -> Arc<[Arc<Limit>]> {
        let all = [WhenFull::Wait, WhenFull::CancelOldest, WhenFull::CancelNewest];
        vec![one_attempt(), limit(*random.pick(&[1, 2]), *random.pick(&all))].into()
    }

    fn slots(&self) -> Option<u32> {
        self.limits.iter().find(|limit| limit.name.as_str() == "jobs" && limit.per_job.is_some())?.concurrency
    }

    fn submit(&mut self) -> Event {
        let (tenant, queue) = (*self.random.pick(&TENANTS), *self.random.pick(&["q", "r"]));
        let other = *self.random.pick(&["q", "r"]);
        let named = *self.random.pick(&[r#""jobs""#, r#""jobs","attempts""#]);
        let free = format!(r#""kind":"k","queue":"{queue}""#);
        let both = format!(r#""kind":"k","queue":"{other}","retry":1,"limits":["jobs","attempts"]"#);
        let policy = format!(r#""kind":"k","queue":"{queue}","retry":1,"limits":[{named}]"#);
        let job = match self.random.below(6) {
            0 => format!(r#""tasks":{{"m":{{{policy},"for_each":[1,2,3,4]}}}}"#),
            1 => format!(
                r#""max_parallel":1,"tasks":{{"a":{{{policy}}},"b":{{{both}}},"c":{{{free}}},"d":{{{policy}}},"e":{{{free}}}}}"#
            ),
            2 => format!(r#""tasks":{{"a":{{{policy}}},"b":{{{both}}},"c":{{{policy},"needs":"a"}}}}"#),
            3 => format!(
                r#""tasks":{{"a":{{{free}}},"b":{{{policy},"needs":"a"}},"d":{{{both},"run_on":"done","needs":"b"}}}}"#
            ),
            4 => format!(
                r#""max_parallel":2,"tasks":{{"m":{{{both},"for_each":[1,2,3]}},"c":{{{free}}},"d":{{{policy}}}}}"#
            ),
            _ => policy,
        };
        self.world.accept(format!(r#"{{"labels":{{"tenant":"{tenant}"}},{job}}}"#).as_bytes())
    }

    fn report(&mut self, ticket: Ticket) -> Event {
        let pause = |random: &mut Random| {
            let limit = LimitName::new("jobs").unwrap();
            random.percent(30).then_some(KeyPause { limit, span: Millis(500) })
        };
        let report = match self.random.below(8) {
            0 => Report::Released { code: None, deliveries: None, pause: pause(&mut self.random) },
            1 => Report::Failed { error: ErrorObject::new("x", "it broke"), retry: RetryAdvice::After(Millis(300)) },
            _ => Report::Succeeded { output: b"1".to_vec() },
        };
        Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost: None })
    }

    fn event(&mut self) -> Event {
        let jobs: Vec<JobNo> = self.world.jobs.keys().copied().collect();
        let open = self.world.open();
        match self.random.below(20) {
            0..6 => self.submit(),
            6 if !jobs.is_empty() => Event::CancelRequested(*self.random.pick(&jobs)),
            7 if !jobs.is_empty() => Event::PauseRequested(*self.random.pick(&jobs), self.random.percent(50)),
            8 if !jobs.is_empty() => Event::RetryRequested(*self.random.pick(&jobs)),
            9 if !jobs.is_empty() => Event::TaskRetryRequested(*self.random.pick(&jobs), 0, None),
            _ if !open.is_empty() => {
                let ticket = *self.random.pick(&open);
                self.report(ticket)
            }
            _ => self.submit(),
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 | 1 => {
                self.world.room = *self.random.pick(&[0, 1, 3, 1000]);
                self.batch(&[]);
            }
            2 | 3 => {
                self.world.now = Timestamp(self.world.now.0 + i64::try_from(self.random.below(700)).unwrap());
                self.batch(&[]);
            }
            4 | 5 => self.forget(),
            6 => {
                self.change();
                self.forget();
            }
            _ => {
                let events: Vec<Event> = (0..=self.random.below(3)).map(|_| self.event()).collect();
                self.batch(&events);
            }
        }
    }

    /// The limit of jobs is removed, counts attempts, or counts jobs with other words.
    fn change(&mut self) {
        self.limits = match self.random.below(3) {
            0 => vec![one_attempt()].into(),
            1 => {
                let attempts = Limit { per_job: None, ..(*limit(1, WhenFull::Wait)).clone() };
                vec![one_attempt(), Arc::new(attempts)].into()
            }
            _ => Self::limits(&mut self.random),
        };
        // Those that ran before are no fault of the limit.
        self.served.clear();
    }

    /// A process that starts anew has the rows and nothing else.
    fn forget(&mut self) {
        let rows = || self.world.tasks.values();
        let shares = rows().filter(|row| row.dispatch_no.is_some()).filter_map(|row| {
            let entry = self.world.entry(row.job);
            Some((row.no, holds(&self.limits, entry.limited_task(row.position), &Limits::DEFAULT)?))
        });
        let shares = shares.collect::<Vec<_>>();
        let mut waiting: BTreeMap<(LimitKey, i64), u32> = BTreeMap::new();
        for row in rows() {
            let key = row.line.as_ref().map(LimitKey::written);
            key.into_iter().for_each(|key| *waiting.entry((key, row.queue)).or_default() += 1);
        }
        let waiting = waiting.into_iter().map(|((key, queue), count)| Waiting { key, queue, count });
        let kept = self.world.slots.iter().map(|((key, job), since)| SlotRow {
            job: *job,
            key: key.clone(),
            since: *since,
            is_over: self.world.jobs[job].state.is_final(),
        });
        let in_line = rows().filter_map(|row| {
            let key = row.line.as_ref().map(LimitKey::written).filter(|key| key.limit() == "jobs")?;
            Some((row.parked, InLine { key, job: row.job, task: row.no }))
        });
        let mut in_line: Vec<_> = in_line.filter(|_| self.slots().is_some()).collect();
        in_line.sort_by_key(|(place, row)| (*place, row.task));
        let in_line = in_line.into_iter().map(|(_, row)| row).collect();
        let keys: Vec<KeyRow> = self.world.keys.values().cloned().collect();
        let claims = KeptClaims { slots: kept.collect(), in_line };
        self.world.book.fill(self.limits.clone(), keys, shares, waiting.collect::<Vec<_>>(), claims);
        self.world.wakes = self.world.book.waited_for().into_iter().map(|key| (key, Timestamp(0))).collect();
        self.batch(&[]);
    }

    fn batch(&mut self, events: &[Event]) {
        let step = self.world.batch(events);
        // Of a job that ended and went on in one batch only the rows say so.
        self.served.retain(|job| !self.world.jobs[job].state.is_final());
        for dispatch in step.dispatches() {
            let job = self.world.jobs.values().find(|row| row.id == dispatch.job).unwrap();
            let spec = &self.world.specs[&job.no];
            let task = spec.tasks.iter().find(|task| task.name == dispatch.task.task).unwrap();
            if !task.policy.limits.is_empty() && !job.state.is_final() {
                self.served.insert(job.no);
            }
        }
        self.judge();
    }

    fn judge(&self) {
        let Some(slots) = self.slots() else { return };
        let limit = self.limits.iter().find(|limit| limit.per_job.is_some()).unwrap();
        for tenant in TENANTS {
            let of = |job: &&JobNo| self.world.specs[*job].labels["tenant"] == tenant;
            let running = u32::try_from(self.served.iter().filter(of).count()).unwrap();
            assert!(running <= slots, "{running} jobs of {tenant} run\n{}", self.world.glance());
            let key = LimitKey::written(&format!("jobs/{tenant}").into());
            let state = self.world.book.key(&key).unwrap_or_default();
            assert!(state.running >= running, "{} counted, {running} run", state.running);
            let in_line = self.world.tasks.values().filter(|row| row.line.as_ref() == Some(key.text()));
            if !state.is_mixed {
                // Of each job one task at most stands in the line, and none once the job has its slot.
                let mut jobs: Vec<JobNo> = in_line.clone().map(|row| row.job).collect();
                let all = jobs.len();
                jobs.sort_unstable();
                jobs.dedup();
                assert_eq!(all, jobs.len(), "two tasks of a job stand in the line\n{}", self.world.glance());
                let holds = |job: &JobNo| self.world.slots.contains_key(&(key.clone(), *job));
                assert!(!jobs.iter().any(holds), "a job with a slot waits for it\n{}", self.world.glance());
            }
            // Where there is room, one of each queue that waits has been woken.
            if state.full(limit, 1, self.world.now).is_none() {
                for waiting in in_line {
                    let ready = |row: &&TaskRow| row.rank.is_some() && row.queue == waiting.queue;
                    let found = self.world.tasks.values().any(|row| ready(&row));
                    assert!(found, "a slot is free beside a job that waits\n{}", self.world.glance());
                }
            }
        }
    }

    /// From now on workers work: everything must come to its end.
    fn finish(&mut self) {
        self.world.room = 1000;
        let jobs: Vec<JobNo> = self.world.jobs.keys().copied().collect();
        self.batch(&jobs.into_iter().map(|job| Event::PauseRequested(job, false)).collect::<Vec<_>>());
        for _ in 0..3_000 {
            if self.world.jobs.values().all(|row| row.state.is_final()) && self.world.book.leaving().is_empty() {
                assert!(self.world.book.waited_for().is_empty() && self.world.slots.is_empty());
                assert!(self.world.book.keys("jobs", None, 9).iter().all(|(_, state)| state.running == 0));
                return;
            }
            match self.world.open().first().copied() {
                Some(ticket) => {
                    let report = Report::Succeeded { output: b"1".to_vec() };
                    let cost = None;
                    self.batch(&[Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost })]);
                }
                None => {
                    self.world.now = self.world.next_due().map_or(self.world.now, |due| due.max(self.world.now));
                    self.batch(&[]);
                }
            }
        }
        panic!("something waits for ever\n{}", self.world.glance());
    }
}

#[test]
fn no_more_jobs_run_than_there_are_slots_and_all_come_to_their_end() {
    for seed in 0..SEEDS {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut tenants = Tenants::new(seed);
            for _ in 0..90 {
                tenants.step();
            }
            tenants.finish();
        }));
        outcome.unwrap_or_else(|panic| {
            eprintln!("seed {seed}");
            resume_unwind(panic)
        });
    }
}

/// A world with one slot for a tenant, and the event that submits a job of it.
fn one_slot(when_full: WhenFull) -> World {
    let world = World::new();
    world.book.fill(vec![limit(1, when_full)].into(), Vec::new(), Vec::new(), Vec::new(), KeptClaims::default());
    world
}

fn submit(world: &mut World, policy: &str) -> JobNo {
    let job = format!(r#"{{"labels":{{"tenant":"acme"}},{policy}}}"#);
    let event = world.accept(job.as_bytes());
    let Event::Submitted(submitted) = &event else { unreachable!("it was accepted") };
    let no = submitted.job;
    world.batch(&[event]);
    no
}

fn succeed(world: &mut World) {
    let ticket = world.open()[0];
    let report = Report::Succeeded { output: b"1".to_vec() };
    world.batch(&[Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost: None })]);
}

const SINGLE: &str = r#""kind":"k","limits":["jobs"]"#;

#[test]
fn a_job_keeps_its_slot_between_its_tasks() {
    let mut world = one_slot(WhenFull::Wait);
    let graph = r#""tasks":{"a":{"kind":"k","limits":["jobs"]},"b":{"kind":"k","needs":"a","limits":["jobs"]}}"#;
    let (first, second) = (submit(&mut world, graph), submit(&mut world, SINGLE));
    succeed(&mut world);
    assert_eq!(world.open().len(), 1);
    assert_eq!(world.tasks[&world.open()[0].task].job, first, "its second task");
    succeed(&mut world);
    assert_eq!(world.tasks[&world.open()[0].task].job, second);
}

#[test]
fn the_oldest_is_cancelled_for_the_newest() {
    let mut world = one_slot(WhenFull::CancelOldest);
    let (first, second) = (submit(&mut world, SINGLE), submit(&mut world, SINGLE));
    assert_eq!(world.jobs[&first].state, JobState::Cancelled);
    assert!(world.open().is_empty(), "not before its end is confirmed");
    world.batch(&[]);
    assert_eq!(world.tasks[&world.open()[0].task].job, second);
    let (third, fourth) = (submit(&mut world, SINGLE), submit(&mut world, SINGLE));
    world.batch(&[]);
    world.batch(&[]);
    let states = [second, third, fourth].map(|job| world.jobs[&job].state);
    assert_eq!(states, [JobState::Cancelled, JobState::Cancelled, JobState::Running]);
}

#[test]
fn the_newest_is_turned_away() {
    let mut world = one_slot(WhenFull::CancelNewest);
    let (first, second) = (submit(&mut world, SINGLE), submit(&mut world, SINGLE));
    assert_eq!((world.jobs[&first].state, world.jobs[&second].state), (JobState::Running, JobState::Cancelled));
    let error = ErrorObject::from_json(world.jobs[&second].error.as_deref().unwrap()).unwrap();
    assert_eq!((&*error.code, &*error.message), ("limited", "limit jobs, key acme: 1 jobs run"));
    succeed(&mut world);
    let third = submit(&mut world, SINGLE);
    assert_eq!(world.jobs[&third].state, JobState::Running);
}
