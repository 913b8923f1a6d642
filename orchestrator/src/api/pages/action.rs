//! Buttons, the questions before what cannot be undone, and what the forms do: the same commands as the API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use warrener_shared::id::{JobId, TaskAddress};
use warrener_shared::shown;
use warrener_shared::state::JobState;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::job::{self, JobResource};
use super::super::path::{PathText, no_job, no_task};
use super::super::problem::Problem;
use super::super::task::{self, TaskResource};
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::visit::Visit;
use crate::access::Scope;
use crate::driver::Command;

/// Something that can be done by a button.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    /// Word in the path.
    pub(super) word: &'static str,
    /// Text of its button.
    text: &'static str,
    /// Sentence on what will happen; a verb that has one asks first.
    asks: Option<&'static str>,
}

/// Verb that is done at once.
pub(super) const fn plain(word: &'static str, text: &'static str) -> Verb {
    Verb { word, text, asks: None }
}

const fn asking(word: &'static str, text: &'static str, asks: &'static str) -> Verb {
    Verb { word, text, asks: Some(asks) }
}

const JOB_VERBS: [Verb; 5] = [
    plain("pause", "Pause"),
    plain("resume", "Resume"),
    plain("retry", "Retry"),
    asking(
        "cancel",
        "Cancel",
        "Tasks that run are stopped, and what has not begun never will. A cancelled job can be tried again.",
    ),
    asking("delete", "Delete", "The job goes with its tasks, events, logs and values. Nobody can bring it back."),
];
const TASK_VERBS: [Verb; 2] = [
    asking("retry", "Retry", "The task runs again, and so does everything that needs it, also what has succeeded."),
    asking("skip", "Skip", "The task does not run, or is stopped; what needs it goes on as its rules say."),
];

/// The buttons of a job: what its state allows, for those who may.
pub(super) fn buttons_of_job(visit: &Visit, job: &JobResource) -> Markup {
    let is_final = job.state.is_final();
    let is_offered = |word: &str| match word {
        "pause" => !is_final && !job.paused && !job.cancelling,
        "resume" => !is_final && job.paused,
        "cancel" => !is_final && !job.cancelling,
        "retry" => is_final && job.state != JobState::Succeeded,
        _ => is_final,
    };
    let id = job.id.as_deref().unwrap_or_default();
    let verbs = JOB_VERBS.iter().filter(|verb| is_offered(verb.word));
    html! {
        div.actions {
            (buttons(visit, verbs, |word| visit.to(&["jobs", id, "do", word])))
            @if visit.may(Scope::Submit) {
                a.button href=(format!("{}?from={}", visit.to(&["submit"]), percent(id))) { "Submit again" }
            }
        }
    }
}

/// The buttons of a task.
pub(super) fn buttons_of_task(visit: &Visit, task: &TaskResource, name: &str, is_open: bool) -> Markup {
    let is_offered = |word: &str| match word {
        "skip" => is_open && !task.state.is_final(),
        _ => task.state.is_final() && task.index.is_none(),
    };
    let verbs = TASK_VERBS.iter().filter(|verb| is_offered(verb.word));
    buttons(visit, verbs, |word| visit.to(&["jobs", &task.job, "tasks", name, "do", word]))
}

/// Buttons of these verbs, for those who may operate.
pub(super) fn buttons<'a>(
    visit: &Visit,
    verbs: impl Iterator<Item = &'a Verb>,
    url: impl Fn(&str) -> String,
) -> Markup {
    html! {
        @if visit.may(Scope::Operate) {
            div.actions {
                @for verb in verbs {
                    @if verb.asks.is_some() { a.button href=(url(verb.word)) { (verb.text) } }
                    @else { form method="post" action=(url(verb.word)) { button type="submit" { (verb.text) } } }
                }
            }
        }
    }
}

/// A question with its two answers.
pub(super) fn question(visit: &Visit, title: &str, subject: &str, what: &str, back: &str) -> Response {
    let body = html! {
        h1 { (title) " " code { (shown::line(subject)) } "?" }
        p { (what) }
        // A form without an address is sent to the page that it stands on.
        form.actions method="post" {
            button.danger type="submit" { (title) }
            a.button href=(back) { "No, go back" }
        }
    };
    show(visit, &Sheet { title, place: "jobs", body })
}

/// An answer that leads on to another page, by a relative URL.
pub(super) fn go_to(url: &str) -> Response {
    let place = HeaderValue::from_str(url).expect("it is written in plain letters");
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// Verb of this word.
pub(super) fn find(verbs: &'static [Verb], word: &str) -> Result<&'static Verb, Problem> {
    verbs.iter().find(|verb| verb.word == word).ok_or_else(|| {
        let words: Vec<&str> = verbs.iter().map(|verb| verb.word).collect();
        let word: String = word.chars().take(100).collect();
        Problem::not_found(format!("nothing is called {word:?} here; it can be one of {}", words.join(", ")))
    })
}

fn job_id(text: &str) -> Result<JobId, Problem> {
    JobId::new(text).map_err(|_| no_job(text))
}

fn task_address(job: &JobId, text: &str) -> Result<TaskAddress, Problem> {
    text.parse().map_err(|_| no_task(job.as_str(), text))
}

pub(super) async fn ask_job(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText((id, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let (id, verb) = (job_id(&id)?, find(&JOB_VERBS, &word)?);
    app.read(move |_, snapshot| {
        job::row(snapshot, &id)?;
        let what = verb.asks.unwrap_or("This can be taken back.");
        Ok(question(&visit, verb.text, id.as_str(), what, &visit.to(&["jobs", id.as_str()])))
    })
    .await
}

pub(super) async fn job(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((id, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let (id, verb) = (job_id(&id)?, find(&JOB_VERBS, &word)?);
    let command = match verb.word {
        "pause" => Command::Pause(id.clone(), true),
        "resume" => Command::Pause(id.clone(), false),
        "retry" => Command::Retry(id.clone()),
        "cancel" => Command::Cancel(id.clone()),
        _ => Command::Delete(id.clone()),
    };
    let is_gone = matches!(command, Command::Delete(_));
    job::steer(&app, &caller, &id, command).await?;
    Ok(go_to(&if is_gone { visit.to(&["jobs"]) } else { visit.to(&["jobs", id.as_str()]) }))
}

pub(super) async fn ask_task(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText((id, task, word)): PathText<(String, String, String)>,
) -> Result<Response, Problem> {
    let (id, verb) = (job_id(&id)?, find(&TASK_VERBS, &word)?);
    let address = task_address(&id, &task)?;
    app.read(move |app, snapshot| {
        // What is not there is not asked about.
        task::TaskDetail::read(app, snapshot, &id, &address)?;
        let name = address.to_string();
        let back = visit.to(&["jobs", id.as_str(), "tasks", &name]);
        Ok(question(&visit, verb.text, &name, verb.asks.unwrap_or_default(), &back))
    })
    .await
}

pub(super) async fn task(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((id, task, word)): PathText<(String, String, String)>,
) -> Result<Response, Problem> {
    let (id, verb) = (job_id(&id)?, find(&TASK_VERBS, &word)?);
    let address = task_address(&id, &task)?;
    let command = match verb.word {
        "retry" => Command::RetryTask(id.clone(), address.clone()),
        _ => Command::Skip(id.clone(), address.clone()),
    };
    task::steer(&app, &caller, &id, &address, command).await?;
    Ok(go_to(&visit.to(&["jobs", id.as_str(), "tasks", &address.to_string()])))
}
