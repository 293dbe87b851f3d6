//! `agent_states` and `agent_state_spans`.

use super::{ManyRows, Row, Scope, Store, StoreError, Tx, args};
use crate::{
    agents::{AgentDay, AgentState, AgentStateKind, AgentStateSpan},
    fresh,
};
use call::{TenantId, UserId};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

fn state(row: &Row) -> Result<AgentState, StoreError> {
    Ok(AgentState {
        user: row.id("user_id")?,
        state: row.word("state")?,
        reason: row.col("reason")?,
        call: row.id_opt("call_id")?,
        since: row.col("since")?,
    })
}

static PRESENT: ManyRows =
    ManyRows::new("SELECT * FROM agent_states WHERE (tenant_id, user_id) IN (VALUES", 2, ")");
static SPAN: ManyRows = ManyRows::new(
    "INSERT INTO agent_state_spans (id, tenant_id, user_id, state, reason, started_at, ended_at)
     VALUES",
    7,
    "",
);
static ENTER: ManyRows = ManyRows::new(
    "INSERT INTO agent_states (tenant_id, user_id, state, reason, call_id, since) VALUES",
    6,
    "ON CONFLICT (tenant_id, user_id) DO UPDATE SET state = excluded.state,
         reason = excluded.reason, call_id = excluded.call_id, since = excluded.since",
);

async fn enter_in_tx(tx: &mut Tx, all: &[(TenantId, AgentState)]) -> Result<(), StoreError> {
    let who: BTreeSet<_> = all.iter().map(|(tenant, next)| (*tenant, next.user)).collect();
    let who = who.into_iter().map(|(tenant, user)| args![tenant, user]).collect();
    let present = tx
        .list_many(&PRESENT, who, |row| Ok((row.id::<TenantId>("tenant_id")?, state(row)?)))
        .await?;
    let mut present: BTreeMap<_, _> =
        present.into_iter().map(|(tenant, state)| ((tenant, state.user), state)).collect();
    let mut spans = Vec::new();
    for (tenant, next) in all {
        let mut next = next.clone();
        if let Some(before) = present.get(&(*tenant, next.user)) {
            next.since = before.since.max(next.since);
            spans.push(args![
                fresh::<Uuid>(),
                *tenant,
                next.user,
                before.state,
                before.reason.clone(),
                before.since,
                next.since
            ]);
        }
        present.insert((*tenant, next.user), next);
    }
    tx.run_many(&SPAN, spans).await?;
    let entered = present.into_iter().map(|((tenant, _), next)| {
        args![tenant, next.user, next.state, next.reason, next.call, next.since]
    });
    tx.run_many(&ENTER, entered.collect()).await?;
    Ok(())
}

impl Store {
    /// Enters a state; the one before becomes a span that ends where this begins.
    pub async fn agent_state_enter(
        &self,
        tenant: TenantId,
        next: &AgentState,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(tenant).await?;
        enter_in_tx(&mut tx, &[(tenant, next.clone())]).await?;
        tx.commit().await
    }

    /// The same for agents of any tenant, in this order, all or none.
    pub async fn platform_agent_states_enter(
        &self,
        next: &[(TenantId, AgentState)],
    ) -> Result<(), StoreError> {
        let mut tx = self.write(Scope::Platform).await?;
        enter_in_tx(&mut tx, next).await?;
        tx.commit().await
    }

    /// The present state of every agent that ever had one.
    pub async fn agent_state_list(&self, tenant: TenantId) -> Result<Vec<AgentState>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM agent_states WHERE tenant_id = $1 ORDER BY user_id",
            args![tenant],
            state,
        )
        .await
    }

    /// The present state of one agent.
    pub async fn agent_state_find(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<AgentState>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM agent_states WHERE tenant_id = $1 AND user_id = $2",
            args![tenant, user],
            state,
        )
        .await
    }

    /// Past stretches that touch the time asked for, in order.
    pub async fn agent_state_spans(
        &self,
        tenant: TenantId,
        user: UserId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<AgentStateSpan>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM agent_state_spans
             WHERE tenant_id = $1 AND user_id = $2 AND ended_at > $3 AND started_at < $4
             ORDER BY started_at, id",
            args![tenant, user, from, until],
            |row| {
                Ok(AgentStateSpan {
                    state: row.word("state")?,
                    reason: row.col("reason")?,
                    started_at: row.col("started_at")?,
                    ended_at: row.col("ended_at")?,
                })
            },
        )
        .await
    }

    /// What an agent did between two moments.
    pub async fn agent_day(
        &self,
        tenant: TenantId,
        user: UserId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<AgentDay, StoreError> {
        let mut day = self
            .find(
                tenant,
                "SELECT COUNT(*) AS calls,
                        CAST(COALESCE(SUM(CASE WHEN answered_at IS NULL THEN 0 ELSE 1 END), 0)
                             AS BIGINT) AS answered,
                        CAST(COALESCE(SUM(duration_ms), 0) AS BIGINT) AS talk_ms,
                        (SELECT COUNT(*) FROM call_dispositions d
                         WHERE d.tenant_id = $1 AND d.agent_id = $2
                           AND d.created_at >= $3 AND d.created_at < $4) AS dispositions,
                        (SELECT COUNT(*) FROM call_dispositions d
                         WHERE d.tenant_id = $1 AND d.agent_id = $2
                           AND d.disposition_code = 'INTERESTED'
                           AND d.created_at >= $3 AND d.created_at < $4) AS interested
                 FROM calls
                 WHERE tenant_id = $1 AND telecaller_id = $2
                   AND started_at >= $3 AND started_at < $4",
                args![tenant, user, from, until],
                |row| {
                    let count = |name| row.col::<i64>(name).map(|n| u32::try_from(n).unwrap_or(0));
                    Ok(AgentDay {
                        calls: count("calls")?,
                        answered: count("answered")?,
                        talk_ms: u64::try_from(row.col::<i64>("talk_ms")?).unwrap_or(0),
                        dispositions: count("dispositions")?,
                        interested: count("interested")?,
                        in_state_ms: Vec::new(),
                    })
                },
            )
            .await?
            .unwrap_or_default();
        let mut spans = self.agent_state_spans(tenant, user, from, until).await?;
        if let Some(now) = self.agent_state_find(tenant, user).await? {
            spans.push(AgentStateSpan {
                state: now.state,
                reason: now.reason,
                started_at: now.since,
                ended_at: until,
            });
        }
        for kind in AgentStateKind::ALL {
            let total: i64 = spans
                .iter()
                .filter(|s| s.state == *kind)
                .map(|s| (s.ended_at.min(until) - s.started_at.max(from)).num_milliseconds().max(0))
                .sum();
            day.in_state_ms.push((*kind, u64::try_from(total).unwrap_or(0)));
        }
        Ok(day)
    }
}
