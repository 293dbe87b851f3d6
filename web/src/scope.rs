//! Whose leads and calls one may see, and whether numbers are shown in full (AUT-08, SEC-14).

use crate::{
    AppState,
    problem::{Outcome, Problem},
    sessions::Principal,
    shapes::accounts::Role,
};
use call::{CallId, E164, LeadId, UserId};
use crm::{audit::AuditRecord, calls::Call, leads::Lead};

impl Principal {
    /// Managers and administrators see the whole tenant.
    pub(crate) fn sees_all(&self) -> bool {
        match self.role {
            Role::PlatformAdmin | Role::Admin | Role::Manager => true,
            Role::Telecaller | Role::FieldAgent | Role::Viewer => false,
        }
    }

    /// Numbers in full: everything for leaders, one's own for telecallers, nothing for viewers.
    pub(crate) fn shows_numbers_of(&self, owner: Option<UserId>) -> bool {
        match self.role {
            Role::PlatformAdmin | Role::Admin | Role::Manager => true,
            Role::Telecaller | Role::FieldAgent => owner == Some(self.user),
            Role::Viewer => false,
        }
    }

    /// Begins an audit record by this user.
    pub(crate) fn audit(&self, action: &str, entity: &str, id: impl ToString) -> AuditRecord {
        AuditRecord::new(Some(self.user), action, entity, id).from_address(self.address.to_string())
    }
}

/// A number, in full or with its ends only.
pub(crate) fn shown(number: &E164, in_full: bool) -> String {
    if in_full { number.to_string() } else { number.masked() }
}

/// A number or extension as text, in full or with its ends only.
pub(crate) fn shown_text(text: &str, in_full: bool) -> String {
    match E164::parse(text) {
        Ok(number) => shown(&number, in_full),
        Err(_) => text.to_owned(),
    }
}

impl AppState {
    /// A lead this user may see; anything else does not exist for them.
    pub(crate) async fn visible_lead(&self, who: &Principal, id: LeadId) -> Outcome<Lead> {
        let lead = self.store.lead_find(who.tenant, id).await?;
        let lead = lead.ok_or_else(|| Problem::not_found("lead"))?;
        if who.sees_all() || lead.assigned_to == Some(who.user) {
            return Ok(lead);
        }
        let desk = self.desk_settings(who).await?;
        let open = desk.telecallers_see_all
            || (desk.telecallers_take_unassigned && lead.assigned_to.is_none())
            || self.spoke_with(who, id).await?;
        if open { Ok(lead) } else { Err(Problem::not_found("lead")) }
    }

    /// One who has had a call with a lead may see them: an inbound caller may be a colleague's.
    async fn spoke_with(&self, who: &Principal, lead: LeadId) -> Outcome<bool> {
        let filter = crm::calls::CallFilter {
            agent: Some(who.user),
            lead: Some(lead),
            limit: 1,
            ..Default::default()
        };
        Ok(!self.store.call_list(who.tenant, &filter).await?.items.is_empty())
    }

    /// A call this user may see: own and missed for a telecaller, all for the rest.
    pub(crate) async fn visible_call(&self, who: &Principal, id: CallId) -> Outcome<Call> {
        let call = self.store.call_find(who.tenant, id).await?;
        let call = call.ok_or_else(|| Problem::not_found("call"))?;
        let reads = who.sees_all() || who.role == Role::Viewer || call.agent == Some(who.user);
        if reads || self.store.call_missed_by(who.tenant, id, who.user).await? {
            Ok(call)
        } else {
            Err(Problem::not_found("call"))
        }
    }

    pub(crate) async fn desk_settings(
        &self,
        who: &Principal,
    ) -> Outcome<crm::tenants::DeskSettings> {
        let tenant = self.store.tenant_find(who.tenant).await?;
        Ok(tenant.map(|t| t.settings.desk).unwrap_or_default())
    }

    /// Writes an audit row; what was done stays done should that fail, but not silently.
    pub(crate) async fn audit(&self, who: &Principal, record: AuditRecord) -> Outcome<()> {
        self.store.audit_append(who.tenant, &record, chrono::Utc::now()).await?;
        Ok(())
    }
}
