//! The timeline of a job: of each task when it waited and when it ran, and which tasks the job took its time for.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_engine::slice::JobEntry;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::super::app::App;
use super::super::job;
use super::super::path::JobPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::route::QueryParameter;
use super::super::task::attempts;
use super::frame::show;
use super::job::sheet;
use super::visit::Visit;
use super::{badge, when};
use crate::store::view::{Snapshot, TaskMark};

/// Tasks that are shown.
const ROWS: usize = 300;
/// Width of a row, in the units of its picture.
const WIDTH: f64 = 1_000.0;
/// Width to which a time in which nothing happened is made, where there are few of them.
const IDLE: f64 = 25.0;
/// Width of all such times together: what happened has at least the other half.
const IDLE_TOGETHER: f64 = 500.0;
/// Attempts of a task that are shown; the latest.
const ATTEMPTS: usize = 100;
/// Share of the busy time that an idle one must have to be made smaller.
const LONG: f64 = 0.15;

/// Asks for tasks that failed only.
pub(super) const FAILED: &QueryParameter = &QueryParameter {
    name: "failed",
    about: "Shows only tasks that failed.",
    schema: || serde_json::json!({ "type": "boolean", "default": false }),
    example: || serde_json::json!(true),
};

/// A task on the timeline.
#[derive(Debug)]
struct Track {
    position: u32,
    name: String,
    state: TaskState,
    pieces: Vec<TrackPiece>,
}

/// Time in which an attempt waited or ran.
#[derive(Debug)]
struct TrackPiece {
    from: i64,
    to: i64,
    /// Class of its colour.
    class: &'static str,
    attempt: u32,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let failed = parameters.flag("failed")?;
    app.read(move |app, snapshot| {
        let entry = job::entry(app, snapshot, &id)?;
        let job = job::shown(app, snapshot, &id)?;
        let count = u32::try_from(entry.spec.tasks.len()).expect("the parser limits the tasks");
        let marks = snapshot.task_marks(entry.row.task_no(0), count)?;
        let tracks = tracks(snapshot, &entry, &marks, visit.now, failed)?;
        let path = critical(&entry, &marks, visit.now);
        let begun = marks.iter().filter(|mark| is_shown(mark, failed)).count();
        let inner = html! {
            (options(&visit, failed))
            (picture(&visit, &entry, &tracks, &path))
            @if begun > ROWS { p.muted { "The first " (ROWS) " of " (begun) " tasks." } }
        };
        Ok(show(&visit, &sheet(&visit, &job, "timeline", inner)))
    })
    .await
}

/// Tells whether a task has a row: it began, and failed if only such tasks are asked for.
fn is_shown(mark: &TaskMark, failed: bool) -> bool {
    let is_bad = matches!(mark.state, TaskState::Failed | TaskState::TimedOut);
    mark.dispatched_at.is_some() && (is_bad || !failed)
}

/// The tasks that began, as written; at most so many.
fn tracks(
    snapshot: &Snapshot<'_>,
    job: &JobEntry,
    marks: &[TaskMark],
    now: Timestamp,
    failed: bool,
) -> Result<Vec<Track>, Problem> {
    let wanted = (0u32..).zip(marks).filter(|(_, mark)| is_shown(mark, failed));
    let mut tracks = Vec::new();
    for (position, mark) in wanted.take(ROWS) {
        let Some(row) = snapshot.task(job.row.task_no(position))? else { continue };
        let mut pieces = Vec::new();
        let all = attempts(snapshot, &row)?;
        for attempt in &all[all.len().saturating_sub(ATTEMPTS)..] {
            let time = |text: &Option<String>| text.as_deref().and_then(Timestamp::parse_rfc3339).map(|at| at.0);
            let Some(sent) = time(&attempt.dispatched_at) else { continue };
            let end = time(&attempt.finished_at).unwrap_or(now.0);
            let begun = time(&attempt.started_at).unwrap_or(end);
            let class = attempt.outcome.map_or("running", |outcome| outcome.as_str());
            pieces.push(TrackPiece { from: sent, to: begun, class: "waits", attempt: attempt.attempt });
            pieces.push(TrackPiece { from: begun, to: end, class, attempt: attempt.attempt });
        }
        if let (Some(_), Some(sent)) = (row.map, row.dispatched_at) {
            // Its items have attempts, and it lasts from the first to the last of them.
            let end = row.finished_at.unwrap_or(now);
            let class = if row.state.is_final() { row.state.as_str() } else { "running" };
            pieces.push(TrackPiece { from: sent.0, to: end.0, class, attempt: row.attempt });
        }
        if let (Some(ready), Some(first)) = (row.ready_at.filter(|_| row.attempt <= 1), pieces.first()) {
            pieces.insert(0, TrackPiece { from: ready.0, to: first.from, class: "waits", attempt: first.attempt });
        }
        pieces.retain(|piece| piece.to >= piece.from);
        let name = job.spec.tasks[position as usize].name.to_string();
        tracks.push(Track { position, name, state: mark.state, pieces });
    }
    Ok(tracks)
}

