//! Pages over a real driver and a real database.

use axum::body::Body;
use axum::http::{Method, Request};

use super::asset::ASSETS;
use super::table::PAGES;
use crate::access::tokens::{hash_of, hash_text};
use crate::api::tests::law::furnish;
use crate::api::tests::world::{Answer, World};

mod jobs;
mod standing;

async fn open(world: &World, path: &str) -> Answer {
    let request = Request::get(path).header("accept", "text/html,*/*;q=0.8").body(Body::empty()).unwrap();
    world.send(request).await
}

async fn press(world: &World, path: &str) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path).header("accept", "text/html");
    world.send_from("127.0.0.1", request.body(Body::empty()).unwrap()).await
}

/// A page that must be there.
async fn seen(world: &World, path: &str) -> String {
    let answer = open(world, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    assert!(answer.header("content-security-policy").starts_with("default-src 'self'"), "{path}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    answer.text
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_by_page_and_filter() {
    let world = World::new();
    assert!(seen(&world, "/jobs").await.contains("There is no job yet."));
    for no in 0..3 {
        world.submit(&format!(r#"{{"id":"job-{no}","kind":"k","labels":{{"team":"a&b"}}}}"#)).await;
    }
    let first = seen(&world, "/jobs?limit=2").await;
    assert!(first.contains(r#"href="./jobs/job-2""#) && !first.contains("job-0"), "{first}");
    assert!(first.contains("label.team%3A%22a%26b%22") && first.contains("team=a&amp;b"), "{first}");
    let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = seen(&world, &format!("/jobs{next}")).await;
    assert!(second.contains("job-0") && !second.contains("job-2"), "{second}");
    assert!(seen(&world, "/jobs?q=state:failed").await.contains("No job fits this filter."));
    let overview = seen(&world, "/").await;
    assert!(overview.contains("./jobs?q=state:running") && overview.contains("Queues that wait"), "{overview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_jobs_is_turned_round_and_shows_the_columns_that_are_asked_for() {
    let world = World::new();
    for no in 0..3 {
        world.submit(&format!(r#"{{"id":"job-{no}","kind":"k"}}"#)).await;
    }
    let oldest = seen(&world, "/jobs?sort=oldest&limit=2&columns=started,error").await;
    assert!(oldest.contains(r#"href="./jobs/job-0""#) && !oldest.contains("./jobs/job-2"), "{oldest}");
    assert!(!oldest.contains("data-stream"), "what is new does not come at the front: {oldest}");
    let headings: Vec<&str> =
        oldest.split("<th scope=\"col\">").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(headings, ["State", "Job", "Started", "Error"]);
    // A link shows another column or hides one, and keeps the rest of the address; so does the form.
    assert!(oldest.contains("columns=labels%2Cstarted%2Cerror") && oldest.contains("columns=started\""), "{oldest}");
    assert!(oldest.contains(r#"name="columns" value="started,error""#), "{oldest}");
    let next = oldest.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = seen(&world, &format!("/jobs{}", next.split('"').next().unwrap().replace("&amp;", "&"))).await;
    assert!(next.contains("./jobs/job-2") && !next.contains("./jobs/job-0") && next.contains(">Error<"), "{next}");
    assert!(seen(&world, "/jobs?columns=none").await.contains("columns=tasks\""));
    for wrong in ["/jobs?columns=tasks,password", "/jobs?sort=sideways"] {
        assert_eq!(open(&world, wrong).await.status, 400, "{wrong}");
    }
    let jobs = world.get("/api/v1/jobs?sort=oldest").await;
    let ids: Vec<_> = jobs.json()["items"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect();
    assert_eq!(ids, ["job-0", "job-1", "job-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_its_tasks_and_why_it_waits() {
    let mut world = World::new();
    furnish(&mut world).await;
    let page = seen(&world, "/jobs/g").await;
    assert!(page.contains(r#"href="../jobs/g/tasks/each""#), "{page}");
    assert!(page.contains("waits for each"), "{page}");
    let items = seen(&world, "/jobs/g?items=true").await;
    assert!(items.contains("../jobs/g/tasks/each.2"), "{items}");
    assert!(items.contains("offered to the workers of queue default"), "{items}");
    let events = seen(&world, "/jobs/g/events").await;
    assert!(events.contains("task.succeeded"), "{events}");
    let task = seen(&world, "/jobs/g/tasks/each.0").await;
    assert!(task.contains("at it\n") && task.contains("Attempts"), "{task}");
    let log = open(&world, "/jobs/g/tasks/each.0/log").await;
    assert_eq!(log.text, "at it\n");
    assert!(log.header("content-disposition").contains("g-each.0.log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_shown_and_given_as_they_came() {
    let world = World::new();
    world.submit(r#"{"id":"v","kind":"k","input":{"n":12345678901234567890.0, "s":"<i>"}}"#).await;
    let page = seen(&world, "/jobs/v/data").await;
    assert!(page.contains("12345678901234567890.0") && page.contains("&lt;i&gt;"), "{page}");
    let whole = open(&world, "/jobs/v/values/input").await;
    assert_eq!(whole.text, r#"{"n":12345678901234567890.0, "s":"<i>"}"#);
    assert_eq!(whole.header("content-type"), "application/json");
    let large = format!(r#"{{"id":"w","kind":"k","input":"{}"}}"#, "x".repeat(70_000));
    world.submit(&large).await;
    let page = seen(&world, "/jobs/w/data").await;
    assert!(page.contains("Too long for a page.") && page.len() < 20_000, "{}", page.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_does_what_the_api_does() {
    let mut world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    world.dispatch().await;
    assert!(seen(&world, "/jobs/a").await.contains("../jobs/a/do/pause"));
    let done = press(&world, "/jobs/a/do/pause").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "../../../jobs/a"));
    let page = seen(&world, "/jobs/a").await;
    assert!(page.contains("../jobs/a/do/resume") && !page.contains("../jobs/a/do/pause"), "{page}");
    assert!(seen(&world, "/jobs/a/do/cancel").await.contains("Tasks that run are stopped"));
    assert_eq!(press(&world, "/jobs/a/do/delete").await.status, 409, "it has not ended");
    assert_eq!(press(&world, "/jobs/a/do/cancel").await.status, 303);
    assert_eq!(press(&world, "/jobs/a/do/explode").await.status, 404);
    assert!(seen(&world, "/audit?q=target:a").await.contains("job.cancel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_up_is_refused_with_a_page_that_says_what() {
    let world = World::new();
    for (path, status, words) in [
        ("/nothing", 404, "/nothing"),
        ("/jobs?q=stat:failed", 400, "unknown key `stat`"),
        ("/jobs?q=%22", 400, "a double quote is not closed"),
        ("/jobs?cursor=%00", 400, "not a next_cursor"),
        ("/jobs?limit=0", 400, "is not a number from 1 to"),
        ("/jobs?nonsense=1", 400, "nonsense"),
        ("/jobs/%3Cscript%3E", 404, "&lt;script&gt;"),
        ("/jobs/%FF", 404, "there is no job"),
        ("/jobs/a/tasks/b.99999999999999", 404, "no task"),
        ("/jobs/a/do/cancel", 404, "there is no job"),
        ("/jobs/a/values/input", 404, "there is no job"),
        ("/assets/other.js", 404, "load the page again"),
    ] {
        let answer = open(&world, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(answer.text.contains(words), "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{path}");
        // A program is told the same in its own form.
        world.get(path).await.problem(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_answers_whatever_is_asked_for() {
    let mut world = World::new();
    furnish(&mut world).await;
    for route in PAGES.iter().filter(|route| route.method == Method::GET) {
        for part in ["g", "other", "each.1", "..", "%00", "%FF", "%3Cb%3E", "99999999999999999999", "1"] {
            let path: Vec<_> =
                route.path.split('/').map(|name| if name.starts_with('{') { part } else { name }).collect();
            for query in ["", "?q=%FF", "?cursor=-1", "?limit=99999999999", "?items=maybe"] {
                let path = format!("{}{query}", path.join("/"));
                let status = open(&world, &path).await.status.as_u16();
                assert!(status < 500, "{path}: {status}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_a_page_that_a_browser_would_run() {
    let world = World::new();
    let hostile = r#"<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u001b[31m\u202e{{7*7}}"#;
    let label: String = hostile.chars().take(56).collect();
    let job =
        format!(r#"{{"id":"h","name":"x","kind":"k","input":{{"{hostile}":"{hostile}"}},"labels":{{"l":"{label}"}}}}"#);
    let answer = world.post("/api/v1/jobs", job).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    for path in ["/jobs", "/jobs/h", "/jobs/h/data", "/jobs/h/events", "/jobs/h/tasks/task"] {
        let page = seen(&world, path).await;
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}: {page}");
        assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "{path}: {page}");
        // What the policy forbids is not there to begin with.
        for inline in [" style=", " onclick=", "javascript:", "<style"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_by_browsers_and_the_first_page_is_light() {
    let world = World::new();
    for no in 0..50 {
        world.submit(&format!(r#"{{"id":"job-{no}","kind":"k","labels":{{"team":"growth"}}}}"#)).await;
    }
    let page = seen(&world, "/jobs").await;
    let packed = super::encoding::gzip(page.as_bytes(), flate2::Compression::fast()).unwrap();
    let files: usize = ASSETS.all().iter().map(|asset| asset.sent()).sum();
    assert!(packed.len() + files < 60 * 1024, "{} of the page, {files} of files", packed.len());
    for asset in ASSETS.all() {
        assert!(asset.name == ASSETS.icon.name || page.contains(&asset.name), "{}", asset.name);
        let path = format!("/assets/{}", asset.name);
        let answer = open(&world, &path).await;
        assert!(answer.header("cache-control").contains("immutable"), "{path}");
        let known = Request::get(&path).header("if-none-match", answer.header("etag")).body(Body::empty()).unwrap();
        assert_eq!(world.send(known).await.status, 304, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_workers_and_dead_letters_are_shown_and_steered() {
    let mut world = World::new();
    furnish(&mut world).await;
    let queues = seen(&world, "/queues").await;
    assert!(queues.contains("./queues/default/do/pause"), "{queues}");
    assert_eq!(press(&world, "/queues/default/do/pause").await.header("location"), "../../../queues");
    assert!(seen(&world, "/queues").await.contains("./queues/default/do/resume"));
    assert_eq!(press(&world, "/queues/none/do/pause").await.status, 404);
    assert_eq!(press(&world, "/queues/default/do/burn").await.status, 404);
    let workers = seen(&world, "/workers").await;
    assert!(workers.contains("./workers/w1/drain") && workers.contains("0/4"), "{workers}");
    assert!(seen(&world, "/workers/w1/drain").await.contains("It takes no more tasks"));
    assert_eq!(press(&world, "/workers/w1/drain").await.status, 303);
    assert_eq!(press(&world, "/workers/w9/drain").await.status, 404);
    let dead = seen(&world, "/dead").await;
    assert!(dead.contains("not understood") && dead.contains("./dead/1"), "{dead}");
    assert!(seen(&world, "/dead/1").await.contains("../dead/1/do/discard"));
    assert_eq!(open(&world, "/dead/1/body").await.text, "?");
    assert_eq!(press(&world, "/dead/1/do/replay").await.status, 409, "nobody knows how it was sent");
    assert_eq!(press(&world, "/dead/1/do/discard").await.status, 303);
    assert!(seen(&world, "/dead").await.contains("There is none."));
    let audit = seen(&world, "/audit?q=verb:queue.*").await;
    assert!(audit.contains("queue.pause") && !audit.contains("job.submit"), "{audit}");
}

const TOKENS: &str = "secret";

/// Tokens of somebody who may do all, of somebody who only reads, and of somebody who sees the jobs of one team.
fn tokens() -> String {
    let one = |name: &str, scopes: &str, rest: &str| {
        let hash = hash_text(&hash_of(format!("{name}-{TOKENS}").as_bytes()));
        format!("[[tokens]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [{scopes}]\n{rest}\n")
    };
    let all = one("boss", r#""read", "submit", "operate", "admin""#, "");
    let reader = one("reader", r#""read""#, "");
    let team = one("team", r#""read", "operate""#, "only = \"label.team:a\"");
    [all, reader, team].concat()
}

async fn sign_in(world: &World, name: &str, to: &str) -> Answer {
    let body = format!("token={name}-{TOKENS}&to={to}");
    let request = Request::builder().method(Method::POST).uri("/sign-in").header("accept", "text/html");
    world.send(request.body(Body::from(body)).unwrap()).await
}

async fn with_cookie(world: &World, method: Method, path: &str, cookie: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("accept", "text/html").header("cookie", cookie);
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_becomes_a_cookie_that_is_worth_what_the_token_is_worth() {
    let world = World::guarded(&tokens());
    let asked = open(&world, "/jobs?q=state:failed").await;
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains(r#"name="to" value="jobs?q=state%3Afailed""#), "{}", asked.text);
    assert_eq!(sign_in(&world, "nobody", "").await.status, 401);
    let signed = sign_in(&world, "reader", "jobs%3Fq=a").await;
    assert_eq!((signed.status.as_u16(), signed.header("location")), (303, "./jobs?q=a"));
    let set = signed.header("set-cookie").to_owned();
    for part in ["; Path=/;", "; Max-Age=43200", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains(TOKENS), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    let page = with_cookie(&world, Method::GET, "/jobs", &cookie).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("reader") && page.text.contains("Sign out"), "{}", page.text);
    assert!(!page.text.contains("href=\"./audit\""), "what would be refused is not offered");
    assert_eq!(with_cookie(&world, Method::GET, "/audit", &cookie).await.status, 403);
    assert_eq!(with_cookie(&world, Method::GET, "/api/v1/jobs", &cookie).await.status, 200);
    let out = with_cookie(&world, Method::POST, "/sign-out", &cookie).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    assert_eq!(with_cookie(&world, Method::GET, "/jobs", &cookie).await.status, 401, "it is over on our side too");
    for evil in ["//evil.example", "https://evil.example", "%0d%0aset-cookie:a=b", "/\\evil.example"] {
        let place = sign_in(&world, "reader", evil).await.header("location").to_owned();
        assert!(place.starts_with("./"), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_what_would_be_refused() {
    let mut world = World::guarded(&tokens());
    let job = |id: &str, team: &str| format!(r#"{{"id":"{id}","kind":"k","labels":{{"team":"{team}"}}}}"#);
    for (id, team) in [("a", "a"), ("b", "b")] {
        let boss = format!("boss-{TOKENS}");
        assert!(world.ask_with(&Method::POST, "/api/v1/jobs", &boss, job(id, team)).await.status.is_success());
        world.dispatch().await;
    }
    let cookie = |answer: Answer| answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let reader = cookie(sign_in(&world, "reader", "").await);
    let team = cookie(sign_in(&world, "team", "").await);
    let page = with_cookie(&world, Method::GET, "/jobs/a", &reader).await;
    assert!(page.status == 200 && !page.text.contains("/do/"), "{}", page.text);
    assert_eq!(with_cookie(&world, Method::POST, "/jobs/a/do/cancel", &reader).await.status, 403);
    let list = with_cookie(&world, Method::GET, "/jobs", &team).await.text;
    assert!(list.contains("jobs/a\"") && !list.contains("jobs/b\""), "{list}");
    assert_eq!(with_cookie(&world, Method::GET, "/jobs/b", &team).await.status, 404);
    assert_eq!(with_cookie(&world, Method::POST, "/jobs/b/do/cancel", &team).await.status, 404);
    assert_eq!(with_cookie(&world, Method::POST, "/jobs/a/do/cancel", &team).await.status, 303);
    assert_eq!(with_cookie(&world, Method::POST, "/queues/default/do/pause", &team).await.status, 403);
    assert!(!with_cookie(&world, Method::GET, "/queues", &team).await.text.contains("/do/pause"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing() {
    let mut world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    world.dispatch().await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = Request::builder().method(Method::POST).uri("/jobs/a/do/cancel").header(name, value);
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 403);
    }
    assert_eq!(press(&world, "/jobs/a/do/pause").await.status, 303);
    let audit = seen(&world, "/audit").await;
    assert!(audit.contains("job.pause") && !audit.contains("job.cancel"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_has_places_and_the_timeline_times() {
    let mut world = World::new();
    furnish(&mut world).await;
    let graph = world.get("/api/v1/jobs/g/graph").await.ok();
    let x = |name: &str| {
        let nodes = graph["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["task"] == name).unwrap()["x"].as_f64().unwrap()
    };
    assert!(x("list") < x("each") && x("each") < x("last"), "{graph}");
    assert_eq!(graph["nodes"][1]["items"]["dispatched"], 2, "{graph}");
    assert_eq!(graph["nodes"][1]["items"]["waiting"], 1, "{graph}");
    assert_eq!(graph["edges"].as_array().unwrap().len(), 3, "{graph}");
    for (format, words) in [("svg", "class=\"graph\""), ("dot", "digraph \"g\""), ("mermaid", "flowchart LR")] {
        let answer = world.get(&format!("/api/v1/jobs/g/graph?format={format}")).await;
        assert!(answer.status == 200 && answer.text.contains(words), "{format}: {}", answer.text);
    }
    world.get("/api/v1/jobs/g/graph?format=png").await.problem(400);
    let page = seen(&world, "/jobs/g/graph").await;
    assert!(page.contains(r#"<a href="../../jobs/g/tasks/each">"#), "{page}");
    let timeline = seen(&world, "/jobs/g/timeline").await;
    assert!(timeline.contains("../../jobs/g/tasks/list") && timeline.contains("★"), "{timeline}");
    assert!(!timeline.contains("tasks/last"), "it has not begun");
    assert!(seen(&world, "/jobs/g/timeline?failed=true").await.contains("No task has begun."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_graph_is_grouped_unless_all_is_asked_for() {
    let world = World::new();
    let tasks: Vec<String> = (0..400)
        .map(|no| match no {
            0..100 => format!(r#""t{no}":{{"kind":"a.b"}}"#),
            _ => format!(r#""t{no}":{{"kind":"c","needs":["t{}"]}}"#, no - 100),
        })
        .collect();
    world.submit(&format!(r#"{{"id":"large","tasks":{{{}}}}}"#, tasks.join(","))).await;
    let page = seen(&world, "/jobs/large/graph").await;
    assert_eq!(page.matches("class=\"node").count(), 4, "{page}");
    assert!(page.contains("×100"), "{page}");
    assert_eq!(seen(&world, "/jobs/large/graph?all=true").await.matches("class=\"node").count(), 400);
}

async fn fill(world: &World, path: &str, job: &str) -> Answer {
    let body: String = form_urlencoded::Serializer::new(String::new()).append_pair("job", job).finish();
    let request = Request::builder().method(Method::POST).uri(path).header("accept", "text/html");
    world.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_judged_as_it_is_written_and_submitted_by_a_form() {
    let world = World::new();
    let page = seen(&world, "/submit?example=graph").await;
    assert!(page.contains("tasks.who.output.name"), "{page}");
    let bad = fill(&world, "/submit/check", "{\n  \"kind\": \"k\",\n  \"inptu\": 1\n}").await.text;
    assert!(bad.contains("line 3, column 3") && bad.contains("/inptu") && bad.contains("input"), "{bad}");
    assert!(!bad.contains("<html"), "a part of a page: {bad}");
    let good = fill(&world, "/submit/check", r#"{"kind":"k","input":"it's <b>"}"#).await.text;
    assert!(good.contains("This would be taken.") && good.contains("curl http://localhost/api/v1/jobs -H"), "{good}");
    assert!(good.contains("delivery_mode=2") && !good.contains("TOKEN_FILE"), "{good}");
    assert!(!good.contains("<b>"), "{good}");
    let refused = fill(&world, "/submit", "nonsense").await;
    assert!(refused.status == 422 && refused.text.contains("nonsense</textarea>"), "{}", refused.text);
    assert!(fill(&world, "/submit/look", "nonsense").await.text.contains("notice bad"));
    let done = fill(&world, "/submit", r#"{"id":"mine","kind":"k","input":{"n":1.50}}"#).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "./jobs/mine"));
    let again = seen(&world, "/submit?from=mine").await;
    assert!(again.contains("1.50") && !again.contains("mine&quot;"), "{again}");
    assert_eq!(open(&world, "/submit?from=other").await.status, 404);
    assert_eq!(open(&world, "/submit?example=other").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_waits_is_answered_by_a_form() {
    let world = World::new();
    let wait = r#"{"id":"w","tasks":{"ask":{"kind":"warrener.wait","input":{"event":"approval","key":"k1"}}}}"#;
    world.submit(wait).await;
    let page = seen(&world, "/jobs/w/tasks/ask").await;
    assert!(page.contains("../../../jobs/w/tasks/ask/answer") && page.contains("approval"), "{page}");
    let send = async |answer: &str| {
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("answer", answer).finish();
        let request = Request::builder().method(Method::POST).uri("/jobs/w/tasks/ask/answer");
        world.send(request.header("accept", "text/html").body(Body::from(body)).unwrap()).await
    };
    assert_eq!(send("{nonsense").await.status, 400);
    assert_eq!(send(r#"{"yes": 1.50}"#).await.status, 303);
    let page = seen(&world, "/jobs/w/tasks/ask").await;
    assert!(page.contains("1.50") && !page.contains("Answer it"), "{page}");
    assert_eq!(send("1").await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_fits_is_acted_on_after_a_question() {
    let world = World::new();
    for no in 0..3 {
        world.submit(&format!(r#"{{"id":"b-{no}","kind":"k","delay":"1h"}}"#)).await;
    }
    assert!(!seen(&world, "/jobs").await.contains("bulk/new?"), "nothing is offered for everything there is");
    let list = seen(&world, "/jobs?q=state:scheduled").await;
    assert!(list.contains("./bulk/new?action=cancel&amp;q=state%3Ascheduled"), "{list}");
    let asked = seen(&world, "/bulk/new?action=cancel&q=state:scheduled").await;
    assert!(asked.contains("Cancel 3 jobs?") && asked.contains("b-1"), "{asked}");
    assert_eq!(open(&world, "/bulk/new?action=explode&q=state:scheduled").await.status, 400);
    assert_eq!(open(&world, "/bulk/new?action=cancel&q=").await.status, 400);
    let form = "action=cancel&filter=state%3Ascheduled&rate=&reason=a+test";
    let request = Request::builder().method(Method::POST).uri("/bulk/new").header("accept", "text/html");
    let begun = world.send_from("127.0.0.1", request.body(Body::from(form)).unwrap()).await;
    assert_eq!((begun.status.as_u16(), begun.header("location")), (303, "../bulk/1"), "{}", begun.text);
    let page = seen(&world, "/bulk/1").await;
    assert!(page.contains("a test") && page.contains("of 3"), "{page}");
    assert!(seen(&world, "/bulk").await.contains("./bulk/1"));
    assert_eq!(open(&world, "/bulk/9").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_dead_letters_are_acted_on_after_a_question() {
    let mut world = World::new();
    furnish(&mut world).await;
    let list = seen(&world, "/dead").await;
    assert!(list.contains("./bulk/new?action=discard&amp;q=%2A"), "{list}");
    let asked = seen(&world, "/bulk/new?action=discard&q=*").await;
    assert!(asked.contains("Discard 1 dead letter?") && asked.contains("../dead/1"), "{asked}");
    let form = "action=discard&filter=*&rate=1000%2Fs&reason=";
    let request = Request::builder().method(Method::POST).uri("/bulk/new").header("accept", "text/html");
    let begun = world.send_from("127.0.0.1", request.body(Body::from(form)).unwrap()).await;
    assert_eq!((begun.status.as_u16(), begun.header("location")), (303, "../bulk/2"), "{}", begun.text);
    for _ in 0..100 {
        if seen(&world, "/dead").await.contains("There is none.") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it was not discarded: {}", seen(&world, "/bulk/2").await);
}
