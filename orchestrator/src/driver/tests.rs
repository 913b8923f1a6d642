//! The loop over a store in memory: what goes out after which inputs.

mod answers;
mod blame;
mod bulk;
mod dead;
mod delayed;
mod evidence;
mod fell_out;
mod job_slots;
mod lost_reports;
mod outcome;
mod schedules;
mod stops;

use warrener_engine::TaskRow;
use warrener_engine::event::Reported;
use warrener_runtime::clock::Hand;
use warrener_shared::id::{JobNo, TaskNo, Ticket};
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::result::Report;
use warrener_shared::wire::submit::{ReplyAddress, ReplyMode};
use warrener_shared::wire::topology::Names;

use super::*;
use crate::store::memory::Memory as Store;
use crate::store::{Commit, DeadLetter, Rows as _, Store as _, Submitted};

struct Loop<S = Store> {
    driver: Driver<S>,
    outputs: mpsc::UnboundedReceiver<Output>,
    hand: Arc<Hand>,
}

impl Loop {
    fn new() -> Self {
        Self::over(Store::new(), Arc::new(Hand::default()))
    }
}

impl<S: crate::store::Store> Loop<S> {
    /// A process that starts over what another left.
    fn over(store: S, hand: Arc<Hand>) -> Self {
        Self::within(store, hand, Limits::DEFAULT)
    }

    /// The same with limits that may have been lowered since.
    fn within(store: S, hand: Arc<Hand>, limits: Limits) -> Self {
        let (_, inputs) = mpsc::channel(1);
        let (sender, outputs) = mpsc::unbounded_channel();
        let clock = Clock::by_hand(hand.clone());
        let shared = Arc::new(Shared::with_clock(clock, Names::default(), BTreeMap::new(), limits));
        // There is no broker here that could be away.
        shared.health.ready("broker");
        let driver = Driver::new(store, shared, Millis::from_secs(60), inputs, sender).unwrap();
        Self { driver, outputs, hand }
    }

    /// Lets what is due happen.
    fn pass_time(&mut self) {
        self.read_all();
        self.driver.pass_time();
    }

    /// Lets the broker side say that everything reported so far was handed over.
    fn read_all(&mut self) {
        let upto = self.driver.clock.monotonic();
        self.driver.hearing.connected(upto);
        self.driver.step(vec![Input::ResultsRead { upto }.into()]);
    }

    /// Lets so many seconds pass in which all is heard that there is to be heard.
    fn hear_for(&mut self, seconds: u64) {
        let now = self.driver.clock.monotonic();
        self.driver.hearing.connected(now);
        for _ in 0..seconds {
            self.hand.pass(1_000);
            let upto = self.driver.clock.monotonic();
            self.driver.turn(vec![Input::ResultsRead { upto }.into()]);
        }
    }

    /// Handles the inputs as one batch, and gives the tickets that went out, by task.
    fn step(&mut self, inputs: Vec<Input>) -> Vec<(String, Ticket)> {
        self.driver.step(vec![Packet { inputs, done: None }]);
        self.published()
    }

    /// The tickets that went out, by task.
    fn published(&mut self) -> Vec<(String, Ticket)> {
        let mut out = Vec::new();
        while let Ok(output) = self.outputs.try_recv() {
            let Output::Publish(batch) = output else { continue };
            out.extend(batch.into_iter().map(|outgoing| {
                let ticket = outgoing.message.correlation_id.as_deref().unwrap().parse().unwrap();
                (outgoing.message.header_text("task").unwrap().to_owned(), ticket)
            }));
        }
        out
    }
}

impl Loop {
    /// How many answers went out.
    fn replies(&mut self) -> usize {
        let answers = |output| if let Output::Reply(replies) = output { replies.len() } else { 0 };
        std::iter::from_fn(|| self.outputs.try_recv().ok()).map(answers).sum()
    }
}

