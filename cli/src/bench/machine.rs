//! The state of the machine during a run: the time that its disk takes without us, and whether the broker held us back.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::measure::{milliseconds, percentile};
use crate::exit::Exit;
use crate::failure::Failure;

/// A thread that has the disk keep a page every now and then, beside whatever else the disk does.
#[derive(Debug)]
pub(super) struct DiskProbe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<Vec<Duration>>>,
}

impl DiskProbe {
    /// Starts it for the disk of this folder, with so much rest between two pages.
    pub(super) fn start(folder: &Path, rest: Duration) -> Result<Self, Failure> {
        let file = File::create(folder.join("probe")).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || {
            let mut times = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(rest);
                let began = Instant::now();
                file.write_all_at(&[1; PAGE], 0)?;
                file.sync_data()?;
                times.push(began.elapsed());
            }
            Ok(times)
        };
        let thread = std::thread::Builder::new().name("probe".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { stop, thread })
    }

    /// Ends it; how long the disk took each time.
    pub(super) fn finish(self) -> Result<Vec<Duration>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the probe does not panic").map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new(Exit::Error, format!("probing the disk: {error}"))
}

/// The longest time that so many in a row took together.
pub(super) fn longest_run(times: &[Duration], count: usize) -> Duration {
    times.windows(count).map(|run| run.iter().sum()).max().unwrap_or_default()
}

/// Facts that stand beside all measures of a run.
#[derive(Debug, Serialize)]
pub(super) struct About {
    /// The version of this program.
    version: &'static str,
    /// The commit that it was built from, if it was built from a clone.
    commit: Option<&'static str>,
    /// Processors that this process may use.
    processors: usize,
    /// Milliseconds that the disk took to keep a page while all this ran: p50, p99, the longest.
    sync_ms: [f64; 3],
    /// Times that the broker asked to hold back what is published (`connection.blocked`).
    blocked: u32,
}

impl About {
    pub(super) fn new(syncs: &[Duration], blocked: u32) -> Self {
        let at = |percent| percentile(milliseconds(syncs), percent);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("WARRENER_COMMIT"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            sync_ms: [at(50), at(99), at(100)],
            blocked,
        }
    }

    /// The same as a line of text.
    pub(super) fn line(&self) -> String {
        let commit = self.commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
        let [p50, p99, longest] = self.sync_ms;
        let blocked = match self.blocked {
            0 => "the broker never held us back".to_owned(),
            times => format!("the broker held us back {times} times"),
        };
        format!(
            "warrener {}{commit} on {} processors; meanwhile the disk kept a page in {p50:.2} ms (p99 {p99:.2}, \
             longest {longest:.1}), and {blocked}",
            self.version, self.processors
        )
    }
}

/// Bytes kept at a time: a page of the database.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_is_that_of_neighbours() {
        let times = [5, 1, 4, 4, 1, 7].map(Duration::from_millis);
        assert_eq!(longest_run(&times, 1), Duration::from_millis(7));
        assert_eq!(longest_run(&times, 2), Duration::from_millis(8));
        assert_eq!(longest_run(&times, 7), Duration::ZERO);
    }

    #[test]
    fn a_probe_measures_until_it_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let probe = DiskProbe::start(folder.path(), Duration::from_millis(1)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let times = probe.finish().unwrap();
        assert!(times.len() > 1 && times.iter().all(|time| !time.is_zero()), "{times:?}");
        let about = About::new(&times, 2).line();
        assert!(about.contains("the disk kept a page in") && about.ends_with("held us back 2 times"), "{about}");
    }
}
