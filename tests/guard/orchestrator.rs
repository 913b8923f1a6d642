//! The orchestrator's own loop with its database, led by hand: without a broker, and with a clock of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use warrener_engine::event::Reported;
use warrener_orchestrator::driver::{Asker, Chance, Driver, Input, Output, Packet, Submission};
use warrener_orchestrator::shared::Shared;
use warrener_orchestrator::store::Submitted;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_runtime::clock::{Clock, Hand};
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::Report;
use warrener_shared::wire::topology::Names;

/// See the module.
#[derive(Debug)]
pub(crate) struct Orchestrator {
    driver: Driver<Sqlite>,
    outputs: UnboundedReceiver<Output>,
    hand: Arc<Hand>,
    open: VecDeque<Ticket>,
    /// Inputs of a batch.
    batch: usize,
    /// Where the database is, until the end.
    _folder: TempDir,
}

impl Orchestrator {
    /// With a worker that has room for half a batch, which makes a window of a whole one.
    pub(crate) fn new(batch: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let hand = Arc::new(Hand::default());
        hand.jump(1_800_000_000_000);
        let clock = Clock::by_hand(hand.clone());
        let shared = Arc::new(Shared::with_clock(clock, Names::default(), BTreeMap::new(), Limits::DEFAULT));
        let heartbeat = Heartbeat {
            worker: "guard".to_owned(),
            queues: vec!["default".to_owned()],
            slots: u32::try_from(batch / 2).expect("a small number"),
            ..Heartbeat::default()
        };
        shared.workers.note(heartbeat, Timestamp(0));
        // The loop is led by hand, so nothing comes this way.
        let (_, inputs) = mpsc::channel(1);
        let (asked, outputs) = mpsc::unbounded_channel();
        let store = Sqlite::open(&folder.path().join("guard.db")).expect("a new database");
        let driver = Driver::new(store, shared, Millis::from_secs(3600), inputs, asked).expect("a new database");
        let (driver, open) = (driver.with_chance(Chance::Seed(1)), VecDeque::new());
        let mut new = Self { driver, outputs, hand, open, batch, _folder: folder };
        // The queue is there before its window is set.
        new.turn(vec![
            Input::Connected { wiped: false },
            Input::Queue(QueueName::new("default").expect("a sound name")),
        ]);
        new.turn(Vec::new());
        new
    }

    /// So many jobs of this document come in.
    pub(crate) fn submit(&mut self, document: &str, count: usize) {
        let body: Arc<[u8]> = document.as_bytes().into();
        let submit = || {
            let spec = parse(&body, &SubmitContext::default(), &Limits::DEFAULT).expect("the document is sound");
            let submitted = Submitted { body: body.clone(), priority: None, traceparent: None, digest: None };
            Input::Submit(Box::new(Submission {
                spec: Arc::new(spec),
                submitted,
                reply: None,
                asker: Asker::default(),
            }))
        };
        self.turn((0..count).map(|_| submit()).collect());
    }

    /// The next batch of attempts succeeds.
    ///
    /// # Panics
    /// If fewer are open: something else would be counted than is meant.
    pub(crate) fn work(&mut self) {
        assert!(self.open.len() >= self.batch, "only {} attempts are open", self.open.len());
        let output = format!("\"{}\"", "y".repeat(198)).into_bytes();
        let reports = self.open.drain(..self.batch).map(|ticket| {
            let report = Report::Succeeded { output: output.clone() };
            Input::Report(Reported { ticket, report, worker: Some("guard".into()), interrupted: false, cost: None })
        });
        let reports = reports.collect();
        self.turn(reports);
    }

    /// One turn with its look at the windows, and another with what the broker confirms.
    fn turn(&mut self, inputs: Vec<Input>) {
        self.hand.pass(TICK_MS);
        self.driver.turn(vec![Packet { inputs, done: None }]);
        let mut published = Vec::new();
        while let Ok(output) = self.outputs.try_recv() {
            let Output::Publish(outgoing) = output else { continue };
            for one in outgoing {
                published.push(one.dispatch_no);
                let ticket: Option<Ticket> =
                    one.message.correlation_id.as_deref().and_then(|ticket| ticket.parse().ok());
                self.open.extend(ticket);
            }
        }
        if !published.is_empty() {
            self.driver.turn(vec![Input::Published(published).into()]);
        }
    }
}

/// As long as the loop takes between two looks at its windows.
const TICK_MS: u64 = 250;
