//! The AsyncAPI document, held against the golden messages and the words of the protocol.

#![allow(clippy::unwrap_used, reason = "a document of another form is a failed test")]

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use warrener_shared::job::yaml::to_json;
use warrener_shared::limits::Limits;

use crate::{read, root};

fn document() -> Value {
    let converted =
        to_json(read("shared/asyncapi.yaml").as_bytes(), &Limits::DEFAULT).unwrap_or_else(|e| panic!("{e}"));
    serde_json::from_slice(converted.json()).unwrap()
}

/// What a reference leads to, or the thing itself.
fn follow<'d>(document: &'d Value, thing: &'d Value) -> &'d Value {
    match thing["$ref"].as_str() {
        Some(to) => document.pointer(&to[1..]).unwrap_or_else(|| panic!("{to} leads nowhere")),
        None => thing,
    }
}

/// A validator of a schema of the document, which may be a file beside it.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let schema = match schema["schema"]["$ref"].as_str() {
        Some(file) => serde_json::from_str(&read(&format!("shared/{file}"))).unwrap(),
        None => json!({"allOf": [schema], "components": document["components"]}),
    };
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Every message with its channel.
fn messages<'d>(document: &'d Value) -> Vec<(&'d Value, &'d Value)> {
    let channels = document["channels"].as_object().unwrap().values();
    let of = |channel: &'d Value| object(&channel["messages"]).map(move |message| (channel, follow(document, message)));
    channels.flat_map(of).collect()
}

fn object(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_object().unwrap().values()
}

#[test]
fn every_golden_message_is_one_of_the_document() {
    let document = document();
    let mut shown = BTreeSet::new();
    for (channel, message) in messages(&document) {
        let (title, payload) = (message["title"].as_str().unwrap(), validator(&document, &message["payload"]));
        for name in message["x-golden"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()) {
            assert!(shown.insert(name.to_owned()), "{name} is shown twice");
            let golden: Value = serde_json::from_str(&read(&format!("shared/golden/{name}.json"))).unwrap();
            let problems: Vec<_> = payload.iter_errors(&golden["body"]).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{name} is no {title:?}: {problems:?}");
            if message.get("headers").is_some() {
                let headers = validator(&document, &message["headers"]);
                assert!(headers.is_valid(&golden["headers"]), "the headers of {name} are not those of {title:?}");
            } else {
                assert_eq!(golden["headers"], json!({}), "{title:?} has no headers, {name} has");
            }
            let exchange = &channel["bindings"]["amqp"]["exchange"]["name"];
            if golden["exchange"] != "" {
                assert_eq!(golden["exchange"], *exchange, "{name} goes another way than {title:?}");
            }
            let kind = &message["bindings"]["amqp"]["messageType"];
            let is_free = golden["exchange"] == "warrener.tasks";
            assert!(is_free || golden["properties"]["type"] == *kind, "{name} is of the type {kind}");
            let content = message.get("contentType").unwrap_or_else(|| &document["defaultContentType"]);
            let found = &golden["properties"]["content_type"];
            assert!(found.is_null() || found == content, "{name} is {found}, {title:?} is {content}");
            for property in ["correlation_id", "reply_to"] {
                let echoes = message.get("correlationId").is_some();
                assert!(echoes || golden["properties"].get(property).is_none(), "{title:?} names no {property}");
            }
        }
    }
    let files = fs::read_dir(root().join("shared/golden")).unwrap();
    let files: BTreeSet<_> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(shown, files, "x-golden of shared/asyncapi.yaml and the files in shared/golden differ");
}

#[test]
fn every_type_of_the_protocol_is_one_of_the_document() {
    let (document, protocol) = (document(), read("shared/PROTOCOL.md"));
    let is_type = |word: &&str| {
        let parts = word.split_once('.');
        let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        parts.is_some_and(|(of, what)| ["job", "task", "schedule"].contains(&of) && letters(what))
    };
    let mut told: BTreeSet<&str> = protocol.split('`').skip(1).step_by(2).filter(is_type).collect();
    let kinds = messages(&document);
    let kinds = kinds.iter().filter_map(|(_, message)| message["bindings"]["amqp"]["messageType"].as_str());
    let kinds: BTreeSet<&str> = kinds.filter(is_type).collect();
    // A routing key, and the type of an event.
    let tick = &document["components"]["messages"]["cloud_tick"]["payload"]["properties"]["data"]["properties"]["type"];
    assert!(told.remove(tick["const"].as_str().unwrap()));
    assert!(told.len() > 12, "{told:?}");
    assert_eq!(told, kinds, "shared/PROTOCOL.md and shared/asyncapi.yaml name other types");
}

#[test]
fn events_are_those_of_the_states() {
    use warrener_shared::state::{JobState, TaskState};
    let document = document();
    let told =
        &document["components"]["messages"]["cloud_event"]["payload"]["properties"]["data"]["properties"]["type"];
    let states = JobState::ALL.iter().map(|state| state.event());
    let of_tasks = TaskState::ALL.iter().filter(|state| **state != TaskState::Waiting).map(|state| state.event());
    assert_eq!(told["enum"], json!(states.chain(of_tasks).collect::<Vec<_>>()));
}

#[test]
fn every_exchange_is_one_of_the_protocol() {
    let (document, protocol) = (document(), read("shared/PROTOCOL.md"));
    for channel in object(&document["channels"]) {
        let Some(exchange) = channel["bindings"]["amqp"]["exchange"].as_object() else { continue };
        let (name, kind) = (exchange["name"].as_str().unwrap(), exchange["type"].as_str().unwrap());
        let row = protocol.lines().find(|line| line.starts_with(&format!("| exchange `{name}`")));
        assert!(row.is_some_and(|row| row.contains(kind)), "{name} is no {kind} exchange of the protocol");
    }
}
