//! The attempts that run in this process.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::{Progress, Report};

use super::line::Line;
use crate::Context;
use crate::exec::{self, TimeLimits};
use crate::registry::Registry;
use crate::session::{Ending, Ticket};
use crate::spans::HandlerSpans;

type EndedAttempt = (Ticket, Ending);

/// Every running attempt, and the ends of those that ran.
pub(super) struct Attempts {
    registry: Registry,
    /// Tracing, where it is switched on.
    spans: Option<HandlerSpans>,
    running: HashMap<Ticket, Context>,
    /// Bounded by the slots: every attempt sends once.
    ends: mpsc::UnboundedSender<EndedAttempt>,
    inbox: mpsc::UnboundedReceiver<EndedAttempt>,
    ended: Vec<EndedAttempt>,
    /// Time of the latest line in the log about a lack of room.
    told_no_room: Option<Instant>,
}

impl Attempts {
    pub(super) fn new(registry: Registry, spans: Option<HandlerSpans>) -> Self {
        let (ends, inbox) = mpsc::unbounded_channel();
        Self { registry, spans, running: HashMap::new(), ends, inbox, ended: Vec::new(), told_no_room: None }
    }

    pub(super) fn start(&mut self, ticket: Ticket, mut assignment: Assignment, delivery: u32) {
        let handler = self.registry.get(&assignment.kind).expect("the session starts known kinds only");
        let span = self.spans.as_ref().and_then(|spans| spans.begin(&mut assignment));
        let context = Context::new(&mut assignment, delivery);
        self.running.insert(ticket.clone(), context.clone());
        let patience = TimeLimits { timeout: assignment.timeout, grace: exec::GRACE };
        let ends = self.ends.clone();
        tokio::spawn(async move {
            let ending = exec::attempt(handler, context, assignment.input, patience).await;
            if let Some(span) = span {
                span.end(&ending);
            }
            if ends.send((ticket, ending)).is_err() {
                tracing::debug!("an attempt ended after its worker");
            }
        });
    }

    pub(super) fn stop(&self, ticket: &Ticket) {
        if let Some(context) = self.running.get(ticket) {
            context.stop().cancel();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Returns once [`Attempts::take_ended`] has something to give.
    pub(super) async fn ended(&mut self) {
        if self.ended.is_empty() {
            self.inbox.recv_many(&mut self.ended, ENDS_A_ROUND).await;
        }
    }

    /// The ends, each with what its attempt wrote last.
    pub(super) fn take_ended(&mut self) -> Vec<(Ticket, Ending, Vec<Progress>)> {
        let ended = std::mem::take(&mut self.ended);
        let no_room = ended.iter().find_map(|(_, ending)| match ending {
            Ending::NoRoom { why } => Some(why),
            _ => None,
        });
        if let Some(why) = no_room.filter(|_| self.told_no_room.is_none_or(|told| told.elapsed() > TELL_EVERY)) {
            tracing::warn!(why, "tasks are handed back and none is taken for a while: there is no room for them here");
            self.told_no_room = Some(Instant::now());
        }
        let with_news = |(ticket, ending)| {
            let news = self.running.remove(&ticket).map(|context: Context| context.take_news());
            (ticket, ending, news.unwrap_or_default())
        };
        ended.into_iter().map(with_news).collect()
    }

    /// Sends the latest news of each attempt that has some. The next news replace them, so nobody waits for a confirm.
    pub(super) async fn send_progress(&self, line: &Line) {
        for (ticket, context) in &self.running {
            for progress in context.take_news() {
                line.send_progress(ticket, &Report::Progress(progress)).await;
            }
        }
    }
}

/// Many attempts find no room at the same time; one line says so.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Most ended attempts taken in one round of the driver, so that deliveries and confirms get their turn.
const ENDS_A_ROUND: usize = 256;
