//! `warrener bulk`, and the verbs of others with `--filter`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use warrener_client::HttpClient;
use warrener_client::http::{BulkOperation, BulkPreview, BulkWish, JobQuery};
use warrener_shared::shown;
use warrener_shared::time::Timestamp;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::output::{Cell, Table, age, document};
use crate::talk;

#[derive(Debug, Subcommand)]
pub(crate) enum BulkVerb {
    /// List bulk operations, newest first
    List,
    /// Show a bulk operation
    Get { id: String },
    /// Follow a bulk operation to its end
    Watch { id: String },
    /// Stop a bulk operation; what was done stays done
    Cancel { id: String },
}

/// Choice of things by a filter, and how they are gone through.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "By filter")]
pub(crate) struct BulkOptions {
    /// Everything that fits, such as 'state:failed label.team:growth', or '*'
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// So many at most in a time, such as 100/s or 600/m
    #[arg(long, requires = "filter", value_name = "N/s|m|h")]
    pub(crate) rate: Option<String>,
    /// Purpose, for those who look later
    #[arg(long, requires = "filter")]
    pub(crate) reason: Option<String>,
    /// Show what fits, and do nothing
    #[arg(long, requires = "filter")]
    pub(crate) dry_run: bool,
    /// Print the id of the operation and leave it running
    #[arg(long, requires = "filter")]
    pub(crate) detach: bool,
    /// Do not ask first
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Things that a verb is done to, by name or by filter.
#[derive(Debug, ClapArgs)]
pub(crate) struct Selected {
    /// Ids or names
    #[arg(required_unless_present = "filter", conflicts_with = "filter", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) bulk: BulkOptions,
}

/// Wait before the second look at an operation; each later one is longer by a quarter.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Refusals that are said.
const SAID: usize = 10;

/// Reads and steers bulk operations.
pub(crate) async fn bulk(context: &Context, verb: BulkVerb) -> Result<Exit, Failure> {
    let http = context.http()?;
    match verb {
        BulkVerb::List => list(context, &http).await,
        BulkVerb::Get { id } => {
            let answer = http.bulk(&id).await?;
            show(context, &answer.text, &answer.value)
        }
        BulkVerb::Watch { id } => watch(context, &http, &id).await,
        BulkVerb::Cancel { id } => {
            let stopped = http.cancel_bulk(&id).await?.value;
            context.say(&sentence(&stopped));
            Ok(Exit::Ok)
        }
    }
}

async fn list(context: &Context, http: &HttpClient) -> Result<Exit, Failure> {
    let (mut all, mut pages, mut page) =
        (Vec::new(), Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.bulks(&page).await?;
        all.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    context.print(&pages, &all, |one| one.id.clone(), || table(&all, context.now()))
}

fn table(operations: &[BulkOperation], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "AGE", "BY", "ACTION", "TARGET", "STATE", "MATCHED", "DONE", "SKIPPED", "FAILED", "FILTER"]);
    for one in operations {
        table.row(vec![
            one.id.as_str().into(),
            age(one.created_at.as_deref(), now).into(),
            one.by.as_str().into(),
            one.action.as_str().into(),
            one.target.as_str().into(),
            Cell::state(&one.state),
            one.matched.to_string().into(),
            one.done.to_string().into(),
            one.skipped.to_string().into(),
            one.failed.to_string().into(),
            one.filter.as_str().into(),
        ]);
    }
    table
}

fn show(context: &Context, text: &str, operation: &BulkOperation) -> Result<Exit, Failure> {
    let format = match context.globals.output {
        OutputFormat::Table | OutputFormat::Wide => OutputFormat::Yaml,
        format => format,
    };
    talk::document(&document(format, text)?.unwrap_or_else(|| shown::line(&operation.id).into_owned()))?;
    Ok(Exit::Ok)
}

/// Does something to everything that fits: says how much that is, asks, and follows it to its end.
pub(crate) async fn by_filter(
    context: &Context,
    action: &str,
    target: &str,
    options: &BulkOptions,
) -> Result<Exit, Failure> {
    let http = context.http()?;
    let wish = BulkWish {
        action: action.to_owned(),
        filter: options.filter.clone().unwrap_or_default(),
        target: Some(target.to_owned()),
        rate: options.rate.clone(),
        reason: options.reason.clone(),
        dry_run: options.dry_run,
    };
    let preview = http.preview_bulk(&wish).await?;
    if options.dry_run {
        return match document(context.globals.output, &preview.text)? {
            Some(text) => talk::document(&text).map(|()| Exit::Ok),
            None => talk::words(&preview_lines(&preview.value, target)).map(|()| Exit::Ok),
        };
    }
    if preview.value.matched == 0 {
        context.say("nothing fits the filter");
        return Ok(Exit::Ok);
    }
    let question = format!("{action}: {} would be changed. Go on?", counts(&preview.value, target));
    if !options.yes && !talk::confirmed(&question)? {
        return Err(Failure::new(Exit::Refused, "nothing was changed"));
    }
    let begun = http.begin_bulk(&wish).await?.value;
    if options.detach {
        return talk::words(&begun.id).map(|()| Exit::Ok);
    }
    watch(context, &http, &begun.id).await
}

