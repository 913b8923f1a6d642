//! What needs no server, and what is said where there is none.

use crate::server::{run, run_with};

#[test]
fn files_are_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good.yaml", "tasks:\n  a: {kind: x}\n  b: {kind: y, needs: a}\n");
    let bad = file("bad.json", "{\"kind\": \"x\",\n  \"timout\": \"5m\",\n  \"retry\": -1}");
    let ran = run(&["validate", &good], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err), (0, "", format!("{good}: ok, 2 tasks\n")));
    let ran = run(&["validate", &good, &bad], "");
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{}", ran.err);
    assert!(ran.err.contains(&format!("{bad}:2:3: ")) && ran.err.contains(&format!("{bad}:3:3: ")), "{}", ran.err);
    assert!(ran.err.contains("timeout"), "{}", ran.err);
    assert_eq!(run(&["validate", "/nowhere/x.yaml"], "").code, 1);
    assert_eq!(run(&["validate", "-"], "kind: x").code, 0);
}

#[test]
fn nobody_there_is_code_seven_with_a_way_out() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = run(&["job", "get", "x", "--server", &format!("http://{free}")], "");
    assert_eq!(ran.code, 7, "{}", ran.err);
    assert!(ran.err.contains("WARRENER_URL"), "{}", ran.err);
    let amqp = [("WARRENER_AMQP__URL", &*format!("amqp://client:client@{free}/%2f"))];
    let ran = run_with(&["submit", "-", "--via", "amqp"], "kind: x", &amqp);
    assert_eq!(ran.code, 7, "{}", ran.err);
    assert!(ran.err.contains("WARRENER_AMQP__URL") && !ran.err.contains("client:client"), "{}", ran.err);
}

#[test]
fn usage_and_configuration_errors_say_what_and_where() {
    let cases: [(&[&str], i32, &str); 5] = [
        (&["job", "gett", "x"], 2, "tip: a similar subcommand exists: 'get'"),
        (&["run", "k", "--input", "hello"], 2, "it is not JSON"),
        (&["watch", "x", "--timeout", "soon"], 2, "soon"),
        (&["submit", "-", "--dry-run", "--via", "amqp"], 2, "--via http"),
        (&["submit", "/nowhere/job.yaml"], 1, "reading /nowhere/job.yaml: No such file"),
    ];
    for (args, code, expected) in cases {
        let ran = run(args, "kind: x");
        assert!(ran.code == code && ran.err.contains(expected), "{args:?}: {} {}", ran.code, ran.err);
    }
    let ran = run_with(&["job", "list"], "", &[("WARRENER_AMQP_URL", "x")]);
    assert!(ran.code == 1 && ran.err.contains("did you mean WARRENER_AMQP__URL?"), "{} {}", ran.code, ran.err);
}

#[test]
fn the_configuration_is_shown_with_its_origins_and_without_secrets() {
    let variables = [("WARRENER_AMQP__URL", "amqp://u:hunter2@h/%2f"), ("WARRENER_TOKEN", "hunter2")];
    let ran = run_with(&["config", "show"], "", &variables);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(!ran.out.contains("hunter2"), "{}", ran.out);
    assert!(
        ran.out.contains("amqp://u:***@h/%2f") && ran.out.contains("environment variable WARRENER_AMQP__URL"),
        "{}",
        ran.out
    );
    assert!(run(&["config", "show", "-o", "name"], "").out.contains("worker.slots\n"));
    assert_eq!(run(&["config", "check"], "").err, "the configuration is sound\n");
    let bad = [("WARRENER_WORKER__SLOTS", "lots"), ("WARRENER_RETENTION", "ever")];
    let ran = run_with(&["config", "check"], "", &bad);
    assert!(ran.code == 1 && ran.err.contains("worker.slots") && ran.err.contains("retention"), "{}", ran.err);
}

/// Every place of a configuration in which a secret may stand, each with a secret that is found again wherever it shows.
const CANARIES: &str = r#"
url = "http://someone:CANARY@127.0.0.1:1/?key=CANARY"
token = "CANARY"
[amqp]
url = "amqp://someone:CANARY@127.0.0.1:1/%2f"
password = "CANARY"
[store]
url = "postgres://someone:CANARY@127.0.0.1:1/db?password=CANARY&sslpassword=CANARY"
[kinds.hook]
http = "https://CANARY@example.org/hook?token=CANARY&sig=CANARY#CANARY"
[kinds.program]
command = ["curl", "--token=CANARY", "--password", "CANARY", "Authorization: Bearer CANARY", "--url=https://u:CANARY@h/?k=CANARY"]
"#;