/// The tasks for which the job took its time: the last to end, what it waited for last, and so on. Looks at all tasks,
/// whether they have a row or not.
fn critical(job: &JobEntry, marks: &[TaskMark], now: Timestamp) -> BTreeSet<u32> {
    let needs: Vec<&[u32]> = job.spec.tasks.iter().map(|task| task.needs.as_slice()).collect();
    critical_of(&needs, marks, now)
}

fn critical_of(needs: &[&[u32]], marks: &[TaskMark], now: Timestamp) -> BTreeSet<u32> {
    let end = |position: &u32| {
        let mark = marks.get(*position as usize)?;
        mark.dispatched_at.map(|_| mark.finished_at.unwrap_or(now))
    };
    let mut path = BTreeSet::new();
    let mut next = (0u32..).take(marks.len()).filter(|task| end(task).is_some()).max_by_key(end);
    while let Some(task) = next {
        if !path.insert(task) {
            break;
        }
        next = needs[task as usize].iter().copied().filter(|need| end(need).is_some()).max_by_key(end);
    }
    path
}

/// Places of times on a row: long times in which nothing happened are made small.
#[derive(Debug)]
struct Scale {
    /// Time and place of each bend, in order.
    bends: Vec<(i64, f64)>,
    /// Times that were made small, with their places.
    idle: Vec<(f64, u64)>,
    /// Width of each of them.
    narrow: f64,
}

impl Scale {
    fn of(tracks: &[Track]) -> Self {
        let pieces = tracks.iter().flat_map(|track| &track.pieces);
        let mut spans: Vec<(i64, i64)> = pieces.map(|piece| (piece.from, piece.to)).collect();
        spans.sort_unstable();
        let mut busy: Vec<(i64, i64)> = Vec::new();
        for (from, to) in spans {
            match busy.last_mut().filter(|last| from <= last.1) {
                Some(last) => last.1 = last.1.max(to),
                None => busy.push((from, to)),
            }
        }
        let length = |(from, to): (i64, i64)| (to - from) as f64;
        let whole: f64 = busy.iter().map(|span| length(*span)).sum::<f64>().max(1.0);
        let gaps: Vec<(i64, i64)> = busy.windows(2).map(|pair| (pair[0].1, pair[1].0)).collect();
        let is_long = |gap: (i64, i64)| length(gap) > whole * LONG;
        let short: f64 = gaps.iter().filter(|gap| !is_long(**gap)).map(|gap| length(*gap)).sum();
        let long = gaps.iter().filter(|gap| is_long(**gap)).count() as f64;
        let narrow = IDLE.min(IDLE_TOGETHER / long.max(1.0));
        let unit = (WIDTH - long * narrow) / (whole + short);
        let (mut bends, mut idle, mut x) = (Vec::new(), Vec::new(), 0.0);
        for (at, span) in busy.iter().enumerate() {
            bends.push((span.0, x));
            x += length(*span) * unit;
            bends.push((span.1, x));
            if let Some(gap) = gaps.get(at) {
                if is_long(*gap) {
                    idle.push((x, u64::try_from(gap.1 - gap.0).unwrap_or(0)));
                    x += narrow;
                } else {
                    x += length(*gap) * unit;
                }
            }
        }
        Self { bends, idle, narrow }
    }

    fn place(&self, time: i64) -> f64 {
        let after = self.bends.partition_point(|(at, _)| *at <= time);
        match (after.checked_sub(1).and_then(|at| self.bends.get(at)), self.bends.get(after)) {
            (Some((from, x)), Some((to, end))) => x + (end - x) * (time - from) as f64 / (to - from).max(1) as f64,
            (Some((_, x)), None) => *x,
            _ => 0.0,
        }
    }
}

fn options(visit: &Visit, failed: bool) -> Markup {
    html! {
        p.options {
            @if failed { a href=(visit.with(&[("failed", "")])) { "Show all tasks" } }
            @else { a href=(visit.with(&[("failed", "true")])) { "Show only what failed" } }
            span.muted { " Light: waits. Full: runs. ★: the job took its time for these." }
        }
    }
}

fn picture(visit: &Visit, job: &JobEntry, tracks: &[Track], path: &BTreeSet<u32>) -> Markup {
    let scale = Scale::of(tracks);
    html! {
        @if let Some(longest) = scale.idle.iter().map(|(_, span)| *span).max() {
            p.muted { "Times in which nothing happened, up to " (when::span(longest)) ", are drawn short." }
        }
        @if tracks.is_empty() { p.empty { "No task has begun." } }
        @else {
            table.list.timeline {
                thead { tr { th scope="col" { "Task" } th scope="col" { "When" } th scope="col" { "Ran" } } }
                tbody { @for track in tracks { (row(visit, job, track, &scale, path.contains(&track.position))) } }
            }
        }
    }
}

