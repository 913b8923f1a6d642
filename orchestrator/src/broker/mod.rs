//! The orchestrator's side of the broker: one session after another, each with all consumers and publishers.

mod dead;
mod delays;
mod events;
mod handed_back;
mod heal;
mod inbox;
mod intake;
mod lane;
mod letter;
mod notes;
mod outbox;
mod panics;
mod poll;
mod pulse;
mod repairs;
mod results;
mod sending;
mod settle;
mod strangers;
mod submits;
mod suspects;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use warrener_amqp::{Backoff, BrokerError, Publisher, Session, Settings, Topology};
use warrener_shared::id::QueueName;

pub(crate) use self::notes::Notes;
pub(crate) use self::repairs::{Repairs, Troubles};
pub(crate) use self::submits::submission;
pub(crate) use self::suspects::Suspects;
use crate::delays::DelayRoute;
use crate::driver::{Input, Output, Packet};
use crate::shared::Shared;
use crate::store::view::View;

/// Most unconfirmed publishes of tasks. Enough to keep the broker busy, few enough to send again after a loss.
const TASK_WINDOW: usize = 4096;
/// Most unconfirmed answers: more than the driver gives out at once.
const REPLY_WINDOW: usize = 1536;
/// Most unconfirmed events.
const EVENT_WINDOW: usize = 256;
/// Longest wait between two sessions. There are few orchestrators, and everybody waits for them.
const BACKOFF_MAX: Duration = Duration::from_secs(3);

/// Needs of the broker side from the rest of the process, and its state that outlives sessions.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Address of the broker, and times of the connection.
    pub settings: Settings,
    /// Everything that other parts of the process may look at.
    pub shared: Arc<Shared>,
    /// Identity of the database, which owns the prefix at the broker.
    pub database: String,
    /// Patterns of the queues that answers may go to, with `*` for any characters.
    pub reply_to: Arc<[String]>,
    /// True if messages may make, change and remove schedules.
    pub schedules: bool,
    /// Exchanges whose messages go out later.
    pub delays: Arc<[DelayRoute]>,
    /// Way to the driver.
    pub inputs: mpsc::Sender<Packet>,
    /// Readers of the database, for events.
    pub view: Arc<View>,
    /// Task queues that may have lost their leader.
    pub suspects: Suspects,
    /// Entities of ours that seem to be missing at the broker.
    pub repairs: Repairs,
    /// Lock of those who make missing queues anew: only one does at a time.
    pub healing: Arc<Mutex<()>>,
    /// Reasons why the broker side is not ready.
    pub troubles: Troubles,
    /// Notes for a person, while everything goes on.
    pub notes: Notes,
}

impl Context {
    /// Hands an input to the driver, waiting while it is busy.
    pub(crate) async fn input(&self, input: Input) {
        // The driver is gone only when the process ends.
        self.inputs.send(input.into()).await.ok();
    }

    /// Names of all task queues that we declare.
    pub(crate) fn ours(&self) -> Vec<QueueName> {
        let names = self.shared.queues.all().into_iter().map(|queue| queue.name);
        names.filter(|name| !self.shared.is_external(name)).collect()
    }

    /// Names of the task queues that we declare and that have open attempts.
    pub(crate) fn busy(&self) -> Vec<QueueName> {
        self.shared.queues.busy().into_iter().filter(|name| !self.shared.is_external(name)).collect()
    }
}

/// A session with its publishers.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The session.
    pub(crate) session: Session,
    /// The same with its own way to ask about queues of others, which may never answer.
    pub(crate) strangers: Session,
    /// Publisher of tasks.
    pub(crate) tasks: Publisher,
    /// Publisher of answers, to queues that belong to others; also of controls and replayed letters.
    pub(crate) replies: Publisher,
    /// Publisher of events. It is apart, so that a listener whose queue takes nothing delays no answers.
    pub(crate) events: Publisher,
}

/// Keeps a session with the broker until told to stop. Carries out the outputs of the driver meanwhile.
///
/// # Errors
/// A fault that no waiting can mend: another database owns the prefix, or an entity exists with other properties.
pub(crate) async fn run(
    context: Context,
    outputs: mpsc::UnboundedReceiver<Output>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    let (link, links) = watch::channel(None);
    let (sendings, waiting) = mpsc::unbounded_channel();
    let mut parts = JoinSet::new();
    parts.spawn(sending::run(context.clone(), waiting, links.clone()));
    parts.spawn(outbox::route(context.clone(), outputs, links, sendings));
    let result = tokio::select! {
        result = supervise(&context, &link, &stop) => result,
        why = panics::first_of(&mut parts) => Err(why),
    };
    drop(link);
    parts.abort_all();
    result
}

