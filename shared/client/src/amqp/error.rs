//! Errors of submitting a job over AMQP.

use std::time::Duration;

use warrener_amqp::BrokerError;
use warrener_shared::error::ErrorObject;
use warrener_shared::state::JobState;
use warrener_shared::wire::submit::RejectedBody;

/// Reasons why a submit over AMQP failed. Texts read *what we were doing: with what: why*.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The broker can't be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The exchange isn't there.
    #[error(
        "submitting to the exchange {exchange}: it does not exist; start an orchestrator once on this broker, or \
         correct WARRENER_AMQP__PREFIX and the virtual host"
    )]
    NoExchange {
        /// The exchange.
        exchange: String,
    },
    /// No queue wanted the job.
    #[error("submitting to the exchange {exchange}: no queue is bound to it; start an orchestrator to repair that")]
    Unroutable {
        /// The exchange.
        exchange: String,
    },
    /// The broker didn't take the job.
    #[error("submitting job {job}: the broker did not take it: its queue is full, or the message is too large")]
    NotTaken {
        /// The job.
        job: String,
    },
    /// Nobody knows whether the broker has the job.
    #[error("submitting job {job}: no confirm came; submitting it again under the same id is safe")]
    Uncertain {
        /// The job.
        job: String,
    },
    /// The orchestrator refused the job.
    #[error("submitting job {job}: {}", .rejection.detail)]
    Rejected {
        /// The job.
        job: String,
        /// Every problem found.
        rejection: Box<RejectedBody>,
    },
    /// The wait ran out. The job goes on.
    #[error("waiting for job {job}: it did not end within {} s; it goes on", after.as_secs_f32())]
    GaveUp {
        /// The job.
        job: String,
        /// Time that was waited.
        after: Duration,
    },
    /// An answer isn't what an orchestrator sends.
    #[error("reading the answer for job {job}: {why}")]
    BadReply {
        /// The job.
        job: String,
        /// The fault in the reply.
        why: String,
    },
}

/// Reasons why a finished job has no output of the wanted type.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The job did not succeed.
    #[error("reading the output of job {job}: it is {}{}", state.as_str(), told(error.as_ref()))]
    NotSucceeded {
        /// The job.
        job: String,
        /// Final state of the job.
        state: JobState,
        /// Error of the job, if it has one.
        error: Option<ErrorObject>,
    },
    /// The output is of another type.
    #[error("reading the output of job {job}: {why}")]
    Unreadable {
        /// The job.
        job: String,
        /// The fault in the output.
        why: serde_json::Error,
    },
}

fn told(error: Option<&ErrorObject>) -> String {
    error.map(|error| format!(": {}: {}", error.code, error.message)).unwrap_or_default()
}
