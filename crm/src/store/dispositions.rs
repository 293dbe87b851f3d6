//! `dispositions` and `call_dispositions`: one winner per call, with all that follows from it
//! in the same transaction.

use super::{
    Row, Store, StoreError, Tx, args,
    audit::audit_append_in_tx,
    callbacks, dnd, leads,
    tenants::{document, tenant_in_tx},
};
use crate::{
    audit::AuditRecord,
    callbacks::{CallbackStatus, NewCallback},
    dispositions::{
        CallDisposition, Disposition, DispositionPatch, NextAction, Outcome, OutcomeError, Saved,
        check, resolve,
    },
    dnd::{DndEntry, DndSource},
    fresh,
    leads::{Category, Lead, LeadStatus, Priority},
    policy,
    users::Role,
};
use call::{CallId, LeadId, TenantId, UserId};
use chrono::{DateTime, TimeDelta, Utc};

fn code(row: &Row) -> Result<Disposition, StoreError> {
    Ok(Disposition {
        code: row.col("code")?,
        short_code: row.col("short_code")?,
        label: row.col("label")?,
        aliases: row.json("aliases")?,
        family: row.word("family")?,
        notes_required: row.col("notes_required")?,
        next_action: row.word("next_action")?,
        retry_after_minutes: row.col("retry_after_minutes")?,
        sub_codes: row.json("sub_codes")?,
        position: row.col("position")?,
        active: row.col("active")?,
    })
}

