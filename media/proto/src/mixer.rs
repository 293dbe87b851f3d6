//! A conference: who hears whom is a matrix, so that listening, whispering and barging are rows of
//! it; everybody hears all they may but themselves (N-1), softly clipped.

/// Parties of one conference.
pub const MEMBERS_MAX: usize = 32;
/// Samples of 20 ms at 48 kHz.
const FRAME_MAX: usize = 960;
/// Up to here a sum is left as it is; above it bends towards full scale.
const KNEE: f32 = 24_576.0;
/// Mean magnitude of who is said to speak.
const SPEAKING: f32 = 250.0;
/// Another one has to be so much louder to be the active speaker.
const LOUDER: f32 = 1.5;
/// How much of its level a silent party keeps from frame to frame: half is gone in 140 ms.
const RELEASE: f32 = 0.9;

#[derive(Clone, Debug)]
struct Member {
    /// One bit per party it hears.
    hears: u32,
    frame: Box<[i16; FRAME_MAX]>,
    /// Said something in this tick.
    spoke: bool,
    level: f32,
}

/// Mixes ticks of 20 ms.
#[derive(Clone, Debug)]
pub struct Mixer {
    frame: usize,
    members: [Option<Member>; MEMBERS_MAX],
    /// Everybody who spoke in this tick.
    total: Box<[i32; FRAME_MAX]>,
    active: Option<usize>,
}

/// The conference has no place left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the conference is full")]
pub struct ConferenceFull;

impl Mixer {
    /// At 8, 16 or 48 kHz.
    pub fn new(rate: u32) -> Self {
        Self {
            frame: (rate as usize / 50).min(FRAME_MAX),
            members: [const { None }; MEMBERS_MAX],
            total: Box::new([0; FRAME_MAX]),
            active: None,
        }
    }

    /// Somebody comes; hears everybody and is heard by everybody until told otherwise.
    pub fn join(&mut self) -> Result<usize, ConferenceFull> {
        let place = self.members.iter().position(Option::is_none).ok_or(ConferenceFull)?;
        let frame = Box::new([0; FRAME_MAX]);
        self.members[place] = Some(Member { hears: u32::MAX, frame, spoke: false, level: 0.0 });
        for other in self.members.iter_mut().flatten() {
            other.hears |= 1 << place;
        }
        Ok(place)
    }

    /// Somebody goes.
    pub fn leave(&mut self, place: usize) {
        self.put(place, &[]);
        if let Some(member) = self.members.get_mut(place) {
            *member = None;
        }
        self.active = self.active.filter(|active| *active != place);
    }

    /// Whether `listener` hears `speaker`.
    pub fn set_hears(&mut self, listener: usize, speaker: usize, hears: bool) {
        let Some(Some(member)) = self.members.get_mut(listener) else { return };
        let bit = 1_u32.checked_shl(speaker as u32).unwrap_or(0);
        member.hears = if hears { member.hears | bit } else { member.hears & !bit };
    }

    /// What a party says in this tick; the last word counts.
    pub fn put(&mut self, place: usize, samples: &[i16]) {
        let Some(Some(member)) = self.members.get_mut(place) else { return };
        if member.spoke {
            subtract(&mut self.total[..self.frame], &member.frame[..]);
        }
        let count = samples.len().min(self.frame);
        member.frame[..count].copy_from_slice(&samples[..count]);
        member.frame[count..].fill(0);
        member.spoke = count > 0;
        for (sum, sample) in self.total.iter_mut().zip(&samples[..count]) {
            *sum += i32::from(*sample);
        }
    }

    /// What a party hears in this tick.
    pub fn mix(&self, place: usize, out: &mut [i16]) {
        let Some(Some(listener)) = self.members.get(place) else { return out.fill(0) };
        let mut sum = [0_i32; FRAME_MAX];
        let sum = &mut sum[..self.frame];
        let heard = |other: usize| other != place && listener.hears & (1 << other) != 0;
        let speakers = || {
            let members = self.members.iter().enumerate();
            members.filter_map(|(n, m)| m.as_ref().filter(|m| m.spoke).map(|m| (n, m)))
        };
        let (count, kept_from) =
            speakers().fold((0, 0), |(all, out), (n, _)| (all + 1, out + usize::from(!heard(n))));
        if kept_from * 2 <= count {
            sum.copy_from_slice(&self.total[..self.frame]);
            for (_, speaker) in speakers().filter(|(n, _)| !heard(*n)) {
                subtract(sum, &speaker.frame[..]);
            }
        } else {
            for (_, speaker) in speakers().filter(|(n, _)| heard(*n)) {
                for (sum, sample) in sum.iter_mut().zip(&speaker.frame[..]) {
                    *sum += i32::from(*sample);
                }
            }
        }
        let written = out.len().min(self.frame);
        for (place, sum) in out.iter_mut().zip(&*sum) {
            *place = soften(*sum);
        }
        out[written..].fill(0);
    }

