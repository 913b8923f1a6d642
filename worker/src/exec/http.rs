//! An endpoint serves a kind: the input is posted, a 2xx body is the output.

mod encoding;
mod proxy;
mod retry_after;

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::json;
use warrener_shared::error::code;
use warrener_shared::id::LimitName;
use warrener_shared::wire::{self, JSON};

use super::{HandlerResult, output};
use crate::{Context, Failure};

/// An address, and the client that reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    pub(crate) client: EndpointClient,
    /// The limit whose key is paused when the endpoint asks for patience.
    pub(crate) pause_on_429: Option<LimitName>,
}

/// The connections of one worker to all its endpoints.
#[derive(Clone, Debug)]
pub(crate) struct EndpointClient {
    /// Client for addresses elsewhere, through the proxy that the environment names.
    outside: reqwest::Client,
    /// Client for this machine: a proxy would ask itself.
    here: reqwest::Client,
}

impl EndpointClient {
    /// A client that follows no redirects: an endpoint is where the configuration says.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        if rustls::crypto::CryptoProvider::get_default().is_none()
            && rustls::crypto::ring::default_provider().install_default().is_err()
        {
            tracing::debug!("somebody else has just installed a TLS provider");
        }
        let builder = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT)
                .user_agent(concat!("warrener-worker/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self { outside: builder().build()?, here: builder().no_proxy().build()? })
    }

    fn to(&self, url: &Url) -> &reqwest::Client {
        if proxy::is_loopback(url) { &self.here } else { &self.outside }
    }
}

impl Endpoint {
    /// Posts the input once and judges the answer.
    pub(crate) async fn post(&self, context: &Context, input: Vec<u8>) -> HandlerResult {
        tokio::select! {
            answer = self.exchange(context, input) => answer,
            () = context.stop().cancelled() => Err(Failure::new(code::CANCELLED, "the request was given up")),
        }
    }

    async fn exchange(&self, context: &Context, input: Vec<u8>) -> HandlerResult {
        let request = self.request(context).body(input);
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(&mut response).await);
        }
        let form = encoding::of(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > output::BYTES {
                return Err(output::too_large());
            }
            body.extend_from_slice(&chunk);
        }
        form.admit(&body)
            .map_err(|why| Failure::new(code::BAD_OUTPUT, format!("{} answered in {why}", self.shown())).for_good())?;
        if form.is_json { output::read_json(&body) } else { output::read(&body, context) }
    }

    fn request(&self, context: &Context) -> RequestBuilder {
        let piece = format!("{}.{}", context.job(), context.task());
        let request = self
            .client
            .to(&self.url)
            .post(self.url.clone())
            .header(CONTENT_TYPE, JSON)
            .header("warrener-job", context.job())
            .header("warrener-task", context.task())
            .header("warrener-attempt", context.attempt())
            // The same for every attempt: whatever an earlier one has done need not be done again.
            .header("idempotency-key", piece);
        match context.traceparent() {
            Some(parent) => request.header("traceparent", parent),
            None => request,
        }
    }

    async fn refusal(&self, response: &mut Response) -> Failure {
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = beginning(response).await;
        let because = if body.is_empty() { String::new() } else { format!(": {}", one_line(&body)) };
        let message = format!("{} answered {status}{because}", self.shown());
        let failure = Failure::new(format!("http_{}", status.as_u16()), message)
            .with_details(json!({"status": status.as_u16(), "body": body}));
        if !may_pass(status) {
            return failure.for_good();
        }
        let wait = wait.and_then(|wait| retry_after::read(&wait, jiff::Timestamp::now()));
        if let Some(limit) = self.pause_on_429.as_ref().filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
            return failure.pausing(limit.as_str(), wait.unwrap_or(PATIENCE));
        }
        match wait {
            Some(wait) => failure.retry_after(wait),
            None => failure,
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let is_shortage = is_shortage(&error);
        let cause = Failure::from(error.without_url());
        let through = proxy::of(&self.url).map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        let message = format!("posting to {}{through}: {}", self.shown(), cause.message());
        if is_shortage { Failure::no_room(message) } else { Failure::new(code::UNREACHABLE, message) }
    }

    /// The address without credentials.
    fn shown(&self) -> String {
        let url = &self.url;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
    }
}

/// Tells whether this machine is short of something, and the endpoint not to blame.
fn is_shortage(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref().is_some_and(super::command::is_shortage) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Tells whether another try may succeed: the server is in trouble, or asks for patience.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
}

/// Reads the beginning of an error page. The rest is left unread, since nobody would look at it.
async fn beginning(response: &mut Response) -> String {
    let mut body = Vec::new();
    while body.len() < EXCERPT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    wire::excerpt(&body, EXCERPT)
}

fn one_line(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    wire::excerpt(line.as_bytes(), 200)
}

/// Pause after a request for patience that does not say how long.
const PATIENCE: Duration = Duration::from_secs(5);
/// A host that doesn't answer within this time is as good as none.
const CONNECT: Duration = Duration::from_secs(10);
/// Characters of an error page that are kept.
const EXCERPT: usize = 2048;
