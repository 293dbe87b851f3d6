//! Starts and ends the tasks of trunks as the directory changes.

use super::{
    Trunk, Trunks,
    watch::{Watch, registration_of},
};
use crate::{
    Directory,
    dns::Dns,
    sip::{OurNames, SipDoor},
};
use call::TrunkId;
use futures::future::join_all;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// A failed look at the directory is repeated after this.
const DIRECTORY_RETRY: Duration = Duration::from_secs(5);

/// How long a registrar has to take our registration back.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// Who changed a trunk waits no longer than this for its name to have an address.
const RESOLVE_LIMIT: Duration = Duration::from_secs(3);

/// Changes that may wait; those who ask wait for room.
pub(crate) const ORDER_QUEUE: usize = 64;

/// What the tasks of trunks are told.
pub(crate) enum TrunkOrder {
    /// The directory has changed. Answered when what it says now is in force.
    Look(oneshot::Sender<()>),
    /// The end: take every registration back. Answered when that is done.
    Leave(oneshot::Sender<()>),
}

/// What the trunk tasks need.
#[derive(Clone)]
pub(crate) struct TrunkNeighbours {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) trunks: Arc<Trunks>,
    pub(crate) sip: SipDoor,
    pub(crate) names: OurNames,
    pub(crate) dns: Dns,
    pub(crate) shutdown: CancellationToken,
}

/// How a trunk's task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// The registrar is told that we are gone.
    TakeBack,
    /// Its successor tells the same registrar the same.
    Silent,
}

/// A trunk's task.
struct Running {
    trunk: Arc<Trunk>,
    stop: oneshot::Sender<Farewell>,
    ended: JoinHandle<()>,
}

/// Follows the directory until shutdown.
pub(crate) async fn run(near: TrunkNeighbours, mut orders: mpsc::Receiver<TrunkOrder>) {
    let mut tasks: HashMap<TrunkId, Running> = HashMap::new();
    let mut waiting = Vec::new();
    loop {
        let retry = match near.directory.trunks().await {
            Ok(settings) => {
                near.trunks.replace(settings);
                let started = restart_changed(&near, &mut tasks);
                confirm(&near, started, std::mem::take(&mut waiting));
                None
            }
            Err(error) => {
                tracing::warn!(%error, "trunks cannot be read, the known ones stay");
                Some(DIRECTORY_RETRY)
            }
        };
        let again = async {
            match retry {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = near.shutdown.cancelled() => return,
            () = again => {}
            order = orders.recv() => match order {
                Some(TrunkOrder::Look(done)) => waiting.push(done),
                Some(TrunkOrder::Leave(done)) => {
                    leave_all(&mut tasks).await;
                    let _ = done.send(());
                    return near.shutdown.cancelled().await;
                }
                None => return near.shutdown.cancelled().await,
            }
        }
    }
}

/// Ends the tasks of trunks that are gone or have changed, and starts those that are missing.
fn restart_changed(
    near: &TrunkNeighbours,
    tasks: &mut HashMap<TrunkId, Running>,
) -> Vec<Arc<Trunk>> {
    let trunks = near.trunks.all();
    let now = |id: &TrunkId| trunks.iter().find(|trunk| trunk.settings.trunk == *id);
    let changed: Vec<TrunkId> = tasks
        .iter()
        .filter(|(id, task)| now(id).is_none_or(|now| now.settings != task.trunk.settings))
        .map(|(id, _)| *id)
        .collect();
    let mut leaving = HashMap::new();
    for id in changed {
        let Some(Running { trunk, stop, ended }) = tasks.remove(&id) else { continue };
        let same = now(&id).is_some_and(|now| registers_alike(&trunk, now));
        let _ = stop.send(if same { Farewell::Silent } else { Farewell::TakeBack });
        leaving.insert(id, ended);
    }
    let mut started = Vec::new();
    for trunk in trunks.iter().filter(|trunk| trunk.settings.enabled) {
        tasks.entry(trunk.settings.trunk).or_insert_with(|| {
            started.push(trunk.clone());
            start(near.clone(), trunk.clone(), leaving.remove(&trunk.settings.trunk))
        });
    }
    started
}

/// A trunk's task. The one before it has its say first: were its farewell the later one, it would
/// take the new registration back.
fn start(near: TrunkNeighbours, trunk: Arc<Trunk>, before: Option<JoinHandle<()>>) -> Running {
    let (stop, stopped) = oneshot::channel();
    let (its_trunk, shutdown) = (trunk.clone(), near.shutdown.clone());
    let ended = tokio::spawn(async move {
        if let Some(before) = before {
            let _ = timeout(FAREWELL_LIMIT, before).await;
        }
        let mut watch = Watch::new(its_trunk, near, Instant::now());
        let farewell = tokio::select! {
            () = shutdown.cancelled() => Farewell::Silent,
            farewell = stopped => farewell.unwrap_or(Farewell::Silent),
            () = watch.run() => Farewell::Silent,
        };
        if farewell == Farewell::TakeBack {
            let _ = timeout(FAREWELL_LIMIT, watch.leave()).await;
        }
    });
    Running { trunk, stop, ended }
}

/// Whether the registrar would take both for the same: then a new REGISTER replaces the old one.
fn registers_alike(before: &Trunk, now: &Trunk) -> bool {
    let (old, new) = (&before.settings, &now.settings);
    let same_place = old.host == new.host
        && old.port == new.port
        && old.further_hosts == new.further_hosts
        && old.outbound_proxy == new.outbound_proxy
        && old.transport == new.transport;
    let whom = |trunk: &Trunk| registration_of(trunk).map(|config| (config.registrar, config.aor));
    new.enabled && same_place && whom(now).is_some() && whom(before) == whom(now)
}

/// Tells those who wait that the change is in force, once the names of new trunks have addresses.
fn confirm(near: &TrunkNeighbours, started: Vec<Arc<Trunk>>, waiting: Vec<oneshot::Sender<()>>) {
    let dns = near.dns.clone();
    tokio::spawn(async move {
        let resolved = join_all(started.iter().map(|trunk| trunk.addresses(&dns)));
        let _ = timeout(RESOLVE_LIMIT, resolved).await;
        for done in waiting {
            let _ = done.send(());
        }
    });
}

async fn leave_all(tasks: &mut HashMap<TrunkId, Running>) {
    let ended: Vec<_> = tasks
        .drain()
        .map(|(_, task)| {
            let _ = task.stop.send(Farewell::TakeBack);
            task.ended
        })
        .collect();
    // All at once, each bounded by its own limit.
    join_all(ended).await;
}
