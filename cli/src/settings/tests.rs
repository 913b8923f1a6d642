use std::collections::BTreeMap;

use warrener_runtime::config::{Binary, Loader};
use warrener_shared::limits::Limits;

#[derive(serde::Deserialize)]
struct WithLimits {
    limits: BTreeMap<String, u64>,
}

/// The configuration knows nothing of jobs, so its defaults repeat those of the job format.
#[test]
fn the_limits_of_the_configuration_are_those_of_the_job_format() {
    let empty = tempfile::tempdir().unwrap();
    let loader = Loader::new(Binary::Orchestrator).directory(empty.path()).environment([]);
    let mut found = loader.load::<WithLimits>().unwrap().value.limits;
    // How many queues there may be is no matter of the format.
    assert!(found.remove("queues").is_some());
    let limits = Limits::DEFAULT;
    let expected = [
        ("submit_bytes", limits.submit_bytes as u64),
        ("tasks", limits.tasks as u64),
        ("needs", limits.needs as u64),
        ("output_bytes", limits.output_bytes as u64),
        ("resolved_bytes", limits.resolved_bytes as u64),
        ("json_depth", limits.json_depth as u64),
        ("expression_chars", limits.expression_chars as u64),
        ("expression_fuel", limits.expression_fuel),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
}
