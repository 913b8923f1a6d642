//! The look at task queues of somebody else, apart from ours: one that never answers delays nobody, and is named.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use warrener_shared::id::QueueName;

use super::poll::{look, stands_still};
use super::{Context, Link, heal};
use crate::driver::Input;

/// Time between two looks at the queues.
const EVERY: Duration = Duration::from_secs(1);
/// Rounds that pass before a queue is looked for again.
const MISSING_ROUNDS: u64 = 5;
/// First and longest time for which a queue that did not answer is left alone.
const ALONE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// Queues that did not answer, with the time until which each is left alone, and for how long.
type Unanswered = BTreeMap<QueueName, (Instant, Duration)>;

/// Looks at the queues with unstarted attempts, and now and then for all: they take tasks only as long as they are
/// there. Goes on until the session ends.
pub(super) async fn run(context: Context, link: Link) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut rounds, mut still, mut unanswered) = (0_u64, BTreeMap::new(), Unanswered::new());
    loop {
        every.tick().await;
        let is_external = |name: &QueueName| context.shared.is_external(name);
        let mut seen = BTreeMap::new();
        let unstarted = context.shared.queues.unstarted().into_iter();
        for (no, name, upto) in unstarted.filter(|(_, name, _)| is_external(name)) {
            if is_left_alone(&unanswered, &name) {
                continue;
            }
            let found = look(&context, &link.strangers, no, &name, upto).await;
            note(&context, &mut unanswered, &name, found.is_some());
            if let Some(Some(ready)) = found {
                seen.insert(no, stands_still(&context, &name, ready, still.get(&no)));
            }
        }
        still = seen;
        rounds += 1;
        if rounds % MISSING_ROUNDS != 1 {
            continue;
        }
        let all = context.shared.queues.all().into_iter().map(|queue| (queue.no, queue.name));
        for (no, name) in all.filter(|(_, name)| is_external(name)) {
            if is_left_alone(&unanswered, &name) {
                continue;
            }
            let found = heal::prepare(&context, &link, &name).await;
            note(&context, &mut unanswered, &name, found.is_ok());
            match found {
                Ok(found) => context.input(Input::LaneFound(no, found)).await,
                Err(error) => tracing::warn!(%error, queue = %name, "the queue of somebody else cannot be bound"),
            }
        }
    }
}

fn is_left_alone(unanswered: &Unanswered, name: &QueueName) -> bool {
    unanswered.get(name).is_some_and(|(until, _)| *until > Instant::now())
}

/// Notes whether a queue answered. One that did not is asked less often each time, and a person is told.
fn note(context: &Context, unanswered: &mut Unanswered, name: &QueueName, answered: bool) {
    if answered {
        unanswered.remove(name);
    } else {
        let alone = unanswered.get(name).map_or(ALONE[0], |(_, alone)| (*alone * 2).min(ALONE[1]));
        unanswered.insert(name.clone(), (Instant::now() + alone, alone));
    }
    let address = context.shared.address(name);
    let text = format!("the queue {address} of somebody else does not answer the broker's questions: look at it there");
    context.notes.say(format!("answers of {name}"), (!answered).then_some(text));
}
