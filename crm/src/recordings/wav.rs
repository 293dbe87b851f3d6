//! The recorder's files: two channels of PCM16 at 8 kHz behind a header of 44 bytes, repaired
//! after a crash whatever byte they end at (H03).

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// RIFF, `fmt `, and the head of `data`.
pub(super) const HEADER_BYTES: u64 = 44;
/// One sample of both channels.
pub(super) const FRAME_BYTES: u64 = 4;
/// Samples a second.
pub(super) const RATE: u64 = 8_000;

/// What is in a spool file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// Length of the audio.
    pub duration_ms: u64,
    /// The header was wrong or a half-written sample was cut off.
    pub repaired: bool,
}

fn header(data_bytes: u64) -> [u8; HEADER_BYTES as usize] {
    let data = u32::try_from(data_bytes).unwrap_or(u32::MAX - HEADER_BYTES as u32);
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[0..4].copy_from_slice(b"RIFF");
    bytes[4..8].copy_from_slice(&(data + HEADER_BYTES as u32 - 8).to_le_bytes());
    bytes[8..16].copy_from_slice(b"WAVEfmt ");
    bytes[16..20].copy_from_slice(&16_u32.to_le_bytes());
    bytes[20..22].copy_from_slice(&1_u16.to_le_bytes());
    bytes[22..24].copy_from_slice(&2_u16.to_le_bytes());
    bytes[24..28].copy_from_slice(&(RATE as u32).to_le_bytes());
    bytes[28..32].copy_from_slice(&((RATE * FRAME_BYTES) as u32).to_le_bytes());
    bytes[32..34].copy_from_slice(&(FRAME_BYTES as u16).to_le_bytes());
    bytes[34..36].copy_from_slice(&16_u16.to_le_bytes());
    bytes[36..40].copy_from_slice(b"data");
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes
}

/// Makes whatever the crash left behind a sound file again.
pub fn repair(path: &Path) -> io::Result<Salvage> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let data = length.saturating_sub(HEADER_BYTES) / FRAME_BYTES * FRAME_BYTES;
    let expected = header(data);
    let mut found = Vec::new();
    (&file).take(HEADER_BYTES).read_to_end(&mut found)?;
    let sound = length == HEADER_BYTES + data && found == expected;
    if !sound {
        file.set_len(HEADER_BYTES + data)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&expected)?;
        file.sync_all()?;
    }
    Ok(Salvage { duration_ms: duration_ms(HEADER_BYTES + data), repaired: !sound })
}

/// How long the audio of a file of this size is.
pub(super) fn duration_ms(file_bytes: u64) -> u64 {
    file_bytes.saturating_sub(HEADER_BYTES) / FRAME_BYTES * 1000 / RATE
}

/// Makes a file durable: its bytes and, so that it is found again, its folder.
pub(super) fn make_durable(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(frames: u64) -> Vec<u8> {
        let mut bytes = header(frames * FRAME_BYTES).to_vec();
        bytes.extend((0..frames * FRAME_BYTES).map(|n| n as u8));
        bytes
    }

    /// H03: cut at every 100th byte, and at every byte of the header.
    #[test]
    fn a_file_cut_anywhere_plays_up_to_the_last_whole_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.wav");
        let whole = recording(2_000);
        let cuts = (0..=44).chain((45..whole.len()).step_by(100)).chain([whole.len()]);
        for cut in cuts {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let salvage = repair(&path).unwrap();
            let reader = hound::WavReader::open(&path).unwrap();
            assert_eq!(reader.spec().channels, 2);
            assert_eq!(reader.spec().sample_rate, 8_000);
            let frames = cut.saturating_sub(44) / 4;
            assert_eq!(reader.duration() as usize, frames, "cut at {cut}");
            assert_eq!(salvage.duration_ms as usize, frames * 1000 / 8000);
            assert_eq!(salvage.repaired, cut != whole.len(), "cut at {cut}");
            let kept = std::fs::read(&path).unwrap();
            assert_eq!(kept[44..], whole[44..44 + frames * 4]);
            assert!(!repair(&path).unwrap().repaired, "repairing is done once");
        }
    }
}
