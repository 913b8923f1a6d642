//! Progress of a job: a bar on a terminal, else a line for each change.

use indicatif::{ProgressBar, ProgressStyle};
use warrener_client::http::resource::JobDetails;
use warrener_shared::shown;
use warrener_shared::state::TaskState;

use crate::talk;

/// Shows the progress of one job on stderr.
#[derive(Debug)]
pub(crate) struct ProgressDisplay {
    look: Look,
}

#[derive(Debug)]
enum Look {
    Bar(ProgressBar),
    Lines { last: String },
    Nothing,
}

impl ProgressDisplay {
    /// Shows something only if `wanted`.
    pub(crate) fn new(wanted: bool) -> Self {
        let look = match (wanted, talk::is_watched()) {
            (false, _) => Look::Nothing,
            (true, false) => Look::Lines { last: String::new() },
            (true, true) => Look::Bar(bar()),
        };
        Self { look }
    }

    /// Shows where the job stands.
    pub(crate) fn show(&mut self, job: &JobDetails) {
        let (done, total) = counts(job);
        match &mut self.look {
            Look::Nothing => {}
            Look::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(sentence(job));
            }
            Look::Lines { last } => {
                let line = format!("{done}/{total} {}", sentence(job));
                if *last != line {
                    talk::say(&line);
                    *last = line;
                }
            }
        }
    }

    /// Says something beside the progress.
    pub(crate) fn note(&self, text: &str) {
        match &self.look {
            Look::Nothing => {}
            Look::Bar(bar) => bar.println(shown::text(text)),
            Look::Lines { .. } => talk::say(text),
        }
    }

    /// Leaves nothing behind on a terminal.
    pub(crate) fn clear(&self) {
        if let Look::Bar(bar) = &self.look {
            bar.finish_and_clear();
        }
    }
}

/// Final tasks, and all.
pub(crate) fn counts(job: &JobDetails) -> (u64, u64) {
    let done = job.tasks.iter().filter(|(state, _)| state.is_final()).map(|(_, count)| count).sum();
    (done, job.tasks.values().sum())
}

/// `running: 1 dispatched, 2 waiting`; the tasks that succeeded are in the number before.
pub(crate) fn sentence(job: &JobDetails) -> String {
    let flag = match (job.paused, job.cancelling) {
        (_, true) => " (cancelling)",
        (true, _) => " (paused)",
        _ => "",
    };
    let shown = |(state, count): (&TaskState, &u64)| {
        (*count > 0 && *state != TaskState::Succeeded).then(|| format!("{count} {state}"))
    };
    let tasks: Vec<String> = job.tasks.iter().filter_map(shown).collect();
    let colon = if tasks.is_empty() { "" } else { ": " };
    format!("{}{flag}{colon}{}", job.state, tasks.join(", "))
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} {msg} {elapsed}");
    let bar = ProgressBar::new(0).with_style(style.expect("the template is a constant").progress_chars("=> "));
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests;
