//! The number of deliveries that may be outstanding: consumers with a prefetch, per queue.
//!
//! An acknowledgement makes the broker send one more message *to the consumer that had the delivery*, unless
//! that consumer was cancelled. A new consumer does not know what its predecessors have left unsettled. So
//! the books are kept here: per queue, prefetches of live consumers plus deliveries left by cancelled ones
//! never exceed the capacity for long. To shrink, a consumer is cancelled; to grow, one is added beside the
//! others, because replacing a large consumer would leave its deliveries behind again.

use super::Action;

/// The consumers of every queue.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<QueueConsumers>,
    slots: usize,
    last_feed: u32,
}

#[derive(Debug, Default)]
struct QueueConsumers {
    feeds: Vec<Feed>,
    /// Unsettled deliveries of cancelled consumers.
    stale: usize,
}

#[derive(Debug)]
struct Feed {
    id: u32,
    prefetch: usize,
    unsettled: usize,
}

impl Lanes {
    pub(super) fn new(lanes: usize, slots: usize) -> Self {
        Self { lanes: (0..lanes).map(|_| QueueConsumers::default()).collect(), slots, last_feed: 0 }
    }

    /// Forgets all consumers and deliveries of a lost connection.
    pub(super) fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|lane| *lane = QueueConsumers::default());
    }

    /// A delivery arrived.
    pub(super) fn took(&mut self, lane: usize, feed: u32) {
        let lane = &mut self.lanes[lane];
        *lane.unsettled(feed) += 1;
    }

    /// A delivery is about to be settled.
    pub(super) fn settled(&mut self, lane: usize, feed: u32) {
        let unsettled = self.lanes[lane].unsettled(feed);
        *unsettled = unsettled.saturating_sub(1);
    }

    /// Cancels one consumer, if it still lives.
    pub(super) fn cut<D>(&mut self, lane: usize, feed: u32, actions: &mut Vec<Action<D>>) {
        let found = self.lanes[lane].feeds.iter().position(|f| f.id == feed);
        if let Some(position) = found {
            self.lanes[lane].cut(lane, position, actions);
        }
    }

    /// Brings every queue to `capacity` outstanding deliveries.
    pub(super) fn balance<D>(&mut self, capacity: usize, actions: &mut Vec<Action<D>>) {
        for number in 0..self.lanes.len() {
            self.lanes[number].merge(number, capacity, actions);
            self.lanes[number].shrink(number, capacity, actions);
            self.grow(number, capacity, actions);
        }
    }

    /// Consumers that may still get deliveries, with their queues.
    pub(super) fn hungry(&self) -> Vec<(usize, u32)> {
        let all = self.lanes.iter().enumerate();
        let feeds = all.flat_map(|(number, lane)| lane.feeds.iter().map(move |feed| (number, feed)));
        feeds.filter(|(_, feed)| feed.unsettled < feed.prefetch).map(|(number, feed)| (number, feed.id)).collect()
    }

    /// Tells whether another balance would change something: a queue could have more outstanding deliveries than it may
    /// have now, or have them through fewer consumers.
    pub(super) fn are_off(&self, capacity: usize) -> bool {
        self.lanes.iter().any(|lane| lane.outstanding() < capacity || lane.is_idle() && lane.feeds.len() > 1)
    }

    fn grow<D>(&mut self, number: usize, capacity: usize, actions: &mut Vec<Action<D>>) {
        let step = (self.slots / FEEDS).max(1);
        loop {
            let lane = &mut self.lanes[number];
            let growth = capacity.saturating_sub(lane.outstanding()).min(PREFETCH_MAX);
            let worthwhile = growth >= step || (lane.stale == 0 && lane.feeds.len() < FEEDS);
            if growth == 0 || !worthwhile {
                return;
            }
            self.last_feed += 1;
            lane.feeds.push(Feed { id: self.last_feed, prefetch: growth, unsettled: 0 });
            let prefetch = u32::try_from(growth).expect("at most PREFETCH_MAX");
            actions.push(Action::Consume { lane: number, feed: self.last_feed, prefetch });
        }
    }
}

impl QueueConsumers {
    fn outstanding(&self) -> usize {
        self.feeds.iter().map(|feed| feed.prefetch).sum::<usize>() + self.stale
    }

    fn unsettled(&mut self, feed: u32) -> &mut usize {
        let live = self.feeds.iter_mut().find(|f| f.id == feed);
        live.map_or(&mut self.stale, |feed| &mut feed.unsettled)
    }

    fn is_idle(&self) -> bool {
        self.stale == 0 && self.feeds.iter().all(|feed| feed.unsettled == 0)
    }

    /// Ends the consumers of an idle queue, to make way for a single one, if there are several or one is to be
    /// added. When a process dies its consumers end one after the other, and a delivery that falls from one to the
    /// next is counted each time, as if each had died of it.
    fn merge<D>(&mut self, number: usize, capacity: usize, actions: &mut Vec<Action<D>>) {
        let splits = self.feeds.len() > 1 || self.outstanding() < capacity;
        if splits && self.is_idle() {
            self.feeds.drain(..).for_each(|feed| actions.push(Action::Cancel { lane: number, feed: feed.id }));
        }
    }

    fn shrink<D>(&mut self, number: usize, capacity: usize, actions: &mut Vec<Action<D>>) {
        while !self.feeds.is_empty() {
            let excess = self.outstanding().saturating_sub(capacity);
            if excess == 0 {
                return;
            }
            let position = self.smallest_of_at_least(excess);
            self.cut(number, position, actions);
        }
    }

    /// The consumer whose loss is just enough, or else the largest.
    fn smallest_of_at_least(&self, excess: usize) -> usize {
        let sizes = || self.feeds.iter().map(|feed| feed.prefetch).enumerate();
        let enough = sizes().filter(|(_, size)| *size >= excess).min_by_key(|(_, size)| *size);
        enough.or_else(|| sizes().max_by_key(|(_, size)| *size)).map_or(0, |(position, _)| position)
    }

    fn cut<D>(&mut self, number: usize, position: usize, actions: &mut Vec<Action<D>>) {
        let feed = self.feeds.remove(position);
        self.stale += feed.unsettled;
        actions.push(Action::Cancel { lane: number, feed: feed.id });
    }
}

/// Consumers per queue up to which any growth gets one; later only a sixteenth of the slots does, so that
/// no queue ever has more than twice as many.
const FEEDS: usize = 16;
/// A quorum queue refuses a larger prefetch from RabbitMQ 4.3 on.
const PREFETCH_MAX: usize = 2000;
