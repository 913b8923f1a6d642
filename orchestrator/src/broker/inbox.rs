//! The inbox: all consumers of a session.

use tokio::task::JoinSet;
use uuid::Uuid;
use warrener_amqp::BrokerError;

use super::intake::{self, Intake};
use super::{Context, Link, dead, heal, results, submits, workers};

/// Most unsettled submits. Each may be as large as a job, so few.
const SUBMIT_PREFETCH: u16 = 64;
/// Most unsettled dead letters, and heartbeats.
const OTHER_PREFETCH: u16 = 64;

/// Starts all consumers of a session, and what watches over them; they run until it ends.
pub(super) async fn start(context: &Context, link: &Link) -> Result<JoinSet<()>, BrokerError> {
    let (session, names) = (&link.session, &context.shared.names);
    let mut loops = JoinSet::new();
    let mut intakes = Vec::new();
    let mut intake = |queue: String| {
        let intake = Intake::new(queue);
        intakes.push(intake.clone());
        intake
    };
    let consumer = session.consume(&names.results(), results::PREFETCH).await?;
    loops.spawn(results::run(context.clone(), link.clone(), consumer, intake(names.results())));
    let consumer = session.consume(&names.dead(), OTHER_PREFETCH).await?;
    loops.spawn(dead::run(context.clone(), link.clone(), consumer, intake(names.dead())));
    let consumer = session.consume(&names.unrouted(), OTHER_PREFETCH).await?;
    loops.spawn(dead::run_unrouted(context.clone(), link.clone(), consumer, intake(names.unrouted())));
    let queue = format!("{}.{}", names.workers(), Uuid::new_v4().simple());
    let consumer = session.consume_exclusive(&queue, &names.workers(), &[String::new()], OTHER_PREFETCH).await?;
    loops.spawn(heal::run(context.clone(), link.clone(), consumer.pulse()));
    loops.spawn(workers::run(context.clone(), link.clone(), consumer));
    let consumer = session.consume(&names.submit(), SUBMIT_PREFETCH).await?;
    loops.spawn(submits::run(context.clone(), link.clone(), consumer, intake(names.submit())));
    loops.spawn(intake::run(context.clone(), link.clone(), intakes));
    Ok(loops)
}
