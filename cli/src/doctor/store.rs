//! The database: a file on this machine, or a server.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use warrener_orchestrator::store::postgres::Glimpse;
use warrener_orchestrator::store::{self, DatabaseAddress};

use crate::findings::Findings;

/// Looks at the database that the configuration names.
pub(super) fn examine(url: &str, orchestrator_answers: bool, findings: &mut Findings) {
    let file = match store::address(url) {
        Ok(DatabaseAddress::Sqlite(file)) => file,
        Ok(DatabaseAddress::Postgres(url)) => return examine_server(&url, orchestrator_answers, findings),
        Err(error) => return findings.problem(CHECK, format!("store.url: {error}"), "put the address right"),
    };
    let path = &file.path;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if !path.exists() && orchestrator_answers {
        let what = format!("{} is not on this machine: the orchestrator keeps it where it runs", path.display());
        return findings.skipped(CHECK, what);
    }
    if let Err(error) = writable(path, folder) {
        let what = format!("{} can't be written: {error}", path.display());
        let fix = format!("give the orchestrator's user the folder {}, or choose another store.url", folder.display());
        return findings.problem(CHECK, what, fix);
    }
    space(folder, findings);
    lock(path, orchestrator_answers, findings);
}

fn examine_server(url: &str, orchestrator_answers: bool, findings: &mut Findings) {
    let Glimpse { place, holder, is_writable } = match Glimpse::take(url) {
        Ok(glimpse) => glimpse,
        Err(error) => {
            let fix = "see that PostgreSQL runs, and that store.url names its host, user, password and database";
            return findings.problem(CHECK, error.to_string(), fix);
        }
    };
    if !is_writable {
        return findings.problem(CHECK, format!("{place} is a standby"), "name the server that takes writes");
    }
    match holder {
        None => findings.ok(CHECK, format!("{place}: reachable, and nobody has it")),
        Some(who) if orchestrator_answers => findings.ok(CHECK, format!("{place}: reachable, held by one {who}")),
        Some(who) => {
            let what = format!("{place} is held by one {who}, but no orchestrator answers");
            findings.problem(CHECK, what, HELD);
        }
    }
}

fn writable(path: &Path, folder: &Path) -> std::io::Result<()> {
    if path.exists() {
        OpenOptions::new().append(true).open(path)?;
    }
    // SQLite writes beside it.
    tempfile::NamedTempFile::new_in(folder).map(drop)
}

fn space(folder: &Path, findings: &mut Findings) {
    let Ok(found) = nix::sys::statvfs::statvfs(folder) else { return };
    let free = found.blocks_available() * found.fragment_size();
    if free < LITTLE_SPACE {
        let what = format!("only {} MB are free where the database is", free / 1_000_000);
        findings.warning(CHECK, what, "make room: without it the orchestrator takes no more jobs");
    }
}

fn lock(path: &Path, orchestrator_answers: bool, findings: &mut Findings) {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let Ok(file) = File::open(PathBuf::from(&lock)) else {
        return findings.ok(CHECK, format!("{}: writable, and nobody has it", path.display()));
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        _ => return findings.ok(CHECK, format!("{}: writable, and nobody has it", path.display())),
    }
    let owner = owner(&file);
    let who = owner.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}{}", named(pid)));
    if orchestrator_answers {
        return findings.ok(CHECK, format!("{}: writable, held by {who}", path.display()));
    }
    let what = format!("{} is held by {who}, but no orchestrator answers", path.display());
    findings.problem(CHECK, what, HELD);
}

/// Process that holds a lock on the file, as Linux tells.
fn owner(file: &File) -> Option<u32> {
    let inode = format!(":{}", file.metadata().ok()?.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(1) == Some(&"FLOCK") && fields.get(5).is_some_and(|place| place.ends_with(&inode));
        is_it.then(|| fields[4].parse().ok()).flatten()
    })
}

fn named(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.trim().is_empty() { String::new() } else { format!(" ({})", name.trim()) }
}

const CHECK: &str = "store";
const HELD: &str = "if that is your orchestrator, set WARRENER_URL to where it listens; else end it, or choose another \
     store.url";
/// A day of a small installation.
const LITTLE_SPACE: u64 = 200_000_000;
