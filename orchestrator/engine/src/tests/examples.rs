//! The examples that users start from, played to their end with the outputs that their programs give.

use warrener_shared::job::yaml;
use warrener_shared::limits::Limits;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::dispatch::Dispatch;
use warrener_shared::wire::result::Report;

use super::world::World;
use crate::Event;
use crate::event::Reported;

const TRAIN: &str = include_str!("../../../../examples/train-model/job.yaml");
const WORDS: &str = include_str!("../../../../examples/word-count/job.yaml");

/// Plays a job to its end; `answer` is what the worker of a message answers.
fn play(job: &str, answer: impl Fn(&Dispatch) -> String) -> (World, Vec<Dispatch>) {
    let mut world = World::new();
    let json = yaml::to_json(job.as_bytes(), &Limits::DEFAULT).unwrap();
    let submitted = world.accept(json.json());
    let mut sent: Vec<Dispatch> = world.batch(&[submitted]).dispatches().cloned().collect();
    let mut at = 0;
    while let Some(message) = sent.get(at) {
        let report = Report::Succeeded { output: answer(message).into_bytes() };
        let event =
            Event::Reported(Reported { ticket: message.ticket, report, worker: None, interrupted: false, cost: None });
        sent.extend(world.batch(&[event]).dispatches().cloned());
        at += 1;
    }
    (world, sent)
}

fn input_of(sent: &[Dispatch], task: &str) -> String {
    let message = sent.iter().find(|message| message.task.to_string() == task).expect("it went out");
    String::from_utf8(message.input.clone()).unwrap()
}

fn train(f1: &str) -> (World, Vec<Dispatch>) {
    play(TRAIN, |message| match message.kind.as_str() {
        "penguins.preprocess" => r#"{"train":"t.json","holdout":"h.json","folder":"/tmp/x"}"#.to_owned(),
        "penguins.score" => format!(r#"{{"score":{}}}"#, message.task.index.unwrap()),
        "penguins.pick" => r#"{"model":"tree"}"#.to_owned(),
        "penguins.fit" => r#"{"file":"/tmp/x/model.json"}"#.to_owned(),
        "penguins.evaluate" => format!(r#"{{"f1":{f1}}}"#),
        "penguins.deploy" => r#""deployed""#.to_owned(),
        _ => "null".to_owned(),
    })
}

#[test]
fn a_good_model_is_deployed() {
    let (world, sent) = train("0.97");
    let job = world.jobs.values().next().unwrap();
    assert_eq!(job.state, JobState::Succeeded);
    let output = r#"{"best":{"model":"tree"},"evaluation":{"f1":0.97},"deployed":"deployed"}"#;
    assert_eq!(job.output.as_deref(), Some(output.as_bytes()));
    assert_eq!(sent.iter().filter(|message| message.kind.as_str() == "penguins.score").count(), 24);
    let first = r#"{"train":"t.json","features":["bill_length_mm","bill_depth_mm"],"model":"neighbours","size":1}"#;
    assert_eq!(input_of(&sent, "sweep.0"), first);
    assert_eq!(input_of(&sent, "fit"), r#"{"train":"t.json","best":{"model":"tree"},"file":"/tmp/x/model.json"}"#);
    assert!(input_of(&sent, "pick").starts_with(r#"{"scores":[{"score":0},{"score":1},"#));
    assert_eq!(input_of(&sent, "cleanup"), r#"{"folder":"/tmp/x"}"#);
}

#[test]
fn a_bad_model_is_not_deployed_and_the_folder_is_cleaned_all_the_same() {
    let (world, sent) = train("0.5");
    let job = world.jobs.values().next().unwrap();
    assert_eq!(world.find("deploy").state, TaskState::Skipped);
    assert_eq!(world.find("cleanup").state, TaskState::Succeeded);
    assert_eq!(input_of(&sent, "cleanup"), r#"{"folder":"/tmp/x"}"#);
    let output = r#"{"best":{"model":"tree"},"evaluation":{"f1":0.5},"deployed":null}"#;
    assert_eq!(job.output.as_deref(), Some(output.as_bytes()));
}

#[test]
fn words_are_counted_in_every_file_and_summed_up() {
    let (world, sent) = play(WORDS, |message| match message.kind.as_str() {
        "text.list" => r#"{"files":["a","b","c"],"skipped":1}"#.to_owned(),
        "text.count" => format!(r#"{{"words":{}}}"#, message.task.index.unwrap() + 1),
        "text.merge" => r#"{"totals":{"words":6},"top":[]}"#.to_owned(),
        _ => r#"{"wc_agrees":true}"#.to_owned(),
    });
    assert_eq!(input_of(&sent, "count.1"), r#"{"file":"b"}"#);
    assert_eq!(input_of(&sent, "merge"), r#"{"parts":[{"words":1},{"words":2},{"words":3}],"top":20}"#);
    let output = r#"{"totals":{"words":6},"wc_agrees":true,"skipped":1,"top":[]}"#;
    assert_eq!(world.jobs.values().next().unwrap().output.as_deref(), Some(output.as_bytes()));
}
