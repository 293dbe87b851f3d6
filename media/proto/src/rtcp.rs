//! RTCP (RFC 3550 §6): sender and receiver reports, CNAME, BYE; bounded in both directions.

use crate::statistics::ReceiverView;

/// A report of ours is never longer.
pub const REPORT_BYTES_MAX: usize = 160;
/// Packets looked at in one compound.
const PACKETS_MAX: usize = 16;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;

/// A compound that breaks RFC 3550 appendix A.2: ignored whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("malformed rtcp compound")]
pub struct RtcpError;

/// One block of a report, as far as we use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// What they say of the stream.
    pub view: ReceiverView,
    /// Middle 32 bits of the NTP time of our last report they got; 0: none yet.
    pub last_report: u32,
    /// Time they held it, in 1/65536 s.
    pub delay: u32,
}

/// What a peer's compound tells us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Who reports.
    pub ssrc: u32,
    /// Middle 32 bits of the NTP time in its sender report.
    pub sender_ntp_middle: Option<u32>,
    /// Its block about our stream.
    pub about_us: Option<ReportBlock>,
    /// It said good-bye. Signalling ends calls, this does not (C05).
    pub bye: bool,
}

/// Reads a whole compound; `our_ssrc` picks the block about us. Nothing is taken from a compound
/// that is broken anywhere.
pub fn parse(bytes: &[u8], our_ssrc: u32) -> Result<Received, RtcpError> {
    let mut received = Received::default();
    let mut rest = bytes;
    for index in 0..PACKETS_MAX {
        let Some(header) = rest.first_chunk::<4>() else {
            return if rest.is_empty() && index > 0 { Ok(received) } else { Err(RtcpError) };
        };
        let length = 4 + 4 * usize::from(u16::from_be_bytes([header[2], header[3]]));
        let kind = header[1];
        let report = kind == SENDER_REPORT || kind == RECEIVER_REPORT;
        if header[0] >> 6 != 2 || length > rest.len() || (index == 0 && !report) {
            return Err(RtcpError);
        }
        let (packet, after) = rest.split_at(length);
        // Padding only ever in the last packet.
        if header[0] & 0x20 != 0 && !after.is_empty() {
            return Err(RtcpError);
        }
        let count = usize::from(header[0] & 0x1F);
        match kind {
            SENDER_REPORT | RECEIVER_REPORT => {
                read_report(packet, kind == SENDER_REPORT, count, our_ssrc, &mut received)?;
            }
            BYE if packet.len() >= 4 + 4 * count => received.bye = true,
            BYE => return Err(RtcpError),
            _ => {}
        }
        rest = after;
    }
    Err(RtcpError)
}

fn read_report(
    packet: &[u8],
    sender: bool,
    count: usize,
    our_ssrc: u32,
    received: &mut Received,
) -> Result<(), RtcpError> {
    let blocks_at = if sender { 28 } else { 8 };
    let blocks = packet.get(blocks_at..blocks_at + 24 * count).ok_or(RtcpError)?;
    received.ssrc = word(packet, 4);
    if sender {
        received.sender_ntp_middle = Some((word(packet, 8) << 16) | (word(packet, 12) >> 16));
    }
    for block in blocks.chunks_exact(24).filter(|b| word(b, 0) == our_ssrc) {
        let lost = word(block, 4);
        received.about_us = Some(ReportBlock {
            view: ReceiverView {
                ssrc: our_ssrc,
                fraction_lost: (lost >> 24) as u8,
                cumulative_lost: (lost << 8).cast_signed() >> 8,
                highest_sequence: word(block, 8),
                jitter: word(block, 12),
            },
            last_report: word(block, 16),
            delay: word(block, 20),
        });
    }
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// What our sender report says of our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// NTP time, 32.32.
    pub ntp: u64,
    /// The RTP timestamp of that moment.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// One compound of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// Our stream.
    pub ssrc: u32,
    /// `None` makes a receiver report.
    pub sender: Option<SenderInfo>,
    /// What we received.
    pub block: Option<ReportBlock>,
    /// Random text, the same for the life of the leg (RFC 7022).
    pub cname: &'a [u8],
    /// The leg ends.
    pub bye: bool,
}

