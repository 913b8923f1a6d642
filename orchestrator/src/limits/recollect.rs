//! The book of limits made anew from the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use warrener_engine::limit::{Limit, LimitKey, holds};
use warrener_engine::row::TaskRow;
use warrener_engine::virtual_time_of;
use warrener_shared::id::{LimitName, QueueName};

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
    let KeptLimits { definitions, keys, waiting } = store.limits()?;
    let limits = all(register, &definitions);
    let mut shares = Vec::new();
    for row in open.iter().filter(|_| !limits.is_empty()) {
        let Some(job) = store.job(row.job)? else { continue };
        // A job that cannot be read any more must not keep the others waiting.
        let Ok(parsed) = specs.of(&job, store) else { continue };
        let entry = parsed.entry(job);
        let holds = holds(&limits, entry.limited_task(row.position), &specs.limits());
        shares.extend(holds.map(|holds| (row.no, holds)));
    }
    register.book.fill(limits, keys, shares, waiting);
    for name in register.fair.keys() {
        let queue = QueueName::new(name).ok().map(|name| store.known_queue(&name)).transpose()?.flatten();
        let first = queue.map(|queue| store.ready(queue.no, 1)).transpose()?.unwrap_or_default();
        first.first().iter().for_each(|(place, _)| register.book.begin_virtual_time(name, virtual_time_of(*place)));
    }
    Ok(register.book.waited_for())
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
