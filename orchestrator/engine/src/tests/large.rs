//! Large jobs cost what their tasks cost: counted, not timed.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::result::Report;

use super::world::World;
use crate::event::Reported;
use crate::{Event, Read, Slice, missing};

/// A world in which this job came to its end.
fn done(job: &str) -> World {
    let mut world = World::new();
    let submitted = world.accept(job.as_bytes());
    world.batch(&[submitted]);
    loop {
        let reports: Vec<_> = world.open().into_iter().map(succeeded).collect();
        if reports.is_empty() {
            return world;
        }
        world.batch(&reports);
    }
}

fn succeeded(ticket: warrener_shared::id::Ticket) -> Event {
    let report = Report::Succeeded { output: b"1".to_vec() };
    Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost: None })
}

/// What the end of the job asks for, in order, until nothing is missing.
fn asked(world: &mut World) -> Vec<Read> {
    let mut slice = Slice::new(world.limits, 1);
    let event = Event::AllEnded(JobNo(1));
    let mut asked = Vec::new();
    loop {
        let reads = missing(&slice, &event);
        if reads.is_empty() {
            return asked;
        }
        for read in reads {
            asked.push(read.clone());
            world.load(&mut slice, read);
        }
    }
}

#[test]
fn the_end_of_a_star_reads_its_outputs_at_once() {
    let others: Vec<_> = (1..500).map(|at| format!(r#""t{at}":{{"kind":"k","needs":"t0"}}"#)).collect();
    let mut world = done(&format!(r#"{{"tasks":{{"t0":{{"kind":"k"}},{}}}}}"#, others.join(",")));
    let row = &world.jobs[&JobNo(1)];
    assert_eq!((row.state, row.counts.get(TaskState::Succeeded)), (JobState::Succeeded, 500));
    let output: serde_json::Value = serde_json::from_slice(row.output.as_deref().unwrap()).unwrap();
    assert_eq!(output.as_object().unwrap().len(), 499);
    let first = row.first_task;
    assert_eq!(asked(&mut world), [Read::Job(JobNo(1)), Read::Tasks(TaskNo(first.0 + 1), 499)]);
}

#[test]
fn the_end_of_a_job_reads_lists_and_what_stands_apart() {
    let mut world = done(
        r#"{"tasks":{"a":{"kind":"k"},"between":{"kind":"k"},"b":{"kind":"k","needs":"between"},
            "m":{"kind":"k","for_each":[1,2]}}}"#,
    );
    let row = &world.jobs[&JobNo(1)];
    assert_eq!(row.output.as_deref(), Some(&br#"{"a":1,"b":1,"m":[1,1]}"#[..]));
    let no = |at| TaskNo(row.first_task.0 + at);
    let lists = Read::Lists { task: no(3), results: false };
    let reads = [Read::Job(JobNo(1)), Read::Tasks(no(0), 1), Read::Tasks(no(2), 2), lists];
    assert_eq!(asked(&mut world), reads);
}
