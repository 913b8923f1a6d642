//! Real programs, a real server, real time.

mod command;
mod http;
mod native;

use std::time::Duration;

use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::*;

/// An attempt of `j`'s task `count.3`.
pub(super) fn context() -> Context {
    let mut assignment = Assignment {
        ticket: "1.1.x".into(),
        reply_to: String::new(),
        kind: "work".into(),
        job: "j".into(),
        task: "count.3".into(),
        attempt: 2,
        max_attempts: 5,
        timeout: None,
        heartbeat: None,
        deliveries: None,
        max_reports: 1,
        traceparent: Some("00-1-2-01".into()),
        input: Vec::new(),
    };
    Context::new(&mut assignment, 1)
}

const FOR_EVER: TimeLimits = TimeLimits { timeout: None, grace: Duration::from_millis(300) };

fn within(millis: u64) -> TimeLimits {
    TimeLimits { timeout: Some(Millis(millis)), ..FOR_EVER }
}

/// The ending as text: `ok <output>`, or `<code>: <message>`, with `, for good` or `, after <span>`.
fn shown(ending: &Ending) -> String {
    match ending {
        Ending::Interrupted => "interrupted".to_owned(),
        Ending::Reported(Report::Succeeded { output }) => format!("ok {}", String::from_utf8_lossy(output)),
        Ending::Reported(Report::Failed { error, retry }) => {
            let retry = match retry {
                RetryAdvice::Policy => String::new(),
                RetryAdvice::Never => ", for good".to_owned(),
                RetryAdvice::After(span) => format!(", after {span}"),
            };
            format!("{}: {}{retry}", error.code, error.message)
        }
        other => format!("{other:?}"),
    }
}

fn details(ending: &Ending) -> serde_json::Value {
    match ending {
        Ending::Reported(Report::Failed { error, .. }) => {
            serde_json::from_str(error.details.as_ref().expect("details").get()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}
