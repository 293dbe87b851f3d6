//! The timers of a call: one enum, few entries, earliest first.

use crate::LegId;
use std::time::{Duration, Instant};

/// Why a call wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutReason {
    /// The directory has not said where the call goes.
    Route,
    /// The journal has not said that what the call rests on is on disk.
    Written,
    /// The agent's phone has rung long enough (click-to-call).
    AgentRing,
    /// The called side has rung long enough.
    Ring,
    /// The tone or prompt after a failed call has been heard long enough.
    Tone,
    /// The recording announcement did not come to its end.
    Announcement,
    /// The longest allowed talk time is over.
    MaxDuration,
    /// A party that holds us has been silent for longer than a hold may last.
    HeldSilence(LegId),
    /// The media engine owes an answer about a leg.
    MediaReply(LegId),
    /// Nobody has said where a party may be handed on to.
    TransferRoute,
    /// The one a party is handed on to has not answered.
    TransferRing,
    /// The ACK of a phone that takes a leg's place owes the answer to the offer in our 200.
    Takeover,
    /// The ACK owes the answer to the offer in our 200.
    LateAnswer,
    /// The far end has not confirmed the end of a leg.
    LegClose(LegId),
    /// The media engine has not confirmed that a leg's ports are free.
    MediaClose(LegId),
    /// The recorder has not confirmed the end of the recording.
    RecorderClose,
}

/// Limits of a call that no plan sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallConfig {
    /// How long the directory may take to route.
    pub route_limit: Duration,
    /// How long a call waits for its row (before a phone rings) and for its answer (before the
    /// caller is connected) to be on disk. A healthy database needs milliseconds; a second of
    /// ringing later, or half of it between picking up and speaking, is the most that people
    /// should notice of a sick one (H06, H07).
    pub written_limit: Duration,
    /// How long the media engine may take to answer.
    pub media_reply_limit: Duration,
    /// How long the agent hears the tone of a failed call.
    pub tone_limit: Duration,
    /// How long an announcement may take.
    pub announcement_limit: Duration,
    /// How long after the answer the customer may decide by key about the recording.
    pub consent_window: Duration,
    /// How long a party that holds us may send nothing (C13).
    pub held_silence_limit: Duration,
    /// How long the party of another call may take to take our media offer.
    pub adopt_limit: Duration,
    /// How long a call waits for the party of another call that still rings: above what any phone may ring.
    pub adopt_ringing_limit: Duration,
    /// How long the end of a leg may stay unconfirmed: above 64·T1 (RFC 3261 §17.1.2.2).
    pub leg_close_limit: Duration,
    /// How long the media engine may take to close a leg.
    pub media_close_limit: Duration,
    /// How long the recorder may take to finish the file.
    pub recorder_close_limit: Duration,
    /// Play `agent_unavailable` as early media to an inbound caller nobody answers, before the
    /// final refusal.
    pub announce_unavailable: bool,
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            route_limit: Duration::from_secs(10),
            written_limit: Duration::from_millis(500),
            media_reply_limit: Duration::from_secs(5),
            tone_limit: Duration::from_secs(3),
            announcement_limit: Duration::from_secs(30),
            consent_window: Duration::from_secs(30),
            held_silence_limit: Duration::from_secs(600),
            adopt_limit: Duration::from_secs(10),
            adopt_ringing_limit: Duration::from_secs(170),
            leg_close_limit: Duration::from_secs(35),
            media_close_limit: Duration::from_secs(5),
            recorder_close_limit: Duration::from_secs(10),
            announce_unavailable: false,
        }
    }
}

/// Running timers; at most one of each reason.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<(Instant, TimeoutReason)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, reason: TimeoutReason) {
        self.clear(reason);
        self.0.push((at, reason));
    }

    pub(crate) fn clear(&mut self, reason: TimeoutReason) {
        self.0.retain(|(_, running)| *running != reason);
    }

    /// Stops what belongs to the life of a call and keeps what guards its closing.
    pub(crate) fn clear_all_but_closing(&mut self) {
        self.0.retain(|(_, reason)| match reason {
            TimeoutReason::LegClose(_)
            | TimeoutReason::MediaClose(_)
            | TimeoutReason::RecorderClose => true,
            TimeoutReason::Route
            | TimeoutReason::Written
            | TimeoutReason::AgentRing
            | TimeoutReason::Ring
            | TimeoutReason::Tone
            | TimeoutReason::Announcement
            | TimeoutReason::MaxDuration
            | TimeoutReason::HeldSilence(_)
            | TimeoutReason::LateAnswer
            | TimeoutReason::TransferRoute
            | TimeoutReason::TransferRing
            | TimeoutReason::Takeover
            | TimeoutReason::MediaReply(_) => false,
        });
    }

    pub(crate) fn next(&self) -> Option<(Instant, TimeoutReason)> {
        self.0.iter().copied().min_by_key(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: Instant) -> Option<TimeoutReason> {
        let (_, reason) = self.next().filter(|(at, _)| *at <= now)?;
        self.clear(reason);
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_out_earliest_first_and_once() {
        let start = crate::rig::start();
        let mut timers = Timers::default();
        timers.set(start + Duration::from_secs(2), TimeoutReason::Ring);
        timers.set(start + Duration::from_secs(1), TimeoutReason::Tone);
        timers.set(start + Duration::from_secs(3), TimeoutReason::Tone);
        let late = start + Duration::from_secs(3);
        assert_eq!(timers.take_due(start), None);
        assert_eq!(timers.take_due(late), Some(TimeoutReason::Ring));
        assert_eq!(timers.take_due(late), Some(TimeoutReason::Tone));
        assert_eq!(timers.take_due(late), None);
    }
}
