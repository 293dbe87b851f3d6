//! The call detail record: a fold of a call's events, mirrored by the screens' live board.
//!
//! The fixtures in `tests/data/events` bind this fold and the one in `web/ui/src/live`.

use crate::{
    CallEvent, CallEventKind, CallId, CampaignId, CauseKind, Direction, ExtensionId, HangupCause,
    LeadId, LegEndpoint, LegId, LegQuality, LegRole, NumberId, RecordingId, TenantId, TrunkId,
    UserId,
};
use serde::{Deserialize, Serialize};

/// Where a call stands, in the words of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Exists; the called party's phone does not ring yet.
    #[default]
    Initiated,
    /// The called party's phone rings.
    Ringing,
    /// Answered and not over.
    InProgress,
    /// Over after an answer.
    Completed,
    /// Over; somebody called us (or a colleague called) and nobody answered.
    Missed,
    /// Over without an answer for any other reason.
    Failed,
}

impl CallStatus {
    /// The call is over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Initiated | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Missed | Self::Failed => true,
        }
    }
}

/// Where one leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegStatus {
    /// Placed or offered.
    Started,
    /// The party's phone rings.
    Ringing,
    /// The party answered.
    Answered,
    /// Over.
    Ended,
}

/// One leg of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Which leg.
    pub leg: LegId,
    /// What it is.
    pub role: LegRole,
    /// Where it leads.
    pub endpoint: LegEndpoint,
    /// Where it stands.
    pub status: LegStatus,
    /// Why it ended.
    pub cause: Option<HangupCause>,
    /// How its media fared (TEL-17).
    pub quality: Option<LegQuality>,
}

/// Where a recording stands, as far as the call knows (storing it comes after).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// Runs.
    Recording,
    /// Runs, and writes silence.
    Paused,
    /// Complete in the spool.
    Stopped,
    /// Could not be written to its end.
    Failed,
}

/// The recording of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingRecord {
    /// Which recording.
    pub id: RecordingId,
    /// Where it stands.
    pub status: RecordingStatus,
    /// Length, once stopped.
    pub duration_ms: Option<u64>,
    /// Why it failed, for an administrator.
    pub error: Option<String>,
}

/// A call as its events tell it. Start with [`CallRecord::new`], then [`CallRecord::apply`]
/// every event in journal order; applying an event again changes nothing (but `Gap`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Which call.
    pub id: CallId,
    /// Owner.
    pub tenant_id: TenantId,
    /// Seen from the floor; `None` until `Started` arrived.
    pub direction: Option<Direction>,
    /// Where it stands.
    pub status: CallStatus,
    /// Caller as shown.
    pub from: String,
    /// Called.
    pub to: String,
    /// The person on the far side.
    pub lead_id: Option<LeadId>,
    /// Our agent.
    pub agent_id: Option<UserId>,
    /// Our agent's extension.
    pub extension_id: Option<ExtensionId>,
    /// The carrier that carries it (the last one tried).
    pub trunk_id: Option<TrunkId>,
    /// The DID called.
    pub number_id: Option<NumberId>,
    /// The campaign that dialled.
    pub campaign_id: Option<CampaignId>,
    /// Carrier references.
    pub carrier_refs: Vec<(String, String)>,
    /// Wall time of `Started`, Unix milliseconds.
    pub started_at_ms: Option<u64>,
    /// Wall time the called party's phone first rang.
    pub ringing_at_ms: Option<u64>,
    /// Wall time of `Answered`.
    pub answered_at_ms: Option<u64>,
    /// Wall time of `Ended`.
    pub ended_at_ms: Option<u64>,
    /// Whole seconds from answer to end; 0 without an answer.
    pub duration_seconds: u64,
    /// Why it ended.
    pub hangup_cause: Option<HangupCause>,
    /// What the outcome form proposes.
    pub suggested_disposition: Option<String>,
    /// The audio, from the moment recording runs.
    pub recording: Option<RecordingRecord>,
    /// The announcement prompts that were played to their end.
    pub announced: Vec<String>,
    /// What the customer decided by key about being recorded.
    pub consent: Option<bool>,
    /// The agent's microphone is off.
    pub muted: bool,
    /// Legs that wait on hold.
    pub held: Vec<LegId>,
    /// Every leg, in order of appearance.
    pub legs: Vec<LegRecord>,
    /// Events lost to an overflowing outbox.
    pub events_lost: u64,
}

