//! The compressed copy for players that want less: Opus in Ogg (RFC 7845), 8 kHz, two channels.

use ogg::{PacketWriteEndInfo, PacketWriter};

/// 20 ms at 8 kHz.
const FRAME: usize = 160;
/// Opus counts in 48 kHz, whatever it was given.
const GRANULE: u64 = 960;
/// Below some 40 kb/s libopus narrows the stereo image, and its speech mode predicts one side from
/// the other at any rate: a loud side is then heard on the quiet one. So it is coded as music.
const BITRATE: i32 = 48_000;
/// Telephone speech gains nothing from more (`libraries.md`).
const COMPLEXITY: i32 = 4;
/// Packets on one page: a second.
const PAGE: u64 = 50;

/// The encoder or the container refused.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// libopus.
    #[error("opus encoder")]
    Opus(#[from] opus::Error),
    /// The Ogg writer.
    #[error("ogg writer")]
    Ogg(#[from] std::io::Error),
}

/// Encodes interleaved samples as they come.
pub(super) struct OggEncoder {
    encoder: opus::Encoder,
    writer: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    pending: Vec<i16>,
    packets: u64,
    samples: u64,
    skip: u64,
    /// The last packet is written with an end mark, so one is always held back.
    held: Option<(Vec<u8>, u64)>,
}

impl OggEncoder {
    pub(super) fn new(serial: u32) -> Result<Self, EncodeError> {
        let mut encoder =
            opus::Encoder::new(8_000, opus::Channels::Stereo, opus::Application::Audio)?;
        encoder.set_bitrate(opus::Bitrate::Bits(BITRATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        let skip = u64::try_from(encoder.get_lookahead()?).unwrap_or(0) * 6;
        let mut writer = PacketWriter::new(Vec::new());
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend(u16::try_from(skip).unwrap_or(0).to_le_bytes());
        head.extend(8_000_u32.to_le_bytes());
        head.extend([0, 0, 0]);
        writer.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0)?;
        let mut tags = b"OpusTags".to_vec();
        tags.extend(7_u32.to_le_bytes());
        tags.extend(b"TeleHub");
        tags.extend(0_u32.to_le_bytes());
        writer.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self {
            encoder,
            writer,
            serial,
            pending: Vec::with_capacity(FRAME * 2),
            packets: 0,
            samples: 0,
            skip,
            held: None,
        })
    }

    /// Takes PCM16 bytes, whole frames.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        for sample in bytes.chunks_exact(2) {
            self.pending.push(i16::from_le_bytes([sample[0], sample[1]]));
            if self.pending.len() == FRAME * 2 {
                self.samples += FRAME as u64;
                self.encode_pending()?;
            }
        }
        Ok(())
    }

    fn encode_pending(&mut self) -> Result<(), EncodeError> {
        let packet = self.encoder.encode_vec(&self.pending, 1_500)?;
        self.pending.clear();
        self.packets += 1;
        if let Some((before, granule)) = self.held.replace((packet, self.packets * GRANULE)) {
            let end = if (self.packets - 1).is_multiple_of(PAGE) {
                PacketWriteEndInfo::EndPage
            } else {
                PacketWriteEndInfo::NormalPacket
            };
            self.writer.write_packet(before, self.serial, end, granule)?;
        }
        Ok(())
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        self.samples += self.pending.len() as u64 / 2;
        // The encoder's look-ahead has to be pushed out with silence; the end mark's position
        // tells players how much of the last packet counts (RFC 7845 §4.4).
        let wanted = self.samples * 6 + self.skip;
        while self.packets * GRANULE < wanted || self.held.is_none() {
            self.pending.resize(FRAME * 2, 0);
            self.encode_pending()?;
        }
        if let Some((last, _)) = self.held.take() {
            self.writer.write_packet(last, self.serial, PacketWriteEndInfo::EndStream, wanted)?;
        }
        Ok(self.writer.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Left and right of a decoded file.
    fn decoded(file: Vec<u8>) -> [Vec<i16>; 2] {
        let mut reader = ogg::PacketReader::new(std::io::Cursor::new(file));
        (0..2).for_each(|_| drop(reader.read_packet().unwrap()));
        let mut decoder = opus::Decoder::new(8_000, opus::Channels::Stereo).unwrap();
        let mut sides = [Vec::new(), Vec::new()];
        while let Some(packet) = reader.read_packet().unwrap() {
            let mut pcm = [0_i16; FRAME * 2];
            decoder.decode(&packet.data, &mut pcm, false).unwrap();
            for frame in pcm.chunks(2) {
                sides[0].push(frame[0]);
                sides[1].push(frame[1]);
            }
        }
        sides
    }

    /// Power of one frequency in 20 ms windows, against all power.
    fn share(samples: &[i16], hertz: f64) -> f64 {
        let (mut tone, mut all) = (0.0, 1.0);
        for window in samples.chunks_exact(FRAME) {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in window.iter().enumerate() {
                let (value, angle) = (f64::from(*sample), TAU * hertz * n as f64 / 8_000.0);
                re += value * angle.cos();
                im += value * angle.sin();
                all += value * value;
            }
            tone += (re * re + im * im) * 2.0 / FRAME as f64;
        }
        tone / all
    }

    /// REC: who said what must be as plain in the copy as in the original, when both talk and
    /// when one is much louder.
    #[test]
    fn neither_side_is_heard_on_the_other() {
        for (ours, theirs) in [(12_000.0, 12_000.0), (16_000.0, 1_500.0), (1_500.0, 16_000.0)] {
            let mut encoder = OggEncoder::new(7).unwrap();
            for n in 0..8_000 * 6 {
                let at = f64::from(n) / 8_000.0;
                let talks = if at % 0.9 < 0.5 { theirs } else { 0.0 };
                let left = (TAU * 1_000.0 * at).sin() * talks;
                let right = if at > 1.3 { (TAU * 600.0 * at).sin() * ours } else { 0.0 };
                let frame = [(left as i16).to_le_bytes(), (right as i16).to_le_bytes()];
                encoder.take(frame.as_flattened()).unwrap();
            }
            let [left, right] = decoded(encoder.finish().unwrap());
            let leaks = [share(&left, 600.0), share(&right, 1_000.0)];
            assert!(leaks.iter().all(|leak| *leak < 0.01), "{ours} {theirs}: {leaks:?}");
        }
    }

    #[test]
    fn the_copy_decodes_to_the_same_length_with_each_tone_on_its_side() {
        let samples = 8_000 + 77;
        let mut bytes = Vec::new();
        for n in 0..samples {
            let angle = std::f64::consts::TAU * 440.0 * f64::from(n) / 8_000.0;
            bytes.extend(((angle.sin() * 12_000.0) as i16).to_le_bytes());
            bytes.extend(0_i16.to_le_bytes());
        }
        let mut encoder = OggEncoder::new(7).unwrap();
        bytes.chunks(4 * 333).for_each(|part| encoder.take(part).unwrap());
        let file = encoder.finish().unwrap();
        let mut reader = ogg::PacketReader::new(std::io::Cursor::new(file));
        let head = reader.read_packet().unwrap().unwrap();
        assert!(head.data.starts_with(b"OpusHead"));
        let skip = u64::from(u16::from_le_bytes([head.data[10], head.data[11]]));
        assert!(reader.read_packet().unwrap().unwrap().data.starts_with(b"OpusTags"));
        let mut decoder = opus::Decoder::new(8_000, opus::Channels::Stereo).unwrap();
        let (mut left, mut right, mut last) = (0.0, 0.0, 0);
        while let Some(packet) = reader.read_packet().unwrap() {
            let mut pcm = [0_i16; FRAME * 2];
            let got = decoder.decode(&packet.data, &mut pcm, false).unwrap();
            assert_eq!(got, FRAME);
            for frame in pcm.chunks(2) {
                left += f64::from(frame[0]).powi(2);
                right += f64::from(frame[1]).powi(2);
            }
            last = packet.absgp_page();
        }
        assert_eq!((last - skip) / 6, u64::try_from(samples).unwrap());
        assert!(left > 50.0 * right, "{left} {right}");
    }
}
