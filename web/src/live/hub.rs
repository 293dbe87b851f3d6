//! One task that follows journal, floor and switch, and tells every socket what changed.

use super::board::{Card, LiveState};
use crate::{
    Parts,
    shapes::{accounts::Agent, live::Alert, live::Severity},
    state::{LiveFacts, TrunkHealth},
    views,
};
use call::{CallEventKind, CallId, LeadId, TenantId, UserId};
use chrono::{DateTime, Utc};
use crm::{Journal, JournalEntry, Seq, Store, journal::Subscription, users::UserFilter};
use dialer::{AgentView, Dialer};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::{broadcast, watch};

/// Deltas a socket may be behind before it is cut.
const DELTAS: usize = 512;
/// Calls that ended are kept for what comes late: recordings, media quality.
const LINGER: Duration = Duration::from_secs(30);
/// Longest wait for what is known of a person: the pop comes without it rather than late.
const CARD_WAIT: Duration = Duration::from_millis(200);
const HISTORY: u32 = 10;
const TICK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(200);

/// What kind of change a call had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallChange {
    Started,
    Answered,
    Updated,
    Ended,
}

/// A change, before anybody's eyes.
#[derive(Clone, Debug)]
pub(crate) enum Delta {
    Call {
        seq: Seq,
        at: DateTime<Utc>,
        change: CallChange,
        call: Arc<LiveState>,
    },
    Agent {
        tenant: TenantId,
        user: UserId,
        at: DateTime<Utc>,
        agent: Arc<Agent>,
    },
    /// To all, or to the leaders of one tenant.
    Alert {
        tenant: Option<TenantId>,
        at: DateTime<Utc>,
        alert: Arc<Alert>,
    },
}

#[derive(Default)]
struct Board {
    seq: Seq,
    calls: HashMap<CallId, (Arc<LiveState>, Option<Instant>)>,
    alerts: Vec<(Option<TenantId>, Alert)>,
}

/// Where sockets come to listen.
pub(crate) struct Hub {
    board: Arc<RwLock<Board>>,
    deltas: broadcast::Sender<Delta>,
    pub(super) sockets: std::sync::Mutex<HashMap<UserId, usize>>,
}

impl Hub {
    pub(crate) fn start(parts: &Parts) -> Self {
        let board =
            Arc::new(RwLock::new(Board { seq: parts.journal.last_seq(), ..Board::default() }));
        let (deltas, _) = broadcast::channel(DELTAS);
        let task = Task {
            store: parts.store.clone(),
            journal: parts.journal.clone(),
            board: board.clone(),
            deltas: deltas.clone(),
        };
        let events = parts.journal.subscribe_live();
        tokio::spawn(task.run(events, parts.dialer.clone(), parts.facts.clone()));
        Self { board, deltas, sockets: std::sync::Mutex::default() }
    }

    /// Deltas from now on. Subscribe first, then look at the board: nothing falls in between.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Delta> {
        self.deltas.subscribe()
    }

    /// Live calls of a tenant that are wanted, and the place in the journal they are told up to.
    /// Rows are read at events only while somebody listens; what was not, is read here.
    pub(super) async fn calls(
        &self,
        store: &Store,
        tenant: TenantId,
        wanted: impl Fn(&LiveState) -> bool,
    ) -> (Seq, Vec<Arc<LiveState>>) {
        let (seq, mut calls) = {
            let board = self.board.read().expect("no panic under this lock");
            let calls = board.calls.values().map(|(call, _)| call);
            let calls = calls.filter(|call| call.record.tenant_id == tenant && wanted(call));
            (board.seq, calls.cloned().collect::<Vec<_>>())
        };
        for call in calls.iter_mut().filter(|call| call.row.is_none()) {
            let mut read = LiveState::clone(call);
            read_row(store, &mut read).await;
            let read = Arc::new(read);
            let mut board = self.board.write().expect("no panic under this lock");
            if let Some((kept, _)) = board.calls.get_mut(&call.record.id)
                && Arc::ptr_eq(kept, call)
            {
                *kept = read.clone();
            }
            *call = read;
        }
        (seq, calls)
    }

    /// A call that is over, from its row: for outcomes that are missing since a restart.
    pub(super) async fn read(
        &self,
        store: &Store,
        tenant: TenantId,
        id: CallId,
    ) -> Result<Option<LiveState>, crm::StoreError> {
        stored(store, tenant, id).await
    }

    /// What is wrong now, as far as it concerns the tenant.
    pub(super) fn alerts(&self, tenant: TenantId, leader: bool) -> Vec<Alert> {
        let board = self.board.read().expect("no panic under this lock");
        let of = |to: &Option<TenantId>| to.is_none_or(|t| leader && t == tenant);
        board.alerts.iter().filter(|(to, _)| of(to)).map(|(_, alert)| alert.clone()).collect()
    }
}

