use serde_json::{Value, json};
use warrener_shared::error::ErrorObject;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::lists::{contract, fields};
use super::world::World;

const TASK: &str = "job task index kind queue priority state reason attempt max_attempts round needs created_at ready_at \
    dispatched_at started_at finished_at retry_at worker sub_job progress error output";

fn places(list: &Value) -> Vec<String> {
    let place = |task: &Value| {
        let index = task["index"].as_u64().map_or_else(String::new, |index| format!(".{index}"));
        format!("{}{index} {}", task["task"].as_str().unwrap(), task["state"].as_str().unwrap())
    };
    list["items"].as_array().unwrap().iter().map(place).collect()
}

const GRAPH: &str = r#"{"id":"g","tasks":{
    "list":{"kind":"k"},
    "each":{"kind":"k","for_each":{"items":"${{ tasks.list.output }}","max_parallel":2},"input":{"n":"${{ item }}"}},
    "last":{"kind":"k","needs":["each","list"]}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_come_as_written_with_their_items() {
    let mut world = World::new();
    world.submit(GRAPH).await;
    let tasks = world.get("/api/v1/jobs/g/tasks?items=true").await.ok();
    assert_eq!(places(&tasks), ["list dispatched", "each waiting", "last waiting"]);
    assert_eq!(fields(&tasks["items"][0]), contract(TASK));
    assert_eq!(fields(&tasks["items"][1]), contract(&format!("{TASK} total items")));
    assert_eq!((&tasks["items"][1]["total"], &tasks["items"][1]["items"]["ready"]), (&Value::Null, &0.into()));
    assert_eq!(tasks["items"][2]["needs"], json!(["list", "each"]));
    assert_eq!(tasks["items"][2]["reason"], "waits for list, each");

    let first = world.dispatch().await;
    world.succeed(&first, "[10, 2e0, \"x\", null, 5]").await;
    let (one, two) = (world.dispatch().await, world.dispatch().await);
    let shown = [
        "list succeeded",
        "each dispatched",
        "each.0 dispatched",
        "each.1 dispatched",
        "each.2 waiting",
        "each.3 waiting",
        "each.4 waiting",
        "last waiting",
    ];
    let tasks = world.get("/api/v1/jobs/g/tasks?items=true").await.ok();
    assert_eq!(places(&tasks), shown);
    assert_eq!(tasks["items"][1]["total"], 5);
    assert_eq!(tasks["items"][1]["items"]["waiting"], 3);
    assert_eq!(tasks["items"][4]["reason"], "max_parallel lets 2 items run at once");
    assert_eq!(places(&world.get("/api/v1/jobs/g/tasks").await.ok()), [shown[0], shown[1], shown[7]]);
    for limit in 1..=9 {
        assert_eq!(walk(&world, limit).await, shown, "in pages of {limit}");
    }

    world.succeed(&two, "\"b\"").await;
    world.succeed(&one, "1.0").await;
    for _ in 0..3 {
        let item = world.dispatch().await;
        world.succeed(&item, "0").await;
    }
    let each = world.get("/api/v1/tasks/g/each").await;
    assert!(each.text.contains(r#""output":[1.0,"b",0,0,0]"#), "{}", each.text);
    let results = &each.json()["results"];
    assert_eq!(results[1], json!({"status": "succeeded", "output": "b", "error": null, "attempts": 1}));
    assert_eq!(results.as_array().unwrap().len(), 5);
}

/// All places, page by page.
async fn walk(world: &World, limit: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/api/v1/jobs/g/tasks?items=true&limit={limit}{cursor}")).await.ok();
        let places = places(&page);
        assert!(!places.is_empty() && places.len() <= limit);
        seen.extend(places);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_shows_its_input_and_attempts() {
    let mut world = World::new();
    world.submit(GRAPH).await;
    let list = world.get("/api/v1/tasks/g/list").await.ok();
    assert_eq!(fields(&list), contract(&format!("{TASK} input results attempts")));
    assert_eq!((&list["input"], &list["results"]), (&Value::Null, &Value::Null));
    assert_eq!(list["attempts"][0]["outcome"], Value::Null);
    assert_eq!(world.get("/api/v1/tasks/g/each").await.ok()["results"], json!([]));
    let first = world.dispatch().await;
    world.succeed(&first, "[100000000000000000000000001, 2, 3]").await;
    let kept = world.get("/api/v1/tasks/g/each.0").await;
    assert!(kept.text.contains(r#""input":{"n":100000000000000000000000001}"#), "{}", kept.text);
    let counted = world.get("/api/v1/tasks/g/each.2").await.ok();
    assert_eq!((&counted["input"], &counted["state"]), (&json!({"n": 3}), &"waiting".into()));
    assert_eq!((&counted["attempt"], &counted["attempts"]), (&0.into(), &json!([])));
    world.get("/api/v1/tasks/g/each.3").await.problem(404);
    assert_eq!(world.get("/api/v1/tasks/g/last").await.ok()["input"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_of_the_list_that_its_task_has_now() {
    let mut world = World::new();
    world
        .submit(
            r#"{"id":"l","tasks":{"list":{"kind":"k"},
            "each":{"kind":"k","for_each":"${{ tasks.list.output }}","input":"${{ item }}"}}}"#,
        )
        .await;
    for list in ["[1, 2]", "[3, 4]"] {
        let first = world.dispatch().await;
        world.succeed(&first, list).await;
        let numbers = list.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        for (index, number) in numbers.enumerate() {
            let item = world.dispatch().await;
            let address = format!("each.{index}");
            // Twice, since the second look finds what the first left.
            for _ in 0..2 {
                let shown = world.get(&format!("/api/v1/tasks/l/{address}")).await.ok();
                assert_eq!(shown["input"].to_string(), number, "{address}");
            }
            world.succeed(&item, "null").await;
        }
        world.post("/api/v1/tasks/l/list/retry", "").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_tells_when_and_why() {
    let mut world = World::new();
    world.submit(r#"{"id":"r","kind":"k","retry":{"max_attempts":2,"delay":"1h"}}"#).await;
    let attempt = world.dispatch().await;
    let error = ErrorObject::new("unreachable", "nobody there");
    world.report(&attempt, Report::Failed { error: error.clone(), retry: RetryAdvice::Policy }).await;
    let task = world.get("/api/v1/tasks/r/task").await.ok();
    assert_eq!((&task["state"], &task["error"]["code"]), (&"retrying".into(), &"unreachable".into()));
    let at = task["retry_at"].as_str().unwrap();
    assert_eq!(task["reason"], format!("backs off until {at} after unreachable"));
    assert_eq!(
        fields(&task["attempts"][0]),
        contract("attempt round outcome worker dispatched_at started_at finished_at stopped_at error")
    );
    assert_eq!(task["attempts"].as_array().unwrap().len(), 1);
    assert_eq!((&task["attempts"][0]["outcome"], &task["attempts"][0]["worker"]), (&"failed".into(), &"w1".into()));

    world.submit(r#"{"id":"q","kind":"k","retry":{"max_attempts":2,"delay":0}}"#).await;
    for _ in 0..2 {
        let attempt = world.dispatch().await;
        world.report(&attempt, Report::Failed { error: error.clone(), retry: RetryAdvice::Policy }).await;
    }
    let task = world.get("/api/v1/tasks/q/task").await.ok();
    assert_eq!((&task["state"], &task["reason"], &task["retry_at"]), (&"failed".into(), &Value::Null, &Value::Null));
    let outcomes: Vec<_> =
        task["attempts"].as_array().unwrap().iter().map(|a| a["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_name_what_is_in_the_way() {
    let mut world = World::new();
    let reason = async |world: &World, id: &str| {
        let task = world.get(&format!("/api/v1/tasks/{id}/task")).await.ok();
        task["reason"].as_str().map(str::to_owned)
    };
    let says = |reason: Option<String>, part: &str| {
        let reason = reason.unwrap_or_default();
        assert!(reason.contains(part), "{reason:?} does not say {part:?}");
    };
    world.submit(r#"{"id":"later","kind":"k","delay":"1h"}"#).await;
    says(reason(&world, "later").await, "the job is scheduled for 20");
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    let attempt = world.dispatch().await;
    says(reason(&world, "a").await, "no live worker serves queue default");
    world.hear(&["default"], &["other"]);
    says(reason(&world, "a").await, "none of the 1 workers of queue default knows kind k");
    world.hear(&["default"], &["k"]);
    says(reason(&world, "a").await, "offered to the workers of queue default since 20");
    world.report(&attempt, Report::Progress(Default::default())).await;
    assert_eq!(reason(&world, "a").await, None);
    world.post("/api/v1/queues/default/pause", "").await.ok();
    world.submit(r#"{"id":"b","kind":"k"}"#).await;
    says(reason(&world, "b").await, "queue default is paused");
    world.post("/api/v1/jobs/b/pause", "").await.ok();
    says(reason(&world, "b").await, "the job is paused");
    world.post("/api/v1/jobs/b/resume", "").await.ok();
    world.post("/api/v1/queues/default/resume", "").await.ok();
    world.dispatch().await;
    world.shared.health.not_ready("broker", "connection refused");
    says(reason(&world, "b").await, "no session with the broker: connection refused");
    world.succeed(&attempt, "1").await;
    assert_eq!(reason(&world, "a").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_task_says_why() {
    let mut world = World::new();
    let job = r#"{"id":"s","fail_fast":false,"tasks":{
        "ok":{"kind":"warrener.pass"},
        "no":{"kind":"warrener.pass","if":"false"}, "not":{"kind":"warrener.pass","if":"1 > 2"},
        "after_one":{"kind":"warrener.pass","needs":"no"}, "after_both":{"kind":"warrener.pass","needs":["no","not"]},
        "repair":{"kind":"warrener.pass","needs":"ok","run_on":"failure"},
        "bad":{"kind":"warrener.fail","input":{"code":"x"}},
        "below":{"kind":"warrener.pass","needs":["ok","bad"]}, "deep":{"kind":"warrener.pass","needs":["ok","below"]},
        "strict":{"kind":"warrener.pass","needs":"deep","run_on":"unless_failed"},
        "hand":{"kind":"k"}}}"#;
    world.submit(job).await;
    world.dispatch().await;
    world.post("/api/v1/tasks/s/hand/skip", "").await.ok();
    let tasks = world.get("/api/v1/jobs/s/tasks").await.ok();
    let reasons: Vec<_> = tasks["items"].as_array().unwrap().iter().map(|task| task["reason"].as_str()).collect();
    let false_if = Some("its `if` is false");
    let failed = Some("a needed task failed: bad");
    let one = Some("none of its needs succeeded (no was skipped)");
    let both = Some("none of its needs succeeded (no, not were skipped)");
    let repair = Some("none of its needs failed");
    let hand = Some("skipped by hand");
    let expected = [None, false_if, false_if, one, both, repair, None, failed, failed, failed, hand];
    assert_eq!(reasons, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_needs_are_counted() {
    let world = World::new();
    let many: Vec<String> = (0..6).map(|no| format!(r#""t{no}":{{"kind":"k"}}"#)).collect();
    let needs: Vec<String> = (0..6).map(|no| format!("\"t{no}\"")).collect();
    let job =
        format!(r#"{{"id":"m","tasks":{{{},"all":{{"kind":"k","needs":[{}]}}}}}}"#, many.join(","), needs.join(","));
    world.submit(&job).await;
    assert_eq!(world.get("/api/v1/tasks/m/all").await.ok()["reason"], "waits for t0, t1, t2 and 3 more");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_were_never_kept_end_with_their_task() {
    let mut world = World::new();
    let items: Vec<String> = (0..1000).map(|no| no.to_string()).collect();
    let job = format!(r#"{{"id":"m","tasks":{{"each":{{"kind":"k","for_each":[{}]}}}}}}"#, items.join(","));
    world.submit(&job).await;
    world.dispatch().await;
    world.post("/api/v1/jobs/m/cancel", "").await.ok();
    let page = world.get("/api/v1/jobs/m/tasks?items=true&limit=1000").await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1000);
    assert_eq!(page["items"][999]["state"], "cancelled");
    assert!(page["items"][999]["finished_at"].is_string());
    assert_eq!(page["items"][0]["items"]["cancelled"], 1000);
    assert_eq!(page["next_cursor"], "0.999");
}
