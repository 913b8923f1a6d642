use std::time::Duration;

use super::*;

fn refused(status: u16) -> Failure {
    let problem = ProblemDocument { status, detail: "no".to_owned(), ..ProblemDocument::default() };
    HttpError::Refused { what: "reading job x".to_owned(), problem: Box::new(problem) }.into()
}

#[test]
fn each_error_has_its_exit_code() {
    let unreachable =
        HttpError::Unreachable { what: "a".into(), url: "b".into(), why: "c".into(), may_have_arrived: false };
    let job = || "j".to_owned();
    let broker = |error: BrokerError| Failure::from(ClientError::Broker(error)).exit;
    let cases = [
        (Failure::from(unreachable).exit, Exit::Unreachable),
        (Failure::from(HttpError::Address { url: job(), why: job() }).exit, Exit::Usage),
        (Failure::from(HttpError::Unreadable { what: job(), why: job() }).exit, Exit::Error),
        (refused(404).exit, Exit::NotFound),
        (refused(403).exit, Exit::NotAllowed),
        (refused(409).exit, Exit::Refused),
        (broker(BrokerError::Refused { what: job(), why: job() }), Exit::NotAllowed),
        (broker(BrokerError::Unreachable { url: job(), why: job() }), Exit::Unreachable),
        (broker(BrokerError::Address { url: job(), why: job() }), Exit::Usage),
        (Failure::from(ClientError::NoExchange { exchange: job() }).exit, Exit::Unreachable),
        (Failure::from(ClientError::GaveUp { job: job(), after: Duration::from_secs(1) }).exit, Exit::GaveUp),
        (Failure::from(ClientError::NotTaken { job: job() }).exit, Exit::Error),
        (Failure::from(DocumentError::NotAnObject).exit, Exit::Refused),
    ];
    for (at, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {at}");
    }
}

#[test]
fn a_refusal_lists_every_problem_with_its_hint() {
    let problem = |pointer: &str, hint: Option<&str>| Problem {
        pointer: pointer.to_owned(),
        code: "unknown_field".to_owned(),
        detail: "there is no such field".to_owned(),
        hint: hint.map(str::to_owned),
    };
    let errors = vec![problem("/tasks/a/need", Some("did you mean `needs`?")), problem("", None)];
    let document =
        ProblemDocument { status: 422, detail: "2 problems".to_owned(), errors, ..ProblemDocument::default() };
    let failure = Failure::from(HttpError::Refused { what: "submitting the job".into(), problem: Box::new(document) });
    let expected = "error: submitting the job: 2 problems (HTTP 422)\n\
        /tasks/a/need: there is no such field\n  hint: did you mean `needs`?\n\
        the job: there is no such field";
    assert_eq!((failure.exit, failure.to_string().as_str()), (Exit::Refused, expected));
}

#[test]
fn who_may_not_is_told_where_tokens_come_from() {
    assert!(refused(401).to_string().contains("WARRENER_TOKEN_FILE"));
}
