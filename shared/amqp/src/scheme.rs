//! Words for the oldest mistake with an address: TLS where there is none, and none where there is.

/// Suggests another scheme or port for an address at which a connection failed for this reason.
pub(crate) fn hint(url: &str, why: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| why.to_ascii_lowercase().contains(word));
    if url.starts_with("amqps://") {
        if says(&["invalidcontenttype", "corrupt message"]) {
            return Some("this port speaks without TLS: write amqp://, or name the port for TLS, usually 5671");
        }
        return says(&["peer certificate"]).then_some(
            "the certificate is of no authority that is known here: name the file of yours with ?cacertfile=, and the \
             host as the certificate does",
        );
    }
    let is_torn = says(&["reset", "pars", "unexpected end of file", "eof", "aborted", "invalid data"]);
    is_torn.then_some("if this port speaks TLS, write amqps://; without TLS brokers usually listen on 5672")
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn a_wrong_scheme_is_named() {
        let plain = "a:5672: opening a connection: IO error: received corrupt message of type InvalidContentType";
        assert!(hint("amqps://u:p@a:5672", plain).is_some_and(|hint| hint.contains("amqp://")));
        let unknown = "a:5671: opening a connection: IO error: invalid peer certificate: UnknownIssuer";
        assert!(hint("amqps://u:p@a:5671", unknown).is_some_and(|hint| hint.contains("cacertfile")));
        for torn in ["IO error: Connection reset by peer (os error 104)", "failed to parse: ParsingError"] {
            assert!(hint("amqp://u:p@a:5671", torn).is_some_and(|hint| hint.contains("amqps://")), "{torn}");
        }
        assert_eq!(hint("amqp://u:p@a", "IO error: Connection refused (os error 111)"), None);
    }
}
