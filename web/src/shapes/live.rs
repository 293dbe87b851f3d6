//! Messages of the live socket.

use super::{
    accounts::Agent,
    calls::Call,
    content::Script,
    leads::{Lead, TimelineItem},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// First message of the client; the token never stands in the address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveHello {
    /// Access token. Send the same message again with a fresh one before it expires.
    pub token: String,
}

/// What is known about the person in a call: the screen pop.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeadCard {
    /// Who.
    pub lead: Lead,
    /// Last things that happened, newest first, at most ten.
    pub history: Vec<TimelineItem>,
    /// Script in the lead's language.
    pub script: Option<Script>,
}

/// A call as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveCall {
    /// The call's id, the same as `id`.
    pub call_id: Uuid,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// Our agent's phone has been answered.
    pub agent_connected: bool,
    /// The customer's phone rings (or the carrier plays audio before answer).
    pub customer_ringing: bool,
    /// The customer waits on hold.
    pub held: bool,
    /// Our agent's microphone is off.
    pub muted: bool,
    /// Recording is running now; `recording` is the call's own, its file.
    pub recording_running: bool,
    /// Recording is silent now.
    pub recording_paused: bool,
    /// Keys the customer pressed.
    pub digits: String,
    /// The person, for the one whose call it is.
    pub lead: Option<LeadCard>,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To know.
    Info,
    /// To watch.
    Warning,
    /// To act.
    Critical,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// Stable name: `degraded`, `draining`, and of one trunk `trunk_down:ID` or `trunk_refused:ID`.
    pub code: String,
    /// The name of what it is about, where it is about one thing.
    pub about: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// In plain words.
    pub message: String,
    /// True: over now.
    pub cleared: bool,
}

/// Everything one may see, at the start and after each reconnect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// Oneself on the floor; `null` for people who take no calls.
    pub agent: Option<Agent>,
    /// Live calls: own for a telecaller, all for managers and administrators.
    pub calls: Vec<LiveCall>,
    /// Own calls that are over and need an outcome.
    pub pending: Vec<LiveCall>,
    /// The floor: oneself for a telecaller, everybody for managers and administrators.
    pub agents: Vec<Agent>,
    /// What is wrong now.
    pub alerts: Vec<Alert>,
}

/// What a message carries; `type` names it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum LiveBody {
    /// First message after the token.
    #[serde(rename = "snapshot")]
    Snapshot(Box<Snapshot>),
    /// A call exists: the screen pops.
    #[serde(rename = "call:started")]
    CallStarted(Box<LiveCall>),
    /// Both sides talk.
    #[serde(rename = "call:answered")]
    CallAnswered(Box<LiveCall>),
    /// Something about it changed.
    #[serde(rename = "call:updated")]
    CallUpdated(Box<LiveCall>),
    /// It is over.
    #[serde(rename = "call:ended")]
    CallEnded(Box<LiveCall>),
    /// An agent changed state.
    #[serde(rename = "agent:state")]
    AgentState(Agent),
    /// Something to tell.
    #[serde(rename = "alert")]
    Alert(Alert),
    /// Whether calls reach this page.
    #[serde(rename = "phone:state")]
    PhoneState(PhoneState),
    /// A call for this page's phone, or a change of one: answer it.
    #[serde(rename = "phone:offer")]
    PhoneOffer(PhoneOffer),
    /// A leg of this page's phone is over.
    #[serde(rename = "phone:hangup")]
    PhoneHangup(PhoneLeg),
}

/// Whether calls reach a page.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneState {
    /// They do.
    pub ready: bool,
    /// Why they do not, in plain words; none while the page was not heard of.
    pub error: Option<String>,
}

/// An offer for a page's phone (RFC 8829).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneOffer {
    /// Names the leg; the same again for a change of a running call.
    pub leg: String,
    /// Session description, to be set as the remote one.
    pub sdp: String,
    /// Who calls: a number, or an extension's; empty for a change.
    pub from: String,
    /// Their name, where one is known.
    pub name: Option<String>,
    /// Asked for by this user: taken without a press.
    pub auto_answer: bool,
    /// The leg runs already.
    pub change: bool,
}

/// A leg of a page's phone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneLeg {
    /// As in the offer.
    pub leg: String,
}

/// The page's answer to an offer.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneAnswer {
    /// As in the offer.
    pub leg: String,
    /// The page's session description, with its candidates.
    pub sdp: String,
}

/// What a page says of its phone.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum PhoneWish {
    /// This page is to be her phone from now on.
    #[serde(rename = "phone:ready")]
    Ready,
    /// It is no phone any more.
    #[serde(rename = "phone:leave")]
    Leave,
    /// It is awake: said every two seconds. A page that says nothing for eight seconds is called again once it does.
    #[serde(rename = "phone:alive")]
    Alive,
    /// It takes an offer.
    #[serde(rename = "phone:answer")]
    Answer(PhoneAnswer),
    /// It refuses or ends a leg.
    #[serde(rename = "phone:hangup")]
    Hangup(PhoneLeg),
}

/// A message of the server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveMessage {
    /// Position in the journal; deltas of one thing never go back.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub body: LiveBody,
}
