//! The hub of all streams: reads what was committed, once for all readers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::app::App;
use super::cursor::EventCursor;
use super::page::EventPage;
use super::{BEAT, PAUSE, REST};
use crate::store::EventChunkNo;

/// Text of the latest events that is kept for all readers together.
const KEPT: usize = 1024 * 1024;
/// Pages of it.
const PAGES: usize = 64;

/// See the module. It works only while somebody follows.
#[derive(Debug)]
pub(in super::super) struct EventHub {
    tail: watch::Sender<Arc<Tail>>,
    /// True while somebody reads for it.
    at_work: Mutex<bool>,
}

/// The latest events.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// Pages that follow one another without a gap between them.
    pages: VecDeque<Arc<EventPage>>,
    upto: EventCursor,
}

/// Findings of a reader in the latest events.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing new.
    Nothing,
    /// The page with what comes next.
    Page(Arc<EventPage>),
    /// Events older than all that the hub keeps.
    Older,
}

impl Default for EventHub {
    fn default() -> Self {
        Self {
            tail: watch::Sender::new(Arc::new(Tail::at(EventCursor::after(EventChunkNo(0))))),
            at_work: Mutex::default(),
        }
    }
}

impl EventHub {
    /// Subscribes to the latest events, and tells up to which they are committed by now.
    pub(super) fn follow(&self, app: &Arc<App>) -> (watch::Receiver<Arc<Tail>>, EventCursor) {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let now = EventCursor::after(app.shared.notices.events().upto());
        if !*at_work {
            *at_work = true;
            self.tail.send_replace(Arc::new(Tail::at(now)));
            tokio::spawn(read_on(app.clone()));
        }
        (self.tail.subscribe(), now)
    }

    /// Tells whether nobody follows any more, and then ends the work.
    fn is_over(&self) -> bool {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        *at_work = self.tail.receiver_count() > 0;
        !*at_work
    }
}

impl Tail {
    fn at(upto: EventCursor) -> Self {
        Self { pages: VecDeque::new(), upto }
    }

    /// The place after the last event.
    pub(super) const fn upto(&self) -> EventCursor {
        self.upto
    }

    /// Finds what comes after a place.
    pub(super) fn after(&self, place: EventCursor) -> Next {
        if place >= self.upto {
            return Next::Nothing;
        }
        match self.pages.iter().rev().find(|page| page.after <= place) {
            Some(page) => Next::Page(page.clone()),
            None => Next::Older,
        }
    }

    fn push(&mut self, page: EventPage) {
        self.upto = page.upto;
        self.pages.push_back(Arc::new(page));
        let mut size: usize = self.pages.iter().map(|page| page.text.len()).sum();
        while self.pages.len() > PAGES || (size > KEPT && self.pages.len() > 1) {
            size -= self.pages.pop_front().map_or(0, |page| page.text.len());
        }
    }
}

/// Reads what is committed, page by page, until nobody follows.
async fn read_on(app: Arc<App>) {
    let mut notices = app.shared.notices.events();
    let mut is_failing = false;
    loop {
        let place = app.hub.tail.borrow().upto;
        let begun = Instant::now();
        let read = app.read_for_hub(move |snapshot| EventPage::read(snapshot, place)).await;
        let is_behind = match read {
            Ok(page) => {
                is_failing = false;
                let more = page.more;
                if page.upto != page.after {
                    app.hub.tail.send_modify(|tail| Arc::make_mut(tail).push(page));
                }
                more
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "what was committed cannot be read for those who follow it");
                }
                is_failing = true;
                true
            }
        };
        if app.stop.is_cancelled() || app.hub.is_over() {
            return;
        }
        if is_failing {
            sleep(PAUSE).await;
        } else if !is_behind {
            tokio::select! {
                _ = notices.next() => sleep_until(begun + REST).await,
                // Whoever left is not told of.
                () = sleep(BEAT) => {}
                () = app.stop.cancelled() => return,
            }
        }
    }
}
