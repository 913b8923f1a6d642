//! What was decided, in the words of a story.

use warrener_shared::error::ErrorObject;
use warrener_shared::id::{Kind, Ticket};
use warrener_shared::job::BuiltIn;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use super::super::world::{EPOCH, Step, World};
use crate::Effect;
use crate::row::{AttemptRow, JobRow, Json, TaskRow, WaitsFor};

/// The events in order, then what else is to be done; `-` if nothing is.
pub(super) fn step(world: &World, step: &Step) -> String {
    let mut told: Vec<String> = Vec::new();
    for (at, (job, event)) in step.events.iter().enumerate() {
        told.extend(match &event.task {
            None => job_event(&world.jobs[job], event),
            Some(task) => {
                let within = world.within(*job);
                let address = event.index.map_or_else(|| task.to_string(), |index| format!("{task}.{index}"));
                let mut later = step.events[at + 1..].iter().filter(|(of, _)| of == job);
                let moves_on = later.any(|(_, next)| next.task == event.task && next.index == event.index);
                task_event(world, step, event, &format!("{within}{address}"), moves_on)
            }
        });
    }
    told.extend(step.effects.iter().filter_map(|effect| act(world, effect)));
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

fn job_event(job: &JobRow, event: &JobEvent) -> Option<String> {
    let told = own_job_event(job, event)?;
    let sub_job = job.parent.is_some();
    Some(if sub_job { told.replacen("job", job.id.as_str(), 1) } else { told })
}

fn own_job_event(job: &JobRow, event: &JobEvent) -> Option<String> {
    Some(match &*event.state {
        // That it runs at once goes without saying.
        "running" if event.sequence == 1 => return None,
        "running" => "job running".to_owned(),
        "scheduled" => format!("job scheduled for {}", time(job.scheduled_at)),
        "succeeded" => format!("job succeeded {}", text(job.output.as_ref())),
        state => format!("job {state} {}", job_error(event)),
    })
}

fn job_error(event: &JobEvent) -> String {
    let error = event.error.as_ref().and_then(|raw| ErrorObject::from_json(raw.get().as_bytes()));
    let Some(error) = error else { return "without an error".to_owned() };
    let attempt = error.attempt.map_or_else(String::new, |attempt| format!("#{attempt}"));
    let of = error.task.map_or_else(String::new, |task| format!(" of {task}{attempt}"));
    format!("{}{of}", error.code)
}

fn task_event(world: &World, step: &Step, event: &JobEvent, address: &str, moves_on: bool) -> Option<String> {
    let Some(row) = world.row_at(address) else { return Some(format!("{address} {}", event.state)) };
    Some(match &*event.state {
        "ready" if moves_on => return None,
        "dispatched" => match row.map.filter(|_| event.attempt.is_none()) {
            Some(map) => format!("{address} has {} items", map.total),
            None => match &row.waits_for {
                Some(WaitsFor::Time(until) | WaitsFor::Span(until)) => {
                    format!("{address} sleeps until {}", time(Some(*until)))
                }
                Some(WaitsFor::Job(job)) => format!("{address} runs {}", world.jobs[job].id),
                Some(event) => format!("{address} waits for {event}"),
                None if BuiltIn::of(kind(world, row)).is_some() => return None,
                None => dispatched(step, row, address, event.attempt),
            },
        },
        "retrying" if code(event) == "-" => format!("{address} waits until {} for its next round", time(row.wake_at)),
        "retrying" if moves_on => format!("{address} retrying ({})", code(event)),
        "retrying" => format!("{address} retrying until {} ({})", time(row.wake_at), code(event)),
        state => match code(event).as_str() {
            "-" => format!("{address} {state}"),
            code if code == state => format!("{address} {state}"),
            code => format!("{address} {state} {code}"),
        },
    })
}

fn kind<'a>(world: &'a World, row: &TaskRow) -> &'a Kind {
    &world.specs[&row.job].tasks[row.position as usize].kind
}

fn dispatched(step: &Step, row: &TaskRow, address: &str, attempt: Option<u32>) -> String {
    let mut told = format!("dispatch {address}#{}", attempt.unwrap_or_default());
    let message = step.dispatches().find(|message| message.ticket.task == row.no && Some(message.attempt) == attempt);
    let message = message.expect("what is dispatched is published");
    if message.input != b"null" {
        told += &format!(" {}", String::from_utf8_lossy(&message.input));
    }
    if let Some(deliveries) = message.deliveries {
        told += &format!(" deliveries {deliveries}");
    }
    told
}

