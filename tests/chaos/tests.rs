//! The judge against histories that are broken, one rule each; the plan and the table.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{End, Ending, Event, Finished, History, Run, Sent, TaskEnd};
use crate::judge::judge;
use crate::shapes::Shape;
use crate::table::{Row, Rows, Table, Totals};
use crate::world::Store;

/// A way to break a history.
type Damage = fn(&mut History);

#[test]
fn a_sound_history_is_not_blamed() {
    assert_eq!(judge(&sound()), []);
}

#[test]
fn every_way_to_break_it_is_seen() {
    let cases: &[(&str, Damage)] = &[
        ("lost", |history| {
            history.listed.remove("chain");
        }),
        ("lost", |history| end(history).tasks.retain(|task| task.task != "b")),
        ("stuck", |history| {
            history.ends.remove("chain");
        }),
        ("stranger", |history| {
            history.sent.remove("chain");
        }),
        ("changed", |history| {
            history.listed.insert("chain".to_owned(), "failed".to_owned());
        }),
        ("twice", |history| {
            let again = end(history).events[0].clone();
            end(history).events.insert(0, again);
        }),
        ("twice", |history| run(history, "c").up[0] = "elsewhere".to_owned()),
        ("twice", |history| run(history, "c").up.clear()),
        ("gap", |history| end(history).events[2].sequence = 9),
        ("invented", |history| end(history).tasks[1].run = Some("nobody".to_owned())),
        ("invented", |history| end(history).tasks[1].run = None),
        ("invented", |history| run(history, "c").ended = None),
        ("invented", |history| run(history, "c").ended = Some((60, Ending::Failed))),
        ("early", |history| run(history, "b").began = 5),
        ("early", |history| history.runs.retain(|run| run.task != "a")),
        ("wrong", |history| end(history).state = "failed".to_owned()),
        ("wrong", |history| end(history).tasks[0].state = "skipped".to_owned()),
        ("wrong", |history| {
            let run = Run { task: "c".to_owned(), job: "doomed".to_owned(), ..run(history, "a").clone() };
            history.runs.push(run);
        }),
        ("unanswered", |history| history.answers.clear()),
        ("contradicted", |history| history.answers[0].state = "failed".to_owned()),
        ("again", |history| {
            let again = Run { run: "second".to_owned(), ..run(history, "b").clone() };
            history.runs.push(again);
        }),
        ("dead", |history| history.dead.push(("chain".to_owned(), "crashed".to_owned()))),
    ];
    for (number, (rule, spoil)) in cases.iter().enumerate() {
        let mut history = sound();
        spoil(&mut history);
        let breaches = judge(&history);
        assert!(breaches.iter().any(|breach| breach.rule == *rule), "case {number}, {rule}: {breaches:?}");
    }
}

#[test]
fn what_was_never_accepted_need_not_be_there() {
    let mut history = sound();
    for (id, sent) in &mut history.sent {
        sent.accepted = None;
        history.ends.remove(id);
        history.listed.remove(id);
    }
    history.runs.clear();
    history.dead.clear();
    assert_eq!(judge(&history), []);
}

#[test]
fn an_answer_may_be_lost_only_with_the_broker() {
    let mut history = sound();
    history.answers.clear();
    history.must_answer = false;
    assert_eq!(judge(&history), []);
}

#[test]
fn a_table_adds_up() {
    let row = |hits| Row { hits, in_flight: 10 * hits, slowest: Duration::from_millis(1_500) };
    let totals = Totals { seconds: 170, jobs: 1_000, tasks: 2_000, runs: 2_100, faults: 5 };
    let rows = Rows::from([("kill_worker", row(3)), ("full_disk", row(2))]);
    let once = Table::default().add(Store::Sqlite, &rows, &totals);
    assert_eq!(Table::parse(&once.text()).text(), once.text());
    let twice = Table::parse(&once.text()).add(Store::Sqlite, &rows, &totals).add(Store::Postgres, &rows, &totals);
    let text = twice.text();
    assert!(text.contains("| SQLite | 6 | 10 | 2000 | 4000 | 4200 |"), "{text}");
    assert!(
        text.contains("| `kill_worker` | one worker: `kill -9` | 6 | 60 | 1.5 s | 3 | 30 | 1.5 s | held |"),
        "{text}"
    );
    assert!(
        text.contains("| `kill_broker` | RabbitMQ: `kill -9` | 0 | 0 | 0.0 s | 0 | 0 | 0.0 s | not tried |"),
        "{text}"
    );
}

fn end(history: &mut History) -> &mut End {
    history.ends.get_mut("chain").expect("it is there")
}

fn run<'a>(history: &'a mut History, task: &str) -> &'a mut Run {
    let found = history.runs.iter_mut().find(|run| run.job == "chain" && run.task == task);
    found.expect("it is there")
}

/// A chain that went well, and a job that was doomed.
fn sound() -> History {
    let job = |shape| Sent { shape, at: 1, accepted: Some(2), asks: true };
    let runs = [
        ran("chain", "a", 10, Ending::Gave, &[]),
        ran("chain", "b", 30, Ending::Gave, &["chain.a.10"]),
        ran("chain", "c", 50, Ending::Gave, &["chain.a.10", "chain.b.30"]),
        ran("doomed", "a", 10, Ending::Failed, &[]),
        ran("doomed", "b", 30, Ending::Gave, &[]),
    ];
    let chain = ended(
        "succeeded",
        &[
            ("a", "succeeded", Some("chain.a.10")),
            ("b", "succeeded", Some("chain.b.30")),
            ("c", "succeeded", Some("chain.c.50")),
        ],
    );
    let doomed =
        ended("failed", &[("a", "failed", None), ("b", "succeeded", Some("doomed.b.30")), ("c", "skipped", None)]);
    let answer = |job: &str, state: &str| Finished { job: job.to_owned(), state: state.to_owned() };
    let states = [("chain", "succeeded"), ("doomed", "failed")];
    History {
        sent: BTreeMap::from([("chain".to_owned(), job(Shape::Chain)), ("doomed".to_owned(), job(Shape::Doomed))]),
        runs: runs.into(),
        ends: BTreeMap::from([("chain".to_owned(), chain), ("doomed".to_owned(), doomed)]),
        answers: states.map(|(job, state)| answer(job, state)).into(),
        listed: states.map(|(job, state)| (job.to_owned(), state.to_owned())).into(),
        dead: vec![("doomed".to_owned(), "doomed".to_owned())],
        must_answer: true,
        calm_until: 100,
    }
}

fn ran(job: &str, task: &str, began: u64, how: Ending, up: &[&str]) -> Run {
    Run {
        job: job.to_owned(),
        task: task.to_owned(),
        run: format!("{job}.{task}.{began}"),
        began,
        ended: Some((began + 10, how)),
        up: up.iter().map(|word| (*word).to_owned()).collect(),
    }
}

fn ended(state: &str, tasks: &[(&str, &str, Option<&str>)]) -> End {
    let task = |(task, state, run): &(&str, &str, Option<&str>)| TaskEnd {
        task: (*task).to_owned(),
        state: (*state).to_owned(),
        run: run.map(str::to_owned),
    };
    let told = tasks.iter().map(|(task, state, _)| (*task, *state)).chain([("", state)]);
    let events = told.zip(1..).map(|((task, state), sequence)| Event {
        sequence,
        task: task.to_owned(),
        state: state.to_owned(),
    });
    End { state: state.to_owned(), tasks: tasks.iter().map(task).collect(), events: events.collect() }
}
