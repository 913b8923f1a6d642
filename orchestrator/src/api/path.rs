//! Names in paths. A name that nothing can have is a thing that does not exist.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use warrener_shared::id::{JobId, QueueName, TaskAddress};

use super::problem::Problem;

/// `{id}`: a job.
pub(super) struct JobPath(pub JobId);
/// `{job}/{task}`: a task or item.
pub(super) struct TaskPath(pub JobId, pub TaskAddress);
/// `{name}`: a queue.
pub(super) struct QueuePath(pub QueueName);
/// `{id}`: a dead letter.
pub(super) struct DeadPath(pub i64);

/// Problem of a job that does not exist.
pub(super) fn no_job(id: &str) -> Problem {
    let id: String = id.chars().take(100).collect();
    Problem::not_found(format!("there is no job {id:?}; finished jobs are removed after their retention"))
}

/// Problem of a task that does not exist in its job.
pub(super) fn no_task(job: &str, address: &str) -> Problem {
    let address: String = address.chars().take(100).collect();
    Problem::not_found(format!("job {job} has no task {address:?}"))
}

/// Problem of a queue that does not exist.
pub(super) fn no_queue(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::not_found(format!("there is no queue {name:?}; it exists once a job or a worker names it"))
}

/// Problem of a dead letter that does not exist.
pub(super) fn no_letter(id: &str) -> Problem {
    let id: String = id.chars().take(100).collect();
    Problem::not_found(format!("there is no dead letter {id:?}"))
}

async fn text<S: Send + Sync>(parts: &mut Parts, state: &S) -> String {
    let text = Path::<String>::from_request_parts(parts, state).await;
    // What is not UTF-8 names nothing.
    text.map_or_else(|_| String::new(), |Path(text)| text)
}

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await;
        JobId::new(&text).map(Self).map_err(|_| no_job(&text))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TaskPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (job, address) = path.map_or_else(|_| Default::default(), |Path(pair)| pair);
        let job = JobId::new(&job).map_err(|_| no_job(&job))?;
        let address = address.parse().map_err(|_| no_task(job.as_str(), &address))?;
        Ok(Self(job, address))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueuePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await;
        QueueName::new(&text).map(Self).map_err(|_| no_queue(&text))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeadPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await;
        let no = text.parse().ok().filter(|no: &i64| no.to_string() == text);
        no.map(Self).ok_or_else(|| no_letter(&text))
    }
}
