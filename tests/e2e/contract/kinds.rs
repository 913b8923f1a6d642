//! Kinds that a worker doesn't serve, and programs as kinds.

use serde_json::json;
use warrener_shared::state::Outcome;
use warrener_tests::cluster::Plan;
use warrener_tests::wait::{SOON, until};

use super::{bench, ended};

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_nobody_serves_waits_for_a_worker_that_does() {
    let (mut cluster, client) = bench().await;
    let mark = client.submit(&json!({"kind": "text.upper", "input": "abc"})).await;
    let id = client.accepted(&mark).await;
    let database = cluster.database();
    let job = database.job(&id).unwrap();
    let task = until("the worker hands it back", SOON, async || {
        database.tasks(job.no).pop().filter(|task| !database.outcomes(task.no).is_empty())
    })
    .await;
    let upper = Plan { demo: false, ..Plan::default() }.command("text.upper", &["tr", "a-z", "A-Z"]);
    cluster.start_worker("upper", &upper);
    ended(&client.finished(&mark).await.json(), "succeeded", json!("ABC"));
    let outcomes = database.outcomes(task.no);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Released), "{outcomes:?}");
    assert_eq!(database.tasks(job.no)[0].failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_say_by_their_exit_code_how_it_went() {
    let (mut cluster, client) = bench().await;
    let shell = |code: &str| vec!["sh", "-c", Box::leak(format!("echo oops >&2; exit {code}").into_boxed_str())];
    let plan = Plan { demo: false, ..Plan::default() }
        .queues(&["programs"])
        .command("fine", &["sh", "-c", "cat; echo told >&2"])
        .command("text", &["echo", "just text"])
        .command("who", &["sh", "-c", "echo \"\\\"$WARRENER_JOB/$WARRENER_TASK/$WARRENER_ATTEMPT\\\"\""])
        .command("data", &shell("65"))
        .command("temp", &shell("75"))
        .command("other", &shell("3"));
    cluster.start_worker("programs", &plan);
    let run = async |kind: &str, retry: u32| {
        client
            .run(&json!({"kind": kind, "queue": "programs", "input": {"a": [1.50]},
                "retry": {"max_attempts": retry, "delay": "10ms"}}))
            .await
    };
    ended(&run("fine", 1).await, "succeeded", json!({"a": [1.5]}));
    ended(&run("text", 1).await, "succeeded", json!("just text"));
    let end = run("who", 1).await;
    let who = format!("{}/task/1", end["job_id"].as_str().unwrap());
    ended(&end, "succeeded", json!(who));
    for (kind, code, attempts) in [("data", "exit_65", 1), ("temp", "exit_75", 2), ("other", "exit_3", 2)] {
        let end = run(kind, 2).await;
        super::failed(&end, code);
        assert_eq!(end["error"]["attempt"], attempts, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_writes_is_its_log() {
    let (mut cluster, client) = bench().await;
    let plan = Plan { demo: false, ..Plan::default() }.queues(&["talk"]).command(
        "talk",
        &["sh", "-c", "echo begin >&2; sleep 1; echo \"end $WARRENER_ATTEMPT\" >&2; [ $WARRENER_ATTEMPT = 2 ]"],
    );
    cluster.start_worker("talk", &plan);
    let job = json!({"kind": "talk", "queue": "talk", "retry": {"max_attempts": 2, "delay": "10ms"}});
    let mark = client.submit(&job).await;
    let id = client.accepted(&mark).await;
    let path = format!("/api/v1/tasks/{id}/task/logs");
    let text = |body: &serde_json::Value| {
        let items = body["items"].as_array().unwrap().iter();
        items.map(|item| item["text"].as_str().unwrap().to_owned()).collect::<String>()
    };
    until("the log is there while it runs", SOON, async || {
        let (_, body) = cluster.get(&path).await;
        text(&body).starts_with("begin").then_some(())
    })
    .await;
    ended(&client.finished(&mark).await.json(), "succeeded", json!(null));
    until("the whole log is there", SOON, async || {
        let (_, body) = cluster.get(&path).await;
        (text(&body) == "begin\nend 1\nbegin\nend 2\n").then_some(())
    })
    .await;
    let (_, body) = cluster.get(&format!("{path}?limit=1")).await;
    assert_eq!((&body["items"][0]["attempt"], &body["items"][0]["no"]), (&json!(1), &json!(1)), "{body}");
    assert_eq!(body["next_cursor"], "1.1");
    let (status, _) = cluster.get(&format!("/api/v1/tasks/{id}/other/logs")).await;
    assert_eq!(status, 404);
}
