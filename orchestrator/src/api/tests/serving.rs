use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::world::api;
use crate::api::serve;

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
