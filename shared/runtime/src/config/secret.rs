//! Secrets that live in files of their own, and hiding them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::origin::Origin;
use super::problem::ConfigProblem;
use super::schema::Secrecy;

/// The secret in a file, without the line break at its end.
pub(super) fn read(name: &str, file: &str, origin: &Origin) -> Result<String, ConfigProblem> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let mode = std::fs::metadata(file).map(|about| format!(" (mode {:04o})", about.permissions().mode() & 0o7777));
        let message = format!("reading the secret {name}: {file}{}: {error}", mode.unwrap_or_default());
        ConfigProblem::new(message, origin).hint(hint(Path::new(file)))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn hint(file: &Path) -> &'static str {
    if file.exists() {
        return "the user of this process must be able to read it: chmod 0444 the file inside a 0700 directory";
    }
    "the file is not there: create it, or correct the path"
}

/// The value as it may be shown.
pub(super) fn mask(secrecy: Secrecy, shown: String) -> String {
    match secrecy {
        Secrecy::Open => shown,
        Secrecy::Secret => MASK.to_owned(),
        Secrecy::Url => mask_url(&shown),
    }
}

fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    // A password with an unescaped slash would end the authority early: then hide all of it.
    let Some(at) = rest[..authority].rfind('@') else {
        return if rest.contains('@') { format!("{scheme}://{MASK}") } else { url.to_owned() };
    };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

const MASK: &str = "***";
