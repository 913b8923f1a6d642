//! Certificates of private authorities, for tests of TLS. Also compiled into the orchestrator's own tests.

use std::path::Path;

/// Makes an authority `ca`, and a certificate `cert` with its `key` for `localhost`.
///
/// # Panics
/// If openssl is not installed.
pub fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let run = std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        let output = run.expect("openssl is installed (Debian and Ubuntu: `apt-get install openssl`)");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout cakey -out ca -days 2 -subj /CN=ca -addext keyUsage=keyCertSign",
    );
    openssl("req -newkey rsa:2048 -nodes -keyout key -out request -subj /CN=localhost");
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").expect("a file can be written");
    openssl("x509 -req -in request -CA ca -CAkey cakey -CAcreateserial -out cert -days 2 -extfile names");
}
