use super::*;

#[test]
fn the_brokers_text_is_read_for_both_sides() {
    for (text, wanted, found) in [
        (
            "inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received the value '20' of type \
             'signedint' but current is the value '5' of type 'signedint'",
            "x-delivery-limit 20",
            "x-delivery-limit 5",
        ),
        (
            "inequivalent arg 'x-max-length' for queue 'it's' in vhost 'a: b': received none but current is the \
             value '9' of type 'signedint'",
            "x-max-length none",
            "x-max-length 9",
        ),
        (
            "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
            "durable true",
            "durable false",
        ),
        ("unknown exchange type 'x'", "what this version declares", "unknown exchange type 'x'"),
        ("", "what this version declares", ""),
    ] {
        assert_eq!(sides(text), (wanted.to_owned(), found.to_owned()), "{text}");
    }
}
