use warrener_shared::state::JobState;
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{ACCEPTED, FINISHED, REJECTED};

use super::client::Finished;
use super::error::ClientError;
use super::reply::SubmitReply;

fn read(kind: &str, body: &str) -> Result<SubmitReply, ClientError> {
    SubmitReply::read("j", &Message::json(kind, body.as_bytes().to_vec()))
}

#[test]
fn each_answer_is_read_by_its_type() {
    assert!(matches!(read(ACCEPTED, r#"{"job_id":"j"}"#), Ok(SubmitReply::Accepted(body)) if body.job_id == "j"));
    let rejected = r#"{"type":"about:blank","title":"t","status":422,"detail":"2 problems",
        "errors":[{"pointer":"/kind","code":"missing_field","detail":"d","hint":"h"}]}"#;
    assert!(matches!(read(REJECTED, rejected), Ok(SubmitReply::Rejected(body)) if body.errors[0].pointer == "/kind"));
    let finished = r#"{"job_id":"j","state":"failed","output":null,"error":{"code":"lost","message":"gone"}}"#;
    let Ok(SubmitReply::Finished(body)) = read(FINISHED, finished) else { panic!("a finished job") };
    let finished = Finished::read(body).unwrap();
    assert_eq!((finished.state, finished.output.is_none()), (JobState::Failed, true));
    assert_eq!(finished.error.unwrap().code, "lost");
}

#[test]
fn an_output_keeps_its_bytes() {
    let text = r#"{"job_id":"j","state":"succeeded","output":{"n": 123456789012345678901234567890},"error":null}"#;
    let Ok(SubmitReply::Finished(body)) = read(FINISHED, text) else { panic!("a finished job") };
    assert_eq!(Finished::read(body).unwrap().output.unwrap().get(), r#"{"n": 123456789012345678901234567890}"#);
}

#[test]
fn an_answer_that_is_none_is_an_error_that_names_the_job() {
    for (kind, body) in [("job.surprise", "{}"), (ACCEPTED, "nonsense"), (FINISHED, r#"{"job_id":"j"}"#)] {
        let error = read(kind, body).unwrap_err();
        assert!(error.to_string().starts_with("reading the answer for job j: "), "{error}");
    }
    let odd = read(FINISHED, r#"{"job_id":"j","state":"odd","output":null,"error":null}"#);
    let Ok(SubmitReply::Finished(body)) = odd else { panic!("a finished job") };
    assert!(Finished::read(body).unwrap_err().to_string().contains("odd"));
}
