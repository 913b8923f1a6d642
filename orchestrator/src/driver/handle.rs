//! What each input means: which events of the rules it becomes.

use std::collections::VecDeque;
use std::time::Duration;

use warrener_engine::event::Reported;
use warrener_engine::{Event, Need};
use warrener_shared::error::code;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::Report;

use super::Driver;
use super::batch::Batch;
use super::input::{self, Depth, Heard, Input};
use super::watch::Watch;
use crate::store::{LogChunk, Store, StoreError};

impl<S: Store> Driver<S> {
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
                numbers.iter().for_each(|no| self.watch.confirmed(*no, true));
            }
            Input::Unpublished(numbers) => numbers.iter().for_each(|no| self.watch.confirmed(*no, false)),
            Input::Replied(numbers) => self.replies.arrived(numbers),
            Input::NotReplied(numbers) => self.replies.failed(numbers, now),
            Input::Unanswerable(no) => self.unanswerable(*no, batch)?,
            Input::Refuse(refused) => self.owe_refusal(refused, batch),
            Input::Replayed(no) => batch.commit.discarded.push(*no),
            Input::EventsPublished(no) => self.events_published = self.events_published.max(Some(*no)),
            Input::Dead(letter) => batch.commit.dead.push(letter.clone()),
            Input::DeadTask(ticket, reason, letter) => self.dead_task(ticket, *reason, letter, batch)?,
            Input::Unrouted(ticket) => {
                let first = self.watch.unrouted(ticket);
                self.unpublish(first, batch);
            }
            Input::LaneFound(no, found) => {
                if let Some(lane) = self.lanes.get_mut(no) {
                    lane.found = *found;
                    lane.backlog = true;
                }
            }
            Input::LaneLost(no) => {
                let first = self.watch.lane_lost(*no);
                self.unpublish(first, batch);
            }
            Input::ReportsLost => self.watch.reports_lost(now),
            // A worker may name any queue in its heartbeats, forged or not.
            Input::Queue(name) if self.has_room_for(name) => {
                self.lane_of(name)?;
            }
            Input::Queue(_) => metrics::counter!("warrener_queues_ignored_total").increment(1),
            Input::Event(event, asker) => {
                let answer = self.answer(event, asker.by.as_deref(), batch)?;
                batch.answers.push((at, answer));
            }
            Input::Command(command, _) => self.command(at, &command.clone(), batch)?,
            Input::Connected { wiped } => self.connected(*wiped, batch),
            Input::Disconnected => {
                self.connected = false;
                self.hearing.closed();
            }
        }
        Ok(())
    }

    fn report(&mut self, reported: &Reported, batch: &mut Batch) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        self.hearing.report(now);
        if let Report::Claimed { lease } = &reported.report {
            self.watch.claimed(&reported.ticket, lease.to_std(), now);
        }
        self.taken_over(reported, batch);
        let mut reported = reported.clone();
        reported.interrupted = self.watch.get(&reported.ticket).is_some_and(|open| open.interrupted);
        self.watch.seen(&reported.ticket, reported.worker.as_ref(), now);
        self.keep_log(&mut reported, batch)?;
        if let Report::Released { code: Some(code), deliveries } = &reported.report
            && code == code::SUSPECT
        {
            self.gather(&reported.ticket, *deliveries, batch)?;
        }
        self.decide(Event::Reported(reported), batch)
    }

    /// Limits that passed before this time can be judged now.
    fn results_read(&mut self, upto: Duration, now: Duration) {
        if self.hearing.read(upto, now) {
            self.silences_anew(now);
        }
        if std::mem::take(&mut self.unjudged) {
            self.next_due = Some(Timestamp(0));
        }
    }

    fn has_room_for(&self, queue: &QueueName) -> bool {
        self.lanes.len() < self.shared.limits.queues || self.lanes.values().any(|lane| lane.name == *queue)
    }

    /// What is to be published again must be so after a crash too.
    pub(super) fn unpublish(&mut self, first: Option<i64>, batch: &mut Batch) {
        if let Some(first) = first.filter(|first| *first < self.published_below) {
            self.published_below = first;
            batch.commit.published_below = Some(first);
            batch.must_commit = true;
        }
    }

    fn connected(&mut self, wiped: bool, batch: &mut Batch) {
        self.connected = true;
        let now = self.clock.monotonic();
        self.hearing.connected(now);
        self.watch.reconnected(now);
        self.stops.reconnected(now);
        self.replies.reconnected();
        if wiped {
            self.watch.wiped();
            self.published_below = 0;
            batch.commit.published_below = Some(0);
            match self.watch.len() {
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

    fn heartbeat(&mut self, heard: &Heard, batch: &mut Batch) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        self.stops.heard(heard, now, batch);
        for ticket in &heard.tickets {
            if self.watch.get(ticket).is_none() {
                // Closed while the worker did not hear of it.
                batch.after.stop.push((*ticket, Some(heard.worker.clone())));
                continue;
            }
            self.taken_from(ticket, &heard.worker, None, batch);
            if self.watch.named(ticket, &heard.worker, now) {
                self.decide(input::started(*ticket, Some(heard.worker.clone())), batch)?;
            }
        }
        Ok(())
    }

    fn depth(&mut self, depth: &Depth, batch: &mut Batch) -> Result<(), StoreError> {
        if let Some(lane) = self.lanes.get_mut(&depth.queue) {
            lane.seen(depth.ready);
        }
        for ticket in self.watch.must_have_left(depth.queue, depth.ready, depth.upto) {
            self.watch.started(&ticket);
            self.decide(input::started(ticket, None), batch)?;
        }
        Ok(())
    }

    /// What the latest attempt of a task wrote is kept, even if it came after its result.
    fn keep_log(&mut self, reported: &mut Reported, batch: &mut Batch) -> Result<(), StoreError> {
        let Report::Progress(progress) = &mut reported.report else { return Ok(()) };
        let ticket = reported.ticket;
        let complaint = progress.unusable.take().and_then(|why| complaint(&mut self.watch, &ticket, &why));
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

    /// Decides an event and all that follows from it.
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

/// What the log of an attempt says, once, of progress that can't be used. Each is counted.
fn complaint(watch: &mut Watch, ticket: &Ticket, why: &str) -> Option<String> {
    metrics::counter!("warrener_progress_unusable_total").increment(1);
    watch.first_unusable(ticket).then(|| format!("warrener: a task.progress can't be used: {why}\n"))
}
