//! Handling of inputs: each becomes events for the rules, or a note in the memory of the driver.
//!
//! An input is only looked at, never consumed: if its batch fails, it is handled again as it came.

use std::collections::VecDeque;
use std::time::Duration;

use warrener_engine::event::Reported;
use warrener_engine::{Event, Need};
use warrener_shared::error::code;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::wire::result::Report;

use super::Driver;
use super::batch::Batch;
use super::delivery::Delivery;
use super::held::{ALL_REPLIES, DUE_AT_ONCE};
use super::input::{self, Answer, Depth, Heard, Input};
use crate::store::{LogChunk, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Handles one input within the batch. `at` is its position, by which its answer finds the asker.
    ///
    /// # Errors
    /// If the store cannot be read; the batch is lost then, not the input.
    pub(super) fn handle(&mut self, at: usize, input: &Input, batch: &mut Batch) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        match input {
            Input::Submit(submission) => self.submit(at, submission, batch)?,
            Input::Report(reported) => self.report(reported, batch)?,
            Input::Heartbeat(heard) => {
                self.hearing.news(now);
                self.heartbeat(heard, batch)?;
            }
            Input::Depth(depth) => {
                self.hearing.news(now);
                self.depth(depth, batch)?;
            }
            Input::ResultsRead { upto } => self.results_read(*upto, now),
            Input::Published(numbers) => {
                self.hearing.news(now);
                numbers.iter().for_each(|no| self.held.delivery.confirmed(*no, true));
            }
            Input::Unpublished(numbers) => numbers.iter().for_each(|no| self.held.delivery.confirmed(*no, false)),
            Input::Sent(sent) => {
                for (attempt, outcome) in sent {
                    self.decide(Event::Sent(*attempt, outcome.clone()), batch)?;
                }
            }
            Input::Replied(numbers) => self.replies.arrived(numbers),
            Input::NotReplied(numbers) => self.replies.failed(numbers, now),
            Input::Unanswerable(no) => self.unanswerable(*no, batch)?,
            Input::Refuse(refused) => self.owe_refusal(refused, batch),
            Input::Replayed(no) => self.replay_ended(*no, None, batch),
            Input::NotReplayed(no, why) => self.replay_ended(*no, Some(why), batch),
            Input::EventsPublished(no) => self.events_published = self.events_published.max(Some(*no)),
            Input::Dead(letter) => batch.commit.dead.push(letter.clone()),
            Input::Delayed(changes, offset) => batch.commit.delayed.extend(&self.in_our_time(changes, *offset)),
            Input::DeadTask(ticket, reason, letter) => self.dead_task(ticket, *reason, letter, batch)?,
            Input::Unrouted(ticket) => {
                let first = self.held.delivery.unrouted(ticket);
                self.unpublish(first, batch);
            }
            Input::LaneFound(no, found) => self.held.admission.found(*no, *found),
            Input::LaneLost(no) => {
                let first = self.held.delivery.lane_lost(*no);
                self.unpublish(first, batch);
            }
            Input::ReportsLost => self.held.delivery.reports_lost(now),
            // A worker may name any queue in its heartbeats, forged or not.
            Input::Queue(name) if self.has_room_for(name) => {
                self.lane_of(name)?;
            }
            Input::Queue(_) => metrics::counter!("warrener_queues_ignored_total").increment(1),
            Input::Event(event, asker) => {
                let answer = self.answer(event, asker.by.as_deref(), batch)?;
                batch.answers.push((at, answer));
            }
            Input::Schedule(command, asker) => {
                let answer = self.schedule_command(command, asker.by.as_deref(), batch)?;
                batch.answers.push((at, answer));
            }
            Input::ScheduleMessage(command, asker, to) => {
                let answer = self.schedule_command(command, asker.by.as_deref(), batch)?;
                if let (Some(to), Answer::Done | Answer::Applied { .. } | Answer::Kept { .. }) = (to, &answer) {
                    self.owe_applied(command.name(), to, batch);
                }
                batch.answers.push((at, answer));
            }
            Input::Command(command, _) => self.command(at, &command.clone(), batch)?,
            Input::Connected { wiped } => self.connected(*wiped, batch),
            Input::Disconnected => self.hearing.disconnected(),
        }
        Ok(())
    }

    /// Notes who was seen at the attempt, keeps what it wrote, and lets the rules judge the report.
    fn report(&mut self, reported: &Reported, batch: &mut Batch) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        self.hearing.report(now);
        if let Report::Claimed { lease } = &reported.report {
            self.held.delivery.claimed(&reported.ticket, lease.to_std(), now);
        }
        self.taken_over(reported, batch);
        let mut reported = reported.clone();
        reported.interrupted = self.held.delivery.get(&reported.ticket).is_some_and(|open| open.interrupted);
        self.held.delivery.seen(&reported.ticket, reported.worker.as_ref(), now);
        self.keep_log(&mut reported, batch)?;
        if let Report::Released { code: Some(code), deliveries, .. } = &reported.report
            && code == code::SUSPECT
        {
            self.gather(&reported.ticket, *deliveries, batch)?;
        }
        self.decide(Event::Reported(reported), batch)
    }

    /// Notes that all reports confirmed before `upto` were handled. Limits that passed before it can be judged now.
    fn results_read(&mut self, upto: Duration, now: Duration) {
        if self.hearing.read(upto, now) {
            self.silences_anew(now);
        }
        if self.put_off.judge() {
            self.held.next_due = DUE_AT_ONCE;
        }
    }

    /// Tells whether a queue is known, or one more may become known: anybody who may publish heartbeats can name
    /// queues.
    fn has_room_for(&self, queue: &QueueName) -> bool {
        let admission = &self.held.admission;
        admission.names().len() < self.shared.limits.queues || admission.number(queue).is_some()
    }

    /// Sets the mark in the rows back to the dispatch `first`, which is to be published again, so that it is after a
    /// crash too. Does nothing for `None`, or if the mark is lower already.
    pub(super) fn unpublish(&mut self, first: Option<i64>, batch: &mut Batch) {
        if let Some(below) = first.and_then(|first| self.held.delivery.fall_back(first)) {
            batch.commit.published_below = Some(below);
            batch.must_commit = true;
        }
    }

    /// Starts anew all that depends on a session with the broker. `wiped` says that the broker lost its data, so that
    /// open attempts are published again.
    fn connected(&mut self, wiped: bool, batch: &mut Batch) {
        let now = self.clock.monotonic();
        self.hearing.connected(now);
        self.held.delivery.reconnected(now);
        self.held.stops.reconnected(now);
        self.replies.reconnected();
        self.held.unread_replies = ALL_REPLIES;
        if wiped {
            batch.commit.published_below = Some(self.held.delivery.wiped());
            match self.held.delivery.len() {
                0 => tracing::info!("the broker has no memory of this prefix yet"),
                open => tracing::warn!(
                    open,
                    "the broker has lost its memory of this prefix; publishing open attempts again"
                ),
            }
        }
        batch.must_commit = true;
        batch.after.reply_all = true;
    }

    /// Notes which attempts the worker has, and starts those that are news. A ticket of a closed attempt is answered
    /// with a stop, which repairs one that the worker did not hear.
    fn heartbeat(&mut self, heard: &Heard, batch: &mut Batch) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        self.held.stops.heard(heard, now, batch.now, &mut batch.commit);
        for ticket in &heard.tickets {
            if self.held.delivery.get(ticket).is_none() {
                // Closed while the worker did not hear of it.
                batch.after.stop.push((*ticket, Some(heard.worker.clone())));
                continue;
            }
            self.taken_from(ticket, &heard.worker, None, batch);
            if self.held.delivery.named(ticket, &heard.worker, now) {
                self.decide(input::started(*ticket, Some(heard.worker.clone())), batch)?;
            }
        }
        Ok(())
    }

    /// Resizes the window of a queue by the depth that was seen, and starts the attempts whose messages must have left
    /// it.
    fn depth(&mut self, depth: &Depth, batch: &mut Batch) -> Result<(), StoreError> {
        let unconfirmed = self.held.delivery.unconfirmed(depth.queue);
        self.held.admission.depth(depth.queue, depth.ready, unconfirmed);
        for ticket in self.held.delivery.must_have_left(depth.queue, depth.ready, depth.upto) {
            self.held.delivery.started(&ticket);
            self.decide(input::started(ticket, None), batch)?;
        }
        Ok(())
    }

    /// Keeps the text that an attempt wrote, if it is the latest of its task; also after its result. Takes it out of
    /// the report, so that the rules do not see it.
    fn keep_log(&mut self, reported: &mut Reported, batch: &mut Batch) -> Result<(), StoreError> {
        let Report::Progress(progress) = &mut reported.report else { return Ok(()) };
        let ticket = reported.ticket;
        let complaint = progress.unusable.take().and_then(|why| complaint(&mut self.held.delivery, &ticket, &why));
        let text = [complaint, progress.log.take()].into_iter().flatten().collect::<String>();
        if text.is_empty() {
            return Ok(());
        }
        self.load_for(Need::Task(ticket.task), batch)?;
        if batch.slice.task(ticket.task).is_some_and(|row| row.ticket() == ticket) {
            let chunk = LogChunk { task: ticket.task, attempt: ticket.attempt, time: batch.now, text };
            batch.commit.logs.push(chunk);
        }
        Ok(())
    }

    /// Decides an event, then all events that follow from it, in order. Loads what each needs, and collects the
    /// effects.
    pub(super) fn decide(&mut self, event: Event, batch: &mut Batch) -> Result<(), StoreError> {
        let mut open = VecDeque::from([event]);
        while let Some(event) = open.pop_front() {
            self.load_for(Need::Event(&event), batch)?;
            let decision = warrener_engine::decide(&mut batch.slice, &event, batch.now);
            for effect in decision.effects {
                batch.take(effect);
            }
            open.extend(decision.follow);
        }
        Ok(())
    }
}

/// Counts a progress that can't be used, and gives the line about it for the log of the attempt; `None` if the log has
/// one already.
fn complaint(delivery: &mut Delivery, ticket: &Ticket, why: &str) -> Option<String> {
    metrics::counter!("warrener_progress_unusable_total").increment(1);
    delivery.first_unusable(ticket).then(|| format!("warrener: a task.progress can't be used: {why}\n"))
}
