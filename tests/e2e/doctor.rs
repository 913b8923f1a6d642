//! `warrener doctor` at brokers that are wrong in one way each: it must name that cause, and its fix.

use std::fs::File;
use std::process::Command;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan, program};
use warrener_tests::postgres::{PASSWORD, Server};
use warrener_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_system_has_no_findings() {
    let cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    until("the worker is heard of", SOON, async || {
        (!cluster.get("/api/v1/workers").await.1["items"].as_array()?.is_empty()).then_some(())
    })
    .await;
    let seen = Doctor::of(&cluster).examine(&[]);
    assert_eq!(seen.code, 0, "{:#}", seen.findings);
    assert!(seen.bad().is_empty(), "{:#}", seen.findings);
    let held = seen.of("store");
    assert!(held[0].contains("held by process") && held[0].contains("(orchestrator)"), "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misconfigured_broker_is_named() {
    let mut cluster = Cluster::under_default_prefix(Broker::start().await, "");
    cluster.start_orchestrator().await;
    cluster.start_worker("w1", &Plan::default());
    cluster.start_worker("w2", &Plan::default().command("text.count", &["cat"]));
    places_and_queues(&cluster).await;
    permissions(&mut cluster).await;
    policies(&mut cluster).await;
    workers(&cluster).await;
    cluster.broker().set_memory_watermark(0.0001).await;
    let seen = Doctor::of(&cluster).examine(&[]);
    seen.problem("alarm", "low on memory", "vm_memory_high_watermark");
    cluster.broker().set_memory_watermark(0.4).await;
    stores(&mut cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_on_a_server_is_looked_at() {
    let server = Server::start();
    let mut cluster = Cluster::on_store(Broker::shared().await, server.url()).await;
    let seen = |url: &str| Doctor::of(&cluster).set("WARRENER_STORE__URL", url).examine(&[]);
    let held = seen(&server.url()).of("store");
    assert!(held[0].contains("reachable, held by one connected from 127.0.0.1"), "{held:?}");
    let wrong = seen(&server.url().replace(PASSWORD, "wrong-password"));
    wrong.problem("store", "password authentication failed", "store.url names");
    assert!(!wrong.findings.to_string().contains("wrong-password"), "{:#}", wrong.findings);
    seen("postgres://nobody@127.0.0.1:1/none").problem("store", "refused", "see that PostgreSQL runs");
    cluster.stop_orchestrator().await;
    let seen = Doctor::of(&cluster).set("WARRENER_STORE__URL", &server.url()).examine(&[]);
    assert!(seen.of("store")[0].contains("reachable, and nobody has it"), "{:#}", seen.findings);
}

async fn places_and_queues(cluster: &Cluster) {
    let url = cluster.amqp_url().to_owned();
    let doctor = || Doctor::of(cluster);
    let seen = doctor().amqp("amqp://guest:guest@127.0.0.1:1/%2f").examine(&[]);
    seen.problem("broker", "Connection refused", "start RabbitMQ there");
    let seen = doctor().amqp(&url.replace("guest:guest", "worker:wrong")).examine(&[]);
    seen.problem("broker", "not allowed", "rabbitmqctl change_password worker");
    let seen = doctor().amqp(&url.replace("%2f", "nowhere")).examine(&[]);
    seen.problem("broker", "nowhere", "rabbitmqctl add_vhost 'nowhere'");
    let seen = doctor().set("WARRENER_AMQP__PREFIX", "elsewhere").examine(&[]);
    seen.problem("topology", "nothing under the prefix \"elsewhere\"", "connected elsewhere");
    let seen = doctor().set("WARRENER_WORKER__CLAIM_AFTER", "20m").examine(&[]);
    seen.problem("claims", "1200 s", "less than half");

    // A queue that somebody made before the orchestrator did.
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let (_connection, channel) = channel(&url).await;
    channel.queue_declare("odd.submit".into(), options, FieldTable::default()).await.unwrap();
    let seen = doctor().set("WARRENER_AMQP__PREFIX", "odd").examine(&[]);
    seen.problem(
        "topology",
        "the queue odd.submit has other properties: it has x-",
        "rabbitmqctl delete_queue odd.submit",
    );
}

/// A worker's user that was given too little, and a client's that was given too much.
async fn permissions(cluster: &mut Cluster) {
    let url = cluster.amqp_url().to_owned();
    let broker = cluster.broker();
    broker.control(&["add_user", "worker", "secret"]).await;
    broker.control(&["set_permissions", "worker", "^warrener\\.control\\..+$", "^warrener\\.workers$", ".*"]).await;
    broker.control(&["add_user", "client", "secret"]).await;
    broker.control(&["set_permissions", "client", ".*", ".*", ".*"]).await;
    let doctor = || Doctor::of(cluster);
    let seen = doctor().amqp(&url.replace("guest:guest", "worker:secret")).examine(&[]);
    seen.problem(
        "permissions",
        "publish to the exchange warrener.results",
        "rabbitmqctl set_permissions -p '/' 'worker'",
    );
    let seen = doctor().amqp(&url.replace("guest:guest", "client:secret")).examine(&[]);
    seen.warning("permissions", "publish to the exchange warrener.tasks", "'^warrener\\.submit$'");
    // What is advised is enough.
    cluster
        .broker()
        .control(&["set_permissions", "client", "^client\\..+$", "^warrener\\.submit$", "^client\\..+$"])
        .await;
    let seen = Doctor::of(cluster).amqp(&url.replace("guest:guest", "client:secret")).examine(&[]);
    assert!(seen.of("permissions")[0].contains("may do what a client needs"), "{:#}", seen.findings);
}

/// A policy that only the management plugin shows.
async fn policies(cluster: &mut Cluster) {
    let port = cluster.broker().enable_management().await;
    let policy = r#"{"message-ttl": 60000}"#;
    cluster.broker().control(&["set_policy", "short", "^warrener\\.tasks", policy, "--apply-to", "queues"]).await;
    let management = format!("http://guest:guest@127.0.0.1:{port}");
    // The plugin tells what it has gathered, every five seconds.
    let seen = until("the plugin has gathered", SOON, async || {
        let seen = Doctor::of(cluster).examine(&["--management", &management]);
        (seen.code == 1).then_some(seen)
    })
    .await;
    seen.problem(
        "management",
        "the policy short sets message-ttl = 60000 on the queue warrener.tasks.default",
        "take message-ttl out",
    );
    cluster.broker().control(&["clear_policy", "short"]).await;
}

/// Workers that serve different kinds, and work that nobody serves.
async fn workers(cluster: &Cluster) {
    let client = cluster.client().await;
    let waiting = client.submit(&json!({"kind": "ml.train", "queue": "gpu"})).await;
    client.accepted(&waiting).await;
    until("both workers are heard of", SOON, async || {
        (cluster.get("/api/v1/workers").await.1["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let seen = Doctor::of(cluster).examine(&[]);
    seen.warning("workers", "text.count (1 of 2)", "the same kinds");
    seen.warning("workers", "tasks wait in the queue gpu, which no worker serves", "worker --queues gpu");
    assert_eq!(seen.code, 0, "warnings are no problems: {:#}", seen.findings);
}

/// No orchestrator, and a database that somebody else has.
async fn stores(cluster: &mut Cluster) {
    cluster.stop_orchestrator().await;
    let seen = Doctor::of(cluster).examine(&[]);
    seen.problem("orchestrator", "not reachable", "start it");
    // Somebody else has the database: this very test.
    let lock = File::options().write(true).open(cluster.folder().join("warrener.db.lock")).unwrap();
    lock.lock().unwrap();
    let seen = Doctor::of(cluster).examine(&[]);
    seen.problem("store", &format!("is held by process {}", std::process::id()), "WARRENER_URL");
}

/// A broker that is killed within a second of a queue's declare brings it back without a leader.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_submit_queue_is_named_and_healed_by_hand() {
    let mut cluster = Cluster::prepared(Broker::start().await, "");
    let url = cluster.amqp_url().to_owned();
    for _ in 0..TRIES {
        let (_connection, channel) = channel(&url).await;
        channel.queue_delete(cluster.names().submit().into(), QueueDeleteOptions::default()).await.unwrap();
        let client = cluster.client().await;
        cluster.launch_orchestrator();
        let submit = cluster.names().submit();
        until("the queue is declared", SOON, async || client.has_queue(&submit).await.then_some(())).await;
        cluster.broker().kill().await;
        cluster.kill_orchestrator().await;
        cluster.broker().launch().await;
        let seen = Doctor::of(&cluster).examine(&[]);
        if seen.of("queues").iter().any(|found| found.contains("is dead") && found.contains("submit")) {
            seen.problem("queues", &format!("the queue {} is dead", cluster.names().submit()), "doctor --fix submit");
            let asked = Doctor::of(&cluster).run(&["--fix", "submit"]);
            assert!(asked.0 == 2 && asked.2.contains("--yes"), "{asked:?}");
            let healed = Doctor::of(&cluster).run(&["--fix", "submit", "--yes"]);
            assert!(healed.0 == 0 && healed.2.contains("declared anew"), "{healed:?}");
            let again = Doctor::of(&cluster).run(&["--fix", "submit", "--yes"]);
            assert!(again.0 == 5 && again.2.contains("it is alive"), "{again:?}");
            return;
        }
    }
    panic!("no queue came back dead in {TRIES} tries");
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// How a doctor is called.
struct Doctor {
    variables: Vec<(&'static str, String)>,
}

/// What it found.
struct Diagnosis {
    code: i32,
    findings: Value,
}

impl Doctor {
    fn of(cluster: &Cluster) -> Self {
        let store = format!("sqlite://{}", cluster.folder().join("warrener.db").display());
        let variables = vec![
            ("WARRENER_AMQP__URL", cluster.amqp_url().to_owned()),
            ("WARRENER_AMQP__PREFIX", cluster.names().prefix().to_owned()),
            ("WARRENER_URL", cluster.http_url()),
            ("WARRENER_STORE__URL", store),
        ];
        Self { variables }
    }

    fn amqp(self, url: &str) -> Self {
        self.set("WARRENER_AMQP__URL", url)
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Exit code, stdout, stderr.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program("warrener"));
        command.arg("doctor").args(arguments).current_dir(folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn examine(&self, arguments: &[&str]) -> Diagnosis {
        let (code, out, err) = self.run(&[&["-o", "json"], arguments].concat());
        let findings: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        Diagnosis { code, findings: findings["items"].clone() }
    }
}

impl Diagnosis {
    fn problem(&self, check: &str, message: &str, fix: &str) {
        assert_eq!(self.code, 1, "{:#}", self.findings);
        self.has("problem", check, message, fix);
    }

    fn warning(&self, check: &str, message: &str, fix: &str) {
        self.has("warning", check, message, fix);
    }

    fn has(&self, level: &str, check: &str, message: &str, fix: &str) {
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let found = self.findings.as_array().unwrap().iter().any(|finding| {
            let all = text(finding, "message") + &text(finding, "fix");
            finding["level"] == level && finding["check"] == check && all.contains(message) && all.contains(fix)
        });
        assert!(found, "no {level} of {check} says {message:?} with the fix {fix:?}: {:#}", self.findings);
    }

    fn of(&self, check: &str) -> Vec<String> {
        let all = self.findings.as_array().unwrap().iter().filter(|finding| finding["check"] == check);
        all.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
    }

    fn bad(&self) -> Vec<&Value> {
        let all = self.findings.as_array().unwrap().iter();
        all.filter(|finding| finding["level"] == "problem" || finding["level"] == "warning").collect()
    }
}

const TRIES: usize = 6;
