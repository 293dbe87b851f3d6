//! Where a carrier sends a call on (302): the number it names meets the same rules as one that was dialled (D04).

use super::{DialOrigin, DialTarget, PermitRequest, Policy, Refusal, Rule, cause_of};
use crate::audit::AuditRecord;
use call::{CallId, HangupCause, TenantId, TrunkId, TrunkTarget, UserId};
use chrono::{DateTime, Utc};
use serde_json::json;

/// A call that a carrier wants placed elsewhere.
#[derive(Clone, Debug)]
pub struct RedirectRequest {
    /// Owner.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// Who placed it.
    pub user: UserId,
    /// Which carrier says so; the call stays with it.
    pub trunk: TrunkId,
    /// User part of the Contact it named.
    pub to: String,
    /// Wall time.
    pub now: DateTime<Utc>,
}

impl Policy {
    /// The target to try instead, by the same trunk and to no host but that trunk's.
    pub async fn redirect(&self, request: RedirectRequest) -> Result<TrunkTarget, HangupCause> {
        self.permit_redirect(request).await.map_err(|refusal| cause_of(refusal.rule))
    }

    async fn permit_redirect(&self, request: RedirectRequest) -> Result<TrunkTarget, Refusal> {
        let wish = PermitRequest {
            tenant: request.tenant,
            user: request.user,
            target: DialTarget::Number(request.to),
            origin: DialOrigin::Redirected(request.trunk),
            campaign: None,
            call: request.call,
            now: request.now,
        };
        let permit = self.permit(&wish).await?;
        let record = AuditRecord::new(Some(request.user), "call.redirected", "call", request.call)
            .with(json!({ "to": permit.number.as_str(), "trunk": request.trunk }));
        self.store.audit_append(request.tenant, &record, request.now).await?;
        permit
            .routes
            .into_iter()
            .next()
            .ok_or_else(|| Refusal::new(Rule::NoTrunk, "the trunk is gone"))
    }
}