impl CallRecord {
    /// The record before its first event.
    pub fn new(tenant: TenantId, call: CallId) -> Self {
        Self {
            id: call,
            tenant_id: tenant,
            direction: None,
            status: CallStatus::default(),
            from: String::new(),
            to: String::new(),
            lead_id: None,
            agent_id: None,
            extension_id: None,
            trunk_id: None,
            number_id: None,
            campaign_id: None,
            carrier_refs: Vec::new(),
            started_at_ms: None,
            ringing_at_ms: None,
            answered_at_ms: None,
            ended_at_ms: None,
            duration_seconds: 0,
            hangup_cause: None,
            suggested_disposition: None,
            recording: None,
            announced: Vec::new(),
            consent: None,
            muted: false,
            held: Vec::new(),
            legs: Vec::new(),
            events_lost: 0,
        }
    }

    /// The record of a whole stream; `None` for an empty one.
    pub fn from_events<'a>(
        events: impl IntoIterator<Item = (u64, &'a CallEvent)>,
    ) -> Option<CallRecord> {
        let mut record: Option<CallRecord> = None;
        for (at_unix_ms, event) in events {
            record
                .get_or_insert_with(|| CallRecord::new(event.tenant, event.call))
                .apply(event, at_unix_ms);
        }
        record
    }

    /// Takes one event. Events of other calls are ignored.
    pub fn apply(&mut self, event: &CallEvent, at_unix_ms: u64) {
        if event.call != self.id || event.tenant != self.tenant_id {
            return;
        }
        match &event.kind {
            CallEventKind::Started { .. } => self.started(&event.kind, at_unix_ms),
            CallEventKind::LegStarted { leg, role, endpoint } => {
                self.leg_started(*leg, *role, endpoint);
            }
            CallEventKind::LegRinging { leg, .. } => self.leg_ringing(*leg, at_unix_ms),
            CallEventKind::LegAnswered { leg } => self.leg_moves(*leg, LegStatus::Answered),
            CallEventKind::Answered { agent, extension, trunk } => {
                self.agent_id = agent.or(self.agent_id);
                self.extension_id = extension.or(self.extension_id);
                self.trunk_id = trunk.or(self.trunk_id);
                self.answered_at_ms.get_or_insert(at_unix_ms);
                self.advance(CallStatus::InProgress);
            }
            CallEventKind::Transferred { agent, extension, .. } => {
                self.agent_id = agent.or(self.agent_id);
                self.extension_id = extension.or(self.extension_id);
            }
            CallEventKind::Held { leg, .. } => {
                if !self.held.contains(leg) {
                    self.held.push(*leg);
                }
            }
            CallEventKind::Resumed { leg } => self.held.retain(|held| held != leg),
            CallEventKind::Muted { muted, .. } => self.muted = *muted,
            CallEventKind::Announced { prompt, .. } => {
                if !self.announced.contains(prompt) {
                    self.announced.push(prompt.clone());
                }
            }
            CallEventKind::ConsentDecided { agreed } => self.consent = Some(*agreed),
            CallEventKind::RecordingStarted { recording, .. }
            | CallEventKind::RecordingPaused { recording, .. }
            | CallEventKind::RecordingStopped { recording, .. }
            | CallEventKind::RecordingFailed { recording, .. } => {
                self.recording_moves(*recording, &event.kind);
            }
            CallEventKind::LegEnded { leg, cause, quality } => {
                self.leg_ended(*leg, *cause, quality.as_ref());
            }
            CallEventKind::Ended { cause, suggested_disposition } => {
                self.ended(*cause, suggested_disposition.as_deref(), at_unix_ms);
            }
            CallEventKind::LeadFound { lead } => self.lead_id = Some(*lead),
            CallEventKind::Gap { lost } => self.events_lost += lost,
            CallEventKind::Bridged { .. }
            | CallEventKind::DtmfReceived { .. }
            | CallEventKind::TrunkFailed { .. } => {}
        }
    }

