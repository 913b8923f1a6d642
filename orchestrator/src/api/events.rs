//! What happened to a job, in order. The cursor is the sequence number of the last event seen.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::app::App;
use super::job::row;
use super::path::JobPath;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::List;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let after = parameters.cursor(|text| text.parse().ok())?.unwrap_or(0);
    app.answer(move |_, snapshot| {
        let job = row(snapshot, &id)?;
        let page = snapshot.job_events(job.no, after, limit)?;
        let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.sequence.to_string());
        Ok(List { items: page.items, next_cursor })
    })
    .await
}
