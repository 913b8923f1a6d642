//! The pulse of the broker: it is asked each second beside everything else, and destinations that are late are noted.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use warrener_amqp::{LateDestination, Publisher};

use super::{Context, Link};

/// Renews readiness as long as the broker answers on both connections and takes messages.
pub(super) async fn run(context: Context, link: Link) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut answered, mut named) = (Instant::now(), BTreeSet::new());
    loop {
        every.tick().await;
        match link.session.ping(LIMIT).await {
            Ok(()) => {
                answered = Instant::now();
                context.troubles.set("answers", None);
            }
            Err(_) => {
                let why = format!("the broker has not answered for {} s", answered.elapsed().as_secs().max(1));
                context.troubles.set("answers", Some(why));
            }
        }
        let blocked = link.session.is_blocked();
        context.troubles.set("alarm", blocked.map(|reason| format!("the broker takes no messages: {reason}")));
        context.troubles.set("queues", dead_queues(&context, &link));
        context.troubles.tell(&context.shared.health);
        let mut notes = context.notes.all();
        show(&context, &link, &mut notes, &mut named);
        context.shared.health.set_notes("broker", notes);
    }
}

/// Trouble of task queues of ours that take nothing; `None` if all take. Queues of others make nobody unready.
fn dead_queues(context: &Context, link: &Link) -> Option<String> {
    let late = link.tasks.late();
    let is_ours = |one: &&LateDestination| one.key.parse().is_ok_and(|queue| context.shared.external(&queue).is_none());
    let dead: Vec<&str> = late.iter().filter(is_ours).map(|one| one.key.as_str()).collect();
    (!dead.is_empty()).then(|| format!("the broker confirms nothing to the task queue {}", dead.join(", ")))
}

/// Shows the age of what is not confirmed, in metrics and notes. `named` are the addresses that metrics name.
fn show(context: &Context, link: &Link, notes: &mut Vec<String>, named: &mut BTreeSet<String>) {
    let oldest = |class: &'static str, publisher: &Publisher| {
        let late = publisher.late();
        let longest = late.iter().map(|one| one.since).max();
        let age = publisher.oldest_unconfirmed().max(longest).unwrap_or_default();
        metrics::gauge!("warrener_unconfirmed_seconds", "class" => class).set(age.as_secs_f64());
        metrics::gauge!("warrener_late_destinations", "class" => class).set(late.len() as f64);
        late
    };
    for late in oldest("tasks", &link.tasks).into_iter().take(SHOWN) {
        let queue = late.key.parse().ok();
        if let Some(address) = queue.as_ref().and_then(|queue| context.shared.external(queue)) {
            let seconds = late.since.as_secs();
            notes.push(format!("the queue {address} has taken no task for {seconds} s: look at it at the broker"));
        }
    }
    if let Some(late) = oldest("events", &link.events).first() {
        let seconds = late.since.as_secs();
        notes.push(format!("a queue bound to {} has taken no event for {seconds} s", late.exchange));
    }
    let late: Vec<_> = oldest("answers", &link.replies).into_iter().take(SHOWN).collect();
    let gone = |address: &&String| late.iter().all(|one| one.key != **address);
    for address in named.iter().filter(gone) {
        metrics::gauge!("warrener_late_address_seconds", "address" => address.clone()).set(0.0);
    }
    *named = late.iter().map(|one| one.key.clone()).collect();
    for late in late {
        let seconds = late.since.as_secs();
        notes.push(format!("the queue {} has taken no answer for {seconds} s: look at it at the broker", late.key));
        metrics::gauge!("warrener_late_address_seconds", "address" => late.key).set(late.since.as_secs_f64());
    }
}

/// Time between two questions to the broker.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time that the broker may take to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// Most addresses of others that are shown by name.
const SHOWN: usize = 20;
