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
use warrener_shared::wire::result::{KeyPause, Report, RetryAdvice};

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
    let roots = Roots { task: true, ..Roots::default() };
    let cost = Template::parse(&Doc::text("${{ input.cost }}"), roots, &Limits::DEFAULT).ok();
    let rate = Limit { on, rate: Some(RATE), cost, ..limit("rate", Some("${{ job.labels.tenant }}")) };
    if is_rated { vec![each.into(), all.into(), rate.into()].into() } else { vec![each.into(), all.into()].into() }
}

/// A world with tenants, and what its judge has seen.
struct Tenants {
    world: World,
    random: Random,
    is_rated: bool,
    /// Dispatches of limited attempts of each tenant, and what they cost.
    dispatched: BTreeMap<String, Vec<(Timestamp, Ticket, u64)>>,
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
        let cost = self.random.below(6);
        let job = match self.random.below(4) {
            0 => format!(r#""tasks":{{"m":{{{policy},"for_each":[1,2,3,4,5]}}}}"#),
            1 => {
                let tasks: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| format!(r#""{name}":{{{policy}}}"#)).into();
                format!(r#""max_parallel":2,"tasks":{{{}}}"#, tasks.join(","))
            }
            _ => policy,
        };
        self.world.accept(format!(r#"{{"labels":{{{label}}},"input":{{"cost":{cost}}},{job}}}"#).as_bytes())
    }

    fn report(&mut self, ticket: Ticket) -> Event {
        let error = ErrorObject::new("x", "it broke");
        let report = match self.random.below(6) {
            0 => {
                let name = *self.random.pick(&["rate", "each", "nobody"]);
                let pause = KeyPause { limit: LimitName::new(name).unwrap(), span: Millis(self.random.below(2) * 700) };
                let pause = self.random.percent(30).then_some(pause);
                if pause.is_some() {
                    let all = self.dispatched.values_mut().flatten();
                    all.filter(|(_, of, _)| *of == ticket).for_each(|(.., cost)| *cost = 0);
                }
                Report::Released { code: None, deliveries: None, pause }
            }
            1 | 2 => Report::Failed { error, retry: RetryAdvice::After(Millis(self.random.below(2) * 300)) },
            _ => Report::Succeeded { output: b"1".to_vec() },
        };
        // It may turn out to be dearer than was said.
        let cost = self.random.percent(20).then(|| 5 + u32::try_from(self.random.below(4)).unwrap());
        Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost })
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
            let spec = &self.world.specs[&job.no];
            if let Some(tenant) = spec.labels.get("tenant") {
                let input: serde_json::Value = serde_json::from_slice(spec.input.bytes()).unwrap();
                let cost = input["cost"].as_u64().unwrap().min(RATE.burst);
                self.dispatched.entry(tenant.clone()).or_default().push((now, dispatch.ticket, cost));
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
            for (at, (first, ..)) in times.iter().enumerate().filter(|_| self.is_rated) {
                let mut spent = 0;
                for (last, _, cost) in &times[at..] {
                    spent += cost;
                    let most = RATE.burst * 1000 + RATE.count * (last.0 - first.0).unsigned_abs();
                    assert!(spent * 1000 <= most, "{spent} of {tenant} in {}", last.0 - first.0);
                }
            }
            let waits = self.of(tenant).find(|row| row.line.as_deref() == Some(&*format!("each/{tenant}")));
            let key = LimitKey::new(&LimitName::new("each").unwrap(), tenant);
            let is_paused = self.world.book.key(&key).is_some_and(|state| state.paused_until > Some(self.world.now));
            let is_free = running < EACH && !is_paused && self.world.room > 100;
            if let Some(row) = waits.filter(|row| is_free && !self.stands(row)) {
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

/// A world in which attempts of a tenant may cost so much in a second, and at once.
fn priced() -> World {
    let world = World::new();
    let roots = Roots { task: true, ..Roots::default() };
    let cost = Template::parse(&Doc::text("${{ input.n }}"), roots, &Limits::DEFAULT).ok();
    let rate = Some(Rate { count: 10, period_ns: 1_000_000_000, burst: 10 });
    let (tokens, calls) = (Limit { rate, cost, ..limit("tokens", None) }, Limit { rate, ..limit("calls", None) });
    let limits = [tokens.into(), calls.into()].into();
    world.book.fill(limits, Vec::new(), Vec::new(), Vec::new(), KeptClaims::default());
    world
}

fn costly(n: u32) -> String {
    format!(r#"{{"kind":"x","input":{{"n":{n}}},"limits":["tokens","calls"]}}"#)
}

fn end(world: &mut World, ticket: Ticket, report: Report, cost: Option<u32>) {
    world.batch(&[Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost })]);
}

#[test]
fn a_task_whose_cost_does_not_fit_yet_waits_and_is_not_passed() {
    let mut world = priced();
    for n in [8, 8, 1] {
        let job = world.accept(costly(n).as_bytes());
        world.batch(&[job]);
    }
    let first = world.open();
    assert_eq!(first.len(), 1, "8 of 10 are spent:\n{}", world.glance());
    end(&mut world, first[0], Report::Succeeded { output: b"1".to_vec() }, None);
    assert!(world.open().is_empty(), "the second does not fit, the third came later:\n{}", world.glance());
    let start = world.now;
    while world.open().is_empty() {
        world.wait().expect("something is due");
    }
    assert_eq!(world.now.0 - start.0, 600, "6 of 10 a second");
    assert_eq!(world.open().len(), 1, "{}", world.glance());
}

#[test]
fn what_an_attempt_really_cost_is_a_matter_of_the_limit_with_a_cost() {
    let mut world = priced();
    let job = world.accept(costly(1).as_bytes());
    world.batch(&[job]);
    let ticket = world.open()[0];
    end(&mut world, ticket, Report::Succeeded { output: b"1".to_vec() }, Some(1_000));
    let used = |name: &str| {
        let key = LimitKey::new(&LimitName::new(name).unwrap(), "*");
        let state = world.book.key(&key).unwrap_or_default();
        Rate { count: 10, period_ns: 1_000_000_000, burst: 10 }.used(state.bucket, world.now)
    };
    assert_eq!((used("tokens"), used("calls")), (20, 1));
}

#[test]
fn whoever_asks_for_patience_is_not_asked_again_at_once() {
    for (name, span) in [("tokens", 0), ("nobody", 0), ("nobody", 30_000)] {
        let mut world = priced();
        let job = world.accept(costly(1).as_bytes());
        world.batch(&[job]);
        let (ticket, start) = (world.open()[0], world.now);
        let pause = Some(KeyPause { limit: LimitName::new(name).unwrap(), span: Millis(span) });
        end(&mut world, ticket, Report::Released { code: None, deliveries: None, pause }, None);
        assert!(world.open().is_empty(), "{name}");
        while world.open().is_empty() {
            world.wait().expect("something is due");
        }
        assert_eq!(world.now.0 - start.0, i64::try_from(span).unwrap().max(1_000), "{name}");
    }
}