    /// The tick is over: levels are taken, and who says nothing in the next one is silent.
    pub fn end_tick(&mut self) {
        for member in self.members.iter_mut().flatten() {
            let frame = &member.frame[..self.frame];
            let sum: u64 = frame.iter().map(|s| u64::from(s.unsigned_abs())).sum();
            let mean = if member.spoke { sum as f32 / self.frame as f32 } else { 0.0 };
            member.level = mean.max(member.level * RELEASE);
            member.spoke = false;
        }
        self.total.fill(0);
        let current = self.active.and_then(|active| self.level(active)).unwrap_or(0.0);
        let levels = (0..MEMBERS_MAX).filter_map(|n| Some((n, self.level(n)?)));
        let loudest = levels.max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((place, level)) = loudest.filter(|(_, level)| *level >= SPEAKING)
            && (level > current * LOUDER || current < SPEAKING)
        {
            self.active = Some(place);
        } else if current < SPEAKING {
            self.active = None;
        }
    }

    /// Smoothed mean magnitude of a party.
    pub fn level(&self, place: usize) -> Option<f32> {
        self.members.get(place)?.as_ref().map(|member| member.level)
    }

    /// Who speaks now.
    pub fn active_speaker(&self) -> Option<usize> {
        self.active
    }
}

fn subtract(sum: &mut [i32], samples: &[i16]) {
    for (sum, sample) in sum.iter_mut().zip(samples) {
        *sum -= i32::from(*sample);
    }
}

/// Bends what is too loud instead of cutting it off.
fn soften(sum: i32) -> i16 {
    let loud = sum.unsigned_abs() as f32;
    if loud <= KNEE {
        return sum as i16;
    }
    let room = 32_767.0 - KNEE;
    let bent = KNEE + room * ((loud - KNEE) / room).tanh();
    (bent * sum.signum() as f32) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(mixer: &Mixer, place: usize) -> i16 {
        let mut out = [0; 160];
        mixer.mix(place, &mut out);
        assert!(out.iter().all(|s| *s == out[0]));
        out[0]
    }

    #[test]
    fn everybody_hears_the_others_and_not_themselves() {
        let mut mixer = Mixer::new(8000);
        let [a, b, c] = [(); 3].map(|()| mixer.join().expect("room"));
        for (place, word) in [(a, 100), (b, 1000), (c, 10_000)] {
            mixer.put(place, &[word; 160]);
        }
        assert_eq!([a, b, c].map(|place| heard(&mixer, place)), [11_000, 10_100, 1100]);
        mixer.end_tick();
        assert_eq!([a, b, c].map(|place| heard(&mixer, place)), [0, 0, 0]);
    }

    /// C16, PBX-10: a supervisor who listens is heard by nobody, who whispers by the agent alone,
    /// who barges by both.
    #[test]
    fn listen_whisper_and_barge_are_rows_of_the_matrix() {
        let mut mixer = Mixer::new(8000);
        let [customer, agent, boss] = [(); 3].map(|()| mixer.join().expect("room"));
        let mut told = |to_agent: bool, to_customer: bool| {
            mixer.set_hears(agent, boss, to_agent);
            mixer.set_hears(customer, boss, to_customer);
            for (place, word) in [(customer, 100), (agent, 1000), (boss, 10_000)] {
                mixer.put(place, &[word; 160]);
            }
            [customer, agent, boss].map(|place| heard(&mixer, place))
        };
        assert_eq!(told(false, false), [1000, 100, 1100]);
        assert_eq!(told(true, false), [1000, 10_100, 1100]);
        assert_eq!(told(true, true), [11_000, 10_100, 1100]);
    }

    #[test]
    fn a_loud_sum_bends_and_never_wraps() {
        let mut mixer = Mixer::new(8000);
        let places: Vec<usize> = (0..5).map(|_| mixer.join().expect("room")).collect();
        for place in &places {
            mixer.put(*place, &[30_000; 160]);
        }
        let loud = heard(&mixer, places[0]);
        assert!(loud > 32_000, "{loud}");
        assert!(soften(-200_000) < -32_000 && soften(24_000) == 24_000);
        let rising: Vec<i16> = (0..60).map(|n| soften(20_000 + n * 500)).collect();
        assert!(rising.windows(2).all(|w| w[0] <= w[1]), "no louder sum sounds quieter");
    }

    #[test]
    fn the_active_speaker_changes_for_who_is_clearly_louder() {
        let mut mixer = Mixer::new(16_000);
        let (a, b) = (mixer.join().expect("room"), mixer.join().expect("room"));
        let mut tick = |from_a: i16, from_b: i16| {
            mixer.put(a, &[from_a; 320]);
            mixer.put(b, &[from_b; 320]);
            mixer.end_tick();
            mixer.active_speaker()
        };
        assert_eq!(tick(10, 20), None);
        assert_eq!(tick(4000, 20), Some(a));
        assert_eq!(tick(4000, 5000), Some(a));
        assert_eq!(tick(10, 9000), Some(b));
        assert_eq!((0..60).map(|_| tick(0, 0)).last(), Some(None));
    }

    #[test]
    fn a_conference_has_an_end_and_a_place_left_is_free() {
        let mut mixer = Mixer::new(8000);
        for _ in 0..MEMBERS_MAX {
            mixer.join().expect("room");
        }
        assert_eq!(mixer.join(), Err(ConferenceFull));
        mixer.put(7, &[500; 160]);
        mixer.leave(7);
        assert_eq!(heard(&mixer, 3), 0);
        assert_eq!(mixer.join(), Ok(7));
    }
}
