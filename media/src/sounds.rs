//! Prompts, hold music and call progress tones: loaded and encoded once, at start.

use crate::{PlaySource, Tone};
use media_proto::dtmf::digit_of;
use media_proto::{Clip, tone};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Language every prompt falls back to.
const FALLBACK_LANGUAGE: &str = "en";
/// Longest file taken, samples: ten minutes.
const SAMPLES_MAX: u32 = 10 * 60 * 8000;

/// Keys that have an event code.
const KEYS: usize = 16;

/// Everything the engine can play without being handed audio.
#[derive(Debug)]
pub(crate) struct Sounds {
    /// By language, then name.
    prompts: HashMap<String, HashMap<String, Arc<Clip>>>,
    hold_music: Arc<Clip>,
    ringback: Arc<Clip>,
    busy: Arc<Clip>,
    congestion: Arc<Clip>,
    beep: Arc<Clip>,
    /// By event code.
    keys: [Clip; KEYS],
}

/// A clip and how to play it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) clip: Arc<Clip>,
    pub(crate) looped: bool,
}

impl Sounds {
    /// Loads a folder; what cannot be read is logged and missing.
    pub(crate) fn load(folder: Option<&Path>) -> Self {
        let clip = |samples: Vec<i16>| Arc::new(Clip::from_samples(&samples));
        let mut sounds = Self {
            prompts: HashMap::new(),
            hold_music: clip(Vec::new()),
            ringback: clip(tone::ringback()),
            busy: clip(tone::busy()),
            congestion: clip(tone::congestion()),
            beep: clip(tone::beep()),
            keys: std::array::from_fn(|event| {
                let samples = digit_of(event as u8).map(tone::key).unwrap_or_default();
                Clip::from_samples(&samples)
            }),
        };
        let Some(folder) = folder else { return sounds };
        match std::fs::read_dir(folder) {
            Ok(languages) => {
                for language in languages.flatten().filter(|e| e.path().is_dir()) {
                    sounds.load_language(&language.path());
                }
            }
            Err(error) => tracing::warn!(folder = %folder.display(), %error, "no sounds"),
        }
        match sounds.prompts.remove("music").and_then(|mut music| music.remove("hold")) {
            Some(music) => sounds.hold_music = music,
            None => tracing::warn!("no music/hold.wav: parties on hold hear silence"),
        }
        sounds
    }

    fn load_language(&mut self, folder: &Path) {
        let Some(language) = folder.file_name().and_then(|n| n.to_str()) else { return };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.map(|e| e.path());
        for path in files.filter(|p| p.extension().is_some_and(|e| e == "wav")) {
            let Some(name) = path.file_stem().and_then(|n| n.to_str()) else { continue };
            match read_wav(&path) {
                Ok(clip) => {
                    let of_language = self.prompts.entry(language.to_owned()).or_default();
                    of_language.insert(name.to_owned(), Arc::new(clip));
                }
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "prompt cannot be used");
                }
            }
        }
    }

    /// A key as it sounds in band.
    pub(crate) fn key(&self, event: u8) -> &Clip {
        &self.keys[usize::from(event) % KEYS]
    }

    /// Finds what to play; `None` for a prompt that is in neither language.
    pub(crate) fn resolve(&self, source: PlaySource) -> Option<Resolved> {
        let shared = |clip: &Arc<Clip>, looped| Some(Resolved { clip: Arc::clone(clip), looped });
        match source {
            PlaySource::Tone(Tone::Ringback) => shared(&self.ringback, true),
            PlaySource::Tone(Tone::Busy) => shared(&self.busy, true),
            PlaySource::Tone(Tone::Congestion) => shared(&self.congestion, true),
            PlaySource::Tone(Tone::Beep) => shared(&self.beep, false),
            PlaySource::Tone(Tone::Sine(hertz)) => {
                let clip = Arc::new(Clip::from_samples(&tone::sine(hertz)));
                Some(Resolved { clip, looped: true })
            }
            PlaySource::HoldMusic => shared(&self.hold_music, true),
            PlaySource::Clip { clip, looped } => Some(Resolved { clip, looped }),
            PlaySource::Prompt { name, language } => {
                let find = |l: &str| self.prompts.get(l).and_then(|p| p.get(&name));
                let clip = find(&language).or_else(|| find(FALLBACK_LANGUAGE))?;
                shared(clip, false)
            }
        }
    }
}

