use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
use crate::api::{Listeners, Scrape, serve};
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
