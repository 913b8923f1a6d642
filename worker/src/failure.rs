//! Failures of handlers: the error, and the advice about another attempt.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use warrener_shared::error::{ErrorObject, is_code};
use warrener_shared::id::LimitName;
use warrener_shared::time::Millis;
use warrener_shared::wire::result::{KeyPause, Report, RetryAdvice};

/// A failure of an attempt, and the handler's advice about trying again.
///
/// Any standard error becomes one by `?`, with the code `error`, its message and the messages of its sources.
///
/// ```
/// use warrener_worker::Failure;
///
/// fn charge(card: &str) -> Result<u64, Failure> {
///     let number: u64 = card.parse()?;
///     if number == 0 {
///         return Err(Failure::new("card_refused", "the bank refused the card").for_good());
///     }
///     Ok(number)
/// }
/// assert!(charge("x").is_err());
/// ```
#[derive(Debug)]
pub struct Failure {
    error: ErrorObject,
    retry: RetryAdvice,
    /// Set if the attempt is to be handed back, so that it costs nothing. Boxed, since nearly all failures are none.
    back: Option<Box<HandBack>>,
}

/// Reason for handing an attempt back.
#[derive(Debug)]
enum HandBack {
    /// Want of descriptors, processes or memory: the attempt could not begin.
    NoRoom,
    /// Somebody asked for patience: a key of a limit is to rest.
    Pause(KeyPause),
}

impl Failure {
    /// A failure that leaves the retry to the task's policy.
    ///
    /// `code` is a stable word for programs, `^[a-z][a-z0-9_.]{0,63}$`; anything else becomes `error`, with the
    /// word in the message.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        let error = if is_code(&code) {
            ErrorObject { code, message, details: None, task: None, attempt: None }
        } else {
            ErrorObject::new(OTHER, format!("{code}: {message}"))
        };
        Self { error, retry: RetryAdvice::Policy, back: None }
    }

    /// The same, never to be retried.
    #[must_use]
    pub const fn for_good(mut self) -> Self {
        self.retry = RetryAdvice::Never;
        self
    }

    /// The same, to be retried after exactly this span, if the task's policy allows a retry at all.
    ///
    /// At most 365 days, as everywhere.
    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.retry = RetryAdvice::After(Millis(millis.min(LONGEST_MS)));
        self
    }

    /// The same with anything that helps to find the cause. What can't be written as JSON is left out.
    #[must_use]
    pub fn with_details(mut self, details: impl Serialize) -> Self {
        self.error.details = serde_json::value::to_raw_value(&details).ok();
        self
    }

    /// The same as a wish for patience: the key of this limit that counts the task lets nothing out for a while. The
    /// attempt is handed back, and costs neither an attempt nor the limit anything.
    ///
    /// A name that no limit can have leaves the failure as it is.
    #[must_use]
    pub fn pausing(mut self, limit: &str, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).min(LONGEST_MS);
        let limit = LimitName::new(limit).ok();
        self.back = limit.map(|limit| Box::new(HandBack::Pause(KeyPause { limit, span: Millis(millis) })));
        self
    }

    /// The stable word.
    pub fn code(&self) -> &str {
        &self.error.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// The handler's advice about another attempt.
    pub const fn retry(&self) -> RetryAdvice {
        self.retry
    }

    /// Details for whoever looks at the failed attempt; `None` if there are none.
    pub fn details(&self) -> Option<&RawValue> {
        self.error.details.as_deref()
    }

    pub(crate) const fn of(error: ErrorObject, retry: RetryAdvice) -> Self {
        Self { error, retry, back: None }
    }

    /// The machine is short of something, which says nothing of the task.
    pub(crate) fn no_room(message: impl Into<String>) -> Self {
        Self { back: Some(Box::new(HandBack::NoRoom)), ..Self::new(OTHER, message) }
    }

    pub(crate) fn is_for_want_of_room(&self) -> bool {
        self.back.as_deref().is_some_and(|back| matches!(back, HandBack::NoRoom))
    }

    pub(crate) fn into_report(self) -> Report {
        match self.back.map(|back| *back) {
            Some(HandBack::Pause(pause)) => {
                Report::Released { code: Some(self.error.code.into()), deliveries: None, pause: Some(pause) }
            }
            _ => Report::Failed { error: self.error, retry: self.retry },
        }
    }

    pub(crate) fn details_of(mut self, other: Option<Self>) -> Self {
        self.error.details = other.and_then(|other| other.error.details);
        self
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many errors repeat their source in their own text.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(OTHER, message)
    }
}

/// The code of errors that have none of their own.
const OTHER: &str = "error";
/// The longest duration that the contract knows.
const LONGEST_MS: u64 = warrener_shared::limits::DURATION_MAX_DAYS * 86_400_000;

#[cfg(test)]
mod tests;
