//! Schedules over HTTP.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::call::{HttpClient, doing};
use super::error::HttpError;
use super::query::{JobQuery, Pairs};
use super::resource::{JobDetails, Page};

/// A schedule.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduleDetails {
    /// Name.
    pub name: String,
    /// Labels for finding it again.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Cron texts.
    #[serde(default)]
    pub cron: Option<Box<RawValue>>,
    /// Period.
    #[serde(default)]
    pub every: Option<Box<RawValue>>,
    /// Zone of its cron texts.
    #[serde(default)]
    pub zone: Option<String>,
    /// True while it is paused.
    pub paused: bool,
    /// Reason why it paused itself.
    #[serde(default)]
    pub paused_by: Option<String>,
    /// Next tick, RFC 3339.
    #[serde(default)]
    pub next_at: Option<String>,
    /// Latest tick, RFC 3339.
    #[serde(default)]
    pub last_tick: Option<String>,
    /// Number of its jobs that are not final.
    pub running: u64,
    /// Number of its ticks that wait.
    pub queued: u64,
    /// Number of its jobs in a row that did not succeed.
    pub failures_in_a_row: u64,
    /// Number of its ticks that were decided and are not excluded.
    #[serde(default)]
    pub ticks: i64,
    /// Reason why it cannot be read any more; `None` if it can.
    #[serde(default)]
    pub fault: Option<String>,
}

/// Outcome of a tick.
#[derive(Clone, Debug, Deserialize)]
pub struct TickDetails {
    /// The tick, RFC 3339.
    pub tick: String,
    /// Number of the run, from 1.
    pub run: u32,
    /// Outcome, such as `started` or `skipped_overlap`.
    pub outcome: String,
    /// Time at which that was decided, RFC 3339.
    pub decided_at: String,
    /// Id of its job.
    #[serde(default)]
    pub job: Option<String>,
    /// Reason of a refusal.
    #[serde(default)]
    pub reason: Option<String>,
}

impl HttpClient {
    /// Fetches a page of schedules, by name.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn schedules(&self, page: &JobQuery) -> Result<Answer<Page<ScheduleDetails>>, HttpError> {
        self.send("listing schedules", self.request(Method::GET, &["schedules"], page.pairs())).await
    }

    /// Fetches a schedule.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn schedule(&self, name: &str) -> Result<Answer<ScheduleDetails>, HttpError> {
        self.get(&format!("reading schedule {name}"), &["schedules", name]).await
    }

    /// Makes the schedule of this name what a document says. Status 201 if it is new.
    ///
    /// # Errors
    /// [`HttpError`], with status 422 and every problem of the document.
    pub async fn put_schedule(&self, name: &str, document: Vec<u8>) -> Result<Answer<ScheduleDetails>, HttpError> {
        let request = self.request(Method::PUT, &["schedules", name], Pairs::new());
        let request = request.header("content-type", "application/json").body(document);
        self.send(&format!("applying schedule {name}"), request).await
    }

    /// Removes a schedule and its ticks; its jobs stay.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn delete_schedule(&self, name: &str) -> Result<(), HttpError> {
        let request = self.request(Method::DELETE, &["schedules", name], Pairs::new());
        self.exchange(&format!("deleting schedule {name}"), request).await.map(drop)
    }

    /// Does `verb` (`pause` or `resume`) to a schedule.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn steer_schedule(&self, name: &str, verb: &str) -> Result<(), HttpError> {
        self.post(&format!("{} schedule {name}", doing(verb)), &["schedules", name, verb]).await
    }

    /// Starts a job of a schedule now. The answer is the job.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such schedule, 409 if its job is not accepted.
    pub async fn trigger_schedule(&self, name: &str) -> Result<Answer<JobDetails>, HttpError> {
        let request = self.request(Method::POST, &["schedules", name, "trigger"], Pairs::new());
        self.send(&format!("starting a job of schedule {name}"), request).await
    }

    /// Starts ticks of the past that were not started, or only says which, as a document.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such schedule, 409 while another backfill of it is at work.
    pub async fn backfill_schedule(&self, name: &str, wish: Vec<u8>, dry_run: bool) -> Result<String, HttpError> {
        let mut pairs = Pairs::new();
        pairs.extend(dry_run.then(|| ("dry_run", "true".to_owned())));
        let request = self.request(Method::POST, &["schedules", name, "backfill"], pairs);
        let request = request.header("content-type", "application/json").body(wish);
        self.exchange(&format!("filling schedule {name}"), request).await.map(|(_, text)| text)
    }

    /// Fetches a page of the ticks of a schedule, the latest first.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such schedule.
    pub async fn schedule_ticks(&self, name: &str, page: &JobQuery) -> Result<Answer<Page<TickDetails>>, HttpError> {
        let request = self.request(Method::GET, &["schedules", name, "ticks"], page.pairs());
        self.send(&format!("reading the ticks of schedule {name}"), request).await
    }
}
