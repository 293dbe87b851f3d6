//! The shell of the floor: one task that owns it, feeds it from the journal, the registrar and
//! the desk, publishes what changed, and has it written down.

use crate::{
    agent::{Floor, Input, Key, State, Wish},
    rows::{self, Row},
};
use call::{CallEventKind, CallId, Direction, ExtensionId, TenantId, UserId};
use chrono::{DateTime, Utc};
use crm::{Journal, JournalEntry, Store, StoreError, journal::Subscription};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Extensions that have a registered phone now.
pub type Phones = Arc<HashSet<ExtensionId>>;

/// Commands waiting; a full queue makes the caller wait.
const MAILBOX: usize = 256;
/// Changes a slow listener may be behind before it has to take the whole view again.
const CHANGES: usize = 1024;
/// Rows waiting to be written.
const ROWS: usize = 4096;
const JOURNAL_RETRY: Duration = Duration::from_millis(500);

/// An agent as the floor sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// Which agent.
    pub key: Key,
    /// What they are doing.
    pub state: State,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What they asked for.
    pub wish: Wish,
    /// Calls that need an outcome, oldest first.
    pub pending: Vec<CallId>,
    /// A phone of theirs is registered.
    pub reachable: bool,
}

/// The dialer is shutting down and takes no more commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the dialer is shutting down")]
pub struct Closed;

enum Command {
    Input(Key, Input, oneshot::Sender<AgentView>),
    DirectoryChanged,
}

type View = Arc<BTreeMap<Key, AgentView>>;

/// Handle of the floor. Cheap to clone; the task ends when the last handle is gone.
#[derive(Clone)]
pub struct Dialer {
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<View>,
    changes: broadcast::Sender<AgentView>,
}

impl Dialer {
    /// Takes the floor up where a former process left it, then follows the journal and `phones`.
    pub async fn start(
        store: Store,
        journal: &Journal,
        phones: watch::Receiver<Phones>,
    ) -> Result<Self, StoreError> {
        // Listening begins before the tables are read: nothing falls in between.
        let events = journal.subscribe_live();
        let (commands, mailbox) = mpsc::channel(MAILBOX);
        let (view_out, view) = watch::channel(View::default());
        let (changes, _) = broadcast::channel(CHANGES);
        let (rows, queue) = mpsc::channel(ROWS);
        tokio::spawn(rows::write(store.clone(), queue));
        let mut task = Task {
            store,
            floor: Floor::new(),
            owners: HashMap::new(),
            phones,
            view: BTreeMap::new(),
            view_out,
            changes: changes.clone(),
            rows,
        };
        task.resume().await?;
        task.look_at_phones().await;
        tokio::spawn(task.run(events, mailbox));
        Ok(Self { commands, view, changes })
    }

    /// One agent, if they ever were on the floor.
    pub fn agent(&self, tenant: TenantId, user: UserId) -> Option<AgentView> {
        self.view.borrow().get(&Key { tenant, user }).cloned()
    }

    /// Every agent of a tenant that ever was on the floor.
    pub fn agents(&self, tenant: TenantId) -> Vec<AgentView> {
        let view = self.view.borrow().clone();
        view.values().filter(|agent| agent.key.tenant == tenant).cloned().collect()
    }

    /// Every change from now on, of all tenants; the listener picks its own.
    pub fn subscribe(&self) -> broadcast::Receiver<AgentView> {
        self.changes.subscribe()
    }

    /// The agent asks for a state.
    pub async fn set_state(
        &self,
        tenant: TenantId,
        user: UserId,
        wish: Wish,
    ) -> Result<AgentView, Closed> {
        self.tell(tenant, user, Input::Wished(wish)).await
    }

    /// A call is about to be placed for the agent.
    pub async fn reserve(
        &self,
        tenant: TenantId,
        user: UserId,
        call: CallId,
    ) -> Result<AgentView, Closed> {
        self.tell(tenant, user, Input::Reserved(call)).await
    }

