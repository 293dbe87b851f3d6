//! `telehub backup` and `telehub restore`: one file with database and objects.
//!
//! The master key is left out on purpose: a copy that holds both is a copy of everything in clear.

use super::{config::Config, open, say};
use anyhow::{Context, bail, ensure};
use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

const DATABASE: &str = "telehub.db";
const OBJECTS: &str = "objects";

fn objects_dir(config: &Config) -> anyhow::Result<PathBuf> {
    let url = config.storage_url();
    let Some(folder) = url.strip_prefix("file://") else {
        bail!("[storage] url: objects in {url} are backed up by their own service");
    };
    Ok(PathBuf::from(folder))
}

fn database_file(config: &Config) -> anyhow::Result<PathBuf> {
    let url = config.database_url();
    let Some(file) = url.strip_prefix("sqlite://") else {
        bail!(
            "[database] url: back PostgreSQL up with pg_dump; this command copies SQLite databases"
        );
    };
    Ok(PathBuf::from(file))
}

/// Writes a consistent copy while the server goes on.
pub(crate) async fn backup(config: &Config, file: &Path) -> anyhow::Result<()> {
    let objects = objects_dir(config)?;
    let database = database_file(config)?;
    ensure!(database.exists(), "no database at {}", database.display());
    ensure!(!file.exists(), "{} exists already", file.display());
    let store = open::store(config).await?;
    let work = tempfile::tempdir_in(config.data_dir())?;
    let copy = work.path().join(DATABASE);
    // The database first: an object it names is then surely on disk, or was never stored.
    store.platform_backup(&copy).await?;
    let listed = store.platform_recording_objects().await?;
    store.close().await;
    let partial = file.with_extension("partial");
    let mut archive = tar::Builder::new(File::create(&partial)?);
    archive.append_path_with_name(&copy, DATABASE)?;
    let keys: Vec<String> = listed.into_iter().map(|(_, _, key, _)| key).collect();
    let gone = put_in(&mut archive, &objects, &keys)?;
    archive.into_inner()?.sync_all()?;
    fs::rename(&partial, file)?;
    say(&format!("{} written, {} bytes", file.display(), fs::metadata(file)?.len()));
    if gone > 0 {
        say(&format!("{gone} recordings were deleted while it was written"));
    }
    say("master.key is not in it: keep a copy of that apart");
    Ok(())
}

/// Puts the objects with these keys in; tells how many are gone. The folder itself is not walked: what is being written
/// there at this moment belongs to nobody yet, and what retention deletes meanwhile must not spoil the rest.
fn put_in(
    archive: &mut tar::Builder<File>,
    objects: &Path,
    keys: &[String],
) -> anyhow::Result<usize> {
    let mut gone = 0;
    for key in keys {
        match File::open(objects.join(key)) {
            Ok(mut object) => archive.append_file(Path::new(OBJECTS).join(key), &mut object)?,
            Err(error) if error.kind() == ErrorKind::NotFound => gone += 1,
            Err(error) => return Err(error).with_context(|| key.clone()),
        }
    }
    Ok(gone)
}

/// Brings a backup back onto an empty data folder.
pub(crate) async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    let objects = objects_dir(config)?;
    let database = database_file(config)?;
    ensure!(!database.exists(), "{} exists: restore onto an empty data folder", database.display());
    let empty = fs::read_dir(&objects).map(|mut d| d.next().is_none()).unwrap_or(true);
    ensure!(empty, "{} is not empty", objects.display());
    fs::create_dir_all(config.data_dir())?;
    let work = tempfile::tempdir_in(config.data_dir())?;
    tar::Archive::new(File::open(file).with_context(|| file.display().to_string())?)
        .unpack(work.path())?;
    let copy = work.path().join(DATABASE);
    ensure!(copy.exists(), "{} is no backup of ours", file.display());
    if work.path().join(OBJECTS).is_dir() {
        let _ = fs::remove_dir(&objects);
        fs::rename(work.path().join(OBJECTS), &objects)?;
    }
    fs::rename(&copy, &database)?;
    if !config.data_dir().join("master.key").exists() {
        say("put master.key back before you start: without it nothing sealed can be read");
    }
    say(&format!("restored to {}", config.data_dir().display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        let mut config = Config::load(None, std::iter::empty()).unwrap();
        config.base = folder.to_path_buf();
        config
    }

    #[test]
    fn what_is_listed_is_put_in_and_what_vanished_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let objects = folder.path().join("objects");
        fs::create_dir_all(objects.join("recordings/t")).unwrap();
        for name in ["kept.wav.enc", "half-written.wav.enc#1"] {
            fs::write(objects.join("recordings/t").join(name), b"sealed").unwrap();
        }
        let file = folder.path().join("backup.tar");
        let mut archive = tar::Builder::new(File::create(&file).unwrap());
        let keys = ["kept", "vanished"].map(|name| format!("recordings/t/{name}.wav.enc"));
        assert_eq!(put_in(&mut archive, &objects, &keys).unwrap(), 1);
        archive.into_inner().unwrap();
        let mut read = tar::Archive::new(File::open(&file).unwrap());
        let names: Vec<PathBuf> = read
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().into_owned())
            .collect();
        assert_eq!(names, [Path::new("objects/recordings/t/kept.wav.enc")]);
    }

    #[tokio::test]
    async fn a_backup_comes_back_whole_onto_an_empty_folder_and_nowhere_else() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = config(from.path());
        let store = open::store(&source).await.unwrap();
        let tenant = crate::app::demo::seed(&store, "some password 1").await.unwrap();
        let file = from.path().join("backup.tar");
        backup(&source, &file).await.unwrap();
        store.close().await;

        let target = config(to.path());
        restore(&target, &file).await.unwrap();
        fs::copy(from.path().join("data/master.key"), to.path().join("data/master.key")).unwrap();
        let store = open::store(&target).await.unwrap();
        let extension = store.extension_by_number(tenant.id, "101").await.unwrap().unwrap();
        assert!(store.extension_secret(tenant.id, extension.id).await.unwrap().is_some());
        store.close().await;
        assert!(restore(&target, &file).await.is_err(), "not over a database that is there");
    }
}
