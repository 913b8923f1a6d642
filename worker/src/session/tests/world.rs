//! Random stories against a model broker: nothing is lost, nothing is settled twice, no bound is broken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use warrener_shared::time::Millis;
use warrener_shared::wire::result::Report;

use super::super::*;
use super::story::{assignment, rules};

#[test]
fn every_task_is_reported_and_acknowledged_in_the_end() {
    let mut seen = Seen::default();
    for seed in 1..=400 {
        let mut world = World::new(seed);
        world.run(300);
        world.settle();
        seen.add(&world.seen);
    }
    // A run that never got there proves nothing.
    let Seen { lost, claimed, cancelled, attached, alone, surplus } = seen;
    let all = [lost, claimed, cancelled, attached, alone, surplus];
    assert!(all.iter().all(|count| *count > 50), "{all:?}");
}

#[derive(Default)]
struct Seen {
    lost: u32,
    claimed: u32,
    cancelled: u32,
    attached: u32,
    alone: u32,
    surplus: u32,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.claimed += other.claimed;
        self.cancelled += other.cancelled;
        self.attached += other.attached;
        self.alone += other.alone;
        self.surplus += other.surplus;
    }
}

/// A delivery: its number, its ticket, and the connection that it came over.
type Receipt = (u64, String, u32);

