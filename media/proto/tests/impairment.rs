//! C11: a tone through bad networks, in virtual time. What is heard must stay the tone.

#![allow(clippy::print_stdout, reason = "its table is copied into benches/README.md")]

use media_proto::playout::Playout;
use media_proto::{Codec, tone};
use std::time::Duration;

const FRAME_MS: u64 = 20;
const HERTZ: f64 = 440.0;

struct Network {
    loss_percent: u32,
    jitter_ms: u32,
    duplicate_percent: u32,
    /// The sender's clock against ours.
    skew_ppm: i64,
}

/// What came of it.
struct Heard {
    /// Windows of 20 ms that are the tone, in percent.
    continuity: f64,
    /// Mean and end of the delay added, milliseconds.
    delay_ms: f64,
    /// How far the delay at the end is from that after a tenth of the time.
    drift_ms: f64,
}

enum Voice {
    Pcma,
    Opus { fec: bool },
}

impl Voice {
    /// Power that counts as the tone. libopus finds back to the level of a steady sine within some ten frames only, for its
    /// predictor feeds on what was made up; speech, which changes all the time, does not show it.
    fn level(&self) -> std::ops::Range<f64> {
        match self {
            Self::Pcma => 0.5..2.0,
            Self::Opus { .. } => 0.1..5.0,
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if limit == 0 { 0 } else { ((self.0 >> 33) % u64::from(limit)) as u32 }
    }
}

fn sample(n: u64) -> i16 {
    ((n as f64 * HERTZ / 8000.0 * 2.0 * std::f64::consts::PI).sin() * 8000.0) as i16
}

/// Packets as they arrive: when, sequence number, timestamp, payload.
fn arrivals(voice: &Voice, network: &Network, seconds: u64) -> Vec<(Duration, u16, u32, Vec<u8>)> {
    let mut random = Random(42);
    let mut encoder = opus::Encoder::new(8000, opus::Channels::Mono, opus::Application::Voip)
        .expect("an encoder");
    encoder.set_complexity(3).expect("taken");
    encoder.set_signal(opus::Signal::Voice).expect("taken");
    encoder.set_bitrate(opus::Bitrate::Bits(24_000)).expect("taken");
    // As it is told by the reports of a receiver.
    encoder.set_packet_loss_perc(network.loss_percent as i32).expect("taken");
    encoder.set_inband_fec(matches!(voice, Voice::Opus { fec: true })).expect("taken");
    let mut packets = Vec::new();
    for n in 0..seconds * 1000 / FRAME_MS {
        let samples: Vec<i16> = (n * 160..(n + 1) * 160).map(sample).collect();
        let (units, payload) = match voice {
            Voice::Pcma => (160, samples.iter().map(|s| Codec::Pcma.encode(*s)).collect()),
            Voice::Opus { .. } => (960, encoder.encode_vec(&samples, 400).expect("encoded")),
        };
        let sent_us = (n * FRAME_MS * 1000) as i64;
        let sent_us = (sent_us - sent_us * network.skew_ppm / 1_000_000) as u64;
        let copies = 1 + u32::from(random.below(100) < network.duplicate_percent);
        for _ in 0..copies {
            if random.below(100) < network.loss_percent {
                continue;
            }
            let late = u64::from(random.below(network.jitter_ms * 1000 + 1));
            let at = Duration::from_micros(50_000 + sent_us + late);
            packets.push((at, n as u16, (n as u32).wrapping_mul(units), payload.clone()));
        }
    }
    packets.sort_by_key(|p| p.0);
    packets
}

fn listen(voice: &Voice, network: &Network, seconds: u64) -> Heard {
    let mut playout = match voice {
        Voice::Pcma => Playout::g711(Codec::Pcma),
        Voice::Opus { .. } => Playout::opus(8000).expect("a decoder"),
    };
    let mut packets = arrivals(voice, network, seconds).into_iter().peekable();
    let mut frame = vec![0; playout.frame_samples()];
    let (mut good, mut windows, mut delays) = (0_u64, 0_u64, Vec::new());
    let settled = Duration::from_secs(seconds / 10);
    for tick in 0..seconds * 1000 / FRAME_MS {
        let now = Duration::from_millis(57 + tick * FRAME_MS);
        while let Some((at, sequence, timestamp, payload)) = packets.next_if(|p| p.0 <= now) {
            playout.insert(at, sequence, timestamp, &payload);
        }
        playout.pull(now, &mut frame);
        if now < settled {
            continue;
        }
        windows += 1;
        let level = frame.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / frame.len() as f64;
        let nominal = 8000.0_f64.powi(2) / 2.0;
        let loud = voice.level().contains(&(level / nominal));
        good += u64::from(loud && tone::share(&frame, 440) > 0.7);
        // What is played next, and this frame before it.
        delays.push(playout.delay(now).as_secs_f64() * 1000.0 + FRAME_MS as f64);
    }
    let part = delays.len() / 10;
    let mean = |d: &[f64]| d.iter().sum::<f64>() / d.len().max(1) as f64;
    let (first, last) = (mean(&delays[..part]), mean(&delays[delays.len() - part..]));
    Heard {
        continuity: good as f64 * 100.0 / windows as f64,
        delay_ms: mean(&delays),
        drift_ms: (last - first).abs(),
    }
}

fn network(loss_percent: u32, jitter_ms: u32, duplicate_percent: u32) -> Network {
    Network { loss_percent, jitter_ms, duplicate_percent, skew_ppm: 0 }
}

/// The table of `benches/README.md` (`cargo test --test impairment -- --nocapture`).
#[test]
fn the_tone_goes_on_through_loss_jitter_and_duplicates() {
    println!("codec     loss % jitter ms dup %  continuity %  delay ms");
    for (loss, jitter, duplicates) in [
        (0, 0, 0),
        (1, 20, 0),
        (3, 40, 0),
        (5, 60, 5),
        (10, 0, 0),
        (10, 100, 5),
        (0, 200, 0),
        (10, 200, 5),
    ] {
        for (name, voice) in [
            ("PCMA", Voice::Pcma),
            ("opus", Voice::Opus { fec: false }),
            ("opus+fec", Voice::Opus { fec: true }),
        ] {
            let heard = listen(&voice, &network(loss, jitter, duplicates), 120);
            let Heard { continuity, delay_ms, .. } = heard;
            println!(
                "{name:9} {loss:6} {jitter:9} {duplicates:5} {continuity:13.2} {delay_ms:9.1}"
            );
            // What libopus makes up for a steady tone is less like it than what we do for G.711.
            let least = match voice {
                Voice::Pcma => 99.5,
                Voice::Opus { .. } => 98.5 - f64::from(loss) * 1.7,
            };
            assert!(continuity >= least, "{name}: {continuity:.2} % of {least:.2} %");
            let most = 30.0 + f64::from(jitter) * 1.15;
            assert!(delay_ms <= most, "{name}: {delay_ms:.1} ms, at most {most}");
        }
    }
}

#[test]
fn a_clock_that_is_off_by_100_ppm_is_followed_for_an_hour() {
    for skew_ppm in [-100, 100] {
        let network = Network { skew_ppm, ..network(0, 0, 0) };
        let heard = listen(&Voice::Pcma, &network, 3600);
        println!(
            "{skew_ppm:+} ppm for an hour: {:.3} %, drift {:.1} ms",
            heard.continuity, heard.drift_ms
        );
        assert!(heard.drift_ms < 40.0, "{skew_ppm} ppm: {:.1} ms", heard.drift_ms);
        assert!(heard.continuity > 99.5, "{skew_ppm} ppm: {:.2} %", heard.continuity);
    }
}
