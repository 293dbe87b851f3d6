//! Keys: a master key beside the data, a key per tenant wrapped by it, and sealed secrets.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{AeadInOut, KeyInit},
};
use rand::RngCore;
use std::{fmt, io, io::Write, path::Path};

const SEALED_VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// What can go wrong with keys and sealed values.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("master key file")]
    Io(#[from] io::Error),
    /// The key file holds something else.
    #[error("master key file must hold 64 hexadecimal digits")]
    Malformed,
    /// Wrong key, wrong place, or changed bytes.
    #[error("sealed value does not open with this key")]
    Unsealable,
}

/// The key that wraps the tenants' keys.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// From bytes kept elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key file; makes it (mode 0600) on first start.
    pub fn open_or_create(path: &Path) -> Result<Self, VaultError> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mut key = [0; 32];
                hex::decode_to_slice(text.trim(), &mut key).map_err(|_| VaultError::Malformed)?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                rand::rng().fill_bytes(&mut key);
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path)?;
                writeln!(file, "{}", hex::encode(key))?;
                file.sync_all()?;
                Ok(Self(key))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn key(&self) -> TenantKey {
        TenantKey(self.0)
    }
}

/// A key that seals one tenant's secrets and recordings.
#[derive(Clone)]
pub(crate) struct TenantKey([u8; 32]);

impl TenantKey {
    pub(crate) fn generate() -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self(key)
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, VaultError> {
        bytes.try_into().map(Self).map_err(|_| VaultError::Unsealable)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }

    /// Encrypts; `place` binds the value to where it is kept, so that it opens nowhere else.
    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rand::rng().fill_bytes(&mut nonce);
        let mut body = plain.to_vec();
        self.cipher()
            .encrypt_in_place(&Nonce::from(nonce), place.as_bytes(), &mut body)
            .expect("a vector grows and a secret is short");
        let mut sealed = Vec::with_capacity(1 + NONCE_LENGTH + body.len());
        sealed.push(SEALED_VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        sealed
    }

    /// Decrypts what [`TenantKey::seal`] made for the same place.
    pub(crate) fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError::Unsealable)?;
        if *version != SEALED_VERSION || rest.len() < NONCE_LENGTH {
            return Err(VaultError::Unsealable);
        }
        let (nonce, body) = rest.split_at(NONCE_LENGTH);
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().map_err(|_| VaultError::Unsealable)?;
        let mut body = body.to_vec();
        self.cipher()
            .decrypt_in_place(&Nonce::from(nonce), place.as_bytes(), &mut body)
            .map_err(|_| VaultError::Unsealable)?;
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_in_its_place_and_unchanged() {
        let key = TenantKey::generate();
        let sealed = key.seal("extension/1", b"secret");
        assert_eq!(key.unseal("extension/1", &sealed).unwrap(), b"secret");
        assert!(key.unseal("extension/2", &sealed).is_err());
        assert!(TenantKey::generate().unseal("extension/1", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.unseal("extension/1", &changed).is_err(), "byte {index}");
        }
    }

    #[test]
    fn the_master_key_is_made_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/master.key");
        let first = MasterKey::open_or_create(&path).unwrap();
        let second = MasterKey::open_or_create(&path).unwrap();
        assert_eq!(first.0, second.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
