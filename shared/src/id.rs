//! Names and identities, each checked once where it enters.
//!
//! The patterns are those of the job format; a value that exists satisfies its pattern.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The reason why a text is not a valid name of its sort. Its text says what was wrong and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {sort}: {rule}")]
pub struct InvalidName {
    /// The text that was refused, shortened to 100 characters.
    pub text: String,
    /// Sort of name that was wanted, such as `job id`.
    pub sort: &'static str,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $sort:literal, $check:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the text and takes it.
            ///
            /// # Errors
            /// [`InvalidName`] if the text breaks the rule.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                if $check(text) {
                    return Ok(Self(text.into()));
                }
                let text = text.chars().take(100).collect();
                Err(InvalidName { text, sort: $sort, rule: $rule })
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as text that several hold.
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The identity of a job: chosen by the client, or a UUIDv7 of ours.
    JobId, "job id", is_job_id,
    "1 to 100 letters, digits, '.', '_', ':' or '-', starting with a letter or digit"
);
name!(
    /// The name of a task inside its job.
    TaskName, "task name", is_task_name,
    "1 to 63 lower-case letters, digits or '_', starting with a letter"
);
name!(
    /// The name of the work that a task asks for; it picks a handler.
    Kind, "kind", is_label,
    "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
);
name!(
    /// A named lane for tasks. Workers choose the queues that they serve.
    QueueName, "queue name", is_label,
    "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
);

name!(
    /// The name of a schedule. With a moment behind it, it is the id of a job.
    ScheduleName, "schedule name", is_schedule_name,
    "1 to 80 letters, digits, '.', '_' or '-', starting with a letter or digit"
);
name!(
    /// The name of a limit on how much may run at once, or begin in a span of time.
    LimitName, "limit name", is_label,
    "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
);

impl QueueName {
    /// The queue of a task that names none: `default`.
    pub fn default_queue() -> Self {
        Self("default".into())
    }
}

fn is_job_id(text: &str) -> bool {
    is_word(text, 100, |byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

fn is_label(text: &str) -> bool {
    is_word(text, 100, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_schedule_name(text: &str) -> bool {
    is_word(text, 80, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_task_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && is_word(text, 63, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_word(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    starts_well && text.len() <= longest && text.bytes().all(allowed)
}

/// The number of a job inside one database. Rows refer to it; users never see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobNo(pub i64);

/// The number of a task or item inside one database.
///
/// The tasks of a job have consecutive numbers in the order in which they are written, and so have the
/// items of a mapped task, so that a neighbour is found by addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskNo(pub i64);

/// 128 random bits that make one attempt unforgeable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u128);

/// Tokens are secrets: debug output shows the first 16 bits only.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:04x}…)", self.0 >> 112)
    }
}

/// The opaque text that stands for one attempt; whoever echoes it may report on the attempt.
///
/// It reads `<task number>.<attempt>.<token>`, the token as 32 hexadecimal digits. Workers must treat it
/// as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The task or item.
    pub task: TaskNo,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The secret of the attempt.
    pub token: Token,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:032x}", self.task.0, self.attempt, self.token.0)
    }
}

impl FromStr for Ticket {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse_ticket(text).ok_or_else(|| InvalidName {
            text: text.chars().take(100).collect(),
            sort: "ticket",
            rule: "the correlation_id of the task message, echoed unchanged",
        })
    }
}

/// Reads a ticket as it was written, byte for byte: another spelling of the same numbers is no echo.
fn parse_ticket(text: &str) -> Option<Ticket> {
    let mut parts = text.split('.');
    let (task, attempt, token) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |token: &str| token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let canonical = parts.next().is_none() && token.len() == 32 && is_hex(token);
    if !canonical || !is_plain_number(task) || !is_plain_number(attempt) {
        return None;
    }
    Some(Ticket {
        task: TaskNo(task.parse().ok()?),
        attempt: attempt.parse().ok()?,
        token: Token(u128::from_str_radix(token, 16).ok()?),
    })
}

/// Tells whether a number is written with digits alone and without leading zeros.
fn is_plain_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// The address of a task or item as users write it: `<task>` or `<task>.<index>`, the index from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskAddress {
    /// The task's name.
    pub task: TaskName,
    /// The item of a mapped task; `None` is the task itself.
    pub index: Option<u32>,
}

impl fmt::Display for TaskAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.task.as_str())?;
        self.index.map_or(Ok(()), |index| write!(f, ".{index}"))
    }
}

impl FromStr for TaskAddress {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let Some((name, index)) = text.split_once('.') else {
            return Ok(Self { task: TaskName::new(text)?, index: None });
        };
        let index = index.parse().map_err(|_| InvalidName {
            text: text.chars().take(100).collect(),
            sort: "task address",
            rule: "<task>, or <task>.<index> with the index from 0",
        })?;
        Ok(Self { task: TaskName::new(name)?, index: Some(index) })
    }
}