fn submit(json: &str) -> Input {
    let spec = parse(json.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap();
    let submitted =
        Submitted { body: json.as_bytes().into(), priority: None, traceparent: None, digest: Some([0; 32]) };
    Input::Submit(Box::new(Submission { spec: Arc::new(spec), submitted, reply: None, asker: Asker::default() }))
}

/// The same by somebody who waits for the end.
fn answered(json: &str) -> Input {
    let Input::Submit(mut submission) = submit(json) else { unreachable!() };
    let to = ReplyAddress { queue: "client".to_owned(), correlation_id: None };
    submission.reply = Some(ReplyTo { to, mode: ReplyMode::Finished });
    Input::Submit(submission)
}

fn succeeded(ticket: Ticket) -> Input {
    Input::Report(Reported {
        ticket,
        report: Report::Succeeded { output: b"1".to_vec() },
        worker: None,
        interrupted: false,
        cost: None,
    })
}

/// The broker gave up on the message of the attempt.
fn dead(ticket: Ticket, reason: DeathReason) -> Input {
    let letter = DeadLetter {
        from: "task",
        code: String::new(),
        message: String::new(),
        job: None,
        task: None,
        received_at: Timestamp(0),
        body: Vec::new(),
        size: 0,
        headers: "{}".to_owned(),
        evidence: None,
    };
    Input::DeadTask(ticket, reason, Box::new(letter))
}

fn names(out: &[(String, Ticket)]) -> Vec<&str> {
    out.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_becomes_ready_goes_out_in_the_same_batch() {
    let mut run = Loop::new();
    let out = run.step(vec![submit(r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#)]);
    assert_eq!(names(&out), ["a"]);
    assert_eq!(names(&run.step(vec![succeeded(out[0].1)])), ["b"]);
}

#[test]
fn what_ended_is_not_remembered() {
    let mut run = Loop::new();
    let out = run.step(vec![submit(r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#)]);
    let next = run.step(vec![succeeded(out[0].1)]);
    assert_eq!(run.driver.shared.specs.len(), 1);
    run.step(vec![succeeded(next[0].1)]);
    assert_eq!(run.driver.shared.specs.len(), 0);
}

#[test]
fn what_becomes_ready_because_an_input_failed_goes_out_in_the_same_batch() {
    let job = r#"{"input":{},"tasks":{
        "a":{"kind":"k","allow_failure":true,"input":"${{ input.x }}"},
        "b":{"kind":"k","needs":"a"}}}"#;
    assert_eq!(names(&Loop::new().step(vec![submit(job)])), ["b"]);
}

#[test]
fn a_ready_task_that_was_only_looked_at_goes_out_when_there_is_room() {
    let mut run = Loop::new();
    let tasks: Vec<String> = (0..admission::WINDOW_MIN).map(|at| format!(r#""t{at}":{{"kind":"k"}}"#)).collect();
    let full = run.step(vec![submit(&format!(r#"{{"tasks":{{{}}}}}"#, tasks.join(",")))]);
    assert_eq!(full.len(), admission::WINDOW_MIN);
    assert_eq!(names(&run.step(vec![submit(r#"{"id":"next","tasks":{"late":{"kind":"k"}}}"#)])), [""; 0]);
    // Resuming a job that is not paused changes nothing, but its open tasks are looked at.
    let resume = Input::Command(Command::Pause("next".parse().unwrap(), false), Asker::default());
    assert_eq!(names(&run.step(vec![resume, succeeded(full[0].1)])), ["late"]);
}

#[test]
fn everything_goes_on_after_a_start_from_what_a_crash_left() {
    let mut run = Loop::new();
    let out = run.step(vec![submit(r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#)]);
    let crashed = Loop::new();
    let mut again = Loop { driver: Driver { store: run.driver.store.clone(), ..crashed.driver }, ..crashed };
    again.driver.recollect().unwrap();
    let connected = Input::Connected { wiped: false };
    // Nobody knows whether the broker has it, so it is sent again: the same attempt, the same ticket.
    assert_eq!(again.step(vec![connected]), out);
    assert_eq!(names(&again.step(vec![succeeded(out[0].1)])), ["b"]);
}

#[test]
fn a_timer_that_cannot_be_handled_stops_nothing_else() {
    let mut one = Loop::new();
    // A row that contradicts the rest of the database: its job is missing.
    let mut orphan = TaskRow::new(TaskNo(900), JobNo(900), 0, 1, 0);
    orphan.state = TaskState::Retrying;
    orphan.wake_at = Some(Timestamp(1));
    let mut commit = Commit::default();
    commit.changes.new_tasks.push(orphan.into());
    one.driver.store.commit(&commit).unwrap();
    one.driver.recollect().unwrap();
    let out = one.step(vec![submit(r#"{"tasks": {"a": {"kind": "k"}, "b": {"kind": "k", "needs": "a"}}}"#)]);
    assert_eq!(names(&out), ["a"]);
    one.pass_time();
    let out = one.step(vec![succeeded(out[0].1)]);
    assert_eq!(names(&out), ["b"]);
    assert_eq!(one.driver.store.dead_letters().count(), 0, "an innocent input was set aside");
}

#[test]
fn a_silence_that_the_task_allows_is_allowed_after_a_restart_too() {
    let mut run = Loop::new();
    let out = run.step(vec![submit(r#"{"kind": "k", "heartbeat": "90s", "retry": 0}"#)]);
    let report = Report::Claimed { lease: Millis::from_secs(10) };
    run.step(vec![Input::Report(Reported {
        ticket: out[0].1,
        report,
        worker: Some("w".into()),
        interrupted: false,
        cost: None,
    })]);
    run.driver.recollect().unwrap();
    run.hear_for(60);
    assert_eq!(run.driver.held.delivery.len(), 1, "lost by the lease, which is shorter");
    run.hear_for(60);
    assert_eq!(run.driver.held.delivery.len(), 0, "silent for longer than the task allows");
}

#[test]
fn who_submits_a_job_again_gets_an_answer_though_the_first_wanted_none() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let job = r#"{"id":"once","kind":"k"}"#;
    let out = run.step(vec![submit(job)]);
    run.step(vec![answered(job)]);
    run.driver.turn(vec![Packet { inputs: vec![succeeded(out[0].1)], done: None }]);
    assert_eq!(run.replies(), 1);
}

#[test]
fn an_answer_is_given_even_if_the_reply_of_the_commit_was_lost() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![answered(r#"{"kind": "k"}"#)]);
    // The commit stood, but nobody was told: what came of it is not known to the loop.
    let mut other = Loop::new();
    std::mem::swap(&mut run.driver.store, &mut other.driver.store);
    other.driver.recollect().unwrap();
    other.step(vec![succeeded(out[0].1)]);
    std::mem::swap(&mut run.driver.store, &mut other.driver.store);
    run.driver.recollect().unwrap();
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    assert_eq!(run.replies(), 1);
}

#[test]
fn a_given_answer_is_forgotten_with_the_next_commit_and_not_given_again_before() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![answered(r#"{"kind": "k"}"#)]);
    run.driver.turn(vec![Packet { inputs: vec![succeeded(out[0].1)], done: None }]);
    assert_eq!(run.replies(), 1);
    let owed = |run: &mut Loop| run.driver.store.due_replies(0, 9).unwrap().into_iter().map(|(no, _)| no);
    let numbers: Vec<i64> = owed(&mut run).collect();
    run.driver.turn(vec![Packet { inputs: vec![Input::Replied(numbers)], done: None }]);
    assert_eq!(owed(&mut run).count(), 1, "nothing else was committed");
    run.driver.held.unread_replies = held::ALL_REPLIES;
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    assert_eq!((run.replies(), owed(&mut run).count()), (0, 0));
}

#[test]
fn who_ends_in_peace_gives_no_answer_again() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let (submission, no) = (answered(r#"{"kind": "k"}"#), 1);
    run.step(vec![submission]);
    run.driver.turn(vec![Packet { inputs: vec![Input::Replied(vec![no])], done: None }]);
    let owed = |run: &mut Loop| run.driver.store.owed_replies(&[JobNo(1)]).unwrap().len();
    assert_eq!(owed(&mut run), 1);
    run.driver.leave();
    assert_eq!(owed(&mut run), 0);
}

#[test]
fn a_jump_of_the_wall_clock_ends_nothing_that_was_not_waited_for() {
    let hour = 3_600_000;
    for jump in [hour, -hour] {
        let mut run = Loop::new();
        run.hand.jump(1_800_000_000_000);
        run.driver.turn(Vec::new());
        run.step(vec![
            submit(r#"{"deadline":"1m","tasks":{"a":{"kind":"k"}}}"#),
            submit(r#"{"id":"nap","kind":"warrener.sleep","input":{"for":"1m"}}"#),
            submit(r#"{"id":"at","kind":"warrener.sleep","input":{"until":"2027-01-15T08:30:00Z"}}"#),
        ]);
        let state = |run: &mut Loop, no| run.driver.store.job(JobNo(no)).unwrap().unwrap().state.as_str();
        run.hand.jump(jump);
        run.driver.turn(Vec::new());
        assert_eq!((state(&mut run, 1), state(&mut run, 2)), ("running", "running"), "by {jump}");
        // A time that somebody named is the wall clock's.
        assert_eq!(state(&mut run, 3), if jump > 0 { "succeeded" } else { "running" });
        run.hand.pass(59_000);
        run.driver.turn(Vec::new());
        assert_eq!((state(&mut run, 1), state(&mut run, 2)), ("running", "running"), "by {jump}");
        run.hand.pass(1_000);
        run.read_all();
        run.driver.turn(Vec::new());
        assert_eq!((state(&mut run, 1), state(&mut run, 2)), ("timed_out", "succeeded"), "by {jump}");
    }
}

#[test]
fn a_clock_that_is_set_back_while_nobody_runs_makes_no_timer_late() {
    let mut run = Loop::new();
    run.hand.jump(1_800_000_000_000);
    run.driver.turn(Vec::new());
    run.step(vec![submit(r#"{"kind":"warrener.sleep","input":{"for":"5m"},"deadline":"10m"}"#)]);
    // A start over a clock that goes on as it did moves nothing.
    run.hand.pass(30_000);
    let mut run = Loop::over(run.driver.store.clone(), run.hand.clone());
    // While a timer runs, it is noted from time to time what the clock says, though nothing else happens.
    run.hand.pass(90_000);
    run.driver.turn(Vec::new());
    run.hand.pass(90_000);
    run.driver.turn(Vec::new());
    for _ in 0..2 {
        run.hand.jump(-3_600_000);
        run = Loop::over(run.driver.store.clone(), run.hand.clone());
    }
    let state = |run: &mut Loop| run.driver.store.job(JobNo(1)).unwrap().unwrap().state.as_str();
    run.hand.pass(89_000);
    run.driver.turn(Vec::new());
    assert_eq!(state(&mut run), "running");
    run.hand.pass(1_000);
    run.driver.turn(Vec::new());
    assert_eq!(state(&mut run), "succeeded");
}

#[test]
fn what_ends_in_the_batch_that_dispatched_it_never_goes_out() {
    let mut run = Loop::new();
    let job = r#"{"tasks":{"a":{"kind":"k","priority":9},"b":{"kind":"k","input":"${{ input.x }}"}}}"#;
    assert_eq!(names(&run.step(vec![submit(job)])), [""; 0]);
    assert_eq!(run.driver.held.delivery.len(), 0);
    assert_eq!(run.driver.store.job(JobNo(1)).unwrap().unwrap().state.as_str(), "failed");
}

#[test]
fn what_a_lost_queue_held_goes_out_again_even_after_a_crash() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![submit(r#"{"kind":"k"}"#)]);
    run.step(vec![Input::Published(vec![1])]);
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    let restarted = |run: &Loop| Loop::over(run.driver.store.clone(), run.hand.clone());
    assert_eq!(restarted(&run).step(vec![Input::Connected { wiped: false }]), [], "it is known to be published");
    run.step(vec![Input::LaneLost(1)]);
    assert_eq!(restarted(&run).step(vec![Input::Connected { wiped: false }]), out);
}

#[test]
fn a_confirm_from_before_its_queue_was_lost_does_not_count() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![submit(r#"{"kind":"k"}"#)]);
    run.step(vec![Input::LaneLost(1)]);
    run.step(vec![Input::Published(vec![1])]);
    run.hand.pass(1_000);
    run.driver.turn(Vec::new());
    assert_eq!(run.step(Vec::new()), out);
}

#[test]
fn items_that_are_no_more_do_not_come_back_from_the_store() {
    let mut run = Loop::new();
    let job = r#"{"id":"j","tasks":{"a":{"kind":"k"},
        "m":{"kind":"warrener.job","needs":"a","for_each":[1],"input":{"job":{"kind":"k"}}}}}"#;
    let first = run.step(vec![submit(job)]);
    assert_eq!(names(&run.step(vec![succeeded(first[0].1)])), ["task"]);
    // The sub-job is stopped, and would tell its item.
    let address = warrener_shared::id::TaskAddress { task: "a".parse().unwrap(), index: None };
    let again = Input::Command(Command::RetryTask("j".parse().unwrap(), address), Asker::default());
    assert_eq!(names(&run.step(vec![again])), ["a"]);
    assert_eq!(run.driver.store.dead_letters().count(), 0);
    assert_eq!(run.driver.store.job(JobNo(2)).unwrap().unwrap().state.as_str(), "cancelled");
}

#[test]
fn a_list_whose_jobs_end_as_soon_as_they_begin_goes_on() {
    let mut run = Loop::new();
    // Each inner job fails at once, and so does the second attempt.
    let inner = r#"{"job":{"tasks":{"x":{"kind":"k","input":"$${{ input.y }}"}}}}"#;
    let map = r#"{"items":[1,2,3],"max_parallel":1,"max_failures":3}"#;
    let retry = r#"{"max_attempts":2,"backoff":"none"}"#;
    let task = format!(r#"{{"kind":"warrener.job","for_each":{map},"retry":{retry},"input":{inner}}}"#);
    let job = format!(r#"{{"tasks":{{"m":{task}}}}}"#);
    run.step(vec![submit(&job)]);
    for _ in 0..3 {
        run.pass_time();
    }
    assert_eq!(run.driver.store.job(JobNo(1)).unwrap().unwrap().state.as_str(), "succeeded");
}

/// A loop that has an attempt at a worker, which may take ten seconds and has ten more to say so.
fn at_work() -> (Loop, Ticket) {
    let mut run = Loop::new();
    let out = run.step(vec![Input::Connected { wiped: false }, submit(r#"{"kind":"k","timeout":"10s","retry":0}"#)]);
    let ticket = out[0].1;
    let heard = Heard { worker: "w".into(), tickets: vec![ticket] };
    run.step(vec![Input::Heartbeat(heard)]);
    (run, ticket)
}

fn state(run: &mut Loop) -> JobState {
    run.driver.store.job(JobNo(1)).unwrap().unwrap().state
}

#[test]
fn a_limit_that_passed_while_nobody_could_hear_waits_for_what_was_reported_meanwhile() {
    let (mut run, ticket) = at_work();
    // The process stands still.
    run.hand.pass(600_000);
    run.driver.turn(Vec::new());
    assert_eq!(state(&mut run), JobState::Running, "nobody has read what was reported meanwhile");
    run.driver.turn(vec![succeeded(ticket).into()]);
    assert_eq!(state(&mut run), JobState::Succeeded);
}

#[test]
fn a_limit_that_passed_while_nobody_could_hear_is_judged_once_all_is_read() {
    let (mut run, _) = at_work();
    run.hand.pass(600_000);
    let before = Input::ResultsRead { upto: Duration::from_secs(15) };
    run.driver.turn(vec![before.into()]);
    assert_eq!(state(&mut run), JobState::Running, "that was before its limit");
    run.hear_for(2);
    assert_eq!(state(&mut run), JobState::Failed);
}

#[test]
fn a_clock_that_is_set_in_the_middle_of_a_turn_ends_nothing() {
    for days in [-8, 8] {
        let (mut run, _) = at_work();
        run.hand.jump(1_800_000_000_000);
        run.hear_for(1);
        run.hand.jump(days * 24 * 3_600_000);
        // The rest of the turn, in which all was read up to now.
        run.pass_time();
        assert_eq!(state(&mut run), JobState::Running, "{days} days");
        run.hear_for(8);
        assert_eq!(state(&mut run), JobState::Running, "{days} days: it has its time and ten seconds more");
        run.hear_for(12);
        assert_eq!(state(&mut run), JobState::Failed, "{days} days: its time is over");
    }
}

#[test]
fn reports_that_were_not_committed_are_handled_before_anything_is_judged() {
    let (mut run, ticket) = at_work();
    run.hand.pass(600_000);
    run.driver.store.refuse(Some(|_| Some(StoreError::Unwritable("the disk is full".to_owned()))));
    let (done, mut told) = tokio::sync::oneshot::channel();
    let upto = run.driver.clock.monotonic();
    let reports = Packet { inputs: vec![succeeded(ticket)], done: Some(done) };
    run.driver.turn(vec![reports, Input::ResultsRead { upto }.into()]);
    run.driver.turn(vec![Input::ResultsRead { upto }.into()]);
    assert_eq!(
        told.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Empty),
        "it is neither kept nor given up"
    );
    run.driver.store.refuse(None);
    run.driver.turn(Vec::new());
    assert_eq!((state(&mut run), told.try_recv()), (JobState::Succeeded, Ok(())));
}

#[test]
fn a_session_that_begins_while_the_store_is_away_counts() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    run.driver.turn(vec![Input::Disconnected.into()]);
    run.driver.store.refuse(Some(|_| Some(StoreError::Unwritable("the disk is full".to_owned()))));
    let Input::Submit(mut asked) = submit(r#"{"id":"refused","kind":"k"}"#) else { unreachable!() };
    let (tell, mut answer) = tokio::sync::oneshot::channel();
    asked.asker = tell.into();
    run.driver.turn(vec![Input::Submit(asked).into()]);
    assert!(answer.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Closed));
    let delivered = |input| {
        let (done, told) = tokio::sync::oneshot::channel();
        (Packet { inputs: vec![input], done: Some(done) }, told)
    };
    run.driver.store.go_away(true);
    let (first, _told) = delivered(submit(r#"{"id":"kept","kind":"k"}"#));
    run.driver.turn(vec![Input::Connected { wiped: false }.into(), first]);
    run.driver.store.refuse(None);
    run.driver.store.go_away(false);
    run.hand.pass(1_000);
    run.driver.turn(Vec::new());
    assert!(run.driver.hearing.is_connected(), "its session is known");
    assert_eq!(names(&run.published()), ["task"], "what was delivered is kept, what was asked for was refused");
}

#[test]
fn a_start_is_not_kept_waiting_by_deadlines_that_are() {
    let (mut run, _) = at_work();
    run.step(vec![
        submit(r#"{"id":"strict","kind":"k","deadline":"5s"}"#),
        submit(r#"{"id":"later","kind":"k","delay":"5s"}"#),
    ]);
    run.hand.pass(600_000);
    run.driver.turn(Vec::new());
    let states = |run: &mut Loop| [2, 3].map(|no| run.driver.store.job(JobNo(no)).unwrap().unwrap().state);
    assert_eq!(states(&mut run), [JobState::Running, JobState::Running]);
    run.hear_for(2);
    assert_eq!(states(&mut run), [JobState::TimedOut, JobState::Running]);
}
