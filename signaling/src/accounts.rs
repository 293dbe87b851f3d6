//! Answers of the directory kept for a moment, so that a burst of registrations or calls costs
//! one read per extension. Absent ones are kept as well: they must not take longer (B03).

use crate::directory::{Directory, DirectoryError, ExtensionAccount, Realm};
use call::{TenantId, TrunkId};
use dashmap::DashMap;
use std::{
    sync::Arc,
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
    realms: DashMap<String, (Instant, Option<Realm>)>,
    accounts: DashMap<(TenantId, String), (Instant, KnownAccount)>,
    numbers: DashMap<String, (Instant, Option<TrunkId>)>,
}

/// Nobody, or somebody.
type KnownAccount = Option<Arc<ExtensionAccount>>;

impl Accounts {
    pub(crate) fn new(directory: Arc<dyn Directory>) -> Self {
        Self {
            directory,
            realms: DashMap::new(),
            accounts: DashMap::new(),
            numbers: DashMap::new(),
        }
    }

    /// Whose a domain is, if that is known; the inner `None` is "nobody's".
    pub(crate) fn known_realm(&self, domain: &str, now: Instant) -> Option<Option<Realm>> {
        let kept = self.realms.get(domain)?;
        is_fresh(kept.0, now, kept.1.is_some()).then(|| kept.1.clone())
    }

    /// Who an extension is, if that is known; the inner `None` is "nobody".
    pub(crate) fn known_account(
        &self,
        tenant: TenantId,
        user: &str,
        now: Instant,
    ) -> Option<Option<Arc<ExtensionAccount>>> {
        let kept = self.accounts.get(&(tenant, user.to_owned()))?;
        is_fresh(kept.0, now, kept.1.is_some()).then(|| kept.1.clone())
    }

    /// Whose a domain is.
    pub(crate) async fn realm(&self, domain: &str) -> Result<Option<Realm>, DirectoryError> {
        if let Some(known) = self.known_realm(domain, Instant::now()) {
            return Ok(known);
        }
        let answer = limited(self.directory.realm(domain)).await?;
        if self.realms.len() >= KEPT_MAX {
            self.realms.clear();
        }
        self.realms.insert(domain.to_owned(), (Instant::now(), answer.clone()));
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
        let answer = limited(self.directory.extension(tenant, user)).await?.map(Arc::new);
        if self.accounts.len() >= KEPT_MAX {
            self.accounts.clear();
        }
        self.accounts.insert((tenant, user.to_owned()), (Instant::now(), answer.clone()));
        Ok(answer)
    }

    /// The trunk a number lies on, if that is known; the inner `None` is "none".
    pub(crate) fn known_trunk(&self, number: &str, now: Instant) -> Option<Option<TrunkId>> {
        let kept = self.numbers.get(number)?;
        is_fresh(kept.0, now, kept.1.is_some()).then_some(kept.1)
    }

    /// The trunk a number lies on.
    pub(crate) async fn trunk(&self, number: &str) -> Result<Option<TrunkId>, DirectoryError> {
        let answer = limited(self.directory.trunk_of_number(number)).await?;
        if self.numbers.len() >= KEPT_MAX {
            self.numbers.clear();
        }
        self.numbers.insert(number.to_owned(), (Instant::now(), answer));
        Ok(answer)
    }

    /// Something changed: ask again.
    pub(crate) fn forget(&self) {
        self.realms.clear();
        self.accounts.clear();
        self.numbers.clear();
    }
}

fn is_fresh(asked: Instant, now: Instant, exists: bool) -> bool {
    let limit = if exists { KEPT_FOR } else { ABSENT_FOR };
    now.saturating_duration_since(asked) < limit
}

async fn limited<T>(
    lookup: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(ANSWER_LIMIT, lookup)
        .await
        .unwrap_or_else(|_| Err(DirectoryError("no answer in time".to_owned())))
}
