//! Columns of the list of jobs: which are shown, as the query of the page says.

use maud::{Markup, html};
use serde_json::json;
use warrener_shared::shown;

use super::super::job::JobResource;
use super::super::parameter::QueryParameter;
use super::super::problem::Problem;
use super::badge;
use super::visit::Visit;
use super::when;

/// Name of the parameter.
pub(super) const COLUMNS: &str = "columns";
/// Parameter: columns of the list of jobs.
pub(super) const PARAMETER: &QueryParameter = &QueryParameter {
    name: COLUMNS,
    about: "Columns beside state and job, separated by commas; `none` is none of them.",
    schema: || json!({ "type": "string" }),
    example: || json!("tasks,created,error"),
};

/// A column of the list of jobs, beside the state and the job itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobColumn {
    Tasks,
    Labels,
    Created,
    Started,
    Finished,
    Ran,
    Deadline,
    Parent,
    Error,
}

/// All columns in their order, each with its word and heading.
const ALL: [(JobColumn, &str, &str); 9] = [
    (JobColumn::Tasks, "tasks", "Tasks"),
    (JobColumn::Labels, "labels", "Labels"),
    (JobColumn::Created, "created", "Created"),
    (JobColumn::Started, "started", "Started"),
    (JobColumn::Finished, "finished", "Finished"),
    (JobColumn::Ran, "ran", "Ran"),
    (JobColumn::Deadline, "deadline", "Deadline"),
    (JobColumn::Parent, "parent", "Parent"),
    (JobColumn::Error, "error", "Error"),
];

/// Columns that are shown unless somebody chooses.
pub(super) const USUAL: &[JobColumn] = &[JobColumn::Tasks, JobColumn::Labels, JobColumn::Created, JobColumn::Ran];

/// Columns that the query of a page asks for. `none` is none of them.
///
/// # Errors
/// The word that is no column.
pub(super) fn chosen(visit: &Visit) -> Result<Vec<JobColumn>, Problem> {
    let written = match visit.get(COLUMNS) {
        None | Some("") => return Ok(USUAL.to_vec()),
        Some("none") => return Ok(Vec::new()),
        Some(written) => written,
    };
    let words: Vec<&str> = written.split(',').collect();
    if let Some(unknown) = words.iter().find(|word| !ALL.iter().any(|(_, known, _)| known == *word)) {
        let known = ALL.map(|(_, word, _)| word).join(", ");
        return Err(Problem::parameter(COLUMNS, format_args!("{unknown:?} is no column; there are {known}")));
    }
    Ok(ALL.iter().filter(|(_, word, _)| words.contains(word)).map(|(column, ..)| *column).collect())
}

/// Links that show or hide a column each. The URL is the state.
pub(super) fn choice(visit: &Visit, shown: &[JobColumn]) -> Markup {
    let toggled = |column: JobColumn| {
        let words = ALL.iter().filter(|(one, ..)| shown.contains(one) != (*one == column)).map(|(_, word, _)| *word);
        let words = words.collect::<Vec<_>>().join(",");
        if words.is_empty() { "none".to_owned() } else { words }
    };
    html! {
        details.columns open[visit.get(COLUMNS).is_some()] {
            summary { "Columns" }
            ul.chips aria-label="Columns" {
                @for (column, _, heading) in ALL {
                    @let is_shown = shown.contains(&column);
                    li {
                        a href=(visit.with(&[(COLUMNS, &toggled(column))])) aria-current=[is_shown.then_some("true")] {
                            (heading)
                        }
                    }
                }
            }
        }
    }
}

/// Heading of a column.
pub(super) fn heading(column: JobColumn) -> &'static str {
    ALL.iter().find(|(one, ..)| *one == column).map_or("", |(_, _, heading)| heading)
}

/// Cell of a job in a column.
pub(super) fn cell(visit: &Visit, job: &JobResource, column: JobColumn) -> Markup {
    let time = |time: &Option<String>| when::ago(time.as_deref(), visit.now);
    let inner = match column {
        JobColumn::Tasks => badge::bar(job.tasks.0),
        JobColumn::Labels => badge::labels(visit, job.labels.as_deref().map_or("", |labels| labels.get())),
        JobColumn::Created => time(&job.created_at),
        JobColumn::Started => time(&job.started_at),
        JobColumn::Finished => time(&job.finished_at),
        JobColumn::Deadline => time(&job.deadline_at),
        JobColumn::Ran => {
            let ran = when::between(job.started_at.as_deref(), job.finished_at.as_deref(), visit.now);
            html! { (ran.as_deref().unwrap_or("–")) }
        }
        JobColumn::Parent => match &job.parent {
            Some(parent) => html! { a href=(visit.to(&["jobs", &parent.job])) { (shown::line(&parent.job)) } },
            None => html! { "–" },
        },
        JobColumn::Error => error(job),
    };
    html! { td data-label=(heading(column)) { (inner) } }
}

/// Code and message of the error of a job.
fn error(job: &JobResource) -> Markup {
    let Some(error) = &job.error else { return html! { "–" } };
    let text = |name: &str| -> Option<String> {
        let found: serde_json::Value = serde_json::from_str(error.get()).ok()?;
        Some(found.get(name)?.as_str()?.to_owned())
    };
    html! {
        code { (shown::line(text("code").as_deref().unwrap_or_default())) } " "
        (shown::line(text("message").as_deref().unwrap_or_default()))
    }
}
