//! Agent states as rows: what is written at each change and read at start.

use crate::{
    agent::{Key, State, Wish},
    run::AgentView,
};
use call::{TenantId, UserId};
use crm::{
    Store, StoreError,
    agents::{AgentState, AgentStateKind},
    users::UserFilter,
};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Rows written in one transaction.
const BATCH: usize = 256;
/// Least time between two writes: a lone change is written at once, a busy floor's together.
const SPACING: Duration = Duration::from_millis(50);
const PAGE: u32 = 500;

/// A state to be written.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    tenant: TenantId,
    state: AgentState,
}

impl Row {
    pub(crate) fn of(view: &AgentView) -> Self {
        let Key { tenant, user } = view.key;
        let reason = match &view.state {
            State::Paused(reason) => Some(reason.clone()),
            State::Offline
            | State::Ready
            | State::Reserved(_)
            | State::Ringing(_)
            | State::OnCall(_)
            | State::WrapUp(_)
            | State::Unreachable => None,
        };
        let state = AgentState {
            user,
            state: kind_of(&view.state),
            reason,
            call: view.state.call(),
            since: view.since,
        };
        Self { tenant, state }
    }
}

/// Writes rows in order, together with what else came meanwhile; waits while the database is
/// away.
pub(crate) async fn write(store: Store, mut queue: mpsc::Receiver<Row>) {
    let mut rows = Vec::with_capacity(BATCH);
    let mut next_write = Instant::now();
    while queue.recv_many(&mut rows, BATCH).await > 0 {
        if !queue.is_closed() {
            sleep_until(next_write).await;
        }
        while rows.len() < BATCH
            && let Ok(row) = queue.try_recv()
        {
            rows.push(row);
        }
        next_write = Instant::now() + SPACING;
        let all: Vec<_> = rows.drain(..).map(|row| (row.tenant, row.state)).collect();
        if write_until_done(&store, &all).await.is_ok() {
            continue;
        }
        // Something in the batch can never be written: find it, say so, go on without it.
        for one in &all {
            if let Err(error) = write_until_done(&store, std::slice::from_ref(one)).await {
                tracing::error!(%error, user.id = %one.1.user, "agent state refused");
            }
        }
    }
}

async fn write_until_done(
    store: &Store,
    rows: &[(TenantId, AgentState)],
) -> Result<(), StoreError> {
    let mut pause = FIRST_RETRY;
    loop {
        match store.platform_agent_states_enter(rows).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "agent states not written yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RETRY);
            }
            done => return done,
        }
    }
}

pub(crate) fn kind_of(state: &State) -> AgentStateKind {
    match state {
        State::Offline => AgentStateKind::Offline,
        State::Ready => AgentStateKind::Ready,
        State::Reserved(_) => AgentStateKind::Reserved,
        State::Ringing(_) => AgentStateKind::Ringing,
        State::OnCall(_) => AgentStateKind::OnCall,
        State::WrapUp(_) => AgentStateKind::WrapUp,
        State::Paused(_) => AgentStateKind::Paused,
        State::Unreachable => AgentStateKind::Unreachable,
    }
}

/// What an agent wanted, judged by the state a former process left them in.
pub(crate) fn wish_of(row: &AgentState) -> Wish {
    match row.state {
        AgentStateKind::Offline => Wish::Offline,
        AgentStateKind::Paused => Wish::Paused(row.reason.clone().unwrap_or_default()),
        AgentStateKind::Ready
        | AgentStateKind::Reserved
        | AgentStateKind::Ringing
        | AgentStateKind::OnCall
        | AgentStateKind::WrapUp
        | AgentStateKind::Unreachable => Wish::Ready,
    }
}

/// Everybody of a tenant who may take calls.
pub(crate) async fn callers(store: &Store, tenant: TenantId) -> Result<Vec<UserId>, StoreError> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let filter = UserFilter { active: Some(true), limit: PAGE, cursor, ..Default::default() };
        let page = store.user_list(tenant, &filter).await?;
        found.extend(page.items.iter().filter(|u| u.role.calls()).map(|u| u.id));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(found),
        }
    }
}
