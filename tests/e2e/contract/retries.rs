//! Attempts, their budget, and the two numbers of a mapped task.

use serde_json::{Value, json};
use warrener_shared::state::{Outcome, TaskState};

use super::{bench, ended, failed};

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_and_bounded() {
    let (cluster, client) = bench().await;
    let fast = json!({"max_attempts": 4, "delay": "20ms", "backoff": "fixed", "jitter": false});
    let end = client.run(&json!({"kind": "demo.fail", "input": {"until_attempt": 3}, "retry": fast})).await;
    ended(&end, "succeeded", json!({"attempt": 3}));
    let end = client.run(&json!({"kind": "demo.fail", "input": {"code": "boom"}, "retry": fast})).await;
    failed(&end, "boom");
    assert_eq!(end["error"]["attempt"], 4, "{end}");
    let database = cluster.database();
    let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
    let task = &database.tasks(job.no)[0];
    assert_eq!((task.attempt, task.failures), (4, 4));
    assert_eq!(database.outcomes(task.no), [Outcome::Failed; 3]);
    let never = json!({"max_attempts": 4, "delay": "20ms", "not_on": ["boom"], "only_on": ["boom", "other"]});
    let end = client.run(&json!({"kind": "demo.fail", "input": {"code": "boom"}, "retry": never})).await;
    assert_eq!(end["error"]["attempt"], 1, "{end}");
    let end = client
        .run(&json!({"kind": "demo.fail", "input": {"retry": "30ms", "until_attempt": 2}, "retry": {"delay": "9m"}}))
        .await;
    ended(&end, "succeeded", json!({"attempt": 2}));
    let end = client.run(&json!({"kind": "demo.fail", "input": {"until_attempt": 2}, "retry": 0})).await;
    failed(&end, "demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_task_keeps_to_its_two_numbers() {
    let (cluster, client) = bench().await;
    // Items 0 and 1 of ten fail: their input asks for an attempt that never comes.
    let job = |allowed: Value| {
        json!({"tasks": {"map": {
            "for_each": {"items": [9, 9, 1, 1, 1, 1, 1, 1, 1, 1], "max_failures": allowed},
            "kind": "demo.fail", "input": {"until_attempt": "${{ item }}"}, "retry": 0,
        }, "see": {
            "needs": "map", "run_on": "done", "kind": "demo.echo",
            "input": "${{ tasks.map.results }}",
        }}, "output": {"map": "${{ tasks.map.output }}", "first": "${{ tasks.map.results[0].error.code }}"}})
    };
    let one = json!({"attempt": 1});
    let tolerated = json!([null, null, one, one, one, one, one, one, one, one]);
    for allowed in [json!(2), json!("20%")] {
        let end = client.run(&job(allowed)).await;
        ended(&end, "succeeded", json!({"map": tolerated, "first": "demo"}));
    }
    for allowed in [json!(1), json!("19%")] {
        failed(&client.run(&job(allowed)).await, "too_many_failures");
    }
    let end = client
        .run(&json!({"tasks": {"map": {
            "for_each": {"items": [1, 2, 3, 4, 5, 6, 7, 8], "max_parallel": 3},
            "kind": "demo.sleep", "input": {"ms": 60, "output": "${{ item }}"},
        }}}))
        .await;
    ended(&end, "succeeded", json!({"map": [1, 2, 3, 4, 5, 6, 7, 8]}));
    let database = cluster.database();
    let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
    // The events tell in which order items came and went.
    let (mut open, mut most) = (0_i32, 0);
    for event in database.events(job.no).iter().filter(|event| !event["index"].is_null()) {
        match event["type"].as_str().unwrap() {
            "task.dispatched" => open += 1,
            "task.succeeded" => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    assert_eq!((open, most), (0, 3), "items open at the end, and at most");
    let items = database.tasks(job.no);
    assert!(items.iter().all(|item| item.state == TaskState::Succeeded));
    assert_eq!(items.len(), 9);
}
