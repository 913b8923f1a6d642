use super::*;

fn arguments(table: &FieldTable) -> Vec<String> {
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    table.inner().iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
}

/// The table of the contract, word for word.
#[test]
fn an_orchestrator_declares_what_the_contract_lists() {
    let topology = Topology::orchestrator(&Names::default(), &[QueueName::default_queue()]);
    let exchanges: Vec<String> = topology
        .exchanges
        .iter()
        .map(|exchange| {
            format!("{} {:?} {}", exchange.name, exchange.routing, arguments(&exchange.arguments()).join(" "))
        })
        .collect();
    assert_eq!(
        exchanges,
        [
            "warrener.unrouted Fanout ",
            "warrener.dlx Direct ",
            "warrener.submit Direct alternate-exchange=warrener.unrouted",
            "warrener.tasks Direct alternate-exchange=warrener.unrouted",
            "warrener.results Direct alternate-exchange=warrener.unrouted",
            "warrener.events Topic ",
            "warrener.control Topic ",
            "warrener.workers Fanout ",
        ]
    );
    let queues: Vec<String> = topology
        .queues
        .iter()
        .map(|queue| format!("{} {}", queue.name, arguments(&queue.arguments()).join(" ")))
        .collect();
    let dlx = |key| format!("x-dead-letter-exchange=warrener.dlx x-dead-letter-routing-key={key}");
    let common = "x-overflow=reject-publish x-queue-type=quorum";
    assert_eq!(
        queues,
        [
            format!(
                "warrener.submit {} x-dead-letter-strategy=at-least-once x-delivery-limit=20 {common}",
                dlx("submit")
            ),
            format!(
                "warrener.results {} x-dead-letter-strategy=at-least-once x-delivery-limit=20 {common}",
                dlx("result")
            ),
            format!("warrener.dead x-delivery-limit=1000000 {common}"),
            format!("warrener.unrouted x-delivery-limit=1000000 {common}"),
            format!(
                "warrener.tasks.default {} x-delayed-retry-max=1000 x-delayed-retry-min=1000 \
                 x-delayed-retry-type=returned x-delivery-limit=20 {common}",
                dlx("task")
            ),
        ]
    );
    let bindings: Vec<String> =
        topology.bindings.iter().map(|one| format!("{} -{}-> {}", one.exchange, one.key, one.queue)).collect();
    assert_eq!(
        bindings,
        [
            "warrener.submit -submit-> warrener.submit",
            "warrener.results -results-> warrener.results",
            "warrener.dlx -submit-> warrener.dead",
            "warrener.dlx -task-> warrener.dead",
            "warrener.dlx -result-> warrener.dead",
            "warrener.unrouted --> warrener.unrouted",
            "warrener.tasks -default-> warrener.tasks.default",
        ]
    );
}

#[test]
fn a_lane_is_its_queue_and_its_binding() {
    let lane = Topology::task_queue(&Names::new("own"), &QueueName::new("gpu.large").expect("a good name"));
    assert!(lane.exchanges.is_empty());
    assert_eq!(lane.queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["own.tasks.gpu.large"]);
    assert_eq!(lane.bindings, [Binding::new("own.tasks.gpu.large".to_owned(), "own.tasks".to_owned(), "gpu.large")]);
}
