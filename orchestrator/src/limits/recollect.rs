//! The book of limits made anew from the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use warrener_engine::limit::{InLine, KeptClaims, Limit, LimitKey, SlotRow, Waiting, holds};
use warrener_engine::row::TaskRow;
use warrener_engine::slice::Line;
use warrener_engine::virtual_time_of;
use warrener_shared::id::{LimitName, QueueName};
use warrener_shared::time::Timestamp;

use super::{LimitDefinition, LimitRegister};
use crate::rows::Specs;
use crate::store::{KeptLimits, Store, StoreError};

/// Makes the book anew: shares are those that open attempts take of the limits that there are now. Gives the keys for
/// which something waits.
///
/// # Errors
/// [`StoreError`] if the rows cannot be read.
pub(crate) fn recollect(
    store: &mut impl Store,
    specs: &Specs,
    register: &LimitRegister,
    open: &[TaskRow],
) -> Result<Vec<LimitKey>, StoreError> {
    let KeptLimits { definitions, keys, waiting, slots } = store.limits()?;
    let limits = all(register, &definitions);
    let in_line = in_line(store, &limits, &waiting)?;
    let mut slots: BTreeMap<_, _> = slots.into_iter().map(|slot| ((slot.job, slot.key.clone()), slot)).collect();
    let mut shares = Vec::new();
    for row in open.iter().filter(|_| !limits.is_empty()) {
        let Some(job) = store.job(row.job)? else { continue };
        // A job that cannot be read any more must not keep the others waiting.
        let Ok(parsed) = specs.of(&job, store) else { continue };
        let entry = parsed.entry(job);
        let holds = holds(&limits, entry.limited_task(row.position), &specs.limits());
        for hold in holds.iter().flat_map(|holds| &**holds).filter(|hold| hold.limit.per_job.is_some()) {
            // A job with an open attempt holds its slot even if the limit did not count jobs when it went out.
            let slot = || SlotRow {
                job: row.job,
                key: hold.key.clone(),
                since: row.ready_at.unwrap_or(Timestamp(0)),
                is_over: false,
            };
            slots.entry((row.job, hold.key.clone())).or_insert_with(slot);
        }
        shares.extend(holds.map(|holds| (row.no, holds)));
    }
    let claims = KeptClaims { slots: slots.into_values().collect(), in_line };
    register.book.fill(limits, keys, shares, waiting, claims);
    for name in register.fair.keys() {
        let queue = QueueName::new(name).ok().map(|name| store.known_queue(&name)).transpose()?.flatten();
        let first = queue.map(|queue| store.ready(queue.no, 1)).transpose()?.unwrap_or_default();
        first.first().iter().for_each(|(place, _)| register.book.begin_virtual_time(name, virtual_time_of(*place)));
    }
    Ok(register.book.waited_for())
}

/// Tasks in the lines of limits that count jobs, the best of each line first.
fn in_line(store: &mut impl Store, limits: &[Arc<Limit>], waiting: &[Waiting]) -> Result<Vec<InLine>, StoreError> {
    let counts_jobs = |limit: &Limit, key: &LimitKey| limit.per_job.is_some() && limit.name.as_str() == key.limit();
    let mut most: BTreeMap<&LimitKey, u32> = BTreeMap::new();
    for Waiting { key, count, .. } in waiting.iter().filter(|of| limits.iter().any(|limit| counts_jobs(limit, &of.key)))
    {
        let known = most.entry(key).or_default();
        *known = (*count).max(*known);
    }
    let mut found = Vec::new();
    for (key, most) in most {
        let mut rows = store.parked(&Line::Key(key.clone()), most)?;
        rows.sort_by_key(|row| (row.parked, row.no));
        found.extend(rows.into_iter().map(|row| InLine { key: key.clone(), job: row.job, task: row.no }));
    }
    Ok(found)
}

/// Limits of the configuration, and those kept in the database under other names.
fn all(register: &LimitRegister, kept: &[(String, String)]) -> Arc<[Arc<Limit>]> {
    let mut limits: BTreeMap<LimitName, Arc<Limit>> = BTreeMap::new();
    for (name, text) in kept {
        match compile(name, text) {
            Some(limit) => drop(limits.insert(limit.name.clone(), Arc::new(limit))),
            None => tracing::error!(name, "a limit in the database cannot be read, and limits nothing"),
        }
    }
    limits.extend(register.configured.iter().map(|(name, limit)| (name.clone(), limit.clone())));
    limits.into_values().collect()
}

fn compile(name: &str, text: &str) -> Option<Limit> {
    let definition: LimitDefinition = serde_json::from_str(text).ok()?;
    definition.compile(&LimitName::new(name).ok()?).ok()
}
