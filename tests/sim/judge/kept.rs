//! A success that the broker confirmed in time counts, however late anybody reads it.

use warrener_engine::row::{Stop, TaskRow};
use warrener_orchestrator::store::Rows as _;
use warrener_orchestrator::store::memory::Memory;
use warrener_shared::wire::result::Report;
use warrener_worker::session::Ticket;

use super::{Judge, parts, row_of};

impl Judge {
    /// The orchestrator or the broker had stood still, and goes on.
    pub(crate) const fn resumed(&mut self, now: u64) {
        self.resumed = now;
    }

    /// A worker knows that the broker has its report.
    pub(crate) fn confirmed(&mut self, worker: &str, ticket: &Ticket, memory: &mut Memory, now: u64) {
        let said = self.said.get(ticket).map_or(&[][..], Vec::as_slice);
        // Until it ends an attempt may report that it goes on, which is confirmed too.
        let is_over = !self.running.contains(&(worker.to_owned(), ticket.clone()));
        if !is_over || !matches!(said, [Report::Succeeded { .. }]) {
            return;
        }
        let Some(attempt) = parts(ticket) else { return };
        let row = row_of(memory, attempt.0).filter(|row| row.dispatch_no.is_some());
        let Some(row) = row.filter(|row| row.ticket().to_string() == **ticket) else { return };
        let limit = self.task_of(&row).map(|task| task.timeout_s * 1000);
        let begun = self.begun.get(&attempt).copied();
        if let (Some(limit), Some(begun), false) = (limit, begun, self.is_lossy)
            && now < begun + limit
        {
            self.mark("a success is confirmed in time");
            self.in_time.insert(attempt);
        }
    }

    /// The orchestrator says that the time of an attempt was over.
    pub(super) fn judge_in_time(&mut self, row: &TaskRow, attempt: u32, memory: &mut Memory) {
        let is_stopped = memory.job(row.job).ok().flatten().is_none_or(|job| job.stop != Stop::None);
        let counts = self.in_time.contains(&(row.no, attempt)) && !is_stopped && !self.clock_jumps;
        self.must(!counts, "in_time", || {
            format!("attempt {attempt} of {} timed out, though its success was confirmed in time", row.no.0)
        });
    }
}
