//! Databases that fail, hang or are changed by hand.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::Connection;
use tokio::process::Command;
use tokio::task::block_in_place;
use tokio::time::sleep;
use warrener_tests::cluster::Process;
use warrener_tests::postgres::Server;

use super::{Deed, hold};
use crate::dice::Dice;
use crate::world::World;

pub(super) async fn file(world: &mut World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    match deed {
        Deed::FullDisk => {
            block_in_place(|| world.disk.fill())?;
            hold(dice, 2_000, 6_000).await;
            world.disk.empty()?;
        }
        Deed::HoldLock => {
            let stranger = Connection::open(world.disk.folder().join("warrener.db"))?;
            stranger.busy_timeout(Duration::from_secs(10))?;
            block_in_place(|| stranger.execute_batch("BEGIN IMMEDIATE"))?;
            hold(dice, 2_000, 6_000).await;
            stranger.execute_batch("ROLLBACK")?;
        }
        _ => {
            let pid = world.orchestrator.as_ref().and_then(|process| process.pid()).context("it runs")?;
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"]);
            command.args(["-o", "/dev/null", "-p", &pid.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
            let mut strace = command.kill_on_drop(true).spawn().context("strace")?;
            hold(dice, 2_000, 6_000).await;
            let attached = strace.try_wait()?.is_none();
            if let Some(tracer) = strace.id().and_then(|pid| i32::try_from(pid).ok()) {
                // It lets go of the process before it ends.
                kill(Pid::from_raw(tracer), Signal::SIGINT).ok();
            }
            strace.wait().await?;
            // It ends itself at once: nobody knows what a disk kept that did not sync.
            let end = world.orchestrator.as_mut().and_then(Process::end);
            let aborted = end.is_some_and(|end| end == format!("signal {}", Signal::SIGABRT as i32));
            if aborted {
                world.orchestrator = None;
            }
            return Ok(u32::from(aborted || attached));
        }
    }
    Ok(1)
}

/// Tells whether system calls can be made to fail here.
pub(super) fn can_trace() -> bool {
    let tried =
        std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

pub(super) async fn postgres(world: &mut World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    let server = world.postgres.as_mut().context("jobs are kept in PostgreSQL")?;
    match deed {
        Deed::KillPostgres => {
            block_in_place(|| server.kill());
            hold(dice, 0, 2_000).await;
            block_in_place(|| server.launch());
            Ok(1)
        }
        Deed::EndBackends => {
            let mut hits = 0;
            for _ in 0..5 {
                let ended = ask(server, &format!("SELECT count(pg_terminate_backend(pid)) {OTHERS}"));
                hits += u32::from(ended.trim() != "0");
                hold(dice, 50, 600).await;
            }
            Ok(hits)
        }
        Deed::KillBackend => {
            let pids = backends(server);
            let Some(pid) = pids.first() else { return Ok(0) };
            kill(*pid, Signal::SIGKILL)?;
            sleep(Duration::from_secs(1)).await;
            Ok(1)
        }
        Deed::FreezeBackends => {
            let pids = backends(server);
            for pid in &pids {
                kill(*pid, Signal::SIGSTOP)?;
            }
            hold(dice, 3_000, 9_000).await;
            for pid in &pids {
                // It may have been ended meanwhile.
                kill(*pid, Signal::SIGCONT).ok();
            }
            Ok(u32::from(!pids.is_empty()))
        }
        _ => {
            ask(server, "SET lock_timeout = '5s'; ALTER TABLE warrener.tasks RENAME TO away");
            hold(dice, 2_000, 6_000).await;
            ask(server, "ALTER TABLE warrener.away RENAME TO tasks");
            Ok(1)
        }
    }
}

fn backends(server: &Server) -> Vec<Pid> {
    let pids = ask(server, &format!("SELECT pid {OTHERS}"));
    pids.lines().filter_map(|pid| pid.trim().parse().ok()).map(Pid::from_raw).collect()
}

fn ask(server: &Server, statement: &str) -> String {
    block_in_place(|| server.sql(statement))
}

/// The backends of the orchestrator.
const OTHERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
