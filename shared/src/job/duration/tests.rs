use super::*;

#[test]
fn spellings_and_their_milliseconds() {
    for (text, millis) in [
        ("1h30m", 5_400_000),
        ("90s", 90_000),
        ("90m", 5_400_000),
        ("1.5h", 5_400_000),
        ("0.1s", 100),
        ("250ms", 250),
        ("1d2h3m4s5ms", 93_784_005),
        ("0.5d0.5h", 45_000_000),
        ("00090s", 90_000),
        ("0s", 0),
        ("0.0001s", 1),
        ("1.0001s", 1001),
        ("0.1d", 8_640_000),
        ("365d", 31_536_000_000),
        ("PT5M", 300_000),
        ("P1D", 86_400_000),
        ("P1DT2H3M4.5S", 93_784_500),
        ("PT0.001S", 1),
        ("PT36H", 129_600_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Millis(millis)), "{text}");
    }
}

#[test]
fn numbers_are_exact_seconds() {
    for (number, millis) in [
        ("90", 90_000),
        ("1.5", 1500),
        ("0", 0),
        ("-0", 0),
        ("-0.0e5", 0),
        ("0.0", 0),
        ("1e3", 1_000_000),
        ("1E+3", 1_000_000),
        ("15e-1", 1500),
        ("0.3", 300),
        ("1.1", 1100),
        ("4.35", 4350),
        ("1e-400", 1),
        ("0e400", 0),
        ("31536000", 31_536_000_000),
        ("0.0010000000000000000000000000001", 2),
    ] {
        assert_eq!(parse_seconds(number), Ok(Millis(millis)), "{number}");
    }
}

#[test]
fn other_texts_are_refused_with_a_way_out() {
    for text in [
        "", " ", "5", "1.5", "s", "h1", "1h1h", "1m1h", "1s1ms1s", "1.5ms", ".5s", "5.s", "1..5s", "-1s", "+1s", "1 h",
        "1H", "5min", "1w", "1h30", "1e3s", "P", "PT", "P1DT", "P1W", "P1M", "P1Y", "PT1M1H", "p1d", "PT1.5H", "P1.5D",
        "٣s", "1h\n", "1h\0", "infinity", "1_000s",
    ] {
        let error = parse_duration(text).unwrap_err();
        assert!(matches!(error, DurationError::Syntax { .. }), "{text:?}: {error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn longer_than_a_year_is_refused_however_it_is_written() {
    let digits = "9".repeat(10_000);
    for text in
        ["366d", "365d1ms", "8761h", "P366D", "365.0000000000000001d", &format!("{digits}s"), &format!("{digits}d1ms")]
    {
        let error = parse_duration(text).unwrap_err();
        assert!(matches!(error, DurationError::TooLong { .. }), "{error}");
    }
    for number in ["31536001", "31536000.0000001", "1e400", "1e99999999999999999999", &digits] {
        assert!(matches!(parse_seconds(number), Err(DurationError::TooLong { .. })));
    }
    assert!(matches!(parse_seconds("-1e-3"), Err(DurationError::Negative { .. })));
}

#[test]
fn hints_show_the_better_spelling() {
    let hint = |text: &str| parse_duration(text).unwrap_err().hint();
    assert_eq!(hint("1h 30m"), "write \"1h30m\"");
    assert_eq!(hint("5S"), "write \"5s\"");
    assert!(hint("90").contains("\"90s\""));
    assert!(hint("P1W").contains("up to days"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    for millis in [1, 999, 1000, 61_000, 3_600_000, 93_784_005, 31_536_000_000] {
        assert_eq!(parse_duration(&Millis(millis).to_string()), Ok(Millis(millis)));
    }
}
