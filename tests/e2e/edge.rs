//! The edge of the HTTP interface: pages in a browser, and clients that only hold what others need.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, program};
use warrener_tests::wait::{SOON, until, within};

/// An answer to a request that was written by hand.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn place(cluster: &Cluster) -> String {
    cluster.http_url().trim_start_matches("http://").to_owned()
}

/// A connection on which this was said.
async fn say(cluster: &Cluster, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(place(cluster)).await.unwrap();
    // Whoever is sent away at once may not get to say anything.
    stream.write_all(words.as_bytes()).await.ok();
    stream
}

/// Everything that is said on a connection until it is closed.
async fn hear(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    within("the connection is closed", SOON * 2, stream.read_to_end(&mut bytes)).await.ok();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn ask(cluster: &Cluster, request: &str) -> Answer {
    hear(say(cluster, request).await).await
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n")
}

fn post(headers: &str) -> String {
    let body = json!({"kind": "nobody.serves"}).to_string();
    let length = body.len();
    format!(
        "POST /api/v1/jobs HTTP/1.1\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

async fn configured(http: &str) -> Cluster {
    Cluster::configured(Broker::shared().await, &format!("[http]\n{http}")).await
}

/// Fails unless the process answers and takes jobs at once.
async fn is_at_hand(cluster: &Cluster) {
    let asked = Instant::now();
    assert_eq!(ask(cluster, &get("/readyz", "Host: localhost\r\n")).await.status, 200);
    assert_eq!(ask(cluster, &post("Host: localhost\r\n")).await.status, 202);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_names_of_ours_are_answered() {
    let cluster = configured("hosts = [\"jobs.example.org\"]\n").await;
    for (request, status) in [
        (get("/api/v1/jobs", "Host: localhost:1\r\n"), 200),
        (get("/api/v1/jobs", "Host: LOCALHOST.\r\n"), 200),
        (get("/api/v1/jobs", "Host: [::1]:8080\r\n"), 200),
        (get("/api/v1/jobs", "Host: jobs.example.org\r\n"), 200),
        (get("/api/v1/jobs", "Host: evil.example\r\n"), 421),
        (get("/api/v1/jobs", "Host: evil.example:8080\r\n"), 421),
        (get("/api/v1/jobs", "Host: jobs.example.org.evil.example\r\n"), 421),
        (get("/api/v1/nothing", "Host: evil.example\r\n"), 421),
        (get("/readyz", "Host: evil.example\r\n"), 421),
        (get("/metrics", "Host: 192.0.2.1\r\n"), 421),
        (get("http://evil.example/api/v1/jobs", "Host: localhost\r\n"), 421),
        (get("http://localhost/api/v1/jobs", "Host: localhost\r\n"), 200),
        (get("/api/v1/jobs", ""), 400),
        (get("/api/v1/jobs", "Host: localhost\r\nHost: evil.example\r\n"), 400),
        ("GET /readyz HTTP/1.0\r\n\r\n".to_owned(), 200),
        ("GET /api/v1/jobs HTTP/1.0\r\nHost: evil.example\r\n\r\n".to_owned(), 421),
    ] {
        let answer = ask(&cluster, &request).await;
        assert_eq!(answer.status, status, "{request}{}", answer.body);
        assert!(status == 200 || answer.head.contains("application/problem+json"), "{}", answer.head);
    }
    let refused = ask(&cluster, &get("/api/v1/jobs", "Host: evil.example\r\n")).await;
    assert_eq!(refused.code(), "unknown_host");
    assert!(refused.body.contains("WARRENER_HTTP__HOSTS"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing() {
    let cluster = configured("hosts = [\"evil.example\"]\norigins = [\"https://ci.example.org\"]\n").await;
    let mut kept = 0;
    for (headers, status) in [
        ("", 202),
        ("Origin: http://localhost:8080\r\n", 202),
        ("Sec-Fetch-Site: same-origin\r\n", 202),
        ("Origin: https://ci.example.org\r\nSec-Fetch-Site: cross-site\r\n", 202),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Origin: http://localhost:8080\r\nSec-Fetch-Site: same-site\r\n", 403),
    ] {
        let answer = ask(&cluster, &post(&format!("Host: localhost:8080\r\n{headers}"))).await;
        assert_eq!(answer.status, status, "{headers}{}", answer.body);
        assert_eq!(status == 403, answer.code() == "cross_site", "{}", answer.body);
        kept += usize::from(status == 202);
    }
    assert_eq!(cluster.get("/api/v1/jobs").await.1["items"].as_array().unwrap().len(), kept);
    let read = ask(&cluster, &get("/api/v1/jobs", "Host: localhost\r\nOrigin: http://evil.example\r\n")).await;
    assert!(!read.head.contains("access-control"), "{}", read.head);
    let listed = ask(&cluster, &get("/api/v1/jobs", "Host: localhost\r\nOrigin: https://ci.example.org\r\n")).await;
    assert!(listed.head.contains("access-control-allow-origin: https://ci.example.org"), "{}", listed.head);
    let preflight = "OPTIONS /api/v1/jobs HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\
                     Access-Control-Request-Method: POST\r\nOrigin: ";
    assert_eq!(ask(&cluster, &format!("{preflight}https://ci.example.org\r\n\r\n")).await.status, 204);
    assert_eq!(ask(&cluster, &format!("{preflight}http://evil.example\r\n\r\n")).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_reach_is_refused_unless_wished() {
    let cluster = Cluster::prepared(Broker::shared().await, "");
    let start = |name: &str, more: &[(&'static str, &str)]| {
        let store = format!("sqlite://{}", cluster.folder().join(format!("{name}.db")).display());
        let mut variables = vec![
            ("WARRENER_AMQP__PREFIX", cluster.names().prefix().to_owned()),
            ("WARRENER_STORE__URL", store),
            ("WARRENER_HTTP__LISTEN", "0.0.0.0:0".to_owned()),
        ];
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let orchestrator = program("orchestrator");
        cluster.start_program(name, &[orchestrator.to_str().unwrap()], &variables)
    };
    let mut refused = start("refused", &[]);
    assert!(!refused.ended().await.success());
    assert!(refused.log().contains("http.unguarded") && refused.log().contains("api.tokens_file"), "{}", refused.log());
    let wished = start("wished", &[("WARRENER_HTTP__UNGUARDED", "true")]);
    until("it listens", SOON * 2, async || wished.log().contains("orchestrator started").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_holds_connections_keeps_nobody_out() {
    let cluster = configured("max_connections = 8\n").await;
    let mut idle = Vec::new();
    for number in 0..60 {
        let words = if number % 2 == 0 { "" } else { "GET /readyz HTTP/1.1\r\nHost: local" };
        idle.push(say(&cluster, words).await);
    }
    is_at_hand(&cluster).await;
    // Those that had to go were told why.
    let first = hear(idle.remove(0)).await;
    assert_eq!((first.status, first.code().as_str()), (503, "too_many_connections"), "{}", first.head);
    let metrics = ask(&cluster, &get("/metrics", "Host: localhost\r\n")).await.body;
    assert!(metrics.contains("warrener_http_refused_total{reason=\"evicted\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_on_is_ended() {
    let times =
        "head_timeout = \"500ms\"\nbody_timeout = \"500ms\"\nidle_timeout = \"500ms\"\nwrite_timeout = \"500ms\"\n";
    let cluster = configured(times).await;
    let head = say(&cluster, "GET /readyz HTTP/1.1\r\nHost: local").await;
    let nothing = say(&cluster, "").await;
    let body = say(&cluster, "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{").await;
    let rest = say(&cluster, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    for (stream, status, code) in [(head, 408, "slow_head"), (nothing, 408, "slow_head"), (body, 408, "slow_body")] {
        let answer = hear(stream).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.head);
    }
    let rest = hear(rest).await;
    assert!(rest.status == 200 && rest.body == "ok\n", "nothing more is said to one that rests: {}", rest.body);
    is_at_hand(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_is_given_up() {
    let cluster = configured("write_timeout = \"500ms\"\n").await;
    let large = json!({"id": "large", "kind": "nobody.serves", "input": "x".repeat(14 << 20)});
    assert_eq!(cluster.post("/api/v1/jobs", &large).await.0, 202);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(place(&cluster).parse().unwrap()).await.unwrap();
    stream.write_all(get("/api/v1/jobs/large", "Host: localhost\r\n").as_bytes()).await.unwrap();
    until("the answer is given up", SOON * 2, async || {
        let metrics = ask(&cluster, &get("/metrics", "Host: localhost\r\n")).await.body;
        metrics.contains("warrener_http_refused_total{reason=\"write_timeout\"} 1").then_some(())
    })
    .await;
    let mut taken = Vec::new();
    stream.read_to_end(&mut taken).await.ok();
    assert!(taken.len() < 14 << 20, "{}", taken.len());
    is_at_hand(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_its_hands_full_says_so() {
    let cluster = configured("max_connections = 3\nmax_waiting = 1\n").await;
    // Who only lets a body hang would have to go.
    let follow = get("/api/v1/events", "Host: localhost\r\n");
    let wait = post("Host: localhost\r\n").replace("/jobs", "/jobs?wait=1m");
    let waiting = say(&cluster, &wait).await;
    until("it waits", SOON, async || {
        let jobs = cluster.get("/api/v1/jobs").await.1;
        (jobs["items"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let refused = ask(&cluster, &wait).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "too_many_waiting"), "{}", refused.body);
    assert_eq!(cluster.get("/api/v1/jobs").await.1["items"].as_array().unwrap().len(), 1, "it was not kept either");
    let held = [say(&cluster, &follow).await, say(&cluster, &follow).await];
    until("all are busy", SOON, async || {
        let answer = ask(&cluster, &get("/api/v1/jobs", "Host: localhost\r\n")).await;
        (answer.status == 503 && answer.code() == "too_many_connections").then_some(())
    })
    .await;
    assert_eq!(ask(&cluster, &get("/readyz", "Host: localhost\r\n")).await.status, 200);
    assert_eq!(ask(&cluster, &get("/livez", "Host: localhost\r\n")).await.status, 200);
    drop((held, waiting));
    until("there is room again", SOON, async || {
        (ask(&cluster, &get("/api/v1/jobs", "Host: localhost\r\n")).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_descriptors_are_enough_to_answer() {
    for descriptors in [40, 64, 256] {
        let mut cluster = Cluster::prepared(Broker::shared().await, "");
        cluster.launch_limited_orchestrator(descriptors);
        cluster.ready().await;
        let mut held = Vec::new();
        for number in 0..300 {
            let words = if number % 2 == 0 { "GET /readyz HTTP/1.1\r\nHost: local" } else { "" };
            held.push(say(&cluster, words).await);
        }
        for _ in 0..20 {
            let asked = Instant::now();
            let answer = ask(&cluster, &get("/readyz", "Host: localhost\r\n")).await;
            assert_eq!(answer.status, 200, "{descriptors}: {}{}", answer.head, answer.body);
            assert!(asked.elapsed() < Duration::from_secs(1), "{descriptors}: {:?}", asked.elapsed());
        }
        drop(held);
    }
}
