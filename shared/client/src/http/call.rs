//! The endpoints, a method for each.

use std::time::Duration;

use reqwest::{Certificate, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::error::HttpError;
use super::proxy;
use super::query::{JobQuery, Pairs, SubmitOptions};
use super::redacted::redacted;
use super::resource::{AuditEntry, DeadLetter, JobDetails, JobEvent, LogPiece, Page, Queue, Task, Worker};
use crate::JobDocument;

/// Talks to one orchestrator over HTTP. Clones share its connections.
#[derive(Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("base", &redacted(self.base.as_str())).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client for the orchestrator at `url`, such as `http://127.0.0.1:8080`, which shows `token` if given.
    /// Connects at the first request.
    ///
    /// # Errors
    /// [`HttpError::Address`] if the address can't be used, [`HttpError::Token`] if the token can't be shown.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, HttpError> {
        Self::trusting(url, token, None)
    }

    /// Makes the same client, which trusts the authorities of this PEM instead of the public ones.
    ///
    /// # Errors
    /// As of [`HttpClient::new`], and [`HttpError::Address`] if the PEM holds no certificate that can be read.
    pub fn trusting(url: &str, token: Option<String>, authorities: Option<&[u8]>) -> Result<Self, HttpError> {
        let bad = |why: String| HttpError::Address { url: redacted(url), why };
        let base = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("it must start with http:// or https://".to_owned()));
        }
        if let Some(why) = token.as_deref().and_then(unusable) {
            return Err(HttpError::Token { why });
        }
        let authorities = authorities.map(Certificate::from_pem_bundle).transpose();
        let authorities = authorities.map_err(|error| bad(format!("its authorities: {error}")))?;
        if authorities.as_ref().is_some_and(Vec::is_empty) {
            return Err(bad("its authorities: there is no certificate in PEM in the file".to_owned()));
        }
        let http = transport(&base, authorities).map_err(|error| bad(error.to_string()))?;
        Ok(Self { http, base, token })
    }

    /// Submits a job. The answer is the job: new (202), already there or waited for (200), or, where the wait
    /// ran out, still running (202). Safe to repeat if the document has an id or is pinned.
    ///
    /// # Errors
    /// [`HttpError::Refused`] with every problem of the job (422), or because its id or unique key is taken (409).
    pub async fn submit(&self, job: &JobDocument, options: SubmitOptions) -> Result<Answer<JobDetails>, HttpError> {
        let limit = REQUEST_TIMEOUT + options.wait.unwrap_or_default();
        let mut request = self.request(Method::POST, &["jobs"], options.pairs()).timeout(limit);
        if !job.is_id_in_body() {
            request = request.header("idempotency-key", job.submit_id());
        }
        let request = request.header("content-type", "application/json").body(job.bytes().to_vec());
        self.send("submitting the job", request).await
    }

    /// Fetches a page of jobs, newest first.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn jobs(&self, query: &JobQuery) -> Result<Answer<Page<JobDetails>>, HttpError> {
        self.send("listing jobs", self.request(Method::GET, &["jobs"], query.pairs())).await
    }

    /// Fetches a job.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn job(&self, id: &str) -> Result<Answer<JobDetails>, HttpError> {
        self.get(&format!("reading job {id}"), &["jobs", id]).await
    }

    /// Fetches a page of the tasks of a job, as written; with the items of mapped tasks too if `items`.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such job.
    pub async fn tasks(&self, id: &str, items: bool, page: &JobQuery) -> Result<Answer<Page<Task>>, HttpError> {
        let mut pairs = page.pairs();
        pairs.extend(items.then(|| ("items", "true".to_owned())));
        self.send(&format!("reading the tasks of job {id}"), self.request(Method::GET, &["jobs", id, "tasks"], pairs))
            .await
    }

    /// Fetches a page of the events of a job, by sequence.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such job.
    pub async fn events(&self, id: &str, page: &JobQuery) -> Result<Answer<Page<JobEvent>>, HttpError> {
        let request = self.request(Method::GET, &["jobs", id, "events"], page.pairs());
        self.send(&format!("reading the events of job {id}"), request).await
    }

    /// Fetches a page of the log of a task or item, all attempts together. The cursor `<attempt>.<no>` goes on after
    /// that piece.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such task.
    pub async fn logs(&self, job: &str, address: &str, page: &JobQuery) -> Result<Answer<Page<LogPiece>>, HttpError> {
        let request = self.request(Method::GET, &["tasks", job, address, "logs"], page.pairs());
        self.send(&format!("reading the log of {job}/{address}"), request).await
    }

    /// Does `verb` (`cancel`, `retry`, `pause` or `resume`) to a job.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such job, 409 if its state does not allow it.
    pub async fn steer_job(&self, id: &str, verb: &str) -> Result<(), HttpError> {
        self.post(&format!("{} job {id}", doing(verb)), &["jobs", id, verb]).await
    }

    /// Removes a final job with all of its data.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such job, 409 while it runs.
    pub async fn delete_job(&self, id: &str) -> Result<(), HttpError> {
        let request = self.request(Method::DELETE, &["jobs", id], Pairs::new());
        self.exchange(&format!("deleting job {id}"), request).await.map(drop)
    }

    /// Fetches a task or item with its attempts. `address` is `<task>` or `<task>.<index>`.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn task(&self, job: &str, address: &str) -> Result<Answer<Task>, HttpError> {
        self.get(&format!("reading task {job}/{address}"), &["tasks", job, address]).await
    }

    /// Does `verb` (`retry` or `skip`) to a task or item.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none, 409 if its state does not allow it.
    pub async fn steer_task(&self, job: &str, address: &str, verb: &str) -> Result<(), HttpError> {
        self.post(&format!("{} task {job}/{address}", doing(verb)), &["tasks", job, address, verb]).await
    }

    /// The queues.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn queues(&self) -> Result<Answer<Page<Queue>>, HttpError> {
        self.get("listing queues", &["queues"]).await
    }

    /// Does `verb` (`pause` or `resume`) to a queue.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn steer_queue(&self, name: &str, verb: &str) -> Result<(), HttpError> {
        self.post(&format!("{} queue {name}", doing(verb)), &["queues", name, verb]).await
    }

    /// The workers that were heard of lately.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn workers(&self) -> Result<Answer<Page<Worker>>, HttpError> {
        self.get("listing workers", &["workers"]).await
    }

    /// Asks a worker to take no more and to finish what it holds.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn drain_worker(&self, id: &str) -> Result<(), HttpError> {
        self.post(&format!("draining worker {id}"), &["workers", id, "drain"]).await
    }

    /// Fetches a page of the dead letters.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn dead_letters(&self, page: &JobQuery) -> Result<Answer<Page<DeadLetter>>, HttpError> {
        self.send("listing dead letters", self.request(Method::GET, &["dead"], page.pairs())).await
    }

    /// Fetches a dead letter with its evidence.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn dead_letter(&self, id: &str) -> Result<Answer<DeadLetter>, HttpError> {
        self.get(&format!("reading dead letter {id}"), &["dead", id]).await
    }

    /// Does `verb` (`replay` or `discard`) to a dead letter.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn steer_dead_letter(&self, id: &str, verb: &str) -> Result<(), HttpError> {
        self.post(&format!("{} dead letter {id}", doing(verb)), &["dead", id, verb]).await
    }

    /// Fetches a page of the audit, newest first.
    ///
    /// # Errors
    /// [`HttpError`], with status 403 if the token lacks the scope `admin`.
    pub async fn audit(&self, query: &JobQuery) -> Result<Answer<Page<AuditEntry>>, HttpError> {
        self.send("reading the audit", self.request(Method::GET, &["audit"], query.pairs())).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, what: &str, path: &[&str]) -> Result<Answer<T>, HttpError> {
        self.send(what, self.request(Method::GET, path, Pairs::new())).await
    }

    pub(super) async fn post(&self, what: &str, path: &[&str]) -> Result<(), HttpError> {
        self.exchange(what, self.request(Method::POST, path, Pairs::new())).await.map(drop)
    }

    pub(super) fn request(&self, method: Method, path: &[&str], query: Pairs) -> RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(["api", "v1"]).extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url).timeout(REQUEST_TIMEOUT).header("accept", "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> Result<Answer<T>, HttpError> {
        let (status, text) = self.exchange(what, request).await?;
        Answer::read(what, status, text)
    }

    pub(super) async fn exchange(&self, what: &str, request: RequestBuilder) -> Result<(u16, String), HttpError> {
        let response = self.answered(what, request).await?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| self.lost(what, error))?;
        Ok((status, text))
    }

    /// The answer of a request that was not refused, before its body.
    pub(super) async fn answered(&self, what: &str, request: RequestBuilder) -> Result<Response, HttpError> {
        let response = request.send().await.map_err(|error| self.lost(what, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| self.lost(what, error))?;
        Err(HttpError::refused(what, status, &text))
    }

    fn lost(&self, what: &str, error: reqwest::Error) -> HttpError {
        HttpError::unreachable(what, self.base.as_str(), error)
    }
}

