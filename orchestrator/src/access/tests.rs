use std::time::Instant;

use warrener_shared::time::Timestamp;

use super::tokens::{TOKENS_MAX, TokenList, hash_of, hash_text};
use super::watched::Watched;
use super::*;
use crate::config::tests::usual;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn entry(name: &str, token: &str, rest: &str) -> String {
    let hash = hash_text(&hash_of(token.as_bytes()));
    format!("[[tokens]]\nname = \"{name}\"\nhash = \"{hash}\"\n{rest}\n")
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn problems(text: &str) -> Vec<String> {
    TokenList::read(text).expect_err(text).0
}

#[test]
fn a_token_is_known_by_its_hash_until_it_expires() {
    let text = entry("ci", "t1", "scopes = [\"submit\", \"read\"]\nexpires = 2027-01-15T08:00:01Z")
        + &entry("old", "t2", "scopes = [\"read\"]\nexpires = 2027-01-15T08:00:00Z");
    let file = file(&text);
    let access = Access::new(file.path().to_str(), usual().http.proxies()).unwrap();
    let caller = access.authenticate(Some(b"Bearer t1"), NOW).unwrap();
    assert!(caller.may(Scope::Read) && caller.may(Scope::Submit) && !caller.may(Scope::Operate));
    assert!(access.authenticate(Some(b"bearer  t1 "), NOW).is_ok(), "the scheme is written in any case");
    let long = [b"Bearer ".to_vec(), vec![b'a'; 1024 * 1024]].concat();
    for shown in [
        None,
        Some(&b""[..]),
        Some(b"Bearer"),
        Some(b"Bearer "),
        Some(b"Bearer t"),
        Some(b"Basic t1"),
        Some(b"t1"),
        Some(b"Bearer t2"),
        Some(b"Bearer \xff"),
        Some(&long),
    ] {
        assert!(access.authenticate(shown, NOW).is_err(), "{:?}", shown.map(<[u8]>::len));
    }
    assert!(Access::new(None, usual().http.proxies()).unwrap().authenticate(None, NOW).unwrap().may(Scope::Admin));
}

#[test]
fn what_is_wrong_with_a_file_is_named_by_its_line() {
    for (text, expected) in [
        ("nonsense", "line 1: "),
        ("\n[[token]]\nname = 1", "line 2: unknown field `token`"),
        (&entry("ci", "t", "scopes = [\"reed\"]"), "line 1: token \"ci\": unknown scope \"reed\"; the scopes are"),
        (&entry("ci", "t", "scopes = []"), "scopes: a token without any may do nothing"),
        (&entry("ci", "t", "scopes = [\"read\"]\nonly = \"stat:x\""), "only: unknown key `stat`"),
        (&entry("ci", "t", "scopes = [\"read\"]\nonly = \" \""), "only: an empty filter"),
        (&entry("ci", "t", "scopes = [\"read\"]\nexpires = 2027-01-01"), "expires: 2027-01-01 is no time"),
        (&entry("c i", "t", "scopes = [\"read\"]"), "name: 1 to 64 letters"),
        (&entry("loopback", "t", "scopes = [\"read\"]"), "is what the audit calls"),
        ("[[tokens]]\nname = \"ci\"\nhash = \"wrn_secret\"\nscopes = [\"read\"]", "hash: `sha256:` and 64"),
        ("[[tokens]]\nname = \"ci\"\nhash = wrn_secret", "line 3: "),
        (
            "[[tokens]]\nname = \"ci\"\nhash = \"x\"\nscopes = \"wrn_secret\"",
            "line 4: invalid type: string …, expected",
        ),
        (
            "[[tokens]]\nname = \"ci\"\nhash = \"x\"\nscopes = \"secret of another sort\"",
            "line 4: invalid type: string …",
        ),
        ("[[tokens]]\nwrn_secret = 1", "line 2: unknown field `wrn_…`"),
        (&entry("ci", "t", "scopes = [\"wrn_secret\"]"), "unknown scope \"wrn_…\""),
        (&entry("ci", "t", "scopes = [\"read\"]\nonly = \"wrn_secret:1\""), "only: "),
        (&entry("wrn_secret!", "t", "scopes = [\"read\"]"), "token \"wrn_…!\": name: "),
        (&(entry("a", "t", "scopes = [\"read\"]") + &entry("a", "u", "scopes = [\"read\"]")), "has this name"),
        (&(entry("a", "t", "scopes = [\"read\"]") + &entry("b", "t", "scopes = [\"read\"]")), "has this hash"),
    ] {
        let found = problems(text);
        assert!(found.iter().any(|why| why.contains(expected)), "{text}\n{found:?}");
        assert!(!found.concat().contains("wrn_secret"), "a token is shown: {found:?}");
    }
    let many: String = (0..100).map(|at| entry(&format!("t{at}"), &format!("t{at}"), "scopes = [\"x\"]")).collect();
    let found = problems(&many);
    assert!(found.len() == 21 && found[20].contains("80 more"), "{found:?}");
    for missing in ["/nonexistent/tokens.toml", "/dev"] {
        assert!(Access::new(Some(missing), usual().http.proxies()).unwrap_err().concat().contains(missing));
    }
}

#[test]
fn as_many_tokens_as_may_be_are_compared_and_one_more_is_refused() {
    let text = |count: usize| -> String {
        (0..count).map(|at| entry(&format!("t{at}"), &format!("t{at}"), "scopes = [\"read\"]")).collect()
    };
    let file = file(&text(TOKENS_MAX));
    let access = Access::new(file.path().to_str(), usual().http.proxies()).unwrap();
    for known in ["t0", "t9999"] {
        assert!(access.authenticate(Some(format!("Bearer {known}").as_bytes()), NOW).is_ok(), "{known}");
    }
    let begun = Instant::now();
    assert!(access.authenticate(Some(b"Bearer x"), NOW).is_err());
    assert!(begun.elapsed().as_millis() < 100, "{:?}", begun.elapsed());
    assert!(problems(&text(TOKENS_MAX + 1))[0].contains("10001 tokens; at most 10000"));
}

#[test]
fn a_file_counts_anew_when_it_changes_unless_it_is_broken() {
    let file = file(&entry("a", "t1", "scopes = [\"read\"]"));
    let watched = Watched::<TokenList>::open(vec![file.path().to_owned()]).unwrap();
    assert_eq!(watched.look(), Ok(false));
    std::fs::write(file.path(), "nonsense").unwrap();
    for _ in 0..2 {
        assert!(watched.look().is_err(), "said at each look");
        assert!(watched.get().find(b"t1").is_some(), "the tokens from before count");
    }
    std::fs::write(file.path(), entry("b", "t2", "scopes = [\"read\"]")).unwrap();
    assert_eq!(watched.look(), Ok(true));
    assert!(watched.get().find(b"t1").is_none() && watched.get().find(b"t2").is_some());
    std::fs::remove_file(file.path()).unwrap();
    assert!(watched.look().unwrap_err().to_string().contains("No such file"));
    assert!(watched.get().find(b"t2").is_some());
}

#[test]
fn a_session_is_worth_what_its_token_is_worth() {
    let expiring = entry("ci", "t1", "scopes = [\"read\"]\nexpires = 2027-01-15T08:00:01Z");
    let file = file(&(expiring + &entry("ops", "t2", "scopes = [\"operate\"]")));
    let access = Access::new(file.path().to_str(), usual().http.proxies()).unwrap();
    assert!(access.sign_in(b"t3", NOW).is_none() && access.sign_in(b"", NOW).is_none());
    let (reader, ops) = (access.sign_in(b"t1", NOW).unwrap(), access.sign_in(b"t2", NOW).unwrap());
    assert!(access.of_session(&reader, NOW).unwrap().may(Scope::Read));
    assert!(access.of_session(&reader, Timestamp(NOW.0 + 1_000)).is_none(), "the token has expired");
    assert!(access.of_session(&ops, NOW).unwrap().may(Scope::Operate));
    std::fs::write(file.path(), entry("ops", "t4", "scopes = [\"operate\"]")).unwrap();
    assert_eq!(access.tokens().unwrap().look(), Ok(true));
    assert!(access.of_session(&ops, NOW).is_none(), "the token was taken away");
}
