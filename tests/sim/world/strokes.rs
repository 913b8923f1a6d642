//! The faults that strike at a moment.

use warrener_shared::wire::Message;
use warrener_shared::wire::topology::{KEY_RESULTS, KEY_SUBMIT};

use super::{Happening, World};
use crate::dice::hash;
use crate::plan::{Fault, QUEUES, queue_name};

impl World {
    pub(super) fn struck(&mut self, fault: Fault) {
        self.trace.struck(fault);
        self.disk.open().judge.struck(fault);
    }

    fn lost_with_queue(&mut self, tickets: &[String]) {
        let mut platter = self.disk.open();
        let platter = &mut *platter;
        platter.judge.lost_with_queue(tickets, &mut platter.memory, self.now);
    }

    pub(super) fn mark(&self, rule: &str) {
        self.disk.open().judge.mark(rule);
    }

    pub(super) fn stroke(&mut self) {
        let strokes = self.plan.faults.strokes();
        if self.calm || strokes.is_empty() {
            return;
        }
        let every = self.plan.faults.every_ms;
        let next = self.dice.between(every / 4, every * 2);
        self.at(next, Happening::Stroke);
        let fault = *self.dice.pick(&strokes);
        let worker = self.dice.index(self.workers.len());
        self.struck(fault);
        match fault {
            Fault::WorkerKilled => self.worker_ends(worker, "is killed"),
            Fault::WorkerFrozen => self.freeze(worker),
            Fault::WorkerCutOff => {
                if let Some(conn) = self.workers[worker].conn() {
                    self.broker_drops(conn);
                }
            }
            Fault::OrchestratorKilled => self.orchestrator_dies(),
            Fault::OrchestratorCutOff => {
                if let Some(conn) = self.orchestrator_conn() {
                    self.broker_drops(conn);
                }
            }
            Fault::BrokerRestarted => self.broker_goes(false),
            Fault::BrokerWiped => self.broker_goes(true),
            Fault::QueueLost => {
                let queue = queue_name(self.dice.index(QUEUES)).parse().expect("a valid name");
                let name = self.names.task_queue(&queue);
                self.lose_queue(&name);
            }
            Fault::WallJump => {
                let by = *self.dice.pick(&[-3_600_000, -20_000, -2_000, 2_000, 20_000, 3_600_000]);
                // A job that is to start later waits for the wall clock, and nobody waits for days.
                let by = if (self.wall_off + by).abs() > WALL_OFF_MAX { -by } else { by };
                self.set_wall(by);
                self.wall_off += by;
            }
            Fault::WallFar if !self.calm && !self.is_far => {
                self.is_far = true;
                let by = *self.dice.pick(&[-8, 8, 3_650]) * DAY_MS;
                self.set_wall(by);
                self.at(WALL_FAR_MS, Happening::WallReturns(-by));
            }
            Fault::Hostile => self.hostile(),
            Fault::OrchestratorFrozen => self.freeze_orchestrator(),
            Fault::BrokerFrozen => self.freeze_broker(),
            _ => {}
        }
    }

    /// The broker deletes a queue; its consumers' connections hear of it.
    fn lose_queue(&mut self, name: &str) {
        for conn in self.broker.consumers_of(name) {
            self.broker_drops(conn);
        }
        let lost = self.broker.delete_queue(name);
        self.lost_with_queue(&lost);
    }

    fn broker_goes(&mut self, wiped: bool) {
        if wiped {
            let lost = self.broker.wipe();
            self.lost_with_queue(&lost);
            self.client.wiped();
        } else {
            self.broker.restart(hash(&[self.plan.seed, self.now]).is_multiple_of(2));
        }
        for conn in self.net.conns() {
            self.broker_drops(conn);
        }
        self.net.broker_down = true;
        let delay = self.dice.between(10, 3_000);
        self.at(delay, Happening::BrokerReturns);
    }

    pub(super) fn broker_returns(&mut self) {
        self.net.broker_down = false;
    }

    /// The wall clock is set by so many milliseconds.
    pub(super) fn set_wall(&mut self, by: i64) {
        self.trace.say(|| format!("the wall clock jumps by {by} ms"));
        let is_seen = self.orchestrator.is_running();
        if is_seen || by < 0 {
            self.mark(if is_seen {
                "a clock was set while the orchestrator ran"
            } else {
                "a clock was set back while no orchestrator ran"
            });
        }
        self.hand.jump(by);
    }

    /// The broker's machine stands still: frames wait, connections stay. Shorter than whoever waits for a confirm does.
    fn freeze_broker(&mut self) {
        if self.net.broker_frozen || self.net.broker_down {
            return;
        }
        let delay = self.dice.between(2_000, 28_000);
        self.trace.say(|| format!("the broker stands still for {delay} ms"));
        self.net.broker_frozen = true;
        self.at(delay, Happening::BrokerThaws);
    }

    pub(super) fn broker_thaws(&mut self) {
        self.trace.say(|| "the broker goes on".to_owned());
        self.mark("the broker stood still");
        self.net.broker_frozen = false;
        for conn in self.net.conns() {
            let (up, down) = self.net.waiting(conn);
            (0..up).for_each(|_| self.at(0, Happening::AtBroker(conn)));
            (0..down).for_each(|_| self.at(0, Happening::AtClient(conn)));
        }
        self.disk.open().judge.resumed(self.now);
    }

    /// Somebody sends what nobody should.
    fn hostile(&mut self) {
        let task = self.dice.between(1, 12);
        let token = self.dice.next();
        let (exchange, key, message) = match self.dice.below(6) {
            0 => (self.names.submit(), KEY_SUBMIT.to_owned(), Message::json("job", b"{\"tasks\": 7".to_vec())),
            1 => (self.names.results(), KEY_RESULTS.to_owned(), Message::json("task.succeeded", b"1".to_vec())),
            2 => {
                let mut message = Message::json("task.succeeded", b"666".to_vec());
                message.correlation_id = Some(format!("{task}.1.{token:032x}"));
                (self.names.results(), KEY_RESULTS.to_owned(), message)
            }
            3 => {
                let mut message = Message::json("task.failed", b"nonsense".to_vec());
                message.correlation_id = Some("nobody".to_owned());
                (self.names.results(), KEY_RESULTS.to_owned(), message)
            }
            4 => (self.names.tasks(), queue_name(0), Message::json("work", b"{}".to_vec())),
            _ => (self.names.results(), "nowhere".to_owned(), Message::json("task.succeeded", b"1".to_vec())),
        };
        self.trace.say(|| format!("somebody publishes {:?} to {exchange}", message.kind));
        self.broker.publish(&exchange, &key, message);
        self.deliver();
    }
}

/// A day.
const DAY_MS: i64 = 86_400_000;
/// For how long the wall clock is far off.
const WALL_FAR_MS: u64 = 20_000;
/// How far the wall clock may be off for longer; less than the patience of a world.
const WALL_OFF_MAX: i64 = 2 * 3_600_000;
