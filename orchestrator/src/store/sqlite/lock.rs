//! The lock on the file: by whatever name it is called, one process of this machine writes to it, and nobody else reads
//! it.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::mem::ManuallyDrop;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::place::DatabaseFile;

/// Permissions of the file and of those beside it: for its owner alone.
const MODE: u32 = 0o600;
/// Endings that the files beside the database add to its path.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// The file, held by this process until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// Real path of the file, without symbolic links.
    path: PathBuf,
    /// The file, locked itself, so that every name of it meets the same lock. Never closed: closing any handle of a
    /// file gives up all locks that the process has on it, SQLite's too.
    database: ManuallyDrop<File>,
    /// Locked file beside it, which is all that older versions lock.
    _beside: File,
}

impl Lock {
    /// Takes the file, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Open`] if another process has it, it has several names, or its locks would keep nobody out.
    pub(super) fn take(file: &DatabaseFile) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::Open { place: file.path.display().to_string(), why };
        let failed = |error: std::io::Error| refuse(error.to_string());
        let database = ManuallyDrop::new(open(&file.path).map_err(failed)?);
        let path = file.path.canonicalize().map_err(failed)?;
        if !file.on_network
            && let Some(kind) = network(&database)
        {
            return Err(refuse(format!(
                "it lies on a network file system ({kind}), whose locks may keep no second orchestrator out; put it on \
                 a disk of this machine, or add ?network=allow if you know that they do"
            )));
        }
        let names = database.metadata().map_err(failed)?.nlink();
        if names > 1 {
            return Err(refuse(format!(
                "it has {names} names (hard links), and what was written last is found by one of them alone; remove \
                 the others"
            )));
        }
        let beside = named_beside(&path, ".lock");
        let beside = open(&beside).map_err(|error| refuse(format!("{}: {error}", beside.display())))?;
        for lock in [&beside, &*database] {
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(refuse(TAKEN.to_owned())),
                Err(TryLockError::Error(error)) => return Err(refuse(format!("it cannot be locked: {error}"))),
            }
        }
        Ok(Self { path, database, _beside: beside })
    }

    /// Real path of the file, without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to read from everybody but the owner of the file, and of those beside it. A failure is only
    /// logged.
    pub(super) fn make_private(&self) {
        for path in std::iter::once(self.path.clone()).chain(BESIDE.map(|end| named_beside(&self.path, end))) {
            let Ok(found) = path.metadata() else { continue };
            if found.permissions().mode() & 0o077 != 0
                && let Err(error) = std::fs::set_permissions(&path, Permissions::from_mode(MODE))
            {
                tracing::warn!(%error, path = %path.display(), "others may read what jobs hold");
            }
        }
    }

    /// Checks that the path still leads to the file.
    ///
    /// # Errors
    /// [`StoreError::Statement`] if it was moved, removed or replaced: what is committed then would be found by nobody.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let place = |found: std::fs::Metadata| (found.dev(), found.ino());
        let (ours, there) = (self.database.metadata().map(place), self.path.metadata().map(place));
        if ours.is_ok() && ours.ok() == there.ok() {
            return Ok(());
        }
        let why = format!("{} was moved, removed or replaced; put it back and start again", self.path.display());
        Err(StoreError::Statement { doing: "find the database file", why })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.database.unlock() {
            tracing::warn!(%error, "the database stays locked until the process ends");
        }
    }
}

/// Opens a file for reading and writing, and makes it if it is not there.
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(MODE).open(path)
}

/// Path with an ending added.
fn named_beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Name of the network file system that holds a file, if one does.
#[cfg(target_os = "linux")]
fn network(file: &File) -> Option<&'static str> {
    let found = nix::sys::statfs::fstatfs(file).ok()?;
    // The kernel's numbers have 32 bits, in a type whose sign depends on the machine.
    network_by_magic(found.filesystem_type().0 as u32)
}

/// Name of the network file system: never known on this system.
#[cfg(not(target_os = "linux"))]
fn network(_: &File) -> Option<&'static str> {
    None
}

/// Name of the network file system with a number that the kernel gives to its sort.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux tells"))]
fn network_by_magic(magic: u32) -> Option<&'static str> {
    let known = NETWORKS.iter().find(|(known, _)| *known == magic)?;
    Some(known.1)
}

/// Numbers of the kernel for network file systems whose locks may keep nobody out.
const NETWORKS: [(u32, &str); 12] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x786f_4256, "VirtualBox"),
    (0x0116_1970, "GFS2"),
];
/// Message for a file that another process has locked.
const TAKEN: &str = "another orchestrator has it open; stop that one, or give this one its own WARRENER_STORE__URL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_disks() {
        // As `stat -f` gives them: ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS.
        for disk in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(network_by_magic(disk), None);
        }
        assert_eq!(network_by_magic(0x6969), Some("NFS"));
        assert_eq!(network_by_magic(0x6573_5546), Some("FUSE"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network(&open(&folder.path().join("jobs.db")).unwrap()), None);
    }
}
