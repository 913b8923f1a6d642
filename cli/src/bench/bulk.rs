//! A database with many jobs, made by the orchestrator's own loop without a broker.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use warrener_orchestrator::driver::{Asker, Driver, Input, Output, Packet, Reported, Submission};
use warrener_orchestrator::shared::Shared;
use warrener_orchestrator::store::Submitted;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_shared::error::ErrorObject;
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{Report, RetryAdvice};
use warrener_shared::wire::topology::Names;

use super::system::LATER;
use crate::exit::Exit;
use crate::failure::Failure;

/// Fills a new database with so many finished jobs, and then as many whose tasks are ready and find no worker.
///
/// Every 20th of the finished ones failed; they are of 10 kinds and have one of 50 labels.
pub(super) fn fill(database: &Path, count: u32) -> Result<(), Failure> {
    let mut filling = Filling::new(database)?;
    for first in (0..count).step_by(AT_ONCE) {
        filling.hear();
        filling.submit((first..count.min(first + AT_ONCE as u32)).map(finished))?;
        filling.work();
    }
    for first in (0..count).step_by(AT_ONCE) {
        filling.submit((first..count.min(first + AT_ONCE as u32)).map(waiting))?;
        filling.work();
    }
    Ok(())
}

/// The id of the last job that ended.
pub(super) fn last_finished(count: u32) -> String {
    format!("kept-{}", count - 1)
}

struct Filling {
    driver: Driver<Sqlite>,
    outputs: UnboundedReceiver<Output>,
    shared: Arc<Shared>,
}

impl Filling {
    fn new(database: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::new(Exit::Error, format!("filling a database: {error}"));
        let shared = Arc::new(Shared::new(Names::default(), BTreeMap::new(), Limits::DEFAULT));
        let retention = Millis::from_secs(365 * 24 * 3600);
        // The loop is led by hand, so nothing comes this way.
        let (_, inputs) = mpsc::channel(1);
        let (asked, outputs) = mpsc::unbounded_channel();
        let store = Sqlite::open(database).map_err(failed)?;
        let mut driver = Driver::new(store, shared.clone(), retention, inputs, asked).map_err(failed)?;
        driver.turn(vec![Input::Connected { wiped: false }.into()]);
        Ok(Self { driver, outputs, shared })
    }

    /// A worker with room for all that is dispatched, as far as the windows know.
    fn hear(&self) {
        let heartbeat = Heartbeat {
            worker: "bulk".to_owned(),
            queues: vec!["default".to_owned()],
            slots: AT_ONCE as u32,
            ..Heartbeat::default()
        };
        self.shared.workers.note(heartbeat, Timestamp(0));
    }

    fn submit(&mut self, bodies: impl Iterator<Item = String>) -> Result<(), Failure> {
        let context = SubmitContext::default();
        let mut inputs = Vec::new();
        for body in bodies {
            let spec = parse(body.as_bytes(), &context, &Limits::DEFAULT);
            let spec = spec.map_err(|problems| Failure::new(Exit::Error, format!("filling: {problems:?}")))?;
            let submitted =
                Submitted { body: Arc::from(body.as_bytes()), priority: None, traceparent: None, digest: None };
            inputs.push(Input::Submit(Box::new(Submission {
                spec: Arc::new(spec),
                submitted,
                reply: None,
                asker: Asker::default(),
            })));
        }
        self.driver.turn(vec![Packet { inputs, done: None }]);
        Ok(())
    }

    /// Plays broker and worker until nothing more goes out; what waits for a worker stays.
    fn work(&mut self) {
        loop {
            let mut inputs = Vec::new();
            while let Ok(output) = self.outputs.try_recv() {
                let Output::Publish(outgoing) = output else { continue };
                for one in outgoing {
                    inputs.push(Input::Published(vec![one.dispatch_no]));
                    if one.name.as_str() != LATER {
                        inputs.extend(one.message.correlation_id.as_deref().and_then(report));
                    }
                }
            }
            if inputs.is_empty() {
                return;
            }
            self.driver.turn(vec![Packet { inputs, done: None }]);
        }
    }
}

/// The report of an attempt: every 20th fails for good.
fn report(ticket: &str) -> Option<Input> {
    let ticket: warrener_shared::id::Ticket = ticket.parse().ok()?;
    let report = if ticket.task.0 % 20 == 0 {
        Report::Failed { error: ErrorObject::new("unlucky", "it was its turn"), retry: RetryAdvice::Never }
    } else {
        Report::Succeeded { output: br#"{"rows":1234567}"#.to_vec() }
    };
    Some(Input::Report(Reported { ticket, report, worker: Some("bulk".into()), interrupted: false, cost: None }))
}

fn finished(no: u32) -> String {
    let (kind, team) = (no % 10, no % 50);
    let input = format!(r#"{{"path":"/data/part-{no}"}}"#);
    format!(r#"{{"id":"kept-{no}","kind":"ml.step{kind}","labels":{{"team":"t{team}"}},"input":{input}}}"#)
}

fn waiting(no: u32) -> String {
    format!(r#"{{"id":"waits-{no}","kind":"ml.later","queue":"{LATER}","input":{{"path":"/data/part-{no}"}}}}"#)
}

/// Jobs in one commit.
const AT_ONCE: usize = 500;