    /// It was refused.
    pub async fn release(
        &self,
        tenant: TenantId,
        user: UserId,
        call: CallId,
    ) -> Result<AgentView, Closed> {
        self.tell(tenant, user, Input::Released(call)).await
    }

    /// The outcome of a call is in the store.
    pub async fn outcome_saved(
        &self,
        tenant: TenantId,
        user: UserId,
        call: CallId,
    ) -> Result<AgentView, Closed> {
        self.tell(tenant, user, Input::OutcomeSaved(call)).await
    }

    /// Extensions changed hands, came or went.
    pub async fn directory_changed(&self) {
        // A closed floor needs no news.
        let _ = self.commands.send(Command::DirectoryChanged).await;
    }

    async fn tell(
        &self,
        tenant: TenantId,
        user: UserId,
        input: Input,
    ) -> Result<AgentView, Closed> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Input(Key { tenant, user }, input, reply);
        self.commands.send(command).await.map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }
}

struct Task {
    store: Store,
    floor: Floor,
    owners: HashMap<ExtensionId, Key>,
    phones: watch::Receiver<Phones>,
    view: BTreeMap<Key, AgentView>,
    view_out: watch::Sender<View>,
    changes: broadcast::Sender<AgentView>,
    rows: mpsc::Sender<Row>,
}

