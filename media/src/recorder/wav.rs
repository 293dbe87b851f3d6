//! WAV with two channels of PCM16 at 8 kHz: the header, and repair of a file cut anywhere.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// RIFF, `fmt ` and the head of `data`.
pub(super) const HEADER_BYTES: u64 = 44;
/// One sample of both channels.
pub(super) const FRAME_BYTES: u64 = 4;
/// Samples per second.
pub(super) const RATE: u32 = 8000;
/// Most audio a RIFF file can name.
const DATA_BYTES_MAX: u64 = u32::MAX as u64 - HEADER_BYTES - FRAME_BYTES;

/// The header of a file with this much audio.
pub(super) fn header(data_bytes: u64) -> [u8; HEADER_BYTES as usize] {
    let data = data_bytes.min(DATA_BYTES_MAX) as u32;
    let mut header =
        *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\0\0\0\0\0\0\0\0\x04\0\x10\0data\0\0\0\0";
    header[4..8].copy_from_slice(&(data + HEADER_BYTES as u32 - 8).to_le_bytes());
    header[24..28].copy_from_slice(&RATE.to_le_bytes());
    header[28..32].copy_from_slice(&(RATE * FRAME_BYTES as u32).to_le_bytes());
    header[40..44].copy_from_slice(&data.to_le_bytes());
    header
}

/// What [`repair`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairOutcome {
    /// The header said the truth already.
    Sound {
        /// Length.
        duration_ms: u64,
    },
    /// The header was rebuilt, a half-written sample cut off.
    Repaired {
        /// Length now.
        duration_ms: u64,
    },
    /// Not one sample was written; the file is a sound, empty WAV now.
    Empty,
}

/// Makes a recording that a crash left behind a sound WAV again: whatever its length, everything
/// after byte 44 is audio of ours.
pub fn repair(path: &Path) -> io::Result<RepairOutcome> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let data = length.saturating_sub(HEADER_BYTES) / FRAME_BYTES * FRAME_BYTES;
    let expected = header(data);
    let mut found = [0; HEADER_BYTES as usize];
    let whole = length == HEADER_BYTES + data;
    let sound = whole && file.read_exact_at(&mut found, 0).is_ok() && found == expected;
    if !sound {
        file.set_len(HEADER_BYTES + data)?;
        file.write_all_at(&expected, 0)?;
        file.sync_all()?;
    }
    let duration_ms = data / FRAME_BYTES * 1000 / u64::from(RATE);
    Ok(match (sound, data) {
        (_, 0) => RepairOutcome::Empty,
        (true, _) => RepairOutcome::Sound { duration_ms },
        (false, _) => RepairOutcome::Repaired { duration_ms },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(samples: u32) -> Vec<u8> {
        let mut bytes = header(u64::from(samples) * FRAME_BYTES).to_vec();
        for n in 0..samples {
            bytes.extend_from_slice(&(n as i16).to_le_bytes());
            bytes.extend_from_slice(&(-(n as i16)).to_le_bytes());
        }
        bytes
    }

    /// H03.
    #[test]
    fn a_file_cut_at_any_hundredth_byte_plays_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("call.wav");
        let whole = recording(4000);
        let cuts = (0..whole.len()).step_by(100).chain([43, 44, 45, 47, 48, whole.len()]);
        for cut in cuts {
            std::fs::write(&path, &whole[..cut]).expect("written");
            let outcome = repair(&path).expect("repaired");
            let samples = cut.saturating_sub(44) / 4;
            let mut reader = hound::WavReader::open(&path).expect("a sound wav");
            assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8000));
            let played: Vec<i16> = reader.samples().map(|s| s.expect("a sample")).collect();
            assert_eq!(played.len(), samples * 2, "cut at {cut}");
            assert!(played.chunks(2).enumerate().all(|(n, s)| s == [n as i16, -(n as i16)]));
            let duration_ms = samples as u64 / 8;
            let expected = match (samples, cut == whole.len()) {
                (0, _) => RepairOutcome::Empty,
                (_, true) => RepairOutcome::Sound { duration_ms },
                (_, false) => RepairOutcome::Repaired { duration_ms },
            };
            assert_eq!(outcome, expected, "cut at {cut}");
            if samples > 0 {
                let again = repair(&path).expect("readable");
                assert_eq!(again, RepairOutcome::Sound { duration_ms }, "once is enough");
            }
        }
    }

    #[test]
    fn a_header_that_lags_behind_the_audio_is_brought_up_to_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("call.wav");
        let mut bytes = recording(800);
        bytes[..44].copy_from_slice(&header(400));
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(repair(&path).expect("repaired"), RepairOutcome::Repaired { duration_ms: 100 });
        assert_eq!(hound::WavReader::open(&path).expect("sound").duration(), 800);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(repair(Path::new("/nonexistent/call.wav")).is_err());
    }
}
