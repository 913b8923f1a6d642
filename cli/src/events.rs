//! `warrener events`.

use clap::Args as ClapArgs;
use warrener_client::http::StreamEvent;
use warrener_client::http::resource::JobEvent;
use warrener_shared::error::ErrorObject;
use warrener_shared::shown;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::in_words;
use crate::options::OutputFormat;
use crate::talk;

/// Choice of the events to follow.
#[derive(Debug, ClapArgs)]
pub(crate) struct EventsArgs {
    /// Filter, such as 'type:task.failed,job.* label.team:growth'
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Begin after this event, by its id, instead of with what happens next; 0 is the beginning
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
}

/// Prints what happens to jobs, until Ctrl-C.
pub(crate) async fn events(context: &Context, args: EventsArgs) -> Result<Exit, Failure> {
    let mut stream = context.http()?.follow_events(args.filter.as_deref(), args.after.as_deref()).await?;
    let is_for_programs =
        matches!(context.globals.output, OutputFormat::Json | OutputFormat::Jsonl | OutputFormat::Yaml);
    while let Some(event) = stream.next().await? {
        if event.kind == "gap" {
            talk::say(&format!("events are missing: {}", event.data));
        } else if is_for_programs {
            talk::document(&format!("{}\n", event.data))?;
        } else {
            talk::words(&line(&event))?;
        }
    }
    Ok(Exit::Ok)
}

/// `12:03:24.120 order-4711/resize.3 task.failed attempt 2  no: out of memory`.
fn line(event: &StreamEvent) -> String {
    #[derive(serde::Deserialize)]
    struct OfJob {
        job: String,
    }
    let read = serde_json::from_str::<OfJob>(&event.data).and_then(|of| Ok((of, serde_json::from_str(&event.data)?)));
    let Ok((OfJob { job }, happened)) = read else { return shown::line(&event.data).into_owned() };
    let JobEvent { time, kind, task, index, attempt, error, .. } = happened;
    let task = task.map(|task| format!("/{task}")).unwrap_or_default();
    let index = index.map(|index| format!(".{index}")).unwrap_or_default();
    let attempt = attempt.map(|attempt| format!(" attempt {attempt}")).unwrap_or_default();
    let error = error.as_ref().and_then(|error| ErrorObject::from_json(error.get().as_bytes()));
    let error = error.as_ref().map(|error| format!("  {}", in_words(error))).unwrap_or_default();
    shown::line(&format!("{time} {job}{task}{index} {kind}{attempt}{error}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let data = r#"{"job":"a","sequence":3,"time":"2026-11-24T15:03:24.120Z","type":"task.failed","task":"t",
            "index":4,"attempt":1,"state":"failed","error":{"code":"no","message":"way"}}"#;
        let event = StreamEvent { id: "9".to_owned(), kind: "task.failed".to_owned(), data: data.to_owned() };
        assert_eq!(line(&event), "2026-11-24T15:03:24.120Z a/t.4 task.failed attempt 1  no: way");
    }
}
