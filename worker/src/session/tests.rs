//! Stories: each line is what happens `|` what the session answers. `world` runs random ones against a model broker.

mod story;
mod world;

use self::story::{Teller, check};

#[test]
fn a_task_is_worked_on_reported_and_acknowledged() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        end t1 ok              | send t1 succeeded
        tick                   |
        confirm t1             | ack d1
        ",
    );
}

#[test]
fn failures_are_reported_like_successes() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        end t1 failed          | send t1 failed
        confirm t1             | ack d1
        ",
    );
}

#[test]
fn surplus_takes_the_next_free_slot_in_the_order_of_the_queues() {
    check(
        "slots 1, queues a b",
        "
        open                   | consume a#1 1; consume b#2 1
        deliver t1 b#2         | start t1
        deliver t2 b#2         |
        deliver t3 a#1         |
        end t1 ok              | send t1 succeeded; start t3
        end t3 ok              | send t3 succeeded; start t2
        confirm t3             | ack d3
        confirm t1             | ack d1
        ",
    );
}

#[test]
fn a_refused_result_is_sent_again() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        end t1 ok              | send t1 succeeded
        refuse t1              |
        tick                   | send t1 succeeded
        confirm t1 1           |
        confirm t1             | ack d1
        ",
    );
}

#[test]
fn a_kept_result_is_sent_on_the_next_connection_and_acknowledges_nothing_old() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2             | start t2
        end t1 ok              | send t1 succeeded
        lost                   |
        end t2 failed          |
        confirm t1             |
        open                   | send t1 succeeded; send t2 failed
        confirm t1             | consume a#2 1
        confirm t2             | cancel a#2; consume a#3 2
        ",
    );
}

#[test]
fn a_ticket_that_comes_again_attaches_to_what_runs() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        lost                   |
        open                   | consume a#2 1
        deliver t1 a#2 earlier 1 |
        end t1 ok              | send t1 succeeded
        confirm t1             | ack d2
        ",
    );
}

#[test]
fn a_ticket_that_comes_after_its_end_gets_the_same_answer() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        end t1 ok              | send t1 succeeded
        deliver t1 earlier 1   |
        confirm t1             | ack d1; ack d2
        deliver t1             | send t1 succeeded
        confirm t1             | ack d3
        ",
    );
}

#[test]
fn a_ticket_published_twice_runs_once() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2             | start t2
        deliver t3             |
        deliver t3             |
        end t1 ok              | send t1 succeeded; start t3
        end t3 ok              | send t3 succeeded
        confirm t3             | ack d3; ack d4
        ",
    );
}

#[test]
fn an_unknown_kind_goes_back_and_is_no_hot_loop() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1 kind tea    | send t1 released unknown_kind
        confirm t1             | ack d1
        ",
    );
}

#[test]
fn the_answer_goes_where_the_task_says() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1 to theirs   | start t1
        end t1 ok              | send t1 succeeded to theirs
        confirm t1             | ack d1
        deliver t1 to theirs   | send t1 succeeded to theirs
        ",
    );
}

#[test]
fn a_suspect_is_not_begun() {
    check(
        "slots 4",
        "
        open                   | consume a#1 4
        deliver t1 earlier 1   | start t1/2
        deliver t2 earlier 2   | send t2 released suspect 2
        deliver t3 earlier 7   | send t3 released suspect 7
        confirm t2             | ack d2
        deliver t4 alone 2 earlier 1 | send t4 released suspect 3
        ",
    );
}

#[test]
fn a_suspect_is_worked_on_alone() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2             | start t2
        deliver t3             |
        deliver t4 alone 2     | send t3 released; cancel a#1
        confirm t3             | ack d3
        deliver t5             | send t5 released
        confirm t5             | ack d5
        end t1 ok              | send t1 succeeded
        confirm t1             | ack d1
        end t2 ok              | send t2 succeeded; send t4 progress
        confirm t2             | ack d2
        deliver t6 alone 2     | send t6 released 2
        confirm t6             | ack d6
        confirm t4             | start t4/3
        end t4 ok              | send t4 succeeded; consume a#2 1
        confirm t4             | ack d4
        tick                   | cancel a#2; consume a#3 2
        ",
    );
}

