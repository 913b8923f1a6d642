use warrener_shared::time::Millis;

use super::*;

#[path = "../../../tests/fuzz/mutate.rs"]
mod mutate;

fn only(text: &str) -> Term {
    let mut terms = parse(text).expect(text).terms;
    assert_eq!(terms.len(), 1, "{text}");
    terms.remove(0)
}

fn exact(text: &str) -> Pattern {
    Pattern::Exact(text.to_owned())
}

fn glob(text: &str) -> Pattern {
    Pattern::Glob(text.to_owned())
}

#[test]
fn reads_each_key() {
    let hour = Millis::from_secs(3600);
    let table = [
        ("state:failed", Test::State(vec![JobState::Failed])),
        ("state:failed,timed_out", Test::State(vec![JobState::Failed, JobState::TimedOut])),
        ("kind:email.send", Test::Text(Column::Kind, vec![exact("email.send")])),
        ("kind:ml.*", Test::Text(Column::Kind, vec![glob("ml.*")])),
        ("queue:gpu", Test::Queue(vec![exact("gpu")])),
        ("parent:none,j-1", Test::Parent(vec![None, Some("j-1".to_owned())])),
        ("parent:\"none\"", Test::Parent(vec![Some("none".to_owned())])),
        ("label.team:growth", Test::Label("team".to_owned(), vec![exact("growth")])),
        ("name:nightly,weekly*", Test::Text(Column::Name, vec![exact("nightly"), glob("weekly*")])),
        ("id:a:b", Test::Text(Column::Id, vec![exact("a:b")])),
        ("created:>1h", Test::Created(vec![Age::Over(hour)])),
        ("created:<1h", Test::Created(vec![Age::Under(hour)])),
        (r#"name:"two words""#, Test::Text(Column::Name, vec![exact("two words")])),
        (r#"name:"a,b*""#, Test::Text(Column::Name, vec![exact("a,b*")])),
        (r#"label."a:b":c"#, Test::Label("a:b".to_owned(), vec![exact("c")])),
        ("name:[x]?*", Test::Text(Column::Name, vec![glob("[[]x][?]*")])),
    ];
    for (text, test) in table {
        assert_eq!(only(text), Term { negated: false, test: test.clone() }, "{text}");
        assert_eq!(only(&format!("-{text}")), Term { negated: true, test }, "-{text}");
    }
}

#[test]
fn terms_are_separated_by_any_white_space() {
    let filter = parse("  state:failed\tkind:ml.*  -queue:gpu ").expect("a filter");
    assert_eq!(filter.terms.iter().map(|term| term.negated).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(parse(" ").expect("a filter"), Filter::default());
}

#[test]
fn says_what_is_wrong() {
    let table = [
        (
            "stat:failed",
            "unknown key `stat`; the keys are state, kind, queue, label.<name>, name, id, parent and created",
        ),
        ("failed", "`failed` is not a term; write key:value"),
        ("label.:x", "unknown key `label.`"),
        ("state:done", "unknown state `done`; the states are scheduled, running, succeeded"),
        ("kind:", "`kind:` lacks a value"),
        ("kind:a,,b", "lacks a value"),
        ("created:1h", "needs > (longer ago) or <"),
        ("created:>soon", "`created:>soon`"),
        (r#"name:"open"#, "a double quote is not closed"),
    ];
    for (text, says) in table {
        let error = parse(text).expect_err(text);
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn is_bounded() {
    assert!(parse(&"x".repeat(CHARACTERS + 1)).expect_err("long").contains("characters"));
    let values = vec!["a"; VALUES + 1].join(",");
    assert!(parse(&format!("id:{values}")).expect_err("many").contains("values"));
}

#[test]
fn no_text_is_too_much_for_it() {
    let seeds: &[&[u8]] =
        &[br#"state:failed,timed_out -kind:ml.* label.team:"a b" created:>1h"#, b"queue:gpu id:x name:n*m created:<5m"];
    let words = &[":", "*", ",", "-", "\"", " ", "\t", "state:", "label.", "created:<", ">", "365d", "failed", "\u{0}"];
    mutate::fuzz("filter", seeds, words, |input| match parse(&String::from_utf8_lossy(input)) {
        Ok(filter) => {
            let values: usize = filter.terms.iter().map(|term| term.test.values()).sum();
            assert!(values <= VALUES && filter.terms.len() <= CHARACTERS);
            format!("{} terms of {} values", filter.terms.len().min(5), values.min(9))
        }
        Err(why) => mutate::in_short([why]),
    });
}
