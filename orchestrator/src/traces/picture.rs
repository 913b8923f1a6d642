//! Spans of one job, made from its rows: the job, its mapped tasks, and every attempt.

use std::time::{Duration, SystemTime};

use warrener_engine::row::{AttemptRow, JobRow, TaskRow};
use warrener_runtime::spans::{KeyValue, Span, SpanKind, SpanNo, TraceContext};
use warrener_shared::error::ErrorObject;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::{BuiltIn, Shape, TaskSpec};
use warrener_shared::state::{JobState, Outcome};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use super::names::{TracedTask, attempt_span, job_span, mapped_span, outside};
use crate::rows::Parsed;
use crate::shared::Shared;
use crate::store::view::Snapshot;
use crate::store::{Rows, StoreError};

/// Most links of one span. A task that gathers more says how many are left out.
const LINKS: usize = 128;

/// A job whose trace is recorded, at one moment.
pub(super) struct Picture<'p, 's> {
    shared: &'p Shared,
    snapshot: &'p mut Snapshot<'s>,
    row: JobRow,
    parsed: Parsed,
    /// Span that the submit named.
    submit: TraceContext,
}

impl<'p, 's> Picture<'p, 's> {
    /// Reads a job; `None` if it was removed or its trace is not recorded.
    pub(super) fn of(
        shared: &'p Shared,
        snapshot: &'p mut Snapshot<'s>,
        job: JobNo,
    ) -> Result<Option<Self>, StoreError> {
        let submit = snapshot.traceparent(job)?.and_then(|text| text.parse::<TraceContext>().ok());
        let Some(submit) = submit.filter(|submit| submit.sampled) else { return Ok(None) };
        let Some(row) = snapshot.job(job)? else { return Ok(None) };
        let parsed = shared.specs.of(&row, snapshot)?;
        if row.state.is_final() {
            shared.specs.forget(&row);
        }
        Ok(Some(Self { shared, snapshot, row, parsed, submit }))
    }

    /// Makes the spans of what these events say has ended.
    pub(super) fn spans(&mut self, events: &[JobEvent], record: &mut dyn FnMut(Span)) -> Result<(), StoreError> {
        for event in events {
            match (event.task.as_deref(), event.attempt) {
                (None, _) => record(self.job()?),
                (Some(task), attempt) => self.task(TracedTask { task, index: event.index }, attempt, event, record)?,
            }
        }
        Ok(())
    }

    /// Span of the whole job.
    fn job(&mut self) -> Result<Span, StoreError> {
        let parent = match self.row.parent {
            Some(parent) => self.around(parent.job, parent.task, parent.attempt)?,
            None => Some(self.submit.span).filter(|span| *span != outside(self.submit.trace)),
        };
        let (row, spec) = (&self.row, &self.parsed.spec);
        let kind = (spec.shape == Shape::Single).then(|| spec.tasks[0].kind.as_str());
        let name = spec.name.as_deref().or(kind).unwrap_or("graph");
        let mut span = self.span(job_span(self.submit.trace, row.id.as_str()), parent, format!("job {name}"));
        // Whoever submitted it sent a message, or a request that stands for one.
        span.kind = if row.parent.is_some() { SpanKind::Internal } else { SpanKind::Consumer };
        (span.start, span.end) = (time(row.created_at), time(row.finished_at.unwrap_or(row.created_at)));
        span.moments.extend(row.started_at.map(|at| ("started", time(at))));
        span.attributes.push(KeyValue::new("warrener.job.state", row.state.as_str()));
        span.attributes.push(KeyValue::new("warrener.job.tasks", spec.tasks.len() as i64));
        if !matches!(row.state, JobState::Succeeded | JobState::Cancelled) {
            span.error = Some(code(row.error.as_deref(), row.state.as_str()));
        }
        Ok(span)
    }