#[test]
fn claimed_neighbours_of_a_suspect_are_not_waited_for() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        at 30s                 |
        deliver t2 alone 2     | cancel a#1
        at 60s                 | send t1 claimed
        confirm t1             | send t2 progress; ack d1
        confirm t2             | start t2/3
        ",
    );
}

#[test]
fn a_lone_ticket_survives_a_lost_connection_once_announced() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1 alone 2     | send t1 progress; cancel a#1
        lost                   |
        open                   | send t1 progress
        confirm t1             | start t1/3
        end t1 ok              | send t1 succeeded; consume a#2 1
        ",
    );
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2 alone 2     | cancel a#1
        lost                   |
        open                   | consume a#2 2
        ",
    );
}

#[test]
fn a_claim_takes_the_place_away_before_it_acknowledges() {
    check(
        "slots 4",
        "
        open                   | consume a#1 4
        deliver t1             | start t1
        deliver t2             | start t2
        at 59s                 |
        end t2 ok              | send t2 succeeded
        confirm t2             | ack d2
        deliver t3             | start t3
        at 60s                 | send t1 claimed
        refuse t1              |
        at 61s                 | send t1 claimed
        confirm t1             | cancel a#1; consume a#2 2; ack d1
        end t3 ok              | send t3 succeeded
        confirm t3             | ack d3
        tick                   | cancel a#2; consume a#3 3
        end t1 ok              | send t1 succeeded
        confirm t1             | cancel a#3; consume a#4 4
        ",
    );
}

#[test]
fn places_that_come_free_behind_a_claim_get_consumers_of_their_own() {
    check(
        "slots 3",
        "
        open                   | consume a#1 3
        deliver t1             | start t1
        at 1s                  |
        deliver t2             | start t2
        deliver t3             | start t3
        at 60s                 | send t1 claimed
        confirm t1             | cancel a#1; ack d1
        end t2 ok              | send t2 succeeded
        confirm t2             | ack d2
        tick                   | consume a#2 1
        deliver t4 a#2         | start t4
        end t3 ok              | send t3 succeeded
        confirm t3             | ack d3
        tick                   | consume a#3 1
        end t4 ok              | send t4 succeeded
        confirm t4             | ack d4
        tick                   | cancel a#2; cancel a#3; consume a#4 2
        ",
    );
}

#[test]
fn when_every_slot_is_claimed_nothing_is_held_behind() {
    check(
        "slots 1, queues a b",
        "
        open                   | consume a#1 1; consume b#2 1
        deliver t1             | start t1
        deliver t2 b#2         |
        at 60s                 | send t1 claimed
        confirm t1             | cancel a#1; send t2 released; cancel b#2; ack d1
        confirm t2             | ack d2
        deliver t3 b#2         | send t3 released
        confirm t3             | ack d3
        end t1 ok              | send t1 succeeded
        confirm t1             | consume a#3 1; consume b#4 1
        ",
    );
}

#[test]
fn a_claimed_delivery_that_comes_again_is_settled_at_once() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        at 60s                 | send t1 claimed
        confirm t1             | cancel a#1; consume a#2 1; ack d1
        deliver t1 a#2 earlier 1 | ack d2
        lost                   |
        open                   | consume a#3 1
        end t1 ok              | send t1 succeeded
        ",
    );
}

#[test]
fn an_unconfirmed_claim_is_made_again_once_the_delivery_is_back() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        at 60s                 | send t1 claimed
        lost                   |
        confirm t1             |
        open                   | consume a#2 1
        at 61s                 |
        deliver t1 a#2 earlier 1 |
        at 62s                 | send t1 claimed
        confirm t1             | cancel a#2; ack d2
        ",
    );
}

