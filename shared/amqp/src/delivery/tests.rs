use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::FieldArray;

use super::*;

fn table(entries: Vec<(&str, AMQPValue)>) -> FieldTable {
    let entries: BTreeMap<_, _> = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
    entries.into()
}

fn delivered(redelivered: bool, headers: FieldTable) -> Incoming {
    let mut delivery = lapin::message::Delivery::mock(1, "exchange".into(), "key".into(), redelivered, Vec::new());
    delivery.properties = BasicProperties::default().with_headers(headers);
    Incoming::from_lapin(delivery)
}

#[test]
fn a_count_is_believed_on_a_redelivery_only() {
    let headers = || table(vec![("x-delivery-count", AMQPValue::LongLongInt(99))]);
    assert_eq!(delivered(false, headers()).delivery_count, None);
    assert_eq!(delivered(true, headers()).delivery_count, Some(99));
    assert_eq!(delivered(true, FieldTable::default()).delivery_count, None);
    let negative = table(vec![("x-delivery-count", AMQPValue::LongInt(-1))]);
    assert_eq!(delivered(true, negative).delivery_count, None);
}

#[test]
fn the_newest_death_is_told() {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let death = |queue: &str| {
        let keys = AMQPValue::FieldArray(FieldArray::from(vec![text("key"), text("cc")]));
        AMQPValue::FieldTable(table(vec![
            ("queue", text(queue)),
            ("reason", text("expired")),
            ("exchange", text("exchange")),
            ("routing-keys", keys),
            ("count", AMQPValue::LongLongInt(3)),
        ]))
    };
    let deaths = AMQPValue::FieldArray(FieldArray::from(vec![death("newest"), death("older")]));
    let expected = DeadLettering {
        queue: "newest".to_owned(),
        reason: "expired".to_owned(),
        exchange: "exchange".to_owned(),
        routing_key: "key".to_owned(),
        count: 3,
    };
    assert_eq!(delivered(false, table(vec![("x-death", deaths)])).death, Some(expected));
}

#[test]
fn a_death_that_a_client_made_up_breaks_nothing() {
    for odd in [AMQPValue::Void, AMQPValue::FieldArray(FieldArray::default()), AMQPValue::LongString("x".into())] {
        assert_eq!(delivered(false, table(vec![("x-death", odd)])).death, None);
    }
    let empty = AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(FieldTable::default())]));
    assert_eq!(delivered(false, table(vec![("x-death", empty)])).death.map(|death| death.count), Some(1));
}
