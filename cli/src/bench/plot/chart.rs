//! Lines over two axes, as SVG.

use std::fmt::Write as _;

use super::super::report::grouped;

/// A chart with lines over a common axis.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) across: ChartAxis,
    /// Upward axis: from 0, or if it is logarithmic from a power of ten.
    pub(super) up: ChartAxis,
    pub(super) lines: Vec<ChartLine>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ChartAxis {
    pub(super) label: &'static str,
    pub(super) is_log: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ChartLine {
    pub(super) name: &'static str,
    pub(super) color: &'static str,
    pub(super) is_dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
}

/// An axis with its ends, marks and length.
#[derive(Clone, Debug)]
struct Scale {
    is_log: bool,
    low: f64,
    high: f64,
    marks: Vec<f64>,
    length: f64,
}

impl Chart {
    /// The picture. A reader's choice of dark or light colours is followed.
    pub(super) fn svg(&self) -> String {
        let values = |of: fn(&(f64, f64)) -> f64| self.lines.iter().flat_map(|line| &line.points).map(of);
        let across = Scale::new(self.across, values(|point| point.0), WIDE);
        let up = Scale::new(self.up, values(|point| point.1), HIGH);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<title>{title}</title>\n{STYLE}\n<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{title}\
             </text>\n",
            LEFT + WIDE + RIGHT,
            TOP + HIGH + BOTTOM,
            title = self.title
        );
        grid(&mut text, self, &across, &up);
        for line in &self.lines {
            curve(&mut text, line, &across, &up);
        }
        legend(&mut text, &self.lines);
        text + "</svg>\n"
    }
}

impl Scale {
    fn new(axis: ChartAxis, values: impl Iterator<Item = f64> + Clone, length: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let marks = if axis.is_log { decades(least, most) } else { steps(most) };
        let (low, high) = (marks[0], marks[marks.len() - 1]);
        Self { is_log: axis.is_log, low, high, marks, length }
    }

    /// Distance of a value from the start of the axis.
    fn place(&self, value: f64) -> f64 {
        let part = if self.is_log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        part * self.length
    }
}

/// Powers of ten, and where there are few, 2 and 5 times as much between them.
fn decades(least: f64, most: f64) -> Vec<f64> {
    let first = least.max(SMALLEST).log10().floor();
    let last = most.max(SMALLEST).log10().ceil().max(first + 1.0);
    let between: &[f64] = if last - first > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let count = (last - first) as i32;
    let powers = (0..=count).map(|step| 10_f64.powi(first as i32 + step));
    let all: Vec<f64> = powers.flat_map(|power| between.iter().map(move |times| power * times)).collect();
    // From the last mark below all values to the first above them.
    let from = all.iter().rposition(|mark| *mark <= least).unwrap_or(0);
    let to = all.iter().position(|mark| *mark >= most && *mark > all[from]).unwrap_or(all.len() - 1);
    all[from..=to].to_vec()
}

/// Marks from 0 in round steps to the first that is not less than the most.
fn steps(most: f64) -> Vec<f64> {
    let rough = most.max(SMALLEST) / STEPS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    (0..=(most / step).ceil().max(1.0) as u32).map(|number| f64::from(number) * step).collect()
}

// Writing to a text can't fail.
fn grid(text: &mut String, chart: &Chart, across: &Scale, up: &Scale) {
    let (bottom, right) = (TOP + HIGH, LEFT + WIDE);
    for mark in &up.marks {
        let y = bottom - up.place(*mark);
        writeln!(
            text,
            "<path d=\"M{LEFT} {y:.1} H{right}\" class=\"grid\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">\
             {}</text>",
            LEFT - 8.0,
            y + 4.0,
            spelled(*mark)
        )
        .ok();
    }
    for mark in &across.marks {
        let x = LEFT + across.place(*mark);
        writeln!(
            text,
            "<path d=\"M{x:.1} {TOP} V{bottom}\" class=\"grid\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            spelled(*mark)
        )
        .ok();
    }
    let (middle, height) = (LEFT + WIDE / 2.0, TOP + HIGH / 2.0);
    writeln!(
        text,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n<text transform=\"translate(18 {height}) \
         rotate(-90)\" text-anchor=\"middle\">{}</text>",
        bottom + 42.0,
        chart.across.label,
        chart.up.label
    )
    .ok();
}

fn curve(text: &mut String, line: &ChartLine, across: &Scale, up: &Scale) {
    let places = line.points.iter().map(|(x, y)| (LEFT + across.place(*x), TOP + HIGH - up.place(*y)));
    let path: Vec<_> = places.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let (color, dash) = (line.color, dash(line));
    writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2.5\"{dash}/>",
        path.join(" ")
    )
    .ok();
    for ((x, y), (_, value)) in places.zip(&line.points) {
        let value = spelled(*value);
        writeln!(
            text,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{color}\"><title>{value}</title></circle>"
        )
        .ok();
    }
}

fn legend(text: &mut String, lines: &[ChartLine]) {
    let x = LEFT + WIDE + 20.0;
    for (row, line) in lines.iter().enumerate() {
        let y = TOP + 12.0 + row as f64 * 22.0;
        let (end, name) = (x + 28.0, x + 36.0);
        writeln!(
            text,
            "<path d=\"M{x} {y:.1} H{end}\" stroke=\"{}\" stroke-width=\"2.5\"{}/><text x=\"{name}\" y=\"{:.1}\">{}\
             </text>",
            line.color,
            dash(line),
            y + 4.0,
            line.name
        )
        .ok();
    }
}

const fn dash(line: &ChartLine) -> &'static str {
    if line.is_dashed { " stroke-dasharray=\"6 4\"" } else { "" }
}

fn spelled(value: f64) -> String {
    if value == 0.0 || value >= 100.0 {
        return grouped(value);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const STYLE: &str = "<style>text{fill:#24292f}.grid{stroke:#8b949e;stroke-opacity:.35}@media (prefers-color-scheme: \
                     dark){text{fill:#d0d7de}}</style>";
const WIDE: f64 = 520.0;
const HIGH: f64 = 300.0;
const TOP: f64 = 44.0;
const LEFT: f64 = 84.0;
/// Room for the legend.
const RIGHT: f64 = 210.0;
const BOTTOM: f64 = 60.0;
/// About so many steps of an even axis.
const STEPS: f64 = 6.0;
/// Value taken for 0 where only more than 0 can be shown.
const SMALLEST: f64 = 1e-3;
