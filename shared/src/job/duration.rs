//! Durations as the job format writes them.

use crate::limits::DURATION_MAX_DAYS;
use crate::time::Millis;

/// Reasons why something is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text is not written as durations are.
    #[error("{text} is not a duration")]
    Syntax {
        /// The text as written, quoted and shortened.
        text: String,
        /// Remedy, for a person.
        hint: String,
    },
    /// The duration is longer than 365 days.
    #[error("{text} is longer than {DURATION_MAX_DAYS} days")]
    TooLong {
        /// The text as written, quoted and shortened.
        text: String,
    },
    /// The duration is less than nothing.
    #[error("{text} is negative")]
    Negative {
        /// The text as written.
        text: String,
    },
}

impl DurationError {
    /// Remedy, for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::TooLong { .. } => format!("write at most {DURATION_MAX_DAYS}d"),
            Self::Negative { .. } => "write a number of seconds from 0 on".to_owned(),
        }
    }
}

/// Reads a duration such as `1h30m`, `90s`, `1.5h`, `250ms` or `PT5M`.
///
/// Units are d h m s ms, the largest first, each at most once; ISO 8601 goes up to days. Fractions of a
/// millisecond round up, so that only zero is zero.
///
/// # Errors
/// [`DurationError`] if the text is written otherwise or means more than 365 days.
pub fn parse_duration(text: &str) -> Result<Millis, DurationError> {
    let spelled = match text.strip_prefix('P') {
        Some(iso) => parse_iso(iso),
        None => sum(text, &UNITS),
    };
    match spelled {
        Some(atoms) => to_millis(atoms, || quoted(text)),
        None => Err(DurationError::Syntax { text: quoted(text), hint: hint(text) }),
    }
}

/// Reads a JSON number of seconds, such as `90`, `1.5` or `1e3`, exactly.
///
/// # Errors
/// [`DurationError`] if it is negative or means more than 365 days, or is no JSON number.
pub fn parse_seconds(number: &str) -> Result<Millis, DurationError> {
    if let Some(size) = number.strip_prefix('-') {
        let is_zero = size.bytes().take_while(|b| !b"eE".contains(b)).all(|b| b == b'0' || b == b'.');
        return if is_zero { Ok(Millis(0)) } else { Err(DurationError::Negative { text: shortened(number) }) };
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent = parse_exponent(exponent).filter(|_| !whole.is_empty() && digits(whole) && digits(fraction));
    let Some(exponent) = exponent else {
        let hint = "write a number of seconds, such as 90 or 1.5".to_owned();
        return Err(DurationError::Syntax { text: quoted(number), hint });
    };
    to_millis(scaled(whole, fraction, exponent, 1000), || shortened(number))
}

/// A unit: its letters, its size in milliseconds, and true if it takes a fraction.
type Unit = (&'static str, u64, bool);

const UNITS: [Unit; 5] =
    [("d", 86_400_000, true), ("h", 3_600_000, true), ("m", 60_000, true), ("s", 1000, true), ("ms", 1, false)];
const ISO_DATE: [Unit; 1] = [("D", 86_400_000, false)];
const ISO_TIME: [Unit; 3] = [("H", 3_600_000, false), ("M", 60_000, false), ("S", 1000, true)];

/// Sums are kept in 10⁻¹⁸ ms: 365 days fit 128 bits 10,000 times over, and no fraction is lost on the way.
const ATOMS: u128 = 1_000_000_000_000_000_000;
const FRACTION_DIGITS: i64 = 18;

fn parse_iso(text: &str) -> Option<u128> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let days = if date.is_empty() && time.is_some() { 0 } else { sum(date, &ISO_DATE)? };
    let rest = time.map_or(Some(0), |time| sum(time, &ISO_TIME))?;
    Some(days.saturating_add(rest))
}

/// Adds up `<number><unit>` parts, units in the given order, each at most once, at least one.
fn sum(text: &str, units: &[Unit]) -> Option<u128> {
    let mut rest = text;
    let mut units = units.iter();
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let after_number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - after_number.len()];
        let name_length = after_number.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, after) = after_number.split_at(name_length);
        let (_, size, fractional) = units.find(|(unit, ..)| *unit == name)?;
        total = total.saturating_add(amount(number, *size, *fractional)?);
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

fn amount(number: &str, size: u64, fractional: bool) -> Option<u128> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let sound = is_number(whole) && fraction.is_none_or(|digits| fractional && is_number(digits));
    sound.then(|| scaled(whole, fraction.unwrap_or(""), 0, size))
}

/// `whole.fraction × 10^exponent × size` in atoms, saturating, rounded up.
fn scaled(whole: &str, fraction: &str, exponent: i64, size: u64) -> u128 {
    let mut value: u128 = 0;
    let mut rest_is_zero = true;
    // The digit at position p counts 10^p; those below 10^-18 only decide the rounding.
    let mut position = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
    for digit in whole.bytes().chain(fraction.bytes()).map(|byte| u128::from(byte - b'0')) {
        position -= 1;
        if position >= -FRACTION_DIGITS {
            value = value.saturating_mul(10).saturating_add(digit);
        } else {
            rest_is_zero &= digit == 0;
        }
    }
    let missing = position.max(-FRACTION_DIGITS).saturating_add(FRACTION_DIGITS);
    if value > 0 {
        let power = u32::try_from(missing).ok().and_then(|missing| 10u128.checked_pow(missing));
        value = power.map_or(u128::MAX, |power| value.saturating_mul(power));
    }
    value.saturating_mul(u128::from(size)).saturating_add(u128::from(!rest_is_zero))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Beyond a billion every value is either zero or too long.
    let size = digits.parse().unwrap_or(1_000_000_000).min(1_000_000_000);
    Some(if text.starts_with('-') { -size } else { size })
}

fn to_millis(atoms: u128, text: impl FnOnce() -> String) -> Result<Millis, DurationError> {
    let longest = DURATION_MAX_DAYS * 86_400_000;
    match u64::try_from(atoms.div_ceil(ATOMS)) {
        Ok(millis) if millis <= longest => Ok(Millis(millis)),
        _ => Err(DurationError::TooLong { text: text() }),
    }
}

fn hint(text: &str) -> String {
    let compact: String = text.split_whitespace().collect::<String>().to_lowercase();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return format!("add a unit, such as \"{}s\", or write seconds as a number without quotes", shortened(text));
    }
    if compact != text && sum(&compact, &UNITS).is_some() {
        return format!("write \"{}\"", shortened(&compact));
    }
    if text.starts_with('P') {
        return "ISO 8601 durations go up to days, such as \"P1DT2H\" or \"PT5M\"".to_owned();
    }
    "write \"1h30m\", \"90s\", \"PT5M\" or a number of seconds: units d h m s ms, the largest first".to_owned()
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

#[cfg(test)]
mod tests;
