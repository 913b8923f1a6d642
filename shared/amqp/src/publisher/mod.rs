//! Publishing, with confirms.

mod actor;
mod aside;
mod envelope;
mod road;
mod standing;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use warrener_shared::wire::Message;

use self::actor::LatePolicy;
pub(crate) use self::aside::Aside;
pub(crate) use self::envelope::OutgoingMessage;
use self::road::Road;
use self::standing::Board;
pub use self::standing::LateDestination;
use crate::{BrokerError, Session};

/// Fate of a published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The broker has it; a quorum queue has it on disk.
    Confirmed,
    /// Not taken: a queue is full or can't keep it.
    Nacked,
    /// Not published, and never can be: a name or property is longer than AMQP allows, or the body larger than
    /// RabbitMQ 4 takes (16 MiB). It is logged as an error.
    Impossible,
    /// Not published: its destination confirms nothing for now. Try again later, and less often the longer it lasts.
    Late,
    /// No binding wanted it. Only mandatory publishes can tell.
    Returned,
    /// Nobody knows: no confirm came in time, or the session broke. It may still arrive, so send it again under the
    /// same `message_id`.
    Unknown,
}

impl Published {
    /// Tells whether the broker has taken responsibility.
    pub fn is_confirmed(self) -> bool {
        self == Self::Confirmed
    }
}

/// Publishes through one channel that a single task owns, with a bounded number of messages unconfirmed.
///
/// (The client library swaps confirms between tasks that share a channel.) Messages go out in the order in which
/// [`enqueue`](Self::enqueue) returned. A place in the window is free again when the broker has answered, not when
/// the waiting ended, so the bound holds also while the broker is blocked. A destination that confirms nothing while
/// others do is put aside within a second or two: its messages give their places back, and later ones are
/// [`Published::Late`] but for a trial now and then, on a connection beside. A channel that stands still because of one
/// destination is replaced, and what it held goes out again. Neither ends the session. Clones share the window.
#[derive(Clone, Debug)]
pub struct Publisher {
    session: Session,
    room: Arc<Semaphore>,
    jobs: mpsc::UnboundedSender<PublishRequest>,
    unconfirmed: Channel,
    board: Arc<Board>,
}

/// A message on its way to the broker: resolves to what became of it.
#[derive(Debug)]
#[must_use = "whoever doesn't wait for the confirm can't know whether the broker has the message"]
pub struct PendingConfirm(oneshot::Receiver<Published>);

/// A message, the place that it takes in the window, and who wants to know.
#[derive(Debug)]
struct PublishRequest {
    envelope: Arc<OutgoingMessage>,
    place: Option<OwnedSemaphorePermit>,
    reply: oneshot::Sender<Published>,
}

impl Session {
    /// A publisher with room for `window` unconfirmed messages; 256 reaches the broker's full speed.
    ///
    /// # Errors
    /// If its channels can't be opened.
    pub async fn publisher(&self, window: usize) -> Result<Publisher, BrokerError> {
        let (confirmed, unconfirmed) = self.publishing_channels().await?;
        let road = Road::shared(confirmed, self.links().publishing.blocked().clone());
        Ok(self.publisher_on(road, unconfirmed, window, LatePolicy::Wait))
    }

    /// A publisher on a connection of its own, so that whatever its destinations do to the connection concerns nobody
    /// else.
    ///
    /// # Errors
    /// If its connection or its channels can't be opened.
    pub async fn publisher_apart(&self, window: usize) -> Result<Publisher, BrokerError> {
        self.apart(window, LatePolicy::Wait).await
    }

    /// The same for destinations that belong to others: once one is late, all that is on its way there is
    /// [`Published::Unknown`] at once.
    ///
    /// # Errors
    /// If its connection or its channels can't be opened.
    pub async fn publisher_to_strangers(&self, window: usize) -> Result<Publisher, BrokerError> {
        self.apart(window, LatePolicy::GiveUp).await
    }

    async fn apart(&self, window: usize, lateness: LatePolicy) -> Result<Publisher, BrokerError> {
        let unconfirmed = self.publishing_channel().await?;
        let side = self.aside().open("publishing apart").await?;
        let watcher = side.link.watch(self.life());
        Ok(self.publisher_on(Road::apart(side, watcher), unconfirmed, window, lateness))
    }

    fn publisher_on(&self, road: Road, unconfirmed: Channel, window: usize, lateness: LatePolicy) -> Publisher {
        // Never longer than the window: whoever sends holds a place.
        let (jobs, inbox) = mpsc::unbounded_channel();
        let board = Arc::new(Board::default());
        actor::spawn(self, road, lateness, Arc::clone(&board), inbox);
        Publisher { session: self.clone(), room: Arc::new(Semaphore::new(window)), jobs, unconfirmed, board }
    }
}

impl Publisher {
    /// Publishes a message and waits for its confirm.
    pub async fn publish(&self, exchange: &str, key: &str, message: Message) -> Published {
        self.enqueue(exchange, key, message).await.await
    }

    /// Publishes a message; waits for room in the window only, at most the publish timeout.
    ///
    /// Dropped before it is ready, nothing was published.
    pub async fn enqueue(&self, exchange: &str, key: &str, message: Message) -> PendingConfirm {
        let (reply, pending) = oneshot::channel();
        match OutgoingMessage::new(exchange, key, message) {
            None => answer(reply, Published::Impossible),
            Some(envelope) => {
                if let Some(place) = self.place().await {
                    let envelope = Arc::new(envelope);
                    // If the actor is gone the reply is dropped with the job, which means unknown.
                    drop(self.jobs.send(PublishRequest { envelope, place: Some(place), reply }));
                }
            }
        }
        PendingConfirm(pending)
    }

    /// Publishes a message that must reach a queue: alone on a channel, so that the return is its own for sure.
    pub async fn publish_mandatory(&self, exchange: &str, key: &str, message: Message) -> Published {
        self.session.pool().publish_mandatory(exchange, key, message).await
    }

    /// Publishes without a confirm what the next message replaces: heartbeats, progress, control. Whether it was
    /// handed to the network; while the broker is blocked nothing is.
    pub async fn send_unconfirmed(&self, exchange: &str, key: &str, message: Message) -> bool {
        if self.session.is_blocked().is_some() || !self.session.is_usable() {
            return false;
        }
        let Some(envelope) = OutgoingMessage::new(exchange, key, message) else { return false };
        let limit = self.session.settings().call_timeout;
        tokio::time::timeout(limit, envelope.hand_over(&self.unconfirmed)).await.is_ok_and(|sent| sent)
    }

    /// Number of messages that can be enqueued at present without waiting.
    pub fn room(&self) -> usize {
        self.room.available_permits()
    }

    /// The age of the oldest message that is not confirmed, those to late destinations left out.
    pub fn oldest_unconfirmed(&self) -> Option<Duration> {
        self.board.oldest()
    }

    /// The destinations that confirm nothing.
    pub fn late(&self) -> Vec<LateDestination> {
        self.board.late()
    }

    /// The session that it publishes through.
    pub fn session(&self) -> &Session {
        &self.session
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(place);
        }
        tokio::select! {
            place = Arc::clone(&self.room).acquire_owned() => place.ok(),
            _ = self.session.failed() => None,
            () = tokio::time::sleep(self.session.settings().publish_timeout) => None,
        }
    }
}

impl Future for PendingConfirm {
    type Output = Published;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Published> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Published::Unknown))
    }
}

fn answer(reply: oneshot::Sender<Published>, outcome: Published) {
    // Nobody waits any more: that is their choice.
    reply.send(outcome).ok();
}
