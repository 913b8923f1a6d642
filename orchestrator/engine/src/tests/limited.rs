//! Limits under whatever happens: a judge that counts rows for itself looks after every batch.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use warrener_shared::error::ErrorObject;
use warrener_shared::expr::{Roots, Template};
use warrener_shared::id::{JobNo, LimitName, Ticket};
use warrener_shared::json::Doc;
use warrener_shared::limits::Limits;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::random::Random;
use super::world::World;
use crate::Event;
use crate::event::Reported;
use crate::limit::{Field, KeptClaims, Limit, LimitKey, Pieces, Rate, Selector, SelectorTerm, Waiting, holds};
use crate::row::TaskRow;

const SEEDS: u64 = 40;
const TENANTS: [&str; 3] = ["acme", "bell", "coil"];
/// Attempts of a tenant at once.
const EACH: u32 = 2;
/// Attempts at once of all that name the limit `all`.
const ALL: u32 = 4;
/// Attempts of a tenant that begin in a second, and at once.
const RATE: Rate = Rate { count: 4, period_ns: 1_000_000_000, burst: 3 };

fn limit(name: &str, key: Option<&str>) -> Limit {
    let roots = Roots { task: true, ..Roots::default() };
    let key = key.map(|key| Template::parse(&Doc::text(key), roots, &Limits::DEFAULT).unwrap());
    Limit {
        name: LimitName::new(name).unwrap(),
        on: None,
        key,
        concurrency: None,
        rate: None,
        cost: None,
        per_job: None,
    }
}

fn limits(is_rated: bool) -> Arc<[Arc<Limit>]> {
    let patterns = vec![Pieces(vec!["llm.".to_owned(), String::new()])];
    let on = Some(Selector { terms: vec![SelectorTerm { negated: false, field: Field::Kind, patterns }] });
    let each = Limit { on: on.clone(), concurrency: Some(EACH), ..limit("each", Some("${{ job.labels.tenant }}")) };
    let all = Limit { concurrency: Some(ALL), ..limit("all", None) };
    let rate = Limit { on, rate: Some(RATE), ..limit("rate", Some("${{ job.labels.tenant }}")) };
    if is_rated { vec![each.into(), all.into(), rate.into()].into() } else { vec![each.into(), all.into()].into() }
}

/// A world with tenants, and what its judge has seen.
struct Tenants {
    world: World,
    random: Random,
    is_rated: bool,
    /// Dispatches of limited attempts of each tenant.
    dispatched: BTreeMap<String, Vec<Timestamp>>,
}

