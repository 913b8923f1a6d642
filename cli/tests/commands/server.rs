//! Running the binary, and the server that it talks to.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A server of recorded answers. A route with several answers gives them one after the other, the last for ever.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
    _runtime: tokio::runtime::Runtime,
}

type Answers = Arc<Mutex<BTreeMap<String, Vec<(u16, String)>>>>;

#[derive(Clone)]
struct Shared {
    answers: Answers,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    pub(crate) fn with(routes: &[(&str, &[(u16, String)])]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let answers = routes.iter().map(|(route, answers)| ((*route).to_owned(), answers.to_vec())).collect();
        let shared = Shared { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() };
        let asked = Arc::clone(&shared.asked);
        let router = Router::new().fallback(answer).with_state(shared);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, asked, _runtime: runtime }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&[&["--server", &self.url], args].concat(), "")
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    pub(crate) fn last_body(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().1.clone()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let route = format!("{} {}", request.method(), request.uri().path());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    shared.asked.lock().unwrap().push((line, String::from_utf8(body.to_vec()).unwrap()));
    let mut answers = shared.answers.lock().unwrap();
    let Some(answers) = answers.get_mut(&route) else {
        let problem =
            json!({"type": "about:blank", "title": "not found", "status": 404, "detail": "there is no such thing"});
        return (StatusCode::NOT_FOUND, problem.to_string()).into_response();
    };
    let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(args: &[&str], stdin: &str) -> Ran {
    run_with(args, stdin, &[])
}

pub(crate) fn run_with(args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.args(args).current_dir(folder.path()).env_clear().envs(variables.iter().copied());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    // A command that reads no stdin may have ended before this.
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}
