//! Text as a part of a URL, and bytes made smaller for the way.

use std::fmt::Write as _;
use std::io::Write as _;

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes that are not worth the work.
const SMALL: usize = 1_024;

/// A text as it may stand in a path or in a value of a query.
pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => write!(out, "%{other:02X}").expect("text grows"),
        }
        out
    })
}

/// Tells whether whoever asks reads gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip
            && !parts.any(|part| part.replace(' ', "").trim_start_matches("q=0").trim_matches(['.', '0']).is_empty())
    })
}

/// The bytes as gzip, where that makes them smaller.
pub(super) fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    if bytes.len() < SMALL {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes).expect("memory takes everything");
    let packed = encoder.finish().expect("memory takes everything");
    (packed.len() < bytes.len()).then_some(packed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_url_would_read_otherwise_is_escaped() {
        assert_eq!(percent("a-b.c_d~9"), "a-b.c_d~9");
        assert_eq!(percent("../ü?&#%\"<"), "..%2F%C3%BC%3F%26%23%25%22%3C");
    }

    #[test]
    fn gzip_is_for_those_who_read_it() {
        for (accepted, is_taken) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=1.0, identity", true),
            ("gzip;q=0", false),
            ("gzip; q=0.00", false),
            ("br", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", HeaderValue::from_static(accepted));
            assert_eq!(takes_gzip(&headers), is_taken, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