fn call_disposition(row: &Row) -> Result<CallDisposition, StoreError> {
    Ok(CallDisposition {
        id: row.id("id")?,
        call: row.id("call_id")?,
        lead: row.id_opt("lead_id")?,
        agent: row.id("agent_id")?,
        code: row.col("disposition_code")?,
        sub_code: row.col("sub_disposition")?,
        notes: row.col("notes")?,
        callback_at: row.col("callback_scheduled_at")?,
        next_action: row.word("next_action")?,
        edited_by: row.id_opt("edited_by")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

const CODES: &str = "SELECT * FROM dispositions WHERE tenant_id = $1 ORDER BY position, code";

/// Who saves.
#[derive(Clone, Copy, Debug)]
pub struct Saver {
    /// Them.
    pub user: UserId,
    /// Managers and administrators may change any outcome.
    pub role: Role,
}

impl Store {
    /// Gives a tenant its codes; those it has are left as they are.
    pub async fn disposition_seed(
        &self,
        tenant: TenantId,
        codes: &[Disposition],
    ) -> Result<(), StoreError> {
        let mut tx = self.write(tenant).await?;
        for d in codes {
            tx.run(
                "INSERT INTO dispositions (tenant_id, code, label, short_code, aliases, family,
                     notes_required, next_action, retry_after_minutes, sub_codes, position, active)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                 ON CONFLICT (tenant_id, code) DO NOTHING",
                args![
                    tenant,
                    &d.code,
                    &d.label,
                    &d.short_code,
                    document(&d.aliases)?,
                    d.family,
                    d.notes_required,
                    d.next_action,
                    d.retry_after_minutes,
                    document(&d.sub_codes)?,
                    d.position,
                    d.active
                ],
            )
            .await?;
        }
        tx.commit().await
    }

    /// The tenant's codes in the order of the buttons.
    pub async fn disposition_list(&self, tenant: TenantId) -> Result<Vec<Disposition>, StoreError> {
        self.list(tenant, CODES, args![tenant], code).await
    }

    /// Changes a code; `None` where there is no such.
    pub async fn disposition_update(
        &self,
        tenant: TenantId,
        named: &str,
        patch: &DispositionPatch,
    ) -> Result<Option<Disposition>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let codes = tx.list(CODES, args![tenant], code).await?;
        let Some(old) = codes.into_iter().find(|d| d.code == named) else { return Ok(None) };
        let made = tx
            .find(
                "UPDATE dispositions SET label = $3, notes_required = $4,
                        retry_after_minutes = $5, sub_codes = $6, position = $7, active = $8
                 WHERE tenant_id = $1 AND code = $2 RETURNING *",
                args![
                    tenant,
                    named,
                    patch.label.clone().unwrap_or(old.label),
                    patch.notes_required.unwrap_or(old.notes_required),
                    patch.retry_after_minutes.unwrap_or(old.retry_after_minutes),
                    document(patch.sub_codes.as_ref().unwrap_or(&old.sub_codes))?,
                    patch.position.unwrap_or(old.position),
                    patch.active.unwrap_or(old.active)
                ],
                code,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Saves the outcome of a call. Of any number that save at once one wins; saving the very
    /// same again is harmless; anything else is told what stands (F15).
    pub async fn call_disposition_save(
        &self,
        tenant: TenantId,
        call: CallId,
        saver: Saver,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<Saved, OutcomeError> {
        let mut tx = self.write(tenant).await?;
        let (code, lead, agent) = prepare(&mut tx, tenant, call, outcome, now).await?;
        if !saver.role.leads() && agent.is_some_and(|a| a != saver.user) {
            return Err(OutcomeError::UnknownCall);
        }
        let made = tx
            .find(
                "INSERT INTO call_dispositions (id, tenant_id, call_id, lead_id, agent_id,
                     disposition_code, sub_disposition, notes, callback_scheduled_at,
                     next_action, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
                 ON CONFLICT (call_id) DO NOTHING RETURNING *",
                args![
                    fresh::<crate::DispositionId>(),
                    tenant,
                    call,
                    lead,
                    saver.user,
                    &code.code,
                    outcome.sub_code.clone(),
                    outcome.notes.trim(),
                    outcome.callback_at,
                    code.next_action,
                    now
                ],
                call_disposition,
            )
            .await?;
        let Some(made) = made else {
            let stands = standing(&mut tx, tenant, call).await?;
            let same = stands.agent == saver.user
                && stands.code == code.code
                && stands.sub_code == outcome.sub_code
                && stands.notes == outcome.notes.trim()
                && stands.callback_at == outcome.callback_at.map(super::micros);
            return if same {
                Ok(Saved::Before(stands))
            } else {
                Err(OutcomeError::AlreadySaved(Box::new(stands)))
            };
        };
        if let Some(lead) = lead {
            follow_up(&mut tx, tenant, lead, saver.user, call, &code, outcome, now).await?;
        }
        tx.commit().await?;
        Ok(Saved::New(made))
    }

    /// Changes a saved outcome: the agent within the tenant's time, managers always; every
    /// change is audited, and what the first had set in motion is set anew.
    pub async fn call_disposition_amend(
        &self,
        tenant: TenantId,
        call: CallId,
        saver: Saver,
        outcome: &Outcome,
        edit_minutes: u32,
        now: DateTime<Utc>,
    ) -> Result<CallDisposition, OutcomeError> {
        let mut tx = self.write(tenant).await?;
        let (code, lead, _) = prepare(&mut tx, tenant, call, outcome, now).await?;
        let before = standing(&mut tx, tenant, call).await?;
        let in_time = now - before.created_at <= TimeDelta::minutes(i64::from(edit_minutes));
        if !(saver.role.leads() || (before.agent == saver.user && in_time)) {
            return Err(OutcomeError::EditClosed);
        }
        let made = tx
            .find(
                "UPDATE call_dispositions SET disposition_code = $3, sub_disposition = $4,
                        notes = $5, callback_scheduled_at = $6, next_action = $7,
                        edited_by = $8, updated_at = $9
                 WHERE tenant_id = $1 AND call_id = $2 RETURNING *",
                args![
                    tenant,
                    call,
                    &code.code,
                    outcome.sub_code.clone(),
                    outcome.notes.trim(),
                    outcome.callback_at,
                    code.next_action,
                    saver.user,
                    now
                ],
                call_disposition,
            )
            .await?
            .ok_or(OutcomeError::UnknownCall)?;
        if let Some(lead) = lead {
            if before.next_action == NextAction::MarkDnd && code.next_action != NextAction::MarkDnd
            {
                undo_opt_out(&mut tx, tenant, lead, call, now).await?;
            }
            follow_up(&mut tx, tenant, lead, saver.user, call, &code, outcome, now).await?;
        }
        let change = AuditRecord::new(Some(saver.user), "disposition.changed", "call", call)
            .with(serde_json::json!({ "from": before.code, "to": made.code }));
        audit_append_in_tx(&mut tx, tenant, &change, now).await?;
        tx.commit().await?;
        Ok(made)
    }
}

/// The call and the code, checked.
async fn prepare(
    tx: &mut Tx,
    tenant: TenantId,
    call: CallId,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(Disposition, Option<LeadId>, Option<UserId>), OutcomeError> {
    let (lead, agent) = tx
        .find(
            "SELECT l.id AS lead_id, c.telecaller_id FROM calls c
             LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
             WHERE c.tenant_id = $1 AND c.id = $2",
            args![tenant, call],
            |row| Ok((row.id_opt("lead_id")?, row.id_opt("telecaller_id")?)),
        )
        .await?
        .ok_or(OutcomeError::UnknownCall)?;
    let codes = tx.list(CODES, args![tenant], code).await?;
    let code = resolve(&codes, &outcome.code).ok_or(OutcomeError::UnknownCode)?;
    check(code, outcome, now)?;
    Ok((code.clone(), lead, agent))
}

async fn standing(
    tx: &mut Tx,
    tenant: TenantId,
    call: CallId,
) -> Result<CallDisposition, OutcomeError> {
    tx.find(
        "SELECT * FROM call_dispositions WHERE tenant_id = $1 AND call_id = $2",
        args![tenant, call],
        call_disposition,
    )
    .await?
    .ok_or(OutcomeError::UnknownCall)
}

/// When the lead is to be called next, if at all: at the time promised, else after the code's time, at an hour when the
/// person may be called.
async fn due_at(
    tx: &mut Tx,
    tenant: TenantId,
    lead: &Lead,
    code: &Disposition,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let promised = code.next_action == NextAction::ScheduleCallback;
    let wait = code.retry_after_minutes.map(TimeDelta::minutes);
    let Some(wait) = wait.or_else(|| promised.then(|| TimeDelta::days(1))) else {
        return Ok(outcome.callback_at);
    };
    if outcome.callback_at.is_some() {
        return Ok(outcome.callback_at);
    }
    let tenant = tenant_in_tx(tx, tenant).await?;
    let at = now + wait;
    Ok(Some(tenant.map_or(at, |t| policy::may_be_called_from(&t, lead.timezone.as_deref(), at))))
}

/// What an outcome sets in motion (DSP-18).
#[allow(clippy::too_many_arguments, reason = "one caller's facts, nothing to bundle")]
async fn follow_up(
    tx: &mut Tx,
    tenant: TenantId,
    lead: LeadId,
    saver: UserId,
    call: CallId,
    code: &Disposition,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(mut lead) = leads::lead_lock_in_tx(tx, tenant, lead).await? else { return Ok(()) };
    let due = due_at(tx, tenant, &lead, code, outcome, now).await?;
    callbacks::callbacks_close_in_tx(tx, tenant, lead.id, CallbackStatus::Done, now).await?;
    move_lead(&mut lead, code, due);
    match code.next_action {
        NextAction::ScheduleCallback => {
            let promise = NewCallback {
                id: fresh(),
                lead: lead.id,
                call: Some(call),
                agent: Some(saver),
                due_at: due.unwrap_or(now + TimeDelta::days(1)),
                note: None,
            };
            callbacks::callback_insert_in_tx(tx, tenant, &promise, now).await?;
        }
        NextAction::AssignManager => {
            lead.assigned_to = superior(tx, tenant, saver).await?.or(lead.assigned_to);
        }
        NextAction::Reassign => lead.assigned_to = None,
        NextAction::None
        | NextAction::ScheduleVisit
        | NextAction::AddToNurture
        | NextAction::MarkInvalid
        | NextAction::Retry
        | NextAction::MarkDnd
        | NextAction::SendInfo => {}
    }
    leads::lead_save_in_tx(tx, &lead, now).await?;
    if code.next_action == NextAction::MarkDnd {
        let entry = DndEntry {
            phone: lead.phone.clone(),
            source: DndSource::Disposition,
            reason: call.to_string(),
            added_by: Some(saver),
            added_at: now,
        };
        dnd::dnd_add_in_tx(tx, tenant, &entry).await?;
    }
    Ok(())
}

/// Status, tab, next call and priority after an outcome.
fn move_lead(lead: &mut Lead, code: &Disposition, due: Option<DateTime<Utc>>) {
    let reached = matches!(code.family, crate::dispositions::Family::Connected);
    lead.last_disposition = Some(code.code.clone());
    lead.next_call_at = due;
    (lead.status, lead.category) = match code.next_action {
        NextAction::ScheduleVisit => (LeadStatus::Interested, Category::FollowUp),
        NextAction::AddToNurture => (LeadStatus::NotInterested, Category::FollowUp),
        NextAction::ScheduleCallback => (advanced(lead.status), Category::Callback),
        NextAction::MarkInvalid => (LeadStatus::Invalid, lead.category),
        NextAction::MarkDnd => (LeadStatus::Dnd, lead.category),
        NextAction::Retry => (lead.status, Category::Retry),
        NextAction::SendInfo | NextAction::Reassign | NextAction::AssignManager => {
            (advanced(lead.status), Category::FollowUp)
        }
        NextAction::None if code.code == "ALREADY_CUSTOMER" => {
            (LeadStatus::Customer, Category::FollowUp)
        }
        NextAction::None if reached => (advanced(lead.status), Category::FollowUp),
        NextAction::None => (lead.status, lead.category),
    };
    lead.priority = Priority::judge(lead.status, lead.score, lead.attempts);
}

/// Reached at least once; what is known beyond that stays.
fn advanced(status: LeadStatus) -> LeadStatus {
    match status {
        LeadStatus::New | LeadStatus::Invalid | LeadStatus::Dnd => LeadStatus::Contacted,
        LeadStatus::Contacted
        | LeadStatus::Interested
        | LeadStatus::NotInterested
        | LeadStatus::Customer => status,
    }
}

async fn superior(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<UserId>, StoreError> {
    let named = tx
        .find(
            "SELECT reports_to FROM users WHERE tenant_id = $1 AND id = $2",
            args![tenant, user],
            |row| row.id_opt::<UserId>("reports_to"),
        )
        .await?
        .flatten();
    if named.is_some() {
        return Ok(named);
    }
    tx.find(
        "SELECT id FROM users WHERE tenant_id = $1 AND role = 'manager' AND active
         ORDER BY created_at, id LIMIT 1",
        args![tenant],
        |row| row.id::<UserId>("id"),
    )
    .await
}

/// An opt-out that this very call's outcome made is taken back with it, no other.
async fn undo_opt_out(
    tx: &mut Tx,
    tenant: TenantId,
    lead: LeadId,
    call: CallId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ours = tx
        .find(
            "SELECT l.phone FROM leads l
             JOIN dnd_list d ON d.tenant_id = l.tenant_id AND d.phone = l.phone
             WHERE l.tenant_id = $1 AND l.id = $2 AND d.source = 'disposition' AND d.reason = $3",
            args![tenant, lead, call.to_string()],
            |row| row.e164("phone"),
        )
        .await?;
    if let Some(phone) = ours {
        dnd::dnd_remove_in_tx(tx, tenant, &phone, now).await?;
    }
    Ok(())
}
