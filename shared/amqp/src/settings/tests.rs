use super::*;

fn hosts(url: &str) -> Vec<String> {
    Settings::new(url, "test")
        .hosts()
        .expect("a good address")
        .iter()
        .map(|uri| format!("{}:{}{}", uri.authority.host, uri.authority.port, uri.vhost))
        .collect()
}

#[test]
fn an_address_lists_its_hosts_in_order() {
    assert_eq!(hosts("amqp://u:p@a:1,b:2/%2f"), ["a:1/", "b:2/"]);
    assert_eq!(hosts("amqp://a, b/jobs"), ["a:5672jobs", "b:5672jobs"]);
    assert_eq!(hosts("amqps://u:p@a"), ["a:5671/"]);
    assert_eq!(hosts("amqp://u:p@[::1]:7000,127.0.0.1/v@x"), ["::1:7000v@x", "127.0.0.1:5672v@x"]);
}

#[test]
fn heartbeat_and_timeout_reach_the_connection() {
    let mut settings = Settings::new("amqp://a?heartbeat=3", "test");
    settings.heartbeat = Duration::from_secs(7);
    let uri = settings.hosts().unwrap().remove(0);
    assert_eq!((uri.query.heartbeat, uri.query.connection_timeout), (Some(7), Some(10_000)));
}

#[test]
fn passwords_are_never_shown() {
    for url in [
        "amqp://user:s3cret@host:5672/%2f",
        "amqp://user:s3cret@a,b/%2f",
        "amqp://user:s3cret@host:port/%2f",
        "amqp://user:pa/s3cret@host",
        "amqp://user:pa@s3cret@host",
        "ampq://user:s3cret@host",
        "user:s3cret@host",
        "amqp://:s3cret@[::1/",
    ] {
        let settings = Settings::new(url, "test");
        assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
        if let Err(error) = settings.hosts() {
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
    assert_eq!(Settings::new("amqp://u:p@h:1/%2f", "").redacted_url(), "amqp://u:***@h:1/%2f");
    assert_eq!(Settings::new("amqp://h:1/%2f", "").redacted_url(), "amqp://h:1/%2f");
}

#[test]
fn a_bad_address_is_an_error_that_names_it() {
    let error = Settings::new("http://u:p@host", "test").hosts().unwrap_err();
    assert!(error.to_string().starts_with("reading the broker's address: http://u:***@host: "), "{error}");
    assert!(!error.is_transient());
}
