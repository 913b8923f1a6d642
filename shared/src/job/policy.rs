//! Queue, priority, clocks and retries: read, merged field by field, shared between equal tasks.

use std::collections::HashMap;
use std::sync::Arc;

use super::elsewhere::Place;
use super::field::{Reader, Zero, foreign};
use super::problem::{At, code};
use super::raw::{Raw, Sort};
use super::{LimitUse, Policy};
use crate::id::{LimitName, QueueName};
use crate::limits::{LIMIT_COST, LIMITS_OF_TASK};
use crate::retry::{Backoff, RetryPolicy};
use crate::time::Millis;

/// The fields of a policy, wherever one is written.
pub(crate) const POLICY_FIELDS: &[&str] =
    &["queue", "priority", "timeout", "heartbeat", "start_within", "retry", "limits"];
const RETRY_FIELDS: &[&str] =
    &["max_attempts", "backoff", "delay", "max_delay", "factor", "jitter", "only_on", "not_on"];

/// Settings of a policy that one place gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PolicyDraft {
    queue: Option<QueueName>,
    priority: Option<u8>,
    timeout: Option<Millis>,
    heartbeat: Option<Millis>,
    start_within: Option<Millis>,
    retry: RetryDraft,
    limits: Option<Vec<LimitUse>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct RetryDraft {
    max_attempts: Option<u32>,
    backoff: Option<Backoff>,
    delay: Option<Millis>,
    max_delay: Option<Millis>,
    /// Bits of the number, so that drafts can be compared and hashed.
    factor: Option<u64>,
    jitter: Option<bool>,
    only_on: Option<Vec<String>>,
    not_on: Option<Vec<String>>,
}

impl PolicyDraft {
    /// A draft that speaks of the priority alone.
    pub(crate) fn with_priority(priority: Option<u8>) -> Self {
        Self { priority, ..Self::default() }
    }

    /// Takes one field; `false` if it is no field of a policy.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>, key: &str, value: Raw<'_>, at: &At<'_>) -> bool {
        match key {
            "queue" => self.queue = reader.name(value, at, QueueName::new),
            "priority" => self.priority = reader.integer(value, at, 0, 9).and_then(|n| u8::try_from(n).ok()),
            "timeout" => self.timeout = reader.duration(value, at, Zero::Refused),
            "heartbeat" => self.heartbeat = reader.duration(value, at, Zero::Refused),
            "start_within" => self.start_within = reader.duration(value, at, Zero::Refused),
            "retry" => self.retry.read(reader, value, at),
            "limits" => self.limits = read_limits(reader, value, at),
            _ => return false,
        }
        true
    }

    /// Settings of this place, and of `under` where it gives none.
    pub(crate) fn over(&self, under: &Self) -> Self {
        Self {
            queue: self.queue.clone().or_else(|| under.queue.clone()),
            priority: self.priority.or(under.priority),
            timeout: self.timeout.or(under.timeout),
            heartbeat: self.heartbeat.or(under.heartbeat),
            start_within: self.start_within.or(under.start_within),
            retry: self.retry.over(&under.retry),
            limits: self.limits.clone().or_else(|| under.limits.clone()),
        }
    }

    fn finish(self, built_in: bool) -> Policy {
        Policy {
            queue: self.queue.unwrap_or_else(QueueName::default_queue),
            priority: self.priority.unwrap_or(PRIORITY),
            timeout: self.timeout.or(if built_in { None } else { Some(TIMEOUT) }),
            heartbeat: self.heartbeat,
            start_within: self.start_within,
            retry: self.retry.finish(built_in),
            limits: self.limits.unwrap_or_default().into(),
        }
    }
}

impl RetryDraft {
    fn read(&mut self, reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) {
        match value.sort() {
            Sort::Number => {
                let again = reader.integer(value, at, 0, MOST_ATTEMPTS - 1);
                self.max_attempts = again.map(|again| again + 1);
            }
            Sort::Object => {
                for entry in value.entries() {
                    self.read_field(reader, &entry.key, entry.value, &at.key(&entry.key));
                }
            }
            Sort::List => {
                let detail = format_args!("expected a number of retries, or an object, found a list");
                reader.problems.add(at, code::WRONG_TYPE, detail).hint(format_args!(
                    "one rule holds for all errors: {{max_attempts: 4, only_on: [lost, timed_out]}}"
                ));
            }
            _ => reader.wrong_type(value, at, "a number of retries, or an object such as {\"max_attempts\": 3}"),
        }
    }

    fn read_field(&mut self, reader: &mut Reader<'_>, key: &str, value: Raw<'_>, at: &At<'_>) {
        match key {
            "max_attempts" => self.max_attempts = reader.integer(value, at, 1, MOST_ATTEMPTS),
            "backoff" => self.backoff = reader.word(value, at, BACKOFFS),
            "delay" => self.delay = reader.duration(value, at, Zero::Allowed),
            "max_delay" => self.max_delay = reader.duration(value, at, Zero::Allowed),
            "factor" => self.factor = read_factor(reader, value, at),
            "jitter" => self.jitter = reader.boolean(value, at),
            "only_on" => self.only_on = read_codes(reader, value, at),
            "not_on" => self.not_on = read_codes(reader, value, at),
            _ => reader.unknown_field(key, at, &[RETRY_FIELDS], foreign(key, Place::Retry)),
        }
    }