impl Tenants {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mut world, is_rated) = (World::new(), random.percent(50));
        world.room = *random.pick(&[1, 3, 1000]);
        if random.percent(50) {
            let key = limit("fair", Some("${{ job.labels.tenant }}")).key.unwrap();
            world.book.share(BTreeMap::from([("q".to_owned(), key)]));
        }
        world.book.fill(limits(is_rated), Vec::new(), Vec::new(), Vec::new(), KeptClaims::default());
        Self { world, random, is_rated, dispatched: BTreeMap::new() }
    }

    fn submit(&mut self) -> Event {
        let tenant = *self.random.pick(&TENANTS);
        let queue = *self.random.pick(&["q", "r"]);
        let label = if self.random.percent(90) { format!(r#""tenant":"{tenant}""#) } else { String::new() };
        let kind = *self.random.pick(&["llm.ask", "llm.sum", "other"]);
        let named = if self.random.percent(50) { r#","limits":["all"]"# } else { "" };
        let policy = format!(r#""kind":"{kind}","queue":"{queue}","retry":2{named}"#);
        let job = match self.random.below(4) {
            0 => format!(r#""tasks":{{"m":{{{policy},"for_each":[1,2,3,4,5]}}}}"#),
            1 => {
                let tasks: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| format!(r#""{name}":{{{policy}}}"#)).into();
                format!(r#""max_parallel":2,"tasks":{{{}}}"#, tasks.join(","))
            }
            _ => policy,
        };
        self.world.accept(format!(r#"{{"labels":{{{label}}},{job}}}"#).as_bytes())
    }

    fn report(&mut self, ticket: Ticket) -> Event {
        let error = ErrorObject::new("x", "it broke");
        let report = match self.random.below(6) {
            0 => Report::Released { code: None, deliveries: None, pause: None },
            1 | 2 => Report::Failed { error, retry: RetryAdvice::After(Millis(self.random.below(2) * 300)) },
            _ => Report::Succeeded { output: b"1".to_vec() },
        };
        Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost: None })
    }

    fn event(&mut self) -> Event {
        let jobs: Vec<JobNo> = self.world.jobs.keys().copied().collect();
        let open = self.world.open();
        match self.random.below(20) {
            0..7 => self.submit(),
            7 if !jobs.is_empty() => Event::CancelRequested(*self.random.pick(&jobs)),
            8 | 9 if !jobs.is_empty() => Event::PauseRequested(*self.random.pick(&jobs), self.random.percent(50)),
            _ if !open.is_empty() => {
                let ticket = *self.random.pick(&open);
                self.report(ticket)
            }
            _ => self.submit(),
        }
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0 => {
                self.world.room = *self.random.pick(&[0, 1, 3, 1000]);
                self.batch(&[]);
            }
            1 | 2 => {
                self.world.now = Timestamp(self.world.now.0 + i64::try_from(self.random.below(700)).unwrap());
                self.batch(&[]);
            }
            3 => self.forget(),
            _ => {
                let events: Vec<Event> = (0..=self.random.below(4)).map(|_| self.event()).collect();
                self.batch(&events);
            }
        }
    }

    /// A process that starts anew has the rows and nothing else.
    fn forget(&mut self) {
        let rows = || self.world.tasks.values();
        let shares = rows().filter(|row| row.dispatch_no.is_some()).filter_map(|row| {
            let entry = self.world.entry(row.job);
            Some((row.no, holds(&limits(self.is_rated), entry.limited_task(row.position), &Limits::DEFAULT)?))
        });
        let mut waiting: BTreeMap<(LimitKey, i64), u32> = BTreeMap::new();
        for row in rows() {
            let key = row.line.as_ref().map(LimitKey::written);
            key.into_iter().for_each(|key| *waiting.entry((key, row.queue)).or_default() += 1);
        }
        let waiting = waiting.into_iter().map(|((key, queue), count)| Waiting { key, queue, count });
        let (kept, shares) = (self.world.keys.values().cloned().collect(), shares.collect::<Vec<_>>());
        self.world.book.fill(limits(self.is_rated), kept, shares, waiting.collect::<Vec<_>>(), KeptClaims::default());
        self.world.wakes = self.world.book.waited_for().into_iter().map(|key| (key, Timestamp(0))).collect();
        self.batch(&[]);
    }

    fn batch(&mut self, events: &[Event]) {
        let step = self.world.batch(events);
        let now = self.world.now;
        for dispatch in step.dispatches().filter(|dispatch| dispatch.kind.as_str().starts_with("llm.")) {
            let job = self.world.jobs.values().find(|row| row.id == dispatch.job).unwrap();
            if let Some(tenant) = self.world.specs[&job.no].labels.get("tenant") {
                self.dispatched.entry(tenant.clone()).or_default().push(now);
            }
        }
        self.judge();
    }

    /// Rows that the tenant's own limit counts.
    fn of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a TaskRow> {
        self.world.tasks.values().filter(move |row| {
            let spec = &self.world.specs[&row.job];
            let kind = spec.tasks[row.position as usize].kind.as_str();
            spec.labels.get("tenant").is_some_and(|own| own == tenant) && kind.starts_with("llm.")
        })
    }

    fn named(&self) -> impl Iterator<Item = &TaskRow> {
        self.world
            .tasks
            .values()
            .filter(|row| !self.world.specs[&row.job].tasks[row.position as usize].policy.limits.is_empty())
    }

    fn judge(&self) {
        let open = |row: &&TaskRow| row.dispatch_no.is_some();
        let of_all = u32::try_from(self.named().filter(open).count()).unwrap();
        assert!(of_all <= ALL, "{of_all} of all run");
        for tenant in TENANTS {
            let running = u32::try_from(self.of(tenant).filter(open).count()).unwrap();
            assert!(running <= EACH, "{running} of {tenant} run\n{}", self.world.glance());
            let times = self.dispatched.get(tenant).map_or(&[][..], Vec::as_slice);
            for (at, first) in times.iter().enumerate().filter(|_| self.is_rated) {
                for (more, last) in times[at..].iter().enumerate() {
                    let most = RATE.burst * 1000 + RATE.count * (last.0 - first.0).unsigned_abs();
                    assert!((more as u64 + 1) * 1000 <= most, "{} of {tenant} in {}", more + 1, last.0 - first.0);
                }
            }
            let waits = self.of(tenant).find(|row| row.line.as_deref() == Some(&*format!("each/{tenant}")));
            if let Some(row) = waits.filter(|row| running < EACH && self.world.room > 100 && !self.stands(row)) {
                panic!("{} waits beside a free slot of {tenant}\n{}", row.no.0, self.world.glance());
            }
        }
    }

    /// Whether another of its queue stands before it among the ready.
    fn stands(&self, waits: &TaskRow) -> bool {
        self.world.tasks.values().any(|row| row.queue == waits.queue && row.rank.is_some())
    }

    /// From now on workers work: everything must come to its end.
    fn finish(&mut self) {
        self.world.room = 1000;
        let jobs: Vec<JobNo> = self.world.jobs.keys().copied().collect();
        self.batch(&jobs.into_iter().map(|job| Event::PauseRequested(job, false)).collect::<Vec<_>>());
        for _ in 0..2_000 {
            if self.world.jobs.values().all(|row| row.state.is_final()) {
                assert!(self.world.book.waited_for().is_empty() && self.world.book.open().is_empty());
                return;
            }
            match self.world.open().first().copied() {
                Some(ticket) => {
                    let report = Report::Succeeded { output: b"1".to_vec() };
                    self.batch(&[Event::Reported(Reported {
                        ticket,
                        report,
                        worker: None,
                        interrupted: false,
                        cost: None,
                    })]);
                }
                None => {
                    let due = self.world.next_due();
                    let due = due.unwrap_or_else(|| panic!("nothing is open or due:\n{}", self.world.glance()));
                    self.world.now = self.world.now.max(due);
                    self.batch(&[]);
                }
            }
        }
        panic!("not all jobs end:\n{}", self.world.glance());
    }
}

#[test]
fn limits_hold_whatever_happens_and_nothing_waits_for_ever() {
    for seed in 0..SEEDS {
        let mut tenants = Tenants::new(seed);
        let run = AssertUnwindSafe(|| {
            (0..60).for_each(|_| tenants.step());
            tenants.finish();
        });
        if let Err(panic) = catch_unwind(run) {
            eprintln!("seed {seed}");
            resume_unwind(panic);
        }
    }
}

/// A world in which one attempt at once may name the limit `all`.
fn one_at_once() -> World {
    let world = World::new();
    let all = Limit { concurrency: Some(1), ..limit("all", None) };
    world.book.fill([all.into()].into(), Vec::new(), Vec::new(), Vec::new(), KeptClaims::default());
    world
}

#[test]
fn a_task_that_starts_over_gives_its_share_back() {
    let mut world = one_at_once();
    let first = world.accept(br#"{"tasks":{"a":{"kind":"x"},"b":{"kind":"x","needs":"a","limits":["all"]}}}"#);
    world.batch(&[first]);
    let (report, ticket) = (Report::Succeeded { output: b"1".to_vec() }, world.open()[0]);
    let done = Reported { ticket, report, worker: None, interrupted: false, cost: None };
    world.batch(&[Event::Reported(done)]);
    let second = world.accept(br#"{"kind":"x","limits":["all"]}"#);
    world.batch(&[second]);
    assert_eq!(world.open().len(), 1, "b alone:\n{}", world.glance());
    world.batch(&[Event::TaskRetryRequested(JobNo(1), 0, None)]);
    let open: Vec<JobNo> = world.open().iter().map(|ticket| world.tasks[&ticket.task].job).collect();
    assert_eq!(open.len(), 2, "a once more, and who waited for b:\n{}", world.glance());
    assert!(open.contains(&JobNo(2)));
}
