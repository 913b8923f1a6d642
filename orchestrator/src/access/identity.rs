//! Identity of the HTTP server: the certificate that it shows, and its key.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, server};

use super::watched::{FromFile, Watched};

/// A chain of certificates, with the key of the first.
#[derive(Debug)]
pub(crate) struct ServerIdentity {
    /// Chain and key, as the library wants them.
    key: Arc<CertifiedKey>,
}

/// Resolver that shows what the files say at the time of each connection.
#[derive(Debug)]
struct IdentityResolver(Arc<Watched<ServerIdentity>>);

impl ServerIdentity {
    /// Reads the files of a certificate and its key; `None` if neither is configured.
    ///
    /// # Errors
    /// The fault, if one of the two is missing, or they cannot be used.
    pub(crate) fn open(cert: Option<&str>, key: Option<&str>) -> Result<Option<Arc<Watched<Self>>>, String> {
        match (cert, key) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => {
                let files = vec![PathBuf::from(cert), PathBuf::from(key)];
                Watched::open(files).map(|files| Some(Arc::new(files))).map_err(|why| format!("http.tls_cert: {why}"))
            }
            _ => Err("http.tls_cert and http.tls_key belong together: give both".to_owned()),
        }
    }

    /// Settings of TLS with the certificate of these files, also once they change.
    pub(crate) fn config(files: Arc<Watched<Self>>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider knows these versions").with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::new(IdentityResolver(files)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A ticket would outlive the certificate that it was given under.
        config.session_storage = Arc::new(server::NoServerSessionStorage {});
        Arc::new(config)
    }
}

impl ResolvesServerCert for IdentityResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get().key.clone())
    }
}

impl FromFile for ServerIdentity {
    type Error = String;
    const BYTES_MAX: usize = 1024 * 1024;

    fn parse(texts: &[String]) -> Result<Self, String> {
        let [cert, key] = texts else { return Err("a certificate and a key are two files".to_owned()) };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate cannot be read: {error}"))?;
        if chain.is_empty() {
            return Err("the file holds no certificate in PEM".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| format!("http.tls_key: the key cannot be read as PEM: {error}"))?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| format!("certificate and key (http.tls_key) do not go together: {error}"))?;
        Ok(Self { key: Arc::new(key) })
    }

    fn unreadable(why: String) -> String {
        why
    }
}

/// Cryptography of TLS.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
