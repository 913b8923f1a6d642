//! Numbers of how everything goes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::Answer;
use super::call::HttpClient;
use super::error::HttpError;
use super::resource::Queue;

/// Numbers of the whole.
#[derive(Clone, Debug, Deserialize)]
pub struct Overview {
    /// Time at which they were read, RFC 3339.
    pub time: String,
    /// Readiness of the orchestrator.
    pub health: OverviewHealth,
    /// Jobs in each state: of those that are not final all there are, of the others those of `cut`.
    pub jobs: BTreeMap<String, u64>,
    /// True if only the jobs that ended last were looked at; else all that ended in the last 24 hours were.
    pub cut: bool,
    /// Length of a bar of `ended`, in seconds.
    pub bar_seconds: u64,
    /// Jobs that ended in one span of time after another, the last one up to now.
    pub ended: Vec<EndedJobs>,
    /// Time from due to begun.
    pub waited: SpanQuantiles,
    /// Time from begun to ended.
    pub ran: SpanQuantiles,
    /// Queues in which something waits, and those that are paused.
    pub queues: Vec<Queue>,
    /// Kinds, or names, of jobs that failed, the most first.
    pub failing: Vec<FailingJobs>,
    /// Kinds of the tasks for which graphs failed, the most first.
    #[serde(default)]
    pub failing_tasks: Vec<FailingTasks>,
    /// Workers together.
    pub workers: WorkersTogether,
}

/// Readiness of the orchestrator.
#[derive(Clone, Debug, Deserialize)]
pub struct OverviewHealth {
    /// True if every check holds.
    pub ready: bool,
    /// Checks by name.
    pub checks: Vec<OverviewCheck>,
    /// Sentences on what a person should look at.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A check of readiness.
#[derive(Clone, Debug, Deserialize)]
pub struct OverviewCheck {
    /// Name, such as `store`.
    pub name: String,
    /// True if it holds.
    pub ready: bool,
    /// Reason why it does not.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Jobs that ended in a span of time.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct EndedJobs {
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that did not.
    pub failed: u64,
}

/// Quantiles of a span of time, in milliseconds; `None` if there is none.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct SpanQuantiles {
    /// Half of them took no longer.
    #[serde(default)]
    pub p50_ms: Option<u64>,
    /// Of a hundred, 95 took no longer.
    #[serde(default)]
    pub p95_ms: Option<u64>,
}

/// Kind, or name, of which jobs failed.
#[derive(Clone, Debug, Deserialize)]
pub struct FailingJobs {
    /// Kind of jobs of one task.
    #[serde(default)]
    pub kind: Option<String>,
    /// Name of the others; `None` with no kind either stands for graphs without a name.
    #[serde(default)]
    pub name: Option<String>,
    /// Jobs that failed or timed out.
    pub failed: u64,
    /// Jobs that ended.
    pub ended: u64,
}

/// Kind of the tasks for which graphs failed.
#[derive(Clone, Debug, Deserialize)]
pub struct FailingTasks {
    /// Kind of the tasks.
    pub kind: String,
    /// Graphs that failed for one of them.
    pub failed: u64,
    /// Id of the latest of these graphs.
    pub job: String,
    /// Task, or item of it, for which that graph failed.
    pub task: String,
}

/// Workers together.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct WorkersTogether {
    /// Workers that were heard of lately.
    pub workers: u64,
    /// Slots of all.
    pub slots: u64,
    /// Slots in use.
    pub running: u64,
}

impl HttpClient {
    /// Reads how everything goes.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn overview(&self) -> Result<Answer<Overview>, HttpError> {
        self.get("reading the overview", &["overview"]).await
    }
}
