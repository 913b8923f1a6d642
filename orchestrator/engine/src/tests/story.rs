//! Stories: a job, what happens to it, and what the engine decides, as text that anybody can read.
//!
//! They are in `tests/story/`; its README says how to read and write one.

mod act;
mod tell;

use std::fmt::Write;

use warrener_shared::job::{parse_duration, yaml};
use warrener_shared::time::Millis;

use super::world::{EPOCH, World};

macro_rules! stories {
    ($($area:ident)*) => {
        /// All stories, by area.
        pub(super) const AREAS: &[(&str, &str)] =
            &[$((stringify!($area), include_str!(concat!("../../../../tests/story/", stringify!($area), ".story"))),)*];

        $(#[test]
        fn $area() {
            let (name, text) = AREAS.iter().find(|(name, _)| *name == stringify!($area)).unwrap();
            check(name, text);
        })*
    };
}

stories! {
    submit needs run_on conditions fail_fast outputs retry release clocks cancel pause for_each item_failures
    job_state crash reports events job_retry task_retry skip built_in items pictures
    allowed min_successes parallel rounds replace
}

/// One story: what there is at first, and what happens.
struct Story<'a> {
    title: &'a str,
    world: World,
    job: Vec<u8>,
    lines: Vec<Line<'a>>,
}

/// At a time, something happens, and this is what is decided.
struct Line<'a> {
    at: Millis,
    acts: &'a str,
    expected: String,
}

/// Plays all stories of an area and shows every line that went otherwise.
fn check(area: &str, text: &str) {
    let mut wrong = String::new();
    let stories = parse(text);
    assert!(!stories.is_empty(), "no story in {area}");
    for mut story in stories {
        for line in &story.lines {
            let actual = play(&mut story.world, line, &story.job);
            if actual != line.expected {
                let (title, at, acts) = (story.title, line.at, line.acts);
                writeln!(wrong, "{title}, at {at}, {acts}\n  expected | {}\n  decided  | {actual}", line.expected)
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "tests/story/{area}.story:\n{wrong}");
}

/// Plays all stories of an area for what they reach, whatever they expect.
pub(super) fn worlds(text: &str) -> Vec<World> {
    let play_all = |mut story: Story<'_>| {
        for line in &story.lines {
            play(&mut story.world, line, &story.job);
        }
        story.world
    };
    parse(text).into_iter().map(play_all).collect()
}

fn play(world: &mut World, line: &Line<'_>, job: &[u8]) -> String {
    let now = EPOCH + line.at;
    assert!(now >= world.now, "{} is in the past", line.at);
    let missed = world.next_due().filter(|due| *due < now && line.acts != "late");
    assert!(missed.is_none(), "before {}, {}, a timer at {} is due", line.at, line.acts, missed.unwrap().since(EPOCH));
    world.at(line.at);
    act::play(world, line.acts, job)
}

fn parse(text: &str) -> Vec<Story<'_>> {
    let mut stories: Vec<Story<'_>> = Vec::new();
    let mut field: Option<(&str, String)> = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            finish(&mut field, stories.last_mut());
            stories.push(Story { title, world: World::new(), job: Vec::new(), lines: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("t=") {
            let story = stories.last_mut().expect("a story has a title");
            finish(&mut field, Some(story));
            story.lines.push(parse_line(rest));
        } else if line.trim_start().starts_with('|') {
            let expected = line.trim_start().trim_start_matches('|').trim();
            let last = stories.last_mut().and_then(|story| story.lines.last_mut()).expect("a line goes before");
            last.expected = format!("{} {expected}", last.expected);
        } else if line.starts_with(' ') {
            let (_, value) = field.as_mut().unwrap_or_else(|| panic!("what does {line:?} belong to?"));
            writeln!(value, "{line}").unwrap();
        } else if let Some((name, value)) = line.split_once(':')
            && let Some(story) = stories.last_mut()
        {
            finish(&mut field, Some(story));
            field = Some((name, format!("{value}\n")));
        } else {
            assert!(line.is_empty() || stories.is_empty(), "what is {line:?}?");
        }
    }
    stories
}

fn parse_line(text: &str) -> Line<'_> {
    let (what, expected) =
        text.split_once(" |").unwrap_or_else(|| panic!("a line has an event and a decision: {text}"));
    let (at, acts) = what.split_once(' ').unwrap_or_else(|| panic!("a line has a time and an event: {text}"));
    Line { at: span(at), acts: acts.trim(), expected: expected.trim().to_owned() }
}

/// A field of a story is complete.
fn finish(field: &mut Option<(&str, String)>, story: Option<&mut Story<'_>>) {
    let (Some((name, value)), Some(story)) = (field.take(), story) else { return };
    let number = |text: &str| text.trim().parse::<usize>().unwrap_or_else(|_| panic!("{name} is a number: {text}"));
    match name {
        "job" => {
            let json = yaml::to_json(value.as_bytes(), &story.world.limits);
            story.job = json.unwrap_or_else(|error| panic!("{}: {error}", story.title)).json().to_vec();
        }
        "room" => story.world.room = number(&value),
        "dice" => story.world.dice = u32::try_from(u64::from(u32::MAX) * number(&value) as u64 / 100).unwrap(),
        "most items" => story.world.limits.tasks = number(&value),
        "most queues" => story.world.limits.queues = number(&value),
        "most output" => story.world.limits.resolved_bytes = number(&value),
        _ => panic!("no field {name}"),
    }
}

/// `5` is seconds, as is `5s`; `1m30s` and the like work too.
fn span(text: &str) -> Millis {
    let seconds = text.parse::<f64>().ok().map(|seconds| Millis((seconds * 1000.0).round() as u64));
    seconds.or_else(|| parse_duration(text).ok()).unwrap_or_else(|| panic!("{text} is no time"))
}
