//! `warrener logs`.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args as ClapArgs;
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::resource::LogPiece;
use warrener_shared::shown;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::talk;

/// The job or task whose log is shown, and how.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct LogsArgs {
    /// The job, or one task or item of it: JOB, JOB/TASK or JOB/TASK.INDEX
    pub(crate) address: String,
    /// Show what comes, until the job is final
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print what was written byte for byte; else characters that a terminal obeys are made visible
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Time between two questions for more of a running job.
const EVERY: Duration = Duration::from_millis(500);

/// Prints what attempts wrote: of a task as it is, of a job with the task before each line.
pub(crate) async fn logs(context: &Context, args: &LogsArgs) -> Result<Exit, Failure> {
    let (job, task) = match args.address.split_once('/') {
        Some((job, task)) => (job, Some(task)),
        None => (args.address.as_str(), None),
    };
    let http = context.http()?;
    let lines = matches!(context.globals.output, OutputFormat::Json | OutputFormat::Jsonl | OutputFormat::Yaml);
    if args.follow
        && let Some(task) = task
    {
        return follow(&http, (job, task), lines, args.raw).await;
    }
    let mut reader = LogReader { http: &http, job, seen: BTreeMap::new(), lines, raw: args.raw };
    loop {
        // Asked first: what was written before the end is there once the end is seen.
        let is_final = http.job(job).await?.value.state.is_final();
        let tasks = match task {
            Some(task) => vec![task.to_owned()],
            None => addresses(&http, job).await?,
        };
        for address in &tasks {
            reader.print(address, task.is_none()).await?;
        }
        if is_final || !args.follow {
            return Ok(Exit::Ok);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Prints what a task writes as it comes, until it is final.
async fn follow(http: &HttpClient, (job, task): (&str, &str), lines: bool, raw: bool) -> Result<Exit, Failure> {
    let mut stream = http.follow_log(job, task, None).await?;
    while let Some(event) = stream.next().await? {
        let Ok(piece) = serde_json::from_str::<LogPiece>(&event.data) else { continue };
        match (lines, raw) {
            (true, _) => talk::document(&json(task, &piece))?,
            (false, true) => talk::piece(&piece.text)?,
            (false, false) => talk::piece(&shown::text(&piece.text))?,
        }
    }
    Ok(Exit::Ok)
}

struct LogReader<'a> {
    http: &'a HttpClient,
    job: &'a str,
    /// Attempt and number of the last piece that was shown, by task.
    seen: BTreeMap<String, (u32, u32)>,
    /// True if pieces are printed as JSON, one for each line.
    lines: bool,
    /// True if the log is printed byte for byte, whatever a terminal makes of it.
    raw: bool,
}

impl LogReader<'_> {
    async fn print(&mut self, address: &str, named: bool) -> Result<(), Failure> {
        let mut text = String::new();
        loop {
            let seen = self.seen.get(address).copied().unwrap_or_default();
            let cursor = Some(format!("{}.{}", seen.0, seen.1)).filter(|_| seen != (0, 0));
            let page = JobQuery { limit: Some(1000), cursor, ..JobQuery::default() };
            let pieces = self.http.logs(self.job, address, &page).await?.value.items;
            let Some(last) = pieces.last() else { break };
            self.seen.insert(address.to_owned(), (last.attempt, last.no));
            for piece in &pieces {
                if self.lines {
                    text += &json(address, piece);
                } else {
                    text += &piece.text;
                }
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        if self.lines {
            return talk::document(&text);
        }
        let named = match named {
            true => text.lines().map(|line| format!("{address} | {line}\n")).collect(),
            false => text,
        };
        if self.raw { talk::exact(&named) } else { talk::words(&named) }
    }
}

fn json(address: &str, piece: &LogPiece) -> String {
    let LogPiece { attempt, no, time, text } = piece;
    let line = serde_json::json!({"task": address, "attempt": attempt, "no": no, "time": time, "text": text});
    format!("{line}\n")
}

/// All tasks and items of a job that ever began.
async fn addresses(http: &HttpClient, job: &str) -> Result<Vec<String>, Failure> {
    let (mut all, mut page) = (Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.tasks(job, true, &page).await?.value;
        all.extend(answer.items.into_iter().filter(|task| task.attempt > 0).map(|task| task.address()));
        page.cursor = answer.next_cursor;
        if page.cursor.is_none() {
            return Ok(all);
        }
    }
}
