use std::collections::BTreeMap;

use lapin::types::FieldArray;

use super::*;

fn with(headers: Vec<(&str, AMQPValue)>) -> BasicProperties {
    let headers: BTreeMap<_, _> = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
    BasicProperties::default().with_headers(headers.into())
}

#[test]
fn everything_comes_back_as_it_was() {
    let mut inner = FieldTable::default();
    inner.insert("deep".into(), AMQPValue::Double(1.5));
    let list: FieldArray = vec![AMQPValue::Void, AMQPValue::Boolean(true), AMQPValue::FieldTable(inner)].into();
    let all = with(vec![
        ("x-delay", AMQPValue::LongInt(5000)),
        ("x-mine", AMQPValue::FieldArray(list)),
        ("when", AMQPValue::Timestamp(7)),
        ("bytes", AMQPValue::LongString(vec![0xff, 0].into())),
    ]);
    let all = all.with_type("order".into()).with_timestamp(9).with_app_id("shop".into()).with_priority(3);
    let kept = Properties::of(&all);
    assert_eq!(kept, Properties(all));
    assert_eq!(Properties::from_bytes(&kept.to_bytes()), Some(kept));
    assert_eq!(Properties::from_bytes(&Properties::default().to_bytes()), Some(Properties::default()));
    assert_eq!(Properties::from_bytes(b"\xff\xff\xff"), None);
}

#[test]
fn what_the_broker_adds_and_refuses_does_not_go_on() {
    let came = with(vec![("x-delivery-count", AMQPValue::LongLongInt(3))]).with_user_id("somebody".into());
    assert_eq!(Properties::of(&came), Properties::default());
}

#[test]
fn a_number_is_read_from_every_type_that_clients_use() {
    let of = |value| Properties::of(&with(vec![("x-delay", value)])).number("x-delay");
    for value in [
        AMQPValue::LongInt(5000),
        AMQPValue::LongLongInt(5000),
        AMQPValue::ShortUInt(5000),
        AMQPValue::Double(4999.5),
        AMQPValue::Float(5000.0),
        AMQPValue::LongString("5000".into()),
    ] {
        assert_eq!(of(value.clone()), Some(Ok(5000)), "{value:?}");
    }
    assert_eq!(of(AMQPValue::LongInt(-1)), Some(Ok(-1)));
    for value in [AMQPValue::LongString("soon".into()), AMQPValue::FieldTable(FieldTable::default()), AMQPValue::Void] {
        assert!(matches!(of(value.clone()), Some(Err(_))), "{value:?}");
    }
    assert!(matches!(of(AMQPValue::Double(f64::NAN)), Some(Err(_))));
    assert_eq!(Properties::of(&BasicProperties::default()).number("x-delay"), None);
}
