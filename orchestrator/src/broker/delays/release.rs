//! Releasing: what is due goes out, is confirmed, and then forgotten.
//!
//! Messages are found by an index on their time, in slices, so that memory holds those that are due and not those that
//! wait. One that is sent and not yet forgotten is remembered, so that it goes out once; after a crash, once more.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};
use warrener_amqp::{Courier, Delivered, Properties};
use warrener_shared::time::{Millis, Timestamp};

use super::super::events::read;
use super::super::{Context, Link};
use crate::delays::DelayRoute;
use crate::driver::{Input, Packet};
use crate::store::view::{DELAYED_SLICE, View};
use crate::store::{DelayedChanges, DelayedMessage, PutOffMessage, StoreError};

/// Most messages under way at once.
const UNDER_WAY: usize = DELAYED_SLICE;
/// Most messages that are sent and not yet forgotten.
const OPEN: usize = 2048;
/// Bytes of bodies after which a slice ends, though not before its first message.
const SLICE_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for a confirm.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time between two looks: the wall clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// First pause after a message that nobody took.
const PAUSE: Millis = Millis::from_secs(1);
/// Longest such pause.
const PAUSE_MAX: Millis = Millis::from_secs(600);
/// Time between two messages with a routing key of which none is confirmed.
const LATE_FOR: Duration = Duration::from_secs(60);
/// Most routing keys that are known to be late.
const LATE_MAX: usize = 1024;

/// A message on its way.
type Releasing = Pin<Box<dyn Future<Output = Released> + Send>>;
/// Changes being committed: gives the numbers that they are about, once that is over.
type Committing = Pin<Box<dyn Future<Output = Vec<i64>> + Send>>;

/// Fate of a message.
struct Released {
    no: i64,
    key: String,
    failures: u32,
    due_at: Timestamp,
    fate: Fate,
}

enum Fate {
    /// A queue has it.
    Taken,
    /// Nobody took it, for this reason.
    Refused(String),
    /// No confirm came.
    Silent,
}

/// The releasing end of an exchange, for one session.
pub(super) struct Release {
    context: Context,
    courier: Courier,
    route: DelayRoute,
    /// Notified when messages were kept.
    news: Arc<Notify>,
    /// Messages that are under way, or whose end is being committed.
    open: HashSet<i64>,
    under_way: FuturesUnordered<Releasing>,
    committing: FuturesUnordered<Committing>,
    /// Routing keys that were not confirmed, each with the time up to which that counts.
    late: HashMap<String, Instant>,
    /// True if more is due than the latest look took.
    more: bool,
    /// Time at which the next message is due, as far as the latest look saw.
    next: Option<Timestamp>,
    /// True while somebody reads that messages are not taken.
    noted: bool,
}

impl Release {
    pub(super) fn new(context: Context, link: &Link, route: DelayRoute, news: Arc<Notify>) -> Self {
        Self {
            context,
            courier: link.session.courier(PATIENCE),
            route,
            news,
            open: HashSet::new(),
            under_way: FuturesUnordered::new(),
            committing: FuturesUnordered::new(),
            late: HashMap::new(),
            more: true,
            next: None,
            noted: false,
        }
    }

