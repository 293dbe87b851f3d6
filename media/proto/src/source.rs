//! Whose packets count, and where ours go: RTP bleed and injection are refused here (C01–C04).
//!
//! A leg's peer is the address its SDP named. Only where learning is allowed may a NATed
//! address take its place, on evidence bounded in packets and time, and the signalled address
//! always wins when it is heard.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Packets in sequence from one source before it is learned.
pub const LEARN_PACKETS: u8 = 3;
/// A candidate must deliver them within this time, and where no host is known to expect it from, within this time of
/// the SDP that named the peer: a party that is never heard must not leave its place open to whoever comes (C03).
pub const LEARN_WINDOW: Duration = Duration::from_secs(3);
/// A source learned on sequence alone is sent this many packets …
pub const PROVISIONAL_PACKETS: u8 = 5;
/// … until it has been the only one for this long.
pub const PROVISIONAL_TIME: Duration = Duration::from_millis(500);
/// The old address must have been silent this long before a stream may move.
pub const MOVE_SILENCE: Duration = Duration::from_secs(2);
/// Loss allowed inside a sequence that is taken as evidence.
const SEQUENCE_STEP_MAX: u16 = 3;

/// What may be learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// Off: the signalled address and no other.
    pub learn: bool,
    /// Learn from this host only: where the party's signalling comes from.
    pub learn_from: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    /// The signalled address, not heard yet.
    Signalled,
    /// Somebody else talks; not believed yet.
    Probing { candidate: SocketAddr, ssrc: u32, sequence: u16, packets: u8, since: Instant },
    /// Believed on sequence.
    Learned { address: SocketAddr, since: Instant, sent: u8 },
    /// The signalled address was heard.
    Heard,
}

/// Guards the RTP port of one leg.
#[derive(Clone, Debug)]
pub struct SourceGuard {
    rules: SourceRules,
    signalled: Option<SocketAddr>,
    /// When SDP last named it.
    signalled_at: Option<Instant>,
    knowledge: Knowledge,
    last: Option<(u32, u16, Instant)>,
}

impl SourceGuard {
    /// Nothing is accepted before `signal`.
    pub fn new(rules: SourceRules) -> Self {
        Self {
            rules,
            signalled: None,
            signalled_at: None,
            knowledge: Knowledge::Signalled,
            last: None,
        }
    }

    /// SDP named an address. The same one again keeps what was learned, and allows learning anew where nothing was.
    pub fn signal(&mut self, now: Instant, address: Option<SocketAddr>) {
        if address.is_some() {
            self.signalled_at = Some(now);
        }
        if address.is_some() && address != self.signalled {
            self.signalled = address;
            self.knowledge = Knowledge::Signalled;
        }
    }

    /// Where packets go now, `None` before anything was signalled.
    #[inline]
    pub fn target(&mut self, now: Instant) -> Option<SocketAddr> {
        match &mut self.knowledge {
            Knowledge::Signalled | Knowledge::Probing { .. } | Knowledge::Heard => self.signalled,
            Knowledge::Learned { address, since, sent } => {
                let certain = self.rules.learn_from.is_some()
                    || now.saturating_duration_since(*since) >= PROVISIONAL_TIME;
                if !certain && *sent >= PROVISIONAL_PACKETS {
                    return self.signalled;
                }
                *sent = sent.saturating_add(1);
                Some(*address)
            }
        }
    }

    /// The host believed in now, for RTCP.
    pub fn host(&self) -> Option<IpAddr> {
        match self.knowledge {
            Knowledge::Learned { address, .. } => Some(address.ip()),
            Knowledge::Signalled | Knowledge::Probing { .. } | Knowledge::Heard => {
                self.signalled.map(|a| a.ip())
            }
        }
    }

    /// Whether this is the address believed in now; nothing is learned by asking.
    pub fn is_party(&self, from: SocketAddr) -> bool {
        match self.knowledge {
            Knowledge::Learned { address, .. } => address == from,
            Knowledge::Signalled | Knowledge::Probing { .. } | Knowledge::Heard => {
                self.signalled == Some(from)
            }
        }
    }

    /// Whether a learned address has taken the place of the signalled one.
    pub fn has_learned(&self) -> bool {
        matches!(self.knowledge, Knowledge::Learned { .. })
    }

    /// A well-formed RTP packet of an agreed payload type came in: does it count?
    #[inline]
    pub fn accepts(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let Some(signalled) = self.signalled else { return false };
        let accepted = if from == signalled {
            self.knowledge = Knowledge::Heard;
            true
        } else {
            self.rules.learn && self.weigh(now, from, ssrc, sequence)
        };
        if accepted {
            self.last = Some((ssrc, sequence, now));
        }
        accepted
    }

