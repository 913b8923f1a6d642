//! Reports of workers.

use std::sync::Arc;

use warrener_amqp::{Consumer, Incoming};
use warrener_engine::event::Reported;
use warrener_shared::wire::result::{Report, Unreadable, is_bundle, parse_bundle, parse_report};

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

/// What a message says; forged reports are only counted.
fn take_in(context: &Context, incoming: &Incoming, inputs: &mut Vec<Input>) {
    let message = &incoming.message;
    let worker: Option<Arc<str>> = message.header_text("worker").filter(|id| is_worker(id)).map(Arc::from);
    let mut take = |ticket: &str, report: Report| match ticket.parse() {
        Ok(ticket) => {
            inputs.push(Input::Report(Reported { ticket, report, worker: worker.clone(), interrupted: false }))
        }
        Err(_) => metrics::counter!("warrener_reports_ignored_total").increment(1),
    };
    let mut unreadable = Vec::new();
    if is_bundle(message) {
        match parse_bundle(message, &context.limits) {
            Ok(reports) => {
                for read in reports {
                    match read {
                        Ok((ticket, report)) => take(&ticket, report),
                        Err((part, why)) => unreadable.push((Some(part.to_vec()), why)),
                    }
                }
            }
            Err(why) => unreadable.push((None, why)),
        }
    } else {
        match parse_report(message, &context.limits) {
            Ok((ticket, report)) => take(ticket, report),
            Err(why) => unreadable.push((None, why)),
        }
    }
    for (part, Unreadable { code, message }) in unreadable {
        let mut letter = dead::letter("result", code, message, incoming);
        if let Some(part) = part {
            (letter.size, letter.body) = (part.len(), part);
        }
        inputs.push(Input::Dead(letter));
    }
}
