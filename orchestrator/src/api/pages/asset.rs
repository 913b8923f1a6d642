//! Files that pages refer to, compiled in. Each has its hash in its name, so that a browser keeps it for good.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use sha2::{Digest as _, Sha256};

use super::super::app::App;
use super::super::path::PathText;
use super::super::problem::Problem;
use super::encoding::{gzip, takes_gzip};

/// A file as it is served.
#[derive(Debug)]
pub(super) struct Asset {
    /// Name with the hash.
    pub(super) name: String,
    sort: &'static str,
    bytes: &'static [u8],
    packed: Option<Vec<u8>>,
    etag: HeaderValue,
}

/// All files.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) live: Asset,
    pub(super) htmx: Asset,
    pub(super) icon: Asset,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files, hashed and packed once.
pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("assets/style.css")),
    script: Asset::new("pages", "js", SCRIPT, include_bytes!("assets/pages.js")),
    live: Asset::new("live", "js", SCRIPT, include_bytes!("assets/live.js")),
    htmx: Asset::new("htmx", "js", SCRIPT, include_bytes!("assets/vendor/htmx.min.js")),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")),
});

impl Asset {
    fn new(stem: &str, end: &str, sort: &'static str, bytes: &'static [u8]) -> Self {
        let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).expect("digits are plain text");
        Self { name: format!("{stem}-{hash}.{end}"), sort, bytes, packed: gzip(bytes, Compression::best()), etag }
    }

    /// Bytes that go over the wire to a browser.
    #[cfg(test)]
    pub(super) fn sent(&self) -> usize {
        self.packed.as_ref().map_or(self.bytes.len(), Vec::len)
    }
}

impl Assets {
    pub(super) fn all(&self) -> [&Asset; 5] {
        [&self.style, &self.script, &self.live, &self.htmx, &self.icon]
    }
}

pub(super) async fn get(
    State(_): State<Arc<App>>,
    PathText(name): PathText<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = ASSETS.all().into_iter().find(|asset| asset.name == name);
    let Some(asset) = asset else {
        let name: String = name.chars().take(100).collect();
        return Err(Problem::not_found(format!("there is no file {name:?}; load the page again")));
    };
    let kept = [
        (header::ETAG, asset.etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == asset.etag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let sort = [(header::CONTENT_TYPE, HeaderValue::from_static(asset.sort))];
    Ok(match asset.packed.as_deref().filter(|_| takes_gzip(&headers)) {
        Some(packed) => {
            let packing = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (kept, sort, packing, Body::from(packed)).into_response()
        }
        None => (kept, sort, Body::from(asset.bytes)).into_response(),
    })
}
