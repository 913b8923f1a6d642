//! What the model says of a broker, as scenes that are played on the model and on a real RabbitMQ.
//!
//! A scene knows a [`Stage`] only. Where RabbitMQ may do one thing or another, a scene accepts all of them, and the
//! model does one.

mod delivering;
mod dying;
mod ending;
mod model;
mod publishing;
mod rabbit;
mod returning;
mod walk;

use self::model::Model;
use self::rabbit::Rabbit;
use crate::broker::Death;

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line(usize);

/// A consumer, with a channel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tap(usize);

/// How an exchange picks queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Direct,
    Fanout,
    /// The model has none: the simulation binds plain words only.
    Topic,
}

/// What a queue is made with. Without a connection it is a durable quorum queue.
#[derive(Clone, Copy, Debug, Default)]
struct Made {
    limit: Option<u32>,
    dead_letter: Option<(&'static str, &'static str)>,
    /// Dead letters are moved with a confirm.
    at_least_once: bool,
    exclusive: Option<Line>,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Published {
    Confirmed,
    /// No queue wanted it, which the publisher hears before the confirm.
    Returned,
    /// The channel is closed.
    Closed,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    receipt: Receipt,
    body: String,
    exchange: String,
    key: String,
    redelivered: bool,
    /// How often it was returned.
    returned: u32,
    death: Option<Death>,
}

/// What settles a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Receipt {
    tap: Tap,
    tag: u64,
}

/// What versions of RabbitMQ do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Habits {
    /// A quorum queue is in order, whatever the priority.
    ignores_priority: bool,
    /// A quorum queue that is made without a limit has none.
    has_no_limit_by_default: bool,
    /// A dead letter has not come yet, however often the message did that it was. RabbitMQ 4 says it came once more.
    begins_dead_letters_anew: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closes it.
    Closed,
    /// The network breaks.
    Cut,
}

/// A broker that scenes are played on. Names are the scene's own.
trait Stage {
    fn habits(&self) -> Habits;

    async fn connect(&mut self) -> Line;
    /// Ends a connection, once everything that was sent over it has arrived.
    async fn end(&mut self, line: Line, how: End);

    async fn exchange(&mut self, name: &str, kind: Kind, alternate: Option<&str>);
    async fn has_exchange(&mut self, name: &str) -> bool;
    async fn queue(&mut self, name: &str, made: Made);
    async fn bind(&mut self, queue: &str, exchange: &str, key: &str);
    async fn delete_queue(&mut self, name: &str);
    /// Messages that are ready in a queue; `None` if there is no such queue.
    async fn ready(&mut self, queue: &str) -> Option<usize>;
    /// Lets the broker go on until it says the same twice; the model has nothing to go on with.
    async fn wait(&mut self);

    /// Publishes a durable, mandatory message and waits for the confirm.
    async fn publish_with(&mut self, line: Line, to: (&str, &str), body: &str, priority: Option<u8>) -> Published;
    /// A consumer, unless the queue is missing.
    async fn consume(&mut self, line: Line, queue: &str, prefetch: u16) -> Option<Tap>;
    async fn cancel(&mut self, tap: Tap);
    /// The next message of a consumer.
    async fn next(&mut self, tap: Tap) -> Got;
    /// Whether nothing more comes; what does is taken.
    async fn is_silent(&mut self, tap: Tap) -> bool;

    async fn ack(&mut self, receipt: Receipt);
    /// Acknowledges this one, and all that came to the consumer before it.
    async fn ack_up_to(&mut self, receipt: Receipt);
    /// Refuses for good.
    async fn reject(&mut self, receipt: Receipt);
    /// Gives back.
    async fn release(&mut self, receipt: Receipt);
    /// Whether the channel of a consumer still is open.
    async fn is_open(&mut self, tap: Tap) -> bool;

    /// Loses power and starts again.
    async fn restart(&mut self);
    /// Loses power and disk, and starts again.
    async fn wipe(&mut self);
}

/// What scenes do often.
trait Play: Stage {
    async fn publish(&mut self, line: Line, exchange: &str, key: &str, body: &str) -> Published {
        self.publish_with(line, (exchange, key), body, None).await
    }

    /// Puts messages into a queue.
    async fn fill(&mut self, line: Line, queue: &str, bodies: &[&str]) {
        for body in bodies {
            assert_eq!(self.publish(line, "", queue, body).await, Published::Confirmed, "{body} to {queue}");
        }
    }

    async fn open(&mut self, line: Line, queue: &str, prefetch: u16) -> Tap {
        self.consume(line, queue, prefetch).await.expect("the queue is there")
    }

    async fn take(&mut self, tap: Tap, count: usize) -> Vec<Got> {
        let mut came = Vec::new();
        for _ in 0..count {
            came.push(self.next(tap).await);
        }
        came
    }