    fn over(&self, under: &Self) -> Self {
        Self {
            max_attempts: self.max_attempts.or(under.max_attempts),
            backoff: self.backoff.or(under.backoff),
            delay: self.delay.or(under.delay),
            max_delay: self.max_delay.or(under.max_delay),
            factor: self.factor.or(under.factor),
            jitter: self.jitter.or(under.jitter),
            only_on: self.only_on.clone().or_else(|| under.only_on.clone()),
            not_on: self.not_on.clone().or_else(|| under.not_on.clone()),
        }
    }

    fn finish(self, built_in: bool) -> RetryPolicy {
        let usual = RetryPolicy::default();
        let attempts = if built_in { 1 } else { usual.max_attempts };
        RetryPolicy {
            max_attempts: self.max_attempts.unwrap_or(attempts),
            backoff: self.backoff.unwrap_or(usual.backoff),
            delay: self.delay.unwrap_or(usual.delay),
            max_delay: self.max_delay.unwrap_or(usual.max_delay),
            factor: self.factor.map_or(usual.factor, f64::from_bits),
            jitter: self.jitter.unwrap_or(usual.jitter),
            only_on: self.only_on.or(usual.only_on),
            not_on: self.not_on.unwrap_or(usual.not_on),
        }
    }
}

fn read_factor(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<u64> {
    let Some(spelling) = value.number() else {
        reader.wrong_type(value, at, "a number");
        return None;
    };
    let factor = spelling.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 1.0);
    if factor.is_none() {
        reader.problems.add(at, code::OUT_OF_RANGE, format_args!("the factor must be a number from 1 on"));
    }
    factor.map(f64::to_bits)
}

fn read_codes(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Vec<String>> {
    if value.sort() != Sort::List {
        reader.wrong_type(value, at, "a list of error codes");
        return None;
    }
    let mut codes = Vec::new();
    for (index, element) in value.elements().enumerate() {
        codes.extend(reader.error_code(element, &at.index(index)));
    }
    Some(codes)
}

/// Reads the limits that a task names: names, or objects with a name and a cost.
fn read_limits(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Vec<LimitUse>> {
    if value.sort() != Sort::List {
        reader.wrong_type(value, at, "a list of names of limits");
        return None;
    }
    let mut limits: Vec<LimitUse> = Vec::new();
    for (index, element) in value.elements().enumerate() {
        let place = at.index(index);
        let Some(limit) = read_limit(reader, element, &place) else { continue };
        if limits.iter().any(|known| known.name == limit.name) {
            reader.problems.add(&place, code::INVALID_VALUE, format_args!("limit {} is named twice", limit.name));
        } else if limits.len() == LIMITS_OF_TASK {
            let detail = format_args!("at most {LIMITS_OF_TASK} limits are allowed");
            reader.problems.add(at, code::TOO_MANY, detail);
            return None;
        } else {
            limits.push(limit);
        }
    }
    Some(limits)
}

fn read_limit(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<LimitUse> {
    if value.sort() == Sort::Text {
        return reader.name(value, at, LimitName::new).map(|name| LimitUse { name, cost: None });
    }
    if !reader.is_object(value, at, "text (the name of a limit) or an object such as {\"name\": \"api\", \"cost\": 5}")
    {
        return None;
    }
    let (mut name, mut cost) = (None, None);
    for entry in value.entries() {
        let place = at.key(&entry.key);
        match &*entry.key {
            "name" => name = reader.name(entry.value, &place, LimitName::new),
            "cost" => cost = reader.integer(entry.value, &place, 0, LIMIT_COST),
            other => reader.unknown_field(other, &place, &[LIMIT_FIELDS], None),
        }
    }
    if value.get("name").is_none() {
        reader.problems.add(at, code::MISSING_FIELD, format_args!("`name` is missing"));
    }
    Some(LimitUse { name: name?, cost })
}

const LIMIT_FIELDS: &[&str] = &["name", "cost"];

/// Makes policies; tasks that say the same share one.
pub(crate) struct Policies {
    defaults: PolicyDraft,
    made: HashMap<(PolicyDraft, bool), Arc<Policy>>,
}

impl Policies {
    pub(crate) fn new(defaults: PolicyDraft) -> Self {
        Self { defaults, made: HashMap::new() }
    }

    /// The policy of a task. `built_in` tasks have no time limit and one attempt unless given.
    pub(crate) fn resolve(&mut self, own: PolicyDraft, built_in: bool) -> Arc<Policy> {
        let defaults = &self.defaults;
        let made = self.made.entry((own, built_in));
        Arc::clone(made.or_insert_with_key(|(own, _)| Arc::new(own.over(defaults).finish(built_in))))
    }
}

const BACKOFFS: &[(&str, Backoff)] = &[
    ("none", Backoff::None),
    ("fixed", Backoff::Fixed),
    ("linear", Backoff::Linear),
    ("exponential", Backoff::Exponential),
];
const PRIORITY: u8 = 4;
const TIMEOUT: Millis = Millis::from_secs(30 * 60);
/// A task that needs more tries than this is not going to succeed.
const MOST_ATTEMPTS: u32 = 1001;
