use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
struct Everything {
    amqp: Amqp,
    url: String,
    token: Option<String>,
    retention: Duration,
    worker: Worker,
    limits: Limits,
    log: Log,
    #[serde(default)]
    kinds: BTreeMap<String, KindSection>,
}

#[derive(Debug, Deserialize)]
struct Worker {
    queues: Vec<String>,
    slots: u16,
    demo: bool,
    drain: Duration,
}

#[derive(Debug, Deserialize)]
struct Limits {
    submit_bytes: usize,
}

#[derive(Debug, Deserialize, PartialEq)]
struct KindSection {
    command: Option<Vec<String>>,
    http: Option<String>,
}

const ALL: &[Binary] = &[Binary::Orchestrator, Binary::Worker, Binary::Cli];

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("warrener.toml"), toml).unwrap();
        Self { folder }
    }

    fn loader(&self, variables: &[(&str, &str)]) -> Loader {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Loader::for_binaries(ALL).directory(self.folder.path()).environment(owned)
    }

    fn problems(&self, variables: &[(&str, &str)]) -> String {
        let errors = self.loader(variables).load::<Everything>().unwrap_err().to_string();
        errors.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn load(toml: &str, variables: &[(&str, &str)]) -> Everything {
    Place::with(toml).loader(variables).load().unwrap_or_else(|errors| panic!("{errors}")).value
}

#[test]
fn without_anything_the_defaults_hold() {
    let all = load("", &[]);
    assert_eq!(all.amqp.address(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert_eq!((all.amqp.prefix.as_str(), all.amqp.heartbeat), ("warrener", Duration::from_secs(10)));
    assert_eq!((all.url.as_str(), all.token), ("http://127.0.0.1:8080", None));
    assert_eq!(all.retention, Duration::from_secs(7 * 86_400));
    assert_eq!((all.worker.queues, all.worker.slots, all.worker.demo), (vec!["default".to_owned()], 8, false));
    assert_eq!((all.worker.drain, all.limits.submit_bytes), (Duration::from_secs(30), 15 * 1024 * 1024));
    assert_eq!((all.log.format, all.log.level.as_str()), (crate::telemetry::Format::Pretty, "info,lapin=off"));
    assert!(all.kinds.is_empty());
}

#[test]
fn every_default_in_the_schema_is_of_its_own_sort() {
    for key in schema::KEYS {
        if let Some(default) = key.default {
            assert!(key.kind.convert(&value::RawSetting::Text(default.to_owned())).is_ok(), "{} = {default}", key.path);
        }
        assert!(key.doc.ends_with('.') && !key.readers.is_empty(), "{}", key.path);
    }
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let place = Place::with("[worker]\nslots = 2\ndrain = 5\nqueues = [\"a\", \"b\"]\n");
    let flag = Flag { flag: "--slots", path: "worker.slots", value: "4".to_owned() };
    let loaded = place.loader(&[("WARRENER_WORKER__SLOTS", "3"), ("WARRENER_WORKER__DEMO", "yes")]).flags([flag]);
    let loaded = loaded.load::<Everything>().unwrap();
    assert_eq!((loaded.value.worker.slots, loaded.value.worker.demo), (4, true));
    assert_eq!((loaded.value.worker.drain, loaded.value.worker.queues.len()), (Duration::from_secs(5), 2));
    let origin = |path: &str| loaded.settings().iter().find(|s| s.path == path).unwrap().origin.clone();
    assert_eq!(origin("worker.slots"), Origin::Flag("--slots"));
    assert_eq!(origin("worker.demo"), Origin::Env("WARRENER_WORKER__DEMO".to_owned()));
    assert!(matches!(origin("worker.drain"), Origin::File { line: 3, .. }));
    assert_eq!(origin("worker.claim_after"), Origin::Default);
}

#[test]
fn text_that_looks_like_a_number_stays_as_it_is() {
    for password in ["0123", "1e3", "true", " x ", "a,b", "[1]"] {
        let all = load("", &[("WARRENER_AMQP__PASSWORD", password)]);
        assert_eq!(all.amqp.password.as_deref(), Some(password));
    }
}

#[test]
fn lists_come_with_commas_or_as_json() {
    for (written, read) in [("a, b", vec!["a", "b"]), ("[\"a,b\",\"c\"]", vec!["a,b", "c"]), ("one", vec!["one"])] {
        assert_eq!(load("", &[("WARRENER_WORKER__QUEUES", written)]).worker.queues, read);
    }
}

#[test]
fn kinds_keep_their_dots_and_capitals() {
    let toml = "[kinds.\"text.Count\"]\ncommand = [\"wc\"]\n";
    let all = load(toml, &[("WARRENER_KINDS__Resize__HTTP", "http://x/"), ("WARRENER_KINDS__ECHO__COMMAND", "cat,-u")]);
    let names: Vec<&str> = all.kinds.keys().map(String::as_str).collect();
    assert_eq!(names, ["Resize", "echo", "text.Count"]);
    assert_eq!(all.kinds["echo"].command, Some(vec!["cat".to_owned(), "-u".to_owned()]));
    assert_eq!(all.kinds["text.Count"], KindSection { command: Some(vec!["wc".to_owned()]), http: None });
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let foreign = [
        ("WARRENER_JOB", "x"),
        ("WARRENER_TASK", "x"),
        ("WARRENER_ATTEMPT", "1"),
        ("WARRENER_TEST_AMQP_URL", "x"),
        ("WARRENER_ENV", "development"),
        ("WARRENER_SERVICE_HOST", "10.0.0.1"),
        ("WARRENER_PORT", "tcp://10.0.0.1:80"),
        ("WARRENER_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("WARRENER_ORCHESTRATOR_SERVICE_PORT_HTTP", "80"),
        ("WARRENER_API__TOKENS_FILE", ""),
        ("OTHER_URL", "x"),
    ];
    load("", &foreign);
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let toml = "url = 5\n[worker]\nslots = \"lots\"\nslot = 3\n\n[amqpp]\nurl = \"amqp://x\"\n";
    let text = Place::with(toml).problems(&[("WARRENER_RETENTION", "never"), ("WARRENER_AMQP_URL", "amqp://x")]);
    let expected = "\
reading the configuration: 6 problems
error: unknown setting worker.slot
  from warrener.toml:4
  hint: did you mean worker.slots?
error: unknown setting amqpp.url
  from warrener.toml:7
  hint: did you mean amqp.url?
error: url = 5 is not a URL that starts with http:// or https://
  from warrener.toml:1
error: worker.slots = \"lots\" is not a whole number from 1 to 4096
  from warrener.toml:3
error: unknown setting amqp_url
  from environment variable WARRENER_AMQP_URL
  hint: did you mean WARRENER_AMQP__URL?
error: retention = \"never\" is not a duration such as 1h30m, 90s or 250ms
  from environment variable WARRENER_RETENTION";
    let sorted = |text: &str| {
        let mut parts: Vec<String> = text.split("\nerror: ").map(str::to_owned).collect();
        parts[1..].sort();
        parts
    };
    assert_eq!(sorted(&text), sorted(expected), "{text}");
}

#[test]
fn each_wrong_value_says_what_it_should_have_been() {
    let cases = [
        ("WARRENER_WORKER__SLOTS", "0", "worker.slots = \"0\" is not a whole number from 1 to 4096"),
        ("WARRENER_WORKER__SLOTS", "4097", "worker.slots = \"4097\" is not a whole number from 1 to 4096"),
        ("WARRENER_WORKER__DEMO", "maybe", "worker.demo = \"maybe\" is not true or false"),
        ("WARRENER_WORKER__DRAIN", "30m1h", "worker.drain = \"30m1h\" is not a duration"),
        ("WARRENER_WORKER__DRAIN", "366d", "worker.drain = \"366d\" is not a duration"),
        ("WARRENER_WORKER__DRAIN", "-1", "worker.drain = \"-1\" is not a duration"),
        ("WARRENER_LIMITS__SUBMIT_BYTES", "15 furlongs", "limits.submit_bytes = \"15 furlongs\" is not a size above 0"),
        ("WARRENER_HTTP__LISTEN", "8080", "http.listen = \"8080\" is not an address to listen on"),
        ("WARRENER_LOG__FORMAT", "xml", "log.format = \"xml\" is not one of pretty, json"),
        ("WARRENER_WORKER__QUEUES", "[1]", "worker.queues = \"[1]\" is not a list of texts"),
        ("WARRENER_WORKER", "3", "worker is a section, not a setting"),
        ("WARRENER_ZZZ", "3", "unknown setting zzz\n  from environment variable WARRENER_ZZZ"),
        ("WARRENER_AMQP__PREFIX", "a b", "amqp.prefix = \"a b\" is not a name"),
    ];
    for (name, value, expected) in cases {
        let text = Place::with("").problems(&[(name, value)]);
        assert!(text.contains(expected), "{name}={value}: {text}");
    }
    let text = Place::with("[worker]\nslots = 1.5\n").problems(&[]);
    assert!(text.contains("worker.slots is a number with a fraction: it is not a whole number"), "{text}");
}

#[test]
fn a_secret_never_shows_in_a_message_or_a_listing() {
    let place = Place::with("");
    let text = place.problems(&[("WARRENER_AMQP__URL", "http://u:hunter2@h")]);
    assert!(text.contains("amqp.url is not a URL that starts with amqp:// or amqps://"), "{text}");
    assert!(!text.contains("hunter2"));
    let variables = [
        ("WARRENER_AMQP__URL", "amqp://u:hunter2@h/v"),
        ("WARRENER_TOKEN", "hunter2"),
        ("WARRENER_STORE__URL", "postgres://u:hunter2/odd@h/db"),
    ];
    let loaded = place.loader(&variables).load::<Everything>().unwrap();
    assert!(!loaded.show().contains("hunter2"), "{}", loaded.show());
    assert!(loaded.show().contains("amqp://u:***@h/v"), "{}", loaded.show());
    assert!(!format!("{:?}", loaded.value.amqp).contains("hunter2"));
}

#[test]
fn a_secret_comes_from_a_file_without_its_line_break() {
    let place = Place::with("[amqp]\nurl = \"amqp://client@h/%2f\"\n");
    let secret = place.folder.path().join("password");
    std::fs::write(&secret, "p@ss/ \n").unwrap();
    let loaded = place.loader(&[("WARRENER_AMQP__PASSWORD_FILE", secret.to_str().unwrap())]);
    let amqp = loaded.load::<Everything>().unwrap().value.amqp;
    assert_eq!(amqp.password.as_deref(), Some("p@ss/ "));
    assert_eq!(amqp.address(), "amqp://client:p%40ss%2F%20@h/%2f");
}

#[test]
fn a_secret_file_that_is_missing_or_doubled_is_an_error() {
    let place = Place::with("[amqp]\nurl_file = \"/nowhere/url\"\n");
    let text = place.problems(&[]);
    assert!(text.contains("reading the secret amqp.url: /nowhere/url: No such file"), "{text}");
    assert!(text.contains("from warrener.toml:2"), "{text}");
    let both = [("WARRENER_TOKEN", "x"), ("WARRENER_TOKEN_FILE", "/nowhere/token")];
    let text = Place::with("").problems(&both);
    assert!(
        text.contains("token and token_file are both given\n  from environment variable WARRENER_TOKEN_FILE"),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_read_as_a_secret_is_named_with_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with("");
    let folder = place.folder.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    // A directory is unreadable as a file even for root, which may read everything else.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let text = place.problems(&[("WARRENER_TOKEN_FILE", folder.to_str().unwrap())]);
    assert!(text.contains("(mode 0700)") && text.contains("chmod 0444"), "{text}");
}

#[test]
fn a_broken_or_missing_file_is_an_error_with_its_line() {
    let text = Place::with("[worker]\nslots = = 2\n").problems(&[]);
    assert!(text.contains("reading TOML") && text.contains("from warrener.toml:2"), "{text}");
    let missing = Loader::new(Binary::Cli).environment([]).file(Some("/nowhere/w.toml".into()));
    let text = missing.load::<serde::de::IgnoredAny>().unwrap_err().to_string();
    assert!(text.contains("reading the configuration file: /nowhere/w.toml"), "{text}");
}

#[test]
fn a_binary_ignores_the_values_of_others_but_not_their_names() {
    let place = Place::with("");
    let worker = |variables: &[(&str, &str)]| {
        let owned: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Loader::new(Binary::Cli).directory(place.folder.path()).environment(owned).load::<OnlyUrl>()
    };
    assert_eq!(worker(&[("WARRENER_WORKER__SLOTS", "lots")]).unwrap().value.url, "http://127.0.0.1:8080");
    assert!(worker(&[("WARRENER_WORKER__SLOT", "8")]).unwrap_err().to_string().contains("WARRENER_WORKER__SLOTS?"));
}

#[derive(Debug, Deserialize)]
struct OnlyUrl {
    url: String,
}

#[test]
fn production_refuses_development_passwords_with_the_way_out() {
    let production = ("WARRENER_ENV", "production");
    let place = Place::with("");
    for url in ["amqp://worker:worker@h/%2f", "amqp://guest:guest@h/%2f", "amqp://h", "amqps://monitor:monitor@h"] {
        let text = place.problems(&[production, ("WARRENER_AMQP__URL", url)]);
        assert!(text.contains("development password") && text.contains("make secrets"), "{url}: {text}");
    }
    for url in ["amqp://worker:Xy3k@h/%2f", "amqp://me:me@h/%2f"] {
        assert!(place.loader(&[production, ("WARRENER_AMQP__URL", url)]).load::<Everything>().is_ok(), "{url}");
    }
    let safe = [production, ("WARRENER_AMQP__URL", "amqp://worker@h"), ("WARRENER_AMQP__PASSWORD", "Xy3k")];
    assert!(place.loader(&safe).load::<Everything>().is_ok());
}

#[test]
fn durations_are_shown_as_they_would_be_written() {
    let loaded = Place::with("").loader(&[("WARRENER_RETENTION", "90061")]).load::<Everything>().unwrap();
    let shown = loaded.settings().iter().find(|setting| setting.path == "retention").unwrap();
    assert_eq!(shown.value, "1d1h1m1s");
}
