//! Opens what lies in the data folder: keys, store, and this process's name.

use super::config::Config;
use anyhow::Context;
use call::NodeId;
use crm::{MasterKey, Store, StoreConfig, fresh};
use rand::RngCore;
use std::{fs, io::Write, path::Path};

/// The store, migrated, with the master key of the data folder.
pub(crate) async fn store(config: &Config) -> anyhow::Result<Store> {
    let data = config.data_dir();
    fs::create_dir_all(&data).with_context(|| format!("data folder {}", data.display()))?;
    let master = MasterKey::open_or_create(&data.join("master.key"))
        .with_context(|| format!("{}", data.join("master.key").display()))?;
    let url = config.database_url();
    Store::open(StoreConfig { url, master }).await.context("[database] url")
}

/// The name of this installation's process: made once, kept beside the data.
pub(crate) fn node(data: &Path) -> anyhow::Result<NodeId> {
    let file = data.join("node.id");
    if let Ok(text) = fs::read_to_string(&file) {
        return text.trim().parse().with_context(|| format!("{}", file.display()));
    }
    let node: NodeId = fresh();
    fs::write(&file, node.to_string()).with_context(|| format!("{}", file.display()))?;
    Ok(node)
}

/// 32 random bytes kept in the data folder, readable by the owner only.
pub(crate) fn key(file: &Path) -> anyhow::Result<[u8; 32]> {
    if let Ok(bytes) = fs::read(file) {
        return bytes.try_into().map_err(|_| anyhow::anyhow!("{}: not 32 bytes", file.display()));
    }
    let mut key = [0; 32];
    rand::rng().fill_bytes(&mut key);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut out = options.open(file).with_context(|| format!("{}", file.display()))?;
    out.write_all(&key)?;
    out.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_and_key_are_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token.key");
        assert_eq!(node(folder.path()).unwrap(), node(folder.path()).unwrap());
        assert_eq!(key(&file).unwrap(), key(&file).unwrap());
        fs::write(&file, b"short").unwrap();
        assert!(key(&file).is_err());
    }
}
