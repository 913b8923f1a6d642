//! The broker as Warrener sees it: sessions, topology, publishing with confirms, consuming with exact settlement.
//!
//! RabbitMQ carries work and is disposable, so this layer recovers nothing: a [`Session`] lives until the first
//! error and is then opened anew by its owner, who sends again whatever was not confirmed.
//!
//! ```text
//! Settings ─ open ─► Session ─┬─ declare(Topology), declare_owner, depth, bind   questions, on their own connection
//!                             ├─ publisher(window) ─► Publisher ─► Published      one task owns the channel
//!                             ├─ pool() ─► ChannelPool ─► Published               one publish at a time
//!                             ├─ consume(queue, n) ─► Consumer ─► DeliveryBatch: settled once, by value
//!                             └─ failed() ─► why it is over
//! ```
//!
//! It is the only crate that knows the client library (lapin), whose traps are its reason: confirms are swapped when
//! tasks share a channel, returns attach to the wrong confirm when pipelined, recovery leaves consumers deaf, a
//! blocked connection stalls acknowledgements too.

mod backoff;
mod batch;
mod call;
mod consumer;
mod courier;
mod delivery;
mod entity;
mod error;
mod inspect;
mod ledger;
mod life;
mod link;
mod links;
mod message;
mod pool;
mod probe;
mod properties;
mod publisher;
mod scheme;
mod seat;
mod session;
mod settings;
pub mod topology;
mod wire;

pub use self::backoff::Backoff;
pub use self::batch::DeliveryBatch;
pub use self::consumer::{Consumer, Pulse};
pub use self::courier::{Courier, Delivered};
pub use self::delivery::{DeadLettering, Delivery, Incoming, Receipt, Settled, Settlement};
pub use self::entity::{OwnerMark, QueueDepth};
pub use self::error::BrokerError;
pub use self::inspect::{Right, Standing, queue_is_dead};
pub use self::pool::ChannelPool;
pub use self::properties::{NoNumber, Properties};
pub use self::publisher::{LateDestination, PendingConfirm, Published, Publisher};
pub use self::session::Session;
pub use self::settings::Settings;
pub use self::topology::Topology;
