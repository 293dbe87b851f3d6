//! The certificates, keys and authorities that the configuration names: readable, usable, and of one pair.

use super::config::{Config, ConfigError};
use rustls::{
    CertificateError, Error, InconsistentKeys, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

/// Looks at every file; the first that cannot be used is named by its key.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let (http, sip) = (&config.http, &config.sip);
    pair(config, ("[http] tls_cert", &http.tls_cert), ("[http] tls_key", &http.tls_key))?;
    pair(config, ("[sip] tls_cert", &sip.tls_cert), ("[sip] tls_key", &sip.tls_key))?;
    authorities(config, "[sip] tls_ca", &sip.tls_ca)?;
    authorities(config, "[sip] tls_client_ca", &sip.tls_client_ca)
}

fn pair(
    config: &Config,
    (cert_key, cert): (&str, &str),
    (key_key, key): (&str, &str),
) -> Result<(), ConfigError> {
    let chain = if cert.is_empty() { Vec::new() } else { certificates(config, cert_key, cert)? };
    if key.is_empty() {
        return Ok(());
    }
    let path = config.path(key);
    let bad_key = |reason: String| config.fault(key_key, format!("{}: {reason}", path.display()));
    let private = PrivateKeyDer::from_pem_file(&path).map_err(|e| bad_key(e.to_string()))?;
    if chain.is_empty() {
        return Ok(());
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    match CertifiedKey::from_der(chain, private, &provider) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(bad_key(format!("does not belong to {cert_key}")))
        }
        Err(Error::InvalidCertificate(reason)) => {
            Err(bad_certificate(config, cert_key, cert, reason))
        }
        Err(error) => Err(bad_key(error.to_string())),
    }
}

fn authorities(config: &Config, name: &str, file: &str) -> Result<(), ConfigError> {
    if file.is_empty() {
        return Ok(());
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates(config, name, file)? {
        roots.add(certificate).map_err(|error| {
            config.fault(name, format!("{}: {error}", config.path(file).display()))
        })?;
    }
    Ok(())
}

fn certificates(
    config: &Config,
    name: &str,
    file: &str,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let path = config.path(file);
    let bad = |reason: String| config.fault(name, format!("{}: {reason}", path.display()));
    let chain: Vec<_> = CertificateDer::pem_file_iter(&path)
        .and_then(|found| found.collect())
        .map_err(|error| bad(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("holds no certificate".to_owned()));
    }
    Ok(chain)
}

fn bad_certificate(
    config: &Config,
    name: &str,
    file: &str,
    reason: CertificateError,
) -> ConfigError {
    config.fault(name, format!("{}: {reason}", config.path(file).display()))
}
