//! Faults that are made, each with its name and its words in the table.

mod broker;
mod foreign;
mod network;
mod process;
mod store;

use std::time::Duration;

use tokio::time::sleep;

use crate::dice::Dice;
use crate::proxy::{Mode, Trap};
use crate::world::{Line, Store, World};

/// Sort of fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// As it is typed.
    pub(crate) name: &'static str,
    /// Words for the table.
    pub(crate) what: &'static str,
    /// With which store it can be done; `None` means with both.
    pub(crate) store: Option<Store>,
    /// Deed that makes it.
    pub(crate) deed: Deed,
}

/// Deeds that make faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    KillOrchestrator,
    StopOrchestrator,
    FreezeOrchestrator,
    KillWorker,
    KillWorkers,
    FreezeWorker,
    KillBroker,
    RestartBroker,
    FreezeBroker,
    WipeBroker,
    SetClock(i64),
    Cut(Line),
    Silence(Line),
    Slow(Line),
    Refuse(Line),
    Trap(Line, Trap),
    MemoryAlarm,
    DiskAlarm,
    CloseConnections,
    Revoke(&'static str),
    DeleteQueue(&'static str),
    DeleteExchange(&'static str),
    Unbind(&'static str),
    Policy(&'static str, &'static str),
    FullDisk,
    HoldLock,
    FailSync,
    KillPostgres,
    EndBackends,
    KillBackend,
    FreezeBackends,
    TableAway,
    FullReply,
    GoneReply,
    HeadlessReply,
    Nonsense,
}

impl Fault {
    /// All that can be done with this store on this machine, and what can't, with the reason.
    pub(crate) fn possible(world: &World) -> (Vec<&'static Self>, Vec<String>) {
        let (mut possible, mut left_out) = (Vec::new(), Vec::new());
        for fault in ALL.iter().filter(|fault| fault.store.is_none_or(|store| store == world.store)) {
            let reason = match fault.deed {
                Deed::SetClock(_) if !world.clock.can_be_set() => Some("libfaketime is not installed"),
                Deed::FullDisk if !world.disk.can_be_full() => Some("only root may mount a small disk"),
                Deed::FailSync if !store::can_trace() => Some("strace is not installed, or may not attach"),
                _ => None,
            };
            match reason {
                None => possible.push(fault),
                Some(reason) => left_out.push(format!("{}: {reason}", fault.name)),
            }
        }
        (possible, left_out)
    }

    /// Does it, holds it, and takes it back; tells how often it really struck.
    pub(crate) async fn strike(&self, world: &mut World, dice: &mut Dice) -> anyhow::Result<u32> {
        use Deed as D;
        match self.deed {
            D::KillOrchestrator | D::StopOrchestrator | D::FreezeOrchestrator => {
                process::orchestrator(world, dice, self.deed).await
            }
            D::KillWorker | D::KillWorkers | D::FreezeWorker => process::workers(world, dice, self.deed).await,
            D::KillBroker | D::RestartBroker | D::FreezeBroker | D::WipeBroker => {
                process::broker(world, dice, self.deed).await
            }
            D::SetClock(seconds) => {
                world.clock.set(seconds)?;
                hold(dice, 3_000, 6_000).await;
                world.clock.set(0)?;
                Ok(1)
            }
            D::Cut(line) => network::cut(world, dice, line).await,
            D::Silence(line) => network::mode(world, dice, line, Mode::Silent).await,
            D::Slow(line) => {
                let later = Duration::from_millis(dice.between(50, 600));
                network::mode(world, dice, line, Mode::Slow(later)).await
            }
            D::Refuse(line) => network::mode(world, dice, line, Mode::Closed).await,
            D::Trap(line, trap) => network::trap(world, line, trap).await,
            D::MemoryAlarm | D::DiskAlarm => broker::alarm(world, dice, self.deed).await,
            D::CloseConnections => broker::close_connections(world).await,
            D::Revoke(user) => broker::revoke(world, dice, user).await,
            D::DeleteQueue(queue) => broker::delete_queue(world, queue).await,
            D::DeleteExchange(exchange) => broker::delete_exchange(world, exchange).await,
            D::Unbind(queue) => broker::unbind(world, queue).await,
            D::Policy(pattern, definition) => broker::policy(world, dice, pattern, definition).await,
            D::FullDisk | D::HoldLock | D::FailSync => store::file(world, dice, self.deed).await,
            D::KillPostgres | D::EndBackends | D::KillBackend | D::FreezeBackends | D::TableAway => {
                store::postgres(world, dice, self.deed).await
            }
            D::FullReply | D::GoneReply | D::HeadlessReply => foreign::replies(world, dice, self.deed).await,
            D::Nonsense => foreign::nonsense(world).await,
        }
    }

    /// Tells whether it is the fault of somebody whom the load has nothing to do with, so that nobody may notice.
    pub(crate) const fn is_foreign(&self) -> bool {
        matches!(self.deed, Deed::FullReply | Deed::GoneReply | Deed::HeadlessReply | Deed::Nonsense)
    }
}

/// Waits for a while between these milliseconds.
async fn hold(dice: &mut Dice, least: u64, most: u64) {
    sleep(Duration::from_millis(dice.between(least, most))).await;
}

const fn any(name: &'static str, deed: Deed, what: &'static str) -> Fault {
    Fault { name, what, store: None, deed }
}

const fn on(store: Store, name: &'static str, deed: Deed, what: &'static str) -> Fault {
    Fault { name, what, store: Some(store), deed }
}

const DAYS: i64 = 86_400;

/// Every fault there is.
pub(crate) const ALL: &[Fault] = &[
    any("kill_orchestrator", Deed::KillOrchestrator, "orchestrator: `kill -9`"),
    any("stop_orchestrator", Deed::StopOrchestrator, "orchestrator: SIGTERM, then started again"),
    any("freeze_orchestrator", Deed::FreezeOrchestrator, "orchestrator: SIGSTOP for 3–12 s"),
    any("kill_worker", Deed::KillWorker, "one worker: `kill -9`"),
    any("kill_workers", Deed::KillWorkers, "all workers: `kill -9`"),
    any("freeze_worker", Deed::FreezeWorker, "one worker: SIGSTOP for 3–12 s"),
    any("kill_broker", Deed::KillBroker, "RabbitMQ: `kill -9`"),
    any("restart_broker", Deed::RestartBroker, "RabbitMQ: stopped in order and started again"),
    any("freeze_broker", Deed::FreezeBroker, "RabbitMQ: SIGSTOP for 3–12 s"),
    any("wipe_broker", Deed::WipeBroker, "RabbitMQ: killed, all of its data lost"),
    any("clock_forward", Deed::SetClock(8 * DAYS), "orchestrator's clock: 8 days forward for 3–6 s"),
    any("clock_back", Deed::SetClock(-8 * DAYS), "orchestrator's clock: 8 days back for 3–6 s"),
    any("clock_wobble", Deed::SetClock(40), "orchestrator's clock: 40 s forward for 3–6 s"),
    any("cut_orchestrator", Deed::Cut(Line::Orchestrator), "orchestrator's connections to RabbitMQ cut, 1–4 times"),
    any("cut_workers", Deed::Cut(Line::Workers), "workers' connections cut, 1–4 times"),
    any("cut_clients", Deed::Cut(Line::Clients), "clients' connections cut, 1–4 times"),
    any("silence_orchestrator", Deed::Silence(Line::Orchestrator), "no byte between orchestrator and RabbitMQ, 3–9 s"),
    any("silence_workers", Deed::Silence(Line::Workers), "no byte between workers and RabbitMQ, 3–9 s"),
    any("slow_orchestrator", Deed::Slow(Line::Orchestrator), "orchestrator's frames 50–600 ms late, 3–9 s"),
    any("slow_workers", Deed::Slow(Line::Workers), "workers' frames 50–600 ms late, 3–9 s"),
    any("refuse_workers", Deed::Refuse(Line::Workers), "workers' connections cut and refused, 3–9 s"),
    any(
        "task_half",
        Deed::Trap(Line::Orchestrator, Trap::Publish),
        "orchestrator cut in the middle of a publish, 3 times",
    ),
    any(
        "task_confirm_lost",
        Deed::Trap(Line::Orchestrator, Trap::Confirm),
        "orchestrator cut between publish and confirm, 3 times",
    ),
    any(
        "input_ack_lost",
        Deed::Trap(Line::Orchestrator, Trap::Ack),
        "orchestrator cut before an acknowledgement, after a confirm, 3 times",
    ),
    any(
        "input_half",
        Deed::Trap(Line::Orchestrator, Trap::Delivery),
        "orchestrator cut in the middle of a delivery, 3 times",
    ),
    any("report_half", Deed::Trap(Line::Workers, Trap::Publish), "a worker cut in the middle of a report, 3 times"),
    any(
        "report_confirm_lost",
        Deed::Trap(Line::Workers, Trap::Confirm),
        "a worker cut between report and confirm, 3 times",
    ),
    any(
        "report_ack_lost",
        Deed::Trap(Line::Workers, Trap::Ack),
        "a worker cut between its report's confirm and the task's acknowledgement, 3 times",
    ),
    any("task_cut", Deed::Trap(Line::Workers, Trap::Delivery), "a worker cut in the middle of a delivery, 3 times"),
    any("submit_half", Deed::Trap(Line::Clients, Trap::Publish), "a client cut in the middle of a submit, 3 times"),
    any(
        "submit_confirm_lost",
        Deed::Trap(Line::Clients, Trap::Confirm),
        "a client cut between submit and confirm, 3 times",
    ),
    any("memory_alarm", Deed::MemoryAlarm, "RabbitMQ blocks publishers, no memory, 2–6 s"),
    any("disk_alarm", Deed::DiskAlarm, "RabbitMQ blocks publishers, no disk, 2–6 s"),
    any("close_connections", Deed::CloseConnections, "every connection closed by RabbitMQ's administrator"),
    any("revoke_orchestrator", Deed::Revoke("orchestrator"), "orchestrator's rights taken away for 2–6 s"),
    any("revoke_worker", Deed::Revoke("worker"), "workers' rights taken away for 2–6 s"),
    any("revoke_rpc", Deed::Revoke("rpc"), "a foreign RPC server's rights taken away for 2–6 s"),
    any("delete_queue_submit", Deed::DeleteQueue("submit"), "queue of submits deleted"),
    any("delete_queue_results", Deed::DeleteQueue("results"), "queue of results deleted"),
    any("delete_queue_tasks", Deed::DeleteQueue("tasks.default"), "a queue of tasks deleted"),
    any("delete_queue_unrouted", Deed::DeleteQueue("unrouted"), "queue of unrouted messages deleted"),
    any("delete_queue_dead", Deed::DeleteQueue("dead"), "queue of dead letters deleted"),
    any("delete_exchange_submit", Deed::DeleteExchange("submit"), "exchange of submits deleted"),
    any("delete_exchange_tasks", Deed::DeleteExchange("tasks"), "exchange of tasks deleted"),
    any("delete_exchange_results", Deed::DeleteExchange("results"), "exchange of results deleted"),
    any("delete_exchange_control", Deed::DeleteExchange("control"), "exchange of control messages deleted"),
    any("delete_exchange_workers", Deed::DeleteExchange("workers"), "exchange of heartbeats deleted"),
    any("delete_exchange_unrouted", Deed::DeleteExchange("unrouted"), "exchange of unrouted messages deleted"),
    any("delete_exchange_dlx", Deed::DeleteExchange("dlx"), "exchange of dead letters deleted"),
    any("delete_exchange_owner", Deed::DeleteExchange("owner"), "exchange that proves the owner deleted"),
    any("unbind_submit", Deed::Unbind("submit"), "binding of the queue of submits removed"),
    any("unbind_results", Deed::Unbind("results"), "binding of the queue of results removed"),
    any("unbind_tasks", Deed::Unbind("tasks.default"), "binding of a queue of tasks removed"),
    any(
        "expire_tasks",
        Deed::Policy("^warrener\\.tasks\\.", r#"{"message-ttl":20}"#),
        "a policy expires tasks after 20 ms, for 2–6 s",
    ),
    any(
        "expire_submits",
        Deed::Policy("^warrener\\.submit$", r#"{"message-ttl":0}"#),
        "a policy expires submits at once, for 2–6 s",
    ),
    any(
        "drop_tasks",
        Deed::Policy("^warrener\\.tasks\\.", r#"{"max-length":1,"overflow":"drop-head"}"#),
        "a policy keeps one task for each queue, for 2–6 s",
    ),
    on(Store::Sqlite, "full_disk", Deed::FullDisk, "no room on the database's disk, 2–6 s"),
    on(Store::Sqlite, "held_lock", Deed::HoldLock, "a stranger holds the database's write lock, 2–6 s"),
    on(
        Store::Sqlite,
        "failed_sync",
        Deed::FailSync,
        "`fdatasync` of the orchestrator fails with EIO: it ends at once, started again",
    ),
    on(Store::Postgres, "kill_postgres", Deed::KillPostgres, "PostgreSQL: killed and started again"),
    on(
        Store::Postgres,
        "end_backends",
        Deed::EndBackends,
        "PostgreSQL: the orchestrator's backends terminated, 5 times",
    ),
    on(Store::Postgres, "kill_backend", Deed::KillBackend, "PostgreSQL: one backend `kill -9`, which restarts all"),
    on(
        Store::Postgres,
        "freeze_backends",
        Deed::FreezeBackends,
        "PostgreSQL: the orchestrator's backends SIGSTOP, 3–9 s",
    ),
    on(Store::Postgres, "table_away", Deed::TableAway, "PostgreSQL: the table of tasks renamed for 2–6 s"),
    any("full_reply", Deed::FullReply, "40 jobs whose `reply_to` is a full queue"),
    any("gone_reply", Deed::GoneReply, "40 jobs whose `reply_to` does not exist"),
    any("headless_reply", Deed::HeadlessReply, "40 jobs whose `reply_to` is a queue that never confirms"),
    any("nonsense", Deed::Nonsense, "40 submits that are no jobs, 40 forged reports"),
];
