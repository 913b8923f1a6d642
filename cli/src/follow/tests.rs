use super::*;

#[test]
fn an_unsuccessful_job_names_its_task_and_keeps_its_code() {
    let mut error = ErrorObject::new("lost", "no heartbeat for 60s");
    assert_eq!(in_words(&error), "lost: no heartbeat for 60s");
    (error.task, error.attempt) = (Some("train.3".to_owned()), Some(2));
    let failure = unsuccessful("j1", JobState::Failed, Some(&error));
    let expected = "error: job j1 failed: lost: no heartbeat for 60s (task train.3, attempt 2)\n  \
                    hint: look closer with `warrener job get j1`";
    assert_eq!((failure.exit, failure.to_string().as_str()), (Exit::JobFailed, expected));
    let cancelled = unsuccessful("j1", JobState::Cancelled, None);
    assert!(cancelled.to_string().starts_with("error: job j1 was cancelled\n"));
    let told = unsuccessful("j1", JobState::Cancelled, Some(&ErrorObject::new("cancelled", "on request")));
    assert!(told.to_string().starts_with("error: job j1 was cancelled: on request\n"));
    assert_eq!(cancelled.exit, Exit::JobCancelled);
}

#[test]
fn the_first_request_waits_no_longer_than_the_person() {
    assert_eq!(WaitOptions { timeout: None }.begin().first_wait(), LONGEST_WAIT);
    assert_eq!(WaitOptions { timeout: Some(Duration::from_secs(5)) }.begin().first_wait(), Duration::from_secs(5));
    assert_eq!(WaitOptions { timeout: Some(Duration::from_secs(500)) }.begin().first_wait(), LONGEST_WAIT);
}

#[test]
fn whoever_gives_up_says_under_which_id_the_job_may_be() {
    let error = HttpError::Unreachable {
        what: "submitting the job".into(),
        url: "http://h/".into(),
        why: "reset".into(),
        may_have_arrived: true,
    };
    let failure = Unanswered { error, may_be_kept: true }.of_job("j1");
    assert_eq!(failure.exit, Exit::Unreachable);
    let text = failure.to_string();
    assert!(text.contains("job j1 may have been taken") && text.contains("`warrener watch j1`"), "{text}");
}
