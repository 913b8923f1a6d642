//! A program serves a kind: input on stdin, output on stdout, the log on stderr, the verdict is the exit code.

mod capture;
mod group;
mod room;
mod running;

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use self::capture::{OutputHead, Tail};
pub(crate) use self::group::Group;
use self::room::ProgramPermit;
pub(crate) use self::room::{is_shortage, needed};
use self::running::StartedProgram;
use super::{HandlerResult, output};
use crate::{Context, Failure};

/// A program with fixed arguments. No shell is involved, and nothing of the task becomes an argument.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Program and arguments; never empty.
    pub(crate) argv: Vec<String>,
    /// Names of more variables that it may see.
    pub(crate) env: Vec<String>,
}

/// Progress of stopping the program.
#[derive(Clone, Copy)]
enum Stopping {
    No,
    /// Asked; forced at this time.
    Asked(Instant),
    Forced,
}

impl Program {
    /// Runs the program once. What it started does not outlive the call, as far as [`supervisor`](crate::supervisor)
    /// says.
    pub(crate) async fn run(&self, context: &Context, input: &[u8], grace: Duration) -> HandlerResult {
        let Some(_place) = ProgramPermit::take() else {
            return Err(Failure::no_room("running another program: too few descriptors would be left"));
        };
        let started = self.start(context).map_err(|error| not_started(&self.argv[0], &error))?;
        let (mut out, mut log) = (OutputHead::new(output::BYTES), Tail::new(LOG_BYTES));
        let ended = converse(started, context, input, grace, (&mut out, &mut log)).await;
        let log = log.text();
        tracing::debug!(job = context.job(), task = context.task(), attempt = context.attempt(), log, "command ended");
        let (status, asked) = ended.map_err(|error| not_started(&self.argv[0], &error))?;
        if out.is_over() {
            return Err(output::too_large().with_details(details(status, &log)));
        }
        match verdict(status, asked, &log) {
            Some(failure) => Err(failure.with_details(details(status, &log))),
            None => output::read(&out.into_bytes(), context),
        }
    }

    fn start(&self, context: &Context) -> std::io::Result<StartedProgram> {
        let allowed = ALLOWED.iter().copied().chain(self.env.iter().map(String::as_str));
        let allowed: Vec<_> = allowed.filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
        StartedProgram::new(&self.argv, |command| {
            command
                .env_clear()
                .envs(allowed.iter().map(|(name, value)| (name, value)))
                .env("WARRENER_JOB", context.job())
                .env("WARRENER_TASK", context.task())
                .env("WARRENER_ATTEMPT", context.attempt().to_string())
                .envs(context.traceparent().map(|parent| ("TRACEPARENT", parent)))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0);
        })
    }
}

/// Feeds and hears the program until it ends, and stops it when asked or when it says too much. Tells how it
/// ended and whether it had been asked to.
async fn converse(
    started: StartedProgram,
    context: &Context,
    input: &[u8],
    grace: Duration,
    (out, log): (&mut OutputHead, &mut Tail),
) -> std::io::Result<(ExitStatus, bool)> {
    let StartedProgram { mut running, inlet, stdout, stderr } = started;
    let too_much = out.too_much();
    let mut pipes = std::pin::pin!(async {
        tokio::join!(out.read(stdout), log.read(stderr, context));
    });
    let mut feeding = std::pin::pin!(inlet.feed(input));
    let (mut stopping, mut piping, mut is_fed) = (Stopping::No, true, false);
    let status = loop {
        tokio::select! {
            status = running.child_ended() => break status?,
            () = &mut pipes, if piping => piping = false,
            () = &mut feeding, if !is_fed => is_fed = true,
            () = due(stopping, context, &too_much) => stopping = running.press(stopping, grace),
        }
    };
    let status = running.end(status).await?;
    // Whatever it started and left behind would keep the pipes open and work on in secret.
    running.kill_rest();
    if piping && tokio::time::timeout(LAST_WORDS, pipes).await.is_err() {
        tracing::debug!(job = context.job(), task = context.task(), "something outside its group holds its pipes");
    }
    Ok((status, !matches!(stopping, Stopping::No)))
}

/// Returns when the program must be pressed harder.
async fn due(stopping: Stopping, context: &Context, too_much: &tokio_util::sync::CancellationToken) {
    match stopping {
        Stopping::No => tokio::select! {
            () = context.stop().cancelled() => {}
            () = too_much.cancelled() => {}
        },
        Stopping::Asked(deadline) => tokio::time::sleep_until(deadline).await,
        Stopping::Forced => std::future::pending().await,
    }
}

/// Translates the end of the program; `None` is a success.
fn verdict(status: ExitStatus, asked: bool, log: &str) -> Option<Failure> {
    let last = log.lines().rev().find(|line| !line.trim().is_empty());
    let because = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    match (status.code(), status.signal()) {
        (Some(0), _) if !asked => None,
        (Some(BAD_DATA), _) => {
            Some(Failure::new("exit_65", format!("the program refused its input{because}")).for_good())
        }
        (Some(exit), _) => {
            Some(Failure::new(format!("exit_{exit}"), format!("the program ended with exit code {exit}{because}")))
        }
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            let message = format!("the program was ended by signal {signal}{because}");
            Some(Failure::new(format!("signal_{signal}"), message))
        }
    }
}

fn details(status: ExitStatus, log: &str) -> serde_json::Value {
    match status.code() {
        Some(exit) => json!({"exit_code": exit, "log": log}),
        None => json!({"signal": status.signal(), "log": log}),
    }
}

/// As a shell reports it. Another worker may have the program, so the policy decides on a retry; a machine that is
/// short of something says nothing of the task.
fn not_started(program: &str, error: &std::io::Error) -> Failure {
    if is_shortage(error) {
        return Failure::no_room(format!("starting the program: {program}: {error}"));
    }
    let exit = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    Failure::new(format!("exit_{exit}"), format!("starting the program: {program}: {error}"))
}

/// `EX_DATAERR`: failed for good. (75, `EX_TEMPFAIL`, is retried as any other code is.)
const BAD_DATA: i32 = 65;
/// The last lines are what a person needs; the whole log belongs in a log.
const LOG_BYTES: usize = 16 * 1024;
/// Longest wait for the rest in the pipes of a program that ended. Such a rest is there at once.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Variables that programs need to find their way. Everything else, secrets of the worker first of all, is kept from
/// them.
const ALLOWED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];
