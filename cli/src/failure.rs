//! Failures of commands: what, where, how to fix it, and the exit code.

use std::fmt;

use warrener_client::amqp::BrokerError;
use warrener_client::http::ProblemDocument;
use warrener_client::{ClientError, DocumentError, HttpError};
use warrener_runtime::config::ConfigErrors;
use warrener_shared::job::Problem;
use warrener_shared::shown;

use crate::exit::Exit;

/// Failure of a command, as it is told on stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    /// Every single problem, on lines of their own.
    details: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, where others of its sort succeeded.
    pub(crate) fn but_partial(self) -> Self {
        Self { exit: Exit::Partial, ..self }
    }

    /// The problems alone, where what was done is plain; the whole text if there are none.
    pub(crate) fn lines(&self) -> String {
        if self.details.is_empty() { self.to_string() } else { self.details.join("\n") }
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", shown::indented(&self.message, 4))?;
        self.details.iter().try_for_each(|detail| write!(f, "\n{detail}"))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let message = error.to_string();
        match error {
            HttpError::Address { .. } => Self::new(Exit::Usage, message).hint("set WARRENER_URL or --server"),
            HttpError::Token { .. } => Self::new(Exit::Usage, message)
                .hint("it comes from --token-file, WARRENER_TOKEN_FILE or WARRENER_TOKEN"),
            HttpError::Unreadable { .. } => Self::new(Exit::Error, message),
            HttpError::Unreachable { .. } => Self::new(Exit::Unreachable, message)
                .hint("is the orchestrator running there? Its address comes from WARRENER_URL, `url` or --server"),
            HttpError::Refused { problem, .. } => Self::refused(message, &problem),
        }
    }
}

impl Failure {
    fn refused(message: String, problem: &ProblemDocument) -> Self {
        let failure = Self::new(Exit::of_status(problem.status), message)
            .details(problem.errors.iter().map(at_pointer).collect());
        match failure.exit {
            Exit::NotAllowed => failure
                .hint("give a token that may do this with --token-file, in WARRENER_TOKEN_FILE or in WARRENER_TOKEN"),
            _ => failure,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Broker(broker) => Self::broker(message, &broker),
            ClientError::NoExchange { .. } | ClientError::Unroutable { .. } | ClientError::Uncertain { .. } => {
                Self::new(Exit::Unreachable, message)
            }
            ClientError::Rejected { rejection, .. } => {
                Self::new(Exit::Refused, message).details(rejection.errors.iter().map(at_pointer).collect())
            }
            ClientError::GaveUp { job, .. } => {
                Self::new(Exit::GaveUp, message).hint(format!("follow it with `warrener watch {job}`"))
            }
            ClientError::NotTaken { .. } | ClientError::BadReply { .. } => Self::new(Exit::Error, message),
        }
    }
}

impl Failure {
    fn broker(message: String, error: &BrokerError) -> Self {
        match error {
            BrokerError::Refused { .. } => Self::new(Exit::NotAllowed, message),
            BrokerError::Address { .. } => Self::new(Exit::Usage, message).hint("set WARRENER_AMQP__URL"),
            error if error.is_transient() => Self::new(Exit::Unreachable, message)
                .hint("is the broker running there? Its address comes from WARRENER_AMQP__URL or `amqp.url`"),
            _ => Self::new(Exit::Error, message),
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        let details = errors.0.iter().map(|problem| format!("error: {problem}")).collect();
        Self::new(Exit::Error, "the configuration has problems").details(details)
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Self::new(Exit::Refused, error.to_string())
    }
}

/// A problem of a job that did not come from a file: its place is its JSON pointer.
fn at_pointer(problem: &Problem) -> String {
    let place = if problem.pointer.is_empty() { "the job" } else { &problem.pointer };
    with_hint(place, problem)
}

/// A problem at a place, with its hint on the next line.
pub(crate) fn with_hint(place: &str, problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("\n  hint: {}", shown::line(hint))).unwrap_or_default();
    format!("{}: {}{hint}", shown::line(place), shown::line(&problem.detail))
}

#[cfg(test)]
mod tests;
