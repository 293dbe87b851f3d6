//! After a crash: what lies in the spool is made whole again before calls are closed (H01, H03).

use super::{RecordingError, Recordings, wav};
use crate::{Store, StoreError, calls::RecordingState, journal};
use call::{CallId, NodeId, TenantId};
use chrono::{DateTime, Utc};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// What start-up found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Calls that had no end and have one now.
    pub calls_closed: usize,
    /// Recordings of calls that left no row and have one now.
    pub calls_adopted: usize,
    /// Files whose header or tail was made whole.
    pub files_repaired: usize,
    /// Files without a single sample; removed.
    pub files_empty: usize,
}

struct Found {
    duration_ms: u64,
    repaired: bool,
    written: DateTime<Utc>,
}

/// Repairs every spool file, ends every call that has no end, marks what was recovered. Run
/// once at start, before journal, keeper and switch. `only`: the calls of this node.
pub async fn salvage_spool(
    store: &Store,
    recordings: &Recordings,
    node: NodeId,
    only: Option<NodeId>,
) -> Result<Salvaged, StoreError> {
    let spool = recordings.spool().to_owned();
    let (found, empty) =
        tokio::task::spawn_blocking(move || scan(&spool)).await.unwrap_or_default();
    let closed = journal::close_interrupted_calls(store, node, only, |tenant, call| {
        found.get(&(tenant, call)).map(|f| (f.duration_ms, f.written))
    })
    .await?;
    let broke_off: Vec<CallId> = closed.iter().map(|c| c.call).collect();
    let mut calls_adopted = 0;
    for ((tenant, call), file) in &found {
        calls_adopted += usize::from(adopt(store, node, (*tenant, *call), file).await?);
        if file.repaired || broke_off.contains(call) {
            store.recording_mark_recovered(*tenant, *call).await?;
        }
    }
    for (tenant, call) in &empty {
        store.recording_failed(*tenant, *call, "no audio was written", Utc::now()).await?;
    }
    Ok(Salvaged {
        calls_closed: closed.len(),
        calls_adopted,
        files_repaired: found.values().filter(|f| f.repaired).count(),
        files_empty: empty.len(),
    })
}

/// Audio without a call (its row was never written, or the database is older than the spool)
/// gets a row that says what the file tells: whose, which, when, how long.
async fn adopt(
    store: &Store,
    node: NodeId,
    (tenant, call): Place,
    file: &Found,
) -> Result<bool, StoreError> {
    if store.call_find(tenant, call).await?.is_some() {
        return Ok(false);
    }
    if store.tenant_find(tenant).await?.is_none() {
        tracing::error!(call.id = %call, "a recording in the spool belongs to nobody");
        return Ok(false);
    }
    journal::adopt_recording(store, node, (tenant, call), file.duration_ms, file.written).await?;
    tracing::warn!(call.id = %call, "a recording had no call; its row is made of the file");
    Ok(true)
}

/// What became of a recording that could not be written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// What there was lies in the store.
    Stored,
    /// There was nothing.
    Nothing,
    /// Its call still runs.
    NotYet,
}

impl Recordings {
    /// Puts away what a recording left in the spool that failed midway (a full disk): the customer's words up to there
    /// are encrypted and can be played, and the row says that they were recovered.
    pub(super) async fn put_away_rest(
        &self,
        tenant: TenantId,
        call: CallId,
        now: DateTime<Utc>,
    ) -> Result<Rest, RecordingError> {
        if self.store.call_find(tenant, call).await?.is_some_and(|call| call.ended_at.is_none()) {
            return Ok(Rest::NotYet);
        }
        let path = self.spool_path(tenant, call);
        let file = path.clone();
        let examined = tokio::task::spawn_blocking(move || examine(&file)).await;
        match examined.map_err(|_| RecordingError::Damaged)? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Rest::Nothing),
            Err(error) => return Err(error.into()),
            Ok(found) if found.duration_ms == 0 => {
                tokio::fs::remove_file(&path).await?;
                return Ok(Rest::Nothing);
            }
            Ok(_) => {}
        }
        let Some(row) = self.store.recording_find(tenant, call).await? else {
            tracing::warn!(call.id = %call, "a file in the spool has no recording; it stays there");
            return Ok(Rest::Nothing);
        };
        if row.state == RecordingState::Failed {
            self.store.recording_mark_recovered(tenant, call).await?;
        }
        let stored = self.put_away(tenant, call, now).await?;
        Ok(if stored { Rest::Stored } else { Rest::Nothing })
    }
}

type Place = (TenantId, CallId);

/// Whose recordings lie in the spool.
pub(super) fn spooled(spool: &Path) -> Vec<Place> {
    files(spool).into_iter().map(|(place, _)| place).collect()
}

fn files(spool: &Path) -> Vec<(Place, PathBuf)> {
    let mut found = Vec::new();
    let folders = std::fs::read_dir(spool).into_iter().flatten().flatten();
    for folder in folders {
        let Some(tenant) = parsed::<TenantId>(&folder.path()) else { continue };
        let files = std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
        for file in files {
            let path = file.path();
            let is_wav = path.extension().is_some_and(|e| e == "wav");
            let Some(call) = parsed::<CallId>(&path).filter(|_| is_wav) else { continue };
            found.push(((tenant, call), path));
        }
    }
    found
}

fn scan(spool: &Path) -> (BTreeMap<Place, Found>, Vec<Place>) {
    let (mut found, mut empty) = (BTreeMap::new(), Vec::new());
    for (place, path) in files(spool) {
        match examine(&path) {
            Ok(file) if file.duration_ms == 0 => {
                empty.push(place);
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::warn!(%error, "an empty spool file could not be removed");
                }
            }
            Ok(file) => {
                found.insert(place, file);
            }
            Err(error) => {
                tracing::error!(call.id = %place.1, %error, "a spool file cannot be repaired");
            }
        }
    }
    (found, empty)
}

fn examine(path: &Path) -> io::Result<Found> {
    // The time of the last write, before repairing is one.
    let written = DateTime::<Utc>::from(std::fs::metadata(path)?.modified()?);
    let salvage = wav::repair(path)?;
    Ok(Found { duration_ms: salvage.duration_ms, repaired: salvage.repaired, written })
}

fn parsed<Id: std::str::FromStr>(path: &Path) -> Option<Id> {
    path.file_stem()?.to_str()?.parse().ok()
}