    /// Spans of the attempts of a task that ended with an event, and that of a mapped task.
    fn task(
        &mut self,
        name: TracedTask<'_>,
        attempt: Option<u32>,
        event: &JobEvent,
        record: &mut dyn FnMut(Span),
    ) -> Result<(), StoreError> {
        let Some(position) = self.parsed.spec.position(name.task) else { return Ok(()) };
        let first = self.row.task_no(position);
        let no = match name.index {
            None => first,
            Some(index) => match self.snapshot.task_place(first)?.and_then(|place| place.map) {
                Some(map) => map.item_no(index),
                None => return Ok(()),
            },
        };
        let Some(row) = self.snapshot.task(no)? else { return Ok(()) };
        if let Some(map) = row.map {
            let mut span = self.mapped(name.task, &row);
            span.attributes.push(KeyValue::new("warrener.items", i64::from(map.total)));
            span.error = (&*event.state == "failed").then(|| code(row.error.as_deref(), &event.state));
            self.link(&mut span, position)?;
            record(span);
        }
        let Some(attempt) = attempt else { return Ok(()) };
        for ended in ended(&self.snapshot.attempts(no)?, &row, attempt, event.state == "retrying") {
            let mut span = self.attempt(name, position, &ended);
            self.link(&mut span, position)?;
            record(span);
        }
        Ok(())
    }

    /// Span of a mapped task, around its items.
    fn mapped(&self, task: &str, row: &TaskRow) -> Span {
        let (trace, job) = (self.submit.trace, self.row.id.as_str());
        let mut span = self.span(mapped_span(trace, job, task), Some(job_span(trace, job)), format!("task {task}"));
        let end = row.finished_at.or(row.ready_at).unwrap_or(self.row.created_at);
        span.start = time(row.dispatched_at.or(row.ready_at).unwrap_or(end));
        span.end = time(end);
        span.attributes.push(KeyValue::new("warrener.task", task.to_owned()));
        span
    }

    /// Span of an attempt, from its dispatch to its outcome.
    fn attempt(&self, name: TracedTask<'_>, position: u32, row: &AttemptRow) -> Span {
        let (trace, job) = (self.submit.trace, self.row.id.as_str());
        let parent = match name.index {
            Some(_) => mapped_span(trace, job, name.task),
            None => job_span(trace, job),
        };
        let number = attempt_span(trace, job, name, row.attempt);
        let mut span = self.span(number, Some(parent), format!("task {}", name.task));
        let begun = row.dispatched_at.unwrap_or(row.finished_at);
        (span.start, span.end) = (time(begun), time(row.finished_at));
        span.attributes.extend([
            KeyValue::new("warrener.task", name.to_string()),
            KeyValue::new("warrener.attempt", i64::from(row.attempt)),
            KeyValue::new("warrener.outcome", row.outcome.as_str()),
        ]);
        if let Some(started) = row.started_at {
            span.moments.push(("started", time(started)));
            span.attributes.push(KeyValue::new("warrener.queue_wait_ms", (started.0 - begun.0).max(0)));
        }
        if let Some(worker) = &row.worker {
            span.attributes.push(KeyValue::new("warrener.worker", worker.to_string()));
        }
        let spec = &self.parsed.spec.tasks[position as usize];
        span.attributes.push(KeyValue::new("warrener.kind", spec.kind.as_str().to_owned()));
        if BuiltIn::of(&spec.kind).is_none() {
            span.kind = SpanKind::Producer;
            let message = format!("{job}.{name}.{}", row.attempt);
            span.attributes.extend(self.messaging(spec, message));
        }
        if matches!(row.outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Lost) {
            span.error = Some(code(row.error.as_deref(), row.outcome.as_str()));
        }
        span
    }

