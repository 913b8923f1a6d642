use super::*;
use crate::limits::Limits;
use crate::wire::Header;
use crate::wire::submit::{Content, ReplyMode, Submission};

fn message(body: &str) -> Message {
    let mut message = Message::json(JOBS, body.as_bytes().to_vec());
    message.reply_to = Some("answers".to_owned());
    message.correlation_id = Some("c".to_owned());
    message.priority = Some(7);
    message.set_text("reply", "both");
    message
}

fn read(message: &Message) -> Result<Vec<Message>, Vec<(String, String)>> {
    let names = Names::default();
    let short = |problem: Problem| (problem.pointer, problem.code);
    split(message, &names).expect("a list of jobs").map_err(|all| all.into_iter().map(short).collect())
}

#[test]
fn each_job_is_a_submit_of_its_own() {
    let parts = read(&message(r#" [ {"kind":"a","input":1e400} , {"id":"x","kind":"b"} ,{"kind":7}] "#)).unwrap();
    let bodies: Vec<_> = parts.iter().map(|part| std::str::from_utf8(&part.body).unwrap()).collect();
    assert_eq!(bodies, [r#"{"kind":"a","input":1e400}"#, r#"{"id":"x","kind":"b"}"#, r#"{"kind":7}"#]);
    for (at, part) in parts.iter().enumerate() {
        let submission = Submission::read(part, &Names::default(), &Limits::DEFAULT);
        let reply = submission.envelope.reply.unwrap();
        assert_eq!((reply.queue.as_str(), reply.correlation_id), ("answers", Some(format!("c.{at}"))));
        assert_eq!((submission.envelope.mode, submission.envelope.priority), (ReplyMode::Both, Some(7)));
        assert_eq!(matches!(submission.content, Ok(Content::Job(_))), at < 2, "{at}");
    }
}

#[test]
fn a_message_of_another_type_is_no_list() {
    let names = Names::default();
    for kind in [None, Some("job"), Some("event")] {
        let one = Message { kind: kind.map(str::to_owned), ..message("[]") };
        assert!(split(&one, &names).is_none(), "{kind:?}");
    }
    let mut by_header = Message { kind: None, ..message(r#"[{"kind":"a"}]"#) };
    by_header.headers.insert("type".to_owned(), Header::Text(JOBS.to_owned()));
    let parts = split(&by_header, &names).unwrap().unwrap();
    assert!(split(&parts[0], &names).is_none(), "the part is a job");
}

#[test]
fn what_is_wrong_with_all_of_them_is_said_once() {
    let row = |body: &str, code: &str| {
        assert_eq!(read(&message(body)), Err(vec![(String::new(), code.to_owned())]), "{body}")
    };
    row("", "invalid_json");
    row(r#"[{"kind":"a"}"#, "invalid_json");
    row(r#"{"kind":"a"}"#, "wrong_type");
    row("null", "wrong_type");
    row("[]", "too_few");
    row(&format!("[{}]", vec!["1"; JOBS_MAX + 1].join(",")), "too_many");
    assert_eq!(read(&message(&format!("[{}]", vec!["1"; JOBS_MAX].join(",")))).unwrap().len(), JOBS_MAX);

    let named = Message { message_id: Some("x".to_owned()), ..message("[1]") };
    assert_eq!(read(&named), Err(vec![("/id".to_owned(), "contradiction".to_owned())]));
    let packed = Message { content_encoding: Some("gzip".to_owned()), ..message("[1]") };
    assert_eq!(read(&packed), Err(vec![(String::new(), "content_encoding".to_owned())]));
    let mut celery = message("[[], {}, {}]");
    celery.set_text("task", "add");
    assert_eq!(read(&celery), Err(vec![(String::new(), "celery_message".to_owned())]));
}
