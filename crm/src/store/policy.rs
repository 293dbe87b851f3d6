//! What policy reads before a number may be dialled.

use super::{Row, Store, StoreError, args};
use call::{CallId, E164, LeadId, TenantId, UserId};
use chrono::{DateTime, Utc};

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
             WHERE tenant_id = $1 AND telecaller_id = $2 AND ended_at IS NULL AND id <> $3 LIMIT 1",
            args![tenant, agent, call],
            call_id,
        )
        .await
    }

    /// Calls placed to a person since a moment, whoever placed them (I07), other than `call`:
    /// asking again for a call that runs must not count it against itself.
    pub async fn call_attempts_since(
        &self,
        tenant: TenantId,
        lead: Option<LeadId>,
        phone: &E164,
        since: DateTime<Utc>,
        call: CallId,
    ) -> Result<u32, StoreError> {
        let n = self
            .find(
                tenant,
                "SELECT COUNT(*) AS n FROM calls
                 WHERE tenant_id = $1 AND direction = 'outbound' AND started_at >= $4
                   AND (to_number = $3 OR lead_id = $2) AND id <> $5",
                args![tenant, lead, phone, since, call],
                |row| row.col::<i64>("n"),
            )
            .await?;
        Ok(n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))
    }

    /// Claims a person for one call, in one step: of two that dial the same person at once
    /// one wins (F15). `None`: claimed, or claimed before by this very call (F14). A claim ends
    /// with its call, or by itself where the call never came to be.
    pub async fn dial_claim(
        &self,
        tenant: TenantId,
        phone: &E164,
        call: CallId,
        agent: Option<UserId>,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<CallId>, StoreError> {
        let mut tx = self.write(tenant).await?;
        // A call dialled on a phone, or one that came in, holds no claim but occupies the person.
        let live = tx
            .find(
                "SELECT id FROM calls
                 WHERE tenant_id = $1 AND ended_at IS NULL AND id <> $3
                   AND (to_number = $2 OR from_number = $2) LIMIT 1",
                args![tenant, phone, call],
                call_id,
            )
            .await?;
        if live.is_some() {
            return Ok(live);
        }
        let holder = tx
            .find(
                "INSERT INTO dial_claims AS d (tenant_id, phone, call_id, agent_id, claimed_at,
                                               expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (tenant_id, phone) DO UPDATE SET
                     call_id = CASE WHEN d.expires_at <= $5 THEN excluded.call_id
                                    ELSE d.call_id END,
                     agent_id = CASE WHEN d.expires_at <= $5 THEN excluded.agent_id
                                     ELSE d.agent_id END,
                     expires_at = CASE WHEN d.expires_at <= $5 THEN excluded.expires_at
                                       ELSE d.expires_at END
                 RETURNING call_id",
                args![tenant, phone, call, agent, now, until],
                |row| row.id::<CallId>("call_id"),
            )
            .await?;
        tx.commit().await?;
        Ok(holder.filter(|holder| *holder != call))
    }

    /// Gives a claim back: the call was refused after all.
    pub async fn dial_release(&self, tenant: TenantId, call: CallId) -> Result<(), StoreError> {
        self.run(
            tenant,
            "DELETE FROM dial_claims WHERE tenant_id = $1 AND call_id = $2",
            args![tenant, call],
        )
        .await?;
        Ok(())
    }
}
