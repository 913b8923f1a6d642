//! A node for all test processes: each holds a lock on a file, and the node ends when nobody has for a while.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::node::{Node, NodeError, answers, other_release};

/// The right to use the shared node; the system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lease {
    url: String,
    _holder: File,
}

impl Lease {
    /// Finds the node, or starts it. Processes that come at the same time wait for the first one.
    pub(super) async fn take() -> Result<Self, NodeError> {
        let folder = folder();
        std::fs::create_dir_all(&folder).map_err(file("making a folder"))?;
        let (holders, state) = (folder.join("holders"), folder.join("port"));
        let holder = open(&holders).map_err(file("opening a lock"))?;
        holder.lock_shared().map_err(file("taking a lock"))?;
        let starting = open(&folder.join("starting")).map_err(file("opening a lock"))?;
        let starting = locked(starting).await?;
        let port = match running(&state).await {
            Some(port) => port,
            None => {
                let home = folder.join(super::unique("node"));
                std::fs::create_dir_all(&home).map_err(file("making a folder"))?;
                let node = Node::start_kept(&home, &holders).await?;
                std::fs::write(&state, node.port().to_string()).map_err(file("noting a port"))?;
                node.port()
            }
        };
        drop(starting);
        Ok(Self { url: format!("amqp://guest:guest@127.0.0.1:{port}/%2f"), _holder: holder })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

async fn running(state: &Path) -> Option<u16> {
    let port = std::fs::read_to_string(state).ok()?.trim().parse().ok()?;
    answers(port).await.then_some(port)
}

/// Waits for a lock without stopping the other tasks of this thread.
async fn locked(file: File) -> Result<File, NodeError> {
    let locking = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    let locked = locking.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    locked.map_err(self::file("taking a lock"))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path)
}

fn folder() -> PathBuf {
    let user = std::env::var("USER").unwrap_or_else(|_| "nobody".to_owned());
    let release = other_release().and_then(|folder| Some(format!("-{}", folder.file_name()?.to_string_lossy())));
    std::env::temp_dir().join(format!("warrener-broker-shared-{user}{}", release.unwrap_or_default()))
}

fn file(what: &'static str) -> impl Fn(io::Error) -> NodeError {
    move |why| NodeError::Io { what, why }
}