/// A call from its row.
async fn stored(
    store: &Store,
    tenant: TenantId,
    id: CallId,
) -> Result<Option<LiveState>, crm::StoreError> {
    let Some(row) = store.call_find(tenant, id).await? else { return Ok(None) };
    let mut record = call::CallRecord::new(tenant, id);
    record.direction = Some(row.direction);
    record.status = row.status;
    record.agent_id = row.agent;
    record.lead_id = row.lead;
    record.ended_at_ms = row.ended_at.and_then(|at| u64::try_from(at.timestamp_millis()).ok());
    let card = match row.lead {
        Some(lead) => card(store, tenant, lead).await?.map(Arc::new),
        None => None,
    };
    let row = Some(Arc::new(row));
    Ok(Some(LiveState { record, row, card, digits: String::new() }))
}

struct Task {
    store: Store,
    journal: Journal,
    board: Arc<RwLock<Board>>,
    deltas: broadcast::Sender<Delta>,
}

impl Task {
    async fn run(
        self,
        mut events: Subscription,
        dialer: Dialer,
        mut facts: watch::Receiver<Arc<LiveFacts>>,
    ) {
        let mut agents = dialer.subscribe();
        drop(dialer);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                entry = events.next() => match entry {
                    Ok(Some(entry)) => self.take_event(&entry).await,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::error!(%error, "the live board cannot read the journal");
                        tokio::time::sleep(RETRY).await;
                    }
                },
                view = agents.recv() => match view {
                    Ok(view) => self.take_agent(&view).await,
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "the live board missed agent states");
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = tick.tick() => {
                    self.forget_old();
                    let now = facts.borrow_and_update().clone();
                    self.look_for_trouble(&now);
                }
            }
        }
    }

    async fn take_event(&self, entry: &JournalEntry) {
        let event = &entry.event;
        let began = matches!(event.kind, CallEventKind::Started { .. });
        let known = {
            let board = self.board.read().expect("no panic under this lock");
            board.calls.get(&event.call).map(|(call, _)| call.clone())
        };
        let mut call = match known {
            Some(known) => LiveState::clone(&known),
            None if began => LiveState::new(event),
            // Said in a long wrap-up: the call has left the board, its screen has not.
            None if matches!(event.kind, CallEventKind::LeadFound { .. }) => {
                match stored(&self.store, event.tenant, event.call).await {
                    Ok(Some(call)) => call,
                    Ok(None) | Err(_) => return self.reached(entry.seq),
                }
            }
            None => return self.reached(entry.seq),
        };
        let at_ms = u64::try_from(entry.at.timestamp_millis()).unwrap_or(0);
        let tell = call.apply(event, at_ms);
        if tell {
            // What was read before is not true any more.
            call.row = None;
        }
        let change = if began {
            CallChange::Started
        } else if matches!(event.kind, CallEventKind::Answered { .. }) {
            CallChange::Answered
        } else if matches!(event.kind, CallEventKind::Ended { .. }) {
            CallChange::Ended
        } else {
            CallChange::Updated
        };
        self.keep(entry.seq, Arc::new(call.clone()));
        // Whoever begins to listen after this line finds the call on the board.
        if tell && self.deltas.receiver_count() > 0 {
            self.read_row(&mut call).await;
            let call = Arc::new(call);
            self.keep(entry.seq, call.clone());
            // Nobody listening any more is fine.
            let _ = self.deltas.send(Delta::Call { seq: entry.seq, at: entry.at, change, call });
            let late = (Utc::now() - entry.at).num_milliseconds();
            metrics::histogram!("live_delta_ms").record(late as f64);
        }
    }

    fn keep(&self, seq: Seq, call: Arc<LiveState>) {
        let ended = call.record.ended_at_ms.is_some().then(Instant::now);
        let mut board = self.board.write().expect("no panic under this lock");
        board.seq = seq;
        board.calls.insert(call.record.id, (call, ended));
    }

    fn reached(&self, seq: Seq) {
        self.board.write().expect("no panic under this lock").seq = seq;
    }

    async fn read_row(&self, call: &mut LiveState) {
        read_row(&self.store, call).await;
    }
}

/// The row with its names, and once per call what is known of the person (HUD-02, TEL-10).
async fn read_row(store: &Store, call: &mut LiveState) {
    let (tenant, id) = (call.record.tenant_id, call.record.id);
    match store.call_find(tenant, id).await {
        Ok(Some(row)) => call.row = Some(Arc::new(row)),
        Ok(None) => tracing::warn!(call.id = %id, "an event of a call without a row"),
        Err(error) => tracing::error!(call.id = %id, %error, "live call not read"),
    }
    let lead = call.record.lead_id.or_else(|| call.row.as_ref().and_then(|row| row.lead));
    if let (None, Some(lead)) = (&call.card, lead) {
        match tokio::time::timeout(CARD_WAIT, card(store, tenant, lead)).await {
            Ok(Ok(card)) => call.card = card.map(Arc::new),
            Ok(Err(error)) => tracing::error!(call.id = %id, %error, "lead card not read"),
            Err(_) => tracing::warn!(call.id = %id, "lead card came too late for the pop"),
        }
    }
}

