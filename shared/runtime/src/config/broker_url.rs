//! The address of a broker, checked before anything connects: a slip in it otherwise looks like a fault of the network.

/// Parameters that are understood.
const PARAMETERS: &[&str] = &[
    "auth_mechanism",
    "cacertfile",
    "certfile",
    "channel_max",
    "connection_timeout",
    "frame_max",
    "heartbeat",
    "keyfile",
];
/// Parameters that are whole numbers.
const NUMBERS: &[&str] = &["channel_max", "connection_timeout", "frame_max", "heartbeat"];

/// Reads `amqp://user:password@host:port,host:port/vhost?name=value`.
///
/// # Errors
/// What is wrong, in words that repeat no secret.
pub(super) fn check(url: &str) -> Result<(), String> {
    let form = || "a URL that starts with amqp:// or amqps://, such as amqp://user:password@host:5672/%2f".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
    if !matches!(scheme, "amqp" | "amqps") || rest.is_empty() {
        return Err(form());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if !authority.contains('@') && tail.contains('@') {
        return Err(unescaped(tail.chars().next().unwrap_or('/')));
    }
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    if let Some(bad) = user.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '@') {
        return Err(unescaped(bad));
    }
    percent(user)?;
    hosts.split(',').try_for_each(|host| check_host(host.trim()))?;
    let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    check_vhost(path)?;
    query.map_or(Ok(()), |query| query.split('&').try_for_each(check_parameter))
}

fn unescaped(bad: char) -> String {
    let mut bytes = [0; 4];
    let escape: String = bad.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!(
        "a broker's address: its user name or password holds {bad:?}: percent-encode it as {escape}, or give the \
         password apart in amqp.password"
    )
}

fn check_host(host: &str) -> Result<(), String> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
        Some((address, _)) => return Err(format!("a broker's address: {address:?} is no IPv6 address")),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if name.is_empty() && !port.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("a broker's address: {host:?} is no host"));
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(digits) if digits.parse::<u16>().is_ok_and(|port| port > 0) => Ok(()),
        _ => Err(format!(
            "a broker's address: {:?} is no port; if it belongs to a password, percent-encode what stands before it",
            port.trim_start_matches(':')
        )),
    }
}

fn check_vhost(path: &str) -> Result<(), String> {
    if path.contains('#') {
        return Err("a broker's address: percent-encode the # as %23".to_owned());
    }
    let vhost = path.strip_prefix('/').unwrap_or(path);
    if vhost.contains('/') {
        return Err("a broker's address: a virtual host whose name holds a slash is written with %2F".to_owned());
    }
    if vhost.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a broker's address: percent-encode the white space in the virtual host, as %20".to_owned());
    }
    percent(vhost)
}

fn check_parameter(pair: &str) -> Result<(), String> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    if !PARAMETERS.contains(&name) {
        let near = PARAMETERS.iter().min_by_key(|known| strsim::damerau_levenshtein(name, known));
        let near = near.filter(|near| strsim::damerau_levenshtein(name, near) <= 3);
        let hint =
            near.map_or_else(|| format!("known are {}", PARAMETERS.join(", ")), |near| format!("did you mean {near}?"));
        return Err(format!("a broker's address: the parameter {name:?} is not known; {hint}"));
    }
    if NUMBERS.contains(&name) && value.parse::<u64>().is_err() {
        return Err(format!("a broker's address: the parameter {name} is not a whole number"));
    }
    match name {
        "cacertfile" | "certfile" => check_pem(name, value, "CERTIFICATE-----", "certificate"),
        "keyfile" => check_pem(name, value, "PRIVATE KEY-----", "key"),
        _ => Ok(()),
    }
}

/// Tells whether a file holds something in PEM.
pub(super) fn check_pem(name: &str, path: &str, mark: &str, what: &str) -> Result<(), String> {
    let file = std::fs::read_to_string(path);
    let file = file.map_err(|error| format!("a broker's address: reading {name} {path}: {error}"))?;
    if !file.contains(mark) {
        return Err(format!("a broker's address: {name} {path} holds no {what} in PEM"));
    }
    Ok(())
}

fn percent(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let bad = (0..bytes.len()).any(|at| bytes[at] == b'%' && !(is_hex(at + 1) && is_hex(at + 2)));
    match bad {
        true => Err("a broker's address: a % in it stands for nothing; percent-encode it as %25".to_owned()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn sound_addresses_are_taken() {
        for url in [
            "amqp://guest:guest@127.0.0.1:5672/%2f",
            "amqps://u:p%23%2F%3F%20@host",
            "amqp://host",
            "amqp://orchestrator@rabbitmq:5672/%2f",
            "amqp://u:p@a:1,b:2/%2f?heartbeat=5&frame_max=4096",
            "amqp://a, b/jobs",
            "amqp://u:p@[::1]:7000,127.0.0.1/v@x",
            "amqp://u:p@h?connection_timeout=100&auth_mechanism=plain&channel_max=5",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (url, words) in [
            ("amqp://u:S3#c@h/v", "percent-encode it as %23"),
            ("amqp://u:S3/c@h/v", "percent-encode it as %2F"),
            ("amqp://u:S3?c@h/v", "percent-encode it as %3F"),
            ("amqp://u:S3 c@h/v", "percent-encode it as %20"),
            ("amqp://u:S3@c@h/v", "percent-encode it as %40"),
            ("amqp://u:S3%c@h/v", "percent-encode it as %25"),
            ("amqp://u:p@h:port/v", "\"port\" is no port"),
            ("amqp://u:p@h:0", "is no port"),
            ("amqp://u:p@[::x]/v", "no IPv6 address"),
            ("amqp://u:p@h/a/b", "%2F"),
            ("amqp://u:p@h/v?hartbeat=5", "did you mean heartbeat?"),
            ("amqp://u:p@h/v?verify=verify_none", "known are auth_mechanism, cacertfile"),
            ("amqp://u:p@h/v?heartbeat=soon", "not a whole number"),
            ("amqp://u:p@h/v?cacertfile=/nowhere/ca.pem", "reading cacertfile /nowhere/ca.pem"),
            ("ampq://u:p@h", "such as amqp://"),
            ("amqp://", "such as amqp://"),
        ] {
            let error = check(url).unwrap_err();
            assert!(error.contains(words) && !error.contains("S3"), "{url}: {error}");
        }
    }
}
