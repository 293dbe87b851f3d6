//! Who a token stands for now: read from the store, kept for two seconds, so that a disabled user
//! or an ended session is out within five (F02).

use crate::{problem::Problem, shapes::accounts::Role, token::Access};
use call::{TenantId, UserId};
use chrono::Utc;
use crm::{SessionId, Store, StoreError, users::Reach};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const KEPT: Duration = Duration::from_secs(2);
/// Above this, stale entries are thrown out before one is added.
const SWEEP_ABOVE: usize = 2048;

/// Who is asking.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) role: Role,
    /// How far they see: ask it by the words of [`crate::scope`].
    pub(crate) reach: Reach,
    /// Where the request came from.
    pub(crate) address: IpAddr,
}

/// What a user is here now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) role: Role,
    pub(crate) reach: Reach,
}

#[derive(Clone, Debug)]
struct Known {
    at: Instant,
    standing: Option<Standing>,
}

/// Sessions that were looked up a moment ago.
pub(crate) struct Sessions {
    store: Store,
    known: Arc<Mutex<HashMap<SessionId, Known>>>,
}

impl Sessions {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// What the session's user is now, or nothing when it is over.
    pub(crate) async fn standing(&self, access: &Access) -> Result<Option<Standing>, StoreError> {
        {
            let known = self.known.lock().expect("no panic under this lock");
            if let Some(entry) = known.get(&access.sid).filter(|k| k.at.elapsed() < KEPT) {
                return Ok(entry.standing.clone());
            }
        }
        let standing = self.look_up(access).await?;
        let mut known = self.known.lock().expect("no panic under this lock");
        if known.len() > SWEEP_ABOVE {
            known.retain(|_, k| k.at.elapsed() < KEPT);
        }
        known.insert(access.sid, Known { at: Instant::now(), standing: standing.clone() });
        Ok(standing)
    }

    /// Who the claims stand for, or a refusal.
    pub(crate) async fn principal(
        &self,
        access: &Access,
        address: IpAddr,
    ) -> Result<Principal, Problem> {
        let standing = self.standing(access).await?;
        let standing = standing.ok_or_else(|| Problem::unauthorized("session is over"))?;
        let Standing { role, reach } = standing;
        let Access { tid, sub, sid, .. } = *access;
        Ok(Principal { tenant: tid, user: sub, session: sid, role, reach, address })
    }

    /// Forgets everything: something was revoked here.
    pub(crate) fn forget(&self) {
        self.known.lock().expect("no panic under this lock").clear();
    }

    async fn look_up(&self, access: &Access) -> Result<Option<Standing>, StoreError> {
        let Access { tid, sub, sid, .. } = *access;
        let session = self.store.session_find(tid, sid).await?;
        let now = Utc::now();
        let live =
            session.is_some_and(|s| s.user == sub && s.revoked_at.is_none() && s.expires_at > now);
        if !live || !self.store.tenant_find(tid).await?.is_some_and(|t| t.active) {
            return Ok(None);
        }
        let user = self.store.user_find(tid, sub).await?;
        let Some(user) = user.filter(|u| u.active) else { return Ok(None) };
        let reach = self.store.user_reach(&user).await?;
        Ok(Some(Standing { role: user.role.into(), reach }))
    }
}
