//! The command line of Warrener: one file per noun, stdout for data, stderr for talk.

mod args;
mod audit;
mod bench;
mod bulk;
mod choice;
mod completion;
mod conformance;
mod context;
mod contexts;
mod dead;
mod delayed;
mod dev;
mod doctor;
mod document;
mod events;
mod exit;
mod failure;
mod findings;
mod follow;
mod job;
mod limit;
mod logs;
mod man;
mod options;
mod output;
mod progress;
mod queue;
mod ready;
mod run;
mod schedule;
mod settings;
mod steer;
mod submit;
mod talk;
mod task;
mod token;
mod top;
mod validate;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Args, Command};
use self::context::Context;
use self::exit::Exit;
use self::failure::Failure;

/// Does what the arguments of this process say, and gives the exit code that the contract fixes for it.
pub fn run() -> ExitCode {
    let args = Args::parse();
    match start(args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            talk::complain(&failure);
            failure.exit.into()
        }
    }
}

fn start(args: Args) -> Result<Exit, Failure> {
    if !matches!(args.command, Command::DevRole { .. }) {
        warrener_runtime::telemetry::init(warrener_runtime::telemetry::Format::Pretty, LOG_LEVEL)
            .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // A role is a whole orchestrator or worker; everything else waits for one answer at a time.
    if !matches!(args.command, Command::Bench(_) | Command::BenchRole(_) | Command::DevRole { .. }) {
        runtime.worker_threads(1);
    } else if !matches!(args.command, Command::Bench(_)) {
        runtime.worker_threads(warrener_runtime::threads::asynchronous());
    }
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Error, format!("starting: {error}")))?;
    runtime.block_on(dispatch(Context::new(args.globals), args.command))
}

async fn dispatch(context: Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Submit(args) => submit::submit(&context, args).await,
        Command::Run(args) => run::run(&context, args).await,
        Command::Validate(args) => validate::validate(&args),
        Command::Watch(args) => watch::watch(&context, args).await,
        Command::Logs(args) => logs::logs(&context, &args).await,
        Command::Job { verb } => job::job(&context, verb).await,
        Command::Task { verb } => task::task(&context, verb).await,
        Command::Queue { verb } => queue::queue(&context, verb).await,
        Command::Schedule { verb } => schedule::schedule(&context, verb).await,
        Command::Limit { verb } => limit::limit(&context, verb).await,
        Command::Worker { verb } => worker::worker(&context, verb).await,
        Command::Delayed { verb } => delayed::delayed(&context, verb).await,
        Command::Dead { verb } => dead::dead(&context, verb).await,
        Command::Audit { verb } => audit::audit(&context, verb).await,
        Command::Bulk { verb } => bulk::bulk(&context, verb).await,
        Command::Top(args) => top::top(&context, &args).await,
        Command::Events(args) => events::events(&context, args).await,
        Command::Context { verb } => contexts::contexts(&context, verb),
        Command::Token { verb } => token::token(&context, verb),
        Command::Config { verb } => settings::settings(&context, verb),
        Command::Conformance(args) => conformance::conformance(&context, args).await,
        Command::Doctor(args) => doctor::doctor(&context, args).await,
        Command::Dev(args) => dev::dev(&context, args).await,
        Command::DevRole { role } => dev::role(&context, role).await,
        Command::Bench(args) => bench::bench(&context, args).await,
        Command::BenchRole(args) => bench::role(args).await,
        Command::Man { command, all } => man::man(&command, all.as_deref()),
        Command::Completion { shell } => completion::completion(shell),
    }
}

/// Level for the logs of libraries: only those who ask with RUST_LOG see them, since our own errors say it better.
const LOG_LEVEL: &str = "off";
