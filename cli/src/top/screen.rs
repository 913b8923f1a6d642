//! The overview, drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Row, Sparkline, Table, Wrap};
use warrener_client::http::overview::{Overview, SpanQuantiles};
use warrener_shared::shown;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use crate::output::age;

/// State of the screen.
#[derive(Debug)]
pub(super) struct Screen {
    /// The latest numbers.
    overview: Overview,
    /// Reason why there are no newer ones.
    pub(super) trouble: Option<String>,
    /// True while nothing is read anew.
    pub(super) is_held: bool,
}

impl Screen {
    pub(super) const fn new(overview: Overview) -> Self {
        Self { overview, trouble: None, is_held: false }
    }

    /// Takes newer numbers.
    pub(super) fn show(&mut self, overview: Overview) {
        *self = Self { overview, trouble: None, is_held: self.is_held };
    }
}

/// Draws all of it; what does not fit is left out from below.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let overview = &screen.overview;
    let [head, states, charts, middle, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(7),
        Constraint::Min(4),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(screen), head);
    frame.render_widget(Paragraph::new(counts(overview)).wrap(Wrap { trim: true }), states);
    chart(frame, charts, overview);
    let [left, right] = Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(middle);
    frame.render_widget(queues(overview), left);
    let [failing, workers] = Layout::vertical([Constraint::Min(3), Constraint::Length(3)]).areas(right);
    frame.render_widget(failures(overview), failing);
    frame.render_widget(slots(overview), workers);
    frame.render_widget(Line::from("q quit   p pause").dim(), foot);
}

/// Readiness, and the age of what is shown.
fn title(screen: &Screen) -> Line<'static> {
    let overview = &screen.overview;
    let mut spans = vec!["warrener ".bold()];
    for check in &overview.health.checks {
        let reason = check.reason.as_deref().map(|why| format!(": {}", shown::line(why))).unwrap_or_default();
        let text = format!(" {} {}{reason}", if check.ready { "✓" } else { "✗" }, check.name);
        spans.push(if check.ready { text.green() } else { text.red().bold() });
    }
    spans.push(format!("   {}", overview.time.get(..19).unwrap_or(&overview.time).replacen('T', " ", 1)).dim());
    if screen.is_held {
        spans.push("   paused".yellow());
    }
    if let Some(trouble) = &screen.trouble {
        spans.push(format!("   {}", shown::line(trouble)).red());
    }
    Line::from(spans)
}

/// Jobs by state; of final ones those of the last day, or of the newest.
fn counts(overview: &Overview) -> Line<'static> {
    let spans = JobState::ALL.iter().flat_map(|state| {
        let count = overview.jobs.get(state.as_str()).copied().unwrap_or_default();
        let more = if overview.cut && state.is_final() { "+" } else { "" };
        let color = match state {
            JobState::Succeeded => Color::Green,
            JobState::Failed | JobState::TimedOut => Color::Red,
            JobState::Running => Color::Blue,
            _ => Color::Gray,
        };
        let number = Span::styled(format!("{count}{more}"), Style::new().fg(color).bold());
        [Span::raw(format!("{} ", state.as_str().replace('_', " "))), number, Span::raw("   ")]
    });
    Line::from_iter(spans)
}

/// Ended jobs over time, and how long they waited and ran.
fn chart(frame: &mut Frame<'_>, area: Rect, overview: &Overview) {
    let [chart, times] = Layout::horizontal([Constraint::Min(20), Constraint::Length(46)]).areas(area);
    let [good, bad] = Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(chart);
    let width = span(overview.bar_seconds * 1_000);
    for (area, name, color, values) in [
        (good, "succeeded", Color::Green, overview.ended.iter().map(|bar| bar.succeeded).collect::<Vec<u64>>()),
        (bad, "did not", Color::Red, overview.ended.iter().map(|bar| bar.failed).collect()),
    ] {
        let sum: u64 = values.iter().sum();
        // The latest stand at the right, and are what is seen of them if not all fit.
        let seen = values.len().saturating_sub(usize::from(area.width));
        let block = Block::new().title(format!("{sum} {name}, a bar is {width}"));
        frame
            .render_widget(Sparkline::default().block(block).data(&values[seen..]).style(Style::new().fg(color)), area);
    }
    let line = |name: &str, of: SpanQuantiles| {
        let words = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), span);
        Line::from(format!("{name:<14} p50 {}  p95 {}", words(of.p50_ms), words(of.p95_ms)))
    };
    let lines = vec![line("due to begun", overview.waited), line("begun to ended", overview.ran)];
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("Times")), times);
}

