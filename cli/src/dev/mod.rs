//! `warrener dev`: everything on this machine by one command, and nothing of it left afterwards.

mod broker;
mod lend;
mod part;
mod place;
mod plan;
mod role;
mod tail;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warrener_runtime::shutdown::Shutdown;

use self::broker::PrivateBroker;
pub(crate) use self::lend::Lent;
use self::part::{DevPart, Living};
use self::place::DevFolder;
use self::plan::DevPlan;
pub(crate) use self::role::{DevRole, role};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::{ready, talk};

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "What the configuration names (amqp.url, store.url, http.listen) is used as it is; the rest is \
    brought along:\na RabbitMQ from the installed rabbitmq-server, a database in the folder, workers with the \
    demo kinds."
)]
pub(crate) struct DevArgs {
    /// Forget the jobs of earlier runs
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Number of workers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) workers: u32,
    /// Folder for jobs, logs and the broker's data
    #[arg(long, value_name = "FOLDER", default_value = ".warrener")]
    pub(crate) folder: PathBuf,
    /// Open the dashboard in a browser
    #[arg(long)]
    pub(crate) open: bool,
}

/// Starts everything, says how to use it, and keeps it until Ctrl-C.
pub(crate) async fn dev(context: &Context, args: DevArgs) -> Result<Exit, Failure> {
    let start = Instant::now();
    let place = Arc::new(DevFolder::take(&args.folder).await?);
    if args.fresh {
        place.forget()?;
    }
    let plan = DevPlan::make(context, &place)?;
    let shutdown =
        Shutdown::on_signals().map_err(|error| Failure::new(Exit::Error, format!("listening for signals: {error}")))?;
    let living = Living::default();
    let last = living.clone();
    shutdown.before_ending_at_once(move || last.kill_all());
    let mut stage = RunningParts { context, place, plan, living, floors: Vec::new() };
    let ended = stage.play(&args, start, &shutdown).await;
    if shutdown.is_requested() {
        context.say("\nstopping; Ctrl-C again ends everything at once");
    }
    let struck = stage.strike().await;
    ended.and(struck)?;
    context.say(&format!("stopped; what was kept is in {}", args.folder.display()));
    Ok(Exit::Ok)
}

/// The running parts. Later floors stand on earlier ones and end before them.
struct RunningParts<'a> {
    context: &'a Context,
    place: Arc<DevFolder>,
    plan: DevPlan,
    living: Living,
    floors: Vec<Floor>,
}

struct Floor {
    stop: CancellationToken,
    parts: JoinSet<Result<(), Failure>>,
}