    /// Takes so many messages and acknowledges them.
    async fn drink(&mut self, tap: Tap, count: usize) -> Vec<Got> {
        let mut came = Vec::new();
        for _ in 0..count {
            let got = self.next(tap).await;
            self.ack(got.receipt).await;
            came.push(got);
        }
        came
    }

    /// Waits until so many messages are ready in a queue.
    async fn has(&mut self, queue: &str, count: usize) {
        let seen = self.comes_to(queue, count).await;
        assert_eq!(seen, Some(count), "ready in {queue}");
    }

    /// What is ready in a queue, waiting for the right count.
    async fn comes_to(&mut self, queue: &str, count: usize) -> Option<usize> {
        let mut seen = self.ready(queue).await;
        for _ in 0..LOOKS {
            if seen == Some(count) {
                break;
            }
            self.wait().await;
            seen = self.ready(queue).await;
        }
        seen
    }
}

impl<S: Stage> Play for S {}

fn bodies(came: &[Got]) -> Vec<&str> {
    came.iter().map(|got| got.body.as_str()).collect()
}

/// How often each was returned.
fn counts(came: &[Got]) -> Vec<(&str, u32)> {
    came.iter().map(|got| (got.body.as_str(), got.returned)).collect()
}

/// Scenes as tests: of the model, of a RabbitMQ that others use too, and of one that they may break.
macro_rules! scenes {
    (
        shared { $($place:ident: { $($scene:ident,)* })* }
        broken { $($broken_place:ident: { $($broken:ident,)* })* }
    ) => {
        mod on_the_model {
            $($(
                #[tokio::test]
                async fn $scene() {
                    super::$place::$scene(&mut super::Model::default()).await;
                }
            )*)*
            $($(
                #[tokio::test]
                async fn $broken() {
                    super::$broken_place::$broken(&mut super::Model::default()).await;
                }
            )*)*
        }

        mod on_rabbitmq {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $scene() {
                    let mut stage = super::Rabbit::shared().await;
                    super::$place::$scene(&mut stage).await;
                    stage.leave().await;
                }
            )*)*
        }

        mod on_a_rabbitmq_to_break {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $broken() {
                    super::$broken_place::$broken(&mut super::Rabbit::private().await).await;
                }
            )*)*
        }
    };
}

scenes! {
    shared {
        publishing: {
            a_direct_exchange_goes_by_the_exact_key,
            a_fan_out_reaches_every_queue_once,
            a_topic_bound_to_plain_words_is_as_a_direct_exchange,
            the_default_exchange_knows_queues_by_name,
            what_nobody_wants_is_returned_and_confirmed,
            what_nobody_wants_goes_to_the_alternate_as_it_is,
            an_alternate_that_is_missing_is_none,
            a_missing_exchange_closes_the_channel,
            declaring_and_binding_again_changes_nothing,
        }
        delivering: {
            messages_come_in_order,
            a_priority_reorders_at_most_between_priorities,
            the_prefetch_bounds_what_is_held,
            what_dies_of_being_given_back_makes_room_for_one_or_two,
            consumers_take_turns,
            a_full_consumer_is_passed_over,
            a_cancelled_consumer_keeps_what_it_has,
            a_missing_queue_cannot_be_consumed,
            an_acknowledgement_can_be_for_all_before_it,
            a_second_acknowledgement_closes_the_channel,
        }
        returning: {
            what_a_dead_connection_had_comes_first_and_in_order,
            a_cancelled_consumer_gives_back_with_its_connection,
            returns_are_counted_over_all_connections,
            what_is_given_back_comes_again_at_its_place,
            without_a_limit_it_comes_again_at_the_end_if_it_was_given_back,
            consumers_of_one_connection_end_one_after_the_other,
            an_acknowledged_message_never_comes_again,
        }
        dying: {
            a_rejected_message_is_a_dead_letter_with_its_story,
            one_more_than_the_limit_is_delivered,
            a_dying_connection_can_be_the_last_delivery,
            the_latest_death_is_told,
            without_an_exchange_for_dead_letters_it_is_gone,
            a_dead_letter_that_nobody_wants_is_gone,
            dead_letters_at_least_once_arrive_the_same,
            many_die_in_order,
        }
        ending: {
            an_exclusive_queue_goes_with_its_connection,
            a_deleted_queue_takes_everything_along,
            what_a_deleted_queue_handed_out_can_be_settled,
        }
        walk: {
            a_random_walk,
            another_random_walk,
            a_third_random_walk,
            a_fourth_random_walk,
            a_fifth_random_walk,
            a_sixth_random_walk,
        }
    }
    broken {
        ending: {
            what_was_confirmed_outlives_the_power,
            what_dies_with_the_power_may_be_lost,
            without_its_disk_a_broker_knows_nothing,
        }
    }
}

/// How often a count is looked at before it is wrong.
const LOOKS: u32 = 1_000;