/// Opens one session after another, with a pause between them.
async fn supervise(
    context: &Context,
    link: &watch::Sender<Option<Link>>,
    stop: &CancellationToken,
) -> Result<(), BrokerError> {
    let mut backoff = Backoff::at_most(BACKOFF_MAX);
    let mut was_let_in = false;
    while !stop.is_cancelled() {
        let outcome = tokio::select! {
            outcome = session(context, link, &mut backoff) => outcome,
            () = stop.cancelled() => break,
        };
        was_let_in |= link.send_replace(None).is_some();
        context.troubles.clear();
        context.input(Input::Disconnected).await;
        let Err(error) = outcome else { continue };
        context.shared.health.not_ready("broker", error.to_string());
        // Whoever was let in before may be so again: users and their rights are changed while we run.
        let may_pass = error.is_transient() || (was_let_in && matches!(error, BrokerError::Refused { .. }));
        if !may_pass {
            return Err(error);
        }
        let pause = backoff.next();
        tracing::warn!(%error, retry_in = ?pause, "no session with the broker");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Some(link) = link.send_replace(None) {
        link.session.close().await;
    }
    Ok(())
}

/// Runs a session from its opening to its end. Only errors end it.
///
/// The order matters: what queues lost is noticed before they are declared, and the prefix is claimed before anything
/// is consumed.
async fn session(
    context: &Context,
    links: &watch::Sender<Option<Link>>,
    backoff: &mut Backoff,
) -> Result<(), BrokerError> {
    let session = Session::open(&context.settings).await?;
    // What queues lost while we were away must be noticed before they are declared.
    let reports_lost = session.depth(&context.shared.names.results()).await?.is_none();
    session.declare(&Topology::orchestrator(&context.shared.names, &[])).await?;
    heal::prepare_all(context, &session, &context.busy()).await?;
    session.declare(&Topology::orchestrator(&context.shared.names, &context.ours())).await?;
    let wiped = claim_prefix(context, &session).await?;
    let link = Link {
        tasks: session.publisher_apart(TASK_WINDOW).await?,
        replies: session.publisher_to_strangers(REPLY_WINDOW).await?,
        events: session.publisher_to_strangers(EVENT_WINDOW).await?,
        session: session.clone(),
        strangers: session.asking_apart(STRANGER_PATIENCE),
    };
    let restarted = heal::mark_restart(context, &session).await?;
    links.send_replace(Some(link.clone()));
    let mut loops = inbox::start(context, &link).await?;
    loops.spawn(poll::run(context.clone(), link.clone()));
    loops.spawn(strangers::run(context.clone(), link.clone()));
    loops.spawn(handed_back::run(context.clone(), link.clone()));
    loops.spawn(suspects::run(context.clone(), link.clone(), restarted));
    loops.spawn(events::run(context.clone(), link.clone()));
    delays::start(context, &link, &mut loops);
    if !wiped {
        context.input(Input::Connected { wiped }).await;
    }
    if reports_lost {
        context.input(Input::ReportsLost).await;
    }
    tracing::info!(version = session.server_version(), "connected to the broker");
    loops.spawn(pulse::run(context.clone(), link.clone()));
    backoff.reset();
    let why = tokio::select! {
        why = session.failed() => why,
        why = panics::first_of(&mut loops) => why,
    };
    loops.shutdown().await;
    Err(why)
}

/// Makes sure that the prefix is ours. True if the broker lost its data, or never had any of this prefix.
///
/// Then everything that is open is marked for publishing in the database before the broker is marked as ours, so that a
/// crash in between loses nothing.
async fn claim_prefix(context: &Context, session: &Session) -> Result<bool, BrokerError> {
    let wiped = !session.exchange_exists(&context.shared.names.owner()).await?;
    if wiped {
        let (done, committed) = tokio::sync::oneshot::channel();
        let packet = Packet { inputs: vec![Input::Connected { wiped }], done: Some(done) };
        context.inputs.send(packet).await.ok();
        // Without an answer nobody knows whether it was kept, so it must not be taken for kept.
        if !matches!(tokio::time::timeout(STORE_PATIENCE, committed).await, Ok(Ok(()))) {
            return Err(given_up("the store did not keep that the broker was wiped"));
        }
    }
    session.declare_owner(&context.shared.names, &context.database).await?;
    Ok(wiped)
}

/// Longest time that a queue of somebody else may take to answer a question.
const STRANGER_PATIENCE: Duration = Duration::from_secs(2);

/// Longest time that a commit may take before the session is given up.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// Error of a session that we end ourselves.
fn given_up(why: &str) -> BrokerError {
    BrokerError::Broken { what: "giving up the session".to_owned(), why: why.to_owned() }
}
