//! The answers to submits: owed from a commit on, until the broker has them or they are given up.
//!
//! An answer is owed by a row, written in the commit of its submit. So it is given again after a crash, and a client
//! may get it twice.

mod owed;

use std::sync::Arc;
use std::time::Duration;

use warrener_engine::Slice;
use warrener_engine::row::{JobRow, Json};
use warrener_shared::id::{JobNo, ScheduleName};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{self, AppliedBody, ReplyAddress};

pub(super) use self::owed::Replies;
use super::batch::Batch;
use super::input::Refused;
use super::letter;
use super::{Driver, Output, Reply};
use crate::rows::schedule::next_at;
use crate::store::{DeadLetter, OwedReply, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Has the driver give up answers that nobody takes for `kept`. Without it they are tried for ever.
    #[must_use]
    pub fn with_answers_kept(mut self, kept: Duration) -> Self {
        self.replies.kept = kept;
        self
    }

    /// Sends the answers that jobs owe which became final in this batch, as far as they may go now.
    pub(super) fn reply_finished(&mut self, jobs: &[JobNo], slice: &Slice) -> Result<(), StoreError> {
        let asked: Vec<JobNo> = jobs.iter().copied().filter(|job| !self.held.rows.nobody_waits(*job)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let mut replies = Vec::new();
        for owed in self.store.owed_replies(&asked)? {
            let row = &slice.job(owed.job).expect("its last rule had it").row;
            replies.extend(self.reply(&owed, Some(row)));
        }
        self.send_replies(replies);
        Ok(())
    }

    /// Sends the answers that these jobs owe: the job may be new, final for long, or stand for a refusal.
    pub(super) fn reply_owed(&mut self, jobs: &[JobNo]) -> Result<(), StoreError> {
        let owed = if jobs.is_empty() { Vec::new() } else { self.store.owed_replies(jobs)? };
        let mut replies = Vec::new();
        for owed in owed {
            let row = self.job_of(&owed)?;
            replies.extend(self.reply(&owed, row.as_ref()));
        }
        self.send_replies(replies);
        Ok(())
    }

    /// Owes the sender of a refused submit the reason, from the commit of this batch on.
    pub(super) fn owe_refusal(&mut self, refused: &Refused, batch: &mut Batch) {
        self.owe_body(&refused.to, false, &refused.body, batch);
    }

    /// Owes the sender of a message about a schedule that it was carried out, from the commit of this batch on.
    pub(super) fn owe_applied(&mut self, name: &ScheduleName, to: &ReplyAddress, batch: &mut Batch) {
        let state = batch.schedules.values().flatten().find(|state| state.row.name == *name);
        let next = state.and_then(|state| next_at(&state.row, &state.spec));
        let body = AppliedBody { name: name.to_string(), next_at: next.map(Timestamp::to_rfc3339) };
        let body = serde_json::to_vec(&body).expect("an answer has text keys only");
        self.owe_body(to, true, &body, batch);
    }

    /// Owes an answer that is of no job, with its body as it is.
    fn owe_body(&mut self, to: &ReplyAddress, accepted: bool, body: &[u8], batch: &mut Batch) {
        let job = self.replies.next_refusal();
        batch.commit.owed.push(OwedReply {
            no: 0,
            job,
            reply_to: to.queue.clone(),
            correlation_id: to.correlation_id.clone(),
            accepted,
            owed_at: batch.now,
            refusal: Some(Arc::from(body)),
        });
        batch.after.reply.push(job);
    }

    /// Sends answers that are due and neither on their way nor there, as far as there is room. Each address gets as
    /// many as it takes, since outputs may be large. Called four times a second, and when a session began.
    pub(super) fn give_owed(&mut self) -> Result<(), StoreError> {
        for _ in 0..PAGES {
            let Some(above) = self.held.unread_replies else { break };
            let page = self.store.due_replies(above, PAGE)?;
            self.held.unread_replies = self.replies.note_page(page, PAGE);
        }
        for address in self.replies.due_addresses(self.clock.monotonic()) {
            self.give_to(&address)?;
        }
        Ok(())
    }

    /// Sends more to addresses that took answers since the last look.
    pub(super) fn give_on(&mut self) -> Result<(), StoreError> {
        for address in self.replies.take_freed() {
            self.give_to(&address)?;
        }
        Ok(())
    }

    /// Sends an address its next answers, and gives up those that it did not take in time.
    fn give_to(&mut self, address: &str) -> Result<(), StoreError> {
        let (mut replies, mut late) = (Vec::new(), Vec::new());
        for no in self.replies.page_of(address, self.clock.monotonic()) {
            if !self.replies.has_room() {
                break;
            }
            let found = self.store.replies(&[no])?.pop();
            let row = found.as_ref().map(|owed| self.job_of(owed)).transpose()?.flatten();
            let Some(owed) = found.filter(|owed| owed.refusal.is_some() || row.is_some()) else {
                self.replies.forget(no, address);
                continue;
            };
            let message = message(&owed, row.as_ref());
            if self.is_given_up(&owed, row.as_ref()) {
                late.push((no, unanswered(&owed, row.as_ref(), &message, "late", self.now())));
            } else {
                self.replies.send_waiting(no, address, message.body.len());
                replies.push(Reply { no, reply_to: owed.reply_to, message });
            }
        }
        self.send_replies(replies);
        self.give_up(late, address)
    }

    /// Keeps answers that nobody took in time as dead letters, and owes them no more.
    fn give_up(&mut self, late: Vec<(i64, DeadLetter)>, address: &str) -> Result<(), StoreError> {
        if late.is_empty() {
            return Ok(());
        }
        tracing::warn!(answers = late.len(), address, "nobody took answers in time; they are kept as dead letters");
        metrics::counter!("warrener_answers_given_up_total").increment(late.len() as u64);
        let mut batch = self.new_batch();
        for (no, letter) in late {
            self.replies.forget(no, address);
            batch.commit.replied.push(no);
            batch.commit.dead.push(letter);
        }
        self.settle(batch).map(drop)
    }

    /// Gives up an answer at once that can never be sent as it is.
    pub(super) fn unanswerable(&mut self, no: i64, batch: &mut Batch) -> Result<(), StoreError> {
        self.replies.drop_underway(no);
        let Some(owed) = self.store.replies(&[no])?.pop() else { return Ok(()) };
        let row = self.job_of(&owed)?;
        tracing::warn!(answer = no, "an answer cannot be sent; it is kept as a dead letter");
        metrics::counter!("warrener_answers_given_up_total").increment(1);
        let message = message(&owed, row.as_ref());
        batch.commit.dead.push(unanswered(&owed, row.as_ref(), &message, "cannot be sent", batch.now));
        batch.commit.replied.push(no);
        Ok(())
    }

    /// The job of an answer; `None` for a refusal, and if it is removed.
    fn job_of(&mut self, owed: &OwedReply) -> Result<Option<JobRow>, StoreError> {
        if owed.refusal.is_some() { Ok(None) } else { self.store.job(owed.job) }
    }

    /// Tells whether an answer was due for longer than answers are tried. The time counts from the end of the job, or
    /// from the submit if that was later.
    fn is_given_up(&self, owed: &OwedReply, row: Option<&JobRow>) -> bool {
        let finished = row.filter(|_| !owed.accepted).and_then(|row| row.finished_at);
        // Before this was written down nothing was: such an answer counts from its job.
        let asked = if owed.owed_at.0 > 0 { Some(owed.owed_at) } else { row.map(|row| row.created_at) };
        let since = finished.max(asked);
        since.is_some_and(|since| self.now().since(since).to_std() > self.replies.kept)
    }

    /// Hands answers to the broker side, if there are any.
    fn send_replies(&self, replies: Vec<Reply>) {
        if !replies.is_empty() {
            self.send(Output::Reply(replies));
        }
    }

    /// The answer, if it can be given and may go now. `None` if it is not due, on its way, there, or has to wait for
    /// room.
    fn reply(&mut self, owed: &OwedReply, row: Option<&JobRow>) -> Option<Reply> {
        let is_due = owed.refusal.is_some() || row.is_some_and(|row| owed.accepted || row.state.is_final());
        // Without a session everything that is owed is read once there is one.
        if !is_due || !self.hearing.is_connected() {
            return None;
        }
        let bytes = row.and_then(|row| row.output.as_ref()).map_or(0, |output| output.len());
        let now = self.clock.monotonic();
        if !self.replies.send(owed.no, &owed.reply_to, bytes, now) {
            return None;
        }
        Some(Reply { no: owed.no, reply_to: owed.reply_to.clone(), message: message(owed, row) })
    }
}

/// Message of an answer: refused, accepted, applied or finished.
fn message(owed: &OwedReply, row: Option<&JobRow>) -> Message {
    let to = ReplyAddress { queue: owed.reply_to.clone(), correlation_id: owed.correlation_id.clone() };
    if let Some(body) = &owed.refusal {
        return if owed.accepted { submit::applied(&to, body.to_vec()) } else { submit::refused(&to, body.to_vec()) };
    }
    let row = row.expect("an answer that is no refusal has a job");
    if owed.accepted {
        return submit::accepted(&to, row.id.as_str());
    }
    let bytes = |json: &Option<Json>| json.clone().unwrap_or_else(|| Json::from(*b"null"));
    submit::finished(&to, row.id.as_str(), row.state, &bytes(&row.output), &bytes(&row.error))
}

/// Dead letter of an answer that nobody took, from which it can be published again. `why` is `late`, or says what was
/// wrong.
fn unanswered(owed: &OwedReply, row: Option<&JobRow>, message: &Message, why: &str, now: Timestamp) -> DeadLetter {
    let text = match why {
        "late" => format!("the queue {:?} did not take this answer in time", owed.reply_to),
        why => format!("this answer to the queue {:?} {why}", owed.reply_to),
    };
    DeadLetter {
        job: row.map(|row| row.id.to_string()),
        ..letter::of_message("answer", "undeliverable", text, ("", &owed.reply_to), message, now)
    }
}

/// Numbers of answers that are read from the rows at once.
const PAGE: usize = 1_000;
/// Most pages read in a row, so that others get their turn.
const PAGES: usize = 10;
