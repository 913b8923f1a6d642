//! Parts of an address that all databases have in common: percent-encoding and parameters.

use std::fmt::Write as _;

/// Decodes `%XX`. Gives bytes, since a path need not be text.
///
/// # Errors
/// The fault and the remedy, if a percent sign begins no such thing or the byte is 0.
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        match digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(0) => return Err("`%00` stands in no name".to_owned()),
            Some(byte) => bytes.push(byte),
            None => return Err("a percent sign is written %25, unless two hexadecimal digits follow it".to_owned()),
        }
    }
    Ok(bytes)
}

/// Encodes bytes so that [`decoded`] reads them, for a path: letters, digits, `/`, `-`, `.`, `_` and `~` stay as they
/// are.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes all");
        }
    }
    text
}

/// Parameters of an address, by name and value, as they are written.
pub(super) fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The address without parameters of these names.
pub(super) fn without(url: &str, names: &[&str]) -> String {
    let head = url.split_once('?').map_or(url, |(head, _)| head);
    let kept = parameters(url).filter(|(name, _)| !names.contains(name));
    let pairs: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { head.to_owned() } else { format!("{head}?{}", pairs.join("&")) }
}

/// Message for a parameter that does not exist: the one that was meant, or all that there are.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let near = known.iter().min_by_key(distance).filter(|near| distance(near) <= near.len() / 3);
    match near {
        Some(near) => format!("it has an unknown parameter `{name}`; did you mean `{near}`?"),
        None => format!("it has an unknown parameter `{name}`; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back() {
        for path in ["/a b/ä%20?#&=.db", "plain-1.db", "\u{1}"] {
            let text = encoded(path.as_bytes());
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#&".contains(&byte)), "{text}");
            assert_eq!(decoded(&text).unwrap(), path.as_bytes());
        }
        assert_eq!(decoded("state dir/%C3%A4").unwrap(), "state dir/ä".as_bytes());
        for wrong in ["100%", "%2", "%zz", "%00"] {
            assert!(decoded(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        assert!(unknown("sslmod", &["host", "sslmode"]).ends_with("`sslmod`; did you mean `sslmode`?"));
        assert!(unknown("colour", &["host", "sslmode"]).ends_with("`colour`; there are host, sslmode"));
    }
}
