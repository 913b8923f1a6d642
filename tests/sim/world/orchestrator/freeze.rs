//! An orchestrator that is stopped in its tracks, as by a machine that swaps or is moved.

use super::super::{Happening, World};

impl World {
    /// Its loop stands still and nothing is read; its session stays.
    pub(in super::super) fn freeze_orchestrator(&mut self) {
        let delay = self.dice.between(5_000, 40_000);
        let process = self.orchestrator.process;
        let Some(running) = self.running(process) else { return };
        running.frozen = true;
        let conn = running.link.as_ref().map(|link| link.conn);
        self.trace.say(|| format!("orchestrator stands still for {delay} ms"));
        if let Some(conn) = conn {
            self.net.freeze(conn);
        }
        self.at(delay, Happening::OrchestratorThaws(process));
    }

    pub(in super::super) fn orchestrator_thaws(&mut self, process: u32) {
        if self.orchestrator.process != process {
            return;
        }
        let now = self.now;
        let Some(running) = self.orchestrator.running.as_mut() else { return };
        running.frozen = false;
        running.turn_is_due = true;
        running.wake_at = now + 2;
        let conn = running.link.as_ref().map(|link| link.conn);
        self.trace.say(|| "orchestrator goes on".to_owned());
        self.mark("the orchestrator stood still");
        self.disk.open().judge.resumed(now);
        if let Some(conn) = conn {
            self.thaw(conn);
        }
        self.at(1, Happening::Turn(process));
        self.at(2, Happening::TimedTurn(process));
    }
}
