//! Pages of jobs and tasks: why something waits, and what was written.

use std::fmt::Write as _;

use warrener_shared::wire::result::{Progress, Report};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn why_a_job_waits_is_told_wherever_its_task_stands() {
    let mut world = World::new();
    let mut tasks = String::new();
    for no in 0..60 {
        write!(tasks, r#""t{no}":{{"kind":"k","needs":["gate"]}},"#).unwrap();
    }
    let gate = r#""gate":{"kind":"k","queue":"lonely"}"#;
    world.submit(&format!(r#"{{"id":"wide","tasks":{{{tasks}{gate}}}}}"#)).await;
    world.dispatch().await;
    let page = seen(&world, "/jobs/wide").await;
    assert!(!page.contains("jobs/wide/tasks/t59"), "the task in question is on another page: {page}");
    assert!(page.contains("Why it waits") && page.contains("no live worker serves queue lonely"), "{page}");
    assert!(page.contains("../jobs/wide/tasks/gate"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_task_tells_why_its_items_wait() {
    let mut world = World::new();
    let each = r#""each":{"kind":"k","queue":"lonely","for_each":{"items":[1,2,3]}}"#;
    world.submit(&format!(r#"{{"id":"m","tasks":{{{each}}}}}"#)).await;
    let item = world.dispatch().await;
    let reason = async || world.get("/api/v1/tasks/m/each").await.ok()["reason"].clone();
    let told = reason().await;
    let told = told.as_str().unwrap_or_else(|| panic!("no reason is told"));
    assert!(told.starts_with("item 0: offered to the workers of queue lonely"), "{told}");
    assert!(told.ends_with("no live worker serves queue lonely"), "{told}");
    let page = seen(&world, "/jobs/m").await;
    assert!(page.contains("Why it waits") && page.contains("no live worker serves queue lonely"), "{page}");
    let progress = Progress { log: Some("begun\n".to_owned()), ..Progress::default() };
    world.report(&item, Report::Progress(progress)).await;
    assert!(reason().await.is_null(), "one of them runs: {}", reason().await);
}

/// A job whose task wrote a log of so many pieces.
async fn written(world: &mut World, pieces: usize, piece: &str) {
    world.submit(r#"{"id":"w","kind":"k"}"#).await;
    let attempt = world.dispatch().await;
    world.report(&attempt, Report::Progress(Progress::default())).await;
    let connection = rusqlite::Connection::open(world.file()).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let statement = "INSERT INTO logs (task, attempt, no, time, text) \
         VALUES ((SELECT first_task FROM jobs WHERE id = 'w'), ?1, ?2, 0, ?3)";
    for no in 1..=pieces {
        connection.execute(statement, (1, no, format!("{no} {piece}\n"))).unwrap();
    }
    connection.execute(statement, (2, 1, "the second\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_given_to_its_last_line_however_long_it_is() {
    let mut world = World::new();
    written(&mut world, 20, &"x".repeat(1_000_000)).await;
    let log = open(&world, "/jobs/w/tasks/task/log").await;
    assert_eq!(log.status, 200);
    assert!(log.text.len() > 20_000_000 && log.text.ends_with("x\nthe second\n"), "{} bytes", log.text.len());
    assert_eq!(open(&world, "/jobs/w/tasks/other/log").await.status, 404, "that is said before the file begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_shown_by_attempt_and_searched() {
    let mut world = World::new();
    written(&mut world, 30, "all well").await;
    let whole = seen(&world, "/jobs/w/tasks/task").await;
    assert!(whole.contains("follow=true") && whole.contains("the second") && whole.contains("1 all well"), "{whole}");
    let second = seen(&world, "/jobs/w/tasks/task?attempt=2&find=").await;
    assert!(second.contains("the second") && !second.contains("1 all well"), "{second}");
    assert!(!second.contains("follow=true"), "what is written next may be of another attempt: {second}");
    let first = seen(&world, "/jobs/w/tasks/task?attempt=1&limit=30").await;
    assert!(!first.contains("the second") && first.contains("30 all well"), "{first}");
    let found = seen(&world, "/jobs/w/tasks/task?find=17+ALL").await;
    assert!(found.contains("17 all well") && !found.contains("18 all well"), "{found}");
    let next = seen(&world, "/jobs/w/tasks/task?find=well&limit=10").await;
    assert!(next.contains("10 all well") && !next.contains("11 all well"), "{next}");
    assert!(next.contains("rel=\"next\"") && next.contains("find=well"), "{next}");
    assert!(seen(&world, "/jobs/w/tasks/task?find=nowhere").await.contains("No line has it."));
    for wrong in ["attempt=0", "attempt=x", &format!("find={}", "x".repeat(300))] {
        assert_eq!(open(&world, &format!("/jobs/w/tasks/task?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_before_a_form_comes_to_the_page_that_shows_it() {
    let world = World::guarded(&tokens());
    for (form, page) in
        [("/submit/check", "submit"), ("/jobs/a/do/cancel", "jobs/a"), ("/jobs/a/tasks/t/answer", "jobs/a/tasks/t")]
    {
        let asked = press(&world, form).await;
        assert_eq!(asked.status, 401, "{form}");
        assert!(asked.text.contains(&format!(r#"name="to" value="{page}""#)), "{form}: {}", asked.text);
    }
    assert!(open(&world, "/jobs/a/do/cancel").await.text.contains(r#"value="jobs/a/do/cancel""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_in_a_state_are_listed_and_the_items_of_a_mapped_task() {
    let mut world = World::new();
    let each = r#""each":{"kind":"k","for_each":{"items":[0,1,2,3,4,5],"max_parallel":3}}"#;
    world.submit(&format!(r#"{{"id":"m","tasks":{{{each},"after":{{"kind":"k","needs":["each"]}}}}}}"#)).await;
    let (first, _) = (world.dispatch().await, world.dispatch().await);
    world.succeed(&first, "1").await;
    world.dispatch().await;
    let page = seen(&world, "/jobs/m").await;
    assert!(page.contains(r#"href="../jobs/m?task=each""#) && page.contains("?state=dispatched"), "{page}");
    let waiting = seen(&world, "/jobs/m?state=waiting").await;
    let table = waiting.split("<table").nth(1).unwrap();
    assert!(table.contains("tasks/after\"") && !table.contains("tasks/each\""), "{waiting}");
    let items = async |query: &str| {
        let page = seen(&world, &format!("/jobs/m?task=each{query}")).await;
        let found = (0..6).filter(|no| page.contains(&format!("tasks/each.{no}\""))).collect::<Vec<_>>();
        (found, page)
    };
    assert_eq!(items("").await.0, [0, 1, 2, 3, 4, 5]);
    for (state, wanted) in [("succeeded", vec![0]), ("dispatched", vec![1, 2, 3]), ("waiting", vec![4, 5])] {
        assert_eq!(items(&format!("&state={state}")).await.0, wanted, "{state}");
    }
    for (limit, wanted) in [(2, vec![0, 1]), (4, vec![0, 1, 2, 3]), (5, vec![0, 1, 2, 3, 4])] {
        let (found, page) = items(&format!("&limit={limit}")).await;
        assert_eq!(found, wanted);
        let next = page.split("rel=\"next\"").next().unwrap().rsplit("cursor=").next().unwrap();
        let next = next.split(['"', '&']).next().unwrap();
        let rest: Vec<_> = (limit..6).collect();
        assert_eq!(items(&format!("&cursor={next}")).await.0, rest, "after {limit}: {next}");
    }
    for (wrong, status) in [("state=odd", 400), ("task=none", 404), ("task=each&cursor=x", 400)] {
        assert_eq!(open(&world, &format!("/jobs/m?{wrong}")).await.status.as_u16(), status, "{wrong}");
    }
}
