//! TLS: our certificate with hot reload (B14), client certificates of trunks, trust for calls out.

use crate::TlsConfig;
use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// How often the files' times are looked at, at most.
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
    trusted: Option<PathBuf>,
    server: ArcSwapOption<ServerConfig>,
    client: ArcSwap<ClientConfig>,
    looked: Mutex<Looked>,
}

/// When each file was written last: certificate, key, authorities.
type Stamps = Vec<Option<SystemTime>>;

/// What was seen of the files.
struct Looked {
    at: Instant,
    /// Of what is in use.
    loaded: Stamps,
    /// Of what could not be used; tried again, told once.
    refused: Stamps,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(
        config: Option<TlsConfig>,
        trusted: Option<&Path>,
    ) -> Result<Self, TlsError> {
        // Before the files: what is written while they are read is then news.
        let loaded = stamps(config.as_ref(), trusted);
        let server = config.as_ref().map(server_config).transpose()?.map(Arc::new);
        Ok(Self {
            client: ArcSwap::from_pointee(client_config(trusted)?),
            server: ArcSwapOption::new(server),
            looked: Mutex::new(Looked { at: Instant::now(), loaded, refused: Vec::new() }),
            trusted: trusted.map(Path::to_owned),
            config,
        })
    }

    /// Reads the files again. Connections that are up stay up.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let server = self.config.as_ref().map(server_config).transpose()?;
        let client = client_config(self.trusted.as_deref())?;
        self.client.store(Arc::new(client));
        if let Some(server) = server {
            self.server.store(Some(Arc::new(server)));
        }
        Ok(())
    }

    /// Reads the files again if one is newer than what is loaded. A certificate and its key are two files, written one
    /// after the other: until both fit the old ones stay, and it is tried again.
    fn reload_if_changed(&self, now: Instant) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(looked.at) < LOOK_EVERY {
            return;
        }
        looked.at = now;
        let found = stamps(self.config.as_ref(), self.trusted.as_deref());
        if found == looked.loaded {
            return;
        }
        match self.reload() {
            Ok(()) => {
                tracing::info!("TLS certificate read again");
                looked.loaded = found;
            }
            Err(_) if found == looked.refused => {}
            Err(error) => {
                tracing::error!(%error, "new TLS certificate refused, old one stays");
                looked.refused = found;
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
        self.reload_if_changed(Instant::now());
        TlsConnector::from(self.client.load_full()).connect(name, stream).await
    }
}

/// Whether a certificate (already verified) was issued to this name.
pub(crate) fn certificate_carries(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
    let Ok(name) = ServerName::try_from(name) else { return false };
    verify_server_name(&parsed, &name).is_ok()
}

fn stamps(config: Option<&TlsConfig>, trusted: Option<&Path>) -> Stamps {
    let own = config.into_iter().flat_map(|config| {
        let own = [config.certificate.as_path(), config.key.as_path()];
        own.into_iter().chain(config.client_authorities.as_deref())
    });
    let written = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    own.chain(trusted).map(written).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
    use tokio::net::TcpListener;

    fn made() -> CertifiedKey<KeyPair> {
        generate_simple_self_signed(vec!["sip.example".to_owned()]).expect("made")
    }

    /// Written at a time of its own, as if some seconds lay between.
    fn write(path: &Path, text: &str, age_s: u64) {
        std::fs::write(path, text).expect("written");
        let file = std::fs::File::options().write(true).open(path).expect("opened");
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).expect("dated");
    }

    /// Whether a client that trusts this certificate alone is served.
    async fn shows(tls: &Arc<Tls>, certificate: &CertificateDer<'static>) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let (at, tls) = (listener.local_addr().expect("bound"), tls.clone());
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            tls.accept(stream).await.map(drop)
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("root");
        let client = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(at).await.expect("connects");
        let name = ServerName::try_from("sip.example").expect("name");
        let shown = TlsConnector::from(Arc::new(client)).connect(name, stream).await.is_ok();
        let _ = served.await.expect("served");
        shown
    }

    /// B14: certificate and key are written one after the other; whoever connects in between still gets the old pair,
    /// and whoever comes after that the new one.
    #[tokio::test]
    async fn a_pair_half_written_is_read_once_it_is_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let (old, new) = (made(), made());
        write(&certificate, &old.cert.pem(), 90);
        write(&key, &old.signing_key.serialize_pem(), 90);
        let config = TlsConfig {
            listen: Vec::new(),
            certificate: certificate.clone(),
            key: key.clone(),
            client_authorities: None,
        };
        let tls = Arc::new(Tls::load(Some(config), None).expect("loaded"));
        let start = Instant::now();
        write(&certificate, &new.cert.pem(), 60);
        tls.reload_if_changed(start + LOOK_EVERY * 2);
        assert!(shows(&tls, old.cert.der()).await, "half of a pair changes nothing");
        write(&key, &new.signing_key.serialize_pem(), 30);
        tls.reload_if_changed(start + LOOK_EVERY * 4);
        assert!(shows(&tls, new.cert.der()).await, "the whole pair does");
        assert!(!shows(&tls, old.cert.der()).await);
    }

    /// New authorities for carriers' certificates count without a restart too.
    #[tokio::test]
    async fn authorities_are_read_again() {
        let folder = tempfile::tempdir().expect("folder");
        let (own, ca) = (made(), folder.path().join("ca.pem"));
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        write(&certificate, &own.cert.pem(), 90);
        write(&key, &own.signing_key.serialize_pem(), 90);
        write(&ca, &made().cert.pem(), 90);
        let client_authorities = Some(ca.clone());
        let config = TlsConfig { listen: Vec::new(), certificate, key, client_authorities };
        let tls = Tls::load(Some(config), None).expect("loaded");
        let before = tls.server.load_full();
        let start = Instant::now();
        tls.reload_if_changed(start + LOOK_EVERY * 2);
        let same = |a: &Option<Arc<ServerConfig>>, b: &Option<Arc<ServerConfig>>| {
            a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b))
        };
        assert!(same(&before, &tls.server.load_full()), "nothing changed");
        write(&ca, &made().cert.pem(), 60);
        tls.reload_if_changed(start + LOOK_EVERY * 4);
        assert!(!same(&before, &tls.server.load_full()));
    }
}
