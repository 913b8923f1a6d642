//! Tasks that a worker of somebody else hands back again and again, from RabbitMQ 4.3 on.
//!
//! Until then the broker counts each hand-back, and the limit of the queue makes a dead letter of the task. From then
//! on `basic.nack` counts no more; the queue only makes each task wait for a second. So the orchestrator looks for
//! itself: for a moment it goes before all other consumers, and reads how often what comes to it was handed out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use warrener_amqp::{BrokerError, Delivery, Session};
use warrener_shared::id::QueueName;
use warrener_shared::wire::topology::DELIVERY_LIMIT;

use super::{Context, Link};

/// Time between two looks at which queues are to be asked.
const EVERY: Duration = Duration::from_secs(1);
/// Shortest time between two looks into a queue, and from when it became busy to the first one. Within it a task that
/// is handed back at once goes round ten times.
const FIRST: Duration = Duration::from_secs(10);
/// Longest time between two looks into a queue in which nothing goes round: each takes the head of it away for
/// [`LOOK`], and lets it wait for another second.
const LAST: Duration = Duration::from_secs(300);
/// Length of a look. What was handed back becomes ready after a second.
const LOOK: Duration = Duration::from_millis(1_500);
/// Most messages held during a look.
const MOST: u16 = 64;
/// Most tickets remembered of a queue; a queue with more that go round is found out a part at a time.
const TICKETS: usize = 1_000;

/// Memory of a queue that others consume too.
struct LookedInto {
    next: Instant,
    pause: Duration,
    /// By ticket.
    seen: HashMap<String, Sight>,
}

/// Deliveries of a message when it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    /// Count of the broker.
    acquired: u32,
    /// Number of looks among them.
    ours: u32,
}

/// Fate of a message that was looked at.
#[derive(Debug, PartialEq, Eq)]
enum Circling {
    /// No hand-back by anybody else since the last look, as far as is known.
    Still,
    /// Hand-backs by somebody else since the last look.
    GoesRound,
    /// Hand-backs by somebody else as many as the limit of the queue allows.
    TooOften,
}

/// Looks after the queues of a session, if its broker counts no hand-backs.
pub(super) async fn run(context: Context, link: Link) {
    if counts_hand_backs(link.session.server_version()) {
        return;
    }
    let mut watched = BTreeMap::<QueueName, LookedInto>::new();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let busy: BTreeSet<_> =
            context.shared.queues.busy().into_iter().filter(|name| !context.shared.is_external(name)).collect();
        watched.retain(|queue, _| busy.contains(queue));
        for queue in busy {
            let now = Instant::now();
            let entry = watched.entry(queue.clone()).or_insert_with(|| LookedInto {
                next: now + FIRST,
                pause: FIRST,
                seen: HashMap::new(),
            });
            if entry.next > now {
                continue;
            }
            match look(&context, &link, &queue, entry).await {
                Ok(goes_round) => entry.pause = if goes_round { FIRST } else { (entry.pause * 2).min(LAST) },
                Err(error) => tracing::debug!(%error, %queue, "a queue could not be looked into"),
            }
            entry.next = Instant::now() + entry.pause;
        }
    }
}

/// True up to RabbitMQ 4.2; also if the version can't be read.
fn counts_hand_backs(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < (4, 3),
        _ => true,
    }
}

/// Looks into a queue if more consume from it than workers that send heartbeats. Tells whether something goes round.
async fn look(context: &Context, link: &Link, queue: &QueueName, memory: &mut LookedInto) -> Result<bool, BrokerError> {
    let address = context.shared.address(queue);
    let ours = context.shared.workers.serving(queue.as_str()).len();
    let consumers = link.session.depth(&address).await?.map_or(0, |depth| depth.consumers as usize);
    if consumers <= ours {
        return Ok(false);
    }
    // A session of its own, which gives back all that it holds if it breaks.
    let session = Session::open(&context.settings).await?;
    let looked = look_by(&session, &address, memory).await;
    session.close().await;
    let (goes_round, failed) = looked?;
    if failed > 0 {
        tracing::warn!(%queue, tasks = failed, "handed back {DELIVERY_LIMIT} times by a worker without heartbeats");
    }
    Ok(goes_round)
}

