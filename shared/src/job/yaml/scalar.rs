//! The meaning of a plain scalar in the core schema, written as JSON.

use std::borrow::Cow;

/// A plain scalar as JSON.
///
/// # Errors
/// A message where JSON has no such value.
pub(super) fn plain(text: &str) -> Result<Cow<'_, str>, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok("null".into()),
        "true" | "True" | "TRUE" => return Ok("true".into()),
        "false" | "False" | "FALSE" => return Ok("false".into()),
        ".nan" | ".NaN" | ".NAN" => return Err(not_in_json(text)),
        _ => {}
    }
    let (sign, size) = match text.as_bytes()[0] {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if matches!(size, ".inf" | ".Inf" | ".INF") {
        return Err(not_in_json(text));
    }
    let has_sign = size.len() < text.len();
    let based = [("0o", 8), ("0x", 16)].into_iter().find_map(|(prefix, base)| Some((size.strip_prefix(prefix)?, base)));
    if let Some((digits, base)) = based.filter(|(digits, base)| !has_sign && is_number(digits, *base)) {
        let number = u128::from_str_radix(digits, base).map_err(|_| format!("{text} has more than 128 bits"))?;
        return Ok(number.to_string().into());
    }
    Ok(decimal(sign, size).unwrap_or_else(|| quoted(text).into()))
}

/// Text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

fn not_in_json(text: &str) -> String {
    format!("JSON has no number {text}; put it in quotes if it is text")
}

fn is_number(digits: &str, base: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))
}

/// A decimal number in JSON's spelling; `None` if it is none.
fn decimal<'t>(sign: &str, size: &'t str) -> Option<Cow<'t, str>> {
    let (mantissa, exponent) = match size.find(['e', 'E']) {
        Some(at) => size.split_at(at),
        None => (size, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    if !(has_digits && digits(whole) && fraction.is_none_or(digits) && is_exponent(exponent)) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    };
    let fraction = fraction.map(|fraction| if fraction.is_empty() { ".0".to_owned() } else { format!(".{fraction}") });
    Some(format!("{sign}{whole}{}{exponent}", fraction.unwrap_or_default()).into())
}

fn is_exponent(text: &str) -> bool {
    let Some(power) = text.strip_prefix(['e', 'E']) else { return text.is_empty() };
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    is_number(digits, 10)
}
