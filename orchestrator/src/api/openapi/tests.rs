use axum::http::StatusCode;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::document;
use crate::api::routes::ROUTES;
use crate::api::tests::law::{every_get, furnish};
use crate::api::tests::world::World;

fn read() -> Value {
    serde_json::from_slice(&document(ROUTES)).unwrap()
}

/// A judge of values of a schema of the document.
fn judge(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    jsonschema::validator_for(&schema).unwrap()
}

fn faults(judge: &Validator, value: &Value) -> Vec<String> {
    judge.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_route_is_described_with_examples_that_fit() {
    let document = read();
    let mut ids = std::collections::BTreeSet::new();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        let what = format!("{} {}", route.method, route.path);
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{what}");
        assert!(ids.insert(operation["operationId"].to_string()), "{what}: two operations have one id");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(parameter["description"].is_string(), "{what}: {parameter}");
            let judge = judge(&document, &parameter["schema"]);
            assert_eq!(faults(&judge, &parameter["example"]), Vec::<String>::new(), "{what}: {parameter}");
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{what}: no success");
        let bodies = answers.values().chain([&operation["requestBody"]]).filter_map(|part| part["content"].as_object());
        for media in bodies.flat_map(|content| content.values()) {
            let judge = judge(&document, &media["schema"]);
            let several =
                media["examples"].as_object().into_iter().flat_map(|all| all.values().map(|one| &one["value"]));
            let examples: Vec<&Value> = media.get("example").into_iter().chain(several).collect();
            assert!(!examples.is_empty(), "{what}: no example");
            for example in examples {
                assert_eq!(faults(&judge, example), Vec::<String>::new(), "{what}: {example}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_is_described() {
    let mut world = World::new();
    furnish(&mut world).await;
    let served = world.get("/api/v1/openapi.json").await.ok();
    assert_eq!(served, read());
    for (route, path) in every_get() {
        let answer = world.get(&path).await;
        let described = &served["paths"][route]["get"]["responses"][answer.status.as_str()];
        assert!(described.is_object(), "{path}: {} is not described", answer.status);
        let sort = answer.header("content-type").to_owned();
        let media = &described["content"][&sort];
        assert!(media.is_object(), "{path}: {sort} is not described");
        if sort.contains("json") {
            let judge = judge(&served, &media["schema"]);
            assert_eq!(faults(&judge, &answer.json()), Vec::<String>::new(), "{path}: {}", answer.text);
        }
    }
    let refused = world.post("/api/v1/jobs", "{}").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let schema = &served["paths"]["/api/v1/jobs"]["post"]["responses"]["422"]["content"]["application/problem+json"];
    assert_eq!(faults(&judge(&served, &schema["schema"]), &refused.json()), Vec::<String>::new());
}
