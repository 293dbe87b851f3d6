//! The prompts of `sounds/` travel inside the binary and are laid out in the data folder at start,
//! where an administrator can look at them. A file that differs from ours by content is left alone.

use rust_embed::Embed;
use std::{
    io,
    path::{Path, PathBuf},
};

#[derive(Embed)]
#[folder = "sounds/"]
#[include = "*.wav"]
struct Sounds;

/// Writes what is missing below `<data>/sounds` and returns that folder.
pub(crate) fn lay_out(data: &Path) -> io::Result<PathBuf> {
    let folder = data.join("sounds");
    for name in Sounds::iter() {
        let path = folder.join(name.as_ref());
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        if let Some(file) = Sounds::get(&name) {
            std::fs::write(&path, file.data)?;
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_of_the_table_exists_in_both_languages() {
        let folder = tempfile::tempdir().unwrap();
        let sounds = lay_out(folder.path()).unwrap();
        let table = include_str!("../sounds/prompts.tsv");
        for line in table.lines().skip(1) {
            let name = line.split('\t').next().unwrap();
            for language in ["en", "hi"] {
                assert!(
                    sounds.join(language).join(format!("{name}.wav")).exists(),
                    "{language}/{name}"
                );
            }
        }
        assert!(sounds.join("music/hold.wav").exists());
    }

    #[test]
    fn an_administrators_own_prompt_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("sounds/en/goodbye.wav");
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, b"own").unwrap();
        lay_out(folder.path()).unwrap();
        assert_eq!(std::fs::read(own).unwrap(), b"own");
    }
}