pub(super) fn transport(base: &Url, authorities: Option<Vec<Certificate>>) -> reqwest::Result<reqwest::Client> {
    // Another part of the process may have chosen a provider already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).user_agent(USER_AGENT);
    if base.scheme() == "http" {
        // Without TLS no authorities are needed: a slim container has none, and would be refused for that.
        builder = builder.tls_certs_only([]);
    } else if let Some(authorities) = authorities {
        builder = builder.tls_certs_only(authorities);
    }
    if proxy::is_loopback(base) {
        // What is on this machine is not behind the proxy of the network.
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Tells why no orchestrator can have given this token, without repeating it.
fn unusable(token: &str) -> Option<String> {
    if token.is_empty() || token.len() > TOKEN_MAX {
        return Some(format!("it has {} bytes, a token has 1 to {TOKEN_MAX}", token.len()));
    }
    let is_odd = !token.bytes().all(|b| b.is_ascii_graphic());
    is_odd.then(|| "it holds white space or other characters that no token has; is it the right file?".to_owned())
}

/// `cancel` → `cancelling`.
pub(super) fn doing(verb: &str) -> String {
    match verb {
        "cancel" => "cancelling".to_owned(),
        "retry" => "retrying".to_owned(),
        "skip" => "skipping".to_owned(),
        _ => format!("{}ing", verb.strip_suffix('e').unwrap_or(verb)),
    }
}

/// Bytes of a token.
const TOKEN_MAX: usize = 512;
/// Longest time to reach the orchestrator: a host that does not answer by then is not there.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one answer, apart from a wait that was asked for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("warrener/", env!("CARGO_PKG_VERSION"));
