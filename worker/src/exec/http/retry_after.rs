//! The wait that an endpoint asks for.

use std::time::Duration;

use jiff::Timestamp;

/// Reads `Retry-After`: a number of seconds, or a date. `None` if it is neither.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    // A date that has passed means: now.
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let wait = |text| read(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait(" 120 "), Some(120));
        assert_eq!(wait("Tue, 24 Nov 2026 08:00:30 GMT"), Some(30));
        assert_eq!(wait("Tue, 24 Nov 2026 07:00:00 GMT"), Some(0));
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("soon"), None);
    }
}
