//! Fair queues: whoever floods waits behind himself alone.

use std::collections::BTreeMap;

use warrener_shared::expr::{Roots, Template};
use warrener_shared::json::Doc;
use warrener_shared::limits::Limits;
use warrener_shared::wire::result::Report;

use super::world::World;
use crate::Event;
use crate::event::Reported;
use crate::limit::{KeptClaims, KeyRow, KeySettings, LimitKey};

/// A world whose queue `default` the tenants share, with room for one attempt, and these weights.
fn shared(weights: &[(&str, u32)]) -> World {
    let mut world = World::new();
    world.room = 1;
    let roots = Roots { task: true, ..Roots::default() };
    let key = Template::parse(&Doc::text("${{ job.labels.tenant }}"), roots, &Limits::DEFAULT).unwrap();
    world.book.share(BTreeMap::from([("default".to_owned(), key)]));
    let row = |(tenant, weight): &(&str, u32)| KeyRow {
        key: LimitKey::written(&format!("queue:default/{tenant}").into()),
        bucket: 0,
        paused_until: None,
        settings: KeySettings { weight: Some(*weight), ..KeySettings::default() },
    };
    let rows = weights.iter().map(row).collect();
    world.book.fill(Vec::new().into(), rows, Vec::new(), Vec::new(), KeptClaims::default());
    world
}

fn submit(world: &mut World, tenant: &str, count: usize, priority: u8) {
    let job = format!(r#"{{"kind":"k","priority":{priority},"labels":{{"tenant":"{tenant}"}}}}"#);
    let events: Vec<Event> = (0..count).map(|_| world.accept(job.as_bytes())).collect();
    world.batch(&events);
}

/// Tenants of the next attempts, in the order in which they went out.
fn next(world: &mut World, count: usize) -> Vec<String> {
    let mut order = Vec::new();
    for _ in 0..count {
        let ticket = world.open()[0];
        let row = &world.tasks[&ticket.task];
        order.push(world.specs[&row.job].labels["tenant"].clone());
        let report = Report::Succeeded { output: b"1".to_vec() };
        let report = Reported { ticket, report, worker: None, interrupted: false, cost: None };
        world.batch(&[Event::Reported(report)]);
    }
    order
}

fn count(order: &[String], tenant: &str) -> usize {
    order.iter().filter(|one| *one == tenant).count()
}

#[test]
fn a_flood_of_one_delays_nobody_else() {
    let mut world = shared(&[]);
    submit(&mut world, "acme", 100, 4);
    next(&mut world, 20);
    submit(&mut world, "bell", 10, 4);
    let order = next(&mut world, 20);
    assert!((9..=11).contains(&count(&order, "bell")), "one half each, though acme was first: {order:?}");
    assert!(order[..3].contains(&"bell".to_owned()), "a key that comes waits for no others of a flood: {order:?}");
}

#[test]
fn who_was_idle_has_no_credit() {
    let mut world = shared(&[]);
    submit(&mut world, "bell", 1, 4);
    submit(&mut world, "acme", 60, 4);
    next(&mut world, 41);
    submit(&mut world, "bell", 20, 4);
    let order = next(&mut world, 10);
    assert!((4..=6).contains(&count(&order, "bell")), "{order:?}");
}

#[test]
fn weights_are_shares_and_priority_goes_first() {
    let mut world = shared(&[("acme", 3)]);
    submit(&mut world, "acme", 100, 4);
    submit(&mut world, "bell", 100, 4);
    let order = next(&mut world, 40);
    assert!((29..=31).contains(&count(&order, "acme")), "{order:?}");
    submit(&mut world, "coil", 2, 9);
    assert_eq!(count(&next(&mut world, 3), "coil"), 2);
}
