//! One live call: the fold of its events with the row as stored and what is known of the person.

use crate::{
    scope::shown_text,
    sessions::Principal,
    shapes::{content::Script, leads, live::LeadCard, live::LiveCall},
    views,
};
use call::{
    CallEvent, CallEventKind, CallRecord, Direction, LegEndpoint, LegRole, LegStatus,
    RecordingStatus, UserId,
};
use crm::{calls::Call, leads::Lead, notes::TimelineEntry};
use std::{collections::HashMap, sync::Arc};

/// Keys of the customer that are shown.
const DIGITS: usize = 64;

/// What is known of the person, read once per call.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) lead: Lead,
    pub(crate) history: Vec<TimelineEntry>,
    pub(crate) script: Option<Script>,
    pub(crate) names: Arc<HashMap<UserId, String>>,
}

/// One call as the floor sees it.
#[derive(Clone, Debug)]
pub(crate) struct LiveState {
    pub(crate) record: CallRecord,
    pub(crate) row: Option<Arc<Call>>,
    pub(crate) card: Option<Arc<Card>>,
    pub(crate) digits: String,
}

/// What a listener has to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Nothing to do with it.
    None,
    /// It is theirs, or rings at theirs.
    Own,
    /// It rang at theirs or was anybody's, and is another's now.
    Lost,
    /// They lead who has it, or nobody has it yet.
    Leader,
}

impl LiveState {
    pub(crate) fn new(event: &CallEvent) -> Self {
        let record = CallRecord::new(event.tenant, event.call);
        Self { record, row: None, card: None, digits: String::new() }
    }

    /// Takes an event; whether listeners should be told.
    pub(crate) fn apply(&mut self, event: &CallEvent, at_unix_ms: u64) -> bool {
        self.record.apply(event, at_unix_ms);
        match &event.kind {
            CallEventKind::DtmfReceived { leg, digit } => {
                let customer = self.record.leg(LegRole::Customer).is_some_and(|l| l.leg == *leg);
                if customer && self.digits.len() < DIGITS {
                    self.digits.push(*digit);
                }
                customer
            }
            CallEventKind::LeadFound { .. } => {
                self.card = None;
                true
            }
            CallEventKind::Bridged { .. } | CallEventKind::Gap { .. } => false,
            CallEventKind::Started { .. }
            | CallEventKind::LegStarted { .. }
            | CallEventKind::LegRinging { .. }
            | CallEventKind::LegAnswered { .. }
            | CallEventKind::Answered { .. }
            | CallEventKind::Transferred { .. }
            | CallEventKind::Held { .. }
            | CallEventKind::Resumed { .. }
            | CallEventKind::Muted { .. }
            | CallEventKind::Announced { .. }
            | CallEventKind::ConsentDecided { .. }
            | CallEventKind::RecordingStarted { .. }
            | CallEventKind::RecordingPaused { .. }
            | CallEventKind::RecordingStopped { .. }
            | CallEventKind::RecordingFailed { .. }
            | CallEventKind::TrunkFailed { .. }
            | CallEventKind::LegEnded { .. }
            | CallEventKind::Ended { .. } => true,
        }
    }

    pub(crate) fn part_of(&self, who: &Principal) -> Part {
        let legs = || {
            self.record.legs.iter().filter(|leg| match &leg.endpoint {
                LegEndpoint::Extension { user, .. } => *user == Some(who.user),
                LegEndpoint::Trunk { .. } => false,
            })
        };
        let internal = self.record.direction == Some(Direction::Internal);
        if self.record.agent_id == Some(who.user) || (internal && legs().next().is_some()) {
            return Part::Own;
        }
        let rings =
            self.record.agent_id.is_none() && legs().any(|leg| leg.status != LegStatus::Ended);
        if rings {
            Part::Own
        } else if who.leads() && who.covers_owner(self.record.agent_id) {
            Part::Leader
        } else if who.leads() || legs().next().is_some() {
            // A manager saw it ring before another team's agent took it.
            Part::Lost
        } else {
            Part::None
        }
    }

    /// As this listener may see it; nothing until the row was read.
    pub(crate) fn shown(&self, who: &Principal) -> Option<LiveCall> {
        let row = self.row.as_ref()?;
        let in_full = matches!(self.part_of(who), Part::Own | Part::Leader);
        let customer = self.record.leg(LegRole::Customer);
        let agent = self.record.leg(LegRole::Agent);
        let mut call = views::call_as(in_full, row);
        call.from = shown_text(&row.from, in_full);
        let audio = self.record.recording.as_ref().map(|r| r.status);
        let live = self.record.ended_at_ms.is_none();
        Some(LiveCall {
            call_id: self.record.id.uuid(),
            agent_connected: live && agent.is_some_and(|l| l.status == LegStatus::Answered),
            customer_ringing: customer.is_some_and(|l| l.status == LegStatus::Ringing),
            held: customer.is_some_and(|l| self.record.held.contains(&l.leg)),
            muted: self.record.muted,
            recording_running: live && audio == Some(RecordingStatus::Recording),
            recording_paused: live && audio == Some(RecordingStatus::Paused),
            digits: self.digits.clone(),
            lead: self.card.as_ref().filter(|_| in_full).map(|card| self.card_shown(who, card)),
            call,
        })
    }

    fn card_shown(&self, who: &Principal, card: &Card) -> LeadCard {
        let history = card.history.iter().cloned();
        let history: Vec<leads::TimelineItem> =
            history.map(|entry| views::timeline_item(who, entry, &card.names)).collect();
        LeadCard {
            lead: views::lead_as(true, &card.lead, &card.names),
            history,
            script: card.script.clone(),
        }
    }
}
