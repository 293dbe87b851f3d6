//! `leads`: keeping, listing, the order of the queue.

use super::{Page, Row, Store, StoreError, Tx, Val, args, cursor, teams::team_of};
use crate::leads::{
    Assigned, Category, Lead, LeadFilter, LeadPatch, LeadSort, LeadStatus, NewLead, Priority,
    QueueCounts,
};
use call::{E164, LeadId, TenantId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) fn lead(row: &Row) -> Result<Lead, StoreError> {
    let count = |name| row.col::<i64>(name).map(|n| u32::try_from(n).unwrap_or(0));
    Ok(Lead {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        external_id: row.col("external_id")?,
        name: row.col("name")?,
        phone: row.e164("phone")?,
        email: row.col("email")?,
        organisation: row.col("organisation")?,
        language: row.col("language")?,
        pincode: row.col("pincode")?,
        source: row.col("source")?,
        category: row.word("category")?,
        status: row.word("status")?,
        priority: Priority::from_rank(row.col("priority")?),
        score: u8::try_from(row.col::<i64>("lead_score")?).unwrap_or(0),
        assigned_to: row.id_opt("assigned_to")?,
        dnd: row.col("dnd")?,
        timezone: row.col("timezone")?,
        attempts: count("attempts")?,
        last_contact_at: row.col("last_contact_at")?,
        next_call_at: row.col("next_call_at")?,
        last_disposition: row.col("last_disposition")?,
        metadata: row.col("metadata")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

/// What a search looks through: lower case, number in its digits.
fn search_text(
    name: &str,
    phone: &E164,
    organisation: Option<&str>,
    email: Option<&str>,
) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        name.to_lowercase(),
        phone.as_str(),
        organisation.unwrap_or_default().to_lowercase(),
        email.unwrap_or_default().to_lowercase()
    )
}

/// `%text%` with the wildcards of LIKE taken literally; numbers lose their spacing.
pub(super) fn pattern(text: &str) -> String {
    let lowered = text.trim().to_lowercase();
    let digits: String = lowered.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let numeric = digits.strip_prefix('+').unwrap_or(&digits);
    let chosen = if !numeric.is_empty() && numeric.bytes().all(|b| b.is_ascii_digit()) {
        numeric.strip_prefix('0').unwrap_or(numeric).to_owned()
    } else {
        lowered
    };
    let escaped = chosen.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

const INSERT: &str = "INSERT INTO leads (id, tenant_id, external_id, name, phone, email,
         organisation, language, pincode, source, category, status, priority, lead_score,
         assigned_to,
         timezone, metadata, search, dnd, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'fresh', $11, $12, $13, $14, $15, $16, $17,
         $18, $19, $19)
     ON CONFLICT (tenant_id, phone) DO NOTHING RETURNING *";

macro_rules! filtered {
    ($after:literal) => {
        filtered!("*", $after)
    };
    ($what:literal, $after:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM leads WHERE tenant_id = $1
             AND ($2 IS NULL OR search LIKE $2 ESCAPE '\\')
             AND ($3 IS NULL OR assigned_to = $3 OR ($4 AND assigned_to IS NULL))
             AND (NOT $5 OR assigned_to IS NULL)
             AND ($6 IS NULL OR status = $6)
             AND ($7 IS NULL OR priority = $7)
             AND ($8 IS NULL OR category = $8)
             AND ($9 IS NULL OR source = $9)
             AND ($10 IS NULL OR lead_score >= $10)
             AND ($11 IS NULL OR lead_score <= $11)
             AND ($12 IS NULL OR created_at >= $12)
             AND ($13 IS NULL OR created_at < $13)
             AND ($15 IS NULL OR assigned_to IS NULL OR assigned_to IN ",
            team_of!("$15"),
            ") ",
            $after,
            " LIMIT $14"
        )
    };
}

impl Store {
    /// Adds a lead; `Conflict` where the number is there already. A number that opted out
    /// stays opted out (I05).
    pub async fn lead_create(
        &self,
        tenant: TenantId,
        new: &NewLead,
        now: DateTime<Utc>,
    ) -> Result<Lead, StoreError> {
        let mut tx = self.write(tenant).await?;
        let made = lead_insert_in_tx(&mut tx, tenant, new, now).await?;
        tx.commit().await?;
        made.ok_or(StoreError::Conflict)
    }

    /// Adds many leads in one transaction; those whose number is there are left as they are.
    /// How many were added.
    pub async fn lead_import(
        &self,
        tenant: TenantId,
        leads: &[NewLead],
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let mut tx = self.write(tenant).await?;
        let mut added = 0;
        for new in leads {
            added += usize::from(lead_insert_in_tx(&mut tx, tenant, new, now).await?.is_some());
        }
        tx.commit().await?;
        Ok(added)
    }

    /// One lead.
    pub async fn lead_find(
        &self,
        tenant: TenantId,
        id: LeadId,
    ) -> Result<Option<Lead>, StoreError> {
        self.find(tenant, FIND, args![tenant, id], lead).await
    }

    /// The lead with a number (TEL-10).
    pub async fn lead_by_phone(
        &self,
        tenant: TenantId,
        phone: &E164,
    ) -> Result<Option<Lead>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM leads WHERE tenant_id = $1 AND phone = $2",
            args![tenant, phone],
            lead,
        )
        .await
    }

    /// Leads, filtered and ordered, a page at a time.
    pub async fn lead_list(
        &self,
        tenant: TenantId,
        filter: &LeadFilter,
    ) -> Result<Page<Lead>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let mut args = filter_args(tenant, filter, fetch);
        let after = filter.cursor.as_deref();
        match filter.sort {
            LeadSort::Priority => {
                let after: Option<(i64, DateTime<Utc>, Uuid)> = cursor::decode(after)?;
                args.extend(args![after.map(|a| a.0), after.map(|a| a.1), after.map(|a| a.2)]);
                let items = self.list(tenant, BY_PRIORITY, args, lead).await?;
                Ok(cursor::page(items, limit, |l| (l.priority.rank(), l.created_at, l.id)))
            }
            LeadSort::Age => {
                let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(after)?;
                args.extend(args![after.map(|a| a.0), after.map(|a| a.1)]);
                let items = self.list(tenant, BY_AGE, args, lead).await?;
                Ok(cursor::page(items, limit, |l| (l.created_at, l.id)))
            }
            LeadSort::Score => {
                let after: Option<(i64, Uuid)> = cursor::decode(after)?;
                args.extend(args![after.map(|a| a.0), after.map(|a| a.1)]);
                let items = self.list(tenant, BY_SCORE, args, lead).await?;
                Ok(cursor::page(items, limit, |l| (l.score, l.id)))
            }
            LeadSort::LastContact => {
                let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(after)?;
                args.extend(args![
                    after.map(|a| a.0),
                    after.map(|a| a.1),
                    DateTime::<Utc>::UNIX_EPOCH
                ]);
                let items = self.list(tenant, BY_LAST_CONTACT, args, lead).await?;
                Ok(cursor::page(items, limit, |l| (l.last_contact_at.unwrap_or_default(), l.id)))
            }
            LeadSort::Name => {
                let after: Option<(String, Uuid)> = cursor::decode(after)?;
                args.extend(args![after.as_ref().map(|a| a.0.clone()), after.map(|a| a.1)]);
                let items = self.list(tenant, BY_NAME, args, lead).await?;
                Ok(cursor::page(items, limit, |l| (l.name.clone(), l.id)))
            }
        }
    }

    /// How many leads a filter finds, counting no further than `most`.
    pub async fn lead_count(
        &self,
        tenant: TenantId,
        filter: &LeadFilter,
        most: u32,
    ) -> Result<u32, StoreError> {
        let args = filter_args(tenant, filter, i64::from(most));
        let found = self.find(tenant, COUNTED, args, |row| row.col::<i64>("n")).await?;
        Ok(found.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))
    }

    /// The leads of an agent in the order to call them: due callbacks first, then what may be
    /// called now by priority and age, then what waits for its time (QUE-06).
    pub async fn lead_queue(
        &self,
        tenant: TenantId,
        agent: UserId,
        category: Option<Category>,
        limit: u32,
        after: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Page<Lead>, StoreError> {
        let (limit, fetch) = cursor::limits(limit);
        let after: Option<(i64, i64, DateTime<Utc>, Uuid)> = cursor::decode(after)?;
        let items = self
            .list(
                tenant,
                QUEUE,
                args![
                    tenant,
                    agent,
                    now,
                    category,
                    fetch,
                    after.map(|a| a.0),
                    after.map(|a| a.1),
                    after.map(|a| a.2),
                    after.map(|a| a.3)
                ],
                |row| {
                    let key: (i64, i64, DateTime<Utc>) =
                        (row.col("bucket")?, row.col("rank")?, row.col("moment")?);
                    Ok((lead(row)?, key))
                },
            )
            .await?;
        let page = cursor::page(items, limit, |(l, key)| (key.0, key.1, key.2, l.id));
        Ok(Page {
            items: page.items.into_iter().map(|(l, _)| l).collect(),
            next_cursor: page.next_cursor,
        })
    }

    /// How many leads of an agent's queue are in each tab.
    pub async fn lead_queue_counts(
        &self,
        tenant: TenantId,
        agent: UserId,
        now: DateTime<Utc>,
    ) -> Result<QueueCounts, StoreError> {
        let rows = self
            .list(
                tenant,
                "SELECT category, COUNT(*) AS n,
                        CAST(SUM(CASE WHEN next_call_at IS NULL OR next_call_at <= $3
                                      THEN 1 ELSE 0 END) AS BIGINT) AS due
                 FROM leads
                 WHERE tenant_id = $1 AND assigned_to = $2 AND NOT dnd
                   AND status NOT IN ('invalid', 'dnd', 'customer')
                 GROUP BY category",
                args![tenant, agent, now],
                |row| {
                    let n = |name| row.col::<i64>(name).map(|n| u32::try_from(n).unwrap_or(0));
                    Ok((row.word::<Category>("category")?, n("n")?, n("due")?))
                },
            )
            .await?;
        let mut counts = QueueCounts::default();
        for (category, n, due) in rows {
            counts.due += due;
            match category {
                Category::Fresh => counts.fresh = n,
                Category::Callback => counts.callback = n,
                Category::Retry => counts.retry = n,
                Category::FollowUp => counts.follow_up = n,
            }
        }
        Ok(counts)
    }

    /// Changes a lead; `None` where there is no such, `Stale` where it changed meanwhile.
    pub async fn lead_update(
        &self,
        tenant: TenantId,
        id: LeadId,
        patch: &LeadPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<Lead>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(mut old) = tx.find(FIND, args![tenant, id], lead).await? else {
            return Ok(None);
        };
        if patch.expected_updated_at.is_some_and(|at| super::micros(at) != old.updated_at) {
            return Err(StoreError::Stale);
        }
        apply(&mut old, patch);
        let made = lead_save_in_tx(&mut tx, &old, now).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Assigns many leads at once; how many were.
    pub async fn lead_assign(
        &self,
        tenant: TenantId,
        leads: &[LeadId],
        to: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write(tenant).await?;
        let mut rows = 0;
        for id in leads {
            rows += tx
                .run(
                    "UPDATE leads SET assigned_to = $3, updated_at = $4
                     WHERE tenant_id = $1 AND id = $2",
                    args![tenant, *id, to, now],
                )
                .await?;
        }
        tx.commit().await?;
        Ok(rows)
    }
}

const FIND: &str = "SELECT * FROM leads WHERE tenant_id = $1 AND id = $2";

const COUNTED: &str = concat!("SELECT COUNT(*) AS n FROM (", filtered!("id", ""), ") counted");
const BY_PRIORITY: &str = filtered!(
    "AND ($16 IS NULL OR priority < $16 OR (priority = $16
          AND (created_at > $17 OR (created_at = $17 AND id > $18))))
     ORDER BY priority DESC, created_at, id"
);
const BY_AGE: &str = filtered!(
    "AND ($16 IS NULL OR created_at > $16 OR (created_at = $16 AND id > $17))
     ORDER BY created_at, id"
);
const BY_SCORE: &str = filtered!(
    "AND ($16 IS NULL OR lead_score < $16 OR (lead_score = $16 AND id > $17))
     ORDER BY lead_score DESC, id"
);
const BY_LAST_CONTACT: &str = filtered!(
    "AND ($16 IS NULL OR COALESCE(last_contact_at, $18) > $16
          OR (COALESCE(last_contact_at, $18) = $16 AND id > $17))
     ORDER BY COALESCE(last_contact_at, $18), id"
);
const BY_NAME: &str =
    filtered!("AND ($16 IS NULL OR name > $16 OR (name = $16 AND id > $17)) ORDER BY name, id");

