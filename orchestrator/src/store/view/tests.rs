use std::sync::Arc;

use warrener_engine::row::{AttemptRow, Counts, JobRow, Map, Stop, TaskRow, rank};
use warrener_engine::slice::Changes;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo, Token};
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::event::{JobEvent, SCHEDULE_TICK, TickEvent};

use super::filter::{Age, Column, Filter, Pattern, Term, Test};
use super::walk::Walk;
use super::window::Window;
use super::*;
use crate::store::postgres::Postgres;
use crate::store::schedules::ScheduleChanges;
use crate::store::sqlite::Sqlite;
use crate::store::tests::postgres_server::Shared;
use crate::store::{
    Asked, Caption, Commit, DeadLetter, DelayedChanges, DelayedMessage, EventChunkNo, PutOffMessage, Store, Submitted,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

macro_rules! of_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(super::Database::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(super::Database::postgres()); })*
        }
    };
}

of_both! {
    filters_find_what_they_say
    jobs_come_in_pages_newest_first
    a_page_of_large_jobs_ends_early
    counts_what_waits_and_runs
    what_ended_is_found_by_its_end
    events_go_on_in_the_middle_of_a_commit
    events_of_ticks_are_kept_as_long_as_their_schedule
    attempts_and_states_come_back_as_kept
    dead_letters_are_listed_newest_first
    delayed_messages_are_found_by_their_time
    a_snapshot_does_not_move
    pages_along_an_index_are_whole_and_in_order
    a_list_without_an_index_stops_in_time_and_goes_on
    a_time_bounds_the_numbers
    of_two_frequent_things_only_what_is_both_is_looked_at
}

/// A database with the queues `default` and `gpu`.
struct Database {
    store: Box<dyn Store>,
    view: View,
    // Kept as long as the database is used.
    _place: Box<dyn std::any::Any>,
}

impl Database {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("test.db")).unwrap();
        let view = store.view().unwrap();
        Self::new(Box::new(store), view, Box::new(folder))
    }

    fn postgres() -> Self {
        let database = Shared::database();
        let store = Postgres::open(database.url()).unwrap();
        let view = store.view();
        Self::new(Box::new(store), view, Box::new(database))
    }

    fn new(mut store: Box<dyn Store>, view: View, place: Box<dyn std::any::Any>) -> Self {
        for name in ["default", "gpu"] {
            store.queue(&QueueName::new(name).unwrap()).unwrap();
        }
        Self { store, view, _place: place }
    }

    fn commit(&mut self, changes: Changes, submitted: Vec<(JobNo, Submitted, Caption)>) {
        self.store.commit(&Commit { changes, submitted, ..Commit::default() }).unwrap();
    }

    fn job(&mut self, no: i64, state: JobState, caption: Caption, tasks: Vec<TaskRow>) {
        let mut row = job(no, state);
        row.created_at = NOW - Millis::from_secs(3600 * u64::try_from(10 - no).unwrap());
        let body: Arc<[u8]> = Arc::from(*br#"{"kind":"k","input":1}"#);
        let submitted = Submitted { body, priority: None, traceparent: None, digest: None };
        let new_tasks = tasks.into_iter().map(Arc::new).collect();
        let changes = Changes { new_jobs: vec![row], new_tasks, ..Changes::default() };
        self.commit(changes, vec![(JobNo(no), submitted, caption)]);
    }

    fn ids(&self, filter: &Filter) -> Vec<String> {
        let ids = |order| -> Vec<String> {
            let page = self.view.read(|s| s.jobs(filter, order, None, 100, NOW)).unwrap();
            page.items.into_iter().map(|job| job.row.id.to_string()).collect()
        };
        let (newest, mut oldest) = (ids(JobOrder::Newest), ids(JobOrder::Oldest));
        oldest.reverse();
        assert_eq!(newest, oldest, "{filter:?} finds other jobs from the other end");
        newest
    }
}