impl RunningParts<'_> {
    /// Brings everything up and waits for the wish to end, or for a part that can't go on.
    async fn play(&mut self, args: &DevArgs, start: Instant, shutdown: &Shutdown) -> Result<(), Failure> {
        tokio::select! {
            built = self.build(args, start) => built?,
            () = shutdown.requested() => return Ok(()),
        }
        tokio::select! {
            failure = self.broken() => Err(failure),
            () = shutdown.requested() => Ok(()),
        }
    }

    async fn build(&mut self, args: &DevArgs, start: Instant) -> Result<(), Failure> {
        let url = match self.plan.broker.clone() {
            Some(url) => url,
            None => self.start_broker().await?,
        };
        self.begin([self.program("orchestrator", DevRole::Orchestrator, ORCHESTRATOR_GRACE)]);
        self.wait_for_orchestrator().await?;
        let workers = (1..=args.workers).map(|number| format!("worker-{number}"));
        let workers: Vec<_> = workers.map(|name| self.program(&name, DevRole::Worker, WORKER_GRACE)).collect();
        self.begin(workers);
        self.greet(args, &url, start.elapsed())
    }

    async fn start_broker(&mut self) -> Result<String, Failure> {
        let broker = Arc::new(PrivateBroker::find(&self.place)?);
        self.context.say("starting a RabbitMQ of its own, which takes some seconds");
        let url = broker.url();
        self.plan.variables.push(("WARRENER_AMQP__URL", url.clone()));
        let (place, started) = (Arc::clone(&self.place), Arc::clone(&broker));
        self.begin([DevPart {
            name: "rabbitmq".to_owned(),
            log: self.fresh_log("rabbitmq"),
            command: Box::new(move || started.command(&place)),
            grace: BROKER_GRACE,
        }]);
        self.until("RabbitMQ", async || broker.answers().await.then_some(()).ok_or_else(|| "no answer".to_owned()))
            .await?;
        Ok(url)
    }

    async fn wait_for_orchestrator(&mut self) -> Result<(), Failure> {
        let address = self.plan.listen.clone();
        self.until("the orchestrator", async || ready::ready(&address).await).await
    }

    /// Waits until `check` holds, and no longer than everything that was started goes on.
    async fn until(&mut self, what: &str, check: impl AsyncFn() -> Result<(), String>) -> Result<(), Failure> {
        let (deadline, mut said) = (Instant::now() + START_TIMEOUT, Instant::now() + SAY_AFTER);
        let quiet = self.context.globals.quiet;
        let waiting = async {
            while let Err(reason) = check().await {
                let now = Instant::now();
                if now > deadline {
                    let what = format!("starting {what}: not ready within {} s: {reason}", START_TIMEOUT.as_secs());
                    return Err(Failure::new(Exit::Unreachable, what).hint("`warrener doctor` looks for the cause"));
                }
                if now > said && !quiet {
                    talk::say(&format!("{what} is not ready yet: {reason}"));
                    said = now + SAY_AFTER;
                }
                sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        tokio::select! {
            ready = waiting => ready,
            failure = self.broken() => Err(failure),
        }
    }

    fn begin(&mut self, parts: impl IntoIterator<Item = DevPart>) {
        let (stop, mut set) = (CancellationToken::new(), JoinSet::new());
        for part in parts {
            set.spawn(part.keep(self.living.clone(), stop.clone()));
        }
        self.floors.push(Floor { stop, parts: set });
    }

    /// Returns when a part can't go on; never, if none is started.
    async fn broken(&mut self) -> Failure {
        let ends = self.floors.iter_mut().filter(|floor| !floor.parts.is_empty()).map(|floor| {
            Box::pin(async {
                match floor.parts.join_next().await {
                    Some(Ok(Err(failure))) => failure,
                    other => Failure::new(Exit::Error, format!("a part ended: {other:?}")),
                }
            })
        });
        let ends: Vec<_> = ends.collect();
        if ends.is_empty() {
            return std::future::pending().await;
        }
        futures_util::future::select_all(ends).await.0
    }

    /// Ends what runs, the last floor first.
    async fn strike(mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        while let Some(mut floor) = self.floors.pop() {
            floor.stop.cancel();
            while let Some(ended) = floor.parts.join_next().await {
                let ended = ended.unwrap_or_else(|error| Err(Failure::new(Exit::Error, error.to_string())));
                result = result.and(ended);
            }
        }
        result
    }

    fn program(&self, name: &str, role: DevRole, grace: Duration) -> DevPart {
        let variables = self.plan.variables.clone();
        let config = self.context.globals.config.clone();
        let command = move || {
            let mut command = Command::new(std::env::current_exe()?);
            let role = if role == DevRole::Worker { "worker" } else { "orchestrator" };
            command.arg("dev-role").arg(role).envs(variables.iter().map(|(name, value)| (*name, value)));
            if let Some(config) = &config {
                command.arg("--config").arg(config);
            }
            Ok(command)
        };
        DevPart { name: name.to_owned(), log: self.fresh_log(name), command: Box::new(command), grace }
    }

    fn fresh_log(&self, name: &str) -> PathBuf {
        let log = self.place.logs().join(format!("{name}.log"));
        // If it can't be emptied, it can't be written to either, and that is told.
        std::fs::remove_file(&log).ok();
        log
    }

    fn greet(&self, args: &DevArgs, amqp: &str, took: Duration) -> Result<(), Failure> {
        let url = format!("http://{}", self.plan.listen);
        let output = self.context.globals.output;
        if !matches!(output, OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv | OutputFormat::Name) {
            let place = json!({ "url": url, "amqp_url": amqp, "folder": args.folder, "workers": args.workers });
            talk::exact(&place.to_string())?;
        }
        let whose = if self.plan.broker.is_none() { " (its own)" } else { "" };
        self.context.say(&format!("ready after {:.1} s\n", took.as_secs_f64()));
        self.context.say(&format!("  dashboard     {url}/"));
        self.context.say(&format!("  orchestrator  {url}"));
        self.context.say(&format!("  broker        {amqp}{whose}"));
        self.context.say(&format!("  workers       {}, for {}", args.workers, self.plan.work));
        self.context.say(&format!("  jobs          {}", self.kept(&args.folder)));
        self.context.say(&format!("  logs          {}\n", self.place.logs().display()));
        self.context.say(&format!("Try it in another terminal:\n{}", self.first_steps(amqp, &url)));
        if args.open {
            self.open(&url);
        }
        Ok(())
    }

    /// Opens the dashboard with whatever the system opens addresses with. Nothing waits for it.
    fn open(&self, url: &str) {
        let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let quiet = || std::process::Stdio::null();
        let opened =
            Command::new(program).arg(format!("{url}/")).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
        if let Err(error) = opened {
            self.context.say(&format!("  {program} could not be started ({error}); open {url}/ yourself"));
        }
    }

    fn kept(&self, folder: &Path) -> String {
        if self.plan.own_store {
            format!("kept in {}; --fresh forgets them", folder.display())
        } else {
            "kept where the configuration says".to_owned()
        }
    }

    fn first_steps(&self, amqp: &str, url: &str) -> String {
        let mut steps = String::new();
        if self.plan.broker.is_none() && amqp != USUAL_AMQP {
            steps += &format!("  export WARRENER_AMQP__URL={amqp}\n");
        }
        if url != USUAL_URL {
            steps += &format!("  export WARRENER_URL={url}\n");
        }
        let end = if std::io::stderr().is_terminal() { "\nCtrl-C ends it all." } else { "" };
        steps + "  warrener run demo.echo --input '{\"hello\": \"world\"}'\n  warrener submit JOB.yaml --watch\n" + end
    }
}

const USUAL_URL: &str = "http://127.0.0.1:8080";
const USUAL_AMQP: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest wait for a start: a broker takes 6 s, on a busy machine 20.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Wait after which a person begins to wonder.
const SAY_AFTER: Duration = Duration::from_secs(10);
/// More than the drain of a worker, unless the configuration gives it longer.
const WORKER_GRACE: Duration = Duration::from_secs(40);
/// Time for an orchestrator to end once it was asked.
const ORCHESTRATOR_GRACE: Duration = Duration::from_secs(15);
/// Time for the broker to end once it was asked.
const BROKER_GRACE: Duration = Duration::from_secs(20);
