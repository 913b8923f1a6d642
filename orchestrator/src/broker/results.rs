//! Consumer of reports, and the mark up to which all of them are read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use warrener_amqp::{Consumer, DeliveryBatch, Incoming, Pulse, Session};
use warrener_engine::event::Reported;
use warrener_shared::limits::LIMIT_COST;
use warrener_shared::wire::Message;
use warrener_shared::wire::result::{Read, Unreadable, is_bundle, parse_bundle, parse_report};

use super::intake::Intake;
use super::settle::{self, Closed, Settler};
use super::workers::is_worker;
use super::{Context, Link, letter};
use crate::driver::Input;

/// Most unsettled messages: enough for two batches while one is on its way to the disk.
pub(super) const PREFETCH: u16 = 1000;
/// Most messages taken at once, and reports handed on at once. A message may carry many.
const BATCH: usize = 256;
/// Time between two looks whether all reports are read.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Longest time from the end of a connection at the broker until what it had in hand waits in its queue again.
const GIVEN_BACK: Duration = Duration::from_secs(1);
/// Longest time that an answer on the consumer's channel may take.
const ASK_LIMIT: Duration = Duration::from_secs(5);

/// Consumes the queue of reports until the session ends. Marks come before batches, since limits wait for them.
pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer, intake: Intake) {
    let settler = Settler::start(&context, link.session.clone(), intake);
    let (mark, mut marks) = mpsc::channel(1);
    // A set ends what it runs when it is dropped, as this loop is when the session or the process ends.
    let mut asking = JoinSet::new();
    asking.spawn(ask(context.clone(), link.clone(), consumer.pulse(), mark));
    loop {
        tokio::select! {
            biased;
            Some(upto) = marks.recv() => {
                if read_up_to(&context, &link, &mut consumer, &settler, upto).await.is_err() {
                    break;
                }
            }
            batch = settle::next(&link, &mut consumer, BATCH) => {
                let Some(batch) = batch else { break };
                if take(&context, &settler, batch).await.is_err() {
                    break;
                }
            }
        }
    }
}

/// Hands the reports of a batch to the driver, in parts if its messages carry many.
async fn take(context: &Context, settler: &Settler, mut batch: DeliveryBatch) -> Result<(), Closed> {
    let (mut inputs, mut read) = (Vec::new(), 0);
    for incoming in std::mem::take(&mut batch.deliveries) {
        take_in(context, &incoming, &mut inputs);
        read += 1;
        if inputs.len() >= BATCH {
            let first = batch.split_first(std::mem::take(&mut read));
            settler.hand_over(std::mem::take(&mut inputs), first, None).await?;
        }
    }
    if read > 0 { settler.hand_over(inputs, batch, None).await } else { Ok(()) }
}

/// Finds out, each second, up to when reports have been read.
///
/// The order matters: what the broker had confirmed before the first step waits in the queue, or is on its way to the
/// consumer, or was acknowledged; the second step excludes the first, and the third brings in what the second was too
/// early for. Before all of them nobody else may have reports in hand: those of an earlier session whose end the broker
/// has not noticed are in none of these places.
async fn ask(context: Context, link: Link, pulse: Pulse, mark: mpsc::Sender<Duration>) {
    // A queue that does not answer somebody else's question must not hold up this one: no time limit is judged before.
    let session = link.session.asking_apart(ASK_LIMIT);
    let mut every = tokio::time::interval(ASK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if link.session.take_seat(&context.shared.names.reader()).await.is_ok_and(|taken| taken) {
            break;
        }
    }
    // The broker gives back what a dead connection had and frees its seat at about the same time.
    tokio::time::sleep(GIVEN_BACK).await;
    loop {
        every.tick().await;
        let upto = context.shared.workers.clock().monotonic();
        // What a policy takes out of the queue of results comes by way of the dead letters.
        let is_empty = is_empty(&session, &context.shared.names.unrouted()).await
            && is_empty(&session, &context.shared.names.results()).await
            && is_empty(&session, &context.shared.names.dead()).await;
        if is_empty && pulse.round_trip(ASK_LIMIT).await.is_ok() && mark.send(upto).await.is_err() {
            return;
        }
    }
}

/// Tells whether a queue holds no ready message. False if it could not be asked.
async fn is_empty(session: &Session, queue: &str) -> bool {
    matches!(session.depth(queue).await, Ok(Some(depth)) if depth.ready == 0)
}

/// Hands on everything that has come, then tells the driver that all reports confirmed before `upto` are read. More can
/// come meanwhile, but no more than the prefetch was on its way when the mark was made.
async fn read_up_to(
    context: &Context,
    link: &Link,
    consumer: &mut Consumer,
    settler: &Settler,
    upto: Duration,
) -> Result<(), Closed> {
    let mut taken = 0;
    while taken < usize::from(PREFETCH) {
        let Some(batch) = consumer.arrived_batch(BATCH).map_err(|error| {
            link.session.break_with(error);
            Closed
        })?
        else {
            break;
        };
        taken += batch.len();
        take(context, settler, batch).await?;
    }
    context.input(Input::ResultsRead { upto }).await;
    Ok(())
}

/// Reads the reports of a message, single or bundled, into inputs. Unreadable ones become dead letters.
pub(super) fn take_in(context: &Context, incoming: &Incoming, inputs: &mut Vec<Input>) {
    let message = &incoming.message;
    let read = if is_bundle(message) {
        parse_bundle(message, &context.shared.limits)
    } else {
        parse_report(message, &context.shared.limits).map(|(ticket, report)| vec![Ok((ticket.into(), report))])
    };
    let worker: Option<Arc<str>> = message.header_text("worker").filter(|id| is_worker(id)).map(Arc::from);
    match read {
        Ok(reports) => inputs.extend(reports.into_iter().filter_map(|one| input(one, worker.clone(), incoming))),
        Err(Unreadable { code, message }) => {
            inputs.push(Input::Dead(letter::letter("result", code, message, incoming)));
        }
    }
}

/// Input of a report. `None` for one whose ticket is none, which is only counted.
fn input(read: Read<'_>, worker: Option<Arc<str>>, incoming: &Incoming) -> Option<Input> {
    let (ticket, report) = match read {
        Ok(read) => read,
        Err((part, Unreadable { code, message })) => {
            // What is kept can be published again as it is, and so is a list too.
            let body = [b"[", part, b"]"].concat();
            return Some(Input::Dead(letter::letter_with(&body, "result", code, message, incoming)));
        }
    };
    let Ok(ticket) = ticket.parse() else {
        metrics::counter!("warrener_reports_ignored_total").increment(1);
        return None;
    };
    // In a list each report would need its own.
    let cost = if is_bundle(&incoming.message) { None } else { cost(&incoming.message) };
    Some(Input::Report(Reported { ticket, report, worker, interrupted: false, cost }))
}

/// The header `cost`: what the attempt cost its limits, as a number or as text. Anything else is no cost.
fn cost(message: &Message) -> Option<u32> {
    let number = message.header_int("cost").or_else(|| message.header_text("cost")?.trim().parse().ok())?;
    u32::try_from(number).ok().filter(|cost| *cost <= LIMIT_COST)
}
