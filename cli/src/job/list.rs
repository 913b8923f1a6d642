//! `warrener job list`.

use clap::Args as ClapArgs;
use warrener_client::http::JobQuery;
use warrener_client::http::resource::{JobDetails, Parent};
use warrener_shared::time::Timestamp;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::output::{Cell, Table, age, between};
use crate::progress::counts;

#[derive(Debug, ClapArgs)]
pub(crate) struct JobListArgs {
    /// Filter, such as 'state:failed kind:ml.* created:>1h'
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Jobs on one page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Cursor of the page before, as it was printed
    #[arg(long, conflicts_with = "all")]
    pub(crate) cursor: Option<String>,
    /// All pages
    #[arg(long)]
    pub(crate) all: bool,
}

pub(super) async fn list(context: &Context, args: JobListArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let limit = if args.all { MOST } else { args.limit };
    let mut query = JobQuery { filter: args.filter, cursor: args.cursor, limit: Some(limit) };
    let (mut jobs, mut pages) = (Vec::new(), Vec::new());
    loop {
        let answer = http.jobs(&query).await?;
        jobs.extend(answer.value.items);
        pages.push(answer.text);
        query.cursor = answer.value.next_cursor;
        if query.cursor.is_none() || !args.all {
            break;
        }
    }
    if let Some(cursor) = &query.cursor {
        context.suggest(&format!("there are more: --cursor {cursor}, or --all"));
    }
    let wide = context.globals.output == OutputFormat::Wide;
    context.print(&pages, &jobs, |job| job.id.clone(), || table(&jobs, wide, context.now()))
}

fn table(jobs: &[JobDetails], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["ID", "STATE", "NAME", "TASKS", "AGE", "TOOK"];
    let has_sub_jobs = jobs.iter().any(|job| job.parent.is_some());
    headers.extend(has_sub_jobs.then_some("PARENT"));
    headers.extend_from_slice(if wide { &["LABELS", "ERROR"] } else { &[] });
    let mut table = Table::new(&headers);
    for job in jobs {
        let (done, total) = counts(job);
        let took = between(job.started_at.as_deref(), job.finished_at.as_deref(), now);
        let mut cells = vec![
            job.id.as_str().into(),
            Cell::state(shown_state(job)),
            job.name.as_deref().or(job.kind.as_deref()).unwrap_or_default().into(),
            format!("{done}/{total}").into(),
            age(job.created_at.as_deref(), now).into(),
            took.into(),
        ];
        if has_sub_jobs {
            cells.push(job.parent.as_ref().map(Parent::address).unwrap_or_default().into());
        }
        if wide {
            let labels: Vec<String> = job.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            cells.push(labels.join(",").into());
            cells.push(job.error.as_ref().map(|error| error.code.to_string()).unwrap_or_default().into());
        }
        table.row(cells);
    }
    table
}

/// The state, or the flag that says more about it.
pub(super) fn shown_state(job: &JobDetails) -> &'static str {
    match (job.state.is_final(), job.cancelling, job.paused) {
        (false, true, _) => "cancelling",
        (false, false, true) => "paused",
        _ => job.state.as_str(),
    }
}

/// The longest page that the API gives.
const MOST: u32 = 1000;
