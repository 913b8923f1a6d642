//! Waiting for the end of a job.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use warrener_client::http::{Answer, SubmitOptions, resource};
use warrener_client::{HttpClient, HttpError, JobDocument};
use warrener_shared::error::ErrorObject;
use warrener_shared::shown;
use warrener_shared::state::JobState;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::WaitOptions;
use crate::output::document;
use crate::progress::ProgressDisplay;
use crate::talk;

/// Display while a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// A bar on a terminal, else a line for each change.
    Progress,
    /// Nothing.
    Nothing,
}

/// Longest wait for a job, counted from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    started: Instant,
    span: Option<Duration>,
}

impl WaitOptions {
    /// The wait begins now.
    pub(crate) fn begin(self) -> Limit {
        Limit { started: Instant::now(), span: self.timeout }
    }
}

impl Limit {
    /// Time for which the first request itself waits for the end: short jobs then need only one.
    pub(crate) fn first_wait(self) -> Duration {
        self.span.map_or(LONGEST_WAIT, |span| span.min(LONGEST_WAIT))
    }

    pub(crate) async fn of<T>(self, id: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
        let deadline = self.span.and_then(|span| Some((self.started.checked_add(span)?, span)));
        let Some((deadline, span)) = deadline else { return Ok(work.await) };
        tokio::time::timeout_at(deadline.into(), work).await.map_err(|_| {
            let message = format!("waiting for job {id}: it did not end within {} s; it goes on", span.as_secs_f32());
            Failure::new(Exit::GaveUp, message).hint(format!("follow it with `warrener watch {id}`"))
        })
    }
}

/// Submits a job, which is pinned, and asks again under the same id when the answer is lost: the orchestrator may be
/// restarting, or a proxy may have cut the wait. So there is one job, however often it is submitted.
pub(crate) async fn post(
    http: &HttpClient,
    job: &JobDocument,
    mut options: SubmitOptions,
) -> Result<Answer<resource::JobDetails>, Unanswered> {
    let (mut pause, mut lost_since) = (FIRST_PAUSE, None);
    loop {
        let error = match http.submit(job, options).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if error.is_refused_as("too_many_waiting") && options.wait.take().is_some() {
            // Nothing was kept; without the wait it is, and its end is asked for from here.
            continue;
        }
        let may_be_kept = lost_since.is_some() || error.may_have_arrived();
        if !(may_be_kept && error.is_transient()) {
            return Err(Unanswered { error, may_be_kept });
        }
        let since = *lost_since.get_or_insert_with(Instant::now);
        if since.elapsed() > LONGEST_SILENCE {
            return Err(Unanswered { error, may_be_kept });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(LONGEST_PAUSE);
    }
}

/// Failure of a submit without a clear answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: HttpError,
    /// True if the job may be there all the same.
    pub(crate) may_be_kept: bool,
}

impl Unanswered {
    /// Makes the failure that tells a person, who gets the id of a job that may be there.
    pub(crate) fn of_job(self, id: &str) -> Failure {
        if !(self.may_be_kept && self.error.is_transient()) {
            return self.error.into();
        }
        Failure::new(Exit::Unreachable, format!("job {id} may have been taken and go on: {}", self.error))
            .hint(format!("follow it with `warrener watch {id}`"))
    }
}

/// Waits for the end of a job that was just submitted, and prints its output.
pub(crate) async fn to_the_end(
    context: &Context,
    answer: Answer<resource::JobDetails>,
    limit: Limit,
    show: Show,
) -> Result<Exit, Failure> {
    if answer.value.state.is_final() {
        return finished_job(&answer.value, context);
    }
    by_id(context, &answer.value.id, limit, show).await
}

/// Waits for the end of a job, and prints its output.
pub(crate) async fn by_id(context: &Context, id: &str, limit: Limit, show: Show) -> Result<Exit, Failure> {
    let http = context.http()?;
    let mut progress = ProgressDisplay::new(show == Show::Progress && !context.globals.quiet);
    let polling = poll(&http, id, &mut progress);
    let job = or_interrupted(context, id, limit.of(id, polling)).await;
    progress.clear();
    finished_job(&job???, context)
}