fn job(no: i64, state: JobState) -> JobRow {
    let ended = state.is_final();
    JobRow {
        no: JobNo(no),
        id: JobId::new(&format!("job-{no}")).unwrap(),
        state,
        paused: false,
        stop: Stop::None,
        failing: false,
        begun: false,
        created_at: NOW,
        scheduled_at: None,
        after_delay: false,
        started_at: None,
        finished_at: ended.then_some(NOW),
        deadline_at: None,
        wake_at: None,
        first_task: TaskNo(no * 1000),
        counts: Counts::default(),
        failures: 0,
        rounds: 0,
        sequence: 0,
        open_attempts: 0,
        output: None,
        error: None,
        parent: None,
        level: 0,
    }
}

fn caption(name: Option<&str>, kind: Option<&str>, labels: &str) -> Caption {
    Caption {
        name: name.map(str::to_owned),
        kind: kind.map(str::to_owned),
        labels: labels.to_owned(),
        tasks: 1,
        unique: None,
    }
}

fn ready(no: i64, job: i64, queue: i64, priority: u8, at: Timestamp) -> TaskRow {
    let mut row = TaskRow::new(TaskNo(no), JobNo(job), 0, queue, 0);
    row.state = TaskState::Ready;
    row.ready_at = Some(at);
    row.rank = Some(rank(priority, at));
    row
}

fn filter(negated: bool, test: Test) -> Filter {
    Filter { terms: vec![Term { negated, test }] }
}

fn exact(text: &str) -> Vec<Pattern> {
    vec![Pattern::Exact(text.to_owned())]
}

fn glob(text: &str) -> Vec<Pattern> {
    vec![Pattern::Glob(text.to_owned())]
}

