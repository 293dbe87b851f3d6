//! Audio ready to be sent: one clip, encoded once in every codec.

use crate::Codec;

/// Audio at 8 kHz, encoded ahead in A-law and µ-law, so that playing it is a copy.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    alaw: Box<[u8]>,
    ulaw: Box<[u8]>,
}

impl Clip {
    /// Encodes linear samples at 8 kHz.
    pub fn from_samples(samples: &[i16]) -> Self {
        Self {
            alaw: samples.iter().map(|s| Codec::Pcma.encode(*s)).collect(),
            ulaw: samples.iter().map(|s| Codec::Pcmu.encode(*s)).collect(),
        }
    }

    /// The code words of one codec, one per sample.
    pub fn words(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcma => &self.alaw,
            Codec::Pcmu => &self.ulaw,
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.alaw.len()
    }

    /// True without a sample.
    pub fn is_empty(&self) -> bool {
        self.alaw.is_empty()
    }

    /// Copies the samples from `position` on into `out`; returns how many there were. What is
    /// left of `out` past a clip's end becomes silence; a looped clip starts again.
    pub fn fill(&self, codec: Codec, position: &mut usize, looped: bool, out: &mut [u8]) -> usize {
        let words = self.words(codec);
        let mut done = 0;
        while done < out.len() && !words.is_empty() {
            if *position >= words.len() {
                if !looped {
                    break;
                }
                *position = 0;
            }
            let n = (out.len() - done).min(words.len() - *position);
            out[done..done + n].copy_from_slice(&words[*position..*position + n]);
            *position += n;
            done += n;
        }
        out[done..].fill(codec.silence());
        done
    }
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clip({} ms)", self.len() / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_that_ends_inside_a_frame_is_padded_with_silence() {
        let clip = Clip::from_samples(&[1000; 200]);
        let (mut position, mut frame) = (160, [0; 160]);
        assert_eq!(clip.fill(Codec::Pcma, &mut position, false, &mut frame), 40);
        assert_eq!(frame[39], Codec::Pcma.encode(1000));
        assert!(frame[40..].iter().all(|w| *w == 0xD5));
        assert_eq!(clip.fill(Codec::Pcma, &mut position, false, &mut frame), 0);
    }

    #[test]
    fn a_looped_clip_starts_again_without_a_gap() {
        let clip = Clip::from_samples(&(0..200).map(|i| i * 100).collect::<Vec<i16>>());
        let (mut position, mut frame) = (160, [0; 160]);
        assert_eq!(clip.fill(Codec::Pcmu, &mut position, true, &mut frame), 160);
        assert_eq!(frame[40], Codec::Pcmu.encode(0));
        assert_eq!(position, 120);
    }
}
