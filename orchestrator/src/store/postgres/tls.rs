//! TLS to PostgreSQL, in the words of its own clients: `sslmode`, and the authorities to trust.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{self, CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Modes that there are.
pub(super) const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Maker of TLS connections.
#[derive(Clone)]
pub(super) struct Tls {
    mode: String,
    /// File of authorities; `None` for those that everybody trusts, or for none.
    authorities: Option<String>,
    /// Maker with the authorities that could be used last.
    latest: Arc<Mutex<MakeRustlsConnect>>,
}

impl Tls {
    /// Maker of one connection. The authorities are read again for each; if a file cannot be used, those from before
    /// count. Blocks.
    pub(super) fn connector(&self) -> MakeRustlsConnect {
        let again = self.authorities.as_deref().map(|file| config(&self.mode, Some(file)));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match again {
            Some(Ok(config)) => *latest = MakeRustlsConnect::new(config),
            Some(Err(why)) => tracing::warn!("{why}; the authorities from before count"),
            None => {}
        }
        latest.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Maker of TLS connections for a mode; `None` for a mode that stays in the clear.
///
/// `require` without authorities trusts whoever answers, and with them does what `verify-ca` does: so do the clients of
/// PostgreSQL.
///
/// # Errors
/// The fault, if the file of authorities cannot be used, or is given although nothing is checked by it.
pub(super) fn connector(mode: &str, authorities: Option<&str>) -> Result<Option<Tls>, String> {
    if ["disable", "allow", "prefer"].contains(&mode) {
        let why = "store.ca_file is given, but nothing is encrypted; add sslmode=verify-full to store.url";
        return authorities.map_or(Ok(None), |_| Err(why.to_owned()));
    }
    let latest = Arc::new(Mutex::new(MakeRustlsConnect::new(config(mode, authorities)?)));
    Ok(Some(Tls { mode: mode.to_owned(), authorities: authorities.map(str::to_owned), latest }))
}

/// Settings of TLS for a mode that encrypts.
fn config(mode: &str, authorities: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let roots = authorities.map(read).transpose()?.map(Arc::new);
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.expect("the provider knows these versions");
    Ok(match mode {
        "verify-full" => {
            builder.with_root_certificates(roots.unwrap_or_else(|| Arc::new(public()))).with_no_client_auth()
        }
        "verify-ca" if roots.is_none() => {
            return Err("sslmode=verify-ca needs the file of its authority: store.ca_file".to_owned());
        }
        _ => {
            let verifier = Arc::new(AnyNameVerifier { roots, provider });
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    })
}

/// The authorities that everybody trusts.
fn public() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    roots
}

/// Authorities of a file, in PEM.
fn read(file: &str) -> Result<RootCertStore, String> {
    let why = |why: &dyn fmt::Display| format!("store.ca_file = {file}: {why}");
    let pem = std::fs::read(file).map_err(|error| why(&error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let mut roots = RootCertStore::empty();
    for certificate in certificates.map_err(|error| why(&error))? {
        roots.add(certificate).map_err(|error| why(&error))?;
    }
    if roots.is_empty() {
        return Err(why(&"there is no certificate in it (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(roots)
}

/// Verifier that asks for no name: for one of these authorities, or for whoever answers.
#[derive(Debug)]
struct AnyNameVerifier {
    /// Authorities; `None` trusts whoever answers.
    roots: Option<Arc<RootCertStore>>,
    /// Cryptography.
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyNameVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(certificate)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