    /// The leg of a role, the last one that appeared.
    pub fn leg(&self, role: LegRole) -> Option<&LegRecord> {
        self.legs.iter().rev().find(|leg| leg.role == role)
    }

    fn started(&mut self, kind: &CallEventKind, at_unix_ms: u64) {
        let CallEventKind::Started {
            direction,
            from,
            to,
            lead,
            agent,
            extension,
            trunk,
            number,
            campaign,
            carrier_refs,
        } = kind
        else {
            return;
        };
        self.direction = Some(*direction);
        self.from.clone_from(from);
        self.to.clone_from(to);
        self.lead_id = *lead;
        self.agent_id = self.agent_id.or(*agent);
        self.extension_id = self.extension_id.or(*extension);
        self.trunk_id = self.trunk_id.or(*trunk);
        self.number_id = *number;
        self.campaign_id = *campaign;
        self.carrier_refs.clone_from(carrier_refs);
        self.started_at_ms.get_or_insert(at_unix_ms);
    }

    fn leg_started(&mut self, leg: LegId, role: LegRole, endpoint: &LegEndpoint) {
        if self.legs.iter().any(|known| known.leg == leg) {
            return;
        }
        if let (LegRole::Customer, LegEndpoint::Trunk { trunk }) = (role, endpoint) {
            self.trunk_id = Some(*trunk);
        }
        self.legs.push(LegRecord {
            leg,
            role,
            endpoint: endpoint.clone(),
            status: LegStatus::Started,
            cause: None,
            quality: None,
        });
    }

    fn leg_ringing(&mut self, leg: LegId, at_unix_ms: u64) {
        self.leg_moves(leg, LegStatus::Ringing);
        let role = self.legs.iter().find(|known| known.leg == leg).map(|known| known.role);
        if role.is_some() && role == self.direction.map(called_role) {
            self.ringing_at_ms.get_or_insert(at_unix_ms);
            self.advance(CallStatus::Ringing);
        }
    }

    fn leg_moves(&mut self, leg: LegId, to: LegStatus) {
        let known = self.legs.iter_mut().find(|known| known.leg == leg);
        if let Some(known) = known.filter(|known| (known.status as u8) < to as u8) {
            known.status = to;
        }
    }

    fn leg_ended(&mut self, leg: LegId, cause: HangupCause, quality: Option<&LegQuality>) {
        self.held.retain(|held| *held != leg);
        if let Some(known) = self.legs.iter_mut().find(|known| known.leg == leg) {
            known.status = LegStatus::Ended;
            known.cause = Some(cause);
            known.quality = quality.cloned().or_else(|| known.quality.take());
        }
    }

    fn recording_moves(&mut self, id: RecordingId, kind: &CallEventKind) {
        let recording = self.recording.get_or_insert(RecordingRecord {
            id,
            status: RecordingStatus::Recording,
            duration_ms: None,
            error: None,
        });
        if let CallEventKind::RecordingPaused { paused, .. } = kind {
            recording.status =
                if *paused { RecordingStatus::Paused } else { RecordingStatus::Recording };
        } else if let CallEventKind::RecordingStopped { duration_ms, .. } = kind {
            recording.status = RecordingStatus::Stopped;
            recording.duration_ms = Some(*duration_ms);
        } else if let CallEventKind::RecordingFailed { error, .. } = kind {
            recording.status = RecordingStatus::Failed;
            recording.error = Some(error.clone());
        }
    }

