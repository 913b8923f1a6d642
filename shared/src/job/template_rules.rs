//! Reading the templates of a job: each is sound by itself, none uses itself, and they end within the depth of jobs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::field::Reader;
use super::graph;
use super::problem::{At, code, quoted};
use super::raw::Raw;
use super::templates::{JobTemplates, TemplateNames, uses};
use crate::id::{InvalidName, TaskName};
use crate::limits::SUB_JOB_LEVELS;

/// A template as it is written.
struct Written<'a> {
    name: Cow<'a, str>,
    body: Raw<'a>,
    /// The templates that it uses, with the number of jobs between.
    uses: BTreeMap<Cow<'a, str>, u8>,
}

/// Reads the templates of the job `root`, and lets its tasks use them. `check` reports what is wrong with one.
pub(crate) fn read<'a>(
    reader: &mut Reader<'_>,
    root: Raw<'a>,
    jobs: Raw<'a>,
    mut check: impl FnMut(&mut Reader<'_>, Raw<'a>, &At<'_>),
) -> JobTemplates {
    let at = At::Root.key("jobs");
    if !reader.is_object(jobs, &at, "an object of templates by name") {
        return JobTemplates::default();
    }
    let around = reader.templates.take();
    let names = Rc::new(TemplateNames::of(jobs, around.clone()));
    reader.templates = Some(names);
    let mut written: Vec<Written<'_>> = Vec::new();
    for entry in jobs.entries() {
        let place = at.key(&entry.key);
        if let Err(error) = TaskName::new(&entry.key) {
            reader.invalid_name(&InvalidName { sort: "name of a template", ..error }, &place);
        }
        if around.as_ref().is_some_and(|around| around.contains(&entry.key)) {
            let detail = format_args!("a job around has a template {} already", quoted(&entry.key));
            reader.problems.add(&place, code::CONTRADICTION, detail).hint(format_args!("choose another name"));
        }
        if reader.is_object(entry.value, &place, "an object with `tasks`") {
            check(reader, entry.value, &place);
            written.push(Written { name: entry.key, body: entry.value, uses: uses(entry.value) });
        }
    }
    let positions: BTreeMap<&str, u32> = written.iter().zip(0..).map(|(template, at)| (&*template.name, at)).collect();
    let position = |name: &str| positions.get(name).copied();
    let needs: Vec<Vec<u32>> =
        written.iter().map(|template| template.uses.keys().filter_map(|name| position(name)).collect()).collect();
    let used = uses(root);
    if report_circles(reader, &written, &needs, &at) {
        report_depth(reader, &written, &used, position, &at);
    }
    let reached = reached(&needs, used.keys().filter_map(|name| position(name)).collect());
    let unused = written.iter().zip(0..).filter(|(_, at)| !reached.contains(at));
    let unused = unused.map(|(template, _)| Box::from(&*template.name)).collect();
    JobTemplates::new(written.iter().map(|template| (&*template.name, template.body)), unused)
}

/// Reports templates that use each other in a circle; true if there are none.
fn report_circles(reader: &mut Reader<'_>, written: &[Written<'_>], needs: &[Vec<u32>], at: &At<'_>) -> bool {
    let mut circles = graph::cycles(needs);
    // A circle of one is none of waiting tasks.
    let alone = needs.iter().zip(0..).filter(|(needs, own)| needs.contains(own)).map(|(_, own)| vec![own]);
    circles.extend(alone);
    for circle in &circles {
        let names: Vec<&str> = circle.iter().chain(&circle[..1]).map(|at| &*written[*at as usize].name).collect();
        let detail = format_args!("these templates use each other: {}", names.join(" -> "));
        let added = reader.problems.add(&at.key(names[0]), code::CYCLE, detail);
        added.hint(format_args!("`a -> b` means that a task of a runs b; a loop is written with `repeat`"));
    }
    circles.is_empty()
}

/// Reports templates that the job uses and that end deeper than jobs may be nested.
fn report_depth<'a>(
    reader: &mut Reader<'_>,
    written: &[Written<'a>],
    used: &BTreeMap<Cow<'a, str>, u8>,
    position: impl Fn(&str) -> Option<u32>,
    at: &At<'_>,
) {
    let below = |template: &Written<'a>| {
        let uses = template.uses.iter();
        uses.filter_map(|(name, between)| Some((position(name)? as usize, usize::from(*between)))).collect()
    };
    let depths = depths(&written.iter().map(below).collect::<Vec<_>>());
    for (name, between) in used {
        let Some(template) = position(name) else { continue };
        let depth = usize::from(reader.level) + usize::from(*between) + depths[template as usize];
        if depth > usize::from(SUB_JOB_LEVELS) {
            let detail =
                format_args!("jobs of this template are nested {depth} deep, at most {SUB_JOB_LEVELS} are allowed");
            reader.problems.add(&at.key(name), code::OUT_OF_RANGE, detail);
        }
    }
}

/// Finds how many jobs stand below each template, given those that each uses and the number of jobs between. None uses
/// itself. Linear in uses.
fn depths(below: &[Vec<(usize, usize)>]) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; below.len()];
    let mut open: Vec<usize> = (0..below.len()).collect();
    while let Some(template) = open.pop() {
        // Each that uses it had it looked at.
        if depths[template].is_some() {
            continue;
        }
        let unknown = below[template].iter().map(|(at, _)| *at).filter(|at| depths[*at].is_none());
        let unknown: Vec<usize> = unknown.collect();
        if unknown.is_empty() {
            let depth = below[template].iter().map(|(at, between)| between + depths[*at].unwrap_or_default()).max();
            depths[template] = Some(depth.unwrap_or_default());
        } else {
            open.push(template);
            open.extend(unknown);
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

/// Finds these templates, and all that they use.
fn reached(needs: &[Vec<u32>], mut open: Vec<u32>) -> BTreeSet<u32> {
    let mut reached = BTreeSet::new();
    while let Some(template) = open.pop() {
        if reached.insert(template) {
            open.extend(&needs[template as usize]);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_is_looked_at_once_however_many_use_it() {
        // Looked at anew for each that uses it, this would be more than a billion looks.
        let below: Vec<Vec<_>> = (0..3_000).map(|at| (0..at).map(|used| (used, 1)).collect()).collect();
        let start = std::time::Instant::now();
        assert_eq!(depths(&below).last(), Some(&2_999));
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
