//! `call_events`: the journal's table, and what an ended call changes elsewhere.

use super::{
    ManyRows, Page, Row, Scope, Store, StoreError, Tx, args,
    calls::{CallRow, calls_fold_in_tx},
    cursor,
    recordings::{recording_recovered_in_tx, recordings_fold_in_tx, recordings_unexpect_in_tx},
};
use call::{CallEvent, CallId, LeadId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// An event with its place in the journal.
pub(crate) fn stored_event(row: &Row) -> Result<(i64, DateTime<Utc>, CallEvent), StoreError> {
    Ok((row.col("seq")?, row.col("at")?, row.json("body")?))
}

/// The word an event's kind is stored under: serde's own tag.
fn kind_word(body: &RawValue) -> &str {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        kind: &'a str,
    }
    serde_json::from_str(body.get()).map_or("unknown", |Tagged { kind }| kind)
}

/// Takes the order of the journal: on PostgreSQL several processes append, and a reader must
/// never see a later `seq` before an earlier one.
async fn journal_order_in_tx(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.is_postgres() {
        tx.run("SELECT pg_advisory_xact_lock(hashtext('telehub/journal'))", args![]).await?;
    }
    Ok(())
}

static APPEND: ManyRows = ManyRows::new(
    "INSERT INTO call_events (tenant_id, call_id, n, at, kind, body) VALUES",
    6,
    "ON CONFLICT (call_id, n) DO NOTHING RETURNING seq, call_id, n",
);
static RELEASE: ManyRows =
    ManyRows::new("DELETE FROM dial_claims WHERE (tenant_id, call_id) IN (VALUES", 2, ")");

/// An event on its way into the table.
#[derive(Clone, Debug)]
pub(crate) struct AppendedEvent {
    /// Its number within its call: writing it twice leaves one row.
    pub(crate) n: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) event: Arc<CallEvent>,
    /// This very event ended the call, or says late whose call it was.
    pub(crate) ends: Option<EndedCall>,
}

/// What an ended call changes beside its own row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedCall {
    /// When it was over: earlier than its event where that says late who the person is.
    pub(crate) at: DateTime<Utc>,
    pub(crate) lead: Option<LeadId>,
    pub(crate) outbound: bool,
    pub(crate) spoken: bool,
    /// A recording was expected of it.
    pub(crate) expected: bool,
    /// A recording began, so none is expected any more.
    pub(crate) recorded: bool,
}

/// Events and what follows from them: written together or not at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<AppendedEvent>,
    /// Rows of `calls` that changed.
    pub(crate) calls: BTreeMap<CallId, CallRow>,
    /// Calls that were closed by us after a crash.
    pub(crate) recovered: Vec<(TenantId, CallId)>,
}

impl Batch {
    /// The same, an event at a time.
    pub(crate) fn singles(self) -> Vec<Self> {
        let Self { events, calls, recovered } = self;
        let single = |event: AppendedEvent| {
            let call = event.event.call;
            let row = calls.get(&call).map(|row| (call, row.clone()));
            let own = recovered.iter().copied().filter(|(_, recovered)| *recovered == call);
            Self { calls: row.into_iter().collect(), recovered: own.collect(), events: vec![event] }
        };
        events.into_iter().map(single).collect()
    }
}

/// Appends; the place of each event in order, and whether it is new.
async fn append_in_tx(
    tx: &mut Tx,
    events: &[AppendedEvent],
) -> Result<Vec<(i64, bool)>, StoreError> {
    let mut rows = Vec::with_capacity(events.len());
    for appended in events {
        let AppendedEvent { n, at, event, .. } = appended;
        let body = serde_json::value::to_raw_value(event.as_ref())
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let kind = kind_word(&body).to_owned();
        rows.push(args![event.tenant, event.call, *n, *at, kind, body]);
    }
    let fresh = tx
        .list_many(&APPEND, rows, |row| Ok(((row.id("call_id")?, row.col("n")?), row.col("seq")?)))
        .await?;
    let fresh: HashMap<(CallId, i64), i64> = fresh.into_iter().collect();
    let mut places = Vec::with_capacity(events.len());
    for appended in events {
        let (call, n) = (appended.event.call, appended.n);
        places.push(match fresh.get(&(call, n)) {
            Some(seq) => (*seq, true),
            None => (place_in_tx(tx, call, n).await?, false),
        });
    }
    Ok(places)
}

/// Where an event is that was there already.
async fn place_in_tx(tx: &mut Tx, call: CallId, n: i64) -> Result<i64, StoreError> {
    tx.find("SELECT seq FROM call_events WHERE call_id = $1 AND n = $2", args![call, n], |row| {
        row.col("seq")
    })
    .await?
    .ok_or_else(|| StoreError::Corrupt("an event is neither new nor there".into()))
}

