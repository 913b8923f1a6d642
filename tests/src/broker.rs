//! RabbitMQ for tests: a private node for each test that breaks it, one shared node for all others.

mod node;
mod shared;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use warrener_shared::wire::topology::Names;

pub use self::node::{Node, NodeError};
use self::shared::Lease;

/// A broker to test against. Its methods panic with the reason, as a test should.
#[derive(Debug)]
pub struct Broker {
    url: String,
    source: BrokerSource,
}

#[derive(Debug)]
enum BrokerSource {
    /// A node of our own.
    Private(Box<Node>),
    /// A node that several test processes use.
    Shared(#[expect(dead_code, reason = "held to keep the node alive")] Lease),
    /// The broker that `WARRENER_TEST_AMQP_URL` names.
    Given,
}

impl Broker {
    /// A private node, or the one that `WARRENER_TEST_AMQP_URL` names, which the fault methods then refuse to touch.
    ///
    /// # Panics
    /// If no node can be started.
    pub async fn start() -> Self {
        if let Some(url) = given() {
            return Self { url, source: BrokerSource::Given };
        }
        let node = Node::start().await.unwrap_or_else(|error| panic!("{error}"));
        Self { url: node.url(), source: BrokerSource::Private(Box::new(node)) }
    }

    /// A node that all test processes of this user share. It stops by itself once nobody has used it for a while.
    /// Keep to [`names`](Self::names), and leave it as you found it.
    ///
    /// # Panics
    /// If no node can be started.
    pub async fn shared() -> Self {
        if let Some(url) = given() {
            return Self { url, source: BrokerSource::Given };
        }
        let lease = Lease::take().await.unwrap_or_else(|error| panic!("{error}"));
        Self { url: lease.url().to_owned(), source: BrokerSource::Shared(lease) }
    }

    /// The address, with the user `guest`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Names that no other test uses.
    pub fn names(&self) -> Names {
        Names::new(&unique("test"))
    }

    /// Tells whether nobody else uses it.
    pub fn is_private(&self) -> bool {
        matches!(self.source, BrokerSource::Private(_))
    }

    /// Kills the node like a power cut: SIGKILL.
    pub async fn kill(&mut self) {
        self.node("kill").kill().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops the node in order.
    pub async fn stop(&mut self) {
        self.node("stop").stop().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts the node again with its data. Does nothing if it runs.
    pub async fn launch(&mut self) {
        self.node("launch").launch().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Removes the data of a node that was killed.
    pub fn forget(&mut self) {
        self.node("forget").forget().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops the node in order, unless it is down already, and starts it again with its data.
    pub async fn restart(&mut self) {
        let node = self.node("restart");
        node.stop().await.unwrap_or_else(|error| panic!("{error}"));
        node.launch().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Kills the node and starts it again without its data.
    pub async fn wipe(&mut self) {
        let node = self.node("wipe");
        node.kill().await.unwrap_or_else(|error| panic!("{error}"));
        node.forget().unwrap_or_else(|error| panic!("{error}"));
        node.launch().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Freezes the node: its connections stay open and silent.
    pub fn pause(&mut self) {
        self.node("pause").pause().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Lets a frozen node go on.
    pub fn resume(&mut self) {
        self.node("resume").resume().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Sets the share of memory above which the node takes no more publishes: 0.4 is the default, 0.0001 blocks at
    /// once.
    pub async fn set_memory_watermark(&mut self, share: f64) {
        self.control(&["set_vm_memory_high_watermark", &share.to_string()]).await;
    }

    /// Runs `rabbitmqctl` against the node and returns what it prints.
    pub async fn control(&mut self, arguments: &[&str]) -> String {
        self.node("control").control(arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Switches the management plugin on and returns its port.
    pub async fn enable_management(&mut self) -> u16 {
        self.node("management").enable_management().await.unwrap_or_else(|error| panic!("{error}"))
    }

    fn node(&mut self, what: &str) -> &mut Node {
        match &mut self.source {
            BrokerSource::Private(node) => node,
            BrokerSource::Shared(_) => panic!("{what}: the shared broker must not be touched; use Broker::start()"),
            BrokerSource::Given => panic!("{what}: the broker of WARRENER_TEST_AMQP_URL must not be touched; unset it"),
        }
    }
}

/// A name that nobody else uses: not in this process, not in another one, not in an earlier one.
pub fn unique(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    format!("{stem}-{now:x}-{:x}-{number}", std::process::id())
}

fn given() -> Option<String> {
    std::env::var("WARRENER_TEST_AMQP_URL").ok().filter(|url| !url.is_empty())
}
