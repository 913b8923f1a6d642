//! The address of the database, as the setting `store.url` says it.

use super::sqlite::DatabaseFile;
use super::url::encoded;
use super::{StoreError, postgres};

/// Address of a database, read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseAddress {
    /// A file of SQLite on this machine.
    Sqlite(DatabaseFile),
    /// A server of PostgreSQL, by its address with the password in it. Never to be shown.
    Postgres(String),
}

/// The address of a database in PostgreSQL with a file of authorities; other databases have none, and it is refused.
pub fn with_authorities(url: &str, file: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}sslrootcert={}", encoded(file.as_bytes()))
}

/// An address that nothing can be opened by, in words for people and without its password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(String);

/// Reads an address, exactly as a start reads it. Asks nobody.
///
/// # Errors
/// [`InvalidAddress`] if it is none.
pub fn address(url: &str) -> Result<DatabaseAddress, InvalidAddress> {
    match url.split_once("://") {
        Some(("sqlite", rest)) => DatabaseFile::parse(rest).map(DatabaseAddress::Sqlite).map_err(InvalidAddress),
        Some(("postgres" | "postgresql", _)) => match postgres::check(url) {
            Ok(()) => Ok(DatabaseAddress::Postgres(url.to_owned())),
            Err(StoreError::Open { why, .. }) => Err(InvalidAddress(why)),
            Err(other) => Err(InvalidAddress(other.to_string())),
        },
        _ => Err(InvalidAddress(
            "it is none of a database; give it as sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_file_is_found_by_its_address() {
        for (url, path, on_network) in [
            ("sqlite://warrener.db", "warrener.db", false),
            ("sqlite:///var/lib/w.db", "/var/lib/w.db", false),
            ("sqlite:///state dir/w.db", "/state dir/w.db", false),
            ("sqlite:///state%20dir/100%25.db", "/state dir/100%.db", false),
            ("sqlite:///mnt/what%3F.db?network=allow", "/mnt/what?.db", true),
        ] {
            assert_eq!(
                address(url),
                Ok(DatabaseAddress::Sqlite(DatabaseFile { path: path.into(), on_network })),
                "{url}"
            );
        }
        let path = Path::new("/state dir/ä?#%.db");
        assert_eq!(address(&DatabaseFile::url(path)), Ok(DatabaseAddress::Sqlite(DatabaseFile::new(path))));
    }

    #[test]
    fn what_is_wrong_is_said() {
        const SECRET: &str = "s3cret";
        for (url, what) in [
            ("sqlite://", "names no file"),
            ("sqlite://?network=allow", "names no file"),
            ("sqlite:///100%/w.db", "written %25"),
            ("sqlite:///w.db?network=yes", "can only be `allow`"),
            ("sqlite:///w.db?netwrok=allow", "did you mean `network`?"),
            ("sqlite:///w.db?mode=ro", "unknown parameter `mode`"),
            ("mysql://h/d", "sqlite://FILE or postgres://"),
            ("warrener.db", "sqlite://FILE or postgres://"),
            ("postgres://u:s3cret@h/d?sslmod=disable", "did you mean `sslmode`?"),
            ("postgres://u:s3cret@h/d?colour=red", "unknown parameter `colour`"),
            ("postgres://u:s3cret@h/d?sslmode=verify", "sslmode can be disable, allow"),
            ("postgres://u:s3cret@h/d?sslmode=verify-ca", "store.ca_file"),
            ("postgres://u:s3cret@h/d?sslrootcert=/none", "add sslmode=verify-full"),
            ("postgres://u:s3cret@h/d?sslmode=require&sslrootcert=/none/ca", "/none/ca: No such file"),
            ("postgres://u:s3cret#1@h/d", "# is %23"),
            ("postgres://u:s3cret/1@h/d", "/ is %2F"),
            ("postgres://u:s3cret?1@h/d", "? is %3F"),
            ("postgres://u:s3cret 1@h/d", "a space is %20"),
            ("postgres://u:s3cret@1@h/d", "@ is %40"),
            ("postgres://u:s3cret@h:port/d", "port"),
            ("postgres://u:s3cret@/d", "names no host"),
        ] {
            let error = address(url).expect_err(url).to_string();
            assert!(error.contains(what) && !error.contains(SECRET), "{url}: {error}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_address() {
        for url in [
            "postgres://u:s%23%2F%3F%20cret@h/d",
            "postgresql://h",
            "postgres://u@a:1,b:2/d?target_session_attrs=read-write&sslmode=disable",
            "postgres:///d?host=/var/run/postgresql&user=a%40b",
        ] {
            assert_eq!(address(url), Ok(DatabaseAddress::Postgres(url.to_owned())));
        }
    }
}
