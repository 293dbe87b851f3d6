//! Whose leads and calls one may see, and whether numbers are shown in full (AUT-08, SEC-14).

use crate::{
    AppState,
    problem::{Outcome, Problem},
    sessions::Principal,
    shapes::accounts::Role,
};
use call::{CallId, E164, LeadId, UserId};
use crm::{audit::AuditRecord, calls::Call, leads::Lead, users::Reach};

/// Whose rows a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    /// This user's.
    pub(crate) user: Option<UserId>,
    /// Those of the team this user leads, and nobody's.
    pub(crate) team_of: Option<UserId>,
}

impl Principal {
    /// Leads a floor: managers and administrators.
    pub(crate) fn leads(&self) -> bool {
        crm::users::Role::from(self.role).leads()
    }

    /// Has this user before them: themselves, their team, or everybody.
    pub(crate) fn covers(&self, user: UserId) -> bool {
        user == self.user || self.reach.covers(user)
    }

    /// May act on what this user has: one's own, the team's, anybody's; what nobody has is every
    /// leader's.
    pub(crate) fn covers_owner(&self, owner: Option<UserId>) -> bool {
        owner == Some(self.user) || self.reach.covers_owner(owner)
    }

    /// May read what this user does; a viewer reads of all, without numbers.
    pub(crate) fn reads(&self, owner: Option<UserId>) -> bool {
        self.role == Role::Viewer || self.covers_owner(owner)
    }

    /// Whose rows to list to them.
    pub(crate) fn whose(&self) -> Whose {
        match &self.reach {
            Reach::Team(_) => Whose { user: None, team_of: Some(self.user) },
            Reach::Own(_) if self.role != Role::Viewer => {
                Whose { user: Some(self.user), team_of: None }
            }
            Reach::Own(_) | Reach::All => Whose { user: None, team_of: None },
        }
    }

    /// The same, where they asked for one user's; nothing where that is not theirs to read.
    pub(crate) fn whose_of(&self, asked: Option<UserId>) -> Option<Whose> {
        match asked {
            None => Some(self.whose()),
            Some(user) if self.reads(Some(user)) => Some(Whose { user: Some(user), team_of: None }),
            Some(_) => None,
        }
    }

    /// Numbers in full: what a leader has before them, one's own for telecallers, nothing for
    /// viewers.
    pub(crate) fn shows_numbers_of(&self, owner: Option<UserId>) -> bool {
        self.role != Role::Viewer && self.covers_owner(owner)
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
        if who.covers_owner(lead.assigned_to) {
            return Ok(lead);
        }
        let desk = self.desk_settings(who).await?;
        let open = desk.telecallers_see_all
            || (desk.telecallers_take_unassigned && lead.assigned_to.is_none())
            || self.spoke_with(who, id).await?;
        if open { Ok(lead) } else { Err(Problem::not_found("lead")) }
    }

    /// One who has had a call with a lead may see them: an inbound caller may be a colleague's.
    /// Whom somebody of a team spoke with, the team's leader may see.
    async fn spoke_with(&self, who: &Principal, lead: LeadId) -> Outcome<bool> {
        if matches!(who.reach, Reach::Team(_)) {
            return Ok(self.store.lead_met_by_team(who.tenant, lead, who.user).await?);
        }
        let filter = crm::calls::CallFilter {
            agent: Some(who.user),
            lead: Some(lead),
            limit: 1,
            ..Default::default()
        };
        Ok(!self.store.call_list(who.tenant, &filter).await?.items.is_empty())
    }

    /// A call this user may see: own and missed for a telecaller, the team's and those nobody had
    /// for its manager, all for the rest.
    pub(crate) async fn visible_call(&self, who: &Principal, id: CallId) -> Outcome<Call> {
        let call = self.store.call_find(who.tenant, id).await?;
        let call = call.ok_or_else(|| Problem::not_found("call"))?;
        if who.reads(call.agent) || self.store.call_missed_by(who.tenant, id, who.user).await? {
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