fn row(visit: &Visit, job: &JobEntry, track: &Track, scale: &Scale, is_critical: bool) -> Markup {
    let ran: i64 = track.pieces.iter().filter(|piece| piece.class != "waits").map(|piece| piece.to - piece.from).sum();
    let waited: i64 =
        track.pieces.iter().filter(|piece| piece.class == "waits").map(|piece| piece.to - piece.from).sum();
    let words = |ms: i64| when::span(u64::try_from(ms).unwrap_or(0));
    html! {
        tr.critical[is_critical] {
            td.main data-label="Task" {
                (badge::mark_of(track.state.as_str())) " "
                a href=(visit.to(&["jobs", job.row.id.as_str(), "tasks", &track.name])) { (track.name) }
                @if is_critical { " " span title="The job took its time for it" { "★" } }
            }
            td.when data-label="When" {
                svg.track viewBox=(format!("0 0 {WIDTH} 16")) preserveAspectRatio="none" role="img"
                    aria-label=(format!("waited {}, ran {}", words(waited), words(ran))) {
                    @for (x, _) in &scale.idle {
                        rect.idle x=(format!("{x:.1}")) y="0" width=(format!("{:.1}", scale.narrow)) height="16" {}
                    }
                    @for piece in &track.pieces { (bar(piece, scale)) }
                }
            }
            td.number data-label="Ran" { (words(ran)) @if waited > 0 { span.muted { " after " (words(waited)) } } }
        }
    }
}

fn bar(piece: &TrackPiece, scale: &Scale) -> Markup {
    let (from, to) = (scale.place(piece.from), scale.place(piece.to));
    // What took no time is seen all the same.
    let least = if piece.class == "waits" { 0.0 } else { 3.0 };
    let words = when::span(u64::try_from(piece.to - piece.from).unwrap_or(0));
    html! {
        rect class=(piece.class) x=(format!("{:.1}", from.min(WIDTH - least))) y="2"
            width=(format!("{:.1}", (to - from).max(least))) height="12" {
            title { "attempt " (piece.attempt) ": " (piece.class.replace('_', " ")) " " (words) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(spans: &[(i64, i64)]) -> Track {
        let pieces = spans.iter().map(|(from, to)| TrackPiece { from: *from, to: *to, class: "succeeded", attempt: 1 });
        Track { position: 0, name: "t".to_owned(), state: TaskState::Succeeded, pieces: pieces.collect() }
    }

    #[test]
    fn long_times_without_anything_are_made_small() {
        let scale = Scale::of(&[track(&[(0, 1_000)]), track(&[(500, 2_000), (86_400_000, 86_401_000)])]);
        assert_eq!(scale.idle.len(), 1);
        let places: Vec<_> = [0, 1_000, 2_000, 86_400_000, 86_401_000].map(|at| scale.place(at).round()).into();
        assert_eq!(places, [0.0, 325.0, 650.0, 675.0, 1_000.0]);
        assert_eq!(Scale::of(&[]).place(5), 0.0);
        let at_once = Scale::of(&[track(&[(7, 7)])]);
        assert!(at_once.place(7) <= WIDTH);
    }

    #[test]
    fn however_many_times_nothing_happened_all_stays_on_the_row() {
        for pauses in [1, 20, 21, 60, 400] {
            let spans: Vec<_> = (0..=pauses).map(|no| (no * 3_600_000, no * 3_600_000 + 1_000)).collect();
            let scale = Scale::of(&[track(&spans)]);
            assert_eq!(scale.idle.len(), usize::try_from(pauses).unwrap());
            let places: Vec<_> = spans.iter().map(|(from, to)| (scale.place(*from), scale.place(*to))).collect();
            assert!(places.iter().all(|(from, to)| from < to && *to <= WIDTH + 0.01), "{pauses}: {places:?}");
            assert!((places[spans.len() - 1].1 - WIDTH).abs() < 0.01, "{pauses}: {places:?}");
        }
    }

    #[test]
    fn the_critical_path_is_that_of_all_tasks() {
        let mark = |from: i64, to: Option<i64>| TaskMark {
            state: if to.is_some() { TaskState::Succeeded } else { TaskState::Dispatched },
            dispatched_at: (from >= 0).then_some(Timestamp(from)),
            finished_at: to.map(Timestamp),
            map: None,
        };
        // More tasks begin than have a row, and the last of them is what the job took its time for.
        let mut marks: Vec<_> = (0..400).map(|no| mark(no, Some(no + 10))).collect();
        marks.extend([mark(500, None), mark(-1, None)]);
        let mut needs: Vec<&[u32]> = vec![&[]; 400];
        needs.extend([&[3, 399, 7][..], &[400]]);
        assert_eq!(critical_of(&needs, &marks, Timestamp(900)), [399, 400].into());
        assert_eq!(critical_of(&[], &[], Timestamp(900)), [].into());
    }
}
