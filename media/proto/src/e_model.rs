//! Voice quality estimate: the E-model (ITU-T G.107) cut down to what we measure.

/// R of a clean G.711 call with the default parameters of G.107 (table 3).
const R_DEFAULT: f32 = 93.2;
/// Packet-loss robustness of G.711 with concealment (G.113 appendix I).
const LOSS_ROBUSTNESS: f32 = 25.1;
/// Packet time and jitter buffer that every receiver adds.
const FIXED_DELAY_MS: f32 = 40.0;

/// Rating factor from loss, jitter and round trip.
pub fn rating(loss_percent: f32, jitter_ms: f32, round_trip_ms: Option<f32>) -> f32 {
    let one_way = round_trip_ms.unwrap_or(0.0) / 2.0 + 2.0 * jitter_ms + FIXED_DELAY_MS;
    // Cole and Rosenbluth's fit of Id for one-way delay.
    let beyond = (one_way - 177.3).max(0.0);
    let delay = 0.024 * one_way + 0.11 * beyond;
    // Equipment impairment of G.711 is 0, so Ie,eff = 95 · Ppl / (Ppl + Bpl) (G.107 §7.3).
    let loss = 95.0 * loss_percent / (loss_percent + LOSS_ROBUSTNESS);
    (R_DEFAULT - delay - loss).clamp(0.0, 100.0)
}

/// Mean opinion score of a rating (G.107 annex B), 1.0 to 4.5.
pub fn mos(rating: f32) -> f32 {
    if rating <= 0.0 {
        return 1.0;
    }
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    score.clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_call_is_very_good_and_a_lossy_one_is_not() {
        let clean = mos(rating(0.0, 1.0, Some(20.0)));
        assert!((4.3..=4.5).contains(&clean), "{clean}");
        let lossy = mos(rating(10.0, 1.0, Some(20.0)));
        assert!((2.8..=3.8).contains(&lossy), "{lossy}");
        let dead = mos(rating(100.0, 500.0, Some(5000.0)));
        assert!((1.0..=1.1).contains(&dead), "{dead}");
    }

    #[test]
    fn more_loss_jitter_or_delay_never_sounds_better() {
        let steps = [0.0, 0.5, 2.0, 5.0, 20.0, 60.0];
        for pair in steps.windows(2) {
            assert!(rating(pair[1], 5.0, None) <= rating(pair[0], 5.0, None));
            assert!(rating(1.0, pair[1], None) <= rating(1.0, pair[0], None));
            assert!(
                rating(1.0, 5.0, Some(pair[1] * 10.0)) <= rating(1.0, 5.0, Some(pair[0] * 10.0))
            );
        }
    }
}
