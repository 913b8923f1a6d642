//! Messages about schedules on the submit queue: `schedule`, `schedule.delete`, `schedule.pause`, `schedule.resume` and
//! `schedule.trigger`.

use serde::{Deserialize, Serialize};

use crate::id::ScheduleName;
use crate::job::raw::{Raw, Sort};
use crate::job::{Problem, code, quoted};
use crate::json::{self, JsonErrorKind};
use crate::limits::Limits;
use crate::schedule::{ScheduleSpec, parse};
use crate::wire::Message;

/// `type` of the answer to a message about a schedule that was carried out.
pub const APPLIED: &str = "schedule.applied";

/// Wish about a schedule.
#[derive(Clone, Debug)]
pub enum ScheduleWish {
    /// Make it what the body says, or make it.
    Apply(Box<ScheduleSpec>),
    /// Remove it.
    Delete(ScheduleName),
    /// Pause it if true, else resume it.
    Pause(ScheduleName, bool),
    /// Start a job of it now.
    Trigger(ScheduleName),
}

/// Body of `schedule.applied`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppliedBody {
    /// The schedule.
    pub name: String,
    /// Time of its next start, RFC 3339; null while it is paused, has none, or is removed.
    pub next_at: Option<String>,
}

/// Wish of a message about a schedule, by its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleVerb {
    /// `schedule`.
    Apply,
    /// `schedule.delete`.
    Delete,
    /// `schedule.pause`.
    Pause,
    /// `schedule.resume`.
    Resume,
    /// `schedule.trigger`.
    Trigger,
}

const VERBS: [(&str, ScheduleVerb); 5] = [
    ("schedule", ScheduleVerb::Apply),
    ("schedule.delete", ScheduleVerb::Delete),
    ("schedule.pause", ScheduleVerb::Pause),
    ("schedule.resume", ScheduleVerb::Resume),
    ("schedule.trigger", ScheduleVerb::Trigger),
];

impl ScheduleVerb {
    /// The verb of a message, by its `type` or its header of that name; `None` if it is about no schedule.
    pub fn of(message: &Message) -> Option<Self> {
        let words = [message.kind.as_deref(), message.header_text("type")];
        words
            .into_iter()
            .flatten()
            .find_map(|word| VERBS.iter().find(|(known, _)| *known == word).map(|(_, verb)| *verb))
    }
}

impl ScheduleWish {
    /// Reads the body of a message about a schedule.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn parse(verb: ScheduleVerb, bytes: &[u8], limits: &Limits) -> Result<Self, Vec<Problem>> {
        if verb == ScheduleVerb::Apply {
            return parse(bytes, limits).map(|spec| Self::Apply(Box::new(spec)));
        }
        let name = name(bytes, limits).map_err(|problem| vec![problem])?;
        Ok(match verb {
            ScheduleVerb::Pause => Self::Pause(name, true),
            ScheduleVerb::Resume => Self::Pause(name, false),
            ScheduleVerb::Trigger => Self::Trigger(name),
            ScheduleVerb::Delete | ScheduleVerb::Apply => Self::Delete(name),
        })
    }

    /// Name of the schedule.
    pub fn name(&self) -> &ScheduleName {
        match self {
            Self::Apply(spec) => &spec.name,
            Self::Delete(name) | Self::Pause(name, _) | Self::Trigger(name) => name,
        }
    }
}

/// Reads `{name}`.
fn name(bytes: &[u8], limits: &Limits) -> Result<ScheduleName, Problem> {
    json::check(bytes, limits.json_depth).map_err(|error| {
        let code = match error.kind {
            JsonErrorKind::TooDeep => code::TOO_DEEP,
            JsonErrorKind::Invalid => code::INVALID_JSON,
        };
        Problem::of_message(code, format!("line {}, column {}: {}", error.line, error.column, error.message), None)
    })?;
    let body = Raw::checked(bytes);
    let at = |code: &str, pointer: &str, detail: String| Problem {
        pointer: pointer.to_owned(),
        ..Problem::of_message(code, detail, "write {\"name\": \"nightly-report\"}".to_owned())
    };
    if body.sort() != Sort::Object {
        return Err(at(
            code::WRONG_TYPE,
            "",
            format!("expected an object with `name`, found {}", body.sort().in_words()),
        ));
    }
    if let Some(other) = body.entries().find(|entry| entry.key != "name") {
        return Err(at(code::UNKNOWN_FIELD, "", format!("there is no field {} here", quoted(&other.key))));
    }
    let value = body.get("name").ok_or_else(|| at(code::MISSING_FIELD, "", "`name` is missing".to_owned()))?;
    let found = || at(code::WRONG_TYPE, "/name", format!("expected text, found {}", value.sort().in_words()));
    let text = value.text().ok_or_else(found)?;
    ScheduleName::new(&text).map_err(|error| at(code::INVALID_NAME, "/name", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(verb: ScheduleVerb, body: &str) -> (String, String) {
        let problems = ScheduleWish::parse(verb, body.as_bytes(), &Limits::DEFAULT).expect_err(body);
        (problems[0].code.clone(), problems[0].pointer.clone())
    }

    #[test]
    fn a_wish_is_read_by_its_type() {
        let read = |word: &str, body: &str| {
            let verb = ScheduleVerb::of(&Message { kind: Some(word.to_owned()), ..Message::default() }).unwrap();
            ScheduleWish::parse(verb, body.as_bytes(), &Limits::DEFAULT).unwrap()
        };
        let spec = r#"{"name": "nightly", "cron": "0 3 * * *", "job": {"kind": "demo.echo"}}"#;
        assert!(matches!(read("schedule", spec), ScheduleWish::Apply(spec) if spec.name.as_str() == "nightly"));
        let named = r#"{"name": "nightly"}"#;
        assert!(matches!(read("schedule.delete", named), ScheduleWish::Delete(_)));
        assert!(matches!(read("schedule.pause", named), ScheduleWish::Pause(_, true)));
        assert!(matches!(read("schedule.resume", named), ScheduleWish::Pause(_, false)));
        assert!(matches!(read("schedule.trigger", named), ScheduleWish::Trigger(_)));
        assert_eq!(ScheduleVerb::of(&Message { kind: Some("schedules".to_owned()), ..Message::default() }), None);
    }

    #[test]
    fn what_is_wrong_with_a_wish_is_said_by_name() {
        let of = |code: &str, pointer: &str| (code.to_owned(), pointer.to_owned());
        let pause = ScheduleVerb::Pause;
        assert_eq!(problem(pause, "{}"), of("missing_field", ""));
        assert_eq!(problem(pause, "{"), of("invalid_json", ""));
        assert_eq!(problem(pause, "[]"), of("wrong_type", ""));
        assert_eq!(problem(pause, r#"{"name": 7}"#), of("wrong_type", "/name"));
        assert_eq!(problem(pause, r#"{"name": "a b"}"#), of("invalid_name", "/name"));
        assert_eq!(problem(pause, r#"{"name": "a", "at": 1}"#), of("unknown_field", ""));
        assert_eq!(problem(ScheduleVerb::Apply, r#"{"name": "a", "cron": "0 3 * * *"}"#), of("missing_field", ""));
    }
}
