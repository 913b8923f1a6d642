//! A report on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use warrener_amqp::{Pending, Published};
use warrener_shared::wire::result::Report;

use super::Answer;
use crate::session::Ticket;

/// A report that waits for its turn.
pub(super) struct Sealed {
    pub(super) ticket: Ticket,
    pub(super) serial: u64,
    pub(super) reply_to: Option<Arc<str>>,
    pub(super) report: Arc<Report>,
}

/// A report that waits for its confirm.
pub(super) struct Letter {
    ticket: Ticket,
    serial: u64,
    pending: Pending,
}

impl Letter {
    pub(super) const fn new(ticket: Ticket, serial: u64, pending: Pending) -> Self {
        Self { ticket, serial, pending }
    }
}

impl Future for Letter {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let published = ready!(Pin::new(&mut self.pending).poll(cx));
        // Nobody waits at an address that no queue has: as good as received.
        let confirmed = matches!(published, Published::Confirmed | Published::Returned);
        Poll::Ready(Answer { ticket: self.ticket.clone(), serial: self.serial, confirmed })
    }
}