impl Report<'_> {
    /// Writes the compound into `out`; returns its length.
    pub fn write(&self, out: &mut [u8; REPORT_BYTES_MAX]) -> usize {
        let mut w = Writer { out, at: 0 };
        let start = w.begin(
            if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT },
            u8::from(self.block.is_some()),
        );
        w.word(self.ssrc);
        if let Some(sender) = self.sender {
            w.word((sender.ntp >> 32) as u32);
            w.word(sender.ntp as u32);
            w.word(sender.rtp_timestamp);
            w.word(sender.packets);
            w.word(sender.octets);
        }
        if let Some(block) = self.block {
            w.word(block.view.ssrc);
            let lost = block.view.cumulative_lost.cast_unsigned() & 0x00FF_FFFF;
            w.word((u32::from(block.view.fraction_lost) << 24) | lost);
            w.word(block.view.highest_sequence);
            w.word(block.view.jitter);
            w.word(block.last_report);
            w.word(block.delay);
        }
        w.end(start);
        let start = w.begin(SOURCE_DESCRIPTION, 1);
        w.word(self.ssrc);
        let cname = &self.cname[..self.cname.len().min(32)];
        w.bytes(&[1, cname.len() as u8]);
        w.bytes(cname);
        // The list ends with at least one zero, up to a word boundary.
        let padding = 4 - w.at % 4;
        w.bytes(&[0; 4][..padding]);
        w.end(start);
        if self.bye {
            let start = w.begin(BYE, 1);
            w.word(self.ssrc);
            w.end(start);
        }
        w.at
    }
}

struct Writer<'a> {
    out: &'a mut [u8; REPORT_BYTES_MAX],
    at: usize,
}

impl Writer<'_> {
    fn begin(&mut self, kind: u8, count: u8) -> usize {
        let start = self.at;
        self.bytes(&[0x80 | count, kind, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        let words = ((self.at - start) / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

/// Round trip from the block a peer sent about us, `now_middle` being the middle 32 bits of our
/// NTP time at its arrival (RFC 3550 §6.4.1). `None` before our first report reached it, and for
/// values that cannot be.
pub fn round_trip_ms(block: &ReportBlock, now_middle: u32) -> Option<f32> {
    if block.last_report == 0 {
        return None;
    }
    let units = now_middle.wrapping_sub(block.last_report).wrapping_sub(block.delay);
    // Clock granularity may make it a hair negative: that is zero, not eighteen hours.
    if units.cast_signed() < 0 {
        return (units.cast_signed() > -655).then_some(0.0);
    }
    let ms = units as f32 * 1000.0 / 65_536.0;
    (ms < 60_000.0).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> ReportBlock {
        ReportBlock {
            view: ReceiverView {
                ssrc: 42,
                fraction_lost: 12,
                cumulative_lost: -5,
                highest_sequence: 0x0001_0203,
                jitter: 80,
            },
            last_report: 0xAABB_0000,
            delay: 0x8000,
        }
    }

    fn compound(sender: bool, bye: bool) -> Vec<u8> {
        let info =
            SenderInfo { ntp: 0x0102_0304_0506_0708, rtp_timestamp: 9, packets: 3, octets: 480 };
        let sender = sender.then_some(info);
        let report = Report { ssrc: 7, sender, block: Some(block()), cname: b"abcdef", bye };
        let mut out = [0; REPORT_BYTES_MAX];
        let length = report.write(&mut out);
        out[..length].to_vec()
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        let received = parse(&compound(true, false), 42).expect("well formed");
        assert_eq!(received.ssrc, 7);
        assert_eq!(received.sender_ntp_middle, Some(0x0304_0506));
        assert_eq!(received.about_us, Some(block()));
        assert!(!received.bye);
        let received = parse(&compound(false, true), 41).expect("well formed");
        assert_eq!(
            (received.sender_ntp_middle, received.about_us, received.bye),
            (None, None, true)
        );
    }

    /// C05: huge counts, broken compounds.
    #[test]
    fn a_broken_compound_is_refused_whole() {
        let whole = compound(true, true);
        for cut in 0..whole.len() {
            if parse(&whole[..cut], 42).is_ok() {
                // A cut between packets leaves a shorter compound that is sound.
                assert_eq!(cut % 4, 0);
            }
        }
        let mut counts = whole.clone();
        counts[0] |= 0x1F;
        assert_eq!(parse(&counts, 42), Err(RtcpError));
        let mut length = whole.clone();
        length[2..4].copy_from_slice(&[0xFF, 0xFF]);
        assert_eq!(parse(&length, 42), Err(RtcpError));
        let bye_first = [0x81, BYE, 0, 1, 0, 0, 0, 7];
        assert_eq!(parse(&bye_first, 42), Err(RtcpError));
        assert_eq!(parse(&[0x80, RECEIVER_REPORT, 0, 0].repeat(400), 42), Err(RtcpError));
        assert_eq!(parse(&[], 42), Err(RtcpError));
    }

    #[test]
    fn round_trip_is_arrival_less_report_less_delay() {
        let sent = 0x1000_0000;
        let block = ReportBlock { last_report: sent, delay: 0x1_0000, ..block() };
        let ms = round_trip_ms(&block, sent + 0x1_0000 + 6_554).expect("a value");
        assert!((ms - 100.0).abs() < 0.1, "{ms}");
        assert_eq!(round_trip_ms(&ReportBlock { last_report: 0, ..block }, 5), None);
        assert_eq!(round_trip_ms(&block, sent + 0x1_0000 - 10), Some(0.0));
        assert_eq!(round_trip_ms(&block, sent - 0x100_0000), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes, 1);
        }
    }
}
