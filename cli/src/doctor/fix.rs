//! Healing a dead queue that may hold sole copies, by a person's hand.

use clap::ValueEnum;
use warrener_amqp::{Session, Settings, Topology, queue_is_dead};
use warrener_client::amqp::Names;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Queue that can be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fixable {
    /// The queue of submitted jobs
    Submit,
    /// The queue of the workers' reports
    Results,
}

/// Deletes the queue, if it is dead, and declares it anew.
pub(super) async fn fix(
    context: &Context,
    which: Fixable,
    is_sure: bool,
    settings: &Settings,
    names: &Names,
) -> Result<Exit, Failure> {
    let name = match which {
        Fixable::Submit => names.submit(),
        Fixable::Results => names.results(),
    };
    let session = Session::open(settings).await.map_err(failed)?;
    let depth = session.depth(&name).await.map_err(failed)?;
    if depth.is_some_and(|depth| depth.ready > 0)
        || (depth.is_some() && !queue_is_dead(settings, &name).await.unwrap_or(false))
    {
        return Err(Failure::new(Exit::Refused, format!("healing {name}: it is alive, so it is left alone")));
    }
    if !is_sure && !talk::confirmed(&format!("{name} is dead. Healing deletes it with whatever it held. Go on?"))? {
        return Err(Failure::new(Exit::Refused, "nothing was changed"));
    }
    session.delete_queue(&name).await.map_err(failed)?;
    let mut anew = Topology::orchestrator(names, &[]);
    anew.exchanges.clear();
    anew.queues.retain(|queue| queue.name == name);
    anew.bindings.retain(|binding| binding.queue == name);
    session.declare(&anew).await.map_err(failed)?;
    session.close().await;
    context.say(&format!("the queue {name} was deleted and declared anew; the orchestrator takes it up by itself"));
    Ok(Exit::Ok)
}

fn failed(error: warrener_amqp::BrokerError) -> Failure {
    Failure::from(warrener_client::ClientError::Broker(error))
}