/// What is known of a person: data, history, script.
async fn card(
    store: &Store,
    tenant: TenantId,
    lead: LeadId,
) -> Result<Option<Card>, crm::StoreError> {
    let Some(lead) = store.lead_find(tenant, lead).await? else { return Ok(None) };
    let everybody = UserFilter { limit: 500, ..Default::default() };
    let (history, script, users) = tokio::join!(
        store.lead_timeline(tenant, lead.id, None, HISTORY, None),
        store.script_for(tenant, &lead.language, &lead.source),
        store.user_list(tenant, &everybody),
    );
    let names = users?.items.into_iter().map(|u| (u.id, u.name)).collect();
    Ok(Some(Card {
        lead,
        history: history?.items,
        script: script?.map(views::script),
        names: Arc::new(names),
    }))
}

impl Task {
    async fn take_agent(&self, view: &AgentView) {
        // Whoever begins to listen now takes all agents from the floor first.
        if self.deltas.receiver_count() == 0 {
            return;
        }
        let (tenant, user) = (view.key.tenant, view.key.user);
        let read = async {
            let found = self.store.user_find(tenant, user).await?;
            let extension = self.store.extension_of_user(tenant, user).await?;
            Ok::<_, crm::StoreError>((found, extension))
        };
        match read.await {
            Ok((Some(found), extension)) => {
                let agent = views::agent(&found, extension.as_ref(), view.reachable, Some(view));
                let agent = Arc::new(agent);
                let _ = self.deltas.send(Delta::Agent { tenant, user, at: view.since, agent });
            }
            Ok((None, _)) => {}
            Err(error) => tracing::error!(%error, "agent state not told"),
        }
    }

    fn forget_old(&self) {
        let mut board = self.board.write().expect("no panic under this lock");
        board.calls.retain(|_, (_, ended)| ended.is_none_or(|at| at.elapsed() < LINGER));
    }

    fn look_for_trouble(&self, facts: &LiveFacts) {
        let now = trouble(facts, self.journal.is_degraded());
        let mut board = self.board.write().expect("no panic under this lock");
        if board.alerts == now {
            return;
        }
        let before = std::mem::replace(&mut board.alerts, now.clone());
        drop(board);
        let at = Utc::now();
        let tell = |tenant, alert| {
            let _ = self.deltas.send(Delta::Alert { tenant, at, alert: Arc::new(alert) });
        };
        for (tenant, alert) in now.iter().filter(|a| !before.contains(a)) {
            tell(*tenant, alert.clone());
        }
        let still = |gone: &Alert| now.iter().any(|(_, a)| a.code == gone.code);
        for (tenant, alert) in before.into_iter().filter(|(_, a)| !still(a)) {
            tell(tenant, Alert { cleared: true, ..alert });
        }
    }
}

/// What is wrong now, and whom it concerns.
fn trouble(facts: &LiveFacts, degraded: bool) -> Vec<(Option<TenantId>, Alert)> {
    let alert = |code: &str, severity, message: String| Alert {
        code: code.to_owned(),
        about: None,
        severity,
        message,
        cleared: false,
    };
    let mut found = Vec::new();
    if facts.draining {
        let words = "shutting down: live calls go on, no new ones".to_owned();
        found.push((None, alert("draining", Severity::Warning, words)));
    }
    if degraded {
        let words = "the journal lags: live calls go on, no new ones".to_owned();
        found.push((None, alert("degraded", Severity::Critical, words)));
    }
    let mut trunks: Vec<_> = facts.trunks.iter().collect();
    trunks.sort_by_key(|(id, _)| **id);
    for (id, trunk) in trunks {
        let (code, what) = match trunk.health {
            TrunkHealth::Down => ("trunk_down", "is down"),
            // Calls that run go on; new ones are the administrator's to bring back.
            TrunkHealth::Refused => ("trunk_refused", "is refused by its carrier"),
            TrunkHealth::Disabled | TrunkHealth::Unknown | TrunkHealth::Up => continue,
        };
        let error = trunk.last_error.as_deref().unwrap_or("does not answer");
        let words = format!("trunk {} {what}: {error}", trunk.name);
        let alert = alert(&format!("{code}:{id}"), Severity::Critical, words);
        found.push((Some(trunk.tenant), Alert { about: Some(trunk.name.clone()), ..alert }));
    }
    found
}
