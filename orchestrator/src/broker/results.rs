//! Reports of workers.

use std::sync::Arc;

use warrener_amqp::{Consumer, Incoming};
use warrener_engine::event::Reported;
use warrener_shared::wire::result::parse_report;

use super::settle::{self, Settler};
use super::workers::is_worker;
use super::{Context, Link, dead};
use crate::driver::Input;

/// Reports taken at once.
const BATCH: usize = 256;

pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let settler = Settler::start(link.session.clone());
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let inputs = std::mem::take(&mut batch.deliveries).into_iter().filter_map(|one| input(&context, one));
        let inputs = inputs.collect();
        settler.hand_over(&context, inputs, batch).await;
    }
}

/// What a message says; `None` if it is forged, which is only counted.
fn input(context: &Context, incoming: Incoming) -> Option<Input> {
    let (ticket, report) = match parse_report(&incoming.message, &context.limits) {
        Ok(read) => read,
        Err(unreadable) => {
            return Some(Input::Dead(dead::letter("result", unreadable.code, unreadable.message, &incoming)));
        }
    };
    let Ok(ticket) = ticket.parse() else {
        metrics::counter!("warrener_reports_ignored_total").increment(1);
        return None;
    };
    let worker = incoming.message.header_text("worker").filter(|id| is_worker(id)).map(Arc::from);
    Some(Input::Report(Reported { ticket, report, worker, interrupted: false }))
}
