//! Addresses as they may be shown: without what opens the door.

use std::borrow::Cow;

/// Text that is shown in place of a secret.
pub const MASK: &str = "***";

/// Parameters whose values say nothing that opens a door; any other may.
const OPEN: &[&str] = &[
    "application_name",
    "auth_mechanism",
    "cacertfile",
    "certfile",
    "channel_max",
    "connect_timeout",
    "connection_timeout",
    "dbname",
    "frame_max",
    "heartbeat",
    "host",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "keyfile",
    "load_balance_hosts",
    "port",
    "sslcert",
    "sslmode",
    "sslrootcert",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// A URL without its password, without a user that may be a token, and without the values of its parameters but the
/// few that are known to be open. What is no URL is not shown at all.
///
/// A user before a password is a name and stays; a user alone is as often a token.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (rest, fragment) = rest.split_once('#').map_or((rest, ""), |(rest, _)| (rest, "#***"));
    // A password with an unescaped slash, question mark or hash would end the address early: then all of it is hidden.
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let is_torn = !authority.contains('@') && url.contains('@');
    if is_torn {
        return format!("{scheme}://{MASK}");
    }
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => Cow::Owned(format!("{user}:{MASK}@{host}")),
            None => Cow::Owned(format!("{MASK}@{host}")),
        },
        None => Cow::Borrowed(authority),
    };
    let tail = match tail.split_once('?') {
        Some((path, query)) => Cow::Owned(format!("{path}?{}", parameters(query))),
        None => Cow::Borrowed(tail),
    };
    format!("{scheme}://{authority}{tail}{fragment}")
}

fn parameters(query: &str) -> String {
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if OPEN.contains(&name) && !value.contains('@') => pair.to_owned(),
        Some((name, _)) => format!("{name}={MASK}"),
        None if pair.is_empty() => String::new(),
        None => MASK.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_of_an_address_are_masked_wherever_they_stand() {
        for (url, shown) in [
            ("amqp://u:S@h:1/v", "amqp://u:***@h:1/v"),
            ("amqp://h/v?heartbeat=5", "amqp://h/v?heartbeat=5"),
            ("amqp://u:S/S@h/v", "amqp://***"),
            ("amqp://u:S?S@h/v", "amqp://***"),
            ("amqp://u:S#S@h/v", "amqp://***"),
            ("amqp://u:S@S@h/v", "amqp://u:***@h/v"),
            ("https://S@h/hook", "https://***@h/hook"),
            ("https://h/hook?token=S&x=S", "https://h/hook?token=***&x=***"),
            ("https://h/hook?S", "https://h/hook?***"),
            ("https://h/hook#S", "https://h/hook#***"),
            ("postgres://u@h/d?sslmode=require&password=S", "postgres://***@h/d?sslmode=require&password=***"),
            ("postgres:///d?host=/run&user=x&sslpassword=S", "postgres:///d?host=/run&user=***&sslpassword=***"),
            ("sqlite://a folder/w.db", "sqlite://a folder/w.db"),
            ("S", "***"),
        ] {
            assert_eq!(masked(url), shown, "{url}");
            assert!(!masked(url).contains('S'));
        }
    }
}
