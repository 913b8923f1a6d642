//! Wishes of a client beside the job that it submits, from the query and from headers.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use warrener_shared::job::{BuiltIn, JobSpec, SubmitContext, parse, parse_duration};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::app::App;
use super::asked_by::AskedBy;
use super::http::Arrival;
use super::problem::Problem;
use super::query::Parameters;
use crate::access::Caller;
use crate::broker::submission;
use crate::driver::Submission;
use crate::filter::fits::{Candidate, Tasks};
use crate::store::view::filter::Filter;

/// Longest `wait`. Whoever wants to wait longer asks again.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Wishes of a client beside the job, and who the client is.
pub(super) struct Wish {
    /// True if the client only wants the verdict, and nothing is to be kept.
    pub(super) dry_run: bool,
    /// Time for which the client waits for the end of the job; `None` if it does not.
    pub(super) wait: Option<Duration>,
    /// Part that a proxy took away from the front of the path, without a slash at its end.
    pub(super) prefix: String,
    /// Caller that submits.
    pub(super) caller: Arc<Caller>,
    /// Id of the job from the header `Idempotency-Key`.
    key: Option<String>,
    /// W3C trace context of the request.
    traceparent: Option<Arc<str>>,
}

impl Wish {
    /// Reads the wishes from the head of a request that came through the gate.
    pub(super) fn of(app: &App, parts: &Parts) -> Result<Self, Problem> {
        let parameters = parts.extensions.get::<Parameters>().expect("the gate has read them");
        Ok(Self {
            dry_run: parameters.flag("dry_run")?,
            wait: wait(parameters)?,
            caller: AskedBy::of(parts).0,
            prefix: prefix(app, parts),
            key: idempotency_key(&parts.headers)?,
            traceparent: traceparent(&parts.headers),
        })
    }

    /// Parses the job of a body, and checks that its submitter may submit it.
    pub(super) fn read(&self, app: &App, body: &[u8]) -> Result<Box<Submission>, Problem> {
        let context = SubmitContext { message_id: self.key.as_deref(), ..SubmitContext::default() };
        let spec = parse(body, &context, &app.shared.limits).map_err(|problems| {
            metrics::counter!("warrener_jobs_rejected_total").increment(1);
            Problem::refused(problems)
        })?;
        if let Some(only) = &self.caller.only {
            check(&spec, only, app.shared.now()).map_err(|why| {
                Problem::not_allowed(format!("{} is for some jobs only (`only`): {why}", self.caller.who))
            })?;
        }
        Ok(submission(spec, body, None, self.traceparent.clone()))
    }
}

/// Part that a trusted proxy took away from the path.
pub(super) fn prefix(app: &App, parts: &Parts) -> String {
    let peer = parts.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip());
    let prefix = app.access.proxies.forwarded(peer, &parts.headers).prefix.unwrap_or_default();
    prefix.trim_end_matches('/').to_owned()
}

/// Checks that a job is one of those that exist for its submitter.
///
/// # Errors
/// The reason, in words for the submitter.
fn check(spec: &JobSpec, only: &Filter, now: Timestamp) -> Result<(), String> {
    let state = if spec.start.later_than(now).is_some() { JobState::Scheduled } else { JobState::Running };
    let job = Candidate { id: spec.id.as_ref(), spec, is_sub_job: false, state, created_at: now };
    if !only.fits(job, Tasks::All, now) {
        return Err("this job would not be one of them, or has a task in a queue that is not theirs".to_owned());
    }
    // What a sub-job is made of is only known once it starts, and then nobody asks for a token.
    match spec.tasks.iter().find(|task| BuiltIn::of(&task.kind) == Some(BuiltIn::Job)) {
        Some(task) => {
            let (name, kind) = (&task.name, &task.kind);
            Err(format!("task {name} is a {kind}, whose job nobody could compare with them; submit that job itself"))
        }
        None => Ok(()),
    }
}

/// Value of the parameter `wait`, at most [`WAIT_MAX`].
fn wait(parameters: &Parameters) -> Result<Option<Duration>, Problem> {
    let Some(text) = parameters.get("wait") else { return Ok(None) };
    let wait = parse_duration(text).map_err(|error| Problem::parameter("wait", error))?.to_std();
    if wait > WAIT_MAX {
        return Err(Problem::parameter("wait", "at most 10m; ask again for longer"));
    }
    Ok(Some(wait))
}

/// Value of the header `Idempotency-Key`, with or without the quotes that the draft of the standard wants.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::parameter("Idempotency-Key", "not readable as text"))?;
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    Ok(Some(bare.to_owned()))
}

/// Value of the header `traceparent`. One that is no trace context is left out, as the standard asks.
fn traceparent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let lengths = parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]);
    let digits = parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    (lengths && digits && parts[0] != "ff").then(|| text.into())
}
