//! Who may ask for what: every route, by the table.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::Value;

use super::law::{letter, paths};
use super::world::World;
use crate::access::Scope;
use crate::access::tokens::{hash_of, hash_text};
use crate::api::route::{Demand, Reach};
use crate::api::routes::ROUTES;
use crate::config::tests::CANARY;
use crate::driver::Input;
use crate::store::DeadLetter;

fn entry(name: &str, scopes: &[Scope], rest: &str) -> String {
    let scopes: Vec<_> = scopes.iter().map(|scope| format!("\"{scope}\"")).collect();
    let hash = hash_text(&hash_of(name.as_bytes()));
    format!("[[tokens]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [{}]\n{rest}\n", scopes.join(", "))
}

/// A token named like each scope, one for all others of it, all of them, and one that has expired.
fn everybody() -> String {
    let one = Scope::ALL.map(|scope| entry(scope.as_str(), &[scope], ""));
    let others = Scope::ALL.map(|scope| {
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        entry(&format!("not-{scope}"), &others, "")
    });
    let expired = entry("expired", &Scope::ALL, "expires = 2020-01-01T00:00:00Z");
    [one.concat(), others.concat(), expired, entry("all", &Scope::ALL, "")].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_scope_and_no_other() {
    let world = World::guarded(&everybody());
    let mut refusals = std::collections::BTreeSet::new();
    for route in ROUTES {
        let path = &paths(route)[1];
        let what = format!("{} {}", route.method, route.path);
        let bare = Request::builder().method(&route.method).uri(path).body(Body::empty()).unwrap();
        let bare = world.send(bare).await;
        let Demand::Scope(scope, _) = route.demand else {
            assert!(matches!(bare.status.as_u16(), 200 | 503), "{what}: {}", bare.status);
            continue;
        };
        for (shown, answer) in [
            ("none", bare),
            ("unknown", world.ask(&route.method, path, "wrn_unknown").await),
            ("expired", world.ask(&route.method, path, "expired").await),
        ] {
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"warrener\"", "{what}, {shown}");
            refusals.insert(answer.problem(401).to_string());
        }
        let wrong = world.ask(&route.method, path, &format!("not-{scope}")).await.problem(403);
        assert_eq!(wrong["code"], "not_allowed", "{what}");
        assert!(wrong["detail"].as_str().unwrap().contains(&format!("the scope {scope}")), "{what}: {wrong}");
        let right = world.ask(&route.method, path, scope.as_str()).await;
        assert!(!matches!(right.status.as_u16(), 401 | 403 | 500), "{what}: {} {}", right.status, right.text);
    }
    assert_eq!(refusals.len(), 1, "one answer to all who are not known: {refusals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_those_of_the_contract() {
    for route in ROUTES {
        let expected = match (route.method.as_str(), route.path) {
            (_, "/livez" | "/readyz") => None,
            (_, "/api/v1/audit" | "/api/v1/config") => Some(Scope::Admin),
            ("GET", _) | ("POST", "/api/v1/schedules/preview") => Some(Scope::Read),
            ("POST", "/api/v1/jobs" | "/api/v1/events/{event}/{key}") => Some(Scope::Submit),
            _ => Some(Scope::Operate),
        };
        let found = if let Demand::Scope(scope, _) = route.demand { Some(scope) } else { None };
        assert_eq!(found, expected, "{} {}", route.method, route.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_in_the_audit_with_its_author() {
    let world = World::guarded(&everybody());
    let submit = r#"{"id":"a","kind":"k","queue":"q"}"#;
    world.ask_with(&Method::POST, "/api/v1/jobs", "submit", submit).await.ok();
    world.ask_with(&Method::POST, "/api/v1/jobs", "submit", submit).await.ok();
    for path in ["/jobs/a/pause", "/jobs/b/pause", "/queues/q/pause", "/tasks/a/task/retry", "/jobs/a/cancel"] {
        world.ask(&Method::POST, &format!("/api/v1{path}"), "operate").await;
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let list = world.ask(&Method::GET, &format!("/api/v1/audit{query}"), "admin").await.ok();
            let line = |row: &Value| {
                let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
                [text("who"), text("verb"), text("target"), text("outcome")].join(" ")
            };
            (list["items"].as_array().unwrap().iter().map(line).collect::<Vec<_>>(), list["next_cursor"].clone())
        }
    };
    let all = [
        "operate job.cancel a done",
        "operate task.retry a/task refused",
        "operate queue.pause q done",
        "operate job.pause a done",
        "submit job.submit a done",
    ];
    assert_eq!(list("").await, (all.map(str::to_owned).to_vec(), Value::Null));
    assert_eq!(list("?limit=2").await, (all[..2].iter().map(ToString::to_string).collect(), "4".into()));
    assert_eq!(list("?cursor=4&q=verb:job.*").await.0, ["operate job.pause a done", "submit job.submit a done"]);
    assert_eq!(list("?q=who:operate%20outcome:refused%20time:%3C1h").await.0, [all[1]]);
    let wrong = world.ask(&Method::GET, "/api/v1/audit?q=kind:x", "admin").await.problem(400);
    assert!(wrong["detail"].as_str().unwrap().contains("who, from, verb"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_at_once_are_none() {
    let world = World::guarded(&everybody());
    let request =
        Request::get("/api/v1/jobs").header("authorization", "Bearer all").header("authorization", "Bearer x");
    world.send(request.body(Body::empty()).unwrap()).await.problem(401);
    assert_eq!(world.ask(&Method::HEAD, "/api/v1/jobs", "all").await.status, StatusCode::OK);
    let bare = Request::head("/api/v1/jobs").body(Body::empty()).unwrap();
    assert_eq!(world.send(bare).await.status, StatusCode::UNAUTHORIZED);
}

/// A world in which `mine` sees jobs with the label `team: a` in the queue `q`, and `all` sees everything.
async fn shared() -> World {
    let world = World::guarded(&(entry("mine", &Scope::ALL, "only = \"label.team:a queue:q\"") + &everybody()));
    for (id, team, unique) in [("mine-1", "a", "ka"), ("g", "b", "kb")] {
        let job = format!(
            r#"{{"id":"{id}","labels":{{"team":"{team}"}},"unique":{{"key":"{unique}"}},
                "tasks":{{"list":{{"kind":"k","queue":"q"}},"each":{{"kind":"k","queue":"q","for_each":[1,2]}},
                "wait":{{"kind":"warrener.wait","queue":"q","input":{{"event":"approval","key":"1"}}}}}}}}"#
        );
        world.ask_with(&Method::POST, "/api/v1/jobs", "all", job).await.ok();
        world.input(Input::Dead(DeadLetter { job: Some(id.to_owned()), ..letter() })).await;
    }
    world.input(Input::Dead(letter())).await;
    world.hear(&["q"], &["k"]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_of_a_token_s_filter_does_not_exist() {
    let world = shared().await;
    for route in ROUTES {
        let Demand::Scope(_, reach) = route.demand else { continue };
        // The job `g` is of the other team, and so is the second dead letter.
        let path = paths(route)[0].replace("/dead/1", "/dead/2");
        let answer = world.ask(&route.method, &path, "mine").await;
        let what = format!("{} {path}: {} {}", route.method, answer.status, answer.text);
        match reach {
            Reach::Job(_) | Reach::Letter(_) => assert_eq!(answer.status, 404, "{what}"),
            Reach::Nothing => assert_eq!(answer.status, 403, "{what}"),
            Reach::Own | Reach::Everything => assert!(!matches!(answer.status.as_u16(), 401 | 403), "{what}"),
        }
    }
    let there = world.ask(&Method::GET, "/api/v1/jobs/g", "mine").await.problem(404);
    let nowhere = world.ask(&Method::GET, "/api/v1/jobs/h", "mine").await.problem(404);
    assert_eq!(there.to_string().replace("\\\"g\\\"", ""), nowhere.to_string().replace("\\\"h\\\"", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_is_inside_alone() {
    let world = shared().await;
    let ids = |list: Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let list = |path: &'static str| {
        let world = &world;
        async move { ids(world.ask(&Method::GET, path, "mine").await.ok()) }
    };
    assert_eq!(list("/api/v1/jobs").await, ["mine-1"]);
    assert_eq!(list("/api/v1/jobs?q=-state:failed").await, ["mine-1"]);
    assert_eq!(list("/api/v1/jobs?q=label.team:b").await, Vec::<String>::new());
    assert_eq!(list("/api/v1/dead").await, ["1"]);
    for (method, path) in [
        (Method::GET, "/api/v1/jobs/mine-1"),
        (Method::GET, "/api/v1/tasks/mine-1/list"),
        (Method::POST, "/api/v1/jobs/mine-1/pause"),
        (Method::GET, "/api/v1/dead/1"),
        (Method::GET, "/api/v1/queues/q/scaling"),
    ] {
        world.ask(&method, path, "mine").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_the_tasks_inside_alone() {
    let mut world = shared().await;
    while world.dispatch_soon().await.is_some() {}
    let path = "/api/v1/events/approval/1";
    assert_eq!(world.ask_with(&Method::POST, path, "mine", "1").await.ok()["answered"], 1);
    let state = |job: &'static str| {
        let world = &world;
        async move {
            let path = format!("/api/v1/tasks/{job}/wait");
            world.ask(&Method::GET, &path, "all").await.ok()["state"].as_str().unwrap().to_owned()
        }
    };
    assert_eq!([state("mine-1").await, state("g").await], ["succeeded", "dispatched"]);
    world.ask_with(&Method::POST, path, "mine", "1").await.problem(404);
    assert_eq!(world.ask_with(&Method::POST, path, "all", "1").await.ok()["answered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_stays_inside() {
    let world = shared().await;
    let submit = |job: &'static str, query: &'static str| {
        let world = &world;
        async move { world.ask_with(&Method::POST, &format!("/api/v1/jobs{query}"), "mine", job).await }
    };
    for query in ["", "?dry_run=true"] {
        for outside in [
            r#"{"kind":"k","queue":"q"}"#,
            r#"{"kind":"k","labels":{"team":"a"}}"#,
            r#"{"labels":{"team":"a"},"tasks":{"a":{"kind":"k","queue":"q"},"b":{"kind":"k"}}}"#,
            r#"{"labels":{"team":"a"},"kind":"warrener.job","queue":"q","input":{"job":{"kind":"k"}}}"#,
        ] {
            let problem = submit(outside, query).await.problem(403);
            assert_eq!(problem["code"], "not_allowed", "{outside}: {problem}");
        }
        for conflict in ["reject", "return_existing", "cancel_existing"] {
            let job = format!(
                r#"{{"labels":{{"team":"a"}},"kind":"k","queue":"q","unique":{{"key":"kb","on_conflict":"{conflict}"}}}}"#
            );
            let answer = world.ask_with(&Method::POST, &format!("/api/v1/jobs{query}"), "mine", job).await;
            let problem = answer.problem(409);
            assert!(!problem.to_string().contains("job g"), "{problem}");
        }
        let own =
            r#"{"labels":{"team":"a"},"kind":"k","queue":"q","unique":{"key":"ka","on_conflict":"return_existing"}}"#;
        assert_eq!(submit(own, query).await.ok()["id"], "mine-1");
    }
    assert_eq!(world.ask(&Method::GET, "/api/v1/jobs/g", "all").await.ok()["state"], "running", "nobody cancelled it");
    let inside = submit(r#"{"labels":{"team":"a"},"kind":"k","queue":"q"}"#, "").await;
    assert_eq!(inside.status, StatusCode::ACCEPTED, "{}", inside.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_signed_in_through_the_proxy_alone() {
    let world = World::behind("10.0.0.0/8", "x-forwarded-user", "ops", &["read", "operate"]);
    let ask = |from: &'static str, method: Method, path: &'static str, groups: &'static str| {
        let world = &world;
        async move {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("x-forwarded-user", "ada").header("x-forwarded-groups", groups);
            let request = request.header("x-forwarded-for", "198.51.100.7").header("x-forwarded-host", "localhost");
            world.send_from(from, request.body(Body::empty()).unwrap()).await
        }
    };
    ask("198.51.100.9", Method::GET, "/api/v1/jobs", "ops").await.problem(401);
    ask("10.0.0.1", Method::GET, "/api/v1/jobs", "ops").await.ok();
    let lacking = ask("10.0.0.1", Method::POST, "/api/v1/jobs", "ops").await.problem(403);
    assert!(lacking["detail"].as_str().unwrap().contains("the user \"ada\" lacks the scope submit"), "{lacking}");
    ask("10.0.0.1", Method::GET, "/api/v1/jobs", "other").await.problem(403);
    world.input(Input::Queue("q".parse().unwrap())).await;
    ask("10.0.0.1", Method::POST, "/api/v1/queues/q/pause", "ops").await.ok();
    let written = world.audit();
    assert_eq!(written, ["user:ada 198.51.100.7 queue.pause q"]);
    let stranger =
        Request::get("/api/v1/jobs").header("x-forwarded-host", "evil.example").header("x-forwarded-user", "ada");
    world.send_from("10.0.0.1", stranger.body(Body::empty()).unwrap()).await.problem(421);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_for_the_proxy_are_none_for_us() {
    let world = World::behind("10.0.0.0/8", "remote-user", "ops", &["read"]);
    let ask = |from: &'static str, shown: &'static str| {
        let request = Request::get("/api/v1/jobs").header("remote-user", "ada").header("x-forwarded-groups", "ops");
        let request = request.header("authorization", shown).body(Body::empty()).unwrap();
        let world = &world;
        async move { world.send_from(from, request).await.status.as_u16() }
    };
    assert_eq!(ask("10.0.0.1", "Basic YWRhOmE=").await, 200, "the proxy has looked at it");
    assert_eq!(ask("10.0.0.1", "Bearer x").await, 401, "a token says more than the proxy that it came through");
    assert_eq!(ask("10.0.0.1", "bearer").await, 401);
    assert_eq!(ask("198.51.100.9", "Basic YWRhOmE=").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_without_its_secrets() {
    let world = World::new();
    let list = world.get("/api/v1/config").await;
    assert!(!list.text.contains(CANARY), "{}", list.text);
    let list = list.ok();
    let setting = |path: &str| {
        let found = list["items"].as_array().unwrap().iter().find(|one| one["path"] == path);
        found.unwrap_or_else(|| panic!("{path} is not shown: {list}")).clone()
    };
    let store = setting("store.url");
    assert!(store["value"].as_str().unwrap().contains("db.example"), "{store}");
    assert_eq!(store["origin"], "environment variable WARRENER_STORE__URL");
    assert_eq!(setting("amqp.password")["value"], "***");
    assert_eq!(setting("http.listen")["origin"], "built-in default");
    assert_eq!(list["next_cursor"], Value::Null);
    let request = Request::get("/config").header("accept", "text/html").body(Body::empty()).unwrap();
    let page = world.send(request).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("WARRENER_STORE__URL") && page.text.contains("db.example"), "{}", page.text);
    assert!(!page.text.contains(CANARY), "{}", page.text);
}
