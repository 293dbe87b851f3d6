//! What policy reads before a number may be dialled.

use super::{Row, Store, StoreError, args};
use call::{CallId, E164, LeadId, TenantId, UserId};

/// The person to be called, as far as policy cares.
#[derive(Clone, Debug, PartialEq)]
pub struct DialLead {
    /// Which lead.
    pub id: LeadId,
    /// Name shown on the phone.
    pub name: String,
    /// Number.
    pub phone: E164,
    /// Language of prompts.
    pub language: String,
    /// Whose lead it is.
    pub assigned_to: Option<UserId>,
    /// Asked not to be called.
    pub dnd: bool,
    /// IANA zone, where it differs from the tenant's.
    pub timezone: Option<String>,
}

fn dial_lead(row: &Row) -> Result<DialLead, StoreError> {
    Ok(DialLead {
        id: row.id("id")?,
        name: row.col("name")?,
        phone: row.e164("phone")?,
        language: row.col("language")?,
        assigned_to: row.id_opt("assigned_to")?,
        dnd: row.col("dnd")?,
        timezone: row.col("timezone")?,
    })
}

fn call_id(row: &Row) -> Result<CallId, StoreError> {
    row.id("id")
}

impl Store {
    /// The lead to be dialled.
    pub async fn dial_lead(
        &self,
        tenant: TenantId,
        id: LeadId,
    ) -> Result<Option<DialLead>, StoreError> {
        self.find(
            tenant,
            "SELECT id, name, phone, language, assigned_to, dnd, timezone FROM leads
             WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            dial_lead,
        )
        .await
    }

    /// The lead with this number (TEL-10).
    pub async fn dial_lead_by_phone(
        &self,
        tenant: TenantId,
        phone: &E164,
    ) -> Result<Option<DialLead>, StoreError> {
        self.find(
            tenant,
            "SELECT id, name, phone, language, assigned_to, dnd, timezone FROM leads
             WHERE tenant_id = $1 AND phone = $2",
            args![tenant, phone],
            dial_lead,
        )
        .await
    }

    /// A live call of this agent other than `call`.
    pub async fn dial_agent_call(
        &self,
        tenant: TenantId,
        agent: UserId,
        call: CallId,
    ) -> Result<Option<CallId>, StoreError> {
        self.find(
            tenant,
            "SELECT id FROM calls
             WHERE tenant_id = $1 AND agent_id = $2 AND ended_at IS NULL AND id <> $3 LIMIT 1",
            args![tenant, agent, call],
            call_id,
        )
        .await
    }
}