fn filters_find_what_they_say(mut db: Database) {
    let on = |no: i64, queue| vec![TaskRow::new(TaskNo(no * 1000), JobNo(no), 0, queue, 0)];
    db.job(1, JobState::Succeeded, caption(Some("nightly"), Some("ml.train"), r#"{"team":"growth"}"#), on(1, 1));
    db.job(2, JobState::Failed, caption(None, Some("ml.predict"), r#"{"team":"ops","x\"y":"z"}"#), on(2, 2));
    db.job(3, JobState::Running, caption(Some("Nightly"), None, "{}"), on(3, 2));
    let hours = |n: u64| Millis::from_secs(3600 * n);
    let table: Vec<(Test, &[i64])> = vec![
        (Test::State(vec![JobState::Failed]), &[2]),
        (Test::State(vec![JobState::Failed, JobState::Running]), &[3, 2]),
        (Test::Text(Column::Kind, glob("ml.*")), &[2, 1]),
        (Test::Text(Column::Name, exact("nightly")), &[1]),
        (Test::Text(Column::Name, glob("*ight*")), &[3, 1]),
        (Test::Text(Column::Id, exact("job-3")), &[3]),
        (Test::Queue(exact("gpu")), &[3, 2]),
        (Test::Queue(glob("de*")), &[1]),
        (Test::Label("team".to_owned(), exact("ops")), &[2]),
        (Test::Label("team".to_owned(), glob("*")), &[2, 1]),
        (Test::Label("x\"y".to_owned(), exact("z")), &[2]),
        (Test::Label("none".to_owned(), exact("ops")), &[]),
        (Test::Created(vec![Age::Over(hours(8))]), &[1]),
        (Test::Created(vec![Age::Under(hours(8))]), &[3]),
    ];
    for (test, wanted) in table {
        let wanted: Vec<String> = wanted.iter().map(|no| format!("job-{no}")).collect();
        assert_eq!(db.ids(&filter(false, test.clone())), wanted, "{test:?}");
        let others = db.ids(&filter(true, test.clone()));
        let mut all: Vec<String> = wanted.iter().chain(&others).cloned().collect();
        all.sort();
        assert_eq!(all, ["job-1", "job-2", "job-3"], "-{test:?} must give all the others");
    }
}

fn jobs_come_in_pages_newest_first(mut db: Database) {
    for no in 1..=5 {
        db.job(no, JobState::Running, caption(None, None, "{}"), Vec::new());
    }
    let page = |before: Option<i64>| {
        let page = db.view.read(|s| s.jobs(&Filter::default(), JobOrder::Newest, before.map(JobNo), 2, NOW)).unwrap();
        (page.items.iter().map(|job| job.row.no.0).collect::<Vec<_>>(), page.next.is_some())
    };
    assert_eq!(page(None), (vec![5, 4], true));
    assert_eq!(page(Some(4)), (vec![3, 2], true));
    assert_eq!(page(Some(2)), (vec![1], false));
    assert_eq!(page(Some(1)), (vec![], false));
    let oldest = |filter: &Filter, before: Option<i64>| {
        let page = db.view.read(|s| s.jobs(filter, JobOrder::Oldest, before.map(JobNo), 2, NOW)).unwrap();
        (page.items.iter().map(|job| job.row.no.0).collect::<Vec<_>>(), page.next.is_some())
    };
    let running =
        Filter { terms: vec![Term { negated: false, test: Test::State(vec![JobState::Running, JobState::Failed]) }] };
    for filter in [&Filter::default(), &running] {
        assert_eq!(oldest(filter, None), (vec![1, 2], true));
        assert_eq!(oldest(filter, Some(2)), (vec![3, 4], true));
        assert_eq!(oldest(filter, Some(4)), (vec![5], false));
        assert_eq!(oldest(filter, Some(5)), (vec![], false));
    }
}

fn a_page_of_large_jobs_ends_early(mut db: Database) {
    for no in 1..=3 {
        let mut row = job(no, JobState::Succeeded);
        row.output = Some(vec![b'1'; PAGE_BYTES * 2 / 3].into());
        let submitted = Submitted { body: Arc::from(*b"{}"), priority: None, traceparent: None, digest: None };
        let changes = Changes { new_jobs: vec![row], ..Changes::default() };
        db.commit(changes, vec![(JobNo(no), submitted, caption(None, None, "{}"))]);
    }
    let page = db.view.read(|s| s.jobs(&Filter::default(), JobOrder::Newest, None, 100, NOW)).unwrap();
    assert_eq!((page.items.len(), page.next.is_some()), (2, true));
}

fn counts_what_waits_and_runs(mut db: Database) {
    let later = NOW + Millis(5);
    let mut mapped = ready(3002, 3, 2, 4, later);
    mapped.state = TaskState::Dispatched;
    mapped.map = Some(Map { total: 10, first_item: TaskNo(5000), next: 0, counts: Counts::default() });
    let mut open = TaskRow::new(TaskNo(3003), JobNo(3), 3, 2, 0);
    (open.state, open.attempt, open.token, open.dispatch_no) = (TaskState::Dispatched, 1, Token(7), Some(1));
    let mut started = TaskRow::new(TaskNo(3004), JobNo(3), 4, 2, 0);
    (started.state, started.attempt, started.token, started.dispatch_no) =
        (TaskState::Dispatched, 1, Token(8), Some(2));
    started.started_at = Some(NOW);
    let tasks = vec![ready(3000, 3, 2, 9, later), ready(3001, 3, 2, 0, NOW), mapped, open, started];
    db.job(3, JobState::Running, caption(None, None, "{}"), tasks);
    db.job(4, JobState::Failed, caption(None, None, "{}"), Vec::new());
    db.view
        .read(|s| {
            assert_eq!(
                s.queues()?.iter().map(|queue| queue.name.as_str().to_owned()).collect::<Vec<_>>(),
                ["default", "gpu"]
            );
            assert_eq!((s.ready(1)?, s.ready(2)?), (0, 3));
            assert_eq!(s.ready_mapped(2, 10)?.iter().map(|one| one.map.total).collect::<Vec<_>>(), [10]);
            assert_eq!((s.oldest_ready(1)?, s.oldest_ready(2)?), (None, Some(NOW)));
            assert_eq!(s.opened(2)?, Opened { attempts: 2, started: 1 });
            assert_eq!(s.opened_by_queue()?, [(2, Opened { attempts: 2, started: 1 })].into());
            assert_eq!(s.ready_by_queue()?, [(2, 3)].into());
            assert_eq!(s.open_jobs()?, [(JobState::Running, 1)]);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn what_ended_is_found_by_its_end(mut db: Database) {
    let label = |team: &str| caption(None, Some("k"), &format!(r#"{{"team":"{team}"}}"#));
    db.job(1, JobState::Failed, caption(None, None, "{}"), Vec::new());
    // What came later has not ended, and hides nothing.
    for no in 2..8 {
        db.job(no, if no < 5 { JobState::Running } else { JobState::Succeeded }, label("a"), Vec::new());
    }
    db.job(8, JobState::Running, label("b"), Vec::new());
    let team = filter(false, Test::Label("team".to_owned(), exact("a")));
    db.view
        .read(|s| {
            let (all, cut) = s.ended_jobs(&Filter::default(), NOW - Millis(1), 10, NOW)?;
            let mut numbers: Vec<_> = all.iter().map(|mark| mark.no.0).collect();
            numbers.sort_unstable();
            assert_eq!((numbers, cut), (vec![1, 5, 6, 7], false));
            assert_eq!(s.ended_jobs(&Filter::default(), NOW + Millis(1), 10, NOW)?.0.len(), 0);
            assert_eq!(s.ended_jobs(&team, NOW, 10, NOW)?.0.len(), 3);
            let (some, cut) = s.ended_jobs(&team, NOW, 2, NOW)?;
            assert!(some.len() <= 2 && cut, "{some:?}");
            assert_eq!(s.open_jobs_that_fit(&team, 10, NOW)?, [(JobState::Scheduled, 0), (JobState::Running, 3)]);
            assert_eq!(s.open_jobs_that_fit(&team, 2, NOW)?, [(JobState::Scheduled, 0), (JobState::Running, 1)]);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn events_go_on_in_the_middle_of_a_commit(mut db: Database) {
    db.job(1, JobState::Running, caption(None, None, "{}"), Vec::new());
    let event = |sequence| JobEvent {
        sequence,
        time: NOW.to_rfc3339().into(),
        kind: "job.running".into(),
        task: None,
        index: None,
        attempt: None,
        state: "running".into(),
        error: None,
    };
    for chunk in [vec![1, 2, 3], vec![4], vec![5, 6]] {
        let events = vec![(JobNo(1), chunk.into_iter().map(event).collect())];
        db.commit(Changes { jobs: vec![job(1, JobState::Running)], events, ..Changes::default() }, Vec::new());
    }
    let after = |sequence, limit| {
        let page = db.view.read(|s| s.job_events(JobNo(1), sequence, limit)).unwrap();
        (page.items.iter().map(|event| event.sequence).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(after(0, 10), (vec![1, 2, 3, 4, 5, 6], false));
    assert_eq!(after(1, 3), (vec![2, 3, 4], true));
    assert_eq!(after(5, 1), (vec![6], false));
    assert_eq!(after(6, 1), (vec![], false));
    assert_eq!(after(u64::MAX, 1), (vec![], false));
}

fn attempts_and_states_come_back_as_kept(mut db: Database) {
    let closed = AttemptRow {
        task: TaskNo(1000),
        attempt: 1,
        round: 3,
        outcome: Outcome::Lost,
        worker: Some("w".into()),
        dispatched_at: Some(NOW),
        started_at: None,
        finished_at: NOW + Millis(1),
        error: Some(Arc::from(*b"{}")),
    };
    db.job(1, JobState::Running, caption(None, None, "{}"), vec![ready(1000, 1, 1, 4, NOW)]);
    db.commit(
        Changes { jobs: vec![job(1, JobState::Running)], attempts: vec![closed.clone()], ..Changes::default() },
        Vec::new(),
    );
    let asked = |attempt| Asked { task: TaskNo(1000), attempt, worker: "w".into(), at: NOW };
    let stopped = vec![(TaskNo(1000), 2, Timestamp(9))];
    db.store.commit(&Commit { asked: vec![asked(1), asked(2)], stopped, ..Commit::default() }).unwrap();
    db.view
        .read(|s| {
            assert_eq!(s.attempts(TaskNo(1000))?, [closed]);
            assert_eq!(s.stops(TaskNo(1000))?, [(2, Timestamp(9))]);
            assert_eq!(s.state(TaskNo(1000))?, Some(TaskState::Ready));
            assert_eq!(s.state(TaskNo(1001))?, None);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn events_of_ticks_are_kept_as_long_as_their_schedule(mut db: Database) {
    let event = |schedule: &str, run| TickEvent {
        time: "2027-01-15T08:00:00Z".into(),
        kind: SCHEDULE_TICK.into(),
        schedule: schedule.into(),
        tick: "2027-01-15T08:00:00Z".into(),
        run,
        outcome: "started".into(),
        job: None,
        reason: None,
    };
    let mut commit = |schedules| db.store.commit(&Commit { schedules, ..Commit::default() }).unwrap();
    let told = vec![(1, vec![event("a", 1), event("a", 2)]), (2, vec![event("b", 1)])];
    commit(ScheduleChanges { told, ..ScheduleChanges::default() });
    commit(ScheduleChanges { told: vec![(1, vec![event("a", 3)])], ..ScheduleChanges::default() });
    let kept = |view: &View| {
        let mut found = Vec::new();
        let mut visit = |chunk: CommittedChunk| {
            let EventChunk::Ticks(events) = chunk.events.unwrap() else { panic!("no job has events") };
            found.extend(events.iter().map(|event| (chunk.no.0, event.schedule.to_string(), event.run)));
            ControlFlow::Continue(())
        };
        view.read(|s| s.each_chunk(EventChunkNo(0), &mut visit)).unwrap();
        found
    };
    let of = |no, name: &str, run| (no, name.to_owned(), run);
    assert_eq!(kept(&db.view), [of(1, "a", 1), of(1, "a", 2), of(2, "b", 1), of(3, "a", 3)]);
    // As many as ticks are kept, in whole commits.
    commit(ScheduleChanges { kept: vec![(1, 1), (2, 1)], ..ScheduleChanges::default() });
    assert_eq!(kept(&db.view), [of(2, "b", 1), of(3, "a", 3)]);
    commit(ScheduleChanges { removed: vec![1], ..ScheduleChanges::default() });
    assert_eq!(kept(&db.view), [of(2, "b", 1)]);
    assert_eq!(db.view.read(|s| s.last_events()).unwrap(), EventChunkNo(3), "no number is given twice");
}

fn delayed_messages_are_found_by_their_time(mut db: Database) {
    let message = |exchange: &str, key: &str, due_at: i64, after_delay: bool| {
        let body = format!("{exchange} {key} {due_at}").into_bytes();
        let (routing_key, properties) = (key.to_owned(), vec![0, 0xff]);
        let (exchange, due_at, received_at) = (exchange.into(), Timestamp(NOW.0 + due_at), NOW);
        Arc::new(DelayedMessage { exchange, routing_key, due_at, after_delay, received_at, properties, body })
    };
    let (first, second) = (message("a", "k.1", 30, true), message("a", "k.2", 10, false));
    let kept = vec![first, second, message("b", "k.1", 0, true), message("a", "k.3", 99, true)];
    let delayed = DelayedChanges { kept: kept.clone(), ..DelayedChanges::default() };
    db.store.commit(&Commit { delayed, ..Commit::default() }).unwrap();
    let at = |ms: i64| Timestamp(NOW.0 + ms);
    assert_eq!(db.view.read(|s| s.due_delayed("a", at(9), 10)).unwrap(), [0; 0], "none is early");
    assert_eq!(db.view.read(|s| s.next_delayed("a", at(9))).unwrap(), Some(at(10)));
    let due = db.view.read(|s| s.due_delayed("a", at(30), 10)).unwrap();
    assert_eq!(db.view.read(|s| s.due_delayed("a", at(30), 1)).unwrap(), due[..1]);
    let whole = db.view.read(|s| s.delayed_whole(&due, usize::MAX)).unwrap();
    assert_eq!(whole, [(due[0], (*kept[1]).clone(), 0), (due[1], (*kept[0]).clone(), 0)]);
    assert_eq!(db.view.read(|s| s.delayed_whole(&due, 1)).unwrap().len(), 1, "a slice ends by its bytes");

    let text =
        |column, text: &str| Term { negated: false, test: Test::Text(column, vec![Pattern::Exact(text.into())]) };
    let of = |terms| db.view.read(|s| s.delayed(&Filter { terms }, 0, 10, NOW)).unwrap().items;
    assert_eq!(of(vec![text(Column::RoutingKey, "k.1")]).len(), 2);
    assert_eq!(of(vec![text(Column::RoutingKey, "k.1"), text(Column::Exchange, "b")])[0].size, 7);
    let first = db.view.read(|s| s.delayed(&Filter::default(), 0, 3, NOW)).unwrap();
    assert!(first.more && first.items.len() == 3);

    let put_off = vec![PutOffMessage { no: due[0], due_at: at(50), reason: "full".to_owned() }];
    let delayed = DelayedChanges { put_off, gone: vec![due[1]], ..DelayedChanges::default() };
    db.store.commit(&Commit { delayed, ..Commit::default() }).unwrap();
    assert_eq!(db.view.read(|s| s.due_delayed("a", at(30), 10)).unwrap(), [0; 0]);
    let head = db.view.read(|s| s.delayed_message(due[0])).unwrap().unwrap();
    assert_eq!((head.failures, head.reason.as_deref(), head.due_at), (1, Some("full"), at(50)));
    assert_eq!(db.view.read(|s| s.delayed_message(due[1])).unwrap(), None);

    // Pauses and delays count a span.
    let kept = vec![message("c", "time", 10, false), message("c", "span", 10, true)];
    let delayed = DelayedChanges { kept, ..DelayedChanges::default() };
    db.store.commit(&Commit { delayed, ..Commit::default() }).unwrap();
    db.store.shift(1_000, at(1_000)).unwrap();
    let due = |exchange: &str, now| db.view.read(|s| s.due_delayed(exchange, at(now), 10)).unwrap().len();
    assert_eq!([due("c", 10), due("c", 1_009), due("c", 1_010)], [1, 1, 2]);
    assert_eq!([due("a", 1_049), due("a", 1_050)], [0, 1]);
}

fn dead_letters_are_listed_newest_first(mut db: Database) {
    let letter = |code: &str| DeadLetter {
        from: "submit",
        code: code.to_owned(),
        message: "m".to_owned(),
        job: None,
        task: None,
        received_at: NOW,
        body: b"body".to_vec(),
        size: 4,
        headers: "{}".to_owned(),
        evidence: None,
    };
    let dead = vec![letter("a"), letter("b"), letter("c")];
    db.store.commit(&Commit { dead, ..Commit::default() }).unwrap();
    let page = db.view.read(|s| s.dead_letters(None, None, None, 2)).unwrap();
    assert_eq!(
        (page.items.iter().map(|head| head.code.as_str()).collect::<Vec<_>>(), page.more),
        (vec!["c", "b"], true)
    );
    let last = page.items[1].no;
    let rest = db.view.read(|s| s.dead_letters(None, None, Some(last), 2)).unwrap();
    assert_eq!((rest.items[0].code.as_str(), rest.more), ("a", false));
    db.store.commit(&Commit { dead: vec![letter("a")], ..Commit::default() }).unwrap();
    let groups = db.view.read(|s| s.dead_groups(None, 2)).unwrap();
    let group =
        |code: &str, count, latest| DeadGroup { from: "submit".to_owned(), code: code.to_owned(), count, latest };
    assert_eq!(groups, [group("a", 2, 4), group("c", 1, 3)]);
    let of_one = db.view.read(|s| s.dead_letters(None, Some(("submit", "a")), None, 1)).unwrap();
    assert_eq!((of_one.items[0].no, of_one.more), (4, true));
    assert!(db.view.read(|s| s.dead_letters(None, Some(("result", "a")), None, 1)).unwrap().items.is_empty());
    let row = db.view.read(|s| s.dead_letter(last)).unwrap().unwrap();
    assert_eq!((row.body.as_slice(), row.headers.as_str()), (b"body".as_slice(), "{}"));
}

fn a_snapshot_does_not_move(mut db: Database) {
    db.job(1, JobState::Running, caption(None, None, "{}"), Vec::new());
    let Database { store, view, .. } = &mut db;
    view.read(|s| {
        let before = s.open_jobs()?;
        let mut ended = job(1, JobState::Succeeded);
        ended.finished_at = Some(NOW);
        let changes = Changes { jobs: vec![ended], ..Changes::default() };
        store.commit(&Commit { changes, ..Commit::default() })?;
        assert_eq!(s.open_jobs()?, before);
        Ok::<_, StoreError>(())
    })
    .unwrap();
    assert_eq!(view.read(|s| s.open_jobs()).unwrap(), []);
}

fn pages_along_an_index_are_whole_and_in_order(mut db: Database) {
    let states = [JobState::Failed, JobState::Succeeded, JobState::Running, JobState::Cancelled];
    for no in 1..=9 {
        let at = usize::try_from(no).unwrap();
        let (kind, labels) = (["a.x", "b", "a.y"][at % 3], [r#"{"team":"ops"}"#, "{}"][at % 2]);
        db.job(no, states[at % 4], caption(Some("n"), Some(kind), labels), vec![ready(no * 1000, no, 1, 4, NOW)]);
    }
    let term = |negated, test| Term { negated, test };
    let filters = [
        vec![term(false, Test::State(vec![JobState::Failed, JobState::Running]))],
        vec![term(true, Test::State(vec![JobState::Succeeded]))],
        vec![term(false, Test::Text(Column::Kind, [glob("a.*"), exact("b")].concat()))],
        vec![term(false, Test::Text(Column::Kind, glob("a.*"))), term(false, Test::State(states.to_vec()))],
        vec![
            term(false, Test::Label("team".to_owned(), exact("ops"))),
            term(true, Test::Text(Column::Kind, exact("b"))),
        ],
        vec![term(false, Test::Queue([exact("default"), glob("d*")].concat()))],
        vec![term(false, Test::Text(Column::Name, [exact("n"), exact("n"), exact("m")].concat()))],
    ];
    for terms in filters {
        let filter = Filter { terms };
        let whole = db.ids(&filter);
        assert!(whole.len() > 2 && whole.is_sorted_by(|a, b| a > b), "{filter:?}: {whole:?}");
        let paged = |order| {
            let (mut paged, mut before) = (Vec::new(), None);
            loop {
                let page = db.view.read(|s| s.jobs(&filter, order, before, 2, NOW)).unwrap();
                before = page.next;
                paged.extend(page.items.into_iter().map(|job| job.row.id.to_string()));
                if before.is_none() {
                    return paged;
                }
            }
        };
        assert_eq!(paged(JobOrder::Newest), whole, "{filter:?}");
        let from_the_other_end: Vec<_> = whole.iter().rev().cloned().collect();
        assert_eq!(paged(JobOrder::Oldest), from_the_other_end, "{filter:?}");
        // What no index finds is found by looking at all: a condition that always holds, and has none.
        let all = Filter { terms: vec![term(false, Test::Text(Column::Id, glob("*")))] };
        let looked = db.view.read(|s| s.jobs(&all, JobOrder::Newest, None, 100, NOW)).unwrap();
        assert_eq!(looked.items.len(), 9);
    }
}

fn a_list_without_an_index_stops_in_time_and_goes_on(mut db: Database) {
    for no in [1, 2, 150_000, 200_001] {
        let submitted = Submitted { body: Arc::from(*b"{}"), priority: None, traceparent: None, digest: None };
        let changes = Changes { new_jobs: vec![job(no, JobState::Running)], ..Changes::default() };
        db.commit(changes, vec![(JobNo(no), submitted, caption(Some("night"), None, "{}"))]);
    }
    let nights = filter(false, Test::Text(Column::Name, glob("ni*")));
    let walk = |order| {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = db.view.read(|s| s.jobs(&nights, order, before, 10, NOW)).unwrap();
            pages.push(page.items.iter().map(|job| job.row.no.0).collect::<Vec<_>>());
            before = page.next;
            if before.is_none() {
                return pages;
            }
        }
    };
    assert_eq!(walk(JobOrder::Newest), [vec![200_001, 150_000], vec![2], vec![1]]);
    assert_eq!(walk(JobOrder::Oldest), [vec![1, 2], vec![150_000], vec![200_001]]);
}

fn a_time_bounds_the_numbers(mut db: Database) {
    // They are an hour apart, the tenth would be of now.
    for no in 1..=9 {
        db.job(no, JobState::Running, caption(None, Some("k"), "{}"), Vec::new());
    }
    let hours = |hours: u64| Millis::from_secs(3_600 * hours + 60);
    let ages = |ages: Vec<Age>| filter(false, Test::Created(ages));
    let window = |filter: &Filter| db.view.read(|s| Window::of(s.reader, filter, NOW)).unwrap();
    assert_eq!(window(&Filter::default()), Window::ALL);
    assert_eq!(window(&ages(vec![Age::Under(hours(2))])), Window { first: 7, last: i64::MAX }, "and an hour of slack");
    assert_eq!(window(&ages(vec![Age::Over(hours(5))])), Window { first: 0, last: 6 });
    assert_eq!(window(&ages(vec![Age::Over(hours(5)), Age::Under(hours(2))])), Window::ALL);
    assert_eq!(window(&filter(true, Test::Created(vec![Age::Under(hours(2))]))), Window::ALL);
    let mut both = ages(vec![Age::Over(hours(2))]);
    both.terms.extend(ages(vec![Age::Under(hours(4))]).terms);
    assert_eq!(db.ids(&both), ["job-7", "job-6"]);
    both.terms.extend(filter(false, Test::Text(Column::Kind, exact("k"))).terms);
    assert_eq!(db.ids(&both), ["job-7", "job-6"], "along an index");
}

fn of_two_frequent_things_only_what_is_both_is_looked_at(mut db: Database) {
    for no in 1..=9 {
        let (state, kind, labels) = match no % 2 {
            0 => (JobState::Succeeded, "even", r#"{"team":"ops"}"#),
            _ => (JobState::Failed, "odd", "{}"),
        };
        db.job(no, state, caption(Some(kind), Some(kind), labels), Vec::new());
    }
    let term = |negated, test| Term { negated, test };
    let failed = || term(false, Test::State(vec![JobState::Failed]));
    let lost = || term(true, Test::State(vec![JobState::Scheduled, JobState::Running, JobState::Succeeded]));
    let text = |column, text| term(false, Test::Text(column, exact(text)));
    for (terms, both, along) in [
        (vec![text(Column::Kind, "even"), failed()], 0, "state > 2 AND kind"),
        (vec![lost(), text(Column::Name, "even")], 0, "state > 2 AND name"),
        (vec![lost(), text(Column::Kind, "odd")], 5, "state > 2 AND kind"),
        (vec![term(false, Test::Label("team".to_owned(), exact("ops"))), failed()], 0, "job_labels"),
        (vec![failed(), term(false, Test::Text(Column::Id, glob("*-3")))], 1, "state ="),
    ] {
        let filter = Filter { terms };
        let looked_at = db.view.read(|snapshot| {
            let walk = Walk::of(snapshot.reader, &filter)?.expect("a term has an index");
            assert!(format!("{walk:?}").contains(along), "{walk:?}");
            let (condition, values) = filter.condition(NOW, snapshot.reader.dialect());
            walk.numbers(Window::ALL, JobOrder::Newest, i64::MAX, (&condition, &values)).take(snapshot.reader, 100)
        });
        assert_eq!((looked_at.unwrap().len(), db.ids(&filter).len()), (both, both), "{filter:?}");
    }
}