/// What ended calls change beside their own rows: the person's attempts, the claim on them.
async fn ended_in_tx(tx: &mut Tx, ended: &[(&AppendedEvent, EndedCall)]) -> Result<(), StoreError> {
    let ids = |(appended, _): &(&AppendedEvent, EndedCall)| {
        args![appended.event.tenant, appended.event.call]
    };
    // Only who is called out is claimed.
    let claimed = ended.iter().filter(|(_, call)| call.outbound);
    tx.run_many(&RELEASE, claimed.map(ids).collect()).await?;
    let unrecorded = ended.iter().filter(|(_, call)| call.expected && !call.recorded);
    recordings_unexpect_in_tx(tx, unrecorded.map(ids).collect()).await?;
    for (appended, call) in ended {
        let Some(lead) = call.lead else { continue };
        let (tenant, at) = (appended.event.tenant, appended.at);
        let attempts = i64::from(call.outbound);
        let args = args![tenant, lead, attempts, call.spoken, call.at, call.outbound, at];
        tx.run(ATTEMPTED, args).await?;
    }
    Ok(())
}

const ATTEMPTED: &str = "UPDATE leads SET attempts = attempts + $3,
            last_contact_at = CASE WHEN $4 THEN $5 ELSE last_contact_at END,
            category = CASE WHEN category = 'fresh' AND $6
                            THEN CASE WHEN $4 THEN 'follow_up' ELSE 'retry' END
                            ELSE category END,
            updated_at = $7
     WHERE tenant_id = $1 AND id = $2";

impl Store {
    /// Appends events, folds them, and does what follows from them, once; the place of each.
    pub(crate) async fn platform_events_append(
        &self,
        batch: &Batch,
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.write(Scope::Platform).await?;
        journal_order_in_tx(&mut tx).await?;
        let places = append_in_tx(&mut tx, &batch.events).await?;
        calls_fold_in_tx(&mut tx, batch.calls.values().cloned().collect()).await?;
        let fresh = batch.events.iter().zip(&places).filter(|(_, (_, new))| *new);
        let fresh: Vec<&AppendedEvent> = fresh.map(|(appended, _)| appended).collect();
        recordings_fold_in_tx(&mut tx, &fresh).await?;
        let ended: Vec<_> =
            fresh.into_iter().filter_map(|appended| Some((appended, appended.ends?))).collect();
        ended_in_tx(&mut tx, &ended).await?;
        // Here and not later: dying again after this must not lose the mark.
        for (tenant, call) in &batch.recovered {
            recording_recovered_in_tx(&mut tx, *tenant, *call).await?;
        }
        tx.commit().await?;
        Ok(places.into_iter().map(|(seq, _)| seq).collect())
    }

    /// Events of a call in order.
    pub async fn call_events(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Vec<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        self.list(
            tenant,
            "SELECT seq, at, body FROM call_events WHERE tenant_id = $1 AND call_id = $2
             ORDER BY n",
            args![tenant, call],
            stored_event,
        )
        .await
    }

    /// The number that the next event of a call will have.
    pub(crate) async fn call_events_next(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<i64, StoreError> {
        let next = self
            .find(
                tenant,
                "SELECT COALESCE(MAX(n) + 1, 0) AS n FROM call_events
                 WHERE tenant_id = $1 AND call_id = $2",
                args![tenant, call],
                |row| row.col("n"),
            )
            .await?;
        Ok(next.unwrap_or(0))
    }

    /// Events of a call after a place in the journal, a page at a time.
    pub async fn call_events_page(
        &self,
        tenant: TenantId,
        call: CallId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        let after = cursor::decode::<i64>(cursor)?.unwrap_or(0);
        let (keep, fetch) = cursor::limits(limit);
        let items = self
            .list(
                tenant,
                "SELECT seq, at, body FROM call_events
                 WHERE tenant_id = $1 AND call_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
                args![tenant, call, after, fetch],
                stored_event,
            )
            .await?;
        Ok(cursor::page(items, keep, |(seq, ..)| *seq))
    }

    /// Events of every tenant after a place in the journal.
    pub async fn platform_events_after(
        &self,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT seq, at, body FROM call_events WHERE seq > $1 ORDER BY seq LIMIT $2",
            args![seq, limit],
            stored_event,
        )
        .await
    }

    /// The last place in the journal; 0 while it is empty.
    pub async fn platform_last_seq(&self) -> Result<i64, StoreError> {
        let last = self
            .find(
                Scope::Platform,
                "SELECT COALESCE(MAX(seq), 0) AS seq FROM call_events",
                args![],
                |row| row.col("seq"),
            )
            .await?;
        Ok(last.unwrap_or(0))
    }
}
