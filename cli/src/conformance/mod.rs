//! `warrener conformance`: plays the orchestrator against somebody's worker, and says which rules it breaks.

mod answers;
mod claims;
mod control;
mod crashes;
mod delivery;
mod judge;
mod long;
mod play;
mod scenes;
mod stage;
mod worker;

use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Deserialize;
use warrener_amqp::Settings;
use warrener_client::amqp::Names;
use warrener_runtime::config::{Amqp, Binary, Origin};

use self::play::Play;
use self::stage::Stage;
use self::worker::TestedWorker;
use crate::context::Context;
use crate::dev::Lent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::Findings;
use crate::options::duration;

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "With a command, such as `warrener conformance --queue q -- python3 worker.py q`, the worker is \
    started and told the broker's\naddress in WARRENER_AMQP__URL; more is tested then, because it can be killed and \
    stopped. Without a broker in the\nconfiguration a private RabbitMQ is started for it.\n\n\
    The exit code is 1 if a MUST is broken."
)]
pub(crate) struct ConformanceArgs {
    /// The queue that the worker serves
    #[arg(long)]
    pub(crate) queue: String,
    /// A kind that the worker knows [default: the first that its heartbeat names]
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Input with which that kind succeeds
    #[arg(long, value_name = "JSON", default_value = "null", allow_hyphen_values = true)]
    pub(crate) input: String,
    /// The output that this must give
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) expect: Option<String>,
    /// A kind that works for at least 20 s with --slow-input; without it, time limits, claims, control and
    /// shutdown are not tested
    #[arg(long, value_name = "KIND")]
    pub(crate) slow: Option<String>,
    /// Input of the slow kind
    #[arg(long, value_name = "JSON", default_value = "null", requires = "slow", allow_hyphen_values = true)]
    pub(crate) slow_input: String,
    /// Longest wait for the claim of a slow attempt, such as 70s: it has to work 20 s longer then
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "3s", requires = "slow")]
    pub(crate) claims: Duration,
    /// Test a plain RPC server with a queue of its own, which knows nothing of Warrener: fewer rules
    #[arg(long, conflicts_with = "slow")]
    pub(crate) rpc: bool,
    /// Longest time that the worker may take for --input
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) patience: Duration,
    /// The worker and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ConformanceConfig {
    amqp: Amqp,
}

/// Tests a worker and prints what was found; fails if a MUST is broken.
pub(crate) async fn conformance(context: &Context, args: ConformanceArgs) -> Result<Exit, Failure> {
    check_json("--input", &args.input)?;
    check_json("--slow-input", &args.slow_input)?;
    args.expect.iter().try_for_each(|json| check_json("--expect", json))?;
    let loaded = context.loader(&[Binary::Cli]).load::<ConformanceConfig>()?;
    let is_given =
        loaded.settings().iter().any(|setting| setting.path == "amqp.url" && setting.origin != Origin::Default);
    let amqp = loaded.value.amqp;
    if !is_given && args.command.is_empty() {
        context.suggest("no worker is named behind --, so one is awaited at the usual broker");
    }
    if is_given || args.command.is_empty() {
        return with_broker(context, args, &amqp, &amqp.address()).await;
    }
    context.say("starting a private RabbitMQ, which takes some seconds");
    let lent = Lent::start().await?;
    let outcome = with_broker(context, args, &amqp, &lent.url).await;
    lent.give_back().await?;
    outcome
}

async fn with_broker(context: &Context, args: ConformanceArgs, amqp: &Amqp, url: &str) -> Result<Exit, Failure> {
    let settings = Settings::new(url, "warrener conformance");
    let names = Names::new(&amqp.prefix);
    let stage = Stage::set(settings, names, &args.queue, args.rpc).await?;
    let variables = vec![("WARRENER_AMQP__URL", url.to_owned()), ("WARRENER_AMQP__PREFIX", amqp.prefix.clone())];
    let worker = (!args.command.is_empty()).then(|| TestedWorker::new(args.command.clone(), variables));
    let mut play = Play::new(context, args, stage, worker);
    let played = tokio::select! {
        played = scenes::all(&mut play) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    let (findings, misuse) = play.end().await?;
    played?;
    findings.print(context)?;
    context.say(&verdict(&findings));
    match misuse {
        Some(what) if findings.problems() == 0 => Err(Failure::new(Exit::Usage, what)),
        _ => Ok(if findings.problems() == 0 { Exit::Ok } else { Exit::Error }),
    }
}

/// Sums the findings up, in a line.
fn verdict(findings: &Findings) -> String {
    let left_out = match findings.skipped_checks() {
        (0, _) => String::new(),
        (skipped, all) => format!("; not tested: {skipped} of {all} checks"),
    };
    match findings.fixes() {
        0 => format!("the worker keeps every MUST that was tested{left_out}"),
        count => {
            let rules = if count == 1 { "rule" } else { "rules" };
            format!("the worker breaks {count} {rules} of the protocol (§: sections of PROTOCOL.md){left_out}")
        }
    }
}

fn check_json(flag: &str, text: &str) -> Result<(), Failure> {
    let read = serde_json::from_str::<serde::de::IgnoredAny>(text);
    read.map(drop).map_err(|error| Failure::new(Exit::Usage, format!("{flag}: not JSON: {error}")))
}
