use lapin::types::{ByteArray, FieldArray, LongString};

use super::*;

fn table(entries: Vec<(&str, AMQPValue)>) -> FieldTable {
    let entries: BTreeMap<_, _> = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
    entries.into()
}

#[test]
fn headers_of_every_type_are_read() {
    let nested = AMQPValue::FieldArray(FieldArray::from(vec![
        AMQPValue::LongInt(1),
        AMQPValue::FieldTable(table(vec![("a", AMQPValue::Void)])),
    ]));
    let cases = [
        (AMQPValue::Boolean(true), Header::Bool(true)),
        (AMQPValue::ShortShortInt(-1), Header::Int(-1)),
        (AMQPValue::ShortShortUInt(255), Header::Int(255)),
        (AMQPValue::ShortInt(-2), Header::Int(-2)),
        (AMQPValue::ShortUInt(65_535), Header::Int(65_535)),
        (AMQPValue::LongInt(-3), Header::Int(-3)),
        (AMQPValue::LongUInt(u32::MAX), Header::Int(4_294_967_295)),
        (AMQPValue::LongLongInt(i64::MIN), Header::Int(i64::MIN)),
        (AMQPValue::Timestamp(1_700_000_000), Header::Int(1_700_000_000)),
        (AMQPValue::Timestamp(u64::MAX), Header::Other("Timestamp".to_owned())),
        (AMQPValue::LongString("ü".into()), Header::Text("ü".to_owned())),
        (AMQPValue::ShortString("s".into()), Header::Text("s".to_owned())),
        (AMQPValue::LongString(LongString::from(vec![0xff])), Header::Other("1 bytes that are not UTF-8".to_owned())),
        (AMQPValue::Double(1.5), Header::Other("1.5".to_owned())),
        (AMQPValue::Void, Header::Other("nothing".to_owned())),
        (AMQPValue::ByteArray(ByteArray::from(vec![1, 2])), Header::Other("2 bytes".to_owned())),
        (nested, Header::Other("[1, a table of 1]".to_owned())),
    ];
    for (value, expected) in cases {
        assert_eq!(header(&value), expected);
    }
}

#[test]
fn a_description_stays_short() {
    let value = AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::LongString("x".repeat(900).into()); 10_000]));
    let Header::Other(text) = header(&value) else { panic!("a list is no text") };
    assert_eq!(text.chars().count(), DESCRIPTION);
}

#[test]
fn persistence_and_expiration_keep_their_meaning() {
    for persistent in [true, false] {
        let message = Message { persistent, expiration_ms: Some(5), ..Message::default() };
        let (properties, body) = into_parts(message.clone()).unwrap();
        assert_eq!(properties.delivery_mode(), &Some(if persistent { 2 } else { 1 }));
        assert_eq!(from_parts(&properties, body), message);
    }
    assert!(!from_parts(&BasicProperties::default(), Vec::new()).persistent);
    let odd = BasicProperties::default().with_expiration("soon".into());
    assert_eq!(from_parts(&odd, Vec::new()).expiration_ms, None);
}

#[test]
fn what_amqp_cannot_carry_is_named() {
    let mut message = Message::json("kind", Vec::new());
    message.message_id = Some("i".repeat(256));
    let error = into_parts(message).unwrap_err();
    assert_eq!(error.to_string(), "message_id of 256 bytes: AMQP allows 255");
    let mut message = Message::json("kind", Vec::new());
    message.set_int(&"h".repeat(300), 1);
    assert_eq!(into_parts(message).unwrap_err().to_string(), "the name of a header of 300 bytes: AMQP allows 255");
}
