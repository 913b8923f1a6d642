//! Reports of workers.

use std::sync::Arc;

use warrener_amqp::{Consumer, Incoming};
use warrener_engine::event::Reported;
use warrener_shared::wire::result::{Read, Unreadable, is_bundle, parse_bundle, parse_report};

use super::settle::{self, Settler};
use super::workers::is_worker;
use super::{Context, Link, dead};
use crate::driver::Input;

/// Messages taken at once, and reports handed on at once: a message may carry many.
const BATCH: usize = 256;

pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let settler = Settler::start(link.session.clone());
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let (mut inputs, mut read) = (Vec::new(), 0);
        for incoming in std::mem::take(&mut batch.deliveries) {
            take_in(&context, &incoming, &mut inputs);
            read += 1;
            if inputs.len() >= BATCH {
                let first = batch.split_first(std::mem::take(&mut read));
                settler.hand_over(&context, std::mem::take(&mut inputs), first).await;
            }
        }
        if read > 0 {
            settler.hand_over(&context, inputs, batch).await;
        }
    }
}

/// What a message says, once or many times; forged reports are only counted.
fn take_in(context: &Context, incoming: &Incoming, inputs: &mut Vec<Input>) {
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
            inputs.push(Input::Dead(dead::letter("result", code, message, incoming)));
        }
    }
}

fn input(read: Read<'_>, worker: Option<Arc<str>>, incoming: &Incoming) -> Option<Input> {
    let (ticket, report) = match read {
        Ok(read) => read,
        Err((part, Unreadable { code, message })) => {
            // What is kept can be published again as it is, and so is a list too.
            let body = [b"[", part, b"]"].concat();
            return Some(Input::Dead(dead::letter_with(&body, "result", code, message, incoming)));
        }
    };
    let Ok(ticket) = ticket.parse() else {
        metrics::counter!("warrener_reports_ignored_total").increment(1);
        return None;
    };
    Some(Input::Report(Reported { ticket, report, worker, interrupted: false }))
}
