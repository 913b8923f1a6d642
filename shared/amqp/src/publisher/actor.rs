//! The one task that publishes on a confirm channel.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::Channel;
use lapin::options::BasicQosOptions;
use tokio::sync::mpsc;

use super::{Job, Published, answer};
use crate::Session;
use crate::call::call;
use crate::life::Life;
use crate::link::Blocked;

/// What a publish needs to know about the session. Not the session itself: it lives as long as somebody uses it, and
/// the actor lives as long as the publishers do.
struct Line {
    channel: Channel,
    life: Arc<Life>,
    blocked: Blocked,
    publish_timeout: Duration,
    call_timeout: Duration,
    being_checked: AtomicBool,
}

pub(super) fn spawn(session: &Session, channel: Channel, inbox: mpsc::UnboundedReceiver<Job>) {
    let line = Line {
        channel,
        life: Arc::clone(session.life()),
        blocked: session.links().publishing.blocked().clone(),
        publish_timeout: session.settings().publish_timeout,
        call_timeout: session.settings().call_timeout,
        being_checked: AtomicBool::new(false),
    };
    tokio::spawn(run(Arc::new(line), inbox));
}

/// Publishes what comes in and waits for all confirms at once. When the last publisher is gone it finishes what is
/// in flight; when the session is over it drops everything, which is unknown then.
async fn run(line: Arc<Line>, mut inbox: mpsc::UnboundedReceiver<Job>) {
    let mut over = pin!(line.life.over());
    let mut jobs = Vec::with_capacity(AT_ONCE);
    let mut in_flight = FuturesUnordered::new();
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            biased;
            _ = &mut over => return,
            // Before the confirms, so that everything waiting goes out in one write. The window bounds it.
            count = inbox.recv_many(&mut jobs, AT_ONCE), if open => {
                open = count > 0;
                in_flight.extend(jobs.drain(..).map(|job| publish(Arc::clone(&line), job)));
            }
            Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
        }
    }
}

async fn publish(line: Arc<Line>, job: Job) {
    let Job { envelope, place, reply } = job;
    let mut sending = pin!(envelope.send(&line.channel));
    match tokio::time::timeout(line.publish_timeout, &mut sending).await {
        Ok(outcome) => {
            drop(place);
            answer(reply, outcome);
        }
        Err(_) => {
            answer(reply, Published::Unknown);
            line.check();
            // The message may still be in our buffers: it keeps its place until the broker has answered.
            sending.await;
            drop(place);
        }
    }
}

impl Line {
    /// Finds out whether a missing confirm means a dead queue, which is no reason to stop the others, or a dead
    /// channel, which is. A blocked broker answers nothing and says why by itself.
    fn check(self: &Arc<Self>) {
        if self.blocked.reason().is_some() || self.being_checked.swap(true, Ordering::Relaxed) {
            return;
        }
        let line = Arc::clone(self);
        tokio::spawn(async move {
            // Changes nothing on a channel without consumers, and is answered behind everything published before.
            let asking = line.channel.basic_qos(1, BasicQosOptions::default());
            if let Err(error) = call("publishing", line.call_timeout, asking).await {
                line.life.end(error);
            }
            line.being_checked.store(false, Ordering::Relaxed);
        });
    }
}

/// Messages taken from the inbox in one go: more than one write to the network can carry brings nothing.
const AT_ONCE: usize = 64;