const QUEUE: &str = "SELECT * FROM (
         SELECT b.*,
                CASE WHEN bucket = 1 THEN -priority ELSE CAST(0 AS BIGINT) END AS rank,
                CASE WHEN bucket = 1 THEN created_at ELSE next_call_at END AS moment
         FROM (
             SELECT l.*,
                    CAST(CASE WHEN l.next_call_at > $3 THEN 2
                              WHEN l.category = 'callback' AND l.next_call_at IS NOT NULL THEN 0
                              ELSE 1 END AS BIGINT) AS bucket
             FROM leads l
             WHERE l.tenant_id = $1 AND l.assigned_to = $2 AND NOT l.dnd
               AND l.status NOT IN ('invalid', 'dnd', 'customer')
               AND ($4 IS NULL OR l.category = $4)
         ) b
     ) q
     WHERE $6 IS NULL OR (bucket, rank, moment, id) > ($6, $7, $8, $9)
     ORDER BY bucket, rank, moment, id LIMIT $5";

fn filter_args(tenant: TenantId, filter: &LeadFilter, fetch: i64) -> Vec<Val> {
    let (user, or_nobody, nobody, leader) = match filter.assigned {
        Assigned::Any => (None, false, false, None),
        Assigned::To(user) => (Some(user), false, false, None),
        Assigned::ToOrNobody(user) => (Some(user), true, false, None),
        Assigned::Nobody => (None, false, true, None),
        Assigned::ToTeamOf(leader) => (None, false, false, Some(leader)),
    };
    args![
        tenant,
        filter.search.as_deref().filter(|s| !s.trim().is_empty()).map(pattern),
        user,
        or_nobody,
        nobody,
        filter.status,
        filter.priority.map(Priority::rank),
        filter.category,
        filter.source.clone(),
        filter.score_min.map(i64::from),
        filter.score_max.map(i64::from),
        filter.created_from,
        filter.created_to,
        fetch,
        leader
    ]
}

