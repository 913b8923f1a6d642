use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::is_ours;

#[test]
fn only_foreign_pages_are_refused() {
    let table: &[(&[(&'static str, &'static str)], bool)] = &[
        (&[], true),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
        (&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")], false),
        (&[("origin", "null"), ("host", "127.0.0.1:8080")], false),
        // Behind a proxy that renames the host the browser still knows best.
        (&[("sec-fetch-site", "same-origin"), ("origin", "https://w.example"), ("host", "10.0.0.1")], true),
    ];
    for (headers, ours) in table {
        let pairs = headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        assert_eq!(is_ours(&pairs.collect::<HeaderMap>()), *ours, "{headers:?}");
    }
}