#[test]
fn secrets_show_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("warrener.toml");
    std::fs::write(&file, CANARIES).unwrap();
    let with = |arguments: &[&str]| run(&[&["--config", file.to_str().unwrap()], arguments].concat(), "kind: x");
    let nowhere = ["--management", "http://someone:CANARY@127.0.0.1:1/?key=CANARY"];
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "-o", "json"],
        &["config", "show", "-o", "yaml"],
        &["config", "check"],
        &["job", "list"],
        &["run", "x"],
        &["submit", "-"],
        &["submit", "-", "--via", "amqp"],
        &["doctor", nowhere[0], nowhere[1]],
        &["job", "list", "--server", "http://someone:CANARY@/?key=CANARY"],
    ] {
        let ran = with(arguments);
        assert!(!(ran.out.clone() + &ran.err).is_empty(), "{arguments:?} says something");
        assert!(!ran.out.contains("CANARY") && !ran.err.contains("CANARY"), "{arguments:?}: {}{}", ran.out, ran.err);
    }
    let shown = with(&["config", "show"]).out;
    assert!(shown.contains("hook?token=***&sig=***") && shown.contains("--token=***"), "{shown}");
    for broken in
        ["url = \"amqp://u:CANARY#@h\"", "url = \"http://u:CANARY@h\"", "url = \"amqp://u:CANARY\nx", "url = CANARY"]
    {
        std::fs::write(&file, format!("[amqp]\n{broken}\n")).unwrap();
        let ran = with(&["config", "check"]);
        assert!(ran.code == 1 && !ran.err.contains("CANARY"), "{broken}: {}", ran.err);
    }
}

#[test]
fn a_check_refuses_what_a_start_would() {
    for (name, value, words) in [
        ("WARRENER_AMQP__URL", "amqp://u:a#b@h/%2f", "percent-encode it as %23"),
        ("WARRENER_AMQP__URL", "amqp://u:p@h/%2f?hartbeat=3", "did you mean heartbeat?"),
        ("WARRENER_STORE__URL", "postgres://u:p@h:port/db", "store.url"),
        ("WARRENER_HTTP__LISTEN", "0.0.0.0:8080", "http.unguarded"),
        ("WARRENER_HTTP__LISTEN", ":8080", "http.unguarded"),
        ("WARRENER_HTTP__LISTEN", "[::]:8080", "http.unguarded"),
        ("WARRENER_HTTP__HOSTS", "http://jobs.example.org", "http.hosts"),
        ("WARRENER_HTTP__ORIGINS", "jobs.example.org", "http.origins"),
        ("WARRENER_API__TOKENS_FILE", "/nonexistent/tokens", "api.tokens_file"),
    ] {
        let ran = run_with(&["config", "check"], "", &[(name, value)]);
        assert!(ran.code == 1 && ran.err.contains(words), "{name}={value}: {}", ran.err);
    }
    let wished = [("WARRENER_HTTP__LISTEN", "0.0.0.0:8080"), ("WARRENER_HTTP__UNGUARDED", "true")];
    assert_eq!(run_with(&["config", "check"], "", &wished).code, 0);
}

#[test]
fn loopback_goes_through_no_proxy() {
    let server = crate::server::Server::with(&[("GET /api/v1/jobs", &[(200, crate::documents::list(&[]))])]);
    let proxy = [("HTTP_PROXY", "http://someone:s3cret@127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1")];
    let ran = run_with(&["--server", &server.url, "job", "list", "-o", "json"], "", &proxy);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let elsewhere = ["--server", "http://jobs.invalid", "job", "list"];
    let ran = run_with(&elsewhere, "", &[("HTTP_PROXY", "http://someone:s3cret@127.0.0.1:1")]);
    assert!(ran.code == 7 && ran.err.contains("through the proxy") && ran.err.contains("127.0.0.1:1"), "{}", ran.err);
    assert!(!ran.err.contains("s3cret"), "{}", ran.err);
}

