use super::*;

#[tokio::test]
async fn a_request_reaches_every_copy() {
    let shutdown = Shutdown::manual();
    let copy = shutdown.clone();
    assert!(!copy.is_requested());
    shutdown.request();
    copy.requested().await;
    assert!(copy.token().is_cancelled());
    assert_eq!(copy.signal_exit_code(), None);
}

#[tokio::test]
async fn a_signal_to_this_process_requests_the_end() {
    let shutdown = Shutdown::on_signals().unwrap();
    let pid = std::process::id().to_string();
    let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    shutdown.requested().await;
    assert_eq!(shutdown.signal_exit_code(), Some(TERMINATED));
}
