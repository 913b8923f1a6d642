//! `warrener doctor`: what is wrong, and how to put it right.

mod broker;
mod fix;
mod management;
mod role;
mod schedules;
mod service;
mod store;

use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Deserialize;
use warrener_client::amqp::{Names, Settings};
use warrener_orchestrator::config::StoreConfig;
use warrener_runtime::config::{Amqp, Binary};
use warrener_shared::id::QueueName;

use self::broker::Patient;
pub(crate) use self::fix::Fixable;
use self::management::Management;
pub(crate) use self::role::Role;
use self::service::Service;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::Findings;

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Role whose rights the user of amqp.url should have [default: that of the same name, else orchestrator]
    #[arg(long, value_enum)]
    pub(crate) role: Option<Role>,
    /// RabbitMQ's management plugin, such as http://monitor:monitor@127.0.0.1:15672: nodes and policies
    #[arg(long, value_name = "URL")]
    pub(crate) management: Option<String>,
    /// Delete this queue, if it is dead, and declare it anew
    #[arg(long, value_enum, value_name = "QUEUE", conflicts_with_all = ["role", "management"])]
    pub(crate) fix: Option<Fixable>,
    /// Don't ask
    #[arg(short, long, requires = "fix")]
    pub(crate) yes: bool,
}

#[derive(Debug, Deserialize)]
struct DoctorConfig {
    amqp: Amqp,
    store: StoreConfig,
    worker: DoctorWorkerSection,
}

#[derive(Debug, Deserialize)]
struct DoctorWorkerSection {
    queues: Vec<String>,
    claim_after: Duration,
}

/// Looks at everything, tells it with its fix, and fails if something does not work.
pub(crate) async fn doctor(context: &Context, args: DoctorArgs) -> Result<Exit, Failure> {
    let config = context.loader(&[Binary::Orchestrator, Binary::Worker, Binary::Cli]).load::<DoctorConfig>()?.value;
    let names = Names::new(&config.amqp.prefix);
    let settings = settings(&config.amqp);
    if let Some(which) = args.fix {
        return fix::fix(context, which, args.yes, &settings, &names).await;
    }
    let mut findings = Findings::default();
    findings.ok("configuration", "sound; `warrener config show` prints it");
    claims(config.worker.claim_after, &mut findings);
    let service = service::examine(&context.http()?, &context.url()?, || context.now(), &mut findings).await;
    if service.answers {
        schedules::examine(&context.http()?, &mut findings).await;
    }
    let queues = queues(&config, &service, &names);
    let patient =
        Patient { settings: &settings, names: &names, queues: &queues, role: args.role, is_served: service.is_ready };
    patient.examine(&mut findings).await;
    match &args.management {
        Some(url) => {
            let vhost = patient.vhost();
            let claim_after = config.worker.claim_after;
            let management = Management { url, vhost: &vhost, names: &names, claim_after };
            management.examine(|| context.now(), &mut findings).await;
        }
        None => findings.skipped("management", "policies and nodes: give --management http://USER:PASSWORD@HOST:15672"),
    }
    store::examine(&config.store.address(), service.answers, &mut findings);
    findings.print(context)?;
    context.say(&findings.sum());
    Ok(if findings.problems() == 0 { Exit::Ok } else { Exit::Error })
}

/// Short limits: a patient who takes longer is ill.
fn settings(amqp: &Amqp) -> Settings {
    let connect_timeout = Duration::from_secs(5);
    Settings { heartbeat: amqp.heartbeat, connect_timeout, ..Settings::new(amqp.address(), "warrener doctor") }
}

/// RabbitMQ tells its consumer timeout to nobody; it is 30 minutes unless somebody set it.
fn claims(claim_after: Duration, findings: &mut Findings) {
    if claim_after > CONSUMER_TIMEOUT / 2 {
        let what = format!(
            "worker.claim_after is {} s; the broker ends deliveries that are held for {} s, its default",
            claim_after.as_secs(),
            CONSUMER_TIMEOUT.as_secs()
        );
        findings.problem("claims", what, "set worker.claim_after to less than half of the broker's consumer_timeout");
    } else {
        let what = format!(
            "workers claim after {} s; keep that under half of consumer_timeout, which AMQP doesn't tell (30 min by \
             default)",
            claim_after.as_secs()
        );
        findings.ok("claims", what);
    }
}

/// Names of our own queues: those that the orchestrator knows, and those that a worker would serve with this
/// configuration.
fn queues(config: &DoctorConfig, service: &Service, names: &Names) -> Vec<QueueName> {
    let known = service.queues.iter().filter_map(|queue| {
        let name = QueueName::new(&queue.name).ok()?;
        let is_ours = queue.address.as_ref().is_none_or(|address| *address == names.task_queue(&name));
        is_ours.then_some(name)
    });
    let served = config.worker.queues.iter().filter_map(|queue| QueueName::new(queue).ok());
    let all: std::collections::BTreeSet<_> = known.chain(served).collect();
    all.into_iter().collect()
}

/// Time after which RabbitMQ ends a delivery that is held, by default.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);
