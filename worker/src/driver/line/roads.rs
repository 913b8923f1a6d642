//! The exchanges that take a worker's messages, found out without sending any.

use warrener_amqp::{BrokerError, Right, Session};

use super::address::BrokerAddress;

/// The messages that this user may publish, as of the last look.
pub(in crate::driver) struct Roads {
    /// The reason why reports are refused; `None` if they are taken.
    pub(in crate::driver) refused: Option<String>,
    /// The reason why heartbeats are refused; `None` if they are taken.
    pub(super) silent: Option<String>,
    /// True if the default exchange takes answers, which tasks of other orchestrators want.
    pub(super) answers: bool,
}

impl Roads {
    /// Takes everything to be allowed, as the last connection has shown.
    pub(super) const fn open() -> Self {
        Self { refused: None, silent: None, answers: true }
    }

    /// Asks the broker. Nothing is published, and a "no" breaks nothing.
    pub(super) async fn ask(broker: &Session, address: &BrokerAddress) -> Result<Self, BrokerError> {
        let refused = barrier(broker, &address.results).await?;
        let silent = barrier(broker, &address.workers).await?;
        // Our own users have no right on the default exchange, and the broker writes a line to its log for each "no":
        // so it is asked only once somebody wanted an answer there.
        let answers = !address.answers_others() || broker.may(&Right::Write(String::new())).await?;
        Ok(Self { refused, silent, answers })
    }
}

/// Finds the reason why an exchange takes nothing from this user; `None` if it takes everything.
async fn barrier(broker: &Session, exchange: &str) -> Result<Option<String>, BrokerError> {
    if !broker.exchange_exists(exchange).await? {
        return Ok(Some(format!("the exchange {exchange} is not there; orchestrators declare it when they start")));
    }
    let may = broker.may(&Right::Write(exchange.to_owned())).await?;
    Ok((!may).then(|| format!("this worker's user may not write to the exchange {exchange}: grant that at the broker")))
}
