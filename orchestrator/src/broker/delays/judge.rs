//! The time at which a message goes out, by what its header says.

use warrener_amqp::NoNumber;
use warrener_shared::limits::DURATION_MAX_DAYS;
use warrener_shared::time::{Millis, Timestamp};

use crate::delays::DelayHeader;

/// Longest delay.
const LONGEST: Millis = Millis::from_secs(DURATION_MAX_DAYS * 24 * 60 * 60);

/// The time at which a message goes out, by the number in its header: `now` for one without the header.
///
/// # Errors
/// A sentence that says why the header cannot be followed.
pub(super) fn due_at(
    number: Option<Result<i64, NoNumber>>,
    header: DelayHeader,
    now: Timestamp,
) -> Result<Timestamp, String> {
    let name = header.as_str();
    let number = match number {
        None => return Ok(now),
        Some(Ok(number)) => number,
        Some(Err(error)) => return Err(format!("the header {name} is no number (its type is {})", error.found)),
    };
    let number = u64::try_from(number).map_err(|_| format!("the header {name} is negative: {number}"))?;
    let span = match header {
        DelayHeader::Delay => Millis(number),
        DelayHeader::DeliveryTime => Timestamp(i64::try_from(number).unwrap_or(i64::MAX)).since(now),
    };
    if span > LONGEST {
        return Err(format!("the header {name} asks for more than 365 days: {number}"));
    }
    Ok(now + span)
}

#[cfg(test)]
mod tests;
