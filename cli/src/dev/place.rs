//! The folder in which everything of `warrener dev` lies, and whose it is at the moment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// The folder, locked for as long as this process and the broker that it started live.
#[derive(Debug)]
pub(super) struct DevFolder {
    folder: PathBuf,
    lock: File,
}

impl DevFolder {
    /// Makes the folder if need be and takes it.
    pub(super) async fn take(folder: &Path) -> Result<Self, Failure> {
        let failed = |error| io_failure("preparing", folder, &error);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(ignore, "*\n").map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let mut lock = options.create(true).truncate(false).read(true).write(true).open(folder.join("lock"));
        let lock = lock.as_mut().map_err(|error| failed(io::Error::new(error.kind(), error.to_string())))?;
        acquire(lock, folder).await?;
        write_pid(lock).map_err(failed)?;
        let lock = lock.try_clone().map_err(failed)?;
        let place = Self { folder: folder.to_owned(), lock };
        std::fs::create_dir_all(place.logs()).map_err(failed)?;
        Ok(place)
    }

    /// Forgets all jobs and everything else of earlier runs.
    pub(super) fn forget(&self) -> Result<(), Failure> {
        let failed = |error| io_failure("emptying", &self.folder, &error);
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(DATABASE) {
                std::fs::remove_file(&path).map_err(failed)?;
            } else if [LOGS, BROKER].contains(&name) {
                std::fs::remove_dir_all(&path).map_err(failed)?;
            }
        }
        std::fs::create_dir_all(self.logs()).map_err(failed)
    }

    /// The database.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// Folder of the private broker.
    pub(super) fn broker(&self) -> PathBuf {
        self.folder.join(BROKER)
    }

    /// The folder of the logs.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join(LOGS)
    }

    /// A handle that keeps the folder locked while a process has it.
    pub(super) fn hold(&self) -> io::Result<File> {
        self.lock.try_clone()
    }
}

/// Locks the file. What an earlier run left behind is waited for, a living one is an error.
async fn acquire(lock: &mut File, folder: &Path) -> Result<(), Failure> {
    let deadline = Instant::now() + LEFT_BEHIND;
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(io_failure("locking", folder, &error)),
            Err(TryLockError::WouldBlock) => {}
        }
        let owner = owner(lock);
        if owner.is_some_and(is_alive) || Instant::now() > deadline {
            return Err(taken(folder, owner));
        }
        if !said {
            talk::say("waiting for the broker of an earlier run to end");
            said = true;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn taken(folder: &Path, owner: Option<Pid>) -> Failure {
    let who = owner.map_or_else(|| "another one".to_owned(), |pid| format!("one with the process id {pid}"));
    Failure::new(Exit::Error, format!("starting: {who} runs in {} already", folder.display()))
        .hint("use that one, end it, or give this one a folder of its own with --folder")
}

fn owner(lock: &mut File) -> Option<Pid> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok().map(Pid::from_raw)
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn is_alive(pid: Pid) -> bool {
    pid.as_raw() > 0 && kill(pid, None).is_ok()
}

fn io_failure(what: &str, folder: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Error, format!("{what} the folder {}: {error}", folder.display()))
}

const DATABASE: &str = "warrener.db";
const BROKER: &str = "rabbitmq";
const LOGS: &str = "log";
/// Longest time that a broker whose `warrener dev` was killed may take to end.
const LEFT_BEHIND: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(100);
