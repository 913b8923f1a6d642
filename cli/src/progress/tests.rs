use super::*;

fn job(extra: &str) -> JobDetails {
    serde_json::from_str(&format!(r#"{{"id":"j","state":"running"{extra}}}"#)).unwrap()
}

#[test]
fn tasks_are_counted_by_whether_they_are_final() {
    let job = job(r#","tasks":{"waiting":2,"dispatched":1,"succeeded":4,"failed":1,"ready":0}"#);
    assert_eq!(counts(&job), (5, 8));
    assert_eq!(sentence(&job), "running: 2 waiting, 1 dispatched, 1 failed");
}

#[test]
fn flags_are_named() {
    assert_eq!(sentence(&job("")), "running");
    assert_eq!(sentence(&job(r#","paused":true,"tasks":{"ready":1}"#)), "running (paused): 1 ready");
    assert_eq!(sentence(&job(r#","paused":true,"cancelling":true"#)), "running (cancelling)");
}
