//! The examination of the broker, by AMQP alone.

use std::time::Duration;

use warrener_amqp::{BrokerError, Session, Settings, Standing, Topology, queue_is_dead};
use warrener_client::amqp::Names;
use warrener_shared::id::QueueName;
use warrener_shared::wire::Message;

use super::role::{Role, UserContext};
use crate::findings::Findings;

/// The broker that is examined, and the questions.
#[derive(Debug)]
pub(super) struct Patient<'a> {
    pub(super) settings: &'a Settings,
    pub(super) names: &'a Names,
    /// Names of our own queues, those of workers included.
    pub(super) queues: &'a [QueueName],
    pub(super) role: Option<Role>,
    /// True if an orchestrator says that it is ready.
    pub(super) is_served: bool,
}

impl Patient<'_> {
    /// Looks at everything that can be seen over AMQP.
    pub(super) async fn examine(&self, findings: &mut Findings) {
        let session = match Session::open(self.settings).await {
            Ok(session) => session,
            Err(error) => return self.unreachable(&error, findings),
        };
        self.version(session.server_version(), findings);
        let examined = async {
            self.permissions(&session, findings).await?;
            if self.topology(&session, findings).await? {
                self.queues(&session, findings).await?;
            }
            Ok::<_, BrokerError>(())
        };
        if let Err(error) = examined.await {
            findings.problem("broker", error.to_string(), "try again; if it stays, look into the broker's log");
        }
        self.alarm(&session, findings).await;
        session.close().await;
    }

    fn unreachable(&self, error: &BrokerError, findings: &mut Findings) {
        let text = error.to_string();
        let (user, vhost) = (self.user(), self.vhost());
        let fix = match error {
            BrokerError::Address { .. } => "set WARRENER_AMQP__URL to amqp://USER:PASSWORD@HOST:PORT/VHOST".to_owned(),
            BrokerError::Refused { .. } if text.contains("vhost") => format!(
                "create the virtual host with `rabbitmqctl add_vhost '{vhost}'` and give the user {user} its rights \
                 there, or name another one in the address (the default one is written %2f)"
            ),
            BrokerError::Refused { .. } if user == "guest" => {
                "guest may connect from the broker's own machine only: use a user of your own, see WARRENER_AMQP__URL"
                    .to_owned()
            }
            BrokerError::Refused { .. } => format!(
                "check user and password in WARRENER_AMQP__URL; `rabbitmqctl change_password {user} …` sets a new one"
            ),
            _ => "start RabbitMQ there, or set WARRENER_AMQP__URL to where it runs; `warrener dev` brings its own"
                .to_owned(),
        };
        findings.problem("broker", text, fix);
    }

    fn version(&self, version: &str, findings: &mut Findings) {
        let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let what = format!("RabbitMQ {version} at {}", self.settings.redacted_url());
        if (major, minor) < OLDEST {
            findings.problem("broker", what, "this version is too old: 3.10 is the oldest that is known to work");
        } else {
            findings.ok("broker", what);
        }
    }

    async fn permissions(&self, session: &Session, findings: &mut Findings) -> Result<(), BrokerError> {
        let (user, vhost) = (self.user(), self.vhost());
        let nobody = format!("doctor-{}", std::process::id());
        let stage = UserContext { names: self.names, queues: self.queues, user: &user, vhost: &vhost, nobody };
        self.role.unwrap_or_else(|| Role::of_user(&user)).check(session, &stage, findings).await
    }

    /// Checks whether there is anything of ours at all.
    async fn topology(&self, session: &Session, findings: &mut Findings) -> Result<bool, BrokerError> {
        let wanted = Topology::orchestrator(self.names, self.queues);
        let before = findings.len();
        let (mut seen, mut missing, mut refused) = (0, Vec::new(), 0);
        let count = wanted.exchanges.len() + wanted.queues.len();
        for exchange in &wanted.exchanges {
            let standing = session.compare_exchange(exchange).await?;
            seen += usize::from(standing != Standing::Missing);
            self.judge("exchange", &exchange.name, standing, &mut missing, &mut refused, findings);
        }
        for queue in &wanted.queues {
            let standing = session.compare_queue(queue).await?;
            seen += usize::from(standing != Standing::Missing);
            let is_lane = queue.name.starts_with(&format!("{}.", self.names.tasks()));
            // It is declared when somebody first names it.
            if !(is_lane && standing == Standing::Missing) {
                self.judge("queue", &queue.name, standing, &mut missing, &mut refused, findings);
            }
        }
        if seen == 0 {
            self.empty(findings);
            return Ok(false);
        }
        if !missing.is_empty() {
            let what = format!("missing at the broker: {}", missing.join(", "));
            findings.problem(TOPOLOGY, what, "restart the orchestrator: it declares what is missing");
        }
        if refused > 0 {
            let what =
                format!("the user {} may not compare the properties of {refused} of {count} entities", self.user());
            findings.skipped(TOPOLOGY, format!("{what}; the orchestrator's user may"));
        }
        let all = format!("{} exchanges and queues under {:?} are as they should be", count, self.names.prefix());
        findings.ok_unless_found(TOPOLOGY, before, all);
        Ok(true)
    }

    fn empty(&self, findings: &mut Findings) {
        let what =
            format!("there is nothing under the prefix {:?} in the virtual host {}", self.names.prefix(), self.vhost());
        let fix = if self.is_served {
            "the orchestrator is ready, so it is connected elsewhere: give both the same WARRENER_AMQP__URL and \
             WARRENER_AMQP__PREFIX"
        } else {
            "start the orchestrator, which declares everything; if it runs, compare WARRENER_AMQP__URL and \
             WARRENER_AMQP__PREFIX"
        };
        findings.problem(TOPOLOGY, what, fix);
    }

    fn judge(
        &self,
        sort: &str,
        name: &str,
        standing: Standing,
        missing: &mut Vec<String>,
        refused: &mut usize,
        findings: &mut Findings,
    ) {
        match standing {
            Standing::Same => {}
            Standing::Missing => missing.push(format!("{sort} {name}")),
            Standing::Refused => *refused += 1,
            Standing::Differs { wanted, found } => {
                let what = format!("the {sort} {name} has other properties: it has {found}, and should have {wanted}");
                let fix = format!(
                    "stop the orchestrator, save what is in it, delete it (`rabbitmqctl delete_queue {name}` for a \
                     queue) and start the orchestrator, which declares it anew; or choose another WARRENER_AMQP__PREFIX"
                );
                findings.problem(TOPOLOGY, what, fix);
            }
        }
    }

    /// Queues that work, and that somebody reads.
    async fn queues(&self, session: &Session, findings: &mut Findings) -> Result<(), BrokerError> {
        let before = findings.len();
        let lanes = self.queues.iter().map(|queue| self.names.task_queue(queue));
        let own = [self.names.submit(), self.names.results(), self.names.dead(), self.names.unrouted()];
        let all: Vec<_> = own.into_iter().chain(lanes).collect();
        let mut there = 0;
        for name in &all {
            let Some(depth) = session.depth(name).await? else { continue };
            there += 1;
            // A queue without a leader shows no messages; one with messages is not asked, so that none is touched.
            if depth.ready == 0
                && session.may(&warrener_amqp::Right::Consume(name.clone())).await?
                && queue_is_dead(self.settings, name).await.unwrap_or(false)
            {
                self.dead(name, findings);
            } else if depth.ready > 0 && depth.consumers == 0 && !name.starts_with(&self.names.tasks()) {
                let what = format!("{} messages wait in {name}, and nobody reads it", depth.ready);
                findings.problem(QUEUES, what, "start the orchestrator");
            }
        }
        findings.ok_unless_found(QUEUES, before, format!("{there} queues answer"));
        Ok(())
    }

    fn dead(&self, name: &str, findings: &mut Findings) {
        let what = format!("the queue {name} is dead: it has no leader, takes no messages and gives none");
        let fix = match name {
            name if name == self.names.submit() => {
                "`warrener doctor --fix submit` deletes it and declares it anew".to_owned()
            }
            name if name == self.names.results() => {
                "`warrener doctor --fix results` deletes it and declares it anew".to_owned()
            }
            name if name.starts_with(&self.names.tasks()) => {
                "the orchestrator makes it anew within a minute, and loses nothing; is it running?".to_owned()
            }
            _ => format!("`rabbitmqctl delete_queue {name}`, then restart the orchestrator"),
        };
        findings.problem(QUEUES, what, fix);
    }

    /// A broker short of memory or disk says so only to those who publish.
    async fn alarm(&self, session: &Session, findings: &mut Findings) {
        let Ok(publisher) = session.publisher(1).await else { return };
        // Under a name that no queue has, so it goes nowhere. Whoever may not even do this is told of alarms too.
        let publishing = publisher.publish("", "warrener.doctor.nowhere", Message::default());
        let confirmed = tokio::time::timeout(CONFIRM_PATIENCE, publishing).await.is_ok();
        if confirmed {
            // The word of an alarm comes after the first message.
            tokio::time::sleep(WORD_PATIENCE).await;
        }
        match session.is_blocked() {
            Some(reason) => findings.problem(
                "alarm",
                format!("the broker takes no messages: {reason}"),
                "free memory or disk on its machine, or raise vm_memory_high_watermark or disk_free_limit in \
                 rabbitmq.conf; everything goes on by itself afterwards",
            ),
            None if confirmed => findings.ok("alarm", "neither memory nor disk is short at the broker"),
            None => findings.problem(
                "alarm",
                format!("the broker did not confirm a message within {} s", CONFIRM_PATIENCE.as_secs()),
                "look into its log: it may be overloaded, or cut off from the rest of its cluster",
            ),
        }
    }

    pub(super) fn user(&self) -> String {
        let (_, rest) = self.settings.url.split_once("://").unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let user = rest[..end].rsplit_once('@').map_or("guest", |(user, _)| user);
        user.split_once(':').map_or(user, |(user, _)| user).to_owned()
    }

    pub(super) fn vhost(&self) -> String {
        let (_, rest) = self.settings.url.split_once("://").unwrap_or_default();
        let vhost = rest.split_once('/').map_or("", |(_, vhost)| vhost);
        let vhost = vhost.split_once('?').map_or(vhost, |(vhost, _)| vhost);
        if vhost.is_empty() { "/".to_owned() } else { vhost.replace("%2f", "/").replace("%2F", "/") }
    }
}

const TOPOLOGY: &str = "topology";
const QUEUES: &str = "queues";
/// The oldest version that the tests have seen.
const OLDEST: (u32, u32) = (3, 10);
/// Longest wait for the confirm of a message that goes nowhere.
const CONFIRM_PATIENCE: Duration = Duration::from_secs(3);
/// Wait for the word of an alarm after that confirm.
const WORD_PATIENCE: Duration = Duration::from_millis(300);
