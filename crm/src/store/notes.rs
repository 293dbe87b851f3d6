//! `notes`, and the timeline that merges them with calls, callbacks and changes.

use super::{Page, Row, Store, StoreError, args, cursor};
use crate::{
    NoteId,
    notes::{Note, TimelineEntry, TimelineKind},
};
use call::{CallId, LeadId, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

fn note(row: &Row) -> Result<Note, StoreError> {
    Ok(Note {
        id: row.id("id")?,
        lead: row.id_opt("lead_id")?,
        call: row.id_opt("call_id")?,
        author: row.id("author_id")?,
        body: row.col("body")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// Saves a note; saving the same id again by the same author replaces the text. `None`
    /// where the id is another author's.
    pub async fn note_save(
        &self,
        tenant: TenantId,
        draft: &Note,
    ) -> Result<Option<Note>, StoreError> {
        self.run_returning(
            tenant,
            "INSERT INTO notes AS n (id, tenant_id, lead_id, call_id, author_id, body,
                                     created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET body = excluded.body,
                 updated_at = excluded.updated_at
             WHERE n.tenant_id = excluded.tenant_id AND n.author_id = excluded.author_id
             RETURNING *",
            args![
                draft.id,
                tenant,
                draft.lead,
                draft.call,
                draft.author,
                &draft.body,
                draft.created_at,
                draft.updated_at
            ],
            note,
        )
        .await
    }

    /// One note.
    pub async fn note_find(
        &self,
        tenant: TenantId,
        id: NoteId,
    ) -> Result<Option<Note>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM notes WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            note,
        )
        .await
    }

    /// What was written during a call.
    pub async fn note_of_call(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Option<Note>, StoreError> {
        self.note_find(tenant, NoteId::of(call)).await
    }

    /// The notes on a lead, newest first.
    pub async fn note_list(
        &self,
        tenant: TenantId,
        lead: LeadId,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<Note>, StoreError> {
        let (limit, fetch) = cursor::limits(limit);
        let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(after)?;
        let items = self
            .list(
                tenant,
                NOTES_BEFORE,
                args![tenant, lead, after.map(|a| a.0), after.map(|a| a.1), fetch],
                note,
            )
            .await?;
        Ok(cursor::page(items, limit, |n| (n.created_at, n.id)))
    }

    /// Everything that happened with a lead, newest first (C36-01).
    pub async fn lead_timeline(
        &self,
        tenant: TenantId,
        lead: LeadId,
        kind: Option<TimelineKind>,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<TimelineEntry>, StoreError> {
        let (limit, fetch) = cursor::limits(limit);
        let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(after)?;
        let key = || args![tenant, lead, after.map(|a| a.0), after.map(|a| a.1), fetch];
        let wants = |k: TimelineKind| kind.is_none_or(|only| only == k);
        let mut tx = self.read(tenant).await?;
        let mut entries = Vec::new();
        if wants(TimelineKind::Call) {
            let calls = tx.list(super::calls::OF_LEAD_BEFORE, key(), super::calls::call).await?;
            entries.extend(calls.into_iter().map(|c| TimelineEntry::Call(Box::new(c))));
        }
        if wants(TimelineKind::Note) {
            let notes = tx.list(NOTES_BEFORE, key(), note).await?;
            // What was written during a call is shown with the call.
            let apart = notes.into_iter().filter(|n| n.call.is_none_or(|c| n.id != NoteId::of(c)));
            entries.extend(apart.map(TimelineEntry::Note));
        }
        if wants(TimelineKind::Callback) {
            let promises = tx
                .list(super::callbacks::OF_LEAD_BEFORE, key(), super::callbacks::callback)
                .await?;
            entries.extend(promises.into_iter().map(TimelineEntry::Callback));
        }
        if wants(TimelineKind::Change) {
            let mut by_text = key();
            by_text[1] = lead.to_string().into();
            let changes =
                tx.list(super::audit::OF_LEAD_BEFORE, by_text, super::audit::entry).await?;
            entries.extend(changes.into_iter().map(TimelineEntry::Change));
        }
        entries.sort_by_key(|e| std::cmp::Reverse((e.at(), e.id())));
        Ok(cursor::page(entries, limit, |e| (e.at(), e.id())))
    }
}

const NOTES_BEFORE: &str = "SELECT * FROM notes
     WHERE tenant_id = $1 AND lead_id = $2
       AND ($3 IS NULL OR created_at < $3 OR (created_at = $3 AND id < $4))
     ORDER BY created_at DESC, id DESC LIMIT $5";
