//! Which answers a submitter gets.

use serde_json::json;
use warrener_tests::client::{BasicProperties, Client};
use warrener_tests::wait::{SOON, until};

use super::bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_submitter_gets_the_answers_it_asked_for() {
    let (cluster, client) = bench().await;
    let job = br#"{"kind": "demo.echo", "input": 1}"#;
    // Without the header there is one answer, as RPC clients expect.
    let bare = BasicProperties::default().with_reply_to(client.queue().into()).with_correlation_id("bare".into());
    client.send(bare, job).await;
    for mode in ["finished", "accepted", "both"] {
        client.send(client.asking_for(mode, mode), job).await;
    }
    for mark in ["bare", "finished", "both"] {
        client.finished(mark).await;
    }
    client.accepted("accepted").await;
    let database = cluster.database();
    until("all jobs are final", SOON, async || (database.final_jobs() == 4).then_some(())).await;
    // Answers to one queue come in order, so whatever was too much has come once this has.
    client.run(&json!({"kind": "demo.echo"})).await;
    assert_eq!(answers(&client, "bare"), ["job.finished"]);
    assert_eq!(answers(&client, "finished"), ["job.finished"]);
    assert_eq!(answers(&client, "accepted"), ["job.accepted"]);
    assert_eq!(answers(&client, "both"), ["job.accepted", "job.finished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_every_problem_and_where_it_is() {
    let (cluster, client) = bench().await;
    client.send(client.asking_for("sometimes", "mode"), br#"{"kind": "demo.echo"}"#).await;
    assert_eq!(client.rejected("mode").await.problems()[0].0, "invalid_header");
    let wrong = r#"{"tasks": {"a": {"kind": "x", "needs": ["b", "nope"], "inptu": 1, "timeout": "soon"},
        "b": {"kind": "x", "needs": "a"}, "c-d": {"kind": "task.x"}, "e": {}}}"#;
    let mark = client.submit_text(wrong).await;
    let answer = client.rejected(&mark).await;
    let body = answer.json();
    assert_eq!(answer.properties.content_type().as_ref().unwrap().as_str(), "application/problem+json");
    assert_eq!(body["status"], 422);
    let problems = answer.problems();
    let expected = [
        ("unknown_field", "/tasks/a/inptu"),
        ("invalid_duration", "/tasks/a/timeout"),
        ("unknown_task", "/tasks/a/needs/1"),
        ("invalid_name", "/tasks/c-d"),
        ("missing_field", "/tasks/e"),
    ];
    for (code, pointer) in expected {
        assert!(problems.iter().any(|(c, p)| c == code && p.starts_with(pointer)), "{code} at {pointer}: {problems:?}");
    }
    assert!(body["errors"].to_string().contains("input"), "no hint for `inptu`: {body}");
    // Without anybody to answer it is kept.
    client.send(BasicProperties::default(), b"{nonsense").await;
    let database = cluster.database();
    let dead = until("a dead letter", SOON, async || database.dead().pop()).await;
    assert_eq!((dead.from.as_str(), dead.code.as_str(), &dead.body[..]), ("submit", "invalid_json", &b"{nonsense"[..]));
    // A queue of ours is no address for answers.
    let ours = client.asking_for("both", "ours").with_reply_to(cluster.names().submit().as_str().into());
    client.send(ours, br#"{"kind": "demo.echo"}"#).await;
    until("another dead letter", SOON, async || (database.dead().len() == 2).then_some(())).await;
    assert_eq!(database.jobs().len(), 0);
}

fn answers(client: &Client, mark: &str) -> Vec<String> {
    client.came().iter().filter(|answer| answer.correlation_id == mark).map(|answer| answer.kind.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_come_in_one_message_and_each_is_answered() {
    let (cluster, client) = bench().await;
    let mut jobs: Vec<_> = (0..300).map(|number| json!({"kind": "demo.echo", "input": number})).collect();
    jobs[7] = json!({"kind": "demo.echo", "inptu": 7});
    jobs[8] = json!(8);
    jobs[9] = json!({"id": "nine", "kind": "demo.echo", "input": "nine"});
    jobs[10] = jobs[9].clone();
    let properties = client.asking_for("both", "many").with_type("jobs".into());
    client.send(properties, serde_json::to_string(&jobs).unwrap().as_bytes()).await;
    for (number, job) in jobs.iter().enumerate() {
        let mark = format!("many.{number}");
        match number {
            7 => assert_eq!(client.rejected(&mark).await.problems()[0], ("unknown_field".into(), "/inptu".into())),
            8 => assert_eq!(client.rejected(&mark).await.problems()[0].0, "wrong_type"),
            _ => {
                client.accepted(&mark).await;
                assert_eq!(client.finished(&mark).await.json()["output"], job["input"], "{number}");
            }
        }
    }
    let database = cluster.database();
    assert_eq!(database.final_jobs(), 297, "two were refused, and one was there already");
    // A list that is none is refused whole, and so is one that nobody can be told of kept.
    let refused = client.asking_for("both", "none").with_type("jobs".into());
    client.send(refused, br#"{"kind": "demo.echo"}"#).await;
    assert_eq!(client.rejected("none").await.problems()[0].0, "wrong_type");
    let silent = BasicProperties::default().with_type("jobs".into());
    client.send(silent.clone(), b"[]").await;
    client.send(silent, br#"[{"kind": "demo.echo"}, {"kind": "task.x"}]"#).await;
    let dead = until("two dead letters", SOON, async || Some(database.dead()).filter(|dead| dead.len() == 2)).await;
    let codes: Vec<_> = dead.iter().map(|letter| letter.code.as_str()).collect();
    assert_eq!((codes, dead[1].body.as_slice()), (vec!["too_few", "reserved_kind"], &br#"{"kind": "task.x"}"#[..]));
    until("the other job is final", SOON, async || (database.final_jobs() == 298).then_some(())).await;
}