    /// Attributes of the message of an attempt, as the conventions for RabbitMQ name them.
    fn messaging(&self, spec: &TaskSpec, message: String) -> [KeyValue; 7] {
        let queue = spec.policy.queue.as_str();
        [
            KeyValue::new("messaging.system", "rabbitmq"),
            KeyValue::new("messaging.operation.name", "send"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.destination.name", format!("{}:{queue}", self.shared.names.tasks())),
            KeyValue::new("messaging.rabbitmq.destination.routing_key", queue.to_owned()),
            KeyValue::new("messaging.message.id", message),
            KeyValue::new("messaging.message.conversation_id", self.row.id.to_string()),
        ]
    }

    /// Links a span to those of the tasks that its task needs, as far as they ran.
    fn link(&self, span: &mut Span, position: u32) -> Result<(), StoreError> {
        let spec = &self.parsed.spec;
        let needs = &spec.tasks[position as usize].needs;
        for need in needs.iter().take(LINKS) {
            let Some(place) = self.snapshot.task_place(self.row.task_no(*need))? else { continue };
            let name = spec.tasks[*need as usize].name.as_str();
            let (trace, job) = (self.submit.trace, self.row.id.as_str());
            let number = match place.map {
                Some(_) => mapped_span(trace, job, name),
                None if place.attempt == 0 => continue,
                None => attempt_span(trace, job, TracedTask { task: name, index: None }, place.attempt),
            };
            span.links.push(self.submit.with_span(number));
        }
        span.links_dropped = u32::try_from(needs.len().saturating_sub(LINKS)).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Number of the span of the attempt that a sub-job runs for; `None` if its job was removed.
    fn around(&mut self, job: JobNo, task: TaskNo, attempt: u32) -> Result<Option<SpanNo>, StoreError> {
        let (Some(row), Some(place)) = (self.snapshot.job(job)?, self.snapshot.task_place(task)?) else {
            return Ok(None);
        };
        let parsed = self.shared.specs.of(&row, self.snapshot)?;
        let name = TracedTask { task: parsed.spec.tasks[place.position as usize].name.as_str(), index: place.index };
        Ok(Some(attempt_span(self.submit.trace, row.id.as_str(), name, attempt)))
    }

    /// Span of this job's trace without any times yet.
    fn span(&self, number: SpanNo, parent: Option<SpanNo>, name: String) -> Span {
        Span {
            context: self.submit.with_span(number),
            parent,
            kind: SpanKind::Internal,
            name,
            start: SystemTime::UNIX_EPOCH,
            end: SystemTime::UNIX_EPOCH,
            attributes: vec![KeyValue::new("warrener.job.id", self.row.id.to_string())],
            moments: Vec::new(),
            links: Vec::new(),
            links_dropped: 0,
            error: None,
        }
    }
}

/// Attempts that an event about this one tells the end of: itself, and those right before it that nothing told of,
/// since they were handed back or were rounds that succeeded. `goes_on` says that the task waits for another attempt.
fn ended(kept: &[AttemptRow], row: &TaskRow, attempt: u32, goes_on: bool) -> Vec<AttemptRow> {
    let untold = |row: &&AttemptRow| matches!(row.outcome, Outcome::Released | Outcome::Succeeded);
    let mut before = kept.iter().rev().skip_while(|kept| kept.attempt > attempt).peekable();
    let mut found = Vec::new();
    match before.next_if(|kept| kept.attempt == attempt) {
        // It went on to wait for another one, which told of it: then the task was ended while it waited.
        Some(kept) if !goes_on && row.attempt == attempt && !untold(&kept) => return found,
        Some(kept) => found.push(kept.clone()),
        None if row.attempt == attempt => found.extend(latest(row)),
        None => {}
    }
    found.extend(before.take_while(untold).cloned());
    found
}

/// Latest attempt of a task that is final, as its row tells it.
fn latest(row: &TaskRow) -> Option<AttemptRow> {
    Some(AttemptRow {
        task: row.no,
        attempt: row.attempt,
        round: row.round,
        outcome: row.latest_outcome()?,
        worker: row.worker.clone(),
        dispatched_at: row.dispatched_at,
        started_at: row.started_at,
        finished_at: row.finished_at?,
        error: row.error.clone(),
    })
}

/// Code of an error, for people who may not see its message: that may quote the input.
fn code(error: Option<&[u8]>, otherwise: &str) -> String {
    let error = error.and_then(ErrorObject::from_json);
    error.map_or_else(|| otherwise.to_owned(), |error| error.code.to_string())
}

/// Time of day of a row.
fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or_default())
}