    /// Releases messages until the session ends.
    pub(super) async fn run(mut self) {
        let mut look = true;
        loop {
            if look || (self.more && self.room() >= UNDER_WAY / 4) {
                look = false;
                if let Err(error) = self.look().await {
                    tracing::error!(%error, "cannot read delayed messages");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            let wait = self
                .next
                .map_or(LOOK_EVERY, |at| at.since(self.context.shared.followed_now()).to_std().min(LOOK_EVERY));
            tokio::select! {
                Some(sent) = self.under_way.next(), if !self.under_way.is_empty() => self.settle(sent).await,
                Some(over) = self.committing.next(), if !self.committing.is_empty() => {
                    for no in over {
                        self.open.remove(&no);
                    }
                }
                () = self.news.notified() => look = true,
                () = tokio::time::sleep(wait), if !self.more => look = true,
            }
        }
    }

    /// Number of messages that may go out now.
    fn room(&self) -> usize {
        UNDER_WAY.saturating_sub(self.under_way.len()).min(OPEN.saturating_sub(self.open.len()))
    }

    /// Sends what is due, as far as there is room, and finds out when the next is.
    async fn look(&mut self) -> Result<(), StoreError> {
        let room = self.room();
        if room == 0 {
            self.more = true;
            return Ok(());
        }
        let (exchange, now) = (Arc::clone(&self.route.exchange), self.context.shared.followed_now());
        let open = self.open.clone();
        let found = read(&self.context, move |view| find(view, &exchange, now, room, &open)).await?;
        let DueMessages { messages, more, next } = found;
        (self.more, self.next) = (more, next);
        let mut later = DelayedChanges::default();
        for (no, message, failures) in messages {
            self.open.insert(no);
            if self.is_late(&message.routing_key) {
                later.put_off.push(put_off(no, failures, now, "its queue confirms nothing".to_owned()));
                continue;
            }
            let (courier, deliver_to) = (self.courier.clone(), self.route.deliver_to.clone());
            self.under_way.push(Box::pin(send(courier, deliver_to, no, message, failures)));
        }
        if !later.is_empty() {
            self.commit(later).await;
        }
        Ok(())
    }

    /// Has what became of this message kept, and of all others that are known.
    async fn settle(&mut self, first: Released) {
        let mut settled = vec![first];
        while let Some(Some(next)) = self.under_way.next().now_or_never() {
            settled.push(next);
        }
        let (now, mut changes) = (self.context.shared.followed_now(), DelayedChanges::default());
        let mut trouble = None;
        for Released { no, key, failures, due_at, fate } in settled {
            let reason = match fate {
                Fate::Taken => {
                    metrics::histogram!("warrener_delayed_lag_seconds")
                        .record(now.since(due_at).to_std().as_secs_f64());
                    self.late.remove(&key);
                    changes.gone.push(no);
                    continue;
                }
                Fate::Refused(reason) => reason,
                Fate::Silent => {
                    self.note_late(&key);
                    "the broker did not confirm it".to_owned()
                }
            };
            trouble = Some(format!("{reason} (routing key {key:?})"));
            changes.put_off.push(put_off(no, failures, now, reason));
        }
        let counter =
            |outcome: &'static str| metrics::counter!("warrener_delayed_messages_total", "outcome" => outcome);
        counter("delivered").increment(changes.gone.len() as u64);
        counter("put_off").increment(changes.put_off.len() as u64);
        self.note(trouble);
        self.commit(changes).await;
    }

    /// Says that messages are not taken, until one is.
    fn note(&mut self, trouble: Option<String>) {
        let about = format!("delayed by {}", self.route.exchange);
        let DelayRoute { exchange, deliver_to, .. } = &self.route;
        if let Some(why) = trouble {
            self.noted = true;
            let text = format!("messages delayed by {exchange} go on to {deliver_to} and are not taken there: {why}");
            self.context.notes.say(about, Some(text));
        } else if std::mem::take(&mut self.noted) {
            self.context.notes.say(about, None);
        }
    }

    /// Tells whether messages with this key wait for another to be confirmed. Of those the next is tried after a while.
    fn is_late(&mut self, key: &str) -> bool {
        let now = Instant::now();
        let Some(until) = self.late.get_mut(key) else { return false };
        let waits = *until > now;
        if !waits {
            *until = now + LATE_FOR;
        }
        waits
    }

    fn note_late(&mut self, key: &str) {
        let now = Instant::now();
        if self.late.len() >= LATE_MAX {
            self.late.retain(|_, until| *until > now);
        }
        if self.late.len() < LATE_MAX {
            self.late.insert(key.to_owned(), now + LATE_FOR);
        }
    }

    /// Hands changes to the driver; the messages stay open until they are committed, or cannot be.
    async fn commit(&mut self, changes: DelayedChanges) {
        let numbers = changes.gone.iter().copied().chain(changes.put_off.iter().map(|one| one.no)).collect();
        let (done, committed) = oneshot::channel();
        let packet = Packet { inputs: vec![Input::Delayed(changes, self.context.shared.followed())], done: Some(done) };
        // The driver is gone only when the process ends.
        self.context.inputs.send(packet).await.ok();
        self.committing.push(Box::pin(async move {
            if committed.await.is_err() {
                // Nobody knows whether it was kept: they go out once more, but not at once.
                tokio::time::sleep(LOOK_EVERY).await;
            }
            numbers
        }));
    }
}

/// Result of a look.
struct DueMessages {
    /// Messages that are due, with their numbers and failures.
    messages: Vec<(i64, DelayedMessage, u32)>,
    /// True if more is due.
    more: bool,
    /// Time at which the next message is due.
    next: Option<Timestamp>,
}

/// Finds what is due, apart from what is open.
fn find(
    view: &View,
    exchange: &str,
    now: Timestamp,
    room: usize,
    open: &HashSet<i64>,
) -> Result<DueMessages, StoreError> {
    view.read(|snapshot| {
        // Those that are open stand before the others, until they are forgotten; some of them may be already.
        let most = open.len() + room;
        let due = snapshot.due_delayed(exchange, now, most)?;
        let is_full = due.len() == most;
        let mut wanted: Vec<i64> = due.into_iter().filter(|no| !open.contains(no)).collect();
        let mut more = is_full || wanted.len() > room;
        wanted.truncate(room);
        let messages = snapshot.delayed_whole(&wanted, SLICE_BYTES)?;
        more |= messages.len() < wanted.len();
        let next = if more { None } else { snapshot.next_delayed(exchange, now)? };
        Ok(DueMessages { messages, more, next })
    })
}

/// Publishes a message as it came.
async fn send(courier: Courier, deliver_to: String, no: i64, message: DelayedMessage, failures: u32) -> Released {
    let DelayedMessage { routing_key: key, due_at, properties, body, .. } = message;
    let properties = Properties::from_bytes(&properties).unwrap_or_default();
    let fate = match courier.forward(&deliver_to, &key, properties, body).await {
        Delivered::Taken => Fate::Taken,
        Delivered::Unroutable => Fate::Refused("no queue is bound for its routing key".to_owned()),
        Delivered::NoExchange => Fate::Refused("the exchange does not exist".to_owned()),
        Delivered::Nacked => Fate::Refused("a queue is full, or takes nothing".to_owned()),
        Delivered::Refused(why) => Fate::Refused(why),
        Delivered::Unknown => Fate::Silent,
    };
    Released { no, key, failures, due_at, fate }
}

/// A later turn for a message that nobody took, ever later the more often that was so.
fn put_off(no: i64, failures: u32, now: Timestamp, reason: String) -> PutOffMessage {
    let pause = PAUSE.0.saturating_mul(1 << failures.min(20)).min(PAUSE_MAX.0);
    PutOffMessage { no, due_at: now + Millis(pause), reason }
}
