//! The shapes of jobs, and what a failure does to the rest.

use serde_json::{Value, json};
use warrener_shared::state::TaskState;
use warrener_tests::client::Client;
use warrener_tests::cluster::Cluster;

use super::{bench, ended, failed};

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_a_job_ends_as_told() {
    let (_cluster, client) = bench().await;
    single(&client).await;
    chain(&client).await;
    map_reduce(&client).await;
    matrix(&client).await;
    conditional(&client).await;
    diamond(&client).await;
}

async fn single(client: &Client) {
    let end = client.run(&json!({"kind": "demo.echo", "input": {"hello": "${{ not.evaluated }}"}})).await;
    ended(&end, "succeeded", json!({"hello": "${{ not.evaluated }}"}));
    ended(&client.run(&json!({"kind": "demo.echo"})).await, "succeeded", Value::Null);
}

async fn chain(client: &Client) {
    let end = client
        .run(&json!({"input": {"n": 3}, "tasks": {
            "one": {"kind": "demo.echo", "input": {"n": "${{ input.n + 1 }}"}},
            "two": {"kind": "demo.echo", "input": {"n": "${{ tasks.one.output.n * 2 }}"}},
            "three": {"kind": "demo.echo", "input": "n is ${{ tasks.two.output.n }}"},
        }}))
        .await;
    ended(&end, "succeeded", json!({"three": "n is 8"}));
}

async fn map_reduce(client: &Client) {
    let end = client
        .run(&json!({"tasks": {
            "list": {"kind": "demo.echo", "input": {"files": ["a", "b", "c"]}},
            "count": {
                "for_each": "${{ tasks.list.output.files }}", "kind": "demo.echo",
                "input": {"file": "${{ item }}", "at": "${{ index }}", "of": "${{ total }}"},
            },
            "merge": {"kind": "demo.echo", "input": {"parts": "${{ tasks.count.output }}"}},
            "none": {"for_each": [], "kind": "demo.echo"},
        }, "output": {"merged": "${{ tasks.merge.output.parts }}", "none": "${{ tasks.none.output }}"}}))
        .await;
    let part = |file, at| json!({"file": file, "at": at, "of": 3});
    ended(&end, "succeeded", json!({"merged": [part("a", 0), part("b", 1), part("c", 2)], "none": []}));
}

async fn matrix(client: &Client) {
    // As text: the order of keys counts.
    let job = r#"{"tasks": {"train": {
        "for_each": {"matrix": {"lr": [0.1, 0.01], "depth": [4, 8]}, "exclude": [{"depth": 8, "lr": 0.1}]},
        "kind": "demo.echo", "input": "${{ index }}: ${{ item.lr }}/${{ item.depth }}"}}}"#;
    let mark = client.submit_text(job).await;
    let end = client.finished(&mark).await.json();
    ended(&end, "succeeded", json!({"train": ["0: 0.1/4", "1: 0.01/4", "2: 0.01/8"]}));
}

async fn conditional(client: &Client) {
    for (f1, deployed) in [(0.95, json!("deployed")), (0.5, Value::Null)] {
        let end = client
            .run(&json!({"input": {"min": 0.9}, "tasks": {
                "evaluate": {"kind": "demo.echo", "input": {"f1": f1}},
                "deploy": {"if": "tasks.evaluate.output.f1 >= input.min", "kind": "demo.echo", "input": "deployed"},
                "tell": {
                    "needs": ["evaluate", "deploy"], "kind": "demo.echo",
                    "input": {"deploy": "${{ tasks.deploy.status }}"},
                },
            }, "output": {"deploy": "${{ tasks.deploy.output }}", "tell": "${{ tasks.tell.output.deploy }}"}}))
            .await;
        let told = if deployed.is_null() { "skipped" } else { "succeeded" };
        ended(&end, "succeeded", json!({"deploy": deployed, "tell": told}));
    }
}

