//! The events of all jobs and schedules.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};
use warrener_shared::id::JobNo;

use super::super::app::App;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::schedules;
use super::cursor::EventCursor;
use super::hub::{Next, Tail};
use super::page::{EventEntry, EventOf, EventPage};
use super::reader::StreamReader;
use super::{Follow, PAUSE, Pace, answer, mark, place};
use crate::filter;
use crate::filter::events::EventFilter;
use crate::store::view::filter::Filter;

pub(in super::super) async fn follow(
    State(app): State<Arc<App>>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let parts = request.into_parts().0;
    let filter = parameters.get("q").unwrap_or("");
    let filter = filter::parse_events(filter).map_err(|why| Problem::parameter("q", why))?;
    let place = place(&parts, EventCursor::parse)?;
    let reader = StreamReader::of(&app, &parts)?;
    let (tail, now) = app.hub.follow(&app);
    let (begin, place) = begin(&app, place, now).await?;
    Ok(answer(Everything { app, reader, filter, tail, place, begin: Some(begin), pace: Pace::begin() }))
}

/// First words of a stream, and the place where it goes on.
async fn begin(app: &Arc<App>, wish: Option<EventCursor>, now: EventCursor) -> Result<(Bytes, EventCursor), Problem> {
    let Some(place) = wish else { return Ok((mark(now), now)) };
    if place > now {
        // What was committed a moment ago may have been seen though nobody was told of it yet.
        let last = app.read_for_stream(|_, snapshot| Ok(EventCursor::after(snapshot.last_events()?))).await?;
        if place > last {
            return Ok((EventPage::gap_back(place, last), last));
        }
    }
    Ok((mark(place), place))
}

/// A reader of the events of all jobs and schedules.
struct Everything {
    app: Arc<App>,
    reader: StreamReader,
    filter: EventFilter,
    tail: watch::Receiver<Arc<Tail>>,
    place: EventCursor,
    /// First words, until they are said.
    begin: Option<Bytes>,
    pace: Pace,
}

impl Follow for Everything {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(begin) = self.begin.take() {
            return Some(begin);
        }
        let stop = self.app.stop.clone();
        loop {
            if stop.is_cancelled() || !self.reader.is_welcome(&self.app) {
                return None;
            }
            if self.pace.beats() {
                return Some(mark(self.place));
            }
            let next = self.tail.borrow_and_update().after(self.place);
            let page = match next {
                Next::Page(page) => Ok(page),
                Next::Older => self.older().await,
                Next::Nothing => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        _ = self.tail.changed() => {}
                        () = sleep_until(self.pace.beat) => {}
                    }
                    continue;
                }
            };
            let text = match page {
                Ok(page) => self.wanted(&page).await,
                Err(problem) => Err(problem),
            };
            match text {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Some(text),
                // The hub says so; this reader goes on where it stands.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

impl Everything {
    /// The page after a place that the hub has left behind.
    async fn older(&self) -> Result<Arc<EventPage>, Problem> {
        let place = self.place;
        self.app.read_for_stream(move |_, snapshot| Ok(Arc::new(EventPage::read(snapshot, place)?))).await
    }

    /// Text of those events of a page that are wanted, which are passed then.
    async fn wanted(&mut self, page: &EventPage) -> Result<Bytes, Problem> {
        let upto = page.upto.max(self.place);
        let jobs = self.jobs();
        if self.place <= page.after && self.filter.wants_every_type() && jobs.terms.is_empty() {
            self.place = upto;
            return Ok(page.text.clone());
        }
        let (place, filter) = (self.place, &self.filter);
        let entries = page.entries.iter();
        let is_wanted = |entry: &EventEntry| matches!(entry.of, EventOf::Nobody) || filter.wants(&entry.kind);
        let entries = entries.filter(|entry| entry.at > place && is_wanted(entry));
        let entries: Vec<&EventEntry> = entries.collect();
        let fitting = self.fitting(&entries, jobs).await?;
        let mut text = Vec::new();
        for entry in entries.into_iter().filter(|entry| fitting.fits(entry)) {
            text.extend_from_slice(&page.text[entry.span.clone()]);
        }
        self.place = upto;
        Ok(text.into())
    }

    /// The terms about jobs that must hold: those of the reader, and those of its token.
    fn jobs(&self) -> Filter {
        let own = self.filter.jobs.terms.iter();
        let only = self.reader.only().into_iter().flat_map(|only| &only.terms);
        Filter { terms: own.chain(only).cloned().collect() }
    }

    async fn fitting(&self, entries: &[&EventEntry], jobs: Filter) -> Result<Fitting, Problem> {
        let names = entries.iter().filter_map(|entry| match &entry.of {
            EventOf::Schedule(name) => Some(name.clone()),
            _ => None,
        });
        let schedules = self.schedules(names.collect(), &jobs).await?;
        if entries.is_empty() || jobs.fits_id("").is_some() {
            return Ok(Fitting { jobs: FittingJobs::ById(jobs), schedules });
        }
        let numbers = entries.iter().filter_map(|entry| match &entry.of {
            EventOf::Job(no, _) => Some(*no),
            _ => None,
        });
        let numbers: BTreeSet<JobNo> = numbers.collect();
        let numbers: Vec<JobNo> = numbers.into_iter().collect();
        let look =
            self.app.read_for_stream(move |app, snapshot| Ok(snapshot.fitting(&numbers, &jobs, app.shared.now())?));
        Ok(Fitting { jobs: FittingJobs::These(look.await?), schedules })
    }

    /// Finds those of these schedules whose next job would fit; all of them without terms.
    async fn schedules(&self, names: BTreeSet<Arc<str>>, jobs: &Filter) -> Result<BTreeSet<Arc<str>>, Problem> {
        if names.is_empty() || jobs.terms.is_empty() {
            return Ok(names);
        }
        let jobs = jobs.clone();
        let look = self.app.read_for_stream(move |app, snapshot| {
            let mut fitting = BTreeSet::new();
            for name in names {
                if schedules::fits(app, snapshot, &name, &jobs)? {
                    fitting.insert(name);
                }
            }
            Ok(fitting)
        });
        look.await
    }
}

/// The jobs and schedules that fit.
struct Fitting {
    jobs: FittingJobs,
    schedules: BTreeSet<Arc<str>>,
}

/// The jobs that fit.
enum FittingJobs {
    /// Jobs whose ids fit the filter.
    ById(Filter),
    /// A list of jobs.
    These(BTreeSet<JobNo>),
}

impl Fitting {
    /// Tells whether an event is of a job or schedule that fits. Gaps concern everybody.
    fn fits(&self, entry: &EventEntry) -> bool {
        match (&entry.of, &self.jobs) {
            (EventOf::Nobody, _) => true,
            (EventOf::Schedule(name), _) => self.schedules.contains(name),
            (EventOf::Job(_, id), FittingJobs::ById(filter)) => filter.fits_id(id) == Some(true),
            (EventOf::Job(no, _), FittingJobs::These(jobs)) => jobs.contains(no),
        }
    }
}
