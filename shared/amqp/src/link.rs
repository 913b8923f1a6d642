//! A connection to the broker, watched.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::task::AbortHandle;

use crate::call::call;
use crate::life::Life;
use crate::wire::{self, SocketHandle};
use crate::{BrokerError, Settings};

/// A connection without the client library's recovery: what broke stays broken until the session is rebuilt.
#[derive(Debug)]
pub(crate) struct WatchedConnection {
    connection: Connection,
    line: Arc<SocketHandle>,
    role: &'static str,
    blocked: Blocked,
    call_timeout: Duration,
}

/// The broker's reason not to read from a connection, when it is short of memory or disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked(Arc<Mutex<Option<String>>>);

impl WatchedConnection {
    /// Connects to one host. `role` is shown behind the connection's name.
    pub(crate) async fn open(settings: &Settings, host: &AMQPUri, role: &'static str) -> Result<Self, BrokerError> {
        let name = format!("{} {role}", settings.name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let line = Arc::<SocketHandle>::default();
        let connecting = wire::connect(host.clone(), properties, settings.tls()?, Arc::clone(&line));
        let connected = call("opening a connection", settings.connect_timeout, connecting).await;
        let connection = connected.inspect_err(|_| line.cut())?;
        Ok(Self { connection, line, role, blocked: Blocked::default(), call_timeout: settings.call_timeout })
    }

    /// Ends the life as soon as this connection or one of its channels breaks. Aborted, it watches no more.
    pub(crate) fn watch(&self, life: &Arc<Life>) -> AbortHandle {
        let mut events = Box::pin(self.connection.events_listener());
        let (status, blocked) = (self.connection.status().clone(), self.blocked.clone());
        let (life, role) = (Arc::clone(life), self.role);
        let watching = tokio::spawn(async move {
            let mut over = pin!(life.over());
            // The library reports no event for some ends, such as a close with an unknown code.
            let mut look = tokio::time::interval(LOOK_EVERY);
            loop {
                tokio::select! {
                    _ = &mut over => return,
                    event = events.next() => match event {
                        Some(Event::ConnectionBlocked(reason)) => blocked.set(role, Some(reason)),
                        Some(Event::ConnectionUnblocked) => blocked.set(role, None),
                        Some(Event::Error(error)) => life.end(BrokerError::from_lapin(role, &error)),
                        Some(_) => {}
                        None => life.end(ended(role)),
                    },
                    _ = look.tick() => if !status.connected() { life.end(ended(role)) },
                }
            }
        });
        watching.abort_handle()
    }

    /// The broker's version.
    pub(crate) fn server_version(&self) -> &str {
        self.line.version()
    }

    /// Tells whether nothing has ended it yet.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    pub(crate) fn blocked(&self) -> &Blocked {
        &self.blocked
    }

    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        call("opening a channel", self.call_timeout, self.connection.create_channel()).await
    }

    /// A channel on which the broker confirms publishes.
    pub(crate) async fn confirm_channel(&self) -> Result<Channel, BrokerError> {
        let channel = self.channel().await?;
        let selecting = channel.confirm_select(lapin::options::ConfirmSelectOptions::default());
        call("switching confirms on", self.call_timeout, selecting).await?;
        Ok(channel)
    }

    /// Ends the connection without a word.
    pub(crate) fn cut(&self) {
        self.line.cut();
    }

    /// Closes in order if that is possible: the broker hands unacknowledged messages to others at once. Else the
    /// connection is cut, and the broker notices that soon.
    pub(crate) async fn close(&self) {
        if self.connection.status().connected() && self.blocked.reason().is_none() {
            let closing = self.connection.close(200, "OK".into());
            if let Err(error) = call("closing a connection", CLOSE_TIMEOUT, closing).await {
                tracing::debug!(role = self.role, %error, "the connection did not close in order");
            }
        }
        self.line.cut();
    }
}

impl Blocked {
    /// The reason why the broker takes no publishes from this connection; `None` if it takes them.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, role: &str, reason: Option<String>) {
        match &reason {
            Some(reason) => tracing::warn!(role, reason, "the broker takes no more publishes"),
            None => tracing::info!(role, "the broker takes publishes again"),
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

fn ended(role: &str) -> BrokerError {
    BrokerError::Broken { what: role.to_owned(), why: "the connection is closed".to_owned() }
}

/// Time between two looks at the state of a connection, beside its events.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An orderly close is a courtesy; nobody waits for it longer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
