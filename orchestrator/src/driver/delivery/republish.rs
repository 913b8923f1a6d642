//! Publishing open attempts again, with the same ticket and the same input, made anew from the rows.
//!
//! A message that then is there twice is harmless: both carry the same ticket, and the second result finds its attempt
//! closed.

use warrener_engine::Event;
use warrener_engine::event::DeathReason;
use warrener_shared::error::code;
use warrener_shared::id::Ticket;
use warrener_shared::wire::dispatch::Dispatch;

use super::super::batch::Batch;
use super::super::{Driver, Outgoing, Output};
use crate::rows::message;
use crate::store::{DeadLetter, Store, StoreError};

/// Most attempts published again in one go. The rest follows with the next tick.
const REPUBLISH_MAX: usize = 1_000;

impl<S: Store> Driver<S> {
    /// Publishes what is open and not known to be with the broker, four times a second while there is a session.
    pub(in crate::driver) fn republish(&mut self) -> Result<(), StoreError> {
        let tickets = self.held.delivery.unpublished(REPUBLISH_MAX, self.clock.monotonic());
        if tickets.is_empty() || !self.hearing.is_connected() {
            return Ok(());
        }
        let mut batch = self.new_batch();
        let mut outgoing = Vec::new();
        for ticket in tickets {
            if let Some((dispatch_no, dispatch)) = self.message_of(&ticket, &mut batch)? {
                outgoing.push(self.outgoing(dispatch_no, dispatch));
            }
        }
        metrics::counter!("warrener_republished_total").increment(outgoing.len() as u64);
        self.send(Output::Publish(outgoing));
        Ok(())
    }

    /// Dispatch number and message of an open attempt; `None` if it is closed, or was never dispatched.
    fn message_of(&mut self, ticket: &Ticket, batch: &mut Batch) -> Result<Option<(i64, Dispatch)>, StoreError> {
        let found = message::dispatch(&mut batch.slice, ticket.task, |read, slice| self.load(read, slice))?;
        Ok(found.and_then(|dispatch| {
            let row = batch.slice.task(ticket.task)?;
            row.is_open(ticket).then_some(())?;
            Some((row.dispatch_no?, dispatch))
        }))
    }

    /// Makes a message to be handed to the broker side, and awaits its confirm from now on.
    pub(in crate::driver) fn outgoing(&mut self, dispatch_no: i64, dispatch: Dispatch) -> Outgoing {
        let bytes = dispatch.input.len() + MESSAGE_OVERHEAD;
        self.held.delivery.sent(dispatch_no, bytes, self.clock.monotonic());
        let ticket = dispatch.ticket;
        let queue = self.held.delivery.get(&ticket).map_or(0, |open| open.queue);
        let name = dispatch.queue.clone();
        // The queue of the results is named by whoever publishes, who knows the prefix.
        Outgoing { dispatch_no, queue, name, message: Box::new(dispatch.into_message("")) }
    }

    /// Handles the message of an attempt that the broker gave up on.
    ///
    /// Rejected or delivered too often: the rules end the attempt, with evidence. Dropped for any other reason: nobody
    /// worked on it, so it goes out again. If the attempt is closed already, the message is kept as a dead letter.
    pub(in crate::driver) fn dead_task(
        &mut self,
        ticket: &Ticket,
        reason: DeathReason,
        letter: &DeadLetter,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let Some(open) = self.held.delivery.get(ticket) else {
            let message = format!("{}; its attempt is closed", letter.message);
            batch.commit.dead.push(DeadLetter { message, ..letter.clone() });
            return Ok(());
        };
        let queue = open.queue;
        match reason {
            DeathReason::Rejected => {}
            DeathReason::DeliveryLimit => self.gather(ticket, None, batch)?,
            _ => self.send_again(ticket, queue, reason, batch),
        }
        self.decide(Event::DeadLettered(*ticket, reason), batch)
    }

    /// Publishes an attempt again, a moment later, whose message fell out of its queue. Warns once for each queue and
    /// reason.
    fn send_again(&mut self, ticket: &Ticket, queue: i64, reason: DeathReason, batch: &mut Batch) {
        metrics::counter!("warrener_messages_dropped_total", "reason" => reason.as_str()).increment(1);
        if self.held.delivery.is_first_loss(queue, reason) {
            let name = self.held.admission.name(queue).map_or_else(String::new, ToString::to_string);
            tracing::warn!(
                queue = name,
                reason = reason.as_str(),
                "the broker dropped messages of waiting tasks; they go out again once a second and cost nothing. Is \
                 there a policy with message-ttl, max-length or max-length-bytes over the queue?"
            );
        }
        let first = self.held.delivery.fell_out(ticket, self.clock.monotonic());
        self.unpublish(first, batch);
    }

    /// Makes a dead letter, with its input and its error, of each task that this batch ended out of attempts.
    pub(in crate::driver) fn dead_letters(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let tasks: Vec<_> = batch
            .effects
            .iter()
            .filter_map(|effect| match effect {
                warrener_engine::Effect::DeadLetter(task) => Some(*task),
                _ => None,
            })
            .collect();
        for task in tasks {
            let dispatch = message::dispatch(&mut batch.slice, task, |read, slice| self.load(read, slice))?;
            let row = batch.slice.task(task).expect("just loaded").clone();
            let error = row.error.as_deref().and_then(warrener_shared::error::ErrorObject::from_json);
            let body = dispatch.as_ref().map(|d| d.input.clone()).unwrap_or_default();
            batch.commit.dead.push(DeadLetter {
                from: "task",
                code: error.as_ref().map_or_else(|| code::LOST.to_owned(), |e| e.code.to_string()),
                message: error.map_or_else(String::new, |e| e.message),
                job: dispatch.as_ref().map(|d| d.job.to_string()),
                task: dispatch.as_ref().map(|d| d.task.to_string()),
                received_at: batch.now,
                size: body.len(),
                body: body.into_iter().take(crate::store::DEAD_BODY_MAX).collect(),
                headers: dispatch.map_or_else(
                    || "{}".to_owned(),
                    |d| {
                        serde_json::json!({"kind": d.kind.as_str(), "queue": d.queue.as_str(), "attempt": row.attempt})
                            .to_string()
                    },
                ),
                evidence: row.error.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            });
        }
        Ok(())
    }
}

/// Bytes of properties and headers of a task message, roughly, for the bound of bytes on their way.
const MESSAGE_OVERHEAD: usize = 512;
