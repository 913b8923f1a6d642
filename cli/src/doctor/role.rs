//! The rights that each role must have at the broker, and those that it should not.

use clap::ValueEnum;
use warrener_amqp::{BrokerError, Right, Session};
use warrener_client::amqp::Names;
use warrener_shared::id::QueueName;

use crate::findings::Findings;

/// Role of the user that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The orchestrator, who declares everything
    Orchestrator,
    /// A worker
    Worker,
    /// Somebody who submits jobs
    Client,
    /// An RPC server that knows nothing of Warrener
    Rpc,
    /// Somebody who reads events
    Monitor,
}

impl Role {
    /// The role that has the name of the user, as in the shipped definitions; else the orchestrator.
    pub(super) fn of_user(user: &str) -> Self {
        Self::from_str(user, true).unwrap_or(Self::Orchestrator)
    }

    /// Compares what the user may do with what the role needs.
    pub(super) async fn check(
        self,
        session: &Session,
        stage: &UserContext<'_>,
        findings: &mut Findings,
    ) -> Result<(), BrokerError> {
        let (mut lacks, mut exceeds) = (Vec::new(), Vec::new());
        for right in self.needs(stage) {
            if !session.may(&right).await? {
                lacks.push(said(&right));
            }
        }
        for right in self.leaves(stage) {
            if session.may(&right).await? {
                exceeds.push(said(&right));
            }
        }
        let (user, who) = (stage.user, self.name());
        match (lacks.is_empty(), exceeds.is_empty()) {
            (true, true) => findings.ok(CHECK, format!("the user {user} may do what {who} needs")),
            (true, false) => {
                let what = format!("the user {user} may do more than {who} needs: {}", exceeds.join(", "));
                findings.warning(CHECK, what, self.grant(stage));
            }
            (false, _) => {
                let what = format!("the user {user} may not do what {who} must: {}", lacks.join(", "));
                findings.problem(CHECK, what, self.grant(stage));
            }
        }
        Ok(())
    }

    fn needs(self, stage: &UserContext<'_>) -> Vec<Right> {
        let names = stage.names;
        let listen = |queue: String, exchange: String| Right::Listen { queue, exchange };
        match self {
            Self::Orchestrator => vec![
                Right::Write(names.tasks()),
                Right::Write(names.events()),
                Right::Write(names.control()),
                Right::Write(String::new()),
                Right::Consume(names.submit()),
                Right::Consume(names.results()),
                Right::Consume(names.dead()),
                Right::Consume(names.unrouted()),
                listen(format!("{}.{}", names.prefix(), stage.nobody), names.workers()),
            ],
            Self::Worker => {
                let tasks = stage.queues.iter().map(|queue| Right::Consume(names.task_queue(queue)));
                let reports = [Right::Write(names.results()), Right::Write(names.workers())];
                let control = listen(names.control_queue(&stage.nobody), names.control());
                reports.into_iter().chain(tasks).chain([control]).collect()
            }
            Self::Client => {
                vec![Right::Write(names.submit()), Right::Declare(format!("client.{}", stage.nobody))]
            }
            Self::Rpc => vec![Right::Write(String::new())],
            Self::Monitor => vec![listen(format!("monitor.{}", stage.nobody), names.events())],
        }
    }

    /// Rights that a leaked password of the role should not open.
    fn leaves(self, stage: &UserContext<'_>) -> Vec<Right> {
        let names = stage.names;
        match self {
            Self::Orchestrator => Vec::new(),
            _ => vec![Right::Write(names.tasks()), Right::Consume(names.submit()), Right::Consume(names.results())],
        }
    }

    /// The command that gives the role what it needs and no more.
    fn grant(self, stage: &UserContext<'_>) -> String {
        let p = stage.names.prefix().replace('.', "\\.");
        let [configure, write, read] = match self {
            Self::Orchestrator => [format!("^{p}\\..+$"), format!("^({p}\\..+|amq\\.default)$"), format!("^{p}\\..+$")],
            Self::Worker => [
                format!("^{p}\\.control\\..+$"),
                format!("^{p}\\.(results|workers|control\\..+)$"),
                format!("^{p}\\.(tasks\\..+|control|control\\..+)$"),
            ],
            Self::Client => {
                let own = "^(amq\\.gen-.+|client\\..+)$";
                [own.to_owned(), format!("^{p}\\.submit$"), own.to_owned()]
            }
            Self::Rpc => {
                let own = "^(rpc_queue|rpc\\..+)$";
                [own.to_owned(), format!("^(amq\\.default|{p}\\.results|{p}\\.workers)$"), own.to_owned()]
            }
            Self::Monitor => {
                let own = "^monitor\\..+$";
                [own.to_owned(), own.to_owned(), format!("^(monitor\\..+|{p}\\.events)$")]
            }
        };
        format!("rabbitmqctl set_permissions -p '{}' '{}' '{configure}' '{write}' '{read}'", stage.vhost, stage.user)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "the orchestrator",
            Self::Worker => "a worker",
            Self::Client => "a client",
            Self::Rpc => "an RPC server",
            Self::Monitor => "a monitor",
        }
    }
}

/// Surroundings of the user whose rights are judged.
#[derive(Debug)]
pub(super) struct UserContext<'a> {
    pub(super) names: &'a Names,
    /// The queues that workers serve here.
    pub(super) queues: &'a [QueueName],
    pub(super) user: &'a str,
    pub(super) vhost: &'a str,
    /// The end of a name that nobody uses.
    pub(super) nobody: String,
}

fn said(right: &Right) -> String {
    match right {
        Right::Write(exchange) if exchange.is_empty() => "publish to the default exchange".to_owned(),
        Right::Write(exchange) => format!("publish to the exchange {exchange}"),
        Right::Consume(queue) => format!("consume from the queue {queue}"),
        Right::Declare(queue) => format!("declare a queue of its own, such as {queue}"),
        Right::Listen { queue, exchange } => {
            format!("declare a queue of its own, such as {queue}, and bind it to the exchange {exchange}")
        }
    }
}

const CHECK: &str = "permissions";
