//! The file of a database, as an address names it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::store::url;

/// File of a database, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Path of the file. It is relative to where the process was started, unless it begins with `/`.
    pub path: PathBuf,
    /// True if it may lie on a file system of the network, as somebody says who knows that its locks hold.
    pub on_network: bool,
}

impl DatabaseFile {
    /// File with this path, on a file system of this machine.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), on_network: false }
    }

    /// Reads an address such as `sqlite:///var/lib/warrener/jobs.db`, of which `sqlite://` is left out here. Bytes may
    /// be percent-encoded; a question mark, a percent sign and what is no text must be.
    ///
    /// # Errors
    /// The fault and the remedy, in words for people.
    pub(in crate::store) fn parse(address: &str) -> Result<Self, String> {
        let path = address.split_once('?').map_or(address, |(path, _)| path);
        if path.is_empty() {
            return Err("it names no file; give it as sqlite://FILE".to_owned());
        }
        let mut file = Self::new(OsString::from_vec(url::decoded(path)?));
        for (name, value) in url::parameters(address) {
            match (name, value) {
                ("network", "allow") => file.on_network = true,
                ("network", _) => return Err("its parameter `network` can only be `allow`".to_owned()),
                (other, _) => return Err(url::unknown(other, &["network"])),
            }
        }
        Ok(file)
    }

    /// Address of the file with this path.
    pub fn url(path: &Path) -> String {
        format!("sqlite://{}", url::encoded(path.as_os_str().as_bytes()))
    }
}
