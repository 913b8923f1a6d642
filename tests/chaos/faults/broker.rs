//! Faults that the broker's administrator can make.

use std::time::Duration;

use anyhow::Context as _;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;

use super::{Deed, hold};
use crate::dice::Dice;
use crate::world::World;

pub(super) async fn alarm(world: &World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    let (set, clear) = match deed {
        Deed::MemoryAlarm => (["set_vm_memory_high_watermark", "0.0001"], ["set_vm_memory_high_watermark", "0.4"]),
        _ => (["set_disk_free_limit", "1000000GB"], ["set_disk_free_limit", "50MB"]),
    };
    world.node.control(&set).await?;
    let alarms = world.node.control(&["eval", "rabbit_alarm:get_alarms()."]).await?;
    hold(dice, 1_000, 4_000).await;
    world.node.control(&clear).await?;
    Ok(u32::from(alarms.contains("resource_limit")))
}

pub(super) async fn close_connections(world: &World) -> anyhow::Result<u32> {
    world.node.control(&["close_all_connections", "by hand"]).await?;
    Ok(1)
}

pub(super) async fn revoke(world: &World, dice: &mut Dice, user: &str) -> anyhow::Result<u32> {
    world.node.control(&["set_permissions", user, "^$", "^$", "^$"]).await?;
    hold(dice, 1_000, 4_000).await;
    world.import().await?;
    Ok(1)
}

pub(super) async fn policy(world: &World, dice: &mut Dice, pattern: &str, what: &str) -> anyhow::Result<u32> {
    let set = ["set_policy", "--priority", "100", "--apply-to", "queues", "chaos", pattern, what];
    world.node.control(&set).await?;
    hold(dice, 1_000, 4_000).await;
    world.node.control(&["clear_policy", "chaos"]).await?;
    Ok(1)
}

pub(super) async fn delete_queue(world: &World, queue: &str) -> anyhow::Result<u32> {
    let (_connection, channel) = world.hand().await?;
    let deleting = channel.queue_delete(format!("warrener.{queue}").into(), QueueDeleteOptions::default());
    timeout(ANSWER, deleting).await.context("deleting a queue")??;
    Ok(1)
}

pub(super) async fn delete_exchange(world: &World, exchange: &str) -> anyhow::Result<u32> {
    let (_connection, channel) = world.hand().await?;
    let deleting = channel.exchange_delete(format!("warrener.{exchange}").into(), ExchangeDeleteOptions::default());
    timeout(ANSWER, deleting).await.context("deleting an exchange")??;
    Ok(1)
}

/// Removes the binding of a queue of ours to the exchange that it is named for.
pub(super) async fn unbind(world: &World, queue: &str) -> anyhow::Result<u32> {
    let (_connection, channel) = world.hand().await?;
    let (exchange, key) = queue.split_once('.').unwrap_or((queue, queue));
    let (queue, exchange) = (format!("warrener.{queue}"), format!("warrener.{exchange}"));
    let removing = channel.queue_unbind(queue.into(), exchange.into(), key.into(), FieldTable::default());
    timeout(ANSWER, removing).await.context("removing a binding")??;
    Ok(1)
}

const ANSWER: Duration = Duration::from_secs(20);
