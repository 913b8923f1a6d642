//! Watched files: those that are read again when they change. The new content counts from then on; one that cannot be
//! used changes nothing.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Time between two looks at a file.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Content that files can be read as.
pub(crate) trait FromFile: Sized + Send + Sync + 'static {
    /// Fault of a file that cannot be used.
    type Error: std::fmt::Display + Clone + Send + Sync;
    /// Most bytes of one file. A larger one is refused.
    const BYTES_MAX: usize;

    /// Reads the texts of the files, in the order in which they were named.
    fn parse(texts: &[String]) -> Result<Self, Self::Error>;

    /// Error of a file that could not be read at all.
    fn unreadable(why: String) -> Self::Error;
}

/// Files with the content that they had when they could be used last.
#[derive(Debug)]
pub(crate) struct Watched<T: FromFile> {
    /// Paths of the files.
    paths: Vec<PathBuf>,
    /// Content that counts now.
    now: RwLock<Arc<T>>,
    /// Version of the files that was read last.
    latest: Mutex<Latest<T::Error>>,
}

/// Version of the files that was read last, and what is wrong with it.
#[derive(Debug)]
struct Latest<E> {
    /// Marks of that version, one for each file.
    stamps: Vec<Stamp>,
    /// Fault of that version; `None` if it counts.
    fault: Option<E>,
}

/// Marks that tell one version of a file from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Time of the latest change of its content, in seconds and nanoseconds.
    modified: (i64, i64),
    /// Time of the latest change of its properties, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl<T: FromFile> Watched<T> {
    /// Reads the files for the first time.
    pub(crate) fn open(paths: Vec<PathBuf>) -> Result<Self, T::Error> {
        let (stamps, texts) = read_all::<T>(&paths)?;
        let now = RwLock::new(Arc::new(T::parse(&texts)?));
        Ok(Self { paths, now, latest: Mutex::new(Latest { stamps, fault: None }) })
    }

    /// Content that counts now.
    pub(crate) fn get(&self) -> Arc<T> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again if they changed. True if something new counts from now on. Blocks.
    ///
    /// # Errors
    /// Reason why the new content does not count, at each look until it can be used again.
    pub(crate) fn look(&self) -> Result<bool, T::Error> {
        let look = |path: &PathBuf| std::fs::metadata(path).ok().map(|data| Stamp::of(&data));
        let stamps: Option<Vec<Stamp>> = self.paths.iter().map(look).collect();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if stamps.as_ref() == Some(&latest.stamps) {
            return latest.fault.clone().map_or(Ok(false), Err);
        }
        let (stamps, texts) = read_all::<T>(&self.paths)?;
        let parsed = T::parse(&texts);
        *latest = Latest { stamps, fault: parsed.as_ref().err().cloned() };
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(parsed?);
        Ok(true)
    }

    /// Names of the files, for messages.
    pub(crate) fn shown(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Stamp {
    /// Marks of a file with these properties.
    fn of(data: &std::fs::Metadata) -> Self {
        Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

/// Marks and texts of all files.
fn read_all<T: FromFile>(paths: &[PathBuf]) -> Result<(Vec<Stamp>, Vec<String>), T::Error> {
    let read: Vec<(Stamp, String)> = paths.iter().map(|path| read::<T>(path)).collect::<Result<_, _>>()?;
    Ok(read.into_iter().unzip())
}

/// Marks and text of one file, which must be an ordinary one.
fn read<T: FromFile>(path: &std::path::Path) -> Result<(Stamp, String), T::Error> {
    let shown = path.display();
    let failed = |error: std::io::Error| T::unreadable(format!("{shown}: {error}"));
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(T::unreadable(format!("{shown}: not a file")));
    }
    let file = File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    let mut text = String::new();
    let most = u64::try_from(T::BYTES_MAX).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    match text.len() > T::BYTES_MAX {
        true => Err(T::unreadable(format!("{shown}: larger than {} MiB", T::BYTES_MAX / 1024 / 1024))),
        false => Ok((Stamp::of(&data), text)),
    }
}