fn queues(overview: &Overview) -> Table<'static> {
    let now = Timestamp::parse_rfc3339(&overview.time).unwrap_or_default();
    let rows = overview.queues.iter().map(|queue| {
        let name = shown::line(&queue.name).into_owned();
        let state = match (queue.paused, queue.workers) {
            (true, _) => "paused",
            (false, 0) => "no worker",
            (false, _) => "",
        };
        let row = Row::new(vec![
            name,
            queue.ready.to_string(),
            queue.dispatched.to_string(),
            queue.workers.to_string(),
            age(queue.oldest_ready_at.as_deref(), now),
            state.to_owned(),
        ]);
        if state == "no worker" { row.red() } else { row }
    });
    let widths = [
        Constraint::Min(12),
        Constraint::Length(9),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(9),
    ];
    let header = Row::new(["QUEUE", "READY", "DISPATCHED", "WORKERS", "OLDEST", ""]).dim();
    Table::new(rows, widths).header(header).block(Block::bordered().title("Queues that wait"))
}

fn failures(overview: &Overview) -> Table<'static> {
    let rows = overview.failing.iter().map(|one| {
        let name = one.kind.as_deref().or(one.name.as_deref()).unwrap_or("graphs without a name");
        Row::new(vec![shown::line(name).into_owned(), format!("{} of {}", one.failed, one.ended)])
    });
    let tasks = overview.failing_tasks.iter().map(|one| {
        let name = format!("graphs for {}", shown::line(&one.kind));
        Row::new(vec![name, format!("{}", one.failed)])
    });
    let rows = rows.chain(tasks);
    let widths = [Constraint::Min(10), Constraint::Length(16)];
    Table::new(rows, widths).block(Block::bordered().title("What fails"))
}

fn slots(overview: &Overview) -> Gauge<'static> {
    let all = overview.workers;
    let share = if all.slots == 0 { 0.0 } else { all.running.min(all.slots) as f64 / all.slots as f64 };
    let label = format!("{} workers, {} of {} slots in use", all.workers, all.running, all.slots);
    Gauge::default().block(Block::bordered().title("Workers")).ratio(share).label(label).gauge_style(Color::Blue)
}

/// A span in one or two units.
fn span(ms: u64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn overview(text: &str) -> Overview {
        serde_json::from_str(text).unwrap()
    }

    /// The lines of a screen of this size.
    fn lines(screen: &Screen, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, screen)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).collect()
    }

    const NUMBERS: &str = r#"{"time":"2026-11-24T15:03:23.120Z",
        "health":{"ready":false,"checks":[{"name":"broker","ready":false,"reason":"refused\u001b[2J"},
            {"name":"store","ready":true,"reason":null}],"notes":[]},
        "jobs":{"scheduled":1,"running":2,"succeeded":4711,"failed":3,"cancelled":0,"timed_out":0},"cut":true,
        "bar_seconds":60,"ended":[{"succeeded":40,"failed":0},{"succeeded":2,"failed":3}],
        "waited":{"p50_ms":4,"p95_ms":31},"ran":{"p50_ms":null,"p95_ms":61000},
        "queues":[{"name":"gpu","address":"a","paused":false,"ready":311,"dispatched":0,"workers":0,
            "oldest_ready_at":"2026-11-24T15:01:23.120Z"}],
        "failing":[{"kind":"ml.train\u001b]0;x","name":null,"failed":3,"ended":42},
            {"kind":null,"name":null,"failed":2,"ended":5}],
        "failing_tasks":[{"kind":"ml.score\u001b[2J","failed":2,"job":"j","task":"score"}],
        "workers":{"workers":2,"slots":16,"running":8}}"#;

    #[test]
    fn the_numbers_of_the_overview_are_drawn() {
        let mut screen = Screen::new(overview(NUMBERS));
        screen.trouble = Some("no answer".to_owned());
        let all = lines(&screen, 120, 30).join("\n");
        for words in [
            "✗ broker: refused",
            "✓ store",
            "no answer",
            "succeeded 4711+",
            "running 2 ",
            "42 succeeded, a bar is 1 min",
            "3 did not",
            "due to begun   p50 4 ms  p95 31 ms",
            "begun to ended p50 –  p95 1 min 1 s",
            "gpu",
            "311",
            "no worker",
            "3 of 42",
            "graphs without a name",
            "graphs for ml.score",
            "2 workers, 8 of 16 slots in use",
        ] {
            assert!(all.contains(words), "{words}:\n{all}");
        }
        assert!(!all.contains('\u{1b}'), "a stranger moves the terminal");
        screen.show(overview(NUMBERS));
        assert!(!lines(&screen, 120, 30).join("\n").contains("no answer"));
    }

    #[test]
    fn a_small_terminal_shows_what_fits() {
        let screen = Screen::new(overview(NUMBERS));
        for (width, height) in [(1, 1), (20, 5), (40, 12), (300, 100)] {
            assert_eq!(lines(&screen, width, height).len(), usize::from(height));
        }
    }
}
