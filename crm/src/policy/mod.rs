//! May this number be dialled now? One function, [`Policy::permit`], for every way to dial:
//! click-to-call, a phone's own dialling, callbacks, and all that comes later (D04).
//!
//! A [`DialPermit`] can be made nowhere else, and only a permit becomes a
//! `CallCommand::Originate` or a route to a trunk.

mod inbound;
mod permit;
mod refusal;
mod trunks;
mod window;

pub use permit::{DialOrigin, DialPermit, DialTarget, PermitRequest};
pub use refusal::{Refusal, Rule};

use crate::{Store, StoreError};
use call::{
    CallCommand, CallControl, CauseKind, Direction, EndedBy, ExtensionTarget, HangupCause, Origin,
    Originate, Plan, Refused, Target, TenantId, TrunkId, UserId,
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Whether a trunk can be used now, as the switch sees it.
pub type TrunkUsable = Arc<dyn Fn(TrunkId) -> bool + Send + Sync>;

/// The one place where it is decided who may be called.
#[derive(Clone)]
pub struct Policy {
    pub(super) store: Store,
    pub(super) trunk_usable: TrunkUsable,
    pub(super) country: String,
    pub(super) max_duration_s: u32,
}

/// Limits of the installation that no tenant can raise.
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// ISO letters of the country that national numbers belong to.
    pub country: String,
    /// Longest call.
    pub max_duration_s: u32,
}

impl Policy {
    /// Policy over a store, with the switch's view of trunk health.
    pub fn new(store: Store, config: PolicyConfig, trunk_usable: TrunkUsable) -> Self {
        Self { store, trunk_usable, country: config.country, max_duration_s: config.max_duration_s }
    }

    /// Hands a permitted call to the switch: rings `agent` first, then the customer. A switch that
    /// cannot take it frees the number again.
    pub async fn originate(
        &self,
        permit: DialPermit,
        agent: ExtensionTarget,
        control: &dyn CallControl,
    ) -> Result<(), Refused> {
        let (tenant, call) = (permit.tenant, permit.call);
        let command = CallCommand::Originate(Box::new(Originate {
            tenant,
            call,
            agent,
            lead: permit.lead,
            campaign: permit.campaign,
            to: permit.number,
            routes: permit.routes,
            display_name: permit.display_name,
            agent_ring_timeout_ms: permit.agent_ring_timeout_ms,
            ring_timeout_ms: permit.ring_timeout_ms,
            max_duration_ms: permit.max_duration_ms,
            record: permit.record,
        }));
        let accepted = control.submit(command);
        if accepted.is_err()
            && let Err(error) = self.store.dial_release(tenant, call).await
        {
            tracing::warn!(call.id = %call, %error, "dial claim not freed; it will lapse");
        }
        accepted
    }

    /// Where a call goes that somebody placed to us: a carrier, or a phone of ours.
    pub async fn route(
        &self,
        tenant: TenantId,
        origin: &Origin,
        from: &str,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<Plan, HangupCause> {
        match origin {
            Origin::Trunk(trunk) => self.inbound(tenant, *trunk, from, to).await,
            Origin::Extension { extension, user, number } => {
                if let Some(plan) = self.internal(tenant, *extension, *user, number, to).await? {
                    return Ok(plan);
                }
                let Some(user) = user else {
                    return Err(HangupCause::new(EndedBy::System, CauseKind::PolicyRefused));
                };
                self.plan_outbound(tenant, *user, *extension, to, now).await
            }
        }
    }

    /// A number dialled on a phone: the same rules as on the screen.
    async fn plan_outbound(
        &self,
        tenant: TenantId,
        user: UserId,
        extension: call::ExtensionId,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<Plan, HangupCause> {
        let request = PermitRequest {
            tenant,
            user,
            target: DialTarget::Number(to.to_owned()),
            origin: DialOrigin::Phone,
            campaign: None,
            call: crate::fresh(),
            now,
        };
        let permit = self.permit(&request).await.map_err(|refusal| cause_of(refusal.rule))?;
        // The call's own id is minted by the switch, so this claim cannot be freed by its end; the
        // person stays protected by the live-call check of the journal's rows.
        self.store.dial_release(tenant, permit.call).await.map_err(away)?;
        let shown = permit.routes.first().map(|r| r.caller_id.to_string()).unwrap_or_default();
        Ok(Plan {
            tenant,
            direction: Direction::Outbound,
            lead: permit.lead,
            agent: Some(user),
            extension: Some(extension),
            number: None,
            campaign: None,
            targets: permit.routes.into_iter().map(Target::Trunk).collect(),
            caller_id: shown,
            caller_name: None,
            ring_timeout_ms: permit.ring_timeout_ms,
            max_duration_ms: permit.max_duration_ms,
            record: permit.record,
        })
    }
}

/// How a refusal sounds on a phone.
fn cause_of(rule: Rule) -> HangupCause {
    let kind = match rule {
        Rule::NumberInvalid | Rule::LeadUnknown => CauseKind::NotFound,
        Rule::NumberBusy | Rule::AgentBusy => CauseKind::Busy,
        Rule::NoTrunk | Rule::NoCallerId | Rule::Undecided => CauseKind::NetworkFailure,
        Rule::TenantSuspended
        | Rule::UserMayNotCall
        | Rule::LeadNotYours
        | Rule::ManualDialingOff
        | Rule::Emergency
        | Rule::CountryNotAllowed
        | Rule::PremiumNotAllowed
        | Rule::SatelliteNotAllowed
        | Rule::DoNotCall
        | Rule::CallingWindow
        | Rule::DailyCap
        | Rule::NoExtension => CauseKind::PolicyRefused,
    };
    HangupCause::new(EndedBy::System, kind)
}

pub(super) fn away(error: StoreError) -> HangupCause {
    tracing::warn!(%error, "no route: the store cannot answer");
    HangupCause::new(EndedBy::System, CauseKind::NetworkFailure)
}