fn apply(lead: &mut Lead, patch: &LeadPatch) {
    let judged = patch.priority.is_none() && (patch.score.is_some() || patch.status.is_some());
    let patch = patch.clone();
    lead.name = patch.name.unwrap_or_else(|| lead.name.clone());
    lead.phone = patch.phone.unwrap_or_else(|| lead.phone.clone());
    lead.email = patch.email.unwrap_or_else(|| lead.email.clone());
    lead.organisation = patch.organisation.unwrap_or_else(|| lead.organisation.clone());
    lead.language = patch.language.unwrap_or_else(|| lead.language.clone());
    lead.pincode = patch.pincode.unwrap_or_else(|| lead.pincode.clone());
    lead.status = patch.status.unwrap_or(lead.status);
    lead.score = patch.score.unwrap_or(lead.score).min(100);
    lead.assigned_to = patch.assigned_to.unwrap_or(lead.assigned_to);
    lead.timezone = patch.timezone.unwrap_or_else(|| lead.timezone.clone());
    lead.metadata = patch.metadata.unwrap_or_else(|| lead.metadata.clone());
    lead.priority = match patch.priority {
        Some(priority) => priority,
        None if judged => Priority::judge(lead.status, lead.score, lead.attempts),
        None => lead.priority,
    };
}

