//! A connection of its own for calls that may fail: a passive declare of a missing queue kills its channel, and
//! the client library may lose the connection with it.

use std::sync::Arc;

use lapin::Channel;
use lapin::uri::AMQPUri;
use tokio::sync::Mutex;

use crate::call::call;
use crate::error::SoftError;
use crate::life::Life;
use crate::link::WatchedConnection;
use crate::{BrokerError, Settings};

/// Calls go one after the other, so that nothing else is in flight on a channel that dies.
#[derive(Debug)]
pub(crate) struct Probe {
    settings: Settings,
    host: AMQPUri,
    life: Arc<Life>,
    open: Mutex<Option<OpenProbe>>,
}

#[derive(Debug)]
struct OpenProbe {
    link: WatchedConnection,
    channel: Option<Channel>,
}

/// Failure of a question to the broker.
pub(crate) enum ProbeFailure {
    /// The broker refused it and closed the channel.
    Soft(SoftError, BrokerError),
    /// The connection didn't work.
    Other(BrokerError),
}

impl From<ProbeFailure> for BrokerError {
    fn from(failure: ProbeFailure) -> Self {
        match failure {
            ProbeFailure::Soft(_, error) | ProbeFailure::Other(error) => error,
        }
    }
}

impl Probe {
    pub(crate) fn new(settings: Settings, host: AMQPUri, life: Arc<Life>) -> Self {
        Self { settings, host, life, open: Mutex::default() }
    }

    /// The same for questions that may take so long at most.
    pub(crate) fn answered_within(self, limit: std::time::Duration) -> Self {
        Self { settings: Settings { call_timeout: limit, ..self.settings }, ..self }
    }

    /// Makes a call that changes nothing when it is made twice: if a connection from before doesn't work any more,
    /// it is made once again on a new one.
    pub(crate) async fn ask<T, A>(&self, what: &str, question: impl Fn(Channel) -> A) -> Result<T, ProbeFailure>
    where
        A: Future<Output = lapin::Result<T>>,
    {
        tokio::select! {
            biased;
            why = self.life.over() => Err(ProbeFailure::Other(why)),
            answer = self.ask_in_turn(what, question) => answer,
        }
    }

    async fn ask_in_turn<T, A>(&self, what: &str, question: impl Fn(Channel) -> A) -> Result<T, ProbeFailure>
    where
        A: Future<Output = lapin::Result<T>>,
    {
        let mut open = self.open.lock().await;
        if let Some(kept) = open.take() {
            match self.ask_on(kept, &mut open, what, &question).await {
                Err(ProbeFailure::Other(error)) => tracing::debug!(%error, "the connection for questions is renewed"),
                answer => return answer,
            }
        }
        let link = WatchedConnection::open(&self.settings, &self.host, "probe").await.map_err(ProbeFailure::Other)?;
        self.ask_on(OpenProbe { link, channel: None }, &mut open, what, &question).await
    }

    /// Keeps in `keep` what still works afterwards. An abandoned call keeps nothing.
    async fn ask_on<T, A>(
        &self,
        mut open: OpenProbe,
        keep: &mut Option<OpenProbe>,
        what: &str,
        question: impl Fn(Channel) -> A,
    ) -> Result<T, ProbeFailure>
    where
        A: Future<Output = lapin::Result<T>>,
    {
        let channel = match open.channel.take() {
            Some(channel) => channel,
            None => open.link.channel().await.map_err(ProbeFailure::Other)?,
        };
        let mut soft = None;
        let answer = call(what, self.settings.call_timeout, async {
            let answer = question(channel.clone()).await;
            soft = answer.as_ref().err().and_then(SoftError::of);
            answer
        });
        match answer.await {
            Ok(answer) => {
                open.channel = Some(channel);
                *keep = Some(open);
                Ok(answer)
            }
            Err(error) => match soft {
                Some(soft) => {
                    *keep = Some(open);
                    Err(ProbeFailure::Soft(soft, error))
                }
                None => Err(ProbeFailure::Other(error)),
            },
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(open) = self.open.lock().await.take() {
            open.link.close().await;
        }
    }
}
