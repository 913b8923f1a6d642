use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_address_that_fails_is_left_alone_longer_each_time_and_others_are_not() {
    let mut replies = Replies::default();
    replies.note_page((1..=50).map(|no| (no, "full".to_owned())).collect(), 1_000);
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let page = replies.page_of("full", now);
        assert_eq!(page.len(), if waits.is_empty() { 50 } else { 1 }, "after a failure one is tried");
        page.iter().for_each(|no| replies.send_waiting(*no, "full", 1));
        replies.failed(&page, now);
        assert!(replies.due_addresses(now).is_empty());
        assert!(replies.send(100, "well", 1, now), "another address has nothing to do with it");
        replies.arrived(&[100]);
        replies.forgotten();
        let begun = now;
        while replies.due_addresses(now).is_empty() {
            now += at(1);
        }
        waits.push((now - begun).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    // Once it takes something it gets more and more.
    for expected in [1, 2, 4, 8] {
        let page = replies.page_of("full", now);
        assert_eq!(page.len(), expected);
        page.iter().for_each(|no| replies.send_waiting(*no, "full", 1));
        replies.arrived(&page);
        assert_eq!(replies.take_freed().len(), 1);
    }
}

#[test]
fn what_is_on_its_way_is_bounded_in_number_and_size() {
    let mut replies = Replies::default();
    let sent = (1..=2_000).filter(|no| replies.send(*no, "one", 1, at(0))).count();
    assert_eq!(sent, ADDRESS_MAX);
    let sent = (3_000..9_000).filter(|no| replies.send(*no, &format!("q{}", no % 100), 1, at(0))).count();
    assert_eq!(sent, UNDERWAY_MAX - ADDRESS_MAX);
    let mut replies = Replies::default();
    let sent = (1..=200).filter(|no| replies.send(*no, "large", 1024 * 1024, at(0))).count();
    assert_eq!(sent, 8);
}

#[test]
fn an_answer_goes_once_at_a_time_and_in_order() {
    let mut replies = Replies::default();
    assert!(replies.send(1, "q", 1, at(0)));
    assert!(!replies.send(1, "q", 1, at(0)));
    let unread = replies.note_page(vec![(1, "q".to_owned()), (2, "q".to_owned())], 2);
    assert_eq!((unread, replies.page_of("q", at(0))), (Some(2), vec![2]));
    assert!(!replies.send(3, "q", 1, at(0)), "another waits before it");
    replies.arrived(&[1]);
    assert!(!replies.send(1, "q", 1, at(0)), "it is there, and only not forgotten yet");
    assert_eq!(replies.given().collect::<Vec<_>>(), [1]);
    replies.reconnected();
    let unread = replies.note_page(vec![(1, "q".to_owned()), (2, "q".to_owned())], 1_000);
    assert_eq!((unread, replies.page_of("q", at(0))), (None, vec![2]));
}
