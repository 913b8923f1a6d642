//! The mode that runs programs below a supervisor, as a worker uses it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use tempfile::TempDir;

/// A supervisor and our end of its socket.
struct Supervised {
    process: Child,
    socket: UnixStream,
}

impl Supervised {
    fn start(script: &str, input: &str) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.args(["__supervise", "-", "/bin/sh", "-c", script]);
        let process = command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut socket = ours;
        // A program that ends at once reads nothing.
        socket.write_all(format!("{}\n{input}", input.len()).as_bytes()).ok();
        Self { process, socket }
    }

    /// What the supervisor has said without the number of the process, and the program's output.
    fn end(mut self) -> (String, String) {
        let (mut said, mut output) = (String::new(), String::new());
        self.process.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        // The end is an error if the program did not read its input.
        self.socket.read_to_string(&mut said).ok();
        assert!(self.process.wait().unwrap().success());
        let said = said.lines().filter(|line| !line.starts_with("pid ")).collect::<Vec<_>>().join(" ");
        (said, output)
    }
}

/// A pipe that every process holds which inherits it: reading it ends when the last of them does.
struct Leash {
    folder: TempDir,
    end: File,
    /// Ours, so that the reader waits for the first of them too.
    first: File,
}

impl Leash {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leash");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
        // For both at once, or each would wait for the other.
        let first = File::options().read(true).write(true).open(&path).unwrap();
        Self { folder, end: File::open(&path).unwrap(), first }
    }

    /// The script with the leash in the hands of whatever it starts.
    fn hold(&self, script: &str) -> String {
        format!("exec 3>{}; {script}", self.folder.path().join("leash").display())
    }

    /// Waits until so many processes have said that they are there.
    fn all_there(&mut self, count: usize) {
        self.end.read_exact(&mut vec![0; count]).unwrap();
    }

    fn all_gone(mut self) {
        drop(self.first);
        let begun = Instant::now();
        self.end.read_to_end(&mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "somebody lived on for {:?}", begun.elapsed());
    }
}

/// Four processes that do not want to end: of the program's group, of a session of their own, and of nobody.
const WILD: &str = "trap '' TERM HUP INT; stay='trap \"\" TERM HUP INT; printf . >&3; while :; do sleep 60; done'; \
    sh -c \"$stay\" & setsid sh -c \"$stay\" & (setsid sh -c \"($stay) & exit\" &) ; ";

#[test]
fn input_output_and_end_are_those_of_the_program() {
    let end = |script: &str| Supervised::start(script, "hello").end();
    assert_eq!(end("cat; exit 3"), ("exit 3".to_owned(), "hello".to_owned()));
    assert_eq!(end("kill -SEGV $$"), ("signal 11".to_owned(), String::new()));
    assert_eq!(end("exec sh -c 'echo $PPID' >/dev/null"), ("exit 0".to_owned(), String::new()));
    assert_eq!(end("echo busy; kill -9 $$").0, "signal 9");
    let big = "x".repeat(3_000_000);
    assert_eq!(Supervised::start("wc -c | tr -d ' \\n'", &big).end(), ("exit 0".to_owned(), "3000000".to_owned()));
    assert_eq!(Supervised::start("echo unread", &big).end(), ("exit 0".to_owned(), "unread\n".to_owned()));
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    let mut process = command.args(["__supervise", "-", "/no/such"]).stdin(OwnedFd::from(theirs)).spawn().unwrap();
    drop(command);
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), process.wait().unwrap().code()), ("error 2\n", Some(0)));
}

#[test]
fn nothing_outlives_the_worker() {
    let mut leash = Leash::new();
    let supervised = Supervised::start(&leash.hold(&format!("{WILD} printf . >&3; while :; do sleep 60; done")), "");
    leash.all_there(4);
    // What is left of a worker that was killed by force: its end of the socket is closed.
    drop(supervised.socket);
    leash.all_gone();
}

#[test]
fn nothing_outlives_the_program() {
    let mut leash = Leash::new();
    let (ready, done) = (leash.folder.path().join("ready"), "exit 7");
    nix::unistd::mkfifo(&ready, Mode::S_IRWXU).unwrap();
    let script = format!("{WILD} printf . >&3; read line <{}; {done}", ready.display());
    let supervised = Supervised::start(&leash.hold(&script), "");
    leash.all_there(4);
    std::fs::write(&ready, "go\n").unwrap();
    leash.all_gone();
    assert_eq!(supervised.end().0, "exit 7");
}

#[test]
fn a_program_is_asked_and_then_forced_with_all_that_it_started() {
    let mut leash = Leash::new();
    let polite = leash.hold("trap 'exit 5' TERM; printf . >&3; sleep 60 & wait");
    let mut supervised = Supervised::start(&polite, "");
    leash.all_there(1);
    supervised.socket.write_all(b"T").unwrap();
    assert_eq!(supervised.end().0, "exit 5");
    leash.all_gone();
    let mut leash = Leash::new();
    let mut stubborn = Supervised::start(&leash.hold(&format!("{WILD} printf . >&3; while :; do sleep 60; done")), "");
    leash.all_there(4);
    stubborn.socket.write_all(b"TK").unwrap();
    assert_eq!(stubborn.end().0, "signal 9");
    leash.all_gone();
}

/// As the first process of its own world it leaves no zombies behind, which a later look at `/proc` would show.
#[test]
fn the_first_process_reaps_what_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[amqp]\nurl = \"amqp://guest:secret@127.0.0.1:1/%2f\"\n[worker]\ndemo = true\n";
    std::fs::write(folder.path().join("worker.toml"), toml).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    // The orphan is left to the first process, which is the worker by then, and ends as its child.
    let script = "(sh -c 'sleep 0.2' & sh -c 'sleep 0.3' &); exec \"$0\" --config worker.toml";
    command.args(["sh", "-c", script, env!("CARGO_BIN_EXE_worker")]).current_dir(folder.path());
    let mut running = command.env("WARRENER_LOG__FORMAT", "json").stderr(Stdio::piped()).spawn().unwrap();
    let children = || {
        // Who sees the inside: a process that enters the same world.
        let inside = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.id())).unwrap();
        let first = inside.trim().to_owned();
        let of_first = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        of_first.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while children().len() != 1 {
        assert!(Instant::now() < deadline, "{:?}", children());
        std::thread::sleep(Duration::from_millis(50));
    }
    let worker = children().remove(0).parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
}
