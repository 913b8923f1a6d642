//! Readiness of an orchestrator on this machine.

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, ToSocketAddrs};

/// Answer of `/readyz`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ReadyReport {
    pub(crate) checks: Vec<ReadyCheck>,
    /// Notes that a person should look at though it is ready.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

/// State of a thing that an orchestrator needs.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadyCheck {
    pub(crate) name: String,
    pub(crate) ready: bool,
    pub(crate) reason: Option<String>,
}

/// `Ok` once it is ready, else what it waits for.
pub(crate) async fn ready(address: impl ToSocketAddrs) -> Result<(), String> {
    let answer = ask(address).await.map_err(|error| format!("it doesn't listen: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    let report =
        serde_json::from_str::<ReadyReport>(body).map_err(|_| head.lines().next().unwrap_or_default().to_owned())?;
    let open = report.checks.into_iter().filter(|check| !check.ready);
    let reasons = open.map(|check| check.reason.unwrap_or_else(|| format!("{} is not ready", check.name)));
    Err(reasons.collect::<Vec<_>>().join("; "))
}

async fn ask(address: impl ToSocketAddrs) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
