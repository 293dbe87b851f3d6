//! Calls that come to us: a DID, or another extension.

use super::{Policy, away, permit::record_plan};
use crate::{
    extensions::{Extension, ExtensionKind},
    numbers,
    store::DialLead,
    tenants::Tenant,
};
use call::{
    CauseKind, ConsentMode, Direction, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Plan,
    RecordPlan, Target, TenantId, TrunkId, UserId,
};
use std::sync::Arc;

impl Policy {
    /// The number a carrier delivers a call to, however it writes it.
    pub fn number_called(&self, to: &str) -> Option<call::E164> {
        numbers::parse(to, &self.country).ok().map(|called| called.e164)
    }

    /// A telephone number as it is kept: E.164, or the short number of the emergency services. `None` for what is no
    /// telephone number: an extension's, a name, nothing.
    pub fn number_written(&self, text: &str) -> Option<String> {
        if crate::extensions::number_fits(text) {
            return None;
        }
        match self.emergency.understand(text) {
            Some(number) => Some(number.to_string()),
            None => self.number_called(text).map(|number| number.to_string()),
        }
    }

    /// A carrier delivers a call to one of our numbers.
    pub(super) async fn inbound(
        &self,
        tenant: TenantId,
        trunk: TrunkId,
        from: &str,
        to: &str,
    ) -> Result<Plan, HangupCause> {
        let owner = self.owner(tenant).await?;
        let called = numbers::parse(to, &self.country).map_err(|_| not_found())?;
        let did = self.store.number_by_e164(tenant, &called.e164).await.map_err(away)?;
        // A trunk may deliver only the numbers that lie on it.
        let did = did.filter(|n| n.trunk == trunk).ok_or_else(not_found)?;
        let destination = did.destination.ok_or_else(not_found)?;
        let extension = self.store.extension_find(tenant, destination).await.map_err(away)?;
        let extension = extension.filter(|e| e.active).ok_or_else(not_found)?;
        self.check_owner(&extension).await?;
        let caller = numbers::parse(from, &self.country).ok().map(|n| n.e164);
        let lead = match &caller {
            Some(number) => self.store.dial_lead_by_phone(tenant, number).await.map_err(away)?,
            None => None,
        };
        let shown = caller.map_or_else(|| from.to_owned(), |n| n.to_string());
        let mut plan = self.to_extension(&owner, &extension, shown, lead.as_ref())?;
        plan.direction = Direction::Inbound;
        plan.number = Some(did.id);
        plan.record = record_plan(&owner, lead.as_ref());
        Ok(plan)
    }

    /// A phone of ours dialled another; `None` when it is no extension number.
    pub(super) async fn internal(
        &self,
        tenant: TenantId,
        from_extension: ExtensionId,
        from_user: Option<UserId>,
        from_number: &str,
        to: &str,
    ) -> Result<Option<Plan>, HangupCause> {
        if !crate::extensions::number_fits(to) {
            return Ok(None);
        }
        let found = self.store.extension_by_number(tenant, to).await.map_err(away)?;
        let Some(extension) = found.filter(|e| e.active) else { return Ok(None) };
        self.check_owner(&extension).await?;
        let owner = self.owner(tenant).await?;
        let mut plan = self.to_extension(&owner, &extension, from_number.to_owned(), None)?;
        plan.agent = from_user;
        plan.extension = Some(from_extension);
        plan.record = between_colleagues(&owner);
        Ok(Some(plan))
    }

    /// Whose owner is switched off is not rung, whatever is still registered (F02).
    async fn check_owner(&self, extension: &Extension) -> Result<(), HangupCause> {
        let Some(user) = extension.user else { return Ok(()) };
        let user = self.store.user_find(extension.tenant, user).await.map_err(away)?;
        if user.is_some_and(|user| user.active) {
            return Ok(());
        }
        Err(HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable))
    }

    async fn owner(&self, tenant: TenantId) -> Result<Arc<Tenant>, HangupCause> {
        let owner = self.owners.find(&self.store, tenant).await.map_err(away)?;
        owner
            .filter(|t| t.active)
            .ok_or_else(|| HangupCause::new(EndedBy::System, CauseKind::PolicyRefused))
    }

    fn to_extension(
        &self,
        owner: &Tenant,
        extension: &Extension,
        shown: String,
        lead: Option<&DialLead>,
    ) -> Result<Plan, HangupCause> {
        if extension.kind != ExtensionKind::User {
            return Err(not_found());
        }
        if extension.dnd {
            return Err(HangupCause::new(EndedBy::Agent, CauseKind::Busy));
        }
        let calling = &owner.settings.calling;
        Ok(Plan {
            tenant: owner.id,
            direction: Direction::Internal,
            lead: lead.map(|l| l.id),
            agent: None,
            extension: None,
            number: None,
            campaign: None,
            targets: vec![Target::Extension(ExtensionTarget {
                extension: extension.id,
                user: extension.user,
                aor: format!("{}@{}", extension.number, owner.sip_domain),
            })],
            caller_id: shown,
            caller_name: lead.map(|l| l.name.clone()),
            ring_timeout_ms: u64::from(extension.ring_timeout_s.max(5)) * 1000,
            max_duration_ms: u64::from(self.max_duration(calling)) * 1000,
            record: RecordPlan::default(),
        })
    }
}

/// Colleagues are told by their employer: no announcement.
fn between_colleagues(owner: &Tenant) -> RecordPlan {
    let recording = &owner.settings.recording;
    RecordPlan {
        enabled: recording.enabled && recording.internal,
        consent: ConsentMode::Silent,
        language: recording.language.clone(),
    }
}

fn not_found() -> HangupCause {
    HangupCause::new(EndedBy::System, CauseKind::NotFound)
}
