//! Reports on their way: which of them share a message, and what became of each.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use warrener_amqp::{PendingConfirm, Published, Publisher};
use warrener_shared::wire::Message;
use warrener_shared::wire::result::Bundle;
use warrener_shared::wire::topology::KEY_RESULTS;

use super::address::BrokerAddress;
use super::{ReportAnswer, Sealed};
use crate::report;
use crate::session::{Destination, Ticket};

/// Messages with reports whose confirms are awaited before the next ones wait for company. One report after another
/// goes out at once; of many, those that end while the broker writes the last ones down travel together.
const UNDERWAY: usize = 2;

/// See the module.
#[derive(Default)]
pub(super) struct Post {
    /// Reports that wait for company, or for room in the publisher's window; bounded by what the session holds.
    queued: VecDeque<Sealed>,
    letters: FuturesUnordered<Letter>,
    /// Messages to our own results among the letters.
    underway: usize,
    /// Reports that nobody could be sent, as good as received.
    dropped: Vec<ReportAnswer>,
}

/// A message that waits for its confirm.
struct Letter {
    reports: Vec<(Ticket, u64)>,
    to_results: bool,
    pending: PendingConfirm,
}

impl Post {
    /// Notes a report to be published, in order, as soon as there is room.
    pub(super) fn add(&mut self, sealed: Sealed) {
        self.queued.push_back(sealed);
    }

    /// Publishes what is queued while there is room, so that it never waits for the broker.
    ///
    /// `answers` says whether answers for other orchestrators are taken: one that is refused would end the connection.
    pub(super) async fn send(&mut self, publisher: &Publisher, address: &BrokerAddress, answers: bool) {
        while publisher.room() > 0
            && let Some(first) = self.next()
        {
            if let Destination::Queue(queue) = &first.to {
                address.will_answer_others();
                if !answers {
                    tracing::error!(%queue, "an answer is dropped: this user may not write to the default exchange");
                    self.dropped.push(ReportAnswer { ticket: first.ticket, serial: first.serial, confirmed: true });
                    continue;
                }
            }
            let to_results = matches!(first.to, Destination::Results { .. });
            let (reports, message) = self.gather(&first, &address.id);
            let (exchange, key) = match &first.to {
                // Another orchestrator's tasks are answered as an RPC server would.
                Destination::Queue(queue) => ("", own_queue(queue)),
                Destination::Results { .. } => (address.results.as_str(), KEY_RESULTS),
            };
            let pending = publisher.enqueue(exchange, key, message).await;
            self.underway += usize::from(to_results);
            self.letters.push(Letter { reports, to_results, pending });
        }
    }

    /// The next report that may go, unless it had better wait for company.
    fn next(&mut self) -> Option<Sealed> {
        let together = self.queued.front()?.to.together();
        let is_full = self.queued.len() >= together as usize;
        if is_full || self.underway < UNDERWAY { self.queued.pop_front() } else { None }
    }

    /// Puts a report, and all queued behind it that may share its message, into one message.
    fn gather(&mut self, first: &Sealed, worker: &str) -> (Vec<(Ticket, u64)>, Message) {
        let mut reports = vec![(first.ticket.clone(), first.serial)];
        let (mut bundle, most) = (Bundle::default(), first.to.together());
        if most > 1 && bundle.push(&first.ticket, &first.report, most) {
            while let Some(next) = self.queued.front().filter(|next| next.to == first.to)
                && bundle.push(&next.ticket, &next.report, most)
            {
                reports.push((next.ticket.clone(), next.serial));
                self.queued.pop_front();
            }
        }
        if reports.len() == 1 {
            return (reports, report::message(&first.ticket, &first.report, worker));
        }
        (reports, report::signed(bundle.into_message(), worker))
    }

    /// Takes the broker's answers to reports, those to at most `most` messages.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>, most: usize) -> Vec<ReportAnswer> {
        let mut answers = std::mem::take(&mut self.dropped);
        for _ in 0..most {
            let Poll::Ready(Some((reports, to_results, confirmed))) = self.letters.poll_next_unpin(cx) else { break };
            self.underway -= usize::from(to_results);
            answers.extend(reports.into_iter().map(|(ticket, serial)| ReportAnswer { ticket, serial, confirmed }));
        }
        answers
    }
}

impl Future for Letter {
    type Output = (Vec<(Ticket, u64)>, bool, bool);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let published = ready!(Pin::new(&mut self.pending).poll(cx));
        // Nobody waits at an address that no queue has: as good as received.
        let confirmed = matches!(published, Published::Confirmed | Published::Returned);
        Poll::Ready((std::mem::take(&mut self.reports), self.to_results, confirmed))
    }
}

/// AMQP 1.0 writes `/queues/<name>` where 0-9-1 writes `<name>`.
fn own_queue(reply_to: &str) -> &str {
    reply_to.strip_prefix("/queues/").unwrap_or(reply_to)
}
