//! `POST /jobs`: taking jobs, and waiting for their end if that is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use warrener_shared::id::{JobId, JobNo};

use super::app::{App, requester, respond, to_json};
use super::documented::HeaderDocument;
use super::dry_run;
use super::http::{BodyBound, Received, receive};
use super::job::shown;
use super::problem::Problem;
use super::wish::Wish;
use crate::driver::{Answer, Asker, Input};
use crate::store::Rows as _;

/// Time between two looks of a waiting request at the database, should a notice be lost.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Header with the id of the job.
pub(super) const IDEMPOTENCY_KEY: &HeaderDocument = &HeaderDocument {
    name: "Idempotency-Key",
    about: "The id of the job, where its document has none: submitting again is safe then.",
    example: "order-4711",
};
/// Header with the trace context.
pub(super) const TRACEPARENT: &HeaderDocument = &HeaderDocument {
    name: "traceparent",
    about: "The W3C trace context, which the tasks are given.",
    example: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

/// Takes a job: judges it in a dry run, else keeps it and perhaps waits for its end.
pub(super) async fn submit(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let wish = Wish::of(&app, &parts)?;
    check_encoding(&parts.headers)?;
    // A place to wait comes before anything is kept: afterwards a refusal would not be true.
    let _waits = wish.wait.is_some().then(|| app.edge.wait()).transpose()?;
    let Received { bytes, room } = receive(&app.edge, &parts.headers, body, bound(&app)).await?;
    if wish.dry_run { dry_run::answer(&app, wish, bytes).await } else { keep(&app, wish, bytes, room).await }
}

/// Most bytes of a job.
pub(super) fn bound(app: &App) -> BodyBound {
    BodyBound::set(app.shared.limits.submit_bytes, "limits.submit_bytes")
}

/// Refuses a body that is encoded, such as compressed.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(()) };
    let text = value.to_str().unwrap_or("unreadable").trim().to_ascii_lowercase();
    if matches!(text.as_str(), "" | "identity" | "utf-8" | "utf8") { Ok(()) } else { Err(Problem::encoding(&text)) }
}

/// Keeps the job, and answers with it. The room of its body is given back once it is kept, not only when the job has
/// ended.
async fn keep(
    app: &Arc<App>,
    wish: Wish,
    body: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
) -> Result<Response, Problem> {
    let (wait, prefix) = (wish.wait, wish.prefix.clone());
    let (id, no, existing) = hand_in(app, wish, body).await?;
    drop(room);
    let ended = match wait {
        Some(wait) => wait_for(app, no, wait).await?,
        None => false,
    };
    let done = ended || (existing && wait.is_none());
    kept(app, &prefix, id, if done { StatusCode::OK } else { StatusCode::ACCEPTED }).await
}

/// Has a job kept. Gives its id and number, and whether it was there already.
pub(super) async fn hand_in(app: &Arc<App>, wish: Wish, body: Vec<u8>) -> Result<(JobId, JobNo, bool), Problem> {
    let by = Arc::new(requester(&wish.caller));
    let mut submission = app.parse(move |app| wish.read(app, &body)).await?;
    let answer = app.ask(|tell| {
        submission.asker = Asker { answer: Some(tell), by: Some(by) };
        Input::Submit(submission)
    });
    match answer.await? {
        Answer::Kept { id, no, existing } => Ok((id, no, existing)),
        Answer::Refused(problems) => {
            metrics::counter!("warrener_jobs_rejected_total").increment(1);
            Err(Problem::refused(problems))
        }
        other => Err(Problem::internal(format_args!("a submit was answered with {other:?}"))),
    }
}

/// Answers with a job that is kept, and its path.
async fn kept(app: &Arc<App>, prefix: &str, id: JobId, status: StatusCode) -> Result<Response, Problem> {
    let place = HeaderValue::from_str(&format!("{prefix}/api/v1/jobs/{id}")).expect("an id is plain text");
    let body = app.read(move |app, snapshot| Ok(to_json(&shown(app, snapshot, &id)?))).await?;
    let mut response = respond(status, body);
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// Waits for the end of a job, at most `wait`. False if the time ran out, or the process is to stop.
async fn wait_for(app: &Arc<App>, job: JobNo, wait: Duration) -> Result<bool, Problem> {
    let until = Instant::now() + wait;
    loop {
        let mut end = app.shared.notices.end_of(job);
        let ended = app.read(move |_, snapshot| Ok(snapshot.job(job)?.is_none_or(|row| row.state.is_final()))).await?;
        if ended || Instant::now() >= until {
            return Ok(ended);
        }
        let look = until.min(Instant::now() + LOOK_EVERY);
        tokio::select! {
            () = end.told() => {}
            () = tokio::time::sleep_until(look) => {}
            () = app.stop.cancelled() => return Ok(false),
        }
    }
}
