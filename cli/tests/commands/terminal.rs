//! Words of strangers on a terminal: each text field of each answer, through each command.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::openpty;
use serde_json::{Value, json};

use crate::documents::{job, list, task};
use crate::server::Server;

/// What terminals obey, and what only looks as if.
const CORPUS: &[&str] = &[
    "\x1b[2J",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link",
    "\x1bc",
    "\x1b[?1049h",
    "\x1b[6n",
    "\x1b[1;1H",
    "\x1b[A\x1b[K",
    "\x1bP+q\x1b\\",
    "\x1b_x\x1b\\",
    "\x1b^x\x1b\\",
    "\x1bX",
    "\x1b(0",
    "\x1b=",
    "\x1b[8m hidden",
    "\u{9b}2J",
    "\u{9d}0;title\u{9c}",
    "\u{90}q\u{9c}",
    "\u{85}",
    "\u{84}",
    "\u{8d}",
    "\u{80}",
    "\u{9f}",
    "\0",
    "\x01",
    "\x05",
    "\x07",
    "\x08\x08\x08",
    "\x0b",
    "\x0c",
    "\x0e",
    "\x0f",
    "\x11",
    "\x13",
    "\x1a",
    "\x1c",
    "\x1f",
    "\x7f",
    "over\rwritten",
    "\r",
    "one\r\nFORGED",
    "line\nFORGED",
    "\n\nFORGED\n",
    "tab\tbed",
    "\u{202e}gpj.exe",
    "\u{202a}\u{202b}\u{202c}\u{202d}",
    "\u{2066}\u{2067}\u{2068}\u{2069}",
    "\u{200e}\u{200f}",
    "\u{61c}",
    "\u{2028}FORGED",
    "\u{2029}FORGED",
    "\u{feff}",
    "\u{200b}",
    "\u{2060}",
    "\u{ad}",
    "\u{fff9}",
    "\u{e0041}",
    "\\x1b[2J",
    "caf\u{e9} \u{65e5}\u{672c}",
    "\x1b[200~paste\x1b[201~",
    "\x1b[5i",
    "\x1b[!p",
    "\x1b[21t",
];

/// What a command prints on a terminal that is all there is to it: stdout, and stderr unless a bar may be drawn on it.
fn on_terminal(server: &Server, arguments: &[&str], bar: bool) -> String {
    let pty = openpty(None, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let side = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.args(["--server", &server.url]).args(arguments).current_dir(folder.path());
    command.env_clear().env("TERM", "xterm").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(side()).stderr(if bar { Stdio::piped() } else { side() });
    let mut child = command.spawn().unwrap();
    drop(command);
    let errors = child.stderr.take();
    drop(pty.slave);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal whose programs have all ended reads as an error.
        File::from(pty.master).read_to_end(&mut bytes).ok();
        bytes
    });
    let mut said = Vec::new();
    if let Some(mut errors) = errors {
        errors.read_to_end(&mut said).unwrap();
    }
    child.wait().unwrap();
    let mut shown = reader.join().unwrap();
    shown.extend(said);
    // The terminal itself makes line breaks of two characters.
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

#[track_caller]
fn is_harmless(shown: &str, arguments: &[&str]) {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61c}' | '\u{ad}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let found: Vec<_> = shown.chars().filter(|c| bad(*c)).collect();
    assert!(found.is_empty(), "{arguments:?}: {found:?} in {shown:?}");
    // What a task wrote has lines of its own; nothing else has.
    let forges = arguments[0] != "logs" && shown.lines().any(|line| line.starts_with("FORGED"));
    assert!(!forges, "{arguments:?}: {shown}");
}

fn error(text: &str) -> Value {
    json!({"code": text, "message": text, "task": text, "attempt": 1, "details": {"stderr": text}})
}

