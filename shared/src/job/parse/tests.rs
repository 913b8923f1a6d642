mod hostile;
mod scale;
mod schema;
mod sound;
mod sub_jobs;

use super::*;

/// The codes and pointers of everything wrong with a job, sorted.
fn wrong(body: &[u8]) -> Vec<(String, String)> {
    wrong_with(body, &SubmitContext::default(), &Limits::DEFAULT)
}

fn wrong_with(body: &[u8], context: &SubmitContext<'_>, limits: &Limits) -> Vec<(String, String)> {
    let problems = parse(body, context, limits).err().unwrap_or_default();
    let mut found: Vec<_> = problems.into_iter().map(|problem| (problem.code, problem.pointer)).collect();
    found.sort();
    found
}

fn job(body: &str) -> JobSpec {
    parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT)
        .unwrap_or_else(|problems| panic!("{body}: {problems:#?}"))
}

fn hint(body: &str) -> String {
    let problems = parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap_err();
    problems.into_iter().find_map(|problem| problem.hint).unwrap_or_default()
}
