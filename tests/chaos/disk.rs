//! The disk of the database: a small one in memory, where we may mount it, that can be filled up.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};

/// A folder, and whether it is a disk of its own.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    is_own: bool,
}

impl Disk {
    pub(crate) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let is_own = std::env::var_os(INSIDE).is_some();
        if is_own {
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder).status()?;
            ensure!(mounted.success(), "mounting a disk in memory: {mounted}");
        }
        Ok(Self { folder: folder.to_owned(), is_own })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) const fn can_be_full(&self) -> bool {
        self.is_own
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = File::create(self.ballast()).context("the ballast")?;
        let block = vec![0; 1024 * 1024];
        loop {
            match ballast.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ballast()).context("the ballast")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_own {
            // Whoever has files open there is about to be killed.
            Command::new("umount").arg("--lazy").arg(&self.folder).status().ok();
        }
    }
}

/// Goes on in a namespace of its own, if we may make one, so that what is mounted vanishes with us.
pub(crate) fn apart() -> Option<ExitCode> {
    if std::env::var_os(INSIDE).is_some() || !nix::unistd::geteuid().is_root() {
        return None;
    }
    let allowed = Command::new("unshare").args(["--mount", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return None;
    }
    let us = std::env::current_exe().ok()?;
    let mut command = Command::new("unshare");
    command.arg("--mount").arg(us).args(std::env::args_os().skip(1)).env(INSIDE, "yes");
    eprintln!("going on in a namespace of our own failed: {}", command.exec());
    Some(ExitCode::FAILURE)
}

/// Says that we are in a namespace of our own.
const INSIDE: &str = "WARRENER_TEST_CHAOS_INSIDE";
const SIZE: &str = "size=400m";
