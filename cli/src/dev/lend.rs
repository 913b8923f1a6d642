//! A private broker for another command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::broker::PrivateBroker;
use super::part::{DevPart, Living};
use super::place::DevFolder;
use super::{BROKER_GRACE, LOOK_EVERY, START_TIMEOUT};
use crate::exit::Exit;
use crate::failure::Failure;

/// A RabbitMQ in a temporary folder. It ends with this process at the latest.
pub(crate) struct Lent {
    /// Address of the broker.
    pub(crate) url: String,
    stop: CancellationToken,
    kept: JoinHandle<Result<(), Failure>>,
    _folder: TempDir,
}

impl Lent {
    /// Starts it and waits until it answers.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("warrener-broker-").tempdir();
        let folder = folder.map_err(|error| Failure::new(Exit::Error, format!("making a folder: {error}")))?;
        let place = Arc::new(DevFolder::take(folder.path()).await?);
        let broker = Arc::new(PrivateBroker::find(&place)?);
        let (url, stop, started) = (broker.url(), CancellationToken::new(), Arc::clone(&broker));
        let part = DevPart {
            name: "rabbitmq".to_owned(),
            log: place.logs().join("rabbitmq.log"),
            command: Box::new(move || started.command(&place)),
            grace: BROKER_GRACE,
        };
        let mut kept = tokio::spawn(part.keep(Living::default(), stop.clone()));
        let deadline = Instant::now() + START_TIMEOUT;
        while !broker.answers().await {
            if kept.is_finished() || Instant::now() > deadline {
                stop.cancel();
                ended(&mut kept).await?;
                return Err(late(START_TIMEOUT));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(Self { url, stop, kept, _folder: folder })
    }

    /// Ends it and removes what it kept.
    pub(crate) async fn give_back(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        ended(&mut self.kept).await
    }
}

async fn ended(kept: &mut JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    kept.await.unwrap_or_else(|error| Err(Failure::new(Exit::Error, error.to_string())))
}

fn late(limit: Duration) -> Failure {
    Failure::new(Exit::Unreachable, format!("starting RabbitMQ: no answer within {} s", limit.as_secs()))
}
