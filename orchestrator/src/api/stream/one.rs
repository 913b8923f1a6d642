//! Events of one job, and the log of one task, to their end.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use warrener_shared::id::{JobId, JobNo, TaskAddress, TaskNo};

use super::super::app::App;
use super::super::path::no_task;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::{job, logs};
use super::cursor::EventCursor;
use super::hub::{Next, Tail};
use super::page::{StreamedEvent, write};
use super::reader::StreamReader;
use super::{Follow, PAUSE, PIECE, Pace, REST, answer, mark, over, place};
use crate::notices::LogNotices;
use crate::rows::message;
use crate::store::view::Snapshot;
use crate::store::view::filter::Filter;

/// Elements that are read at once.
const LIMIT: usize = 500;

/// Something that has an end, and what was seen of it.
#[derive(Clone, Debug)]
pub(in super::super) enum Followed {
    /// Events of a job after this one.
    Events(JobId, u64),
    /// Log of a task or item after this piece (attempt and number).
    Log(JobId, TaskAddress, (u32, u32)),
}

/// Text that was found, and the place after it.
struct Finding {
    text: Vec<u8>,
    next: Followed,
    more: bool,
    /// True if nothing will follow.
    is_over: bool,
    /// Numbers of the job and of the task, by which notices are told apart.
    job: JobNo,
    task: Option<TaskNo>,
}

/// Answers with what is followed, or says that it is over.
pub(in super::super) async fn follow(app: Arc<App>, parts: &Parts, what: Followed) -> Result<Response, Problem> {
    let parameters = parts.extensions.get::<Parameters>().expect("the gate has read them");
    if parameters.get("limit").is_some() {
        return Err(Problem::parameter("limit", "a stream has no pages; leave it out, or leave out `follow`"));
    }
    let what = match what {
        Followed::Events(id, _) => Followed::Events(id, place(parts, |text| text.parse().ok())?.unwrap_or(0)),
        Followed::Log(id, task, _) => Followed::Log(id, task, place(parts, logs::cursor)?.unwrap_or((0, 0))),
    };
    let comes_back = parts.headers.contains_key("last-event-id");
    let reader = StreamReader::of(&app, parts)?;
    let (tail, now) = app.hub.follow(&app);
    // Read after the subscriptions have begun, so that nothing is missed between.
    let (found, log) = first(&app, &what, reader.only().cloned()).await?;
    if comes_back && found.is_over && found.text.is_empty() {
        return Ok(over());
    }
    let (job, begin) = (found.job, mark(what.place()));
    let one = One {
        app,
        reader,
        what,
        job,
        tail,
        seen: now,
        log,
        begin: Some(begin),
        pace: Pace::begin(),
        state: FollowState::Due,
    };
    Ok(answer(one))
}

/// Looks for the first time, with a subscription to the log, if one is followed.
async fn first(
    app: &Arc<App>,
    what: &Followed,
    only: Option<Arc<Filter>>,
) -> Result<(Finding, Option<LogNotices>), Problem> {
    let found = look(app, what, only.clone()).await?;
    let Some(task) = found.task else { return Ok((found, None)) };
    let log = app.shared.notices.log_of(task);
    Ok((look(app, what, only).await?, Some(log)))
}

async fn look(app: &Arc<App>, what: &Followed, only: Option<Arc<Filter>>) -> Result<Finding, Problem> {
    let what = what.clone();
    app.read_for_stream(move |app, snapshot| what.find(app, snapshot, only.as_deref())).await
}

impl Followed {
    /// The place that was reached.
    fn place(&self) -> String {
        match self {
            Self::Events(_, sequence) => sequence.to_string(),
            Self::Log(_, _, (attempt, no)) => format!("{attempt}.{no}"),
        }
    }

    fn find(self, app: &App, snapshot: &mut Snapshot<'_>, only: Option<&Filter>) -> Result<Finding, Problem> {
        let id = match &self {
            Self::Events(id, _) | Self::Log(id, ..) => id.clone(),
        };
        if let Some(only) = only
            && !snapshot.fits(&id, only, app.shared.now())?
        {
            return Err(super::super::path::no_job(id.as_str()));
        }
        match self {
            Self::Events(_, after) => events(snapshot, id, after),
            Self::Log(_, address, after) => log(app, snapshot, id, address, after),
        }
    }
}

