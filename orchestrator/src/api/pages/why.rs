//! Reasons for which an unfinished job does not go on, each told once above its tasks.

use std::collections::BTreeMap;

use maud::{Markup, html};
use warrener_shared::id::JobId;
use warrener_shared::shown;
use warrener_shared::state::JobState;

use super::super::app::App;
use super::super::job::{self, JobResource};
use super::super::problem::Problem;
use super::super::task::{Maker, TaskResource};
use super::visit::Visit;
use super::when;
use crate::store::view::Snapshot;

/// Tasks of which the reasons are read.
const LOOKS: usize = 200;
/// Different reasons that are told.
const REASONS: usize = 3;

/// Tasks that are held up, wherever in the job they stand; none of a job that is final.
pub(super) fn held_up(app: &App, snapshot: &mut Snapshot<'_>, id: &JobId) -> Result<Vec<TaskResource>, Problem> {
    let job = job::entry(app, snapshot, id)?;
    if job.row.state.is_final() {
        return Ok(Vec::new());
    }
    let count = u32::try_from(job.spec.tasks.len()).expect("the parser limits the tasks");
    let rows = snapshot.held_up(job.row.task_no(0), count, LOOKS)?;
    let mut maker = Maker::new(app, *snapshot, &job)?;
    rows.iter().map(|row| maker.task(row, None)).collect()
}

/// Sentences on what an unfinished job waits for.
pub(super) fn told(visit: &Visit, job: &JobResource, held_up: &[TaskResource]) -> Markup {
    let mut reasons: BTreeMap<&str, (u32, String)> = BTreeMap::new();
    for task in held_up {
        if let Some(reason) = &task.reason {
            reasons.entry(reason).or_insert_with(|| (0, task.address())).0 += 1;
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let id = job.id.as_deref().unwrap_or_default();
    let at_least = if held_up.len() == LOOKS { "at least " } else { "" };
    html! {
        @if !job.state.is_final() && !reasons.is_empty() {
            div.notice {
                strong { "Why it waits" }
                ul {
                    @for (reason, (count, first)) in reasons.iter().take(REASONS) {
                        li {
                            a href=(visit.to(&["jobs", id, "tasks", first])) { (first) }
                            @if *count > 1 { " and " (at_least) (count - 1) " more" }
                            ": " (shown::text(reason))
                        }
                    }
                }
            }
        } @else if job.state == JobState::Scheduled {
            div.notice {
                strong { "Why it waits" } " It is scheduled for "
                (when::at(job.scheduled_at.as_deref(), visit.now))
            }
        }
    }
}
