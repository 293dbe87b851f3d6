//! Compounds from strangers (A04, C05): no panic, and what we write we read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media_proto::rtcp::{REPORT_BYTES_MAX, Report, parse, round_trip_ms};

fuzz_target!(|data: &[u8]| {
    let our_ssrc = 0x0102_0304;
    let Ok(received) = parse(data, our_ssrc) else { return };
    let Some(block) = received.about_us else { return };
    if let Some(ms) = round_trip_ms(&block, 0x8000_0000) {
        assert!((0.0..60_000.0).contains(&ms));
    }
    let report =
        Report { ssrc: 9, sender: None, block: Some(block), cname: data, bye: received.bye };
    let mut out = [0; REPORT_BYTES_MAX];
    let length = report.write(&mut out);
    let again = parse(&out[..length], our_ssrc).expect("our own report");
    assert_eq!((again.about_us, again.bye), (Some(block), received.bye));
});
