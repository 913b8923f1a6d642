//! Messages that tasks send (`warrener.publish`), on a connection of their own.
//!
//! Each goes alone on a channel, so that a destination concerns no other. Of those that wait and those under way there
//! are only so many, at most a few for each destination; the rest is given back, and comes again from its row.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use warrener_amqp::{Courier, Delivered};
use warrener_shared::error::code;
use warrener_shared::wire::Parcel;
use warrener_shared::wire::topology::Names;

use super::{Context, Link};
use crate::driver::{Input, SendAttempt, SendOutcome};

/// Messages of one commit, each with the attempt that sends it.
pub(super) type Sendings = Vec<(SendAttempt, Box<Parcel>)>;
/// Exchange and routing key.
type Destination = (String, String);
/// Message under way.
type Sending = Pin<Box<dyn Future<Output = Settled> + Send>>;

/// Most messages under way at once.
const UNDER_WAY: usize = 128;
/// Most messages under way to one destination, of which the broker shares the queue.
const TO_ONE: usize = 8;
/// Most messages that wait for their turn.
const WAITING: usize = 4096;
/// Most messages to one destination that wait for their turn.
const WAITING_TO_ONE: usize = 512;
/// Most bytes of bodies that wait for their turn.
const WAITING_BYTES: usize = 64 * 1024 * 1024;
/// Longest wait for a confirm.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time for which a destination that confirmed nothing gets one message at a time.
const LATE_FOR: Duration = Duration::from_secs(60);
/// Most destinations that are known to be late.
const LATE_MAX: usize = 1024;
/// Time for which the answer counts that an exchange exists or does not.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// Most exchanges of which the answer is kept.
const KNOWN_MAX: usize = 1024;

/// Sends what comes in with the session of the moment, until nobody asks any more.
pub(super) async fn run(
    context: Context,
    mut waiting: mpsc::UnboundedReceiver<Sendings>,
    links: watch::Receiver<Option<Link>>,
) {
    let mut sender = Sender {
        context,
        links,
        courier: None,
        lanes: BTreeMap::new(),
        ready: VecDeque::new(),
        taken: BTreeSet::new(),
        bytes: 0,
        late: BTreeMap::new(),
        known: BTreeMap::new(),
        sent: FuturesUnordered::new(),
    };
    loop {
        tokio::select! {
            sendings = waiting.recv() => match sendings {
                Some(sendings) => sender.take(sendings).await,
                None => return,
            },
            Some(first) = sender.sent.next(), if !sender.sent.is_empty() => sender.settle(first).await,
        }
    }
}

/// Fate of a message.
struct Settled {
    attempt: SendAttempt,
    destination: Destination,
    outcome: SendOutcome,
    /// True if the exchange was found, false if it was not; `None` if nobody asked.
    exists: Option<bool>,
}

/// Messages to one destination.
#[derive(Default)]
struct SendLane {
    waiting: VecDeque<(SendAttempt, Box<Parcel>)>,
    under_way: usize,
}

/// State of the sender. Nothing in it waits for the broker.
struct Sender {
    context: Context,
    /// Session of the moment; `None` between two.
    links: watch::Receiver<Option<Link>>,
    /// Courier with the number of its session.
    courier: Option<(u64, Courier)>,
    /// Destinations with messages.
    lanes: BTreeMap<Destination, SendLane>,
    /// Destinations that may have a message to send, in turn.
    ready: VecDeque<Destination>,
    /// Attempts whose message waits or is under way.
    taken: BTreeSet<SendAttempt>,
    /// Bytes of the bodies that wait.
    bytes: usize,
    /// Destinations that confirmed nothing, each with the time up to which that counts.
    late: BTreeMap<Destination, Instant>,
    /// Exchanges that were asked for: there or not, and up to when that counts.
    known: BTreeMap<String, (bool, Instant)>,
    /// Messages under way.
    sent: FuturesUnordered<Sending>,
}

impl Sender {
    /// Takes messages of tasks. What cannot be sent now, or is too much, is given back at once.
    async fn take(&mut self, sendings: Sendings) {
        let mut back = Vec::new();
        let is_connected = self.courier().is_some();
        for (attempt, parcel) in sendings {
            if self.taken.contains(&attempt) {
                continue;
            }
            let destination = (parcel.exchange.clone(), parcel.key.clone());
            if let Some(why) = own(&destination, &self.context.shared.names) {
                back.push((attempt, SendOutcome::Refused(code::REFUSED, why)));
            } else if !is_connected || !self.has_room(&destination, parcel.message.body.len()) {
                back.push((attempt, SendOutcome::Unknown));
            } else {
                self.taken.insert(attempt);
                self.bytes += parcel.message.body.len();
                self.lanes.entry(destination.clone()).or_default().waiting.push_back((attempt, parcel));
                self.ready.push_back(destination);
            }
        }
        tell(&self.context, back).await;
        self.pump();
    }

    /// Tells whether one more message with a body of this size may wait. To a late destination one goes at a time.
    fn has_room(&self, destination: &Destination, size: usize) -> bool {
        let most = if self.is_late(destination) { 1 } else { WAITING_TO_ONE };
        let waiting = self.lanes.get(destination).map_or(0, |lane| lane.waiting.len() + lane.under_way);
        waiting < most && self.taken.len() < WAITING && self.bytes + size <= WAITING_BYTES
    }

