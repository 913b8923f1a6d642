//! The file in which workers write down what they do: a line before anything else, a line before the report.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::history::{Ending, Run, now, words};

/// Writes down the runs of one worker.
#[derive(Debug)]
pub(crate) struct Trace {
    file: File,
    next: AtomicU64,
}

impl Trace {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, next: AtomicU64::new(0) })
    }

    /// Writes that a run begins, and gives its word.
    pub(crate) fn begin(&self, job: &str, task: &str, input: &Value) -> io::Result<String> {
        let run = format!("{:x}-{:x}-{}", std::process::id(), now(), self.next.fetch_add(1, Ordering::Relaxed));
        self.write(&json!({"e": "b", "t": now(), "job": job, "task": task, "run": run, "input": input}))?;
        Ok(run)
    }

    /// Writes that a run is about to report.
    pub(crate) fn end(&self, run: &str, ending: Ending) -> io::Result<()> {
        let word = if ending == Ending::Gave { "e" } else { "f" };
        self.write(&json!({"e": word, "t": now(), "run": run}))
    }

    fn write(&self, line: &Value) -> io::Result<()> {
        (&self.file).write_all(format!("{line}\n").as_bytes())
    }
}

/// A shell script that works and writes the same lines into the file that `$TRACE` names.
pub(crate) const SCRIPT: &str = r#"
input=$(cat); run=$$-$(date +%s%N)
printf '{"e":"b","t":%s,"job":"%s","task":"%s","run":"%s","input":%s}\n' "$(date +%s%N)" "$WARRENER_JOB" \
    "$WARRENER_TASK" "$run" "$input" >>"$0"
sleep 0.02
printf '{"e":"e","t":%s,"run":"%s"}\n' "$(date +%s%N)" "$run" >>"$0"
printf '{"run":"%s"}' "$run"
"#;

/// All runs that these files tell of, and how many lines could not be read.
pub(crate) fn read(files: &[PathBuf]) -> io::Result<(Vec<Run>, usize)> {
    let (mut runs, mut torn) = (BTreeMap::new(), 0);
    for file in files.iter().filter(|file| file.exists()) {
        for line in std::fs::read_to_string(file)?.lines() {
            match serde_json::from_str(line) {
                Ok(line) => note(&line, &mut runs),
                Err(_) => torn += 1,
            }
        }
    }
    Ok((runs.into_values().collect(), torn))
}

fn note(line: &Value, runs: &mut BTreeMap<String, Run>) {
    let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let at = line["t"].as_u64().unwrap_or_default();
    let ending = match line["e"].as_str() {
        Some("e") => Ending::Gave,
        Some("f") => Ending::Failed,
        _ => {
            let up = words(&line["input"]["up"]);
            let run = Run { job: text("job"), task: text("task"), run: text("run"), began: at, ended: None, up };
            runs.insert(text("run"), run);
            return;
        }
    };
    if let Some(run) = runs.get_mut(&text("run")) {
        run.ended = Some((at, ending));
    }
}
