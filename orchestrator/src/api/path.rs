//! Names in paths. A name that nothing can have belongs to a thing that does not exist, so it is not found.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use warrener_shared::id::{JobId, QueueName, ScheduleName, TaskAddress};

use super::problem::Problem;

/// Id of a job, from `{id}`.
pub(super) struct JobPath(pub JobId);
/// Id of a job and address of a task or item, from `{job}/{task}`.
pub(super) struct TaskPath(pub JobId, pub TaskAddress);
/// Name of a queue, from `{name}`.
pub(super) struct QueuePath(pub QueueName);
/// `{name}`: a schedule.
pub(super) struct SchedulePath(pub ScheduleName);
/// Number of a dead letter, from `{id}`.
pub(super) struct DeadPath(pub i64);

/// Part `{id}` of the path of a bulk operation.
pub(super) struct BulkPath(pub i64);
/// Parts of a path that any text may stand in, in their order.
pub(super) struct PathText<T>(pub T);

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

/// Problem of a schedule that does not exist.
pub(super) fn no_schedule(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::not_found(format!("there is no schedule {name:?}"))
}

/// The only name in a path as text; empty if it is no UTF-8.
async fn text<S: Send + Sync>(parts: &mut Parts, state: &S) -> String {
    let text = Path::<String>::from_request_parts(parts, state).await;
    // What is not UTF-8 names nothing.
    text.map_or_else(|_| String::new(), |Path(text)| text)
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathText<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let nothing = |_| Problem::not_found("a part of the path is not UTF-8, and nothing has such a name");
        path.map(|Path(text)| Self(text)).map_err(nothing)
    }
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

impl<S: Send + Sync> FromRequestParts<S> for SchedulePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await;
        ScheduleName::new(&text).map(Self).map_err(|_| no_schedule(&text))
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

impl<S: Send + Sync> FromRequestParts<S> for BulkPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await;
        let no = text.parse().ok().filter(|no: &i64| no.to_string() == text);
        no.map(Self).ok_or_else(|| {
            let id: String = text.chars().take(100).collect();
            Problem::not_found(format!("there is no bulk operation {id:?}"))
        })
    }
}
