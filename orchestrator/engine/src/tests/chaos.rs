//! A world in which anything may happen at any time, the same for the same seed.

use std::borrow::Cow;

use warrener_shared::error::ErrorObject;
use warrener_shared::id::{JobNo, Ticket, Token};
use warrener_shared::time::Millis;
use warrener_shared::wire::result::{Progress, Report, RetryAdvice};

use super::generate;
use super::random::Random;
use super::world::World;
use crate::Event;
use crate::event::{DeathReason, Reported, Started};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Chaos {
    pub(super) world: World,
    pub(super) random: Random,
    /// What was submitted, for whoever looks for the cause.
    pub(super) job: String,
}

impl Chaos {
    /// A world with one job that was just submitted.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let job = generate::job(&mut random);
        let mut world = World::new();
        world.room = *random.pick(&[1, 2, 1000]);
        let submitted = world.accept(job.as_bytes());
        world.batch(&[submitted]);
        Self { world, random, job }
    }

    /// One thing that comes from outside: a report that may be new, late or forged, or what a person asks for.
    pub(super) fn event(&mut self) -> Event {
        let job = *self.world.jobs.keys().next().unwrap();
        match self.random.below(100) {
            0..4 => Event::CancelRequested(job),
            4..9 => Event::PauseRequested(job, self.random.percent(50)),
            9..11 => Event::RetryRequested(job),
            _ => match self.ticket() {
                Some(ticket) => self.about(ticket),
                None => Event::PauseRequested(job, false),
            },
        }
    }

    /// Mostly of an open attempt.
    fn ticket(&mut self) -> Option<Ticket> {
        let open = self.world.open();
        let known: Vec<Ticket> = self.world.tickets.values().copied().collect();
        let ticket = match self.random.below(10) {
            0 if !known.is_empty() => *self.random.pick(&known),
            _ if !open.is_empty() => *self.random.pick(&open),
            _ => return None,
        };
        let forged = self.random.percent(3);
        Some(if forged { Ticket { token: Token(ticket.token.0 ^ 7), ..ticket } } else { ticket })
    }

    fn about(&mut self, ticket: Ticket) -> Event {
        let worker = self.random.percent(50).then(|| "w1".into());
        let report = match self.random.below(20) {
            0 => return Event::Silent(ticket),
            1 => return Event::DeadLettered(ticket, *self.random.pick(&DEATHS)),
            2 | 3 => return Event::Started(Started { ticket, worker }),
            4 => Report::Claimed { lease: Millis::from_secs(60) },
            5 => Report::Progress(Progress::default()),
            6 => Report::Released { code: None, deliveries: None, pause: None },
            7 => Report::Released { code: Some("unknown_kind".to_owned()), deliveries: None, pause: None },
            8 => Report::Released { code: Some("suspect".to_owned()), deliveries: Some(2), pause: None },
            9..13 => self.failure(),
            _ => {
                Report::Succeeded { output: self.random.pick(&["1", "[]", "[1,2]", r#"{"x":[]}"#]).as_bytes().to_vec() }
            }
        };
        Event::Reported(Reported { ticket, report, worker, interrupted: false, cost: None })
    }

    fn failure(&mut self) -> Report {
        let code = *self.random.pick(&["oom", "timed_out"]);
        let error = ErrorObject { code: Cow::Borrowed(code), ..ErrorObject::new("x", "it broke") };
        let advice = [RetryAdvice::Policy, RetryAdvice::Never, RetryAdvice::After(Millis(500))];
        Report::Failed { error, retry: *self.random.pick(&advice) }
    }

    /// Time passes, room changes, or a few things happen in one batch.
    pub(super) fn step(&mut self) {
        match self.random.below(10) {
            0 => {
                self.world.room = *self.random.pick(&[0, 1, 2, 1000]);
                self.world.batch(&[]);
            }
            1 | 2 => {
                self.world.wait();
            }
            _ => {
                let events: Vec<Event> = (0..=self.random.below(3)).map(|_| self.event()).collect();
                self.world.batch(&events);
            }
        }
    }

    /// From now on workers work and nobody interferes: the job must come to its end.
    pub(super) fn finish(&mut self) {
        let job = *self.world.jobs.keys().next().unwrap();
        self.world.room = 1000;
        self.world.batch(&[Event::PauseRequested(job, false)]);
        for _ in 0..STEPS_TO_THE_END {
            if self.world.jobs[&job].state.is_final() {
                return;
            }
            match self.world.open().first() {
                Some(ticket) => {
                    let report = Report::Succeeded { output: b"[1]".to_vec() };
                    self.world.batch(&[Event::Reported(Reported {
                        ticket: *ticket,
                        report,
                        worker: None,
                        interrupted: false,
                        cost: None,
                    })]);
                }
                None => {
                    self.world
                        .wait()
                        .unwrap_or_else(|| panic!("nothing is open, nothing is due:\n{}", self.world.glance()));
                }
            }
        }
        panic!("the job does not end:\n{}", self.world.glance());
    }

    /// Handles what is due now, until nothing is.
    pub(super) fn settle(&mut self) {
        while self.world.next_due().is_some_and(|due| due <= self.world.now) {
            self.world.batch(&[]);
        }
    }

    /// The one job.
    pub(super) fn job_no(&self) -> JobNo {
        *self.world.jobs.keys().next().unwrap()
    }
}

/// Seven tasks of at most five items, each with a few attempts.
const STEPS_TO_THE_END: usize = 500;

const DEATHS: [DeathReason; 4] =
    [DeathReason::Rejected, DeathReason::DeliveryLimit, DeathReason::Expired, DeathReason::Unknown];