fn events(snapshot: &Snapshot<'_>, id: JobId, after: u64) -> Result<Finding, Problem> {
    let row = job::row(snapshot, &id)?;
    let page = snapshot.job_events(row.no, after, LIMIT)?;
    let (mut text, mut last, mut more) = (Vec::new(), after, page.more);
    for event in &page.items {
        if text.len() >= PIECE {
            more = true;
            break;
        }
        last = event.sequence;
        write(&mut text, last, &event.kind, &StreamedEvent::of(id.as_str(), event));
    }
    let is_over = row.state.is_final() && !more;
    Ok(Finding { text, next: Followed::Events(id, last), more, is_over, job: row.no, task: None })
}

fn log(
    app: &App,
    snapshot: &mut Snapshot<'_>,
    id: JobId,
    address: TaskAddress,
    after: (u32, u32),
) -> Result<Finding, Problem> {
    let job = job::entry(app, snapshot, &id)?;
    let row = message::find(snapshot, &job, &address)?;
    let row = row.ok_or_else(|| no_task(id.as_str(), &address.to_string()))?;
    let page = snapshot.logs(row.no, after, LIMIT)?;
    let (mut text, mut last, mut more) = (Vec::new(), after, page.more);
    for line in page.items {
        if text.len() >= PIECE {
            more = true;
            break;
        }
        last = (line.attempt, line.no);
        let at = format!("{}.{}", line.attempt, line.no);
        write(&mut text, at, "log", &logs::LogResource::of(line));
    }
    let is_over = row.state.is_final() && !more;
    let next = Followed::Log(id, address, last);
    Ok(Finding { text, next, more, is_over, job: job.row.no, task: Some(row.no) })
}

/// A reader of one thing.
struct One {
    app: Arc<App>,
    reader: StreamReader,
    what: Followed,
    job: JobNo,
    tail: watch::Receiver<Arc<Tail>>,
    /// The place up to which events were looked through for those of the job.
    seen: EventCursor,
    log: Option<LogNotices>,
    begin: Option<Bytes>,
    pace: Pace,
    state: FollowState,
}

/// Next step of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FollowState {
    /// A read, since something new may be there.
    Due,
    /// Nothing is new.
    Waiting,
    /// Everything was shown.
    Over,
}

impl Follow for One {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(begin) = self.begin.take() {
            return Some(begin);
        }
        let stop = self.app.stop.clone();
        loop {
            if self.state == FollowState::Over || stop.is_cancelled() || !self.reader.is_welcome(&self.app) {
                return None;
            }
            if self.pace.beats() {
                return Some(mark(self.what.place()));
            }
            if self.state == FollowState::Waiting {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = self.tail.changed() => self.state = self.judge(),
                    () = written(&mut self.log) => self.state = FollowState::Due,
                    () = sleep_until(self.pace.beat) => {}
                }
                continue;
            }
            sleep_until(self.pace.rest.min(self.pace.beat)).await;
            self.seen = self.tail.borrow_and_update().upto().max(self.seen);
            let found = look(&self.app, &self.what, self.reader.only().cloned()).await;
            self.pace.rest = Instant::now() + REST;
            match found {
                Ok(found) if found.job == self.job => {
                    self.state = match (found.is_over, found.more) {
                        (true, _) => FollowState::Over,
                        (false, true) => FollowState::Due,
                        (false, false) => FollowState::Waiting,
                    };
                    if found.more {
                        self.pace.rest = Instant::now();
                    }
                    self.what = found.next;
                    if !found.text.is_empty() {
                        return Some(found.text.into());
                    }
                }
                Err(problem) if problem.is_transient() => sleep(PAUSE).await,
                // It was removed meanwhile, and another one may have its id.
                Ok(_) | Err(_) => return None,
            }
        }
    }
}

impl One {
    /// Tells whether something happened to the job.
    fn judge(&mut self) -> FollowState {
        let tail = self.tail.borrow_and_update().clone();
        loop {
            let page = match tail.after(self.seen) {
                Next::Nothing => return FollowState::Waiting,
                Next::Older => return FollowState::Due,
                Next::Page(page) => page,
            };
            self.seen = page.upto;
            if page.entries.iter().any(|entry| entry.of.concerns(self.job)) {
                return FollowState::Due;
            }
        }
    }
}

/// Waits until something was written.
async fn written(log: &mut Option<LogNotices>) {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}