    fn ended(&mut self, cause: HangupCause, suggested: Option<&str>, at_unix_ms: u64) {
        if self.status.is_final() {
            return;
        }
        self.ended_at_ms = Some(at_unix_ms);
        self.hangup_cause = Some(cause);
        self.suggested_disposition = suggested.map(str::to_owned);
        self.muted = false;
        self.held.clear();
        if let Some(answered) = self.answered_at_ms {
            self.duration_seconds = at_unix_ms.saturating_sub(answered) / 1000;
        }
        self.status = if self.answered_at_ms.is_some() {
            CallStatus::Completed
        } else if self.direction.is_some_and(|direction| is_missed(direction, cause.kind)) {
            CallStatus::Missed
        } else {
            CallStatus::Failed
        };
    }

    fn advance(&mut self, to: CallStatus) {
        if (self.status as u8) < to as u8 {
            self.status = to;
        }
    }
}

/// The role whose ringing makes the call ring.
fn called_role(direction: Direction) -> LegRole {
    match direction {
        Direction::Inbound => LegRole::Agent,
        Direction::Outbound => LegRole::Customer,
        Direction::Internal => LegRole::Callee,
    }
}

/// Somebody wanted us and did not get us: what a telecaller must call back.
fn is_missed(direction: Direction, kind: CauseKind) -> bool {
    let reached_us = match direction {
        Direction::Inbound | Direction::Internal => true,
        Direction::Outbound => false,
    };
    reached_us
        && match kind {
            CauseKind::Normal
            | CauseKind::Cancelled
            | CauseKind::Busy
            | CauseKind::NoAnswer
            | CauseKind::Rejected
            | CauseKind::DoNotDisturb
            | CauseKind::Unavailable
            | CauseKind::AgentUnavailable => true,
            CauseKind::NotFound
            | CauseKind::Forbidden
            | CauseKind::IncompatibleMedia
            | CauseKind::NetworkFailure
            | CauseKind::MediaTimeout
            | CauseKind::MaxDuration
            | CauseKind::NoAck
            | CauseKind::SessionExpired
            | CauseKind::ConsentRefused
            | CauseKind::PolicyRefused
            | CauseKind::Interrupted
            | CauseKind::InternalError => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::{fs, path::PathBuf};

    #[derive(Deserialize)]
    struct Fixture {
        name: String,
        events: Vec<Stamped>,
        expected: CallRecord,
    }

    #[derive(Deserialize)]
    struct Stamped {
        at_ms: u64,
        event: CallEvent,
    }

    fn fixtures() -> Vec<Fixture> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/data/events")
            .canonicalize();
        let folder = folder.expect("tests/data/events exists");
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .expect("folder is readable")
            .map(|entry| entry.expect("entry is readable").path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
            .collect();
        paths.sort();
        paths
            .iter()
            .map(|path| {
                let text = fs::read_to_string(path).expect("fixture is readable");
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            })
            .collect()
    }

    #[test]
    fn every_fixture_folds_to_its_expected_record() {
        let fixtures = fixtures();
        assert!(fixtures.len() >= 6, "the shared fixtures are there");
        for fixture in fixtures {
            let record =
                CallRecord::from_events(fixture.events.iter().map(|s| (s.at_ms, &s.event)));
            assert_eq!(record, Some(fixture.expected), "{}", fixture.name);
        }
    }

    #[test]
    fn applying_an_event_again_changes_nothing() {
        for fixture in fixtures() {
            let twice: Vec<&Stamped> = fixture.events.iter().flat_map(|s| [s, s]).collect();
            let record = CallRecord::from_events(
                twice
                    .into_iter()
                    .filter(|s| !matches!(s.event.kind, CallEventKind::Gap { .. }))
                    .map(|s| (s.at_ms, &s.event)),
            );
            let mut expected = fixture.expected;
            expected.events_lost = 0;
            assert_eq!(record, Some(expected), "{}", fixture.name);
        }
    }

    #[test]
    fn an_event_of_another_tenant_is_ignored() {
        let fixture = fixtures().remove(0);
        let mut record = fixture.expected.clone();
        let mut foreign = fixture.events[0].event.clone();
        foreign.tenant = TenantId::from_parts(1, &[9; 10]);
        record.apply(&foreign, 5);
        assert_eq!(record, fixture.expected);
    }
}