/// Asks again and again: often at first, since most jobs are short, then once a second.
async fn poll(http: &HttpClient, id: &str, progress: &mut ProgressDisplay) -> Result<resource::JobDetails, Failure> {
    let (mut pause, mut silent_since) = (FIRST_PAUSE, None);
    loop {
        match http.job(id).await {
            Ok(answer) if answer.value.state.is_final() => return Ok(answer.value),
            Ok(answer) => {
                silent_since = None;
                progress.show(&answer.value);
            }
            Err(error) => tolerate(error, &mut silent_since, progress)?,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(LONGEST_PAUSE);
    }
}

/// Tolerates errors that may pass, for `LONGEST_SILENCE`: the orchestrator may be restarting, and the job goes on.
fn tolerate(error: HttpError, silent_since: &mut Option<Instant>, progress: &ProgressDisplay) -> Result<(), Failure> {
    if !error.is_transient() {
        return Err(error.into());
    }
    let since = silent_since.get_or_insert_with(|| {
        progress.note(&format!("no answer, asking again for {} s: {error}", LONGEST_SILENCE.as_secs()));
        Instant::now()
    });
    if since.elapsed() > LONGEST_SILENCE { Err(error.into()) } else { Ok(()) }
}

/// Runs to the end, or to Ctrl-C: then the job goes on, and the person is told how to come back to it.
pub(crate) async fn or_interrupted<T>(
    context: &Context,
    id: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => Ok(done),
        _ = tokio::signal::ctrl_c() => {
            context.say("");
            Err(Failure::new(Exit::Interrupted, format!("interrupted; job {id} goes on if it was accepted"))
                .hint(format!("follow it with `warrener watch {id}`, stop it with `warrener job cancel {id}`")))
        }
    }
}

fn finished_job(job: &resource::JobDetails, context: &Context) -> Result<Exit, Failure> {
    finished(&job.id, job.state, job.output.as_deref(), job.error.as_ref(), context)
}

/// Prints the output of a job that succeeded, or says why another did not.
pub(crate) fn finished(
    id: &str,
    state: JobState,
    output: Option<&RawValue>,
    error: Option<&ErrorObject>,
    context: &Context,
) -> Result<Exit, Failure> {
    let exit = Exit::of_job(state);
    if exit != Exit::Ok {
        return Err(unsuccessful(id, state, error));
    }
    let output = output.map_or("null", RawValue::get);
    talk::document(&document(context.globals.output, output)?.unwrap_or_else(|| output.to_owned()))?;
    Ok(exit)
}

/// Makes the failure of a job that did not succeed, with the exit code of its state.
pub(crate) fn unsuccessful(id: &str, state: JobState, error: Option<&ErrorObject>) -> Failure {
    // "was cancelled: cancelled: …" would say it twice.
    let words = |error: &ErrorObject| match error.code == state.as_str() {
        true => shown::indented(&error.message, INDENT),
        false => in_words(error),
    };
    let why = error.map(|error| format!(": {}", words(error))).unwrap_or_default();
    let failure = Failure::new(Exit::of_job(state), format!("job {id} {}{why}", word(state)));
    failure.hint(format!("look closer with `warrener job get {id}`"))
}

/// `lost: no heartbeat (task train, attempt 2)`.
pub(crate) fn in_words(error: &ErrorObject) -> String {
    let task = error.task.as_ref().map(|task| format!("task {}", shown::line(task)));
    let attempt = error.attempt.map(|attempt| format!("attempt {attempt}"));
    let place: Vec<String> = task.into_iter().chain(attempt).collect();
    let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
    format!("{}: {}{place}", shown::line(&error.code), shown::indented(&error.message, INDENT))
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Failed => "failed",
        JobState::Cancelled => "was cancelled",
        JobState::TimedOut => "ran out of time",
        JobState::Scheduled => "is scheduled",
        JobState::Running => "is running",
        JobState::Succeeded => "succeeded",
    }
}

/// Spaces before the further lines of an error, which so never look like a line of ours.
const INDENT: usize = 4;
/// Wait before the second question; each later one is longer by a quarter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest wait between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Proxies cut requests that are silent for a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A restart of an orchestrator takes seconds; after a minute somebody should know.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
