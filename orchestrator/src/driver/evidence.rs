//! Evidence about a task that kills its workers: which of them died of it, and the end of its log.
//!
//! Deaths are kept as they are noticed, since the attempt ends later. The evidence goes into the task's error and its
//! dead letter once the crash budget is spent.

use std::sync::Arc;

use serde_json::json;
use serde_json::value::to_raw_value;
use warrener_engine::event::Reported;
use warrener_shared::id::Ticket;
use warrener_shared::wire::result::Report;

use super::Driver;
use super::batch::Batch;
use crate::store::{Death, LogChunk, Store, StoreError};

/// Most bytes of the log in the evidence, from its end.
const LOG_BYTES: usize = 2 * 1024;
/// Most deaths in the evidence, the latest. With other workers than ours the broker may count twenty.
const DEATHS: usize = 10;

impl<S: Store> Driver<S> {
    /// Notes the death of the worker before, if a report comes from another one: whoever reports on an attempt holds
    /// its delivery, so the earlier worker has it no more.
    pub(super) fn taken_over(&self, reported: &Reported, batch: &mut Batch) {
        let deliveries = match &reported.report {
            Report::Released { deliveries, .. } => *deliveries,
            _ => None,
        };
        if let Some(worker) = &reported.worker {
            self.taken_from(&reported.ticket, worker, deliveries, batch);
        }
    }

    /// Notes the death of the worker that was last seen at an attempt, if `by` is another one. Nobody is accused of a
    /// claimed attempt, or after an interruption of our own. `deliveries` is the broker's count, if `by` told it.
    pub(super) fn taken_from(&self, ticket: &Ticket, by: &Arc<str>, deliveries: Option<u32>, batch: &mut Batch) {
        let Some(open) = self.held.delivery.get(ticket) else { return };
        let Some(worker) = open.worker.as_ref().filter(|worker| *worker != by) else { return };
        // After an interruption of our own the message may be there twice, and both may be well.
        if !open.interrupted && !open.claimed {
            let (worker, at) = (worker.clone(), batch.now);
            batch.commit.deaths.push(Death { task: ticket.task, attempt: ticket.attempt, worker, deliveries, at });
        }
    }

    /// Loads the evidence of a task into the slice, should the rule find that the crash budget is spent. `deliveries`
    /// is the broker's count; it counts deaths too of which nothing was heard.
    pub(super) fn gather(
        &mut self,
        ticket: &Ticket,
        deliveries: Option<u32>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let mut deaths = self.store.deaths(ticket.task)?;
        deaths.extend(batch.commit.deaths.iter().filter(|death| death.task == ticket.task).cloned());
        let mut chunks = self.store.last_logs(ticket.task, LOG_BYTES)?;
        chunks.extend(batch.commit.logs.iter().filter(|chunk| chunk.task == ticket.task).cloned());
        let latest = &deaths[deaths.len().saturating_sub(DEATHS)..];
        let deaths: Vec<_> = latest
            .iter()
            .map(|death| {
                json!({"worker": &*death.worker, "attempt": death.attempt, "deliveries": death.deliveries,
                    "at": death.at.to_rfc3339()})
            })
            .collect();
        // Who died before anything was heard of it is counted all the same.
        let evidence = json!({"crashes": deliveries, "deaths": deaths, "log": end_of(&chunks)});
        batch.slice.load_evidence(ticket.task, to_raw_value(&evidence).expect("it has text keys only"));
        Ok(())
    }
}

/// The last [`LOG_BYTES`] of a log, from the start of a line if one fits.
fn end_of(chunks: &[LogChunk]) -> String {
    let mut log = String::new();
    let mut attempt = None;
    for chunk in chunks {
        // An attempt that died may have left its line unfinished.
        if attempt.replace(chunk.attempt).is_some_and(|before| before != chunk.attempt) && !log.ends_with('\n') {
            log.push('\n');
        }
        log.push_str(&chunk.text);
    }
    if log.len() <= LOG_BYTES {
        return log;
    }
    let from = (log.len() - LOG_BYTES..).find(|at| log.is_char_boundary(*at)).unwrap_or(log.len());
    let end = &log[from..];
    end.split_once('\n').map_or(end, |(_, lines)| if lines.is_empty() { end } else { lines }).to_owned()
}
