//! The examination of the broker by RabbitMQ's management plugin, which tells more than AMQP.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use warrener_client::amqp::Names;
use warrener_client::http::fetch;
use warrener_shared::time::Timestamp;

use super::service;
use crate::findings::Findings;

/// The management plugin, and what is looked at there.
#[derive(Debug)]
pub(super) struct Management<'a> {
    /// Address of the plugin, with user and password.
    pub(super) url: &'a str,
    pub(super) vhost: &'a str,
    pub(super) names: &'a Names,
    pub(super) claim_after: Duration,
}

#[derive(Debug, Deserialize)]
struct ManagedNode {
    name: String,
    #[serde(default)]
    mem_alarm: bool,
    #[serde(default)]
    disk_free_alarm: bool,
    #[serde(default)]
    partitions: Vec<String>,
    #[serde(default)]
    running: bool,
}

#[derive(Debug, Deserialize)]
struct ManagedQueue {
    name: String,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    operator_policy: Option<String>,
    #[serde(default)]
    effective_policy_definition: Option<Value>,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default)]
    state: Option<String>,
}

impl Management<'_> {
    /// Looks at nodes, queues and their policies.
    pub(super) async fn examine(&self, now: impl Fn() -> Timestamp, findings: &mut Findings) {
        if let Err(why) = self.examine_all(now, findings).await {
            let fix = "enable it with `rabbitmq-plugins enable rabbitmq_management`; --management wants \
                       http://USER:PASSWORD@HOST:15672 and a user with the tag `monitoring`";
            findings.problem(CHECK, why, fix);
        }
    }

    async fn examine_all(&self, now: impl Fn() -> Timestamp, findings: &mut Findings) -> Result<(), String> {
        let before = now();
        let (nodes, date) = self.get::<Vec<ManagedNode>>("nodes").await?;
        if let Some(date) = date {
            service::clock("the broker", date, before, now(), findings);
        }
        let vhost = escape(self.vhost);
        // What the plugin tells of queues is up to five seconds old.
        let (queues, _) = self.get::<Vec<ManagedQueue>>(&format!("queues/{vhost}")).await?;
        let start = findings.len();
        nodes.iter().for_each(|node| judge_node(node, findings));
        for queue in queues.iter().filter(|queue| self.names.owns(&queue.name)) {
            self.judge_queue(queue, findings);
        }
        findings.ok_unless_found(CHECK, start, "the nodes are up, and no policy harms our queues");
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Option<Timestamp>), String> {
        let page = fetch(&format!("{}/api/{path}", self.url.trim_end_matches('/'))).await;
        let page = page.map_err(|error| error.to_string())?;
        if page.status != 200 {
            return Err(format!("reading {path} from the management plugin: status {}", page.status));
        }
        let read = serde_json::from_str(&page.text).map_err(|error| format!("reading {path}: {error}"))?;
        Ok((read, page.date))
    }

    fn judge_queue(&self, queue: &ManagedQueue, findings: &mut Findings) {
        if matches!(queue.state.as_deref(), Some("down" | "minority" | "stopped" | "crashed")) {
            let state = queue.state.as_deref().unwrap_or_default();
            let what = format!("the queue {} is {state}", queue.name);
            findings.problem(CHECK, what, "bring the missing nodes of its cluster back, or heal it, see --fix");
        }
        let policy = [&queue.policy, &queue.operator_policy].into_iter().flatten().cloned().collect::<Vec<_>>();
        let policy = policy.join(" and ");
        for (key, harm) in HARMFUL {
            if let Some(value) = queue.setting(key) {
                let what = format!("the policy {policy} sets {key} = {value} on the queue {}: {harm}", queue.name);
                findings.problem(
                    CHECK,
                    what,
                    format!("take {key} out of the policy, or our queues out of its pattern"),
                );
            }
        }
        if let Some(value) = queue.number("max-length").filter(|max| *max < SMALLEST_WINDOW) {
            let what = format!("max-length = {value} on the queue {}: fewer messages than one window", queue.name);
            findings.problem(CHECK, what, format!("raise it to {SMALLEST_WINDOW} at least"));
        }
        if let Some(timeout) = queue.number("consumer-timeout").or_else(|| queue.number("x-consumer-timeout")) {
            let timeout = Duration::from_millis(timeout);
            if self.claim_after * 2 > timeout {
                let what = format!(
                    "consumer-timeout = {} s on the queue {}, and workers claim only after {} s",
                    timeout.as_secs(),
                    queue.name,
                    self.claim_after.as_secs()
                );
                findings.problem(CHECK, what, "set worker.claim_after to less than half of it");
            }
        }
    }
}

impl ManagedQueue {
    /// Value that a policy sets, or an argument of somebody else.
    fn setting(&self, key: &str) -> Option<&Value> {
        self.effective_policy_definition.as_ref().and_then(|policy| policy.get(key))
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.setting(key).or_else(|| self.arguments.get(key)).and_then(Value::as_u64)
    }
}

fn judge_node(node: &ManagedNode, findings: &mut Findings) {
    let mut alarm = |what: &str, fix: &str| findings.problem(CHECK, format!("the node {} {what}", node.name), fix);
    if !node.running {
        alarm("is down", "start it");
    }
    if node.mem_alarm {
        alarm("is short of memory and takes no messages", "give it more, or raise vm_memory_high_watermark");
    }
    if node.disk_free_alarm {
        alarm("is short of disk and takes no messages", "make room there");
    }
    if !node.partitions.is_empty() {
        alarm("is cut off from others of its cluster", "restart the smaller side");
    }
}

fn escape(vhost: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    vhost.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const CHECK: &str = "management";
/// Settings that a policy must not make on our queues, with the reasons.
const HARMFUL: [(&str, &str); 4] = [
    ("message-ttl", "messages that wait for longer become dead letters"),
    ("expires", "the broker deletes it when nobody has used it for a while"),
    ("delivery-limit", "messages become dead letters after fewer deliveries than 20"),
    ("max-age", "it belongs to streams"),
];
/// The orchestrator keeps at least so many messages in a queue.
const SMALLEST_WINDOW: u64 = 16;
