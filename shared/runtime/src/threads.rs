//! The number of threads that take turns at waiting for the network.

/// Threads for asynchronous work: half of the cores, at least one. The AMQP library reads and writes on a thread of
/// its own, and an orchestrator decides and commits on another: with as many threads as cores beside those, handing
/// work from one to the next costs more than it brings.
pub fn asynchronous() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).max(1)
}
