//! Language: what its loops cost, and the check of a job made of templates.

use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;

use super::super::promise::{ROUNDS, TEMPLATES};
use super::{BenchRow, Failure, Measure, Rounds, SCALE_ROUNDS};
use crate::exit::Exit;

impl Rounds<'_> {
    pub(super) async fn language(&self) -> Result<Vec<Measure>, Failure> {
        let (mut ratios, mut checks) = (Vec::new(), Vec::new());
        let large = uses(USES, TEMPLATE_TASKS);
        for _ in self.rounds("language").take(SCALE_ROUNDS) {
            let (items, _) = self.cost(one_by_one(STEPS), STEPS, 1).await?;
            let (rounds, _) = self.cost(repeated(STEPS), STEPS, 1).await?;
            ratios.push(rounds / items);
            checks.push(check(&large)?);
        }
        Ok(vec![
            Measure::of_rounds(BenchRow::Language, ROUNDS, "", ratios),
            Measure::of_rounds(BenchRow::Language, TEMPLATES, "ms", checks),
        ])
    }
}

/// Time that reading and checking a submit takes, in milliseconds.
fn check(job: &str) -> Result<f64, Failure> {
    let began = std::time::Instant::now();
    let found = parse(job.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT);
    let took = began.elapsed().as_secs_f64() * 1e3;
    let why = |problems: Vec<_>| Failure::new(Exit::Refused, format!("the job is refused: {problems:?}"));
    found.map(|_| took).map_err(why)
}

/// Job of so many rounds of one task.
fn repeated(rounds: usize) -> String {
    let repeat = format!(r#"{{"until":"output >= {rounds}","max":{rounds}}}"#);
    let task = format!(r#"{{"kind":"demo.echo","input":"${{{{ (previous or 0) + 1 }}}}","repeat":{repeat}}}"#);
    format!(r#"{{"tasks":{{"a":{task}}},"output":null}}"#)
}

/// Job of so many items, each after the one before.
fn one_by_one(items: usize) -> String {
    let list = (0..items).map(|item| item.to_string()).collect::<Vec<_>>().join(",");
    let each = format!(r#"{{"items":[{list}],"max_parallel":1}}"#);
    let task = format!(r#"{{"kind":"demo.echo","input":"${{{{ item + 1 }}}}","for_each":{each}}}"#);
    format!(r#"{{"tasks":{{"a":{task}}},"output":null}}"#)
}

/// Job that uses a template of so many tasks so many times.
fn uses(count: usize, tasks: usize) -> String {
    let task = |no: usize| match no {
        0 => r#""t0":{"kind":"demo.echo","input":"${{ input.n }}"}"#.to_owned(),
        no => format!(r#""t{no}":{{"kind":"demo.echo","input":"${{{{ tasks.t{}.output }}}}"}}"#, no - 1),
    };
    let template = (0..tasks).map(task).collect::<Vec<_>>().join(",");
    let one = |no| format!(r#""u{no}":{{"kind":"warrener.job","input":{{"use":"build","input":{{"n":{no}}}}}}}"#);
    let uses = (0..count).map(one).collect::<Vec<_>>().join(",");
    format!(r#"{{"jobs":{{"build":{{"tasks":{{{template}}}}}}},"tasks":{{{uses}}},"output":null}}"#)
}

/// Rounds, and items.
const STEPS: usize = 10_000;
const USES: usize = 1_000;
const TEMPLATE_TASKS: usize = 50;