    fn weigh(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        if self.rules.learn_from.is_some_and(|host| host != from.ip()) {
            return false;
        }
        let unheard = matches!(self.knowledge, Knowledge::Signalled | Knowledge::Probing { .. });
        if unheard && self.is_closed(now) {
            return false;
        }
        match self.knowledge {
            Knowledge::Learned { address, .. } if address == from => true,
            Knowledge::Learned { .. } | Knowledge::Heard => self.moves(now, from, ssrc, sequence),
            Knowledge::Probing { candidate, ssrc: known, sequence: before, packets, since } => {
                let step = sequence.wrapping_sub(before);
                let overdue = now.saturating_duration_since(since) > LEARN_WINDOW;
                let follows =
                    candidate == from && known == ssrc && (1..=SEQUENCE_STEP_MAX).contains(&step);
                if follows && !overdue {
                    return self.believe(now, from, ssrc, sequence, packets + 1, since);
                }
                if overdue || candidate == from {
                    self.probe(now, from, ssrc, sequence);
                }
                false
            }
            Knowledge::Signalled => {
                self.probe(now, from, ssrc, sequence);
                false
            }
        }
    }

    /// Whether it is too late to learn who nobody has been heard of.
    fn is_closed(&self, now: Instant) -> bool {
        let open = |at| now.saturating_duration_since(at) <= LEARN_WINDOW;
        self.rules.learn_from.is_none() && !self.signalled_at.is_some_and(open)
    }

    fn probe(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) {
        self.knowledge =
            Knowledge::Probing { candidate: from, ssrc, sequence, packets: 1, since: now };
    }

    fn believe(
        &mut self,
        now: Instant,
        from: SocketAddr,
        ssrc: u32,
        sequence: u16,
        packets: u8,
        since: Instant,
    ) -> bool {
        let enough = packets >= LEARN_PACKETS;
        self.knowledge = if enough {
            Knowledge::Learned { address: from, since: now, sent: 0 }
        } else {
            Knowledge::Probing { candidate: from, ssrc, sequence, packets, since }
        };
        enough
    }

    /// A NAT gave the same stream another port: same host, same SSRC, sequence going on, and the
    /// old address silent (C04).
    fn moves(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let Some((last_ssrc, last_sequence, heard)) = self.last else { return false };
        let silence = now.saturating_duration_since(heard);
        // At most what 10 ms packets would have counted meanwhile.
        let step_max = (silence.as_millis() as u64 / 10).min(1000) as u16;
        let step = sequence.wrapping_sub(last_sequence);
        let continues = last_ssrc == ssrc && (1..=step_max).contains(&step);
        if !continues || silence < MOVE_SILENCE || self.host() != Some(from.ip()) {
            return false;
        }
        self.knowledge = Knowledge::Learned { address: from, since: now, sent: 0 };
        true
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an origin to count from")]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn guard(learn: bool, learn_from: Option<&str>) -> SourceGuard {
        signalled_at(Instant::now(), learn, learn_from)
    }

    fn signalled_at(now: Instant, learn: bool, learn_from: Option<&str>) -> SourceGuard {
        let learn_from = learn_from.map(|h| h.parse().expect("a host"));
        let mut guard = SourceGuard::new(SourceRules { learn, learn_from });
        guard.signal(now, Some(address("10.0.0.5:4000")));
        guard
    }

    #[test]
    fn a_trunk_is_its_signalled_address_and_nobody_else() {
        let now = Instant::now();
        let mut guard = guard(false, None);
        for n in 0..100 {
            assert!(!guard.accepts(now, address("10.0.0.5:4002"), 1, n));
            assert!(!guard.accepts(now, address("127.0.0.66:4000"), 1, n));
        }
        assert!(guard.accepts(now, address("10.0.0.5:4000"), 1, 1));
        assert_eq!(guard.target(now), Some(address("10.0.0.5:4000")));
        let mut silent = SourceGuard::new(SourceRules::default());
        assert!(!silent.accepts(now, address("10.0.0.5:4000"), 1, 1));
    }

    #[test]
    fn a_nated_phone_is_learned_from_packets_in_sequence() {
        let now = Instant::now();
        let nat = address("203.0.113.9:61000");
        let mut guard = guard(true, Some("203.0.113.9"));
        assert!(!guard.accepts(now, nat, 1, 10));
        assert!(!guard.accepts(now, address("127.0.0.66:9"), 2, 11));
        assert!(!guard.accepts(now, nat, 1, 11));
        assert_eq!(guard.target(now), Some(address("10.0.0.5:4000")));
        assert!(guard.accepts(now, nat, 1, 12));
        assert!((0..50).all(|_| guard.target(now) == Some(nat)));
        guard.signal(now, Some(address("10.0.0.5:4000")));
        assert_eq!(guard.target(now), Some(nat), "a refresh keeps what was learned");
    }

