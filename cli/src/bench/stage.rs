//! The measured system, and beside it the broker alone.

use warrener_shared::wire::topology::Names;

use super::process::BenchProcess;
use super::role::{BenchRole, RoleArgs};
use super::system::System;
use super::wire::Wire;
use crate::failure::Failure;

/// Everything that runs during a benchmark.
#[derive(Debug)]
pub(super) struct TestBed {
    pub(super) wire: Wire,
    pub(super) url: String,
    pub(super) system: System,
    /// The worker of the broker alone.
    raw_worker: BenchProcess,
    /// The process that stands between client and worker where four hops are compared.
    raw_relay: BenchProcess,
}

/// The queues of the broker alone.
pub(super) const RAW_SUBMIT: &str = "raw.submit";
pub(super) const RAW_TASKS: &str = "raw.tasks";
pub(super) const RAW_RESULTS: &str = "raw.results";
pub(super) const RAW_FAR_TASKS: &str = "raw.far.tasks";
pub(super) const RAW_FAR_RESULTS: &str = "raw.far.results";
/// Queue of the answers to jobs.
pub(super) const ANSWERS: &str = "answers";

impl TestBed {
    /// Starts everything.
    pub(super) async fn set(url: &str, slots: u32) -> Result<Self, Failure> {
        let wire = Wire::open(url).await?;
        let names = Names::new(&format!("bench-{}", std::process::id()));
        for queue in RAW_QUEUES {
            wire.declare(&named(&names, queue)).await?;
        }
        wire.declare_answers(&named(&names, ANSWERS)).await?;
        let mut system = System::new(url, names, slots)?;
        system.start(&[]).await?;
        let start = |name, role| BenchProcess::start(name, &RoleArgs::new(role), system.folder(), &[]);
        let raw_worker = start("raw worker", raw_worker(url, &system.names))?;
        let raw_relay = start("raw relay", raw_relay(url, &system.names))?;
        Ok(Self { wire, url: url.to_owned(), system, raw_worker, raw_relay })
    }

    /// The name of a queue that the product knows nothing of.
    pub(super) fn named(&self, queue: &str) -> String {
        named(&self.system.names, queue)
    }

    /// Ends everything and leaves nothing behind at the broker.
    pub(super) async fn strike(self) -> Result<(), Failure> {
        let queues = RAW_QUEUES.map(|queue| self.named(queue));
        self.system.strike(&self.wire).await?;
        self.raw_worker.stop().await?;
        self.raw_relay.stop().await?;
        self.wire.delete(&queues, &[]).await
    }
}

/// Names a queue beside the prefix, not under it: queues under it are the system's own, to which it sends no answers.
fn named(names: &Names, queue: &str) -> String {
    format!("{}-{queue}", names.prefix())
}

fn raw_worker(url: &str, names: &Names) -> BenchRole {
    let hops = [(RAW_TASKS, RAW_RESULTS), (RAW_FAR_TASKS, RAW_FAR_RESULTS)];
    let hops = hops.map(|(from, to)| format!("{}:{}", named(names, from), named(names, to)));
    BenchRole::Relay { url: url.to_owned(), hops: hops.to_vec() }
}

fn raw_relay(url: &str, names: &Names) -> BenchRole {
    let to_worker = format!("{}:{}", named(names, RAW_SUBMIT), named(names, RAW_FAR_TASKS));
    let to_client = format!("{}:", named(names, RAW_FAR_RESULTS));
    BenchRole::Relay { url: url.to_owned(), hops: vec![to_worker, to_client] }
}

const RAW_QUEUES: [&str; 5] = [RAW_SUBMIT, RAW_TASKS, RAW_RESULTS, RAW_FAR_TASKS, RAW_FAR_RESULTS];
