//! What it costs to write a call event so that it survives a crash.

use crate::process::Process;
use call::{CallEvent, CallEventKind, CallId, Direction, EVENT_VERSION, LegId, TenantId};
use chrono::Utc;
use crm::{
    Journal, JournalConfig, MasterKey, StampedEvent, Store, StoreConfig, fresh,
    tenants::{NewTenant, TenantSettings},
};
use std::time::{Duration, Instant};

/// Events of one call here.
const EVENTS_PER_CALL: usize = 8;

pub(crate) struct Appended {
    /// CPU of each event on a busy floor, microseconds.
    pub(crate) us_each: f64,
    /// From handing a lone event in until it is on disk and seen by a subscriber, milliseconds.
    pub(crate) lone_ms: f64,
}

/// Appends `count` events, as many at once as a busy floor has.
pub(crate) async fn append(count: usize) -> Appended {
    let folder = tempfile::tempdir().expect("a folder");
    let master = MasterKey::open_or_create(&folder.path().join("master.key")).expect("a key");
    let url = format!("sqlite://{}", folder.path().join("telehub.db").display());
    let store = Store::open(StoreConfig { url, master }).await.expect("a store");
    let tenant: TenantId = fresh();
    let new = NewTenant {
        id: tenant,
        slug: "load".into(),
        name: "Load".into(),
        sip_domain: "load.local".into(),
        timezone: "Asia/Kolkata".into(),
        settings: TenantSettings::default(),
    };
    store.platform_tenant_create(&new, Utc::now()).await.expect("a tenant");
    let journal =
        Journal::start(store.clone(), JournalConfig::new(fresh())).await.expect("a journal");
    let mut seen = journal.subscribe_live();
    let before = Process::own().cpu();
    for _ in 0..count / EVENTS_PER_CALL {
        for event in events(tenant) {
            journal.sender().send(event).await.expect("the journal runs");
        }
    }
    for _ in 0..count / EVENTS_PER_CALL * EVENTS_PER_CALL {
        seen.next().await.expect("readable").expect("there");
    }
    let cpu = Process::own().cpu() - before;
    let mut lone = Vec::new();
    for event in (0..5).flat_map(|_| events(tenant)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let from = Instant::now();
        journal.sender().send(event).await.expect("the journal runs");
        seen.next().await.expect("readable").expect("there");
        lone.push(from.elapsed().as_secs_f64() * 1000.0);
    }
    drop(seen);
    journal.close().await;
    store.close().await;
    let us_each = cpu.as_secs_f64() * 1e6 / count as f64;
    Appended { us_each, lone_ms: crate::process::median(lone) }
}

fn events(tenant: TenantId) -> Vec<StampedEvent> {
    let call: CallId = fresh();
    let leg = LegId::of(call, 0);
    let started = CallEventKind::Started {
        direction: Direction::Outbound,
        from: "101".into(),
        to: "+919812340001".into(),
        lead: None,
        agent: None,
        extension: None,
        trunk: None,
        number: None,
        campaign: None,
        carrier_refs: Vec::new(),
    };
    let later = |n: usize| CallEventKind::Muted { leg, muted: n.is_multiple_of(2) };
    let kinds = std::iter::once(started).chain((1..EVENTS_PER_CALL).map(later));
    let stamp =
        |kind| StampedEvent::new(Utc::now(), CallEvent { v: EVENT_VERSION, tenant, call, kind });
    kinds.map(stamp).collect()
}
