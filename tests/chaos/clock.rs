//! The wall clock of the orchestrator, which libfaketime lets us set while it runs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Settings of libfaketime; it has no library where there is none on this machine.
#[derive(Debug)]
pub(crate) struct Clock {
    library: Option<PathBuf>,
    file: PathBuf,
}

impl Clock {
    pub(crate) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let library = PLACES.iter().map(PathBuf::from).find(|library| library.is_file());
        let clock = Self { library, file: folder.join("clock") };
        clock.set(0)?;
        Ok(clock)
    }

    pub(crate) const fn can_be_set(&self) -> bool {
        self.library.is_some()
    }

    /// Sets it so many seconds off.
    pub(crate) fn set(&self, seconds: i64) -> anyhow::Result<()> {
        // Whoever reads it must never find it empty.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n"))
            .and_then(|()| std::fs::rename(&new, &self.file))
            .context("the clock")
    }

    /// Environment that makes a process follow it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(library) = &self.library else { return Vec::new() };
        vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

/// Paths where Debian, Fedora and Alpine put it.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];