impl Task {
    async fn run(mut self, mut events: Subscription, mut mailbox: mpsc::Receiver<Command>) {
        let mut phones_open = true;
        loop {
            let due = self.floor.poll_timeout().unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                command = mailbox.recv() => match command {
                    Some(command) => self.take(command).await,
                    None => return,
                },
                entry = events.next() => match entry {
                    Ok(Some(entry)) => self.take_event(&entry).await,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::error!(%error, "the floor cannot read the journal");
                        tokio::time::sleep(JOURNAL_RETRY).await;
                    }
                },
                changed = self.phones.changed(), if phones_open => match changed {
                    Ok(()) => self.look_at_phones().await,
                    Err(_) => phones_open = false,
                },
                () = tokio::time::sleep_until(due.into()) => {
                    self.floor.handle_timeout(Instant::now());
                    self.publish();
                }
            }
        }
    }

    async fn take(&mut self, command: Command) {
        match command {
            Command::Input(key, input, reply) => {
                self.floor.handle_input(Instant::now(), key, input);
                self.publish();
                if let Some(view) = self.view.get(&key) {
                    // A caller that went away needs no answer.
                    let _ = reply.send(view.clone());
                }
            }
            Command::DirectoryChanged => self.look_at_phones().await,
        }
    }

    async fn take_event(&mut self, entry: &JournalEntry) {
        let event = &entry.event;
        if matches!(event.kind, CallEventKind::Ended { .. }) && !self.floor.knows(event.call) {
            self.adopt(event.tenant, event.call).await;
            return;
        }
        let at = u64::try_from(entry.at.timestamp_millis()).unwrap_or(0);
        self.floor.handle_event(Instant::now(), at, event);
        self.publish();
    }

    /// A call of a former process was closed: its agent owes the outcome.
    async fn adopt(&mut self, tenant: TenantId, call: CallId) {
        match self.store.call_find(tenant, call).await {
            Ok(Some(found)) if owes_outcome(&found) => {
                let Some(user) = found.agent else { return };
                let input = Input::Ended { call, outcome_due: true };
                self.floor.handle_input(Instant::now(), Key { tenant, user }, input);
                self.publish();
            }
            Ok(_) => {}
            Err(error) => tracing::error!(call.id = %call, %error, "cannot read an ended call"),
        }
    }

    async fn resume(&mut self) -> Result<(), StoreError> {
        for tenant in self.store.platform_tenants().await? {
            let before: HashMap<UserId, _> = self
                .store
                .agent_state_list(tenant.id)
                .await?
                .into_iter()
                .map(|row| (row.user, row))
                .collect();
            for user in rows::callers(&self.store, tenant.id).await? {
                let key = Key { tenant: tenant.id, user };
                let mut pending = std::collections::BTreeSet::new();
                for call in self.store.call_pending_outcomes(tenant.id, user).await? {
                    let found = self.store.call_find(tenant.id, call).await?;
                    if found.is_some_and(|call| owes_outcome(&call)) {
                        pending.insert(call);
                    }
                }
                let row = before.get(&user);
                if row.is_none() && pending.is_empty() {
                    continue;
                }
                let wish = row.map(rows::wish_of).unwrap_or_default();
                self.floor.resume(Instant::now(), key, wish, pending);
                let since = row.map_or_else(Utc::now, |row| row.since);
                if let Some(view) = self.looked_at(key, since) {
                    if row.is_none_or(|row| row.state != rows::kind_of(&view.state)) {
                        self.write(&view);
                    }
                    self.view.insert(key, view);
                }
            }
        }
        self.view_out.send_replace(Arc::new(self.view.clone()));
        Ok(())
    }

    /// Looks again who has which extension and which of them have a phone.
    async fn look_at_phones(&mut self) {
        match self.store.platform_extensions().await {
            Ok(extensions) => {
                self.owners = extensions
                    .into_iter()
                    .filter_map(|e| Some((e.id, Key { tenant: e.tenant, user: e.user? })))
                    .collect();
            }
            Err(error) => tracing::error!(%error, "cannot read the extensions"),
        }
        let phones = self.phones.borrow_and_update().clone();
        let reachable: HashSet<Key> =
            phones.iter().filter_map(|e| self.owners.get(e).copied()).collect();
        let known: Vec<(Key, bool)> =
            self.floor.agents().map(|(key, agent)| (*key, agent.reachable())).collect();
        let now = Instant::now();
        for (key, before) in &known {
            if *before != reachable.contains(key) {
                self.floor.handle_input(now, *key, Input::Reachable(!before));
            }
        }
        for key in reachable.into_iter().filter(|key| known.iter().all(|(k, _)| k != key)) {
            self.floor.handle_input(now, key, Input::Reachable(true));
        }
        self.publish();
    }

    /// Tells everybody what the last step changed.
    fn publish(&mut self) {
        while self.floor.poll_output().is_some() {}
        let mut any = false;
        for key in self.floor.take_touched() {
            let before = self.view.get(&key);
            let moved = before.is_none_or(|b| {
                self.floor.agent(key).is_some_and(|agent| *agent.state() != b.state)
            });
            let since = match before {
                Some(before) if !moved => before.since,
                Some(before) => before.since.max(Utc::now()),
                None => Utc::now(),
            };
            let Some(after) = self.looked_at(key, since) else { continue };
            if before == Some(&after) {
                continue;
            }
            if moved {
                self.write(&after);
            }
            self.view.insert(key, after.clone());
            any = true;
            // Nobody listening is fine.
            let _ = self.changes.send(after);
        }
        if any {
            self.view_out.send_replace(Arc::new(self.view.clone()));
        }
    }

    fn looked_at(&self, key: Key, since: DateTime<Utc>) -> Option<AgentView> {
        let agent = self.floor.agent(key)?;
        Some(AgentView {
            key,
            state: agent.state().clone(),
            since,
            wish: agent.wish().clone(),
            pending: agent.pending().collect(),
            reachable: agent.reachable(),
        })
    }

    fn write(&self, view: &AgentView) {
        if self.rows.try_send(Row::of(view)).is_err() {
            metrics::counter!("agent_rows_lost_total").increment(1);
            tracing::error!("agent states cannot be written fast enough: one is lost");
        }
    }
}

/// How long to sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The same rule as the floor's, for calls of a former process.
fn owes_outcome(call: &crm::calls::Call) -> bool {
    call.wants_outcome()
        && match call.direction {
            Direction::Outbound => true,
            Direction::Inbound => call.answered_at.is_some(),
            Direction::Internal => false,
        }
}
