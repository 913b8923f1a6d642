use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::world::api;
use crate::access::Access;
use crate::access::identity::ServerIdentity;
use crate::api::http::{ClientLine, Edge, Server};
use crate::api::{Api, Listeners, Scrape, serve};
use crate::config::Http;
use crate::config::tests::usual;
use crate::store::tests::certificates::certificates;

async fn answer(client: &mut TcpStream, request: &[u8]) -> String {
    client.write_all(request).await.unwrap();
    let mut bytes = vec![0; 4096];
    let count = client.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lingers_does_not_hold_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let (api, _store, mut queue) = api(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api, stop.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let said = answer(&mut client, b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    client.write_all(b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    stop.cancel();
    server.await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(60), queue.recv()).await;
    assert!(end.expect("nobody can reach the driver any more").is_none());
}

#[tokio::test]
async fn a_client_that_sends_too_much_gets_to_read_why() {
    let folder = tempfile::tempdir().unwrap();
    let (api, _store, _queue) = api(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api, stop.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut request = b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 300000\r\n\r\n".to_vec();
    request.resize(request.len() + 300_000, b' ');
    let said = answer(&mut client, &request).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    drop(client);
    stop.cancel();
    server.await.unwrap();
}

/// What is answered to a client who trusts this authority.
async fn secretly(address: std::net::SocketAddr, authority: &Path) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(authority).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_a_certificate_that_is_renewed() {
    let [folder, first, second] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    certificates(first.path());
    certificates(second.path());
    let take = |from: &tempfile::TempDir| {
        for file in ["cert", "key"] {
            std::fs::copy(from.path().join(file), folder.path().join(file)).unwrap();
        }
    };
    take(&first);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let files = ServerIdentity::open(Some(&at("cert")), Some(&at("key"))).unwrap().unwrap();
    let (mut api, _store, _queue) = api(folder.path());
    api.tls = Some(ServerIdentity::config(files.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api, stop.clone()));
    let authorities = [&first, &second].map(|place| place.path().join("ca"));
    let said = secretly(address, &authorities[0]).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    assert!(secretly(address, &authorities[1]).await.is_err(), "another authority is not ours");
    // A certificate that does not fit its key changes nothing.
    std::fs::copy(second.path().join("cert"), folder.path().join("cert")).unwrap();
    let why = files.look().unwrap_err();
    assert!(why.contains("do not go together"), "{why}");
    assert!(secretly(address, &authorities[0]).await.is_ok());
    take(&second);
    assert_eq!(files.look(), Ok(true));
    assert!(secretly(address, &authorities[1]).await.unwrap().starts_with("HTTP/1.1 200 OK"));
    assert!(secretly(address, &authorities[0]).await.is_err());
    let mut plain = TcpStream::connect(address).await.unwrap();
    let said = answer(&mut plain, b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!said.starts_with("HTTP/"), "nothing is said in the clear: {said}");
    stop.cancel();
    server.await.unwrap();
}

/// The whole answer to a `GET` by somebody who names any host and shows no token.
async fn got(address: std::net::SocketAddr, path: &str) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: pod-7.metrics:9000\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn numbers_have_an_address_of_their_own_that_asks_for_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let (mut api, _store, _queue) = api(folder.path());
    let tokens = folder.path().join("tokens.toml");
    std::fs::write(&tokens, "").unwrap();
    api.access = Arc::new(Access::new(tokens.to_str(), usual().http.proxies()).unwrap());
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (http, numbers) = (bind().await, bind().await);
    let (main, address) = (http.local_addr().unwrap(), numbers.local_addr().unwrap());
    let stop = CancellationToken::new();
    let listeners = Listeners { http, scrape: Some(Scrape::new(numbers, &usual().http, 1024)) };
    let server = tokio::spawn(serve(listeners, api, stop.clone()));
    // More than have a seat say nothing; whoever asks is answered all the same.
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let said = got(address, "/metrics").await;
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.contains("warrener_dead_letters 0"), "{said}");
    assert!(got(address, "/api/v1/jobs").await.starts_with("HTTP/1.1 404"));
    let mut client = TcpStream::connect(main).await.unwrap();
    let said = answer(&mut client, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    drop(client);
    stop.cancel();
    server.await.unwrap();
}

/// A process that answers, until its guard is dropped.
async fn serving(api: Api) -> (std::net::SocketAddr, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(serve(listener, api, stop.clone()));
    (address, stop.drop_guard())
}

/// The status and the code of what is answered to a client that reads once it has sent everything.
async fn refusal(address: std::net::SocketAddr, request: Vec<u8>) -> (u16, String) {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&request).await.expect("everything is taken");
    let mut said = vec![0; 16 * 1024];
    let mut count = 0;
    while !said[..count].ends_with(b"}") {
        let more = client.read(&mut said[count..]).await.expect("an answer");
        assert!(more > 0, "it ends with {:?}", String::from_utf8_lossy(&said[..count]));
        count += more;
    }
    let said = String::from_utf8_lossy(&said[..count]);
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/problem+json"), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    (head[9..12].parse().unwrap(), problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_hides_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (api, _store, _queue) = api(folder.path());
    let (address, _serving) = serving(api).await;
    let length = usual().http.max_body + 1;
    for (line, host, status, code) in [
        ("POST /api/v1/jobs", "localhost", 413, "too_large"),
        ("POST /api/v1/bulk", "localhost", 413, "too_large"),
        ("PUT /api/v1/limits/x", "localhost", 413, "too_large"),
        ("POST /api/v1/schedules/preview", "localhost", 413, "too_large"),
        ("POST /api/v1/dead/1/replay", "localhost", 404, "not_found"),
        ("GET /api/v1/jobs/nobody", "localhost", 404, "not_found"),
        ("POST /nowhere", "localhost", 404, "unknown_path"),
        ("DELETE /livez", "localhost", 405, "method_not_allowed"),
        ("POST /api/v1/jobs", "evil.example", 421, "unknown_host"),
    ] {
        let mut request = format!("{line} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
        request.resize(request.len() + length, b' ');
        let answer = tokio::time::timeout(Duration::from_secs(20), refusal(address, request));
        assert_eq!(answer.await.expect("in time"), (status, code.to_owned()), "{line} of {host}");
    }
    // Whoever waits for the answer before the rest gets it soon.
    let half = "POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{".as_bytes().to_vec();
    let answer = tokio::time::timeout(Duration::from_secs(5), refusal(address, half));
    assert_eq!(answer.await.expect("in time").1, "unknown_path");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let (api, _store, _queue) = api(folder.path());
    let (address, _serving) = serving(api).await;
    let many: String = (0..150).map(|no| format!("x-{no}: 1\r\n")).collect();
    for (request, status, code) in [
        ("garbage\r\n\r\n".to_owned(), 400, "unreadable_request"),
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000)), 431, "head_too_large"),
        (format!("GET /livez HTTP/1.1\r\n{many}\r\n"), 431, "head_too_large"),
        (
            format!("GET /livez HTTP/1.1\r\nauthorization: Bearer {}\r\n\r\n", "x".repeat(1_000_000)),
            431,
            "head_too_large",
        ),
    ] {
        let what: String = request.chars().take(60).collect();
        let answer = tokio::time::timeout(Duration::from_secs(20), refusal(address, request.into_bytes()));
        let (found, word) = answer.await.expect("in time");
        assert!((found, word.as_str()) == (status, code) || (found, word.as_str()) == (414, "uri_too_long"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lets_a_body_hang_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut api, _store, _queue) = api(folder.path());
    api.edge = Arc::new(Edge::new(&Http { max_connections: 2, ..usual().http }, 1024));
    let (address, _serving) = serving(api).await;
    let half = b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
    let mut hanging = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(half).await.unwrap();
        hanging.push(client);
    }
    let served = async {
        loop {
            let mut client = TcpStream::connect(address).await.unwrap();
            let said = answer(&mut client, b"GET /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
            if said.starts_with("HTTP/1.1 200") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("a seat in time");
    let mut told = 0;
    // The third has a spare seat, on which no job is taken.
    for client in &mut hanging[..2] {
        let mut said = [0; 4096];
        let heard = tokio::time::timeout(Duration::from_millis(500), client.read(&mut said)).await;
        told += usize::from(heard.is_ok_and(|count| said[..count.unwrap()].starts_with(b"HTTP/1.1 503 ")));
    }
    assert_eq!(told, 1, "the one that had to go is told why");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_ends_its_answer() {
    const SIZE: usize = 32 * 1024 * 1024;
    let large = |Extension(line): Extension<ClientLine>| async move {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            line.cut();
        });
        vec![b'x'; SIZE]
    };
    let edge = Arc::new(Edge::new(&usual().http, 1024));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let router = Router::new().route("/", get(large));
    let server = tokio::spawn(Server::new(edge, router, None, stop.clone(), Duration::from_secs(1)).run(listener));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut taken = Vec::new();
    client.read_to_end(&mut taken).await.ok();
    assert!(!taken.is_empty() && taken.len() < SIZE, "{} bytes", taken.len());
    stop.cancel();
    server.await.unwrap();
}
