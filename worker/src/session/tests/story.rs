//! Runs a story written as text.

use std::collections::HashMap;

use warrener_shared::error::ErrorObject;
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

use super::super::*;

/// Runs the lines `event | actions` against a session with the given set-up: `slots N, queues a b`.
#[track_caller]
pub(super) fn check(setup: &str, story: &str) {
    let mut teller = Teller::new(setup);
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (event, expected) = line.split_once('|').expect("event | actions");
        let answered = teller.tell(event.trim());
        assert_eq!(answered, expected.trim(), "after: {event}\nin: {story}");
    }
}

pub(super) struct Teller {
    session: Session<u32>,
    queues: Vec<String>,
    now: Millis,
    deliveries: u32,
    /// The latest serial of each ticket.
    serials: HashMap<String, u64>,
}

impl Teller {
    pub(super) fn new(setup: &str) -> Self {
        let part = |name: &str| setup.split(", ").find_map(|part| part.strip_prefix(name));
        let queues: Vec<String> = part("queues ").unwrap_or("a").split(' ').map(str::to_owned).collect();
        let slots = part("slots ").unwrap().parse().unwrap();
        let session = Session::new(rules(slots, queues.len()));
        Self { session, queues, now: Millis(0), deliveries: 0, serials: HashMap::new() }
    }

    pub(super) fn tickets(&self) -> Vec<String> {
        self.session.tickets()
    }

    pub(super) fn tell(&mut self, event: &str) -> String {
        let event = self.event(event);
        self.session.handle(event, self.now);
        let actions = self.session.take_actions(self.now);
        // What the session does with several tickets at once has no order of its own.
        let mut shown: Vec<String> = actions.into_iter().map(|action| self.show(action)).collect();
        sort_runs(&mut shown);
        shown.join("; ")
    }

    fn event(&mut self, text: &str) -> Event<u32> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["open"] => Event::Opened,
            ["lost"] => Event::Lost,
            ["drain"] => Event::Drain,
            ["graceover"] => Event::GraceOver,
            ["tick"] => Event::Tick,
            ["silence", place] => {
                let (queue, feed) = place.split_once('#').unwrap();
                let lane = self.queues.iter().position(|known| known == queue).unwrap();
                Event::Silenced { lane, feed: feed.parse().unwrap() }
            }
            ["at", time] => {
                self.now = Millis::from_secs(time.trim_end_matches('s').parse().unwrap());
                Event::Tick
            }
            ["deliver", ticket, ref rest @ ..] => Event::Delivered(self.offer(ticket, rest)),
            ["end", ticket, how] => Event::Ended { ticket: ticket.into(), ending: ending(how) },
            ["cancel", ref tickets @ ..] => Event::Cancel(tickets.iter().map(|t| (*t).to_owned()).collect()),
            ["confirm", ticket] => self.answer(ticket, true),
            ["confirm", ticket, serial] => {
                Event::Answered { ticket: ticket.into(), serial: serial.parse().unwrap(), confirmed: true }
            }
            ["refuse", ticket] => self.answer(ticket, false),
            _ => panic!("no such event: {text}"),
        }
    }

    fn answer(&self, ticket: &str, confirmed: bool) -> Event<u32> {
        Event::Answered { ticket: ticket.into(), serial: self.serials[ticket], confirmed }
    }

    /// `[queue#feed] [earlier N] [alone N] [kind K] [to Q]`
    fn offer(&mut self, ticket: &str, words: &[&str]) -> Offer<u32> {
        self.deliveries += 1;
        let after = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        let number = |name: &str| after(name).map(|word| word.parse::<u32>().unwrap());
        let place = words.iter().find_map(|word| word.split_once('#')).unwrap_or(("a", "1"));
        let mut assignment = assignment(ticket);
        assignment.deliveries = number("alone");
        assignment.kind = after("kind").unwrap_or("work").to_owned();
        assignment.reply_to = after("to").unwrap_or("results").to_owned();
        Offer {
            lane: self.queues.iter().position(|queue| queue == place.0).unwrap(),
            feed: place.1.parse().unwrap(),
            assignment,
            earlier: number("earlier").unwrap_or(0),
            delivery: self.deliveries,
        }
    }

    fn show(&mut self, action: Action<u32>) -> String {
        match action {
            Action::Start { ticket, delivery: 1, .. } => format!("start {ticket}"),
            Action::Start { ticket, delivery, .. } => format!("start {ticket}/{delivery}"),
            Action::Stop(ticket) => format!("stop {ticket}"),
            Action::Publish { ticket, serial, to, report } => {
                self.serials.insert(ticket.to_string(), serial);
                let to = match to {
                    Destination::Queue(queue) => format!(" to {queue}"),
                    Destination::Results { .. } => String::new(),
                };
                format!("send {ticket} {}{to}", show_report(&report))
            }
            Action::Consume { lane, feed, prefetch } => format!("consume {}#{feed} {prefetch}", self.queues[lane]),
            Action::Cancel { lane, feed } => format!("cancel {}#{feed}", self.queues[lane]),
            Action::Ack(delivery) => format!("ack d{delivery}"),
            Action::Leave => "leave".to_owned(),
        }
    }
}

/// Sorts neighbours that begin with the same word.
fn sort_runs(shown: &mut [String]) {
    let word = |text: &String| text.split(' ').next().unwrap().to_owned();
    for run in shown.chunk_by_mut(|a, b| word(a) == word(b) && word(a) != "consume") {
        run.sort();
    }
}

fn show_report(report: &Report) -> String {
    match report {
        Report::Succeeded { .. } => "succeeded".to_owned(),
        Report::Failed { .. } => "failed".to_owned(),
        Report::Released { code, deliveries, .. } => {
            let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
            format!("released{code}{}", deliveries.map(|n| format!(" {n}")).unwrap_or_default())
        }
        Report::Claimed { .. } => "claimed".to_owned(),
        Report::Progress(_) => "progress".to_owned(),
    }
}

fn ending(how: &str) -> Ending {
    match how {
        "ok" => Ending::Reported(Report::Succeeded { output: b"1".to_vec() }),
        "failed" => {
            Ending::Reported(Report::Failed { error: ErrorObject::new("error", "no"), retry: Default::default() })
        }
        "interrupted" => Ending::Interrupted,
        "noroom" => Ending::NoRoom { why: "no memory".to_owned() },
        _ => panic!("no such ending: {how}"),
    }
}

pub(super) fn rules(slots: usize, lanes: usize) -> Rules {
    Rules {
        slots,
        lanes,
        kinds: ["work".to_owned()].into(),
        claim_after: Millis::from_secs(60),
        lease: Millis::from_secs(60),
        results: "results".to_owned(),
    }
}

pub(super) fn assignment(ticket: &str) -> Assignment {
    Assignment {
        ticket: ticket.to_owned(),
        reply_to: "results".to_owned(),
        kind: "work".to_owned(),
        job: "j".to_owned(),
        task: "task".to_owned(),
        attempt: 1,
        max_attempts: 5,
        timeout: None,
        heartbeat: None,
        deliveries: None,
        max_reports: 1,
        traceparent: None,
        input: b"null".to_vec(),
    }
}
