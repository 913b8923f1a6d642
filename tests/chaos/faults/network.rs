//! Faults between the processes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::hold;
use crate::dice::Dice;
use crate::proxy::{Mode, Trap};
use crate::world::{Line, World};

pub(super) async fn cut(world: &World, dice: &mut Dice, line: Line) -> anyhow::Result<u32> {
    let mut hits = 0;
    for _ in 0..dice.between(1, 4) {
        hits += u32::from(world.proxy(line).cut() > 0);
        hold(dice, 100, 1_500).await;
    }
    Ok(hits)
}

pub(super) async fn mode(world: &World, dice: &mut Dice, line: Line, mode: Mode) -> anyhow::Result<u32> {
    let proxy = world.proxy(line);
    proxy.set(mode);
    if mode == Mode::Closed {
        proxy.cut();
    }
    hold(dice, 3_000, 9_000).await;
    proxy.set(Mode::Open);
    Ok(1)
}

/// Cuts at this moment, three times.
pub(super) async fn trap(world: &World, line: Line, trap: Trap) -> anyhow::Result<u32> {
    let proxy = world.proxy(line);
    let before = proxy.sprung();
    for round in 1..=3 {
        proxy.set_trap(Some(trap));
        let set = Instant::now();
        while proxy.sprung() < before + round && set.elapsed() < PATIENCE {
            sleep(Duration::from_millis(10)).await;
        }
    }
    proxy.set_trap(None);
    Ok(proxy.sprung() - before)
}

/// Longest wait for the moment that a trap is set for.
const PATIENCE: Duration = Duration::from_secs(6);
