use super::*;

#[test]
fn bytes_stay_as_they_came_and_the_id_is_read() {
    let text = r#"{ "id":"nightly-7", "kind":"a", "input": 123456789012345678901234567890 }"#;
    let document = JobDocument::from_json(text).unwrap();
    assert_eq!(document.bytes(), text.as_bytes());
    assert_eq!((document.id(), document.submit_id()), (Some("nightly-7"), "nightly-7".to_owned()));
}

#[test]
fn without_an_id_each_submit_gets_its_own() {
    let document = JobDocument::from_json(r#"{"kind":"a"}"#).unwrap();
    assert_eq!(document.id(), None);
    assert_ne!(document.submit_id(), document.submit_id());
    assert_eq!(JobDocument::from_json(r#"{"id":7}"#).unwrap().id(), None);
}

#[test]
fn pinned_all_submits_have_one_id() {
    let document = JobDocument::from_json(r#"{"kind":"a"}"#).unwrap().pinned();
    assert_eq!(document.submit_id(), document.submit_id());
    assert_eq!((document.id(), document.is_id_in_body()), (Some(document.submit_id().as_str()), false));
    let named = JobDocument::from_json(r#"{"id":"n"}"#).unwrap().pinned();
    assert_eq!((named.id(), named.is_id_in_body()), (Some("n"), true));
}

#[test]
fn what_is_no_object_is_refused() {
    assert!(matches!(JobDocument::from_json("[1]"), Err(DocumentError::NotAnObject)));
    assert!(matches!(JobDocument::from_json("kind: a"), Err(DocumentError::NotJson(_))));
    assert!(matches!(JobDocument::from_json("{} {}"), Err(DocumentError::NotJson(_))));
}