#[test]
fn a_cancelled_attempt_is_stopped_and_reports_nothing() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        deliver t2             |
        cancel t1 t2           | stop t1; ack d2
        cancel t1              |
        end t1 interrupted     | ack d1
        deliver t1 earlier 1   | ack d3
        ",
    );
}

#[test]
fn a_cancelled_attempt_is_named_until_it_has_ended() {
    let mut teller = Teller::new("slots 1");
    let named = ["open", "deliver t1", "cancel t1", "lost", "end t1 interrupted"].map(|event| {
        teller.tell(event);
        teller.tickets()
    });
    assert_eq!(named, [vec![], vec!["t1"], vec!["t1"], vec!["t1"], vec![]]);
}

#[test]
fn a_delivery_after_its_cancel_is_dropped() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        cancel t1              |
        deliver t1             | ack d1
        deliver t2             | start t2
        end t2 ok              | send t2 succeeded
        cancel t2              | ack d2
        confirm t2             |
        ",
    );
}

#[test]
fn a_drain_hands_back_what_has_not_begun_and_waits_for_the_rest() {
    check(
        "slots 1",
        "
        open                   | consume a#1 1
        deliver t1             | start t1
        deliver t2             |
        drain                  | send t2 released; cancel a#1
        deliver t3             | send t3 released
        drain                  |
        confirm t2             | ack d2
        end t1 ok              | send t1 succeeded
        confirm t3             | ack d3
        confirm t1             | ack d1; leave
        ",
    );
}

#[test]
fn when_the_grace_is_over_the_rest_is_stopped_and_handed_back() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2             | start t2
        drain                  | cancel a#1
        graceover              | stop t1; stop t2
        end t1 interrupted     | send t1 released
        end t2 ok              | send t2 succeeded
        confirm t1             | ack d1
        confirm t2             | ack d2; leave
        ",
    );
}

#[test]
fn a_drain_with_nothing_in_hand_leaves_at_once() {
    check("slots 2", "drain | leave");
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1 alone 2     | send t1 progress; cancel a#1
        drain                  | send t1 released
        confirm t1             | ack d1; leave
        ",
    );
}

#[test]
fn a_release_dies_with_its_delivery_but_a_claimed_one_is_kept() {
    check(
        "slots 3",
        "
        open                   | consume a#1 3
        deliver t1             | start t1
        at 60s                 | send t1 claimed
        confirm t1             | cancel a#1; consume a#2 2; ack d1
        deliver t2 a#2         | start t2
        drain                  | cancel a#2
        graceover              | stop t1; stop t2
        lost                   |
        end t1 interrupted     |
        end t2 interrupted     |
        open                   | send t1 released; send t2 released
        confirm t1             |
        confirm t2             | leave
        ",
    );
}

#[test]
fn a_task_that_found_no_room_goes_back_and_none_is_taken_for_a_while() {
    check(
        "slots 2",
        "
        open                   | consume a#1 2
        deliver t1             | start t1
        deliver t2             | start t2
        deliver t3             |
        end t1 noroom          | send t1 released no_resources; send t3 released; cancel a#1
        confirm t1             | ack d1
        confirm t3             | ack d3
        tick                   |
        end t2 noroom          | send t2 released no_resources
        confirm t2             | ack d2
        at 1s                  | consume a#2 2
        deliver t4 a#2         | start t4
        end t4 noroom          | send t4 released no_resources; cancel a#2
        confirm t4             | ack d4
        at 2s                  |
        at 3s                  | consume a#3 2
        deliver t5 a#3         | start t5
        end t5 ok              | send t5 succeeded
        confirm t5             | ack d5
        ",
    );
}

#[test]
fn a_consumer_that_gets_nothing_any_more_is_replaced_and_what_it_brought_goes_on() {
    check(
        "slots 3, queues a b",
        "
        open                   | consume a#1 3; consume b#2 3
        deliver t1 a#1         | start t1
        silence a#1            | cancel a#1; consume a#3 2
        deliver t2 a#3         | start t2
        end t1 ok              | send t1 succeeded
        confirm t1             | ack d1
        tick                   | consume a#4 1
        ",
    );
}
