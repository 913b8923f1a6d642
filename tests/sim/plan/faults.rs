//! Which faults a world has, and how often.

use crate::dice::{Dice, hash};
use crate::disk::CommitFaults;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    WorkerKilled,
    WorkerFrozen,
    WorkerCutOff,
    OrchestratorKilled,
    OrchestratorCutOff,
    BrokerRestarted,
    BrokerWiped,
    QueueLost,
    WallJump,
    ConfirmLost,
    PublishRefused,
    ControlLost,
    CommitRefused,
    CommitReplyLost,
    CrashBeforeCommit,
    CrashAfterCommit,
    Hostile,
    ReportTwice,
    OrchestratorFrozen,
    BrokerFrozen,
    WallFar,
}

/// All faults with the name by which they are left out.
pub(crate) const FAULTS: &[(Fault, &str)] = &[
    (Fault::WorkerKilled, "worker_killed"),
    (Fault::WorkerFrozen, "worker_frozen"),
    (Fault::WorkerCutOff, "worker_cut_off"),
    (Fault::OrchestratorKilled, "orchestrator_killed"),
    (Fault::OrchestratorCutOff, "orchestrator_cut_off"),
    (Fault::BrokerRestarted, "broker_restarted"),
    (Fault::BrokerWiped, "broker_wiped"),
    (Fault::QueueLost, "queue_lost"),
    (Fault::WallJump, "wall_jump"),
    (Fault::ConfirmLost, "confirm_lost"),
    (Fault::PublishRefused, "publish_refused"),
    (Fault::ControlLost, "control_lost"),
    (Fault::CommitRefused, "commit_refused"),
    (Fault::CommitReplyLost, "commit_reply_lost"),
    (Fault::CrashBeforeCommit, "crash_before_commit"),
    (Fault::CrashAfterCommit, "crash_after_commit"),
    (Fault::Hostile, "hostile"),
    (Fault::ReportTwice, "report_twice"),
    (Fault::OrchestratorFrozen, "orchestrator_frozen"),
    (Fault::BrokerFrozen, "broker_frozen"),
    (Fault::WallFar, "wall_far"),
];

/// Those by which somebody falls silent without an end, or is wrong by days. They have dice of their own, so that a
/// world without them stays the same.
const RARE: &[Fault] = &[Fault::OrchestratorFrozen, Fault::BrokerFrozen, Fault::WallFar];

/// Those that strike at a moment, rather than at every hundredth frame or commit.
const STROKES: &[Fault] = &[
    Fault::WorkerKilled,
    Fault::WorkerFrozen,
    Fault::WorkerCutOff,
    Fault::OrchestratorKilled,
    Fault::OrchestratorCutOff,
    Fault::BrokerRestarted,
    Fault::BrokerWiped,
    Fault::QueueLost,
    Fault::WallJump,
    Fault::Hostile,
    Fault::OrchestratorFrozen,
    Fault::BrokerFrozen,
    Fault::WallFar,
];

/// The faults of one world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) on: Vec<Fault>,
    /// Milliseconds between strokes, on average.
    pub(crate) every_ms: u64,
    /// Chance of frames and commits to fail, in a thousand.
    pub(crate) rate: u64,
}

impl Faults {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let chance = *dice.pick(&[0, 10, 10, 25, 50]);
        let others = FAULTS.iter().map(|(fault, _)| *fault).filter(|fault| !RARE.contains(fault));
        let on = others.filter(|_| dice.percent(chance)).collect();
        Self { on, every_ms: *dice.pick(&[800, 3_000, 10_000]), rate: *dice.pick(&[5, 30, 150]) }
    }

    /// Adds rare faults to some worlds.
    pub(super) fn add_rare(&mut self, seed: u64) {
        let mut dice = Dice::new(hash(&[seed, 5]));
        let chance = *dice.pick(&[0, 0, 20, 50]);
        self.on.extend(RARE.iter().filter(|_| dice.percent(chance)));
        if self.has(Fault::WallJump) {
            self.on.retain(|fault| *fault != Fault::WallFar);
        }
    }

    pub(crate) fn leave_out(&mut self, names: &[String]) {
        self.on.retain(|fault| !names.iter().any(|name| name == fault.name()));
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// True if the wall clock may be set.
    pub(crate) fn set_clocks(&self) -> bool {
        self.has(Fault::WallJump) || self.has(Fault::WallFar)
    }

    pub(crate) fn strokes(&self) -> Vec<Fault> {
        self.on.iter().copied().filter(|fault| STROKES.contains(fault)).collect()
    }

    pub(crate) fn of_commits(&self) -> CommitFaults {
        let rate = |fault| if self.has(fault) { self.rate } else { 0 };
        CommitFaults {
            refused: rate(Fault::CommitRefused),
            reply_lost: rate(Fault::CommitReplyLost),
            crash_before: rate(Fault::CrashBeforeCommit),
            crash_after: rate(Fault::CrashAfterCommit),
        }
    }
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        FAULTS.iter().find(|(fault, _)| *fault == self).map_or("?", |(_, name)| name)
    }
}
