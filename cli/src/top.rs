//! `warrener top`: the overview in a terminal, as it changes.

mod screen;

use std::io::{IsTerminal as _, stdout};
use std::thread;
use std::time::Duration;

use clap::Args as ClapArgs;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use warrener_client::HttpClient;
use warrener_client::http::overview::Overview;

use self::screen::{Screen, draw};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{self, OutputFormat};
use crate::output::document;
use crate::talk;

/// Shortest time between two looks: each reads the newest jobs.
const SHORTEST: Duration = Duration::from_millis(500);
/// Longest wait for an answer; then the numbers before it stay, with a word on it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pace of the looks.
#[derive(Debug, ClapArgs)]
pub(crate) struct TopArgs {
    /// Time between two looks, at least 500ms
    #[arg(long, value_name = "DURATION", value_parser = options::duration, default_value = "2s")]
    interval: Duration,
}

/// Shows the overview until `q`; with `-o json` or `-o yaml` it is printed once.
pub(crate) async fn top(context: &Context, args: &TopArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let format = context.globals.output;
    if !matches!(format, OutputFormat::Table | OutputFormat::Wide) {
        let text = http.overview().await?.text;
        talk::document(&document(format, &text)?.unwrap_or(text))?;
        return Ok(Exit::Ok);
    }
    if !stdout().is_terminal() {
        return Err(Failure::new(Exit::Usage, "top needs a terminal; `warrener top -o json` prints the numbers once"));
    }
    // What is wrong with address or token is said before the terminal is taken.
    let first = http.overview().await?.value;
    let mut terminal = ratatui::try_init().map_err(|error| Failure::new(Exit::Error, error.to_string()))?;
    let shown = follow(&mut terminal, &http, first, args.interval.max(SHORTEST)).await;
    ratatui::restore();
    shown.map_err(|error| Failure::new(Exit::Error, format!("drawing: {error}")))?;
    Ok(Exit::Ok)
}

/// Draws the numbers again and again, until a key ends it.
async fn follow(
    terminal: &mut DefaultTerminal,
    http: &HttpClient,
    first: Overview,
    every: Duration,
) -> std::io::Result<()> {
    let mut keys = keys();
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.tick().await;
    let mut screen = Screen::new(first);
    loop {
        terminal.draw(|frame| draw(frame, &screen))?;
        let event = tokio::select! {
            event = keys.recv() => event,
            _ = looks.tick(), if !screen.is_held => {
                // A key is heard while an answer is awaited, too.
                let look = tokio::time::timeout(PATIENCE, http.overview());
                tokio::select! {
                    event = keys.recv() => event,
                    answer = look => {
                        match answer {
                            Ok(Ok(answer)) => screen.show(answer.value),
                            Ok(Err(error)) => screen.trouble = Some(error.to_string()),
                            Err(_) => screen.trouble = Some("no answer".to_owned()),
                        }
                        continue;
                    }
                }
            }
        };
        match event {
            Some(Event::Key(key)) if is_end(key) => return Ok(()),
            Some(Event::Key(KeyEvent { code: KeyCode::Char('p' | ' '), kind: KeyEventKind::Press, .. })) => {
                screen.is_held = !screen.is_held;
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

fn is_end(key: KeyEvent) -> bool {
    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

/// Keys and changes of the size, from a thread of its own, which nothing can interrupt and which does not keep the
/// process. Ends when the terminal is gone.
fn keys() -> mpsc::Receiver<Event> {
    let (tell, keys) = mpsc::channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if tell.blocking_send(event).is_err() {
                return;
            }
        }
    });
    keys
}
