//! What may be asked of calls. The only door is [`CallControl::submit`].

use crate::{
    CallId, CalledNumber, CampaignId, ExtensionTarget, LeadId, RecordPlan, TenantId, TrunkTarget,
    UserId,
};

/// A request to the switch. Imperative; nothing in the reply says how the call fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallCommand {
    /// Ring the agent, then dial the customer. Made only by `crm::policy::originate`.
    Originate(Box<Originate>),
    /// Act on a live call.
    Control {
        /// Must own the call, else `Refused::UnknownCall`.
        tenant: TenantId,
        /// Which call.
        call: CallId,
        /// What to do.
        control: Control,
    },
}

/// Click-to-call: everything policy settled before a single packet is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originate {
    /// Owner.
    pub tenant: TenantId,
    /// Made by the client, so that a retry is harmless.
    pub call: CallId,
    /// The agent's phone, rung first.
    pub agent: ExtensionTarget,
    /// Who is to be called.
    pub lead: Option<LeadId>,
    /// Set when a campaign placed the call.
    pub campaign: Option<CampaignId>,
    /// The number to be called, for display and records.
    pub to: CalledNumber,
    /// Trunks in the order to try; fail-over only before ringing (H14).
    pub routes: Vec<TrunkTarget>,
    /// Shown on the agent's phone while it rings: the lead's name.
    pub display_name: Option<String>,
    /// How long the agent's phone may ring.
    pub agent_ring_timeout_ms: u64,
    /// How long the customer's may.
    pub ring_timeout_ms: u64,
    /// How long the call may last once answered.
    pub max_duration_ms: u64,
    /// Whether and how it is recorded.
    pub record: RecordPlan,
}

/// Acts on a live call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// End it for everybody.
    Hangup {
        /// Who asked; `None` is the system.
        by: Option<UserId>,
    },
    /// Put the customer on hold: music to them, silence to the agent.
    Hold,
    /// Take the customer back.
    Resume,
    /// Mute (true) or unmute (false) our agent's microphone towards everybody.
    Mute(bool),
    /// Send digits `0-9*#A-D` to the customer.
    Dtmf(String),
    /// Pause (true) or resume (false) recording, for card numbers and one-time passwords.
    PauseRecording(bool),
}

/// Why a command was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such live call of this tenant.
    #[error("no such live call")]
    UnknownCall,
    /// Admission is closed: draining.
    #[error("shutting down, no new calls")]
    ShuttingDown,
    /// Admission is closed: at capacity.
    #[error("at capacity")]
    Full {
        /// When to try again.
        retry_after_s: u32,
    },
    /// The journal lags or another needed part is down (the screen says degraded).
    #[error("degraded: {0}")]
    Degraded(String),
}

/// The one door to calls; may lead to another machine one day.
pub trait CallControl: Send + Sync {
    /// Takes the command or says at once why not. A second `Originate` with a known
    /// `CallId` of the same tenant is accepted and does nothing.
    fn submit(&self, command: CallCommand) -> Result<(), Refused>;
}

impl CallCommand {
    /// The call it is about.
    pub fn call(&self) -> CallId {
        match self {
            Self::Originate(o) => o.call,
            Self::Control { call, .. } => *call,
        }
    }

    /// The tenant that asks.
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Originate(o) => o.tenant,
            Self::Control { tenant, .. } => *tenant,
        }
    }

    /// Splits into "opens a call" and "acts on a live call", so that shells need not name
    /// the variant that only policy may make.
    pub fn split(self) -> Result<Box<Originate>, (TenantId, CallId, Control)> {
        match self {
            Self::Originate(o) => Ok(o),
            Self::Control { tenant, call, control } => Err((tenant, call, control)),
        }
    }
}
