//! Why a number may not be dialled: the rule, in words, and when it will be allowed.

use crate::words::words;
use chrono::{DateTime, Utc};

words! {
    /// A rule that stops a call.
    Rule {
        /// The tenant is suspended.
        TenantSuspended = "tenant_suspended",
        /// The user is switched off or has a role that does not call.
        UserMayNotCall = "user_may_not_call",
        /// No such lead, or not visible to this user.
        LeadUnknown = "lead_unknown",
        /// The lead is somebody else's.
        LeadNotYours = "lead_not_yours",
        /// Numbers without a lead may not be dialled by this user.
        ManualDialingOff = "manual_dialing_off",
        /// Not a telephone number.
        NumberInvalid = "number_invalid",
        /// An emergency number that may not be dialled this way, or not through here at all.
        Emergency = "emergency_number",
        /// A country that is not enabled.
        CountryNotAllowed = "country_not_allowed",
        /// Premium or shared-cost number.
        PremiumNotAllowed = "premium_not_allowed",
        /// Satellite or international network.
        SatelliteNotAllowed = "satellite_not_allowed",
        /// Asked not to be called.
        DoNotCall = "do_not_call",
        /// Outside the calling window of the person's zone.
        CallingWindow = "calling_window",
        /// Called often enough today.
        DailyCap = "daily_cap",
        /// A live call to the number exists.
        NumberBusy = "number_busy",
        /// The agent has a live call.
        AgentBusy = "agent_busy",
        /// The agent has no phone.
        NoExtension = "no_extension",
        /// No carrier is switched on and healthy.
        NoTrunk = "no_trunk",
        /// No verified number may be shown.
        NoCallerId = "no_caller_id",
        /// A decision could not be made: the store is away. Nothing is dialled on a guess.
        Undecided = "undecided",
    }
}

impl Rule {
    /// The request itself cannot be carried out, now or later (422); otherwise it conflicts with
    /// the present state of things (409).
    pub const fn is_unprocessable(self) -> bool {
        matches!(
            self,
            Self::LeadUnknown
                | Self::NumberInvalid
                | Self::Emergency
                | Self::CountryNotAllowed
                | Self::PremiumNotAllowed
                | Self::SatelliteNotAllowed
        )
    }
}

/// A typed refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// For people.
    pub detail: String,
    /// When the same call would be allowed, where that can be said.
    pub allowed_at: Option<DateTime<Utc>>,
}

impl Refusal {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into(), allowed_at: None }
    }

    pub(crate) fn until(mut self, allowed_at: DateTime<Utc>) -> Self {
        self.allowed_at = Some(allowed_at);
        self
    }
}

impl From<crate::StoreError> for Refusal {
    fn from(error: crate::StoreError) -> Self {
        Self::new(Rule::Undecided, format!("the store cannot answer: {error}"))
    }
}
