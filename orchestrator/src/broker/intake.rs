//! The watch over our consumers: a consumer's life is not believed from the absence of errors.
//!
//! A broker may forget a consumer without a word, as it does when its queue is deleted and declared again within
//! milliseconds. Then messages wait in the queue, we wait for messages, and nothing is ever an error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use warrener_amqp::BrokerError;

use super::{Context, Link};

/// Activity of a consumer of ours, shared by whoever takes and whoever settles.
#[derive(Clone, Debug)]
pub(super) struct Intake(Arc<IntakeState>);

/// Queue of a consumer, and its activity.
#[derive(Debug)]
struct IntakeState {
    /// Name of the queue.
    queue: String,
    state: Mutex<State>,
}

/// Activity of a consumer.
#[derive(Debug)]
struct State {
    /// Time at which something last came or was acknowledged.
    moved: Instant,
    /// Batches that are taken and not acknowledged yet.
    open: usize,
}

impl Intake {
    /// Activity of a consumer that has just begun.
    pub(super) fn new(queue: String) -> Self {
        Self(Arc::new(IntakeState { queue, state: Mutex::new(State { moved: Instant::now(), open: 0 }) }))
    }

    /// Notes that a batch came, or a part of one was split off to be settled apart.
    pub(super) fn took(&self) {
        self.with(|state| state.open += 1);
    }

    /// Notes that a batch is settled.
    pub(super) fn settled(&self) {
        self.with(|state| state.open = state.open.saturating_sub(1));
    }

    /// Time for which nothing came while nothing was being worked on.
    pub(super) fn idle(&self) -> Duration {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open > 0 { Duration::ZERO } else { state.moved.elapsed() }
    }

    /// Changes the state, and notes that something moved.
    fn with(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut state);
        state.moved = Instant::now();
    }
}

/// Ends the session if messages wait in a queue of ours and its consumer gets none.
pub(super) async fn run(context: Context, link: Link, intakes: Vec<Intake>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut starving = vec![0_u32; intakes.len()];
    loop {
        every.tick().await;
        for (intake, rounds) in intakes.iter().zip(&mut starving) {
            let is_starving = intake.idle() > IDLE && has_messages(&link, &intake.0.queue).await;
            // Twice, since a message may have come in this very moment.
            *rounds = if is_starving && intake.idle() > IDLE { *rounds + 1 } else { 0 };
            if *rounds >= ROUNDS {
                metrics::counter!("warrener_consumers_starved_total").increment(1);
                context.shared.health.not_ready("broker", format!("the broker gives nothing of {}", intake.0.queue));
                let what = format!("consuming from {}", intake.0.queue);
                let why = "messages wait in the queue, and none comes".to_owned();
                return link.session.break_with(BrokerError::Broken { what, why });
            }
        }
    }
}

/// Tells whether messages are ready in a queue. False if it could not be asked.
async fn has_messages(link: &Link, queue: &str) -> bool {
    matches!(link.session.depth(queue).await, Ok(Some(depth)) if depth.ready > 0)
}

/// Time between two looks at the queues.
const EVERY: Duration = Duration::from_secs(2);
/// Time for which nothing may come before the queue is looked at.
const IDLE: Duration = Duration::from_secs(3);
/// Looks in a row that must find a consumer starving before the session is given up.
const ROUNDS: u32 = 2;
