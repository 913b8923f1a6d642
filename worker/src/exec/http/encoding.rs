//! The form in which an endpoint says that its answer is.

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use warrener_shared::wire::is_json_type;

/// Headers of an answer that describe its body.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// True if the media type is one of JSON.
    pub(super) is_json: bool,
    charset: Option<String>,
    /// Content encoding, such as `gzip`; `None` if the body is plain.
    encoding: Option<String>,
}

/// Reads the headers.
pub(super) fn of(headers: &HeaderMap) -> Form {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = text(CONTENT_TYPE).unwrap_or_default();
    let parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset =
        parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value).next();
    let charset = charset.map(|value| value.trim().trim_matches('"').to_ascii_lowercase());
    let encoding = text(CONTENT_ENCODING).map(|value| value.trim().to_ascii_lowercase());
    Form {
        is_json: is_json_type(media_type),
        charset: charset.filter(|name| !UTF_8.contains(&name.as_str())),
        encoding: encoding.filter(|name| !name.is_empty() && name != "identity"),
    }
}

impl Form {
    /// Refuses a body that would be misread, with the name of its form.
    pub(super) fn admit(&self, body: &[u8]) -> Result<(), String> {
        if let Some(encoding) = &self.encoding {
            return Err(format!("the encoding {encoding:?}; none is asked for and none is read"));
        }
        match &self.charset {
            // Its first half is ASCII: what keeps to that reads the same.
            Some(charset) if body.is_ascii() && EXTENDS_ASCII.iter().any(|start| charset.starts_with(start)) => Ok(()),
            Some(charset) => Err(format!("the charset {charset:?}; only utf-8 is read")),
            None => Ok(()),
        }
    }
}

/// Names of what is read.
const UTF_8: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];
/// First letters of the charsets that share their first 128 characters with UTF-8.
const EXTENDS_ASCII: [&str; 4] = ["iso-8859-", "iso8859-", "latin", "windows-125"];