async fn diamond(client: &Client) {
    let end = client
        .run(&json!({"tasks": {
            "top": {"kind": "demo.echo", "input": 1},
            "left": {"kind": "demo.echo", "input": "${{ tasks.top.output + 1 }}"},
            "right": {"kind": "demo.echo", "input": "${{ tasks.top.output + 2 }}"},
            "end": {"kind": "demo.echo", "input": "${{ tasks.left.output * tasks.right.output }}"},
        }}))
        .await;
    ended(&end, "succeeded", json!({"end": 6}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_reaches_what_it_should_and_nothing_else() {
    let (cluster, client) = bench().await;
    run_on(&cluster, &client).await;
    allowed(&client).await;
    fail_fast(&cluster, &client).await;
    expression(&client).await;
    output(&client).await;
}

fn fail(code: &str) -> Value {
    json!({"kind": "demo.fail", "input": {"code": code, "retry": false}})
}

fn with(mut task: Value, key: &str, value: Value) -> Value {
    task[key] = value;
    task
}

/// The states of the tasks of a job, in the order of the document.
fn states(cluster: &Cluster, end: &Value) -> Vec<TaskState> {
    let database = cluster.database();
    let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
    database.tasks(job.no).iter().map(|task| task.state).collect()
}

async fn run_on(cluster: &Cluster, client: &Client) {
    let job = r#"{"tasks": {
        "bad": {"kind": "demo.fail", "input": {"code": "boom", "retry": false}},
        "next": {"needs": "bad", "kind": "demo.echo"},
        "undo": {"needs": "bad", "run_on": "failure", "kind": "demo.echo",
                 "input": "${{ tasks.bad.error.code }} after ${{ tasks.bad.attempts }}"},
        "not": {"needs": "undo", "run_on": "failure", "kind": "demo.echo"},
        "after": {"needs": ["next", "undo"], "run_on": "done", "kind": "demo.echo", "input": "${{ tasks.next.status }}"}
    }}"#;
    let mark = client.submit_text(job).await;
    let end = client.finished(&mark).await.json();
    failed(&end, "boom");
    assert_eq!(end["error"]["task"], "bad", "{end}");
    use TaskState::{Failed, Skipped, Succeeded};
    assert_eq!(states(cluster, &end), [Failed, Skipped, Succeeded, Skipped, Succeeded]);
    let database = cluster.database();
    let tasks = database.tasks(database.job(end["job_id"].as_str().unwrap()).unwrap().no);
    assert_eq!(tasks[2].output.as_deref(), Some(r#""boom after 1""#));
    assert_eq!(tasks[4].output.as_deref(), Some(r#""skipped""#));
    assert_eq!(tasks[1].error.as_ref().unwrap()["code"], "upstream_failed");
}

async fn allowed(client: &Client) {
    let end = client
        .run(&json!({"tasks": {
            "bad": with(fail("boom"), "allow_failure", json!(true)),
            "next": {"needs": "bad", "kind": "demo.echo", "input": "${{ tasks.bad.status }}"},
            "lone": with(fail("boom"), "allow_failure", json!(true)),
        }}))
        .await;
    ended(&end, "succeeded", json!({"next": "failed", "lone": null}));
}

async fn fail_fast(cluster: &Cluster, client: &Client) {
    let job = |fail_fast| {
        json!({"fail_fast": fail_fast, "tasks": {
            "bad": fail("boom"),
            "wait": {"kind": "demo.sleep", "input": {"ms": 1000}},
            "slow": {"needs": "wait", "kind": "demo.echo"},
            "tidy": {"needs": "slow", "run_on": "done", "kind": "demo.echo"},
        }})
    };
    use TaskState::{Cancelled, Failed, Succeeded};
    let sorted = |end| {
        let mut states = states(cluster, end);
        states.sort();
        states
    };
    let end = client.run(&job(true)).await;
    failed(&end, "boom");
    assert_eq!(sorted(&end), [Succeeded, Failed, Cancelled, Cancelled]);
    let end = client.run(&job(false)).await;
    failed(&end, "boom");
    assert_eq!(sorted(&end), [Succeeded, Succeeded, Succeeded, Failed]);
}

async fn expression(client: &Client) {
    let end = client
        .run(&json!({"tasks": {
            "one": {"kind": "demo.echo", "input": {"a": null}},
            "two": {"kind": "demo.echo", "input": "${{ tasks.one.output.a.b }}"},
        }}))
        .await;
    failed(&end, "expression_error");
}

async fn output(client: &Client) {
    let end = client
        .run(&json!({"tasks": {"one": {"kind": "demo.echo", "input": {}}}, "output": "${{ tasks.one.output.no }}"}))
        .await;
    failed(&end, "expression_error");
}
