//! The environment as a layer: `WARRENER_AMQP__URL` is `amqp.url`.

use super::layer::ConfigEntry;
use super::origin::Origin;
use super::schema::KEYS;
use super::spelling::PREFIX;
use super::value::RawSetting;

/// The settings among the variables. An empty variable counts as unset, as compose files write "nothing".
pub(super) fn entries(variables: &[(String, String)]) -> Vec<ConfigEntry> {
    let setting = |(name, value): &(String, String)| {
        let rest = name.strip_prefix(PREFIX)?;
        if value.is_empty() || is_exempt(rest) || is_service_link(rest, value) {
            return None;
        }
        Some(ConfigEntry { path: path(rest), raw: RawSetting::Text(value.clone()), origin: Origin::Env(name.clone()) })
    };
    variables.iter().filter_map(setting).collect()
}

/// Segments in lower case, except for a name with small letters in a place where users choose names.
fn path(rest: &str) -> Vec<String> {
    let written: Vec<&str> = rest.split("__").collect();
    let lower: Vec<String> = written.iter().map(|segment| segment.to_lowercase()).collect();
    let chosen = |at: usize| {
        KEYS.iter().any(|key| {
            let segments: Vec<&str> = key.segments().collect();
            segments.get(at) == Some(&"*") && segments[..at].iter().zip(&lower).all(|(segment, name)| segment == name)
        })
    };
    let keep = |at: usize| written[at].contains(char::is_lowercase) && chosen(at);
    (0..written.len()).map(|at| if keep(at) { written[at].to_owned() } else { lower[at].clone() }).collect()
}

/// Variables that other parts of Warrener set or read; never configuration.
fn is_exempt(rest: &str) -> bool {
    ["JOB", "TASK", "ATTEMPT", "ENV"].contains(&rest) || rest.starts_with("TEST_")
}

/// Tells whether a variable is one of those that Kubernetes sets for every service whose name starts with `warrener`:
/// `WARRENER_SERVICE_HOST`, `WARRENER_PORT=tcp://…`, `WARRENER_PORT_8080_TCP_ADDR`.
fn is_service_link(rest: &str, value: &str) -> bool {
    let single = !rest.contains("__");
    let named = |tail: &str| rest == tail || rest.ends_with(&format!("_{tail}"));
    let is_link = value.starts_with("tcp://") || value.starts_with("udp://");
    let of_port = rest
        .split('_')
        .collect::<Vec<_>>()
        .windows(3)
        .any(|words| words[0] == "PORT" && words[1].parse::<u16>().is_ok() && ["TCP", "UDP"].contains(&words[2]));
    let of_service = named("SERVICE_HOST") || named("SERVICE_PORT") || rest.contains("SERVICE_PORT_");
    single && (of_service || of_port || (named("PORT") && is_link))
}
