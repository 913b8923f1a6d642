//! The job of a schedule: judged as it would be submitted, as far as no expression in its input decides.

use super::super::TickJob;
use super::Fields;
use crate::expr::{Roots, Template};
use crate::job::field::Reader;
use crate::job::outline::{Outline, Undecided};
use crate::job::problem::{At, code};
use crate::job::raw::{Raw, Sort};
use crate::job::{check_job, report_expressions};
use crate::json::Doc;
use crate::limits::LABELS;

pub(super) fn read_job(field: &mut Fields<'_, '_, '_>) -> Option<TickJob> {
    let Some(job) = field.root.get("job") else {
        let detail = format_args!("a schedule needs a `job`");
        let added = field.reader.problems.add(&At::Root, code::MISSING_FIELD, detail);
        added.hint(format_args!("{{\"job\": {{\"kind\": \"demo.echo\"}}}}"));
        return None;
    };
    let at = At::Root.key("job");
    if !field.reader.is_object(job, &at, "a job, as it would be submitted") {
        return None;
    }
    for (key, why) in [
        ("id", "the id of the job is the schedule's name and the tick"),
        ("run_at", "the job starts at its tick; for a later start write `delay`"),
    ] {
        if job.get(key).is_some() {
            let added = field.reader.problems.add(&at.key(key), code::CONTRADICTION, format_args!("{why}"));
            added.hint(format_args!("leave it out"));
        }
    }
    job_labels(field.reader, job, &at);
    let input = job.get("input");
    let template = input.map(|input| read_input(field.reader, input, &at.key("input")));
    let problems = match input {
        Some(input) => {
            let outline = Outline::of_part(job, input, Undecided::default());
            check_job(&outline.bytes, outline.undecided(), field.reader.limits)
        }
        None => check_job(job.bytes(), Undecided::default(), field.reader.limits),
    };
    field.reader.adopt(problems, "/job");
    Some(TickJob { body: Doc::trusted(job.bytes()), input: template.unwrap_or(Some(None))? })
}

/// The labels that a tick adds.
const ADDED_LABELS: [&str; 2] = ["schedule", "tick"];

fn job_labels(reader: &mut Reader<'_>, job: Raw<'_>, at: &At<'_>) {
    let Some(labels) = job.get("labels").filter(|labels| labels.sort() == Sort::Object) else { return };
    let place = at.key("labels");
    let count = labels.entries().count();
    if count <= LABELS && count + ADDED_LABELS.len() > LABELS {
        let most = LABELS - ADDED_LABELS.len();
        let detail = format_args!("{count} labels; the job of a schedule may have {most}: it gets two more");
        reader.problems.add(&place, code::TOO_MANY, detail);
    }
    for name in ADDED_LABELS.into_iter().filter(|name| labels.get(name).is_some()) {
        let detail = format_args!("the label `{name}` is set by the schedule");
        reader.problems.add(&place.key(name), code::CONTRADICTION, detail);
    }
}

/// The input of the job, if it holds expressions. The outer `None` if one of them is wrong.
fn read_input(reader: &mut Reader<'_>, input: Raw<'_>, at: &At<'_>) -> Option<Option<Template>> {
    let roots = Roots { schedule: true, ..Roots::default() };
    match Template::parse(&Doc::trusted(input.bytes()), roots, reader.limits) {
        Ok(template) => Some(Some(template).filter(|template| !template.is_literal())),
        Err(problems) => {
            report_expressions(reader, problems, at);
            None
        }
    }
}
