//! `numbers`: the DIDs.

use super::{Row, Scope, Store, StoreError, args};
use crate::numbers::{NewNumber, Number, NumberPatch};
use call::{E164, NumberId, TenantId};
use chrono::{DateTime, Utc};

fn number(row: &Row) -> Result<Number, StoreError> {
    Ok(Number {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        e164: row.e164("e164")?,
        trunk: row.id("trunk_id")?,
        purpose: row.col("purpose")?,
        destination: row.id_opt("destination_id")?,
        verified: row.col("verified")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// Adds a DID; `Conflict` where any tenant has it already.
    pub async fn number_create(
        &self,
        tenant: TenantId,
        new: &NewNumber,
        now: DateTime<Utc>,
    ) -> Result<Number, StoreError> {
        self.run_returning(
            tenant,
            "INSERT INTO numbers (id, tenant_id, e164, trunk_id, purpose, destination_id,
                                  verified, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING *",
            args![
                new.id,
                tenant,
                &new.e164,
                new.trunk,
                &new.purpose,
                new.destination,
                new.verified,
                now
            ],
            number,
        )
        .await?
        .ok_or(StoreError::Conflict)
    }

    /// One DID.
    pub async fn number_find(
        &self,
        tenant: TenantId,
        id: NumberId,
    ) -> Result<Option<Number>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM numbers WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            number,
        )
        .await
    }

    /// The tenant's DID with this number.
    pub async fn number_by_e164(
        &self,
        tenant: TenantId,
        e164: &E164,
    ) -> Result<Option<Number>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM numbers WHERE tenant_id = $1 AND e164 = $2",
            args![tenant, e164],
            number,
        )
        .await
    }

    /// Every DID, oldest first.
    pub async fn number_list(&self, tenant: TenantId) -> Result<Vec<Number>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM numbers WHERE tenant_id = $1 ORDER BY created_at, id",
            args![tenant],
            number,
        )
        .await
    }

    /// Changes a DID; `None` where there is no such.
    pub async fn number_update(
        &self,
        tenant: TenantId,
        id: NumberId,
        patch: &NumberPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<Number>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(old) = tx
            .find(
                "SELECT * FROM numbers WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
                number,
            )
            .await?
        else {
            return Ok(None);
        };
        let made = tx
            .find(
                "UPDATE numbers SET trunk_id = $3, purpose = $4, destination_id = $5,
                        verified = $6, updated_at = $7
                 WHERE tenant_id = $1 AND id = $2 RETURNING *",
                args![
                    tenant,
                    id,
                    patch.trunk.unwrap_or(old.trunk),
                    patch.purpose.clone().unwrap_or(old.purpose),
                    patch.destination.unwrap_or(old.destination),
                    patch.verified.unwrap_or(old.verified),
                    now
                ],
                number,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Gives a DID up; call history keeps its id.
    pub async fn number_delete(&self, tenant: TenantId, id: NumberId) -> Result<bool, StoreError> {
        let rows = self
            .run(tenant, "DELETE FROM numbers WHERE tenant_id = $1 AND id = $2", args![tenant, id])
            .await?;
        Ok(rows == 1)
    }

    /// Whoever has this DID.
    pub async fn platform_number_by_e164(&self, e164: &E164) -> Result<Option<Number>, StoreError> {
        self.find(Scope::Platform, "SELECT * FROM numbers WHERE e164 = $1", args![e164], number)
            .await
    }
}
