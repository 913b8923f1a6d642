//! What a worker's program tells of itself: when it began and ended, in a file.

use std::path::PathBuf;

use warrener_tests::cluster::{Cluster, Plan};

/// The trace of one worker.
pub(super) struct Trace {
    file: PathBuf,
}

impl Trace {
    pub(super) fn of(cluster: &Cluster, worker: &str) -> Self {
        Self { file: cluster.folder().join(format!("{worker}.trace")) }
    }

    /// A worker that leaves this trace: the kind `traced` returns its input after a while.
    pub(super) fn plan(&self) -> Plan {
        let file = self.file.display();
        let script = format!(
            "me=$WARRENER_JOB/$WARRENER_TASK/$WARRENER_ATTEMPT; echo \"b $me\" >>{file}; sleep 0.{TENTHS}; cat; \
             echo \"e $me\" >>{file}"
        );
        Plan::default().command("traced", &["sh", "-c", &script])
    }

    /// Programs that began and did not end.
    pub(super) fn running(&self) -> usize {
        let (began, ended) = self.counts();
        began.saturating_sub(ended)
    }

    /// Programs that began.
    pub(super) fn began(&self) -> usize {
        self.counts().0
    }

    fn counts(&self) -> (usize, usize) {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let count = |mark: &str| text.lines().filter(|line| line.starts_with(mark)).count();
        (count("b "), count("e "))
    }
}

/// How long the program takes, in tenths of a second.
const TENTHS: u32 = 3;
