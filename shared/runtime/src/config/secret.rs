//! Secrets that live in files of their own, and hiding them.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::origin::Origin;
use super::problem::ConfigProblem;
use super::schema::Secrecy;
use crate::address::{self, MASK};

/// Bytes of such a file.
const BYTES_MAX: u64 = 64 * 1024;

/// The secret in a file, without the line break at its end.
pub(super) fn read(name: &str, file: &str, origin: &Origin) -> Result<String, ConfigProblem> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| {
        let mode = std::fs::metadata(file).map(|about| format!(" (mode {:04o})", about.permissions().mode() & 0o7777));
        let message = format!("reading the secret {name}: {file}{}: {error}", mode.unwrap_or_default());
        ConfigProblem::new(message, origin).hint(hint(Path::new(file)))
    })?;
    if text.len() as u64 > BYTES_MAX {
        let message = format!("reading the secret {name}: {file}: larger than {BYTES_MAX} bytes");
        return Err(ConfigProblem::new(message, origin).hint("name the file that holds the secret alone"));
    }
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
        Secrecy::Url => address::masked(&shown),
        Secrecy::Command => mask_command(&shown),
    }
}

/// Arguments as JSON, without the values of those that are named like a secret, and of addresses.
fn mask_command(shown: &str) -> String {
    let Ok(arguments) = serde_json::from_str::<Vec<String>>(shown) else { return MASK.to_owned() };
    let mut is_next_secret = false;
    let masked: Vec<String> = arguments
        .iter()
        .map(|argument| {
            let (name, value) =
                argument.split_once(['=', ':']).map_or((argument.as_str(), None), |(n, v)| (n, Some(v)));
            let is_secret = is_secret_name(name);
            if std::mem::replace(&mut is_next_secret, is_secret && value.is_none() && argument.starts_with('-')) {
                return MASK.to_owned();
            }
            match value {
                Some(_) if is_secret => format!("{name}{}{MASK}", &argument[name.len()..=name.len()]),
                _ if argument.contains("://") => mask_addresses(argument),
                _ => argument.clone(),
            }
        })
        .collect();
    serde_json::to_string(&masked).expect("a list of texts is JSON")
}

/// Tells whether an argument, a variable or a header of this name may hold a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "authorization",
        "cookie",
        "credential",
        "api-key",
        "api_key",
        "apikey",
    ];
    WORDS.iter().any(|word| name.contains(word))
}

fn mask_addresses(argument: &str) -> String {
    let start = argument[..argument.find("://").unwrap_or(0)]
        .rfind(|c: char| !c.is_ascii_alphanumeric() && !"+.-".contains(c))
        .map_or(0, |at| at + 1);
    format!("{}{}", &argument[..start], address::masked(&argument[start..]))
}