    /// Tells the driver of this message and all others whose fate is known, and sends what may go now.
    async fn settle(&mut self, first: Settled) {
        let mut settled = vec![first];
        while let Some(Some(next)) = self.sent.next().now_or_never() {
            settled.push(next);
        }
        let mut told = Vec::with_capacity(settled.len());
        for Settled { attempt, destination, outcome, exists } in settled {
            self.taken.remove(&attempt);
            if let Some(exists) = exists {
                self.found(&destination.0, exists);
            }
            let Some(lane) = self.lanes.get_mut(&destination) else { continue };
            lane.under_way -= 1;
            let mut waiting = VecDeque::new();
            if outcome == SendOutcome::Unknown {
                waiting = std::mem::take(&mut lane.waiting);
            }
            if lane.waiting.is_empty() && lane.under_way == 0 {
                self.lanes.remove(&destination);
            }
            for (attempt, parcel) in waiting {
                self.taken.remove(&attempt);
                self.bytes -= parcel.message.body.len();
                told.push((attempt, SendOutcome::Unknown));
            }
            self.judge(&destination, &outcome);
            self.ready.push_back(destination);
            told.push((attempt, outcome));
        }
        tell(&self.context, told).await;
        self.pump();
    }

    /// Notes whether a destination confirms.
    fn judge(&mut self, destination: &Destination, outcome: &SendOutcome) {
        let now = Instant::now();
        if *outcome != SendOutcome::Unknown {
            self.late.remove(destination);
        } else {
            if self.late.len() >= LATE_MAX {
                self.late.retain(|_, until| *until > now);
            }
            if self.late.len() < LATE_MAX {
                self.late.insert(destination.clone(), now + LATE_FOR);
            }
        }
    }

    fn is_late(&self, destination: &Destination) -> bool {
        self.late.get(destination).is_some_and(|until| *until > Instant::now())
    }

    /// Sends what may go, one destination after the other.
    fn pump(&mut self) {
        let Some(courier) = self.courier() else { return };
        while self.sent.len() < UNDER_WAY
            && let Some(destination) = self.ready.pop_front()
        {
            let most = if self.is_late(&destination) { 1 } else { TO_ONE };
            let Some(lane) = self.lanes.get_mut(&destination).filter(|lane| lane.under_way < most) else { continue };
            let Some((attempt, parcel)) = lane.waiting.pop_front() else { continue };
            lane.under_way += 1;
            if !lane.waiting.is_empty() {
                self.ready.push_back(destination.clone());
            }
            self.bytes -= parcel.message.body.len();
            let known = self.knows(&destination.0);
            let courier = courier.clone();
            self.sent.push(Box::pin(async move {
                let (outcome, exists) = send(&courier, *parcel, known).await;
                Settled { attempt, destination, outcome, exists }
            }));
        }
    }

    /// Tells whether an exchange exists, as far as that was found out lately.
    fn knows(&self, exchange: &str) -> Option<bool> {
        let now = Instant::now();
        self.known.get(exchange).filter(|(_, until)| *until > now).map(|(exists, _)| *exists)
    }

    /// Remembers for a moment whether an exchange exists.
    fn found(&mut self, exchange: &str, exists: bool) {
        let now = Instant::now();
        if self.known.len() >= KNOWN_MAX {
            self.known.retain(|_, (_, until)| *until > now);
        }
        if self.known.len() < KNOWN_MAX {
            self.known.insert(exchange.to_owned(), (exists, now + KNOWN_FOR));
        }
    }

    /// Courier of the session of the moment.
    fn courier(&mut self) -> Option<Courier> {
        let link = self.links.borrow().clone()?;
        let epoch = link.session.epoch();
        if self.courier.as_ref().is_none_or(|(of, _)| *of != epoch) {
            self.courier = Some((epoch, link.session.courier(PATIENCE)));
        }
        self.courier.as_ref().map(|(_, courier)| courier.clone())
    }
}

/// Tells the driver what became of messages.
async fn tell(context: &Context, outcomes: Vec<(SendAttempt, SendOutcome)>) {
    if !outcomes.is_empty() {
        context.input(Input::Sent(outcomes)).await;
    }
}

/// Sends a message, once it is known that its exchange exists: one that does not ends the channel, and with some
/// versions of the broker more. Gives what was found out of the exchange, too.
async fn send(courier: &Courier, parcel: Parcel, known: Option<bool>) -> (SendOutcome, Option<bool>) {
    let exchange = parcel.exchange.clone();
    let missing = || SendOutcome::Refused(code::NO_EXCHANGE, format!("there is no exchange {exchange:?}"));
    let mut found = None;
    // The default exchange always exists, and may not be asked for.
    let exists = match known {
        _ if exchange.is_empty() => Some(true),
        Some(known) => Some(known),
        None => {
            found = tokio::time::timeout(PATIENCE, courier.knows(&exchange)).await.ok().flatten();
            found
        }
    };
    match exists {
        None => return (SendOutcome::Unknown, None),
        Some(false) => return (missing(), found),
        Some(true) => {}
    }
    let outcome = match courier.send(parcel).await {
        Delivered::Taken => SendOutcome::Taken,
        Delivered::Unroutable => SendOutcome::Unroutable,
        Delivered::NoExchange => return (missing(), Some(false)),
        Delivered::Nacked => {
            SendOutcome::Refused(code::REFUSED, "a queue of its destination is full, or takes nothing".to_owned())
        }
        Delivered::Refused(why) => SendOutcome::Refused(code::REFUSED, why),
        Delivered::Unknown => SendOutcome::Unknown,
    };
    (outcome, found)
}

/// Reason why a task may not send to this destination: what goes round between orchestrator and workers is not for
/// jobs. `None` if it may.
fn own((exchange, key): &Destination, names: &Names) -> Option<String> {
    let entity = if exchange.is_empty() { key } else { exchange };
    let may = !names.owns(entity) || *entity == names.submit();
    (!may).then(|| format!("{entity} is of Warrener itself; tasks may send to {} and to what is yours", names.submit()))
}
