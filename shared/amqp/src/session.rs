//! The session: our connections to the broker, from their opening to the first error.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicQosOptions;
use lapin::uri::AMQPUri;

use crate::life::Life;
use crate::link::WatchedConnection;
use crate::links::Links;
use crate::pool::ChannelPool;
use crate::probe::Probe;
use crate::publisher::Aside;
use crate::scheme;
use crate::{BrokerError, Settings};

/// Connections to the broker: one to publish, one to consume, and, once needed, one for questions
/// that may kill a channel.
///
/// A session is never repaired. Any error, a broken channel too, ends it as a whole: [`failed`](Self::failed) tells
/// every clone, all connections are closed, and the owner opens a new one. So a delivery can't be settled on a
/// channel that it didn't come from, and nothing half works.
///
/// Clones are handles of the same session, which is closed when the last one is dropped; publishers, consumers and
/// deliveries hold one.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<SessionInner>,
    /// Connection for its questions; `None` for that which all share.
    questions: Option<Arc<Probe>>,
}

#[derive(Debug)]
struct SessionInner {
    settings: Settings,
    life: Arc<Life>,
    links: Arc<Links>,
    pool: ChannelPool,
}

impl Session {
    /// Connects to the first host that answers.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] with what each host said, or what the first one refused for good.
    pub async fn open(settings: &Settings) -> Result<Self, BrokerError> {
        let mut failures = Vec::new();
        for host in settings.hosts()? {
            match Self::open_host(settings, &host).await {
                Err(error) if error.is_transient() => {
                    failures.push(format!("{}:{}: {error}", host.authority.host, host.authority.port));
                }
                opened => return opened,
            }
        }
        let why = failures.join("; ");
        let why = scheme::hint(&settings.url, &why).map_or_else(|| why.clone(), |hint| format!("{why} ({hint})"));
        Err(BrokerError::Unreachable { url: settings.redacted_url(), why })
    }

    async fn open_host(settings: &Settings, host: &AMQPUri) -> Result<Self, BrokerError> {
        let life = Arc::new(Life::new());
        let publishing = WatchedConnection::open(settings, host, "publishing").await?;
        let consuming = WatchedConnection::open(settings, host, "consuming").await?;
        publishing.watch(&life);
        consuming.watch(&life);
        let probe = Probe::new(settings.clone(), host.clone(), Arc::clone(&life));
        let aside = Arc::new(Aside::new(settings.clone(), host.clone()));
        let links = Arc::new(Links::new(publishing, consuming, probe, aside));
        close_at_the_end(&life, &links);
        let pool = ChannelPool::new(settings, &life, &links);
        tracing::info!(epoch = life.epoch(), host = host.authority.host, port = host.authority.port, "connected");
        let inner = Arc::new(SessionInner { settings: settings.clone(), life, links, pool });
        Ok(Self { inner, questions: None })
    }

    /// The same session with a connection of its own for questions, each of which may take so long and waits for none
    /// of anybody else's.
    pub fn asking_apart(&self, limit: Duration) -> Self {
        let questions = self.aside().probe(self.life()).answered_within(limit);
        Self { inner: self.inner.clone(), questions: Some(Arc::new(questions)) }
    }

    /// The number of this session in this process, rising.
    pub fn epoch(&self) -> u64 {
        self.inner.life.epoch()
    }

    /// The version that the broker told, such as `3.10.8`.
    pub fn server_version(&self) -> &str {
        self.inner.links.publishing.server_version()
    }

    /// The reason why the broker takes no publishes at the moment (memory or disk is short); `None` if it takes them.
    /// Publishes wait meanwhile.
    pub fn is_blocked(&self) -> Option<String> {
        self.inner.links.publishing.blocked().reason()
    }

    /// Tells whether nothing has broken yet.
    pub fn is_usable(&self) -> bool {
        !self.inner.life.is_over()
    }

    /// Waits until something breaks and tells what; every clone gets the same answer.
    pub async fn failed(&self) -> BrokerError {
        self.inner.life.over().await
    }

    /// Asks the broker for an answer on both connections.
    ///
    /// # Errors
    /// If they don't answer in time. That ends nothing: a broker that is frozen may go on.
    pub async fn ping(&self, limit: Duration) -> Result<(), BrokerError> {
        self.inner.life.check()?;
        let asking = async {
            let mut pings = self.inner.links.pings.lock().await;
            let (publishing, consuming) = match &*pings {
                Some(channels) => channels.clone(),
                None => {
                    let links = self.links();
                    let channels = (links.publishing.channel().await?, links.consuming.channel().await?);
                    pings.insert(channels).clone()
                }
            };
            // Changes nothing on channels without consumers.
            let asked = publishing.basic_qos(1, BasicQosOptions::default());
            let also = consuming.basic_qos(1, BasicQosOptions::default());
            let answers = tokio::try_join!(asked, also);
            answers.map(drop).map_err(|error| BrokerError::from_lapin("asking the broker for an answer", &error))
        };
        let late = |_| BrokerError::Timeout { what: "asking the broker for an answer".to_owned(), after: limit };
        tokio::time::timeout(limit, asking).await.map_err(late)?
    }

    /// Ends the session for a reason that its owner found, such as a watchdog that saw no deliveries.
    pub fn break_with(&self, why: BrokerError) {
        self.inner.life.end(why);
    }

    /// Channels for publishers that come and go.
    pub fn pool(&self) -> &ChannelPool {
        &self.inner.pool
    }

    /// Closes the connections in order. Whatever was not settled goes back to its queue, whatever was not confirmed
    /// is unknown.
    pub async fn close(self) {
        self.inner.life.end(BrokerError::Closed);
        self.inner.links.close().await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn life(&self) -> &Arc<Life> {
        &self.inner.life
    }

    pub(crate) fn links(&self) -> &Links {
        &self.inner.links
    }

    /// A channel to receive on. If it can't be had the session is over.
    pub(crate) async fn consuming_channel(&self) -> Result<Channel, BrokerError> {
        self.inner.life.check()?;
        self.links().consuming.channel().await.inspect_err(|error| self.break_with(error.clone()))
    }

    /// A channel to publish on with confirms, and one without. If they can't be had the session is over.
    pub(crate) async fn publishing_channels(&self) -> Result<(Channel, Channel), BrokerError> {
        self.inner.life.check()?;
        let link = &self.links().publishing;
        let channels = async { Ok((link.confirm_channel().await?, link.channel().await?)) };
        channels.await.inspect_err(|error: &BrokerError| self.break_with(error.clone()))
    }

    /// A channel to publish on without confirms. If it can't be had the session is over.
    pub(crate) async fn publishing_channel(&self) -> Result<Channel, BrokerError> {
        self.inner.life.check()?;
        self.links().publishing.channel().await.inspect_err(|error| self.break_with(error.clone()))
    }

    pub(crate) fn aside(&self) -> &Arc<Aside> {
        &self.inner.links.aside
    }

    pub(crate) fn probe(&self) -> &Probe {
        self.questions.as_deref().unwrap_or(&self.inner.links.probe)
    }
}

impl Drop for SessionInner {
    fn drop(&mut self) {
        self.life.end(BrokerError::Closed);
    }
}

/// A broken session holds messages that others could work on: the other connection is closed at once, whoever still
/// keeps handles.
fn close_at_the_end(life: &Arc<Life>, links: &Arc<Links>) {
    let (over, links) = (life.over(), Arc::clone(links));
    tokio::spawn(async move {
        over.await;
        links.close().await;
    });
}
