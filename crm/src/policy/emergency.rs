//! Calls for help: people may place them at any hour, over whatever carrier there is, and no program may (D14).

use super::{
    DialOrigin, DialPermit, DialTarget, PermitRequest, Policy, Refusal, Rule, permit::record_plan,
};
use crate::{audit::AuditRecord, tenants::Tenant, users::User};
use call::{
    CallId, CalledNumber, ConsentMode, EmergencyNumber, RecordPlan, TenantId, TrunkTarget, UserId,
};
use chrono::{DateTime, Utc};
use serde_json::json;

/// Somebody may be hard to rouse: it rings at least so long.
const RING_AT_LEAST_S: u32 = 90;

/// Who calls for help.
pub(super) struct Calling<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) user: Option<&'a User>,
    pub(super) origin: DialOrigin,
    pub(super) call: CallId,
    pub(super) now: DateTime<Utc>,
}

impl Policy {
    /// Whether this is a call for help, as far as the number says.
    pub fn is_for_help(&self, target: &DialTarget) -> bool {
        matches!(target, DialTarget::Number(text) if self.emergency.understand(text).is_some())
    }

    /// The emergency number that is wanted, if one is. A number of an extension of ours is that extension's: who dials
    /// a colleague must not raise the fire brigade.
    pub(super) async fn emergency_wanted(
        &self,
        tenant: TenantId,
        target: &DialTarget,
    ) -> Result<Option<EmergencyNumber>, Refusal> {
        let DialTarget::Number(text) = target else { return Ok(None) };
        let Some(number) = self.emergency.understand(text) else { return Ok(None) };
        let ours = self.store.extension_by_number(tenant, number.as_str()).await?;
        if ours.is_some_and(|extension| extension.active) {
            let common = self.emergency.common().filter(|common| **common != number);
            let instead =
                common.map_or(String::new(), |common| format!("; for help dial {common}"));
            let detail = format!("{number} is an extension of this account{instead}");
            return Err(Refusal::new(Rule::Emergency, detail));
        }
        Ok(Some(number))
    }

    /// Asked on the desk or in the API.
    pub(super) async fn decide_emergency(
        &self,
        tenant: &Tenant,
        user: Option<&User>,
        request: &PermitRequest,
        number: EmergencyNumber,
    ) -> Result<DialPermit, Refusal> {
        if request.campaign.is_some() {
            return Err(Refusal::new(Rule::Emergency, "a campaign calls no emergency number"));
        }
        let calling =
            Calling { tenant, user, origin: request.origin, call: request.call, now: request.now };
        self.permit_emergency(&calling, number).await
    }

    /// Hours, opt-outs, caps, whose lead it is and whether the person is busy play no part; who may be shown does.
    pub(super) async fn permit_emergency(
        &self,
        calling: &Calling<'_>,
        number: EmergencyNumber,
    ) -> Result<DialPermit, Refusal> {
        let settings = &calling.tenant.settings.calling;
        match calling.origin {
            DialOrigin::Desk | DialOrigin::Phone => {}
            DialOrigin::Test(_) | DialOrigin::Redirected(_) => {
                let detail =
                    "emergency numbers are dialled by a person who needs help, for nothing else";
                return Err(Refusal::new(Rule::Emergency, detail));
            }
        }
        if !settings.emergency {
            let detail = "emergency numbers are switched off for this account: use a phone with its own line";
            return Err(Refusal::new(Rule::Emergency, detail));
        }
        let number = CalledNumber::Emergency(number);
        let routes = self.routes(calling.tenant, calling.user, &number, calling.origin).await?;
        self.audit_emergency(calling, &number, &routes).await;
        Ok(DialPermit {
            tenant: calling.tenant.id,
            call: calling.call,
            lead: None,
            campaign: None,
            display_name: Some(format!("Emergency {number}")),
            number,
            routes,
            agent_ring_timeout_ms: u64::from(settings.agent_ring_timeout_s) * 1000,
            ring_timeout_ms: u64::from(settings.ring_timeout_s.max(RING_AT_LEAST_S)) * 1000,
            max_duration_ms: u64::from(self.max_duration_s) * 1000,
            // Nobody asks the emergency services for consent, or makes them listen to an announcement.
            record: RecordPlan {
                consent: ConsentMode::Silent,
                ..record_plan(calling.tenant, None)
            },
        })
    }

    /// A call for help is not held up by an audit that cannot be written.
    async fn audit_emergency(
        &self,
        calling: &Calling<'_>,
        number: &CalledNumber,
        routes: &[TrunkTarget],
    ) {
        let actor: Option<UserId> = calling.user.map(|user| user.id);
        let trunks: Vec<_> = routes.iter().map(|route| route.trunk).collect();
        let record = AuditRecord::new(actor, "call.emergency", "call", calling.call)
            .with(json!({ "number": number.as_str(), "trunks": trunks }));
        tracing::warn!(call.id = %calling.call, number = number.as_str(), "emergency call");
        if let Err(error) = self.store.audit_append(calling.tenant.id, &record, calling.now).await {
            tracing::error!(call.id = %calling.call, %error, "emergency call not audited");
        }
    }
}