/// Why a sound file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// Not there, or no WAV file.
    #[error("cannot read sound file")]
    Wav(#[from] hound::Error),
    /// Another shape than 8 kHz, one channel, 16 bit.
    #[error("{rate} Hz, {channels} channels, {bits} bit instead of 8000 Hz, 1 channel, 16 bit")]
    Format {
        /// Samples per second.
        rate: u32,
        /// Channels.
        channels: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// Longer than ten minutes.
    #[error("longer than ten minutes")]
    TooLong,
}

/// Reads a WAV file (PCM16, 8 kHz, one channel) into a clip.
pub fn read_wav(path: &Path) -> Result<Clip, SoundError> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let fits = spec.sample_rate == 8000
        && spec.channels == 1
        && spec.bits_per_sample == 16
        && spec.sample_format == hound::SampleFormat::Int;
    if !fits {
        let (rate, channels, bits) = (spec.sample_rate, spec.channels, spec.bits_per_sample);
        return Err(SoundError::Format { rate, channels, bits });
    }
    if reader.duration() > SAMPLES_MAX {
        return Err(SoundError::TooLong);
    }
    let samples = reader.samples::<i16>().collect::<Result<Vec<i16>, _>>()?;
    Ok(Clip::from_samples(&samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, rate: u32, samples: &[i16]) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).expect("a file");
        samples.iter().for_each(|s| writer.write_sample(*s).expect("written"));
        writer.finalize().expect("written");
    }

    fn prompt(name: &str, language: &str) -> PlaySource {
        PlaySource::Prompt { name: name.into(), language: language.into() }
    }

    #[test]
    fn prompts_fall_back_to_english_and_odd_files_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder.path().join("en/goodbye.wav"), 8000, &[1000; 80]);
        write(&folder.path().join("en/please_hold.wav"), 8000, &[1000; 160]);
        write(&folder.path().join("hi/please_hold.wav"), 8000, &[1000; 320]);
        write(&folder.path().join("en/wide.wav"), 16_000, &[0; 160]);
        write(&folder.path().join("music/hold.wav"), 8000, &[500; 240]);
        let sounds = Sounds::load(Some(folder.path()));
        let length = |source| sounds.resolve(source).map(|r| r.clip.len());
        assert_eq!(length(prompt("please_hold", "hi")), Some(320));
        assert_eq!(length(prompt("goodbye", "hi")), Some(80));
        assert_eq!(length(prompt("goodbye", "../en")), Some(80));
        assert_eq!(length(prompt("wide", "en")), None);
        assert_eq!(length(prompt("missing", "en")), None);
        assert_eq!(length(PlaySource::HoldMusic), Some(240));
    }

    #[test]
    fn every_shipped_sound_can_be_played() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sounds");
        let sounds = Sounds::load(Some(&folder));
        let mut files = 0;
        for language in std::fs::read_dir(&folder).expect("the sounds").flatten() {
            let entries = std::fs::read_dir(language.path()).into_iter().flatten().flatten();
            for path in
                entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "wav"))
            {
                let clip = read_wav(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                assert!(clip.len() > 800, "{} is too short to hear", path.display());
                files += 1;
            }
        }
        assert!(files >= 10 && !sounds.hold_music.is_empty(), "{files} files");
        assert!(sounds.resolve(prompt("recording_announcement", "hi")).is_some());
    }

    #[test]
    fn without_a_folder_tones_still_sound() {
        let sounds = Sounds::load(Some(Path::new("/nonexistent")));
        let ringback = sounds.resolve(PlaySource::Tone(Tone::Ringback)).expect("generated");
        assert!(ringback.looped && ringback.clip.len() == 24_000);
        assert!(sounds.resolve(PlaySource::HoldMusic).expect("silence").clip.is_empty());
    }
}
