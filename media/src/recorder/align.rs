//! Where on the recording's clock a frame belongs.

/// Disagreement of timestamp and arrival that means the timestamp has jumped: 200 ms.
const JUMP_SAMPLES: i64 = 1600;
/// The estimate of the shortest delay is renewed this often: 2 s.
const WINDOW_SAMPLES: u32 = 16_000;
/// Drift that is left alone: 20 ms.
const DRIFT_SAMPLES: i64 = 160;

/// Follows one stream: its RTP timestamps give the spacing of frames, arrival gives the place.
/// Network jitter moves nothing; a sender's clock that runs fast or slow is followed in steps
/// of 20 ms, so that both channels stay within 40 ms of the call's clock for hours.
#[derive(Clone, Debug, Default)]
pub(super) struct Alignment {
    stream: Option<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    ssrc: u32,
    /// Timestamp of the newest frame and the place it was given.
    timestamp: u32,
    place: i64,
    /// Least lateness (arrival less place) seen in this window.
    least_late: i64,
    window_start: u32,
}

impl Alignment {
    /// The sample at which the frame begins that arrived at `arrival`.
    pub(super) fn place(&mut self, arrival: u32, ssrc: u32, timestamp: u32) -> u32 {
        let arrived = i64::from(arrival);
        let anchor = match self.stream {
            Some(a) if a.ssrc == ssrc => a,
            _ => return self.start(arrival, ssrc, timestamp),
        };
        let step = i64::from(timestamp.wrapping_sub(anchor.timestamp).cast_signed());
        let place = anchor.place + step;
        let late = arrived - place;
        if late.abs() > JUMP_SAMPLES {
            return self.start(arrival, ssrc, timestamp);
        }
        let mut next = anchor;
        if step > 0 {
            (next.timestamp, next.place) = (timestamp, place);
        }
        next.least_late = next.least_late.min(late);
        if arrival.wrapping_sub(next.window_start) >= WINDOW_SAMPLES {
            if next.least_late.abs() > DRIFT_SAMPLES {
                next.place += next.least_late.signum() * DRIFT_SAMPLES;
            }
            (next.window_start, next.least_late) = (arrival, i64::MAX);
        }
        self.stream = Some(next);
        place.clamp(0, i64::from(u32::MAX)) as u32
    }

    fn start(&mut self, arrival: u32, ssrc: u32, timestamp: u32) -> u32 {
        self.stream = Some(Anchor {
            ssrc,
            timestamp,
            place: i64::from(arrival),
            least_late: i64::MAX,
            window_start: arrival,
        });
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_and_order_of_arrival_move_nothing() {
        let mut alignment = Alignment::default();
        let arrivals = [1000, 1400, 1300, 1900, 1640];
        let timestamps = [50_u32, 210, 370, 690, 530];
        let places = arrivals.iter().zip(timestamps).map(|(a, t)| alignment.place(*a, 1, t));
        assert_eq!(places.collect::<Vec<_>>(), [1000, 1160, 1320, 1640, 1480]);
    }

    #[test]
    fn a_pause_of_the_sender_is_a_gap_of_the_same_length() {
        let mut alignment = Alignment::default();
        assert_eq!(alignment.place(0, 1, 0), 0);
        assert_eq!(alignment.place(80_000, 1, 80_000), 80_000);
        // Timestamps that stood still over a hold are placed by arrival.
        assert_eq!(alignment.place(160_000, 1, 80_160), 160_000);
        // Another stream too.
        assert_eq!(alignment.place(170_000, 2, 7), 170_000);
    }

    /// C11: 100 ppm over an hour stays within 40 ms.
    #[test]
    fn a_clock_that_runs_fast_or_slow_is_followed() {
        for ppm in [-100_i64, 100] {
            let mut alignment = Alignment::default();
            for n in 0..180_000_i64 {
                let true_time = n * 160;
                let skewed = (true_time + true_time * ppm / 1_000_000) as u32;
                let place = alignment.place(true_time as u32, 1, skewed);
                let off = (i64::from(place) - true_time).abs();
                assert!(off <= 320, "{ppm} ppm: {off} samples off after {n} frames");
            }
        }
    }

    #[test]
    fn timestamps_wrap_without_a_break() {
        let mut alignment = Alignment::default();
        assert_eq!(alignment.place(100, 1, u32::MAX - 79), 100);
        assert_eq!(alignment.place(260, 1, 80), 260);
    }
}
