//! TLS: our certificate with hot reload (B14), client certificates of trunks, trust for calls out.

use crate::TlsConfig;
use arc_swap::ArcSwapOption;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// How often the certificate file's time is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Pem {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The certificate and key do not fit, or are not usable.
    #[error("certificate cannot be used")]
    Certificate(#[from] rustls::Error),
    /// The authorities for client certificates are not usable.
    #[error("client authorities cannot be used: {0}")]
    Authorities(String),
}

/// Both roles of TLS. Without a certificate it can only call out.
pub(crate) struct Tls {
    config: Option<TlsConfig>,
    server: ArcSwapOption<ServerConfig>,
    client: Arc<ClientConfig>,
    looked: Mutex<(Instant, Option<SystemTime>)>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(
        config: Option<TlsConfig>,
        trusted: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let server = config.as_ref().map(server_config).transpose()?.map(Arc::new);
        let stamp = config.as_ref().and_then(modified);
        Ok(Self {
            client: Arc::new(client_config(trusted)?),
            server: ArcSwapOption::new(server),
            looked: Mutex::new((Instant::now(), stamp)),
            config,
        })
    }

    /// Reads the certificate again. Connections that are up stay up.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        if let Some(config) = &self.config {
            self.server.store(Some(Arc::new(server_config(config)?)));
        }
        Ok(())
    }

    /// Reads it again if the file is newer than what is loaded.
    fn reload_if_changed(&self, now: Instant) {
        let Some(config) = &self.config else { return };
        let changed = {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_duration_since(looked.0) < LOOK_EVERY {
                return;
            }
            looked.0 = now;
            let stamp = modified(config);
            let changed = stamp.is_some() && stamp != looked.1;
            looked.1 = stamp.or(looked.1);
            changed
        };
        if changed {
            match self.reload() {
                Ok(()) => tracing::info!("TLS certificate read again"),
                Err(error) => tracing::error!(%error, "new TLS certificate refused, old one stays"),
            }
        }
    }

    /// Takes a connection; gives the names in the client's certificate.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, Option<CertificateDer<'static>>)> {
        self.reload_if_changed(Instant::now());
        let config = self.server.load_full().ok_or_else(|| io::Error::other("no certificate"))?;
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let leaf = leaf.map(|leaf| leaf.clone().into_owned());
        Ok((stream, leaf))
    }

    /// Calls out; the peer's certificate must carry `name`.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        name: &str,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.client.clone()).connect(name, stream).await
    }
}

/// Whether a certificate (already verified) was issued to this name.
pub(crate) fn certificate_carries(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
    let Ok(name) = ServerName::try_from(name) else { return false };
    verify_server_name(&parsed, &name).is_ok()
}

fn modified(config: &TlsConfig) -> Option<SystemTime> {
    std::fs::metadata(&config.certificate).and_then(|meta| meta.modified()).ok()
}

fn pem_error(path: &Path, reason: impl std::fmt::Display) -> TlsError {
    TlsError::Pem { path: path.display().to_string(), reason: reason.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect())
        .map_err(|error| pem_error(path, error))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn crypto() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn server_config(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&config.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&config.key).map_err(|error| pem_error(&config.key, error))?;
    let builder =
        ServerConfig::builder_with_provider(crypto()).with_safe_default_protocol_versions()?;
    let builder = match &config.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(path)?), crypto())
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| TlsError::Authorities(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(builder.with_single_cert(chain, key)?)
}

fn client_config(trusted: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    // A machine without a certificate store can still call trunks whose authority is given.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = trusted {
        for certificate in certificates(path)? {
            roots.add(certificate)?;
        }
    }
    let builder =
        ClientConfig::builder_with_provider(crypto()).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
