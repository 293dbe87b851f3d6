//! Answers of the directory kept for a moment, so that a burst of registrations or calls costs
//! one read per extension. Absent ones are kept as well: they must not take longer (B03).

use crate::directory::{Directory, DirectoryError, ExtensionAccount, Realm};
use call::{TenantId, TrunkId};
use dashmap::DashMap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// An answer older than this is asked for again.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// That somebody does not exist is believed for a moment only: they may just have been added.
const ABSENT_FOR: Duration = Duration::from_secs(2);

/// More answers than this are not kept: strangers choose the names asked for.
const KEPT_MAX: usize = 50_000;

/// A directory that takes longer counts as unavailable.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What was asked and answered lately. Shared by the SIP task and the calls.
pub(crate) struct Accounts {
    directory: Arc<dyn Directory>,
    realms: DashMap<String, Kept<Realm>>,
    accounts: DashMap<(TenantId, String), Kept<Arc<ExtensionAccount>>>,
    numbers: DashMap<String, Kept<TrunkId>>,
    /// How often everything was forgotten.
    changes: AtomicU64,
}

/// An answer: somebody or nobody, when it came, and how often everything had been forgotten when
/// the question was asked. A question from before a change may get an answer from before it.
struct Kept<T> {
    at: Instant,
    changes: u64,
    answer: Option<T>,
}

impl Accounts {
    pub(crate) fn new(directory: Arc<dyn Directory>) -> Self {
        Self {
            directory,
            realms: DashMap::new(),
            accounts: DashMap::new(),
            numbers: DashMap::new(),
            changes: AtomicU64::new(0),
        }
    }

    /// Whose a domain is, if that is known; the inner `None` is "nobody's".
    pub(crate) fn known_realm(&self, domain: &str, now: Instant) -> Option<Option<Realm>> {
        let kept = self.realms.get(domain)?;
        self.is_good(&kept, now).then(|| kept.answer.clone())
    }

    /// Who an extension is, if that is known; the inner `None` is "nobody".
    pub(crate) fn known_account(
        &self,
        tenant: TenantId,
        user: &str,
        now: Instant,
    ) -> Option<Option<Arc<ExtensionAccount>>> {
        let kept = self.accounts.get(&(tenant, user.to_owned()))?;
        self.is_good(&kept, now).then(|| kept.answer.clone())
    }

    /// Whose a domain is.
    pub(crate) async fn realm(&self, domain: &str) -> Result<Option<Realm>, DirectoryError> {
        if let Some(known) = self.known_realm(domain, Instant::now()) {
            return Ok(known);
        }
        let changes = self.changes.load(Ordering::Acquire);
        let answer = limited(self.directory.realm(domain)).await?;
        if self.realms.len() >= KEPT_MAX {
            self.realms.clear();
        }
        self.realms.insert(domain.to_owned(), Kept::new(changes, answer.clone()));
        Ok(answer)
    }

    /// Who an extension is.
    pub(crate) async fn account(
        &self,
        tenant: TenantId,
        user: &str,
    ) -> Result<Option<Arc<ExtensionAccount>>, DirectoryError> {
        if let Some(known) = self.known_account(tenant, user, Instant::now()) {
            return Ok(known);
        }
        let changes = self.changes.load(Ordering::Acquire);
        let answer = limited(self.directory.extension(tenant, user)).await?.map(Arc::new);
        if self.accounts.len() >= KEPT_MAX {
            self.accounts.clear();
        }
        self.accounts.insert((tenant, user.to_owned()), Kept::new(changes, answer.clone()));
        Ok(answer)
    }

    /// The trunk a number lies on, if that is known; the inner `None` is "none".
    pub(crate) fn known_trunk(&self, number: &str, now: Instant) -> Option<Option<TrunkId>> {
        let kept = self.numbers.get(number)?;
        self.is_good(&kept, now).then_some(kept.answer)
    }

    /// The trunk a number lies on.
    pub(crate) async fn trunk(&self, number: &str) -> Result<Option<TrunkId>, DirectoryError> {
        let changes = self.changes.load(Ordering::Acquire);
        let answer = limited(self.directory.trunk_of_number(number)).await?;
        if self.numbers.len() >= KEPT_MAX {
            self.numbers.clear();
        }
        self.numbers.insert(number.to_owned(), Kept::new(changes, answer));
        Ok(answer)
    }

    /// Something changed: ask again.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.realms.clear();
        self.accounts.clear();
        self.numbers.clear();
    }

    fn is_good<T>(&self, kept: &Kept<T>, now: Instant) -> bool {
        let limit = if kept.answer.is_some() { KEPT_FOR } else { ABSENT_FOR };
        kept.changes == self.changes.load(Ordering::Acquire)
            && now.saturating_duration_since(kept.at) < limit
    }
}

impl<T> Kept<T> {
    fn new(changes: u64, answer: Option<T>) -> Self {
        Self { at: Instant::now(), changes, answer }
    }
}

async fn limited<T>(
    lookup: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(ANSWER_LIMIT, lookup)
        .await
        .unwrap_or_else(|_| Err(DirectoryError("no answer in time".to_owned())))
}
