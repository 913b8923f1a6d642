use std::time::Duration;

use super::*;

/// Whether this is over at once.
async fn is_ready(wait: impl Future) -> bool {
    tokio::time::timeout(Duration::ZERO, wait).await.is_ok()
}

#[tokio::test]
async fn whoever_waits_for_a_job_hears_of_its_end_alone() {
    let notices = Notices::default();
    let (mut one, mut two) = (notices.end_of(JobNo(1)), notices.end_of(JobNo(1)));
    let mut other = notices.end_of(JobNo(2));
    assert!(!is_ready(one.told()).await);
    notices.tell_ends([JobNo(1), JobNo(3)]);
    assert!(is_ready(one.told()).await && is_ready(two.told()).await);
    assert!(!is_ready(other.told()).await);
}

#[tokio::test]
async fn an_end_between_subscription_and_question_is_not_missed() {
    let notices = Notices::default();
    let mut end = notices.end_of(JobNo(1));
    notices.tell_ends([JobNo(1)]);
    // It was tried again meanwhile, and somebody else waits for its next end.
    let mut next = notices.end_of(JobNo(1));
    assert!(is_ready(end.told()).await);
    drop(end);
    assert!(!is_ready(next.told()).await);
    notices.tell_ends([JobNo(1)]);
    assert!(is_ready(next.told()).await);
}

#[tokio::test]
async fn nothing_is_kept_of_those_who_left() {
    let notices = Notices::default();
    let (one, two) = (notices.end_of(JobNo(1)), notices.end_of(JobNo(1)));
    drop(one);
    assert_eq!(notices.ends().len(), 1);
    drop(two);
    assert_eq!(notices.ends().len(), 0);
}

#[tokio::test]
async fn many_commits_are_one_notice_to_a_slow_listener() {
    let notices = Notices::default();
    let (mut slow, mut quick) = (notices.events(), notices.events());
    assert!(!is_ready(slow.next()).await);
    for no in 1..=1000 {
        notices.tell_events(EventChunkNo(no));
        assert_eq!(quick.next().await, EventChunkNo(no));
    }
    assert_eq!(slow.next().await, EventChunkNo(1000));
    assert!(!is_ready(slow.next()).await);
}

#[tokio::test]
async fn everybody_looks_when_nobody_knows_what_was_committed() {
    let notices = Notices::default();
    let (mut end, mut events) = (notices.end_of(JobNo(1)), notices.events());
    notices.tell_all(EventChunkNo(0));
    assert!(is_ready(end.told()).await && is_ready(events.next()).await);
}

#[tokio::test]
async fn whoever_follows_a_log_hears_of_it_alone() {
    let notices = Arc::new(Notices::default());
    let (mut one, mut other) = (notices.log_of(TaskNo(1)), notices.log_of(TaskNo(2)));
    assert!(!is_ready(one.next()).await);
    notices.tell_logs([TaskNo(1), TaskNo(3), TaskNo(1)]);
    assert!(is_ready(one.next()).await && !is_ready(one.next()).await);
    assert!(!is_ready(other.next()).await);
    notices.tell_all(EventChunkNo(0));
    assert!(is_ready(one.next()).await && is_ready(other.next()).await);
    drop((one, other));
    assert_eq!(notices.logs().len(), 0);
}
