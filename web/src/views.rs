//! The store's rows as the API shows them.

use crate::{
    scope::{shown, shown_text},
    sessions::Principal,
    shapes::{accounts, calls, content, leads},
};
use dialer::{AgentView, State, Wish};
use serde::Serialize;
use std::collections::HashMap;

/// The text form of a word of the call core: `no_answer`, `customer`.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(_) | Err(_) => String::new(),
    }
}

pub(crate) fn lead(
    who: &Principal,
    lead: &crm::leads::Lead,
    names: &HashMap<call::UserId, String>,
) -> leads::Lead {
    let in_full = who.shows_numbers_of(lead.assigned_to);
    lead_as(in_full, lead, names)
}

/// A lead whose number the caller of this has decided to show or not.
pub(crate) fn lead_as(
    in_full: bool,
    lead: &crm::leads::Lead,
    names: &HashMap<call::UserId, String>,
) -> leads::Lead {
    leads::Lead {
        id: lead.id.uuid(),
        external_id: lead.external_id.clone(),
        name: lead.name.clone(),
        phone: shown(&lead.phone, in_full),
        phone_masked: !in_full,
        email: lead.email.clone().filter(|_| in_full),
        organisation: lead.organisation.clone(),
        status: lead.status.into(),
        priority: lead.priority.into(),
        category: lead.category.into(),
        lead_score: lead.score,
        source: lead.source.clone(),
        language: Some(lead.language.clone()),
        pincode: lead.pincode.clone(),
        assigned_to: lead.assigned_to.map(call::UserId::uuid),
        assigned_to_name: lead.assigned_to.and_then(|u| names.get(&u).cloned()),
        attempts: lead.attempts,
        last_contact_at: lead.last_contact_at,
        last_disposition: lead.last_disposition.clone(),
        next_attempt_at: lead.next_call_at,
        dnd: lead.dnd,
        metadata: lead.metadata.clone(),
        created_at: lead.created_at,
        updated_at: lead.updated_at,
    }
}

pub(crate) fn recording(recording: &crm::calls::Recording) -> calls::Recording {
    use crm::calls::RecordingState as Stored;
    let state = match recording.state {
        Stored::Expected => calls::RecordingState::Expected,
        Stored::Recording => calls::RecordingState::Recording,
        Stored::Paused => calls::RecordingState::Paused,
        Stored::Storing => calls::RecordingState::Storing,
        Stored::Ready if recording.recovered => calls::RecordingState::Recovered,
        Stored::Ready => calls::RecordingState::Ready,
        Stored::Failed => calls::RecordingState::Failed,
    };
    let duration_seconds =
        recording.stopped_at.is_some().then_some(recording.duration_ms as f64 / 1000.0);
    calls::Recording { state, duration_seconds }
}

pub(crate) fn outcome(d: &crm::dispositions::CallDisposition) -> calls::Outcome {
    calls::Outcome {
        code: d.code.clone(),
        sub_disposition: d.sub_code.clone(),
        notes: Some(d.notes.clone()).filter(|n| !n.is_empty()),
        callback_at: d.callback_at,
        user_id: Some(d.agent.uuid()),
        saved_at: d.updated_at,
    }
}

pub(crate) fn cause(cause: &call::HangupCause) -> calls::HangupCause {
    calls::HangupCause {
        by: word(&cause.by),
        kind: word(&cause.kind),
        q850: cause.q850,
        sip_status: cause.sip_status,
    }
}

pub(crate) fn call(who: &Principal, call: &crm::calls::Call) -> calls::Call {
    let in_full = who.shows_numbers_of(call.agent);
    call_as(in_full, call)
}

/// A call of a person whom the caller of this has decided to show or not: number, name and what
/// was written about them (SEC-14).
pub(crate) fn call_as(in_full: bool, call: &crm::calls::Call) -> calls::Call {
    calls::Call {
        id: call.id.uuid(),
        direction: call.direction.into(),
        status: call.status.into(),
        from: shown_text(&call.from, in_full),
        to: shown_text(&call.to, in_full),
        lead_id: call.lead.map(call::LeadId::uuid),
        lead_name: call.lead_name.clone().filter(|_| in_full),
        agent_id: call.agent.map(call::UserId::uuid),
        agent_name: call.agent_name.clone(),
        extension: call.extension_number.clone(),
        trunk_id: call.trunk.map(call::TrunkId::uuid),
        campaign_id: call.campaign.map(call::CampaignId::uuid),
        started_at: call.started_at,
        answered_at: call.answered_at,
        ended_at: call.ended_at,
        duration_seconds: i64::try_from(call.duration_ms / 1000).unwrap_or(i64::MAX),
        hangup_cause: call.hangup_cause.as_ref().map(cause),
        disposition: call.disposition.as_ref().map(|d| d.code.clone()),
        outcome: call.disposition.as_ref().map(|d| {
            let mut saved = outcome(d);
            saved.notes = saved.notes.filter(|_| in_full);
            saved
        }),
        suggested_disposition: call.suggested_disposition.clone(),
        recording: call.recording.as_ref().map(recording),
        notes: call.note.clone().filter(|_| in_full),
        quality: call.quality.iter().map(quality).collect(),
    }
}

