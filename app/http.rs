//! The web port: plain or TLS, with the certificate read again when its file changes.

use super::config::{Config, ConfigError};
use anyhow::Context;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::{Duration, SystemTime},
};

const CERTIFICATE_CHECK: Duration = Duration::from_secs(30);

/// A bound web port that does not answer yet.
pub(crate) struct WebPort {
    listener: TcpListener,
    tls: Option<Certificate>,
    pub(crate) address: SocketAddr,
}

/// What the port shows, and the files it comes from.
struct Certificate {
    loaded: RustlsConfig,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// A bad file must be told before anybody waits for the port.
    async fn load(config: &Config) -> Result<Option<Self>, ConfigError> {
        if config.http.tls_cert.is_empty() {
            return Ok(None);
        }
        let (certificate, key) =
            (config.path(&config.http.tls_cert), config.path(&config.http.tls_key));
        let loaded = RustlsConfig::from_pem_file(&certificate, &key).await.map_err(|error| {
            config.fault("[http] tls_cert", format!("{}: {error}", certificate.display()))
        })?;
        Ok(Some(Self { loaded, certificate, key }))
    }
}

impl WebPort {
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let listen = &config.http.listen;
        let listener =
            TcpListener::bind(listen).with_context(|| format!("[http] listen {listen}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let tls = Certificate::load(config).await?;
        Ok(Self { listener, tls, address })
    }

    /// As printed and as links are made: a wildcard address is reached on this machine.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let ip = self.address.ip();
        let host = if ip.is_unspecified() { "127.0.0.1".to_owned() } else { ip.to_string() };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until the handle says stop.
    pub(crate) async fn serve(
        self,
        router: axum::Router,
        handle: Handle<SocketAddr>,
    ) -> anyhow::Result<()> {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        match self.tls {
            None => axum_server::from_tcp(self.listener)?.handle(handle).serve(service).await?,
            Some(Certificate { loaded, certificate, key }) => {
                let watch = tokio::spawn(reload(loaded.clone(), certificate, key));
                let served = axum_server::from_tcp_rustls(self.listener, loaded)?
                    .handle(handle)
                    .serve(service)
                    .await;
                watch.abort();
                served?;
            }
        }
        Ok(())
    }
}

async fn reload(tls: RustlsConfig, certificate: PathBuf, key: PathBuf) {
    let written = |path: &PathBuf| -> Option<SystemTime> {
        std::fs::metadata(path).and_then(|m| m.modified()).ok()
    };
    // The key may be written after the certificate: either is news.
    let stamp = || (written(&certificate), written(&key));
    let mut seen = stamp();
    loop {
        tokio::time::sleep(CERTIFICATE_CHECK).await;
        let now = stamp();
        if now == seen {
            continue;
        }
        match tls.reload_from_pem_file(&certificate, &key).await {
            Ok(()) => {
                tracing::info!(file = %certificate.display(), "web certificate reloaded");
                seen = now;
            }
            // Half-written files are met again at the next check.
            Err(error) => tracing::warn!(%error, "web certificate not reloaded"),
        }
    }
}
