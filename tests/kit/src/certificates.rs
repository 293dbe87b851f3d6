//! A certificate authority of a test's own, and what it issues.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// An authority whose certificate lies in a folder.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub certificate: PathBuf,
}

/// What was issued to somebody.
pub struct Issued {
    /// Certificate, PEM.
    pub certificate: PathBuf,
    /// Key, PEM.
    pub key: PathBuf,
    /// Key and certificate in one file, as some phones want it.
    pub both: PathBuf,
}

impl Authority {
    /// A new authority; `folder` must outlive its use.
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = folder.join(format!("{name}.pem"));
        fs::write(&certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder: folder.to_owned(), issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for these names and addresses, in files that begin with `file`.
    pub fn issue(&self, file: &str, names: &[&str]) -> Issued {
        let listed: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(listed).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.folder.join(format!("{file}.{end}"));
        let issued = Issued { certificate: path("crt"), key: path("key"), both: path("both.pem") };
        fs::write(&issued.certificate, made.pem()).unwrap();
        fs::write(&issued.key, key.serialize_pem()).unwrap();
        fs::write(&issued.both, format!("{}{}", key.serialize_pem(), made.pem())).unwrap();
        issued
    }
}