/// A server of which every text is hostile.
fn server() -> Server {
    let all: String = CORPUS.concat();
    let labels: serde_json::Map<String, Value> =
        CORPUS.iter().enumerate().map(|(at, text)| (format!("{at}{text}"), json!(text))).collect();
    let hostile = |id: &str, state: &str| {
        let more = json!({"name": all, "kind": all, "labels": labels, "error": error(&all), "output": all});
        job(id, state, more)
    };
    let with = |id: &str, text: &str| {
        let more = json!({"name": text, "kind": text, "labels": {text: text}, "error": error(text)});
        serde_json::from_str::<Value>(&job(&format!("{id}{text}"), "failed", more)).unwrap()
    };
    let jobs: Vec<Value> = CORPUS.iter().map(|text| with("j", text)).collect();
    let attempt = |text: &str| {
        json!({"attempt": 1, "outcome": text, "worker": text, "error": error(text), "started_at": text,
            "finished_at": text, "stopped_at": text, "dispatched_at": text})
    };
    let tasks: Vec<Value> = CORPUS
        .iter()
        .map(|text| {
            let more = json!({"task": text, "kind": text, "queue": text, "reason": text, "worker": text, "error": error(text)});
            task(text, "failed", &[text], more)
        })
        .collect();
    let mut one: Value =
        task("a", "failed", &[&all], json!({"kind": all, "queue": all, "reason": all, "error": error(&all)}));
    one["attempts"] = CORPUS.iter().map(|text| attempt(text)).collect();
    let event = |text: &&str| {
        json!({"sequence": 1, "time": text, "type": text, "task": text, "index": null, "state": text, "attempt": 1,
            "error": error(text)})
    };
    let piece =
        |(at, text): (usize, &&str)| json!({"attempt": 1, "no": at + 1, "time": text, "text": format!("{text}\n")});
    let letter = |text: &&str| {
        json!({"id": text, "from": text, "code": text, "message": text, "job": text, "task": text, "received_at": text,
            "size": 1, "body": "", "headers": {(text.to_string()): text}, "evidence": {(text.to_string()): text}})
    };
    let queue = |text: &&str| json!({"name": text, "address": text, "paused": true, "ready": 3, "dispatched": 1, "workers": 0, "oldest_ready_at": text});
    let worker = |text: &&str| {
        json!({"id": text, "version": text, "queues": [text], "kinds": [text], "slots": 1, "running": 0,
            "draining": false, "seen_at": text})
    };
    let lists = |make: &dyn Fn(&&str) -> Value| list(&CORPUS.iter().map(make).collect::<Vec<_>>());
    let pieces: Vec<Value> = CORPUS.iter().enumerate().map(piece).collect();
    let refusal = json!({"type": all, "title": all, "status": 409, "detail": all, "code": all,
        "errors": [{"pointer": all, "code": all, "detail": all, "hint": all}]});
    let ready = json!({"ready": false, "checks": [{"name": all, "ready": false, "reason": all}]});
    let ok = |text: String| vec![(200, text)];
    let logs = || vec![(200, list(&pieces)), (200, list(&[]))];
    let routes: Vec<(&str, Vec<(u16, String)>)> = vec![
        ("GET /api/v1/jobs", ok(list(&jobs))),
        ("POST /api/v1/jobs", ok(hostile("j1", "succeeded"))),
        ("GET /api/v1/jobs/j1", ok(hostile("j1", "failed"))),
        ("GET /api/v1/jobs/good", ok(hostile("good", "succeeded"))),
        ("GET /api/v1/jobs/refused", vec![(409, refusal.to_string())]),
        ("GET /api/v1/jobs/strange", vec![(500, all.clone())]),
        ("GET /api/v1/jobs/j1/tasks", ok(list(&tasks))),
        ("GET /api/v1/jobs/j1/events", ok(lists(&event))),
        ("GET /api/v1/tasks/j1/a", ok(one.to_string())),
        ("GET /api/v1/tasks/j1/a/logs", logs()),
        ("GET /api/v1/tasks/j1/b/logs", logs()),
        ("GET /api/v1/dead", ok(lists(&letter))),
        ("GET /api/v1/dead/1", ok(letter(&all.as_str()).to_string())),
        ("GET /api/v1/queues", ok(lists(&queue))),
        ("GET /api/v1/workers", ok(lists(&worker))),
        ("GET /readyz", vec![(503, ready.to_string())]),
    ];
    let routes: Vec<(&str, &[(u16, String)])> =
        routes.iter().map(|(route, answers)| (*route, answers.as_slice())).collect();
    Server::with(&routes)
}

#[test]
fn a_terminal_obeys_nobody_but_us() {
    assert!(CORPUS.len() >= 50);
    let server = server();
    let nowhere = ["--management", "http://127.0.0.1:1"];
    for (arguments, bar) in [
        (&["job", "list"][..], false),
        (&["job", "list", "-o", "wide"], false),
        (&["job", "list", "-o", "name"], false),
        (&["job", "list", "-o", "json"], false),
        (&["job", "list", "-o", "jsonl"], false),
        (&["job", "list", "-o", "yaml"], false),
        (&["job", "get", "j1"], false),
        (&["job", "get", "j1", "-o", "json"], false),
        (&["job", "get", "refused"], false),
        (&["job", "get", "strange"], false),
        (&["job", "get", "\x1b[2Jnone\nFORGED"], false),
        (&["job", "cancel", "\x1b[2Jnone\nFORGED"], false),
        (&["job", "output", "j1"], false),
        (&["job", "output", "good"], false),
        (&["job", "events", "j1"], false),
        (&["job", "graph", "j1"], false),
        (&["job", "graph", "j1", "--format", "dot"], false),
        (&["job", "graph", "j1", "--format", "svg"], false),
        (&["task", "get", "j1/a"], false),
        (&["task", "get", "j1/a", "-o", "yaml"], false),
        (&["logs", "j1/a"], false),
        (&["logs", "j1/b", "-o", "jsonl"], false),
        (&["dead", "list"], false),
        (&["dead", "get", "1"], false),
        (&["queue", "list"], false),
        (&["worker", "list"], false),
        (&["run", "demo.echo"], true),
        (&["watch", "j1"], true),
        (&["doctor", nowhere[0], nowhere[1]], false),
        (&["validate", "\x1b[2J.json"], false),
    ] {
        let shown = on_terminal(&server, arguments, bar);
        assert!(!shown.is_empty(), "{arguments:?} shows something");
        is_harmless(&shown, arguments);
    }
}

#[test]
fn what_programs_read_stays_exact() {
    let server = server();
    let json: Value = serde_json::from_str(&server.run(&["job", "get", "j1", "-o", "json"]).out).unwrap();
    assert_eq!(json["name"], CORPUS.concat());
    let output = server.run(&["job", "output", "good"]).out;
    assert_eq!(serde_json::from_str::<String>(&output).unwrap(), CORPUS.concat());
    let raw = server.run(&["logs", "j1/a", "--raw"]).out;
    assert_eq!(raw, CORPUS.iter().map(|text| format!("{text}\n")).collect::<String>());
    let shown = server.run(&["logs", "j1/b"]).out;
    assert!(shown.contains("\\x1b[2J\n") && !shown.contains('\x1b'), "{shown:?}");
}