#[test]
fn completion_and_help_name_every_noun() {
    let script = run(&["completion", "bash"], "");
    assert!(script.code == 0 && script.out.contains("_warrener()"));
    let help = run(&["--help"], "").out;
    for noun in [
        "submit",
        "run",
        "validate",
        "watch",
        "job",
        "task",
        "queue",
        "worker",
        "dead",
        "config",
        "dev",
        "doctor",
        "conformance",
        "man",
        "completion",
    ] {
        assert!(help.contains(&format!("\n  {noun} ")), "{noun}: {help}");
    }
}

#[test]
fn a_token_is_made_once_and_its_file_stays_sound() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("tokens.toml");
    let at = file.to_str().unwrap();
    let new = [
        "token",
        "new",
        "ci",
        "--scopes",
        "submit,read",
        "--expires",
        "90d",
        "--only",
        "label.team:\"a b\"",
        "--file",
        at,
    ];
    let made = run_with(&new, "", &[]);
    let token = made.out.trim_end();
    assert!(made.code == 0 && token.starts_with("wrn_") && token.len() == 47, "{}{}", made.out, made.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("name = \"ci\"") && !text.contains(token), "{text}");
    let again = run_with(&new, "", &[]);
    assert!(again.code == 1 && again.err.contains("another token has this name"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "a refused token changes nothing");
    let list = run_with(&["token", "list", "--file", at], "", &[]);
    assert!(list.out.contains("valid") && list.out.contains("read,submit"), "{}", list.out);
    let typed = run_with(&["token", "new", "x", "--scopes", "reed"], "", &[]);
    assert!(typed.code == 2 && typed.err.contains("unknown scope \"reed\""), "{}", typed.err);
    let shown = run_with(&["token", "new", "x", "--scopes", "read"], "", &[]);
    assert!(shown.out.starts_with("wrn_") && shown.err.contains("hash = \"sha256:"), "{}{}", shown.out, shown.err);
    let open = [("WARRENER_HTTP__LISTEN", "0.0.0.0:8080"), ("WARRENER_API__TOKENS_FILE", at)];
    assert_eq!(run_with(&["config", "check"], "", &open).code, 0);
    std::fs::write(&file, "nonsense").unwrap();
    let broken = run_with(&["config", "check"], "", &open);
    assert!(broken.code == 1 && broken.err.contains("api.tokens_file: line 1"), "{}", broken.err);
}

#[test]
fn a_token_that_can_be_none_is_said_so_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    for text in ["x".repeat(1_000_000), "two words".to_owned()] {
        std::fs::write(&file, &text).unwrap();
        let ran = run_with(&["--token-file", file.to_str().unwrap(), "job", "list"], "", &[]);
        assert!(matches!(ran.code, 1 | 2) && ran.err.contains("token"), "{} {}", ran.code, ran.err);
        assert!(!ran.err.contains("xxx") && !ran.err.contains("two words"), "{}", ran.err);
    }
}

#[test]
fn orchestrators_have_names() {
    let home = tempfile::tempdir().unwrap();
    let at_home = [("XDG_CONFIG_HOME", home.path().to_str().unwrap())];
    let with = |arguments: &[&str]| run_with(arguments, "", &at_home);
    let server = crate::server::Server::with(&[("GET /api/v1/jobs", &[(200, crate::documents::list(&[]))])]);
    assert_eq!(with(&["context", "set", "prod", "--url", &server.url]).code, 0);
    let list = with(&["job", "list", "-o", "json"]);
    assert_eq!(list.code, 0, "{}", list.err);
    let other = with(&["--context", "test", "job", "list"]);
    assert!(other.code == 4 && other.err.contains("prod"), "{}", other.err);
    let elsewhere = with(&["--server", "http://127.0.0.1:1", "job", "list"]);
    assert_eq!(elsewhere.code, 7, "what is said counts more than the name in use: {}", elsewhere.err);
    assert!(with(&["context", "list"]).out.contains(&server.url));
    assert_eq!(with(&["context", "remove", "prod"]).code, 0);
    assert_eq!(with(&["context", "use", "prod"]).code, 4);
}
