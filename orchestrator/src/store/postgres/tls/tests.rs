use tempfile::TempDir;

use crate::store::StoreError;
use crate::store::postgres::Postgres;
use crate::store::postgres::open::Place;
use crate::store::sql::Reader;
use crate::store::tests::certificates::certificates;
use crate::store::tests::postgres_server::Server;

/// Tells whether a connection to this address is encrypted, as its server sees it.
fn is_secret(url: &str) -> Result<bool, StoreError> {
    let session = Place::new(url)?.session()?;
    let seen = "SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(<dyn Reader>::number::<i64>(&session, "look at the connection", seen, &[])? == 1)
}

fn authority() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = folder.path().join("ca").display().to_string();
    (folder, file)
}

#[test]
fn each_mode_trusts_whom_its_name_says() {
    let server = Server::start();
    let ((folder, ours), (_other, theirs)) = (authority(), authority());
    let refused = |parameters: &str| match is_secret(&format!("{}?{parameters}", server.url())) {
        // Whoever waits for the database goes on waiting: a certificate is put right without a new start.
        Err(StoreError::Unwritable(why)) => why,
        other => panic!("{parameters}: {other:?}"),
    };
    assert!(refused("sslmode=require").contains("TLS"), "the server has none yet");
    server.speak_tls(folder.path());
    let by_name = server.url().replace("127.0.0.1", "localhost");
    let secret = |url: &str, parameters: String| is_secret(&format!("{url}?{parameters}")).unwrap();
    assert!(secret(&by_name, format!("sslmode=verify-full&sslrootcert={ours}")));
    assert!(secret(&server.url(), format!("sslmode=verify-ca&sslrootcert={ours}")));
    assert!(secret(&server.url(), format!("sslrootcert={ours}&sslmode=require")));
    assert!(secret(&server.url(), "sslmode=require".to_owned()));
    assert!(!secret(&server.url(), "sslmode=disable".to_owned()));
    assert!(!is_secret(&server.url()).unwrap());
    let why = refused(&format!("sslmode=verify-full&sslrootcert={ours}"));
    assert!(why.contains("not valid for name"), "{why}");
    for mode in ["require", "verify-ca", "verify-full"] {
        let why = refused(&format!("sslmode={mode}&sslrootcert={theirs}"));
        assert!(why.contains("UnknownIssuer") || why.contains("BadSignature"), "{mode}: {why}");
    }
    assert!(refused("sslmode=verify-full").contains("UnknownIssuer"), "the public authorities do not know it");
    // The whole store over it: the writer, and those who read.
    let store = Postgres::open(&format!("{by_name}?sslmode=verify-full&sslrootcert={ours}")).unwrap();
    let view = store.view();
    let seen = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                WHERE ssl AND application_name LIKE 'warrener%'";
    assert_eq!(server.sql(seen), "1");
    assert!(view.read(|snapshot| snapshot.open_jobs()).unwrap().is_empty());
    assert_eq!(server.sql(seen), "2");
}

#[test]
fn authorities_are_read_again_for_each_connection() {
    let server = Server::start();
    let ((folder, ours), (_other, theirs)) = (authority(), authority());
    server.speak_tls(folder.path());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(&theirs, file.path()).unwrap();
    let url = format!("{}?sslmode=verify-ca&sslrootcert={}", server.url(), file.path().display());
    let place = Place::new(&url).unwrap();
    assert!(place.session().is_err(), "another authority is not ours");
    std::fs::copy(&ours, file.path()).unwrap();
    assert!(place.session().is_ok());
    std::fs::write(file.path(), "being written").unwrap();
    assert!(place.session().is_ok(), "those from before count");
}
