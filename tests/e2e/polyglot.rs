//! Other languages with their own AMQP clients, and not a line of ours in them.

use serde_json::{Value, json};
use warrener_tests::broker::{Broker, unique};
use warrener_tests::cluster::language::{need_node, need_python, root};
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn clients_in_python_submit_and_read_the_answers() {
    need_python();
    clients("python3", "client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_in_node_submit_and_read_the_answers() {
    need_node();
    clients("node", "client.mjs").await;
}

async fn clients(language: &str, program: &str) {
    let cluster = Cluster::with_workers(Broker::shared().await, 2).await;
    let program = polyglot(program);
    for (number, (job, output)) in jobs().into_iter().enumerate() {
        let answers = submit(&cluster, &format!("client-{number}"), language, &program, &job).await;
        let kinds: Vec<_> = answers.iter().map(|answer| answer["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["job.accepted", "job.finished"], "{answers:?}");
        let (accepted, finished) = (&answers[0]["body"], &answers[1]["body"]);
        assert_eq!(accepted["job_id"], finished["job_id"]);
        assert_eq!((&finished["state"], &finished["output"]), (&json!("succeeded"), &output), "{finished}");
    }
    let wrong = json!({"tasks": {"a": {"kind": "demo.echo", "needs": "b"}, "c": {"kid": "demo.echo"}}});
    let answers = submit(&cluster, "client-wrong", language, &program, &wrong).await;
    assert_eq!(answers[0]["type"], "job.rejected", "{answers:?}");
    let errors = answers[0]["body"]["errors"].as_array().unwrap();
    for (pointer, code) in [("/tasks/a/needs", "unknown_task"), ("/tasks/c/kid", "unknown_field")] {
        let found = errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code);
        assert!(found, "{code} at {pointer}: {errors:?}");
    }
}

/// A single task, a chain, a map-reduce and a conditional job, each with its output.
fn jobs() -> [(Value, Value); 5] {
    let conditional = |n: u32| {
        json!({"input": {"n": n}, "tasks": {
            "measure": {"kind": "demo.echo", "input": {"n": "${{ input.n }}"}},
            "large": {"if": "tasks.measure.output.n > 10", "kind": "demo.echo", "input": "large"},
            "small": {"if": "tasks.measure.output.n <= 10", "kind": "demo.echo", "input": "small"},
        }, "output": ["${{ tasks.large.output }}", "${{ tasks.small.output }}"]})
    };
    let chain = json!({"input": "a", "tasks": {
        "one": {"kind": "demo.echo", "input": "${{ input }}b"},
        "two": {"kind": "demo.echo", "input": "${{ tasks.one.output }}c"},
    }});
    let map_reduce = json!({"tasks": {
        "list": {"kind": "demo.echo", "input": [1, 2, 3]},
        "square": {"for_each": "${{ tasks.list.output }}", "kind": "demo.echo", "input": "${{ item * item }}"},
        "sum": {"kind": "demo.echo", "input": "${{ tasks.square.output | sum }}"},
    }});
    [
        (json!({"kind": "demo.echo", "input": {"text": "grüße ✓"}}), json!({"text": "grüße ✓"})),
        (chain, json!({"two": "abc"})),
        (map_reduce, json!({"sum": 14})),
        (conditional(11), json!(["large", null])),
        (conditional(10), json!([null, "small"])),
    ]
}

/// Lets a client submit a job; what it printed is one answer a line.
async fn submit(cluster: &Cluster, name: &str, language: &str, program: &str, job: &Value) -> Vec<Value> {
    let prefix = cluster.names().prefix().to_owned();
    let mut client = cluster.start_program(name, &[language, program, &prefix, &job.to_string()], &[]);
    let status = client.ended().await;
    assert!(status.success(), "{status}: {}", client.log());
    client.log().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}", client.log()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_server_in_python_is_a_worker() {
    need_python();
    rpc("python3", "rpc_server.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_server_in_node_is_a_worker() {
    need_node();
    rpc("node", "rpc_server.mjs").await;
}

async fn rpc(language: &str, program: &str) {
    let address = unique("rpc");
    let configuration = format!("[queues.rpc]\naddress = \"{address}\"\n");
    let cluster = Cluster::configured(Broker::shared().await, &configuration).await;
    let client = cluster.client().await;
    // The queue isn't there yet: its tasks wait.
    let early = client.submit(&json!({"kind": "fib", "queue": "rpc", "input": 20})).await;
    client.accepted(&early).await;
    let start = || cluster.start_program("rpc", &[language, &polyglot(program)], &[("RPC_QUEUE", address.clone())]);
    let server = start();
    assert_eq!(client.finished(&early).await.json()["output"], 6765);
    let job = json!({"tasks": {"map": {
        "for_each": [1, 2, 3, 4, 5, 6, 7, 8], "kind": "fib", "queue": "rpc", "input": "${{ item }}"}}});
    assert_eq!(client.run(&job).await["output"], json!({"map": [1, 1, 2, 3, 5, 8, 13, 21]}));
    // A server that is killed and started again goes on with what is in its queue.
    server.kill().await;
    let late = client.submit(&json!({"kind": "fib", "queue": "rpc", "input": 15})).await;
    client.accepted(&late).await;
    let _server = start();
    assert_eq!(client.finished(&late).await.json()["output"], 610);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_in_python_do_what_they_say() {
    need_python();
    let mut cluster = Cluster::under_default_prefix(Broker::start().await, "");
    cluster.start_orchestrator().await;
    cluster.start_worker("w1", &Plan::default());
    let example = |name: &str| root().join("examples/python").join(name).display().to_string();
    let mut publisher = cluster.start_program("publisher", &["python3", &example("publisher.py")], &[]);
    assert!(publisher.ended().await.success(), "{}", publisher.log());
    let database = cluster.database();
    let job =
        until("the published job is done", SOON, async || database.jobs().pop().filter(|job| job.state.is_final()))
            .await;
    let output: Value = serde_json::from_str(job.output.as_deref().unwrap()).unwrap();
    assert_eq!(output, json!({"hello": "world"}));
    let _worker = cluster.start_program("python-worker", &["python3", &example("worker.py"), "python"], &[]);
    let client = cluster.client().await;
    let end = client
        .run(&json!({"defaults": {"queue": "python"}, "tasks": {
            "sum": {"kind": "math.sum", "input": {"numbers": [1, 2, 3]}},
            "back": {"kind": "text.reverse", "input": {"text": "abc"}},
            "bad": {"kind": "math.sum", "input": {}, "retry": {"max_attempts": 2, "delay": "10ms"}, "allow_failure": true},
        }, "output": ["${{ tasks.sum.output }}", "${{ tasks.back.output }}", "${{ tasks.bad.error.code }}"]}))
        .await;
    assert_eq!(end["output"], json!([6, "cba", "exception"]), "{end}");
}

fn polyglot(program: &str) -> String {
    root().join("tests/polyglot").join(program).display().to_string()
}