    /// C01: a spray of single packets, from anywhere, learns nothing.
    #[test]
    fn packets_out_of_sequence_are_no_evidence() {
        let now = Instant::now();
        let mut guard = guard(true, None);
        for n in 0..1000_u16 {
            let from = address(&format!("127.0.0.66:{}", 2000 + n));
            assert!(!guard.accepts(now, from, 1, n));
            assert!(!guard.accepts(now, address("127.0.0.66:1"), 1, n.wrapping_mul(977)));
        }
        assert!(!guard.has_learned());
    }

    /// C03: an attacker first; the signalled address wins, and what leaked is bounded.
    #[test]
    fn the_signalled_address_wins_over_a_learned_one() {
        let now = Instant::now();
        let attacker = address("127.0.0.66:9");
        let mut guard = guard(true, None);
        for n in 0..10 {
            guard.accepts(now, attacker, 1, n);
        }
        assert!(guard.has_learned());
        let leaked = (0..100).filter(|_| guard.target(now) == Some(attacker)).count();
        assert_eq!(leaked, usize::from(PROVISIONAL_PACKETS));
        assert!(guard.accepts(now, address("10.0.0.5:4000"), 2, 0));
        assert!(!guard.accepts(now, attacker, 1, 11));
        assert_eq!(guard.target(now), Some(address("10.0.0.5:4000")));
    }

    #[test]
    fn a_slow_trickle_is_not_learned() {
        let start = Instant::now();
        let mut guard = guard(true, None);
        for n in 0..20 {
            let now = start + LEARN_WINDOW * u32::from(n);
            guard.accepts(now + Duration::from_millis(1), address("127.0.0.66:9"), 1, n);
        }
        assert!(!guard.has_learned());
    }

    /// C03: learning ends by the clock, not only by the packet.
    #[test]
    fn a_party_that_is_never_heard_is_not_learned_later() {
        let start = Instant::now();
        let nat = address("203.0.113.9:61000");
        let tries =
            |guard: &mut SourceGuard, at: Instant| (0..10).any(|n| guard.accepts(at, nat, 1, n));
        let late = start + LEARN_WINDOW + Duration::from_millis(20);
        let mut quick = signalled_at(start, true, None);
        assert!(tries(&mut quick, start + LEARN_WINDOW), "in time");
        let mut open = signalled_at(start, true, None);
        assert!(!open.accepts(start + LEARN_WINDOW, nat, 1, 0));
        assert!(
            !(1..10).any(|n| open.accepts(late, nat, 1, n)),
            "begun in time is not done in time"
        );
        assert!(!tries(&mut open, start + Duration::from_secs(600)));
        // A re-INVITE is a new word of the party's own.
        let again = start + Duration::from_secs(601);
        open.signal(again, Some(address("10.0.0.5:4000")));
        assert!(tries(&mut open, again + Duration::from_millis(20)));
        // Where its signalling comes from is known, that host may take its time.
        let mut known = signalled_at(start, true, Some("203.0.113.9"));
        assert!(tries(&mut known, start + Duration::from_secs(600)));
    }

    /// C04.
    #[test]
    fn a_stream_moves_only_when_it_continues_after_silence() {
        let start = Instant::now();
        let (old, new) = (address("10.0.0.5:4000"), address("10.0.0.5:4444"));
        let later = start + Duration::from_millis(2100);
        for (from, ssrc, sequence, at, moved) in [
            (new, 1, 101, start + Duration::from_millis(1500), false), // not silent long enough
            (new, 2, 101, later, false),                               // guessed SSRC
            (new, 1, 50, later, false),                                // sequence goes back
            (new, 1, 9000, later, false),                              // sequence leaps
            (address("127.0.0.66:9"), 1, 101, later, false),           // another host
            (new, 1, 101, later, true),
        ] {
            let mut guard = guard(true, None);
            assert!(guard.accepts(start, old, 1, 100));
            assert_eq!(guard.accepts(at, from, ssrc, sequence), moved, "{from} {ssrc} {sequence}");
        }
        let mut fixed = guard(false, None);
        assert!(fixed.accepts(start, old, 1, 100));
        assert!(!fixed.accepts(later, new, 1, 101), "learning is off");
    }

    #[test]
    fn a_signalled_change_always_works() {
        let now = Instant::now();
        let mut guard = guard(true, None);
        for n in 0..3 {
            guard.accepts(now, address("203.0.113.9:61000"), 1, n);
        }
        guard.signal(now, Some(address("10.0.0.6:5000")));
        assert_eq!(guard.target(now), Some(address("10.0.0.6:5000")));
        assert!(guard.accepts(now, address("10.0.0.6:5000"), 3, 700));
        guard.signal(now, None);
        assert_eq!(guard.target(now), Some(address("10.0.0.6:5000")), "a hold keeps the address");
    }
}
