//! Reports of workers.

use std::sync::Arc;
use std::time::Duration;

use warrener_amqp::{Consumer, Incoming};
use warrener_engine::event::Reported;
use warrener_shared::wire::result::parse_report;

use super::settle::Settler;
use super::{Context, Link, dead};
use crate::driver::Input;

/// Reports taken at once.
const BATCH: usize = 256;

pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let settler = Settler::start(link.session.clone());
    loop {
        let mut batch = match consumer.next_batch(BATCH, Duration::ZERO).await {
            Ok(batch) => batch,
            Err(error) => return link.session.break_with(error),
        };
        let inputs = std::mem::take(&mut batch.deliveries).into_iter().map(|incoming| input(&context, incoming));
        let inputs = inputs.collect();
        settler.hand_over(&context, inputs, batch).await;
    }
}

fn input(context: &Context, incoming: Incoming) -> Input {
    match parse_report(&incoming.message, &context.limits) {
        Ok((ticket, report)) => match ticket.parse() {
            Ok(ticket) => {
                let worker = incoming.message.header_text("worker").map(Arc::from);
                Input::Report(Reported { ticket, report, worker })
            }
            Err(error) => Input::Dead(dead::letter("result", "invalid_ticket", error.to_string(), &incoming)),
        },
        Err(unreadable) => Input::Dead(dead::letter("result", unreadable.code, unreadable.message, &incoming)),
    }
}
