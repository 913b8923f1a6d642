use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn due(header: DelayHeader, number: Option<i64>) -> Result<Timestamp, String> {
    due_at(number.map(Ok), header, NOW)
}

#[test]
fn a_delay_counts_from_now_and_a_time_is_a_time() {
    let delay = DelayHeader::Delay;
    assert_eq!((due(delay, None), due(delay, Some(0))), (Ok(NOW), Ok(NOW)));
    assert_eq!(due(delay, Some(5000)), Ok(Timestamp(1_005_000)));
    let time = DelayHeader::DeliveryTime;
    assert_eq!((due(time, None), due(time, Some(7))), (Ok(NOW), Ok(NOW)));
    assert_eq!(due(time, Some(1_000_007)), Ok(Timestamp(1_000_007)));
}

#[test]
fn what_is_negative_or_too_far_is_refused() {
    let year = i64::try_from(LONGEST.0).unwrap();
    for header in [DelayHeader::Delay, DelayHeader::DeliveryTime] {
        let base = if header == DelayHeader::Delay { 0 } else { NOW.0 };
        assert_eq!(due(header, Some(base + year)), Ok(Timestamp(NOW.0 + year)));
        assert!(due(header, Some(base + year + 1)).unwrap_err().contains("365 days"));
        assert!(due(header, Some(i64::MAX)).unwrap_err().contains("365 days"));
        assert!(due(header, Some(-1)).unwrap_err().contains("negative"));
    }
}

#[test]
fn what_is_no_number_is_refused_by_its_type() {
    let table = NoNumber { found: "FieldTable".to_owned() };
    let why = due_at(Some(Err(table)), DelayHeader::Delay, NOW).unwrap_err();
    assert_eq!(why, "the header x-delay is no number (its type is FieldTable)");
}
