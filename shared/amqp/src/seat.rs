//! A seat that one connection has at a time, kept by the broker as an exclusive queue.

use lapin::options::QueueDeclareOptions;
use lapin::protocol::AMQPSoftError;
use lapin::types::FieldTable;

use crate::call::{call, short};
use crate::probe::ProbeFailure;
use crate::{BrokerError, Session};

impl Session {
    /// Takes the seat of this name for the consuming connection; false as long as another connection has it.
    ///
    /// A broker notices late that a connection is dead whose host vanished. Until then it believes messages to be in
    /// that connection's hands, and they are in no count of waiting ones. The seat is free once that is over. A queue
    /// of this name that everybody may use proves nothing and is taken for a free seat.
    ///
    /// # Errors
    /// If the broker can't be asked, or refuses it.
    pub async fn take_seat(&self, name: &str) -> Result<bool, BrokerError> {
        let queue = short("the name of a queue", name)?;
        let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        // The look is on the connection for questions, since a refused one may cost a connection.
        let answer = self.probe().ask("looking at a seat", |channel| {
            let queue = queue.clone();
            async move { channel.queue_declare(queue, look, FieldTable::default()).await }
        });
        match answer.await {
            Ok(_) => return Ok(true),
            Err(ProbeFailure::Soft(soft, _)) if soft.code == AMQPSoftError::RESOURCELOCKED => return Ok(false),
            Err(ProbeFailure::Soft(soft, _)) if soft.code == AMQPSoftError::NOTFOUND => {}
            Err(failure) => return Err(failure.into()),
        }
        let channel = self.consuming_channel().await?;
        let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(queue, own, FieldTable::default());
        call("taking a seat", self.settings().call_timeout, declared).await.map(|_| true)
    }
}