fn act(world: &World, effect: &Effect) -> Option<String> {
    match effect {
        Effect::Stop { ticket, worker } => {
            let of = worker.as_ref().map_or_else(String::new, |worker| format!(" of {worker}"));
            Some(format!("stop {}{of}", attempt(world, ticket)))
        }
        Effect::DeadLetter(task) => Some(format!("dead letter {}", world.address(&world.tasks[task]))),
        Effect::Ignored(_) => Some("ignored".to_owned()),
        Effect::Publish { .. }
        | Effect::Send(..)
        | Effect::Reply(_)
        | Effect::Closed { .. }
        | Effect::Opened { .. } => None,
    }
}

fn attempt(world: &World, ticket: &Ticket) -> String {
    let known = world.tickets.iter().find(|(_, known)| *known == ticket);
    let ((address, number), _) = known.expect("a ticket was given out");
    format!("{address}#{number}")
}

fn code(event: &JobEvent) -> String {
    let error = event.error.as_ref().and_then(|raw| ErrorObject::from_json(raw.get().as_bytes()));
    error.map_or_else(|| "-".to_owned(), |error| error.code.into_owned())
}

/// The clocks and counters of a task: `show a`.
pub(super) fn row(world: &World, address: &str) -> String {
    let row = world.find(address);
    let mut told = format!("{} attempt {} failures {}", row.state, row.attempt, row.failures);
    told += &format!(
        " ready {} dispatched {} started {}",
        time(row.ready_at),
        time(row.dispatched_at),
        time(row.started_at)
    );
    told += &format!(" finished {}", time(row.finished_at));
    if let Some(error) = &row.error {
        told += &format!(" ({})", message(error));
    }
    told
}

fn message(error: &Json) -> String {
    ErrorObject::from_json(error).expect("a row keeps error objects").message
}

fn round_of(round: u32, is_repeated: bool) -> String {
    if is_repeated { format!(" in round {}", round + 1) } else { String::new() }
}

/// The attempts of a task that were followed by another, and the latest: `history a`.
pub(super) fn history(world: &World, address: &str) -> String {
    let row = world.find(address);
    let earlier = world.attempts.iter().filter(|attempt| attempt.task == row.no);
    let is_repeated = world.specs[&row.job].tasks[row.position as usize].repeat.is_some();
    let last = earlier.clone().next_back().map_or(0, |attempt| attempt.attempt);
    let mut told: Vec<String> = earlier.map(|it| one(it) + &round_of(it.round, is_repeated)).collect();
    if row.attempt > last {
        told.push(latest(row) + &round_of(row.round, is_repeated));
    }
    told.join(", ")
}

fn one(attempt: &AttemptRow) -> String {
    let by = attempt.worker.as_ref().map_or_else(String::new, |worker| format!(" by {worker}"));
    format!(
        "#{} {} {}-{}{by}",
        attempt.attempt,
        attempt.outcome,
        time(attempt.started_at),
        time(Some(attempt.finished_at))
    )
}

fn latest(row: &TaskRow) -> String {
    let by = row.worker.as_ref().map_or_else(String::new, |worker| format!(" by {worker}"));
    format!("#{} {} {}-{}{by}", row.attempt, row.state, time(row.started_at), time(row.finished_at))
}

/// All events of the job so far, numbered: `log`.
pub(super) fn log(world: &World) -> String {
    let top = world.jobs.values().rfind(|row| row.parent.is_none()).expect("the job was submitted");
    let log = &world.log[&top.no];
    let line = |event: &JobEvent| {
        let of = event.task.as_ref().map_or_else(String::new, |task| {
            let index = event.index.map_or_else(String::new, |index| format!(".{index}"));
            let attempt = event.attempt.map_or_else(String::new, |attempt| format!("#{attempt}"));
            format!(" {task}{index}{attempt}")
        });
        format!("{} {}{of}", event.sequence, event.kind)
    };
    log.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn text(json: Option<&Json>) -> String {
    json.map_or_else(|| "without an output".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Seconds since the beginning.
fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| format!("{}", (at.0 - EPOCH.0) as f64 / 1000.0))
}