/// The lead, locked until the transaction ends.
pub(super) async fn lead_lock_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    id: LeadId,
) -> Result<Option<Lead>, StoreError> {
    let sql = if tx.is_postgres() {
        "SELECT * FROM leads WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
    } else {
        FIND
    };
    tx.find(sql, args![tenant, id], lead).await
}

/// Writes back every changeable field.
pub(super) async fn lead_save_in_tx(
    tx: &mut Tx,
    lead_now: &Lead,
    now: DateTime<Utc>,
) -> Result<Option<Lead>, StoreError> {
    let l = lead_now.clone();
    let search = search_text(&l.name, &l.phone, l.organisation.as_deref(), l.email.as_deref());
    tx.find(
        "UPDATE leads SET name = $3, phone = $4, email = $5, organisation = $6, language = $7,
                pincode = $8, status = $9, category = $10, priority = $11, lead_score = $12,
                assigned_to = $13, timezone = $14, metadata = $15, search = $16, dnd = $17,
                attempts = $18, last_contact_at = $19, next_call_at = $20,
                last_disposition = $21, updated_at = $22
         WHERE tenant_id = $1 AND id = $2 RETURNING *",
        args![
            l.tenant,
            l.id,
            l.name,
            l.phone,
            l.email,
            l.organisation,
            l.language,
            l.pincode,
            l.status,
            l.category,
            l.priority.rank(),
            i64::from(l.score),
            l.assigned_to,
            l.timezone,
            l.metadata,
            search,
            l.dnd,
            l.attempts,
            l.last_contact_at,
            l.next_call_at,
            l.last_disposition,
            now
        ],
        lead,
    )
    .await
}

async fn lead_insert_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    new: &NewLead,
    now: DateTime<Utc>,
) -> Result<Option<Lead>, StoreError> {
    let opted_out = super::dnd::dnd_listed_in_tx(tx, tenant, &new.phone).await?;
    let status = if opted_out { LeadStatus::Dnd } else { LeadStatus::New };
    let score = new.score.min(100);
    let priority = new.priority.unwrap_or_else(|| Priority::judge(status, score, 0));
    let search =
        search_text(&new.name, &new.phone, new.organisation.as_deref(), new.email.as_deref());
    tx.find(
        INSERT,
        args![
            new.id,
            tenant,
            new.external_id.clone(),
            &new.name,
            &new.phone,
            new.email.clone(),
            new.organisation.clone(),
            &new.language,
            new.pincode.clone(),
            &new.source,
            status,
            priority.rank(),
            i64::from(score),
            new.assigned_to,
            new.timezone.clone(),
            new.metadata.clone(),
            search,
            opted_out,
            now
        ],
        lead,
    )
    .await
}
