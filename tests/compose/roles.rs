//! Each user of the shipped definitions tries everything that it must not do, and what it must be able to do.
//!
//! On a private RabbitMQ that has imported the definitions; or, if `WARRENER_TEST_COMPOSE` names the `host:port` of a
//! broker that compose started, on that one, with the passwords that the environment has or the development ones.

use std::path::Path;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};

use crate::deed::{Deed, attempt};
use crate::root;
use crate::secrets::Secrets;
use crate::table::{TABLE, Verdict};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_the_role_needs_and_nothing_else() {
    if let Ok(host) = std::env::var("WARRENER_TEST_COMPOSE") {
        return try_everything(&host).await;
    }
    let definitions = root().join("shared/deploy/definitions.json");
    let mut cluster = confined_cluster(&definitions, &login("orchestrator", "orchestrator")).await;
    cluster.start_worker("w1", &Plan { more: login("worker", "worker"), ..Plan::default() });
    let host = host_of(cluster.amqp_url());
    // They know their places: the work is done although nobody may do more than the table says.
    let started = cluster.post("/api/v1/jobs?wait=20s", &json!({"kind": "demo.echo", "input": [1, 2]})).await;
    assert_eq!(started.1["output"], json!([1, 2]), "{started:?}");
    cluster.broker().control(&["delete_user", "guest"]).await;
    try_everything(&host).await;
    let after = cluster.post("/api/v1/jobs?wait=20s", &json!({"kind": "demo.echo", "input": "still here"})).await;
    assert_eq!(after.1["output"], "still here", "{after:?}");
}

/// An RPC server of somebody else, under its own user, behind an orchestrator under its own, with secrets.
#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_server_works_with_the_rights_and_the_secret_of_its_user() {
    let secrets = Secrets::make("");
    let queue = "[queues.rpc]\naddress = \"rpc_queue\"\n";
    let configuration = login("orchestrator", &secrets.password("orchestrator")) + queue;
    let cluster = confined_cluster(&secrets.definitions(), &configuration).await;
    let host = host_of(cluster.amqp_url());
    let known = attempt(&format!("amqp://rpc:rpc@{host}/%2f"), Deed::Connect).await;
    assert!(known.as_ref().is_err_and(|text| text.contains("ACCESS_REFUSED")), "{known:?}");
    let script = root().join("tests/polyglot/rpc_server.py");
    let address = format!("amqp://rpc:{}@{host}/%2f", secrets.password("rpc"));
    let variables = [("AMQP_URL", address), ("RPC_QUEUE", "rpc_queue".to_owned())];
    let server = cluster.start_program("server", &["python3", script.to_str().unwrap()], &variables);
    let job = json!({"kind": "fib", "queue": "rpc", "input": 10});
    let (_, answer) = cluster.post("/api/v1/jobs?wait=30s", &job).await;
    assert_eq!(answer["output"], 55, "{answer}\n{}", server.log());
}

/// An orchestrator on a private broker that has imported these definitions.
async fn confined_cluster(definitions: &Path, configuration: &str) -> Cluster {
    let mut broker = Broker::start().await;
    broker.control(&["import_definitions", definitions.to_str().unwrap()]).await;
    let mut cluster = Cluster::under_default_prefix(broker, configuration);
    cluster.start_orchestrator().await;
    cluster
}

fn login(user: &str, password: &str) -> String {
    format!("[amqp]\nusername = \"{user}\"\npassword = \"{password}\"\n")
}

/// Tries the whole table and fails with every row that came out wrong.
async fn try_everything(host: &str) {
    let _control = exclusive("worker", host, "warrener.control.victim").await;
    let _replies = exclusive("client", host, "client.victim").await;
    let mut wrong = Vec::new();
    println!("| user | tries to | broker |\n|---|---|---|");
    for (user, deed, expected) in TABLE {
        let outcome = attempt(&url(user, host), *deed).await;
        let told = outcome.as_ref().map_or_else(ToString::to_string, |()| "allowed".to_owned());
        // The library's words stand before the broker's.
        println!("| {user} | {deed} | {} |", told.rsplit("error: ").next().unwrap_or_default());
        let as_expected = match expected {
            Verdict::Allowed => outcome.is_ok(),
            Verdict::Refused => outcome.is_err() && REFUSALS.iter().any(|text| told.contains(text)),
        };
        if !as_expected {
            wrong.push(format!("{user}: {deed}: should be {expected:?}, the broker says: {told}"));
        }
    }
    let refused = TABLE.iter().filter(|(_, _, verdict)| *verdict == Verdict::Refused).count();
    println!("{} rows, {refused} of them refused, {} wrong", TABLE.len(), wrong.len());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// A queue that belongs to a connection of this user, for as long as that is kept.
async fn exclusive(user: &str, host: &str, queue: &str) -> (Connection, Channel) {
    let connection = Connection::connect(&url(user, host), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
    (connection, channel)
}

fn url(user: &str, host: &str) -> String {
    let given = std::env::var(format!("RABBITMQ_{}_PASSWORD", user.to_uppercase()));
    let password = given.unwrap_or_else(|_| user.to_owned());
    format!("amqp://{user}:{password}@{host}/%2f")
}

fn host_of(url: &str) -> String {
    let (_, rest) = url.rsplit_once('@').expect("it names a user");
    rest.split_once('/').expect("it names a virtual host").0.to_owned()
}

/// How the broker says no: to the user, or because a queue is somebody's alone.
const REFUSALS: [&str; 3] = ["ACCESS_REFUSED", "ACCESS-REFUSED", "RESOURCE_LOCKED"];
