//! A database that is made for a while, such as for a measurement.

use super::StoreError;
use super::open::Place;

/// Database that is removed with all that it holds when this value is dropped.
#[derive(Debug)]
pub struct Scratch {
    /// Address of the server, with a database that exists.
    server: Place,
    /// Name of the database.
    name: String,
    /// Address of the database, with the password.
    url: String,
}

impl Scratch {
    /// Makes a database of this name, of letters, digits and `_`, on the server at an address whose user may do that.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the server cannot be reached, or does not let that user make one.
    pub fn create(server: &str, name: &str) -> Result<Self, StoreError> {
        let place = Place::new(server)?;
        let create = || place.session()?.run(DOING, &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"));
        create().map_err(|error| place.refuse(error))?;
        Ok(Self { server: place, name: name.to_owned(), url: beside(server, name) })
    }

    /// Address of the database, with the password.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Self { server, name, .. } = self;
        let drop = || server.session()?.run(DOING, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        if let Err(error) = drop() {
            tracing::warn!(%error, "the database {name} could not be removed");
        }
    }
}

/// Address of another database on the same server.
fn beside(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let end = address[scheme..].find('/').map_or(address.len(), |at| scheme + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &address[..end])
}

/// Purpose of the statements, as errors say it.
const DOING: &str = "make or remove a database";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::Postgres;
    use crate::store::tests::postgres_server::Shared;

    #[test]
    fn the_address_names_the_other_database() {
        for (url, other) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/x"),
            ("postgres://u:p@h:1", "postgres://u:p@h:1/x"),
            ("postgres://u:p@h/d?application_name=a/b", "postgres://u:p@h/x?application_name=a/b"),
        ] {
            assert_eq!(beside(url, "x"), other);
        }
    }

    #[test]
    fn it_is_there_for_a_while() {
        let server = Shared::database();
        let name = format!("scratch_{}", std::process::id());
        let scratch = Scratch::create(server.url(), &name).unwrap();
        let url = scratch.url().to_owned();
        let store = Postgres::open(&url).unwrap();
        drop(scratch);
        drop(store);
        let error = Postgres::open(&url).unwrap_err().to_string();
        assert!(error.contains("does not exist"), "{error}");
    }
}
