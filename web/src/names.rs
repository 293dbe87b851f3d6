//! Names of users, for lists: read once in a while, not per row.

use crate::{
    AppState,
    problem::{FieldError, Outcome, Problem},
};
use call::{E164, TenantId, UserId};
use crm::users::{User, UserFilter};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const KEPT: Duration = Duration::from_secs(5);
const PAGE: u32 = 500;

/// Names by user.
pub(crate) type Names = Arc<HashMap<UserId, String>>;

/// Names that were read a moment ago, by tenant.
#[derive(Default)]
pub(crate) struct NameCache(Mutex<HashMap<TenantId, (Instant, Names)>>);

impl AppState {
    /// Names of everybody in the tenant, inactive ones too.
    pub(crate) async fn user_names(&self, tenant: TenantId) -> Outcome<Names> {
        {
            let known = self.names.0.lock().expect("no panic under this lock");
            if let Some((at, names)) = known.get(&tenant).filter(|(at, _)| at.elapsed() < KEPT) {
                let _fresh = at;
                return Ok(names.clone());
            }
        }
        let users = self.users_of(tenant, None).await?;
        let names: Names = Arc::new(users.into_iter().map(|u| (u.id, u.name)).collect());
        let mut known = self.names.0.lock().expect("no panic under this lock");
        known.insert(tenant, (Instant::now(), names.clone()));
        Ok(names)
    }

    /// Everybody in the tenant.
    pub(crate) async fn users_of(
        &self,
        tenant: TenantId,
        active: Option<bool>,
    ) -> Outcome<Vec<User>> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let filter = UserFilter { active, limit: PAGE, cursor, ..Default::default() };
            let page = self.store.user_list(tenant, &filter).await?;
            all.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// A telephone number as people type it.
    pub(crate) fn number(&self, field: &str, text: &str) -> Outcome<E164> {
        crm::numbers::parse(text, &self.config.country).map(|parsed| parsed.e164).map_err(|error| {
            Problem::invalid(vec![FieldError::new(field, "invalid", error.to_string())])
        })
    }
}