/// An event of the journal as one may see it: `agent` is whose call it is.
pub(crate) fn event(
    who: &Principal,
    agent: Option<call::UserId>,
    seq: i64,
    at: chrono::DateTime<chrono::Utc>,
    event: &call::CallEvent,
) -> calls::CallEvent {
    let mut data = match serde_json::to_value(&event.kind) {
        Ok(serde_json::Value::Object(fields)) => fields,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let kind = match data.remove("kind") {
        Some(serde_json::Value::String(word)) => word,
        Some(_) | None => String::new(),
    };
    if !who.shows_numbers_of(agent) {
        data.remove("digit");
        for key in ["from", "to"] {
            if let Some(serde_json::Value::String(number)) = data.get_mut(key) {
                *number = shown_text(number, false);
            }
        }
    }
    if !who.leads() {
        // References of the carrier and causes of failed files are for those who set them up.
        data.remove("carrier_refs");
        data.remove("error");
    }
    calls::CallEvent { seq, at, kind, data }
}

fn quality(leg: &crm::calls::CallQuality) -> calls::LegQuality {
    let q = &leg.quality;
    let expected = q.packets_received + q.packets_lost;
    let loss = if expected == 0 { 0.0 } else { q.packets_lost as f32 * 100.0 / expected as f32 };
    calls::LegQuality {
        role: word(&leg.role),
        codec: q.codec.clone(),
        loss_percent: loss,
        jitter_ms: q.jitter_ms,
        round_trip_ms: q.round_trip_ms,
        mos: q.mos,
    }
}

pub(crate) fn script(script: crm::content::Script) -> content::Script {
    content::Script {
        id: script.id.into(),
        name: script.name,
        language: script.language,
        body: script.body,
        source: script.source,
        active: script.active,
        updated_at: script.updated_at,
    }
}

pub(crate) fn callback(callback: crm::callbacks::Callback) -> leads::Callback {
    leads::Callback {
        id: callback.id.into(),
        lead_id: callback.lead.uuid(),
        lead_name: callback.lead_name,
        due_at: callback.due_at,
        user_id: callback.agent.map(call::UserId::uuid),
        status: callback.status.into(),
        note: callback.note,
        call_id: callback.call.map(call::CallId::uuid),
        created_at: callback.created_at,
    }
}

pub(crate) fn timeline_item(
    who: &Principal,
    entry: crm::notes::TimelineEntry,
    names: &HashMap<call::UserId, String>,
) -> leads::TimelineItem {
    use crm::notes::TimelineEntry as Entry;
    let (id, at) = (entry.id(), entry.at());
    let name = |user: Option<call::UserId>| user.and_then(|u| names.get(&u).cloned());
    let item = |kind, user: Option<call::UserId>, text| leads::TimelineItem {
        id,
        at,
        kind,
        user_id: user.map(call::UserId::uuid),
        user_name: name(user),
        text,
        call: None,
        callback: None,
    };
    match entry {
        Entry::Call(found) => leads::TimelineItem {
            call: Some(call(who, &found)),
            ..item(leads::TimelineKind::Call, found.agent, found.note.clone())
        },
        Entry::Note(note) => item(leads::TimelineKind::Note, Some(note.author), Some(note.body)),
        Entry::Callback(found) => leads::TimelineItem {
            callback: Some(callback(found.clone())),
            ..item(leads::TimelineKind::Callback, found.agent, found.note)
        },
        Entry::Change(change) => {
            let text = format!("{} {}", change.record.action, change.record.detail);
            item(leads::TimelineKind::Change, change.record.actor, Some(text))
        }
    }
}

/// An agent: the user and, where they were ever on the floor, what they do there.
pub(crate) fn agent(
    user: &crm::users::User,
    extension: Option<&crm::extensions::Extension>,
    registered: bool,
    view: Option<&AgentView>,
) -> accounts::Agent {
    let state = view.map_or(&State::Offline, |v| &v.state);
    let reason = match state {
        State::Paused(reason) => Some(reason.clone()),
        State::Offline
        | State::Ready
        | State::Reserved(_)
        | State::Ringing(_)
        | State::OnCall(_)
        | State::WrapUp(_)
        | State::Unreachable => None,
    };
    let next = view.filter(|v| v.state.call().is_some()).map(|v| wish(&v.wish));
    accounts::Agent {
        user_id: user.id.uuid(),
        name: user.name.clone(),
        extension: extension.map(|e| e.number.clone()),
        state: agent_state(state),
        reason,
        next,
        since: view.map_or(user.created_at, |v| v.since),
        call_id: state.call().map(call::CallId::uuid),
        pending_outcomes: view
            .map_or_else(Vec::new, |v| v.pending.iter().map(|c| c.uuid()).collect()),
        reachable: view.map_or(registered, |v| v.reachable),
    }
}

fn agent_state(state: &State) -> accounts::AgentState {
    match state {
        State::Offline => accounts::AgentState::Offline,
        State::Ready => accounts::AgentState::Ready,
        State::Reserved(_) => accounts::AgentState::Reserved,
        State::Ringing(_) => accounts::AgentState::Ringing,
        State::OnCall(_) => accounts::AgentState::OnCall,
        State::WrapUp(_) => accounts::AgentState::WrapUp,
        State::Paused(_) => accounts::AgentState::Paused,
        State::Unreachable => accounts::AgentState::Unreachable,
    }
}

fn wish(wish: &Wish) -> accounts::AgentWish {
    match wish {
        Wish::Ready => accounts::AgentWish::Ready,
        Wish::Paused(_) => accounts::AgentWish::Paused,
        Wish::Offline => accounts::AgentWish::Offline,
    }
}