struct World {
    seed: u64,
    slots: usize,
    session: Session<Receipt>,
    now: Millis,
    /// Per queue: ticket, whether it is to be worked on alone.
    queues: Vec<VecDeque<(String, bool)>>,
    /// Consumers by number: queue, prefetch, unsettled deliveries.
    feeds: BTreeMap<u32, (usize, usize, BTreeSet<u64>)>,
    /// Unsettled deliveries: ticket, queue, alone.
    unsettled: BTreeMap<u64, (String, usize, bool)>,
    running: BTreeSet<String>,
    /// Published and not answered.
    letters: Vec<(String, u64, Report)>,
    /// Tickets whose end, release or cancel the orchestrator knows.
    closed: BTreeSet<String>,
    /// Tickets under a lease.
    claimed: BTreeSet<String>,
    connected: bool,
    epoch: u32,
    tickets: u32,
    deliveries: u64,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let slots = 1 + usize::try_from(seed % 5).unwrap() * 3;
        let lanes = 1 + usize::try_from(seed % 3).unwrap();
        Self {
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            slots,
            session: Session::new(rules(slots, lanes)),
            now: Millis(0),
            queues: vec![VecDeque::new(); lanes],
            feeds: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            running: BTreeSet::new(),
            letters: Vec::new(),
            closed: BTreeSet::new(),
            claimed: BTreeSet::new(),
            connected: false,
            epoch: 0,
            tickets: 0,
            deliveries: 0,
            seen: Seen::default(),
        }
    }

    fn dice(&mut self, sides: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        usize::try_from(self.seed % sides as u64).unwrap()
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            match self.dice(24) {
                0..=5 => self.submit(),
                6..=10 => self.deliver(),
                11..=14 => self.end(),
                15..=18 => self.answer(true),
                19 => self.answer(false),
                20 => self.cancel(),
                21 => self.pass(20_000),
                22 => self.pass(200),
                _ => self.disturb(),
            }
        }
    }

    /// Faults stop: everything must come to its end.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            if !self.connected {
                self.connect();
            }
            self.pass(200);
            for _ in 0..8 {
                self.deliver();
                self.end();
                self.answer(true);
            }
        }
        assert!(self.queues.iter().all(VecDeque::is_empty), "left in queues: {:?}", self.queues);
        assert!(self.unsettled.is_empty(), "unsettled: {:?}", self.unsettled);
        assert!(self.session.tickets().is_empty());
        for number in 1..=self.tickets {
            assert!(self.closed.contains(&format!("t{number}")), "t{number} was never reported");
        }
        let prefetch = |lane| self.feeds.values().filter(|feed| feed.0 == lane).map(|feed| feed.1).sum::<usize>();
        for lane in 0..self.queues.len() {
            assert_eq!(prefetch(lane), self.slots, "an idle worker takes as much as it has slots");
            assert_eq!(self.feeds.values().filter(|feed| feed.0 == lane).count(), 1, "and through one consumer");
        }
    }

    fn submit(&mut self) {
        self.tickets += 1;
        let (lane, alone) = (self.dice(self.queues.len()), self.dice(12) == 0);
        let ticket = format!("t{}", self.tickets);
        self.queues[lane].push_back((ticket.clone(), alone));
        if self.dice(15) == 0 {
            // A confirm was lost: the orchestrator publishes once more.
            self.queues[lane].push_back((ticket, alone));
        }
    }

    fn deliver(&mut self) {
        let open = |world: &Self, feed: &(usize, usize, BTreeSet<u64>)| {
            feed.2.len() < feed.1 && !world.queues[feed.0].is_empty()
        };
        let feeds: Vec<u32> =
            self.feeds.iter().filter(|(_, feed)| open(self, feed)).map(|(number, _)| *number).collect();
        if feeds.is_empty() {
            return;
        }
        let feed = feeds[self.dice(feeds.len())];
        let lane = self.feeds[&feed].0;
        let (ticket, alone) = self.queues[lane].pop_front().unwrap();
        self.deliveries += 1;
        let number = self.deliveries;
        self.feeds.get_mut(&feed).unwrap().2.insert(number);
        self.seen.attached += u32::from(self.running.contains(&ticket));
        self.seen.alone += u32::from(alone);
        self.seen.surplus += u32::from(self.running.len() == self.slots);
        let mut assignment = assignment(&ticket);
        assignment.deliveries = alone.then_some(2);
        self.unsettled.insert(number, (ticket.clone(), lane, alone));
        let delivery = (number, ticket, self.epoch);
        self.happen(Event::Delivered(Offer { lane, feed, assignment, earlier: 0, delivery }));
    }

    fn end(&mut self) {
        let Some(ticket) = self.running.iter().nth(self.seed as usize % self.running.len().max(1)).cloned() else {
            return;
        };
        self.running.remove(&ticket);
        let ending = Ending::Reported(Report::Succeeded { output: ticket.clone().into_bytes() });
        self.happen(Event::Ended { ticket: ticket.as_str().into(), ending });
    }

    fn answer(&mut self, confirmed: bool) {
        if self.letters.is_empty() {
            return;
        }
        let at = self.dice(self.letters.len());
        let (ticket, serial, report) = self.letters.swap_remove(at);
        if confirmed {
            match report {
                Report::Claimed { .. } => {
                    self.seen.claimed += 1;
                    self.claimed.insert(ticket.clone());
                }
                Report::Progress(_) => {}
                _ => drop(self.closed.insert(ticket.clone())),
            }
        }
        self.happen(Event::Answered { ticket: ticket.as_str().into(), serial, confirmed });
    }

    fn cancel(&mut self) {
        if self.tickets == 0 {
            return;
        }
        let ticket = format!("t{}", 1 + self.dice(self.tickets as usize));
        self.closed.insert(ticket.clone());
        self.seen.cancelled += 1;
        self.happen(Event::Cancel(vec![ticket]));
    }

    fn pass(&mut self, millis: u64) {
        self.now.0 += millis;
        self.happen(Event::Tick);
    }

    fn disturb(&mut self) {
        if !self.connected {
            return self.connect();
        }
        if self.dice(3) > 0 {
            return;
        }
        self.seen.lost += 1;
        self.connected = false;
        self.feeds.clear();
        self.letters.clear();
        for (ticket, lane, alone) in std::mem::take(&mut self.unsettled).into_values() {
            self.queues[lane].push_front((ticket, alone));
        }
        self.happen(Event::Lost);
    }

    fn connect(&mut self) {
        self.connected = true;
        self.epoch += 1;
        self.happen(Event::Opened);
    }

    fn happen(&mut self, event: Event<Receipt>) {
        self.session.handle(event, self.now);
        for action in self.session.take_actions(self.now) {
            self.act(action);
        }
        assert!(self.running.len() <= self.slots, "more attempts than slots");
    }

    fn act(&mut self, action: Action<Receipt>) {
        match action {
            Action::Start { ticket, .. } => assert!(self.running.insert(ticket.to_string()), "{ticket} runs twice"),
            Action::Stop(ticket) => assert!(self.running.contains(&*ticket), "{ticket} does not run"),
            Action::Publish { ticket, serial, report, .. } => {
                assert!(self.connected);
                self.letters.push((ticket.to_string(), serial, (*report).clone()));
            }
            Action::Consume { lane, feed, prefetch } => {
                let feed = self.feeds.insert(feed, (lane, prefetch as usize, BTreeSet::new()));
                assert!(self.connected && feed.is_none());
            }
            Action::Cancel { feed, .. } => assert!(self.feeds.remove(&feed).is_some(), "no consumer {feed}"),
            Action::Ack(receipt) => self.settle_one(&receipt),
            Action::Leave => panic!("nobody asked it to leave"),
        }
    }

    fn settle_one(&mut self, (number, ticket, epoch): &Receipt) {
        assert_eq!(*epoch, self.epoch, "{ticket} is settled on a later connection");
        assert!(self.unsettled.remove(number).is_some(), "{ticket} is settled twice");
        for feed in self.feeds.values_mut() {
            feed.2.remove(number);
        }
        assert!(
            self.claimed.contains(ticket) || self.closed.contains(ticket),
            "{ticket} is settled before its report is safe"
        );
    }
}
