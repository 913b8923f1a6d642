//! The lines of a log file that a person should see.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::talk;

/// Says every warning and error that is added to a log from now on. It ends when it is aborted.
pub(super) async fn warnings(name: String, log: PathBuf) {
    let mut seen = std::fs::metadata(&log).map_or(0, |log| log.len());
    let mut rest = String::new();
    let mut last = (String::new(), Instant::now());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let added = added(&log, seen).unwrap_or_default();
        seen += added.len() as u64;
        rest.push_str(&String::from_utf8_lossy(&added));
        while let Some((line, tail)) = rest.split_once('\n') {
            // What is tried again and again is told once; the log has it all.
            if let Some(warning) = warning(line)
                && !(last.0 == head(&warning) && last.1.elapsed() < SAME_FOR)
            {
                talk::say(&format!("{name}: {warning}"));
                last = (head(&warning).to_owned(), Instant::now());
            }
            rest = tail.to_owned();
        }
        // No line of ours is as long.
        rest.truncate(if rest.len() as u64 > AT_ONCE { 0 } else { rest.len() });
    }
}

/// The last lines of a log.
pub(super) fn last_lines(log: &Path) -> Vec<String> {
    let length = std::fs::metadata(log).map_or(0, |log| log.len());
    let end = added(log, length.saturating_sub(AT_ONCE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&end);
    let lines: Vec<_> = text.lines().map(|line| format!("  {line}")).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].to_vec()
}

fn added(log: &Path, seen: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(seen))?;
    let mut bytes = Vec::new();
    file.take(AT_ONCE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Finds the sentence of a log line whose level asks for a person; lines read *time, level, module: text*.
fn warning(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(' ')?;
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let level = [("WARN", "warning"), ("ERROR", "error")].into_iter().find(|(name, _)| *name == level)?.1;
    let text = rest.split_once(": ").map_or(rest, |(_, text)| text);
    Some(format!("{level}: {text}"))
}

/// The sentence without its fields, which differ each time.
fn head(warning: &str) -> &str {
    warning.split_once('=').map_or(warning, |(head, _)| head)
}

/// Time for which the same sentence is not said again.
const SAME_FOR: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Bytes read at once: more than a burst of warnings.
const AT_ONCE: u64 = 64 * 1024;
/// Lines of the log shown with a failure.
const SHOWN_LINES: usize = 12;
