//! A stream of datagrams on a media port (A04): parsing, statistics, keys, source rules, rewriting.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media_proto::rtp::{Datagram, Packet};
use media_proto::{DtmfReceiver, OutStream, ReceiveStatistics, SourceGuard, SourceRules};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fuzz_target!(|data: &[u8]| {
    let start = Instant::now();
    let mut now = start;
    let mut guard = SourceGuard::new(SourceRules { learn: true, learn_from: None });
    guard.signal(start, Some(SocketAddr::from(([10, 0, 0, 1], 4000))));
    let mut statistics = ReceiveStatistics::default();
    let mut keys = DtmfReceiver::default();
    let mut out = OutStream::new(1, 2, 3);
    // Each datagram: a byte of length, one of time passed, one of source, then its bytes.
    let mut rest = data;
    while let [length, passed, source, after @ ..] = rest {
        let (bytes, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        now += Duration::from_millis(u64::from(*passed) * 10);
        let from = SocketAddr::from(([10, 0, 0, source % 3], 4000));
        if Datagram::of(bytes) != Datagram::Rtp {
            continue;
        }
        let Ok(packet) = Packet::parse(bytes) else { continue };
        assert!(packet.payload.start <= packet.payload.end && packet.payload.end <= bytes.len());
        let payload = &bytes[packet.payload.clone()];
        if guard.accepts(now, from, packet.ssrc, packet.sequence) {
            let arrival = (now - start).as_millis() as u32 * 8;
            let Packet { ssrc, sequence, timestamp, .. } = packet;
            statistics.handle_packet(ssrc, sequence, timestamp, arrival, true);
            let _ = keys.handle_packet(&packet, payload);
            let _ = out.forward(now, &packet, payload.len() as u32, payload.len());
        } else {
            let _ = out.generate(now, 160, 160);
        }
        let _ = (guard.target(now), statistics.report(), statistics.lost());
    }
    assert!((0.0..=100.0).contains(&statistics.loss_percent()));
});
