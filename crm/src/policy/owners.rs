//! Whose phone it is: read once for many calls that come at the same time.

use crate::{Store, StoreError, tenants::Tenant};
use call::TenantId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// As long as a row is believed that another process may have changed; what this one changes holds at once.
const BELIEVED: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Known {
    at: Instant,
    changes: u64,
    tenant: Arc<Tenant>,
}

/// The tenants of calls of the last second.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners(Arc<Mutex<HashMap<TenantId, Known>>>);

impl Owners {
    pub(super) async fn find(
        &self,
        store: &Store,
        id: TenantId,
    ) -> Result<Option<Arc<Tenant>>, StoreError> {
        // Before the row is read: a change meanwhile makes what was read old.
        let changes = store.tenant_changes();
        let fits = |known: &&Known| known.changes == changes && known.at.elapsed() < BELIEVED;
        if let Some(known) = self.lock().get(&id).filter(fits) {
            return Ok(Some(known.tenant.clone()));
        }
        let found = store.tenant_find(id).await?.map(Arc::new);
        let mut known = self.lock();
        // One entry for each tenant that was called; those who are gone go.
        known.retain(|_, known| known.at.elapsed() < BELIEVED);
        if let Some(tenant) = &found {
            known.insert(id, Known { at: Instant::now(), changes, tenant: tenant.clone() });
        }
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
