//! May this number be dialled now? One function, [`Policy::permit`], for every way to dial:
//! click-to-call, a phone's own dialling, callbacks, and all that comes later (D04).
//!
//! A [`DialPermit`] can be made nowhere else, and only a permit becomes a
//! `CallCommand::Originate` or a route to a trunk.

mod emergency;
mod inbound;
mod owners;
mod permit;
mod redirect;
mod refusal;
mod trunks;
mod window;

pub use permit::{DialOrigin, DialPermit, DialTarget, PermitRequest};
pub use redirect::RedirectRequest;
pub use refusal::{Refusal, Rule};
pub(crate) use window::may_be_called_from;

use crate::{Store, StoreError, numbers::EmergencyNumbers};
use call::{
    CallCommand, CallControl, CauseKind, Direction, EndedBy, ExtensionTarget, HangupCause, Origin,
    Originate, Plan, Refused, Target, TenantId, TrunkId, UserId,
};
use chrono::{DateTime, Utc};
use owners::Owners;
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
    pub(super) emergency: EmergencyNumbers,
    owners: Owners,
}

/// Limits of the installation that no tenant can raise.
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// ISO letters of the country that national numbers belong to.
    pub country: String,
    /// Longest call.
    pub max_duration_s: u32,
    /// What is dialled for help here.
    pub emergency: EmergencyNumbers,
}

impl Policy {
    /// Policy over a store, with the switch's view of trunk health.
    pub fn new(store: Store, config: PolicyConfig, trunk_usable: TrunkUsable) -> Self {
        let PolicyConfig { country, max_duration_s, emergency } = config;
        Self { store, trunk_usable, country, max_duration_s, emergency, owners: Owners::default() }
    }

    /// Whether a number is the common emergency number here, which no extension may take.
    pub fn is_emergency(&self, number: &str) -> bool {
        self.emergency.common().is_some_and(|common| common.as_str() == number)
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
                self.plan_outbound(tenant, *user, *extension, to, now).await
            }
        }
    }

    /// A number dialled on a phone: the same rules as on the screen.
    async fn plan_outbound(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        extension: call::ExtensionId,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<Plan, HangupCause> {
        let permit = match user {
            Some(user) => self.permit_dialled(tenant, user, to, now).await,
            None => self.permit_nobodys_phone(tenant, to, now).await,
        };
        let permit = permit.map_err(|refusal| cause_of(refusal.rule))?;
        // The call's own id is minted by the switch, so this claim cannot be freed by its end; the
        // person stays protected by the live-call check of the journal's rows.
        self.store.dial_release(tenant, permit.call).await.map_err(away)?;
        let shown = permit.routes.first().map(|r| r.caller_id.to_string()).unwrap_or_default();
        Ok(Plan {
            tenant,
            direction: Direction::Outbound,
            lead: permit.lead,
            agent: user,
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

    async fn permit_dialled(
        &self,
        tenant: TenantId,
        user: UserId,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<DialPermit, Refusal> {
        let request = PermitRequest {
            tenant,
            user,
            target: DialTarget::Number(to.to_owned()),
            origin: DialOrigin::Phone,
            campaign: None,
            call: crate::fresh(),
            now,
        };
        self.permit(&request).await
    }

    /// A phone that is nobody's may call for help and nothing else.
    async fn permit_nobodys_phone(
        &self,
        tenant: TenantId,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<DialPermit, Refusal> {
        let target = DialTarget::Number(to.to_owned());
        let owner = self.store.tenant_find(tenant).await?.filter(|owner| owner.active);
        match (owner, self.emergency_wanted(tenant, &target).await?) {
            (Some(owner), Some(number)) => {
                let calling = emergency::Calling {
                    tenant: &owner,
                    user: None,
                    origin: DialOrigin::Phone,
                    call: crate::fresh(),
                    now,
                };
                self.permit_emergency(&calling, number).await
            }
            (Some(_) | None, Some(_) | None) => {
                Err(Refusal::new(Rule::UserMayNotCall, "this phone belongs to nobody"))
            }
        }
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
