//! Pages of what stands beside the jobs: schedules and limits.

use super::*;

async fn send(world: &World, path: &str, form: &[(&str, &str)], cookie: &str) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::builder().method(Method::POST).uri(path).header("accept", "text/html");
    world.send_from("127.0.0.1", request.header("cookie", cookie).body(Body::from(body)).unwrap()).await
}

/// A schedule at a time that the clocks of its zone skip once a year, and show twice once a year.
async fn nightly(world: &World) {
    let document = r#"{"description":"counts <all>","cron":"30 2 * * *","zone":"Europe/Berlin","job":{"kind":"k"}}"#;
    assert_eq!(world.put("/api/v1/schedules/nightly", document).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_tells_its_next_times_and_is_steered() {
    let world = World::new();
    assert!(seen(&world, "/schedules").await.contains("There is none."));
    nightly(&world).await;
    let list = seen(&world, "/schedules").await;
    assert!(list.contains("./schedules/nightly") && list.contains("30 2 * * *"), "{list}");
    let page = seen(&world, "/schedules/nightly").await;
    assert!(page.matches("T02:30:00+0").count() >= 4, "{page}");
    assert!(page.contains("gap: the clocks") || page.contains("fold: the clocks"), "{page}");
    assert!(page.contains("counts &lt;all&gt;") && page.contains("None yet."), "{page}");
    let paused = press(&world, "/schedules/nightly/do/pause").await;
    assert_eq!((paused.status.as_u16(), paused.header("location")), (303, "../../../schedules/nightly"));
    let page = seen(&world, "/schedules/nightly").await;
    assert!(page.contains("do/resume") && !page.contains("do/pause"), "{page}");
    assert!(page.contains("Nothing of these starts"), "{page}");
    let run = press(&world, "/schedules/nightly/do/trigger").await;
    assert!(run.header("location").starts_with("../../../jobs/nightly%3A"), "{}", run.header("location"));
    let page = seen(&world, "/schedules/nightly").await;
    assert!(page.contains("started") && page.contains("jobs/nightly%3A"), "{page}");
    assert_eq!(press(&world, "/schedules/nightly/do/resume").await.status, 303);
    assert_eq!(press(&world, "/schedules/other/do/pause").await.status, 404);
    assert_eq!(press(&world, "/schedules/nightly/do/explode").await.status, 404);
    let audit = seen(&world, "/audit?q=target:nightly").await;
    assert!(audit.contains("schedule.pause") && audit.contains("schedule.trigger"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_begun_after_a_look_at_what_it_would_start() {
    let mut world = World::new();
    nightly(&world).await;
    let form = seen(&world, "/schedules/nightly/backfill").await;
    assert!(form.contains("name=\"again\"") && !form.contains("would be started"), "{form}");
    let path = "/schedules/nightly/backfill?from=yesterday&to=2026-01-04T00:00:00Z";
    let wrong = open(&world, path).await;
    assert!(wrong.status == 400 && wrong.text.contains("no RFC 3339 time"), "{}", wrong.text);
    let path = "/schedules/nightly/backfill?from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z&overlap=allow&rate=";
    let look = seen(&world, path).await;
    assert!(look.contains("3 ticks would be started") && look.contains("2026-01-03T01:30:00"), "{look}");
    assert!(!seen(&world, "/schedules/nightly").await.contains("2026-01-03"), "a look started something");
    let form = [("from", "2026-01-01T00:00:00Z"), ("to", "2026-01-04T00:00:00Z"), ("overlap", "allow")];
    let begun = send(&world, "/schedules/nightly/backfill", &form, "").await;
    assert_eq!((begun.status.as_u16(), begun.header("location")), (303, "../../schedules/nightly"), "{}", begun.text);
    for _ in 0..3 {
        world.dispatch().await;
    }
    let page = seen(&world, "/schedules/nightly").await;
    assert_eq!(page.matches("state started").count(), 3, "{page}");
    assert_eq!(send(&world, "/schedules/nightly/backfill", &[("from", "x")], "").await.status, 400);
    assert!(seen(&world, "/audit?q=target:nightly").await.contains("schedule.backfill"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_limit_is_seen_paused_and_set() {
    let mut world = World::new();
    assert!(seen(&world, "/limits").await.contains("./limits/api"));
    assert!(seen(&world, "/limits/api").await.contains("No key fits."));
    for id in ["first", "second"] {
        world.submit(&format!(r#"{{"id":"{id}","kind":"k","limits":["api"]}}"#)).await;
    }
    world.dispatch().await;
    let keys = seen(&world, "/limits/api").await;
    assert!(
        keys.contains("1<span class=\"muted\"> of 1</span>") && keys.contains("../limits/api/key?key=%2A"),
        "{keys}"
    );
    assert!(seen(&world, "/limits/api?q=key:a*").await.contains("No key fits."));
    let change = async |form: &[(&str, &str)]| send(&world, "/limits/api/key", form, "").await;
    let done = change(&[("do", "pause"), ("key", "*"), ("for", "10m")]).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "../../limits/api/key?key=%2A"), "{}", done.text);
    assert_eq!(change(&[("do", "settings"), ("key", "*"), ("concurrency", "2"), ("rate", "")]).await.status, 303);
    let key = world.get("/api/v1/limits/api/keys").await.ok()["items"][0].clone();
    assert!(key["concurrency"] == 2 && key["paused_until"].is_string(), "one setting leaves the others: {key}");
    let page = seen(&world, "/limits/api/key?key=*").await;
    assert!(page.contains("value=\"resume\"") && page.contains("Paused until"), "{page}");
    assert_eq!(change(&[("do", "resume"), ("key", "*")]).await.status, 303);
    assert!(!seen(&world, "/limits/api/key?key=*").await.contains("Paused until"));
    for wrong in [
        [("do", "pause"), ("for", "soon")],
        [("do", "settings"), ("concurrency", "many")],
        [("do", "settings"), ("rate", "fast")],
        [("do", "weight"), ("weight", "0")],
        [("do", "explode"), ("for", "")],
    ] {
        let status = change(&wrong).await.status.as_u16();
        assert!((400..500).contains(&status), "{wrong:?}: {status}");
    }
    assert!(seen(&world, "/audit?q=verb:limit.key").await.contains("api/*"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_schedules_and_limits_and_steers_none() {
    let world = World::guarded(&tokens());
    let boss = format!("boss-{TOKENS}");
    let document = r#"{"cron":"30 2 * * *","job":{"kind":"k","labels":{"team":"b"}}}"#;
    let put = world.ask_with(&Method::PUT, "/api/v1/schedules/nightly", &boss, document).await;
    assert_eq!(put.status, 201, "{}", put.text);
    let set = r#"{"concurrency":3}"#;
    world.ask_with(&Method::PUT, "/api/v1/limits/api/keys/acme", &boss, set).await.ok();
    let cookie = |answer: Answer| answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let reader = cookie(sign_in(&world, "reader", "").await);
    for path in ["/schedules", "/schedules/nightly", "/limits", "/limits/api", "/limits/api/key?key=acme"] {
        let page = with_cookie(&world, Method::GET, path, &reader).await;
        assert_eq!(page.status, 200, "{path}");
        let main = page.text.split("<main").nth(1).unwrap();
        assert!(!main.contains("method=\"post\"") && !main.contains("class=\"button\""), "{path}: {main}");
    }
    assert_eq!(with_cookie(&world, Method::GET, "/schedules/nightly/backfill", &reader).await.status, 403);
    let team = cookie(sign_in(&world, "team", "").await);
    assert!(!with_cookie(&world, Method::GET, "/schedules", &team).await.text.contains("nightly"));
    for (path, of_team) in
        [("/schedules/nightly/do/pause", 404), ("/schedules/nightly/backfill", 404), ("/limits/api/key", 403)]
    {
        let form =
            [("from", "2026-01-01T00:00:00Z"), ("to", "2026-01-02T00:00:00Z"), ("do", "resume"), ("key", "acme")];
        assert_eq!(send(&world, path, &form, &reader).await.status, 403, "{path}");
        assert_eq!(send(&world, path, &form, &team).await.status.as_u16(), of_team, "{path}");
    }
}
