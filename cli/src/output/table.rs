//! Columns for people.

use warrener_shared::shown;

/// Lines of cells under headers, as wide as their contents.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    color: Option<&'static str>,
}

impl Cell {
    /// A state, coloured by what it means.
    pub(crate) fn state(word: &str) -> Self {
        let color = match word {
            "succeeded" => Some("32"),
            "failed" | "timed_out" | "lost" => Some("31"),
            "running" | "dispatched" => Some("36"),
            "retrying" | "cancelling" | "paused" => Some("33"),
            "cancelled" | "skipped" => Some("90"),
            _ => None,
        };
        Self { text: shown::line(word).into_owned(), color }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padded(&self, width: usize, color: bool) -> String {
        let space = " ".repeat(width.saturating_sub(self.width()));
        match self.color.filter(|_| color) {
            Some(code) => format!("\x1b[{code}m{}\x1b[0m{space}", self.text),
            None => format!("{}{space}", self.text),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    /// Text on one line; what would not fit a terminal is cut.
    fn from(text: T) -> Self {
        let text: String = text.into();
        // A tab or a line break is a space here: an error of several lines reads well in one.
        let text: String = text.chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c }).collect();
        let text = shown::line(&text).into_owned();
        if text.chars().count() <= WIDEST {
            return Self { text, color: None };
        }
        Self { text: text.chars().take(WIDEST - 1).chain(['…']).collect(), color: None }
    }
}

impl Table {
    pub(crate) fn new(headers: &[&'static str]) -> Self {
        Self { headers: headers.to_vec(), rows: Vec::new() }
    }

    /// Adds a line. It has as many cells as there are headers.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.headers.len(), "a cell for each header");
        self.rows.push(cells);
    }

    /// The lines, without trailing spaces.
    pub(crate) fn render(&self, headers: bool, color: bool) -> String {
        let head: Vec<Cell> =
            self.headers.iter().map(|header| Cell { text: (*header).to_owned(), color: None }).collect();
        let lines: Vec<&Vec<Cell>> = headers.then_some(&head).into_iter().chain(&self.rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.headers.len()).map(width).collect();
        let line = |cells: &&Vec<Cell>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| cell.padded(*width, color));
            format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        lines.iter().map(line).collect()
    }
}

/// Characters of one cell; the rest can be had as JSON.
const WIDEST: usize = 80;