async fn look_by(session: &Session, address: &str, memory: &mut LookedInto) -> Result<(bool, usize), BrokerError> {
    let mut consumer = session.consume_before_others(address, MOST).await?;
    let until = Instant::now() + LOOK;
    let mut held: Vec<Delivery> = Vec::new();
    while held.len() < usize::from(MOST) {
        let Ok(delivery) = timeout_at(until, consumer.next()).await else { break };
        held.push(delivery?);
    }
    // What is given back must not come to us again.
    held.extend(consumer.cancel().await?);
    let (mut goes_round, mut failed) = (false, 0);
    for delivery in held {
        match memory.judge(delivery.message.correlation_id.as_deref(), delivery.acquired_count.unwrap_or(0)) {
            Circling::Still => delivery.release().await.map(drop)?,
            Circling::GoesRound => {
                goes_round = true;
                delivery.release().await?;
            }
            Circling::TooOften => {
                goes_round = true;
                failed += 1;
                // To the dead letters, by which the attempt fails as by the limit of the queue.
                delivery.reject().await?;
            }
        }
    }
    Ok((goes_round, failed))
}

impl LookedInto {
    /// Judges a message by how often it was handed out before this look, ours included. Only what somebody else handed
    /// back since the last look is ever blamed: a task may have waited through any number of looks.
    fn judge(&mut self, ticket: Option<&str>, acquired: u32) -> Circling {
        let Some(ticket) = ticket else { return Circling::Still };
        if self.seen.len() >= TICKETS && !self.seen.contains_key(ticket) {
            self.seen.clear();
        }
        let before = self.seen.insert(ticket.to_owned(), Sight { acquired, ours: 1 });
        let Some(before) = before else {
            return if acquired > 1 { Circling::GoesRound } else { Circling::Still };
        };
        // Their last one is the look before this.
        if let Some(sight) = self.seen.get_mut(ticket) {
            sight.ours = before.ours + 1;
        }
        match acquired.saturating_sub(before.ours) {
            _ if acquired <= before.acquired + 1 => Circling::Still,
            theirs if i64::from(theirs) >= DELIVERY_LIMIT => Circling::TooOften,
            _ => Circling::GoesRound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> LookedInto {
        LookedInto { next: Instant::now(), pause: FIRST, seen: HashMap::new() }
    }

    #[test]
    fn versions_are_told_apart() {
        for old in ["3.10.8", "3.13.7", "4.0.5", "4.2.0", "4.2.1+2.gabc", "unknown", ""] {
            assert!(counts_hand_backs(old), "{old}");
        }
        for new in ["4.3.0", "4.3.6", "4.10.1", "5.0.0", "4.3.0-rc.1"] {
            assert!(!counts_hand_backs(new), "{new}");
        }
    }

    #[test]
    fn what_waits_through_our_looks_is_never_blamed() {
        let mut memory = watched();
        for looks in 0..100 {
            assert_eq!(memory.judge(Some("a"), looks), Circling::Still, "after {looks} looks");
        }
        // Nor by an orchestrator that started meanwhile, however often the one before it looked.
        let mut memory = watched();
        assert_eq!(memory.judge(Some("a"), 100), Circling::GoesRound);
        assert_eq!(memory.judge(Some("a"), 101), Circling::Still);
    }

    #[test]
    fn what_goes_round_is_failed_at_the_limit() {
        let mut memory = watched();
        assert_eq!(memory.judge(Some("a"), 10), Circling::GoesRound);
        assert_eq!(memory.judge(Some("a"), 20), Circling::GoesRound, "one of them was ours");
        assert_eq!(memory.judge(Some("a"), 22), Circling::TooOften);
        assert_eq!(memory.judge(Some("b"), 99), Circling::GoesRound, "seen for the first time");
        assert_eq!(memory.judge(None, 99), Circling::Still);
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = watched();
        for number in 0..5_000 {
            memory.judge(Some(&format!("{number}")), 3);
        }
        assert!(memory.seen.len() <= TICKETS);
    }
}
