use super::*;

#[test]
fn the_numbers_are_those_of_the_contract() {
    let all = [
        (Exit::Ok, 0),
        (Exit::Error, 1),
        (Exit::Usage, 2),
        (Exit::Partial, 3),
        (Exit::NotFound, 4),
        (Exit::Refused, 5),
        (Exit::NotAllowed, 6),
        (Exit::Unreachable, 7),
        (Exit::JobFailed, 10),
        (Exit::JobCancelled, 11),
        (Exit::JobTimedOut, 12),
        (Exit::GaveUp, 124),
        (Exit::Interrupted, 130),
    ];
    for (exit, number) in all {
        assert_eq!(exit as u8, number, "{exit:?}");
    }
}

#[test]
fn every_state_of_a_job_has_its_code() {
    let codes: Vec<u8> = JobState::ALL.iter().map(|state| Exit::of_job(*state) as u8).collect();
    assert_eq!(codes, [1, 1, 0, 10, 11, 12]);
}

#[test]
fn every_refusal_has_its_code() {
    let statuses = [(400, 5), (401, 6), (403, 6), (404, 4), (409, 5), (413, 5), (422, 5), (429, 7), (500, 1), (503, 7)];
    for (status, code) in statuses {
        assert_eq!(Exit::of_status(status) as u8, code, "{status}");
    }
}
