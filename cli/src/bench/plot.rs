//! The rows that are curves, as pictures.

mod chart;

use std::path::Path;

use self::chart::{Chart, ChartAxis, ChartLine};
use super::measure::Measure;
use super::rounds::{P50, P99, TASKS};
use crate::exit::Exit;
use crate::failure::Failure;

/// Draws what was measured of `sizes` and `load` into a folder, which is made if need be; says which files it wrote.
pub(super) fn draw(folder: &Path, measures: &[Measure]) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::new(Exit::Error, format!("writing plots to {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut written = Vec::new();
    for (name, chart) in [("sizes.svg", sizes(measures)), ("load.svg", load(measures))] {
        if chart.lines.iter().all(|line| line.points.is_empty()) {
            continue;
        }
        let file = folder.join(name);
        std::fs::write(&file, chart.svg()).map_err(failed)?;
        written.push(file.display().to_string());
    }
    Ok(written)
}

fn sizes(measures: &[Measure]) -> Chart {
    Chart {
        title: "Throughput against the size of a job",
        across: ChartAxis { label: "tasks in one job", is_log: true },
        up: ChartAxis { label: "tasks in a second", is_log: false },
        lines: vec![
            line("Warrener", OURS, false, points(measures, TASKS, |measure| Some(measure.value))),
            line("the broker alone", RAW, false, points(measures, TASKS, |measure| measure.raw)),
        ],
    }
}

fn load(measures: &[Measure]) -> Chart {
    Chart {
        title: "Latency of single jobs against the load",
        across: ChartAxis { label: "jobs offered in a second", is_log: false },
        up: ChartAxis { label: "ms from when it was due to its answer", is_log: true },
        lines: vec![
            line("Warrener, p99", OURS, true, points(measures, P99, |measure| Some(measure.value))),
            line("Warrener, p50", OURS, false, points(measures, P50, |measure| Some(measure.value))),
            line("the broker alone, p99", RAW, true, points(measures, P99, |measure| measure.raw)),
            line("the broker alone, p50", RAW, false, points(measures, P50, |measure| measure.raw)),
        ],
    }
}

fn points(measures: &[Measure], what: &str, of: fn(&Measure) -> Option<f64>) -> Vec<(f64, f64)> {
    measures.iter().filter(|measure| measure.what == what).filter_map(|one| Some((one.at?, of(one)?))).collect()
}

const fn line(name: &'static str, color: &'static str, is_dashed: bool, points: Vec<(f64, f64)>) -> ChartLine {
    ChartLine { name, color, is_dashed, points }
}

/// Both are read on white and on black.
const OURS: &str = "#2f81f7";
const RAW: &str = "#bf8700";

#[cfg(test)]
mod tests;
