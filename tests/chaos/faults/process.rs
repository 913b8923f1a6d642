//! Processes that die or stand still.

use nix::sys::signal::Signal;

use super::{Deed, hold};
use crate::dice::Dice;
use crate::proxy::Mode;
use crate::world::World;

pub(super) async fn orchestrator(world: &mut World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    let Some(process) = world.orchestrator.take() else { return Ok(0) };
    match deed {
        Deed::KillOrchestrator => {
            process.kill().await;
            hold(dice, 0, 2_000).await;
        }
        Deed::StopOrchestrator => drop(process.stop().await),
        _ => {
            process.signal(Signal::SIGSTOP);
            hold(dice, 3_000, 12_000).await;
            process.signal(Signal::SIGCONT);
            world.orchestrator = Some(process);
        }
    }
    world.revive()?;
    Ok(1)
}

pub(super) async fn workers(world: &mut World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    let all: Vec<_> = (0..world.workers.len()).collect();
    let chosen = if deed == Deed::KillWorkers { all.clone() } else { vec![*dice.one_of(&all)] };
    let mut hits = 0;
    for place in chosen {
        let Some(process) = world.workers[place].process.take() else { continue };
        hits += 1;
        if deed == Deed::FreezeWorker {
            process.signal(Signal::SIGSTOP);
            hold(dice, 3_000, 12_000).await;
            process.signal(Signal::SIGCONT);
            world.workers[place].process = Some(process);
        } else {
            process.kill().await;
        }
    }
    hold(dice, 0, 1_000).await;
    world.revive()?;
    Ok(hits)
}

pub(super) async fn broker(world: &mut World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    match deed {
        Deed::KillBroker => world.node.kill().await?,
        Deed::RestartBroker => world.node.stop().await?,
        Deed::FreezeBroker => {
            world.node.pause()?;
            hold(dice, 3_000, 12_000).await;
            world.node.resume()?;
            return Ok(1);
        }
        _ => {
            world.forgot = true;
            world.node.kill().await?;
            world.node.forget()?;
            // A broker that is set up anew has its users before it takes connections.
            world.proxies.iter().for_each(|proxy| proxy.set(Mode::Closed));
        }
    }
    hold(dice, 0, 2_000).await;
    world.node.launch().await?;
    if deed == Deed::WipeBroker {
        world.import().await?;
        world.proxies.iter().for_each(|proxy| proxy.set(Mode::Open));
    }
    Ok(1)
}
