//! Reason why a task waits for a limit.

use std::sync::Arc;

use warrener_engine::limit::{Full, LimitKey, ONLY_KEY, holds};
use warrener_engine::row::TaskRow;
use warrener_shared::limits::Limits;

use super::{Circumstances, Needs, Problem};

/// Tasks before one in its line that are counted; beyond that it is said that there are more.
const COUNTED: usize = 10_000;

/// Names limit and key, how full it is, and how many go before.
pub(super) fn limited(
    task: &TaskRow,
    line: &Arc<str>,
    needs: &Needs<'_>,
    around: &Circumstances,
) -> Result<String, Problem> {
    let key = LimitKey::written(line);
    if let Some((_, key)) = key.job_in_line() {
        return Ok(behind_another(&key, around));
    }
    let before = needs.snapshot.before_in_line(line, task, COUNTED)?;
    let before = if before < COUNTED { format!("{before}") } else { format!("more than {COUNTED}") };
    let state = around.book.key(&key).unwrap_or_default();
    let limit = around.book.limit(key.limit());
    let shares = holds(&around.book.limits(), needs.job.limited_task(task.position), &Limits::DEFAULT);
    let share = shares.iter().flat_map(|shares| shares.iter()).find(|share| share.key == key);
    let cost = share.map_or(1, |share| share.cost);
    let why = limit.as_ref().and_then(|limit| state.full(limit, cost, around.now));
    let why = match why {
        Some(Full::Running(running, most)) if limit.as_ref().is_some_and(|limit| limit.per_job.is_some()) => {
            format!("{running} of {most} jobs running")
        }
        Some(Full::Running(running, most)) => format!("{running} of {most} running"),
        Some(Full::Rate(at)) => format!("its rate is used up until {at}"),
        Some(Full::Paused(until)) => format!("paused until {until}"),
        None => format!("{} running", state.running),
    };
    Ok(format!("waits for limit {}: {why}, {before} before it", name(&key)))
}

/// Reason of a task whose job has a slot that rests, or of which another task waits for one in front.
fn behind_another(key: &LimitKey, around: &Circumstances) -> String {
    let until = around.book.key(key).and_then(|state| state.paused_until).filter(|until| *until > around.now);
    match until {
        Some(until) => format!("waits for limit {}: paused until {until}", name(key)),
        None => format!("waits for limit {}, behind another task of its job", name(key)),
    }
}

fn name(key: &LimitKey) -> String {
    match key.key() {
        ONLY_KEY => key.limit().to_owned(),
        key_text => format!("{}, key {key_text}", key.limit()),
    }
}
