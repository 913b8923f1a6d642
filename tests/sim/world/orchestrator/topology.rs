//! What the simulated orchestrator declares is what the real one declares.

use std::collections::BTreeSet;

use warrener_amqp::Topology;
use warrener_amqp::topology as product;
use warrener_shared::id::QueueName;

use super::World;
use crate::broker::{Routing, Shape};
use crate::plan::{Plan, Without};

#[test]
fn the_simulated_topology_is_the_real_one() {
    let mut world = World::new(Plan::new(1, &Without::default()), false);
    let (default, gpu) = (QueueName::default_queue(), QueueName::new("gpu").unwrap());
    world.declare_topology();
    for queue in [&default, &gpu] {
        world.declare_task_queue(queue);
    }
    let names = world.names.clone();
    let real = Topology::orchestrator(&names, &[default, gpu]);
    let (exchanges, queues, bindings) = world.broker.declared();

    let real_exchanges = real.exchanges.iter().filter(|exchange| exchange.name != names.events());
    let real_exchanges: BTreeSet<_> = real_exchanges
        .map(|exchange| {
            let is_fanout = exchange.routing == product::Routing::Fanout;
            // Plain words only: a topic is as a direct exchange then.
            assert!(is_fanout || exchange.routing == product::Routing::Direct || exchange.name == names.control());
            (exchange.name.clone(), is_fanout, exchange.alternate.clone())
        })
        .collect();
    let exchanges = exchanges.into_iter().map(|(name, routing, to)| (name, routing == Routing::Fanout, to));
    assert_eq!(exchanges.collect::<BTreeSet<_>>(), real_exchanges);

    let shape = |queue: &product::Queue| Shape {
        limit: u32::try_from(queue.delivery_limit).ok(),
        dead_letter: queue.dead_letter.as_ref().map(|dead| (dead.exchange.clone(), dead.key.to_owned())),
        at_least_once: queue.dead_letter.as_ref().is_some_and(|dead| dead.at_least_once),
        exclusive: None,
    };
    let mut real_queues: Vec<_> = real.queues.iter().map(|queue| (queue.name.clone(), shape(queue))).collect();
    real_queues.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(queues, real_queues);

    let real_bindings = real.bindings.into_iter().map(|binding| (binding.exchange, binding.key, binding.queue));
    assert_eq!(bindings.into_iter().collect::<BTreeSet<_>>(), real_bindings.collect());
}