/// `12 jobs (10 failed, 2 running)`.
fn counts(preview: &BulkPreview, target: &str) -> String {
    let things = match (target, preview.matched) {
        ("dead", 1) => "dead letter",
        ("dead", _) => "dead letters",
        (other, 1) => other.strip_suffix('s').unwrap_or(other),
        (other, _) => other,
    };
    let by: Vec<String> = preview.by.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    format!("{} {things}{by}", preview.matched)
}

fn preview_lines(preview: &BulkPreview, target: &str) -> String {
    let more = preview.matched.saturating_sub(preview.sample.len() as u64);
    let mut lines = vec![counts(preview, target)];
    lines.extend(preview.sample.iter().map(|id| format!("  {}", shown::line(id))));
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    lines.join("\n")
}

/// Follows an operation to its end. Ctrl-C asks whether to stop it.
async fn watch(context: &Context, http: &HttpClient, id: &str) -> Result<Exit, Failure> {
    let bar = (!context.globals.quiet && talk::is_watched()).then(bar);
    let mut pause = FIRST_PAUSE;
    loop {
        let operation = http.bulk(id).await?.value;
        if let Some(bar) = &bar {
            bar.set_length(operation.matched);
            bar.set_position(operation.done + operation.skipped + operation.failed);
        }
        if operation.state != "running" {
            bar.inspect(ProgressBar::finish_and_clear);
            return over(context, &operation);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 5 / 4).min(LONGEST_PAUSE),
            _ = tokio::signal::ctrl_c() => {
                bar.inspect(ProgressBar::finish_and_clear);
                return interrupted(context, http, id).await;
            }
        }
    }
}

async fn interrupted(context: &Context, http: &HttpClient, id: &str) -> Result<Exit, Failure> {
    context.say("");
    // Where nobody can be asked it goes on, as a job does.
    if talk::confirmed(&format!("bulk operation {id} goes on. Stop it?")).unwrap_or(false) {
        let stopped = http.cancel_bulk(id).await?.value;
        return over(context, &stopped);
    }
    let hint = format!("follow it with `warrener bulk watch {id}`, stop it with `warrener bulk cancel {id}`");
    Err(Failure::new(Exit::Interrupted, format!("interrupted; bulk operation {id} goes on")).hint(hint))
}

/// Says what became of an operation, with the exit code for that.
fn over(context: &Context, operation: &BulkOperation) -> Result<Exit, Failure> {
    for refusal in operation.errors.iter().take(SAID) {
        talk::say(&format!("{}: {}", shown::line(&refusal.id), shown::line(&refusal.detail)));
    }
    if operation.failed > SAID as u64 {
        talk::say(&format!("and {} more; see `warrener bulk get {}`", operation.failed - SAID as u64, operation.id));
    }
    let sentence = sentence(operation);
    match (operation.state.as_str(), operation.failed) {
        ("succeeded", 0) => {
            context.say(&sentence);
            Ok(Exit::Ok)
        }
        ("succeeded" | "cancelled", _) => Err(Failure::new(Exit::Partial, sentence)),
        _ => Err(Failure::new(Exit::Error, sentence)),
    }
}

/// `bulk operation 7 succeeded: 98 of 100 done, 1 skipped, 1 failed`.
fn sentence(operation: &BulkOperation) -> String {
    let BulkOperation { id, state, matched, done, skipped, failed, .. } = operation;
    let word = if state == "cancelled" { "was cancelled" } else { state };
    format!("bulk operation {id} {word}: {done} of {matched} done, {skipped} skipped, {failed} failed")
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} {per_sec} {elapsed}");
    let bar = ProgressBar::new(0).with_style(style.expect("the template is a constant").progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_counted_in_words() {
        let by = [("failed".to_owned(), 10), ("running".to_owned(), 2)].into();
        let preview = BulkPreview { matched: 12, by, sample: vec!["a".to_owned()] };
        assert_eq!(preview_lines(&preview, "jobs"), "12 jobs (10 failed, 2 running)\n  a\n  and 11 more");
        let one = BulkPreview { matched: 1, by: Default::default(), sample: vec![] };
        assert_eq!([counts(&one, "dead"), counts(&one, "tasks")], ["1 dead letter", "1 task"]);
    }
}
