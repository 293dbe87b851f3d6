//! Whose superior somebody is: `users.team` and `users.reports_to` (AUT-08).

use super::{Store, StoreError, args};
use crate::users::{Reach, Role, User};
use call::{LeadId, TenantId, UserId};

/// The ids of a leader's team, in brackets, for `IN`: the leader, who is of the same team, and who
/// reports to the leader, directly or through others. The tenant is `$1`. `UNION` keeps each row
/// once, so that people who report to each other in a circle are an end and not a loop. Who has
/// left stays: their calls and leads must be somebody's to see.
macro_rules! team_of {
    ($leader:literal) => {
        concat!(
            "(WITH RECURSIVE below (id) AS (
                  SELECT id FROM users WHERE tenant_id = $1 AND reports_to = ",
            $leader,
            "     UNION
                  SELECT u.id FROM users u JOIN below b ON u.reports_to = b.id
                  WHERE u.tenant_id = $1)
              SELECT m.id FROM users m
              WHERE m.tenant_id = $1
                AND (m.id = ",
            $leader,
            "        OR m.id IN (SELECT id FROM below)
                     OR m.team <> '' AND m.team = (SELECT o.team FROM users o
                                  WHERE o.tenant_id = $1 AND o.id = ",
            $leader,
            ")))"
        )
    };
}
pub(super) use team_of;

const TEAM: &str = concat!("SELECT id FROM users WHERE tenant_id = $1 AND id IN ", team_of!("$2"));

const MET: &str = concat!(
    "SELECT c.id FROM calls c
     LEFT JOIN numbers n ON n.tenant_id = c.tenant_id AND n.id = c.number_id
     LEFT JOIN extensions e ON e.tenant_id = n.tenant_id AND e.id = n.destination_id
     WHERE c.tenant_id = $1 AND c.lead_id = $3
       AND CASE WHEN c.telecaller_id IS NULL AND c.status = 'missed' THEN e.user_id
                ELSE c.telecaller_id END IN ",
    team_of!("$2"),
    " LIMIT 1"
);

impl Store {
    /// How far a user sees. A manager without a team, to whom nobody reports, sees the whole
    /// tenant (AUT-07), as administrators do.
    pub async fn user_reach(&self, user: &User) -> Result<Reach, StoreError> {
        match user.role {
            Role::PlatformAdmin | Role::Admin => Ok(Reach::All),
            Role::Telecaller | Role::FieldAgent | Role::Viewer => Ok(Reach::Own(user.id)),
            Role::Manager => {
                let mut team = self
                    .list(user.tenant, TEAM, args![user.tenant, user.id], |row| row.id("id"))
                    .await?;
                team.sort_unstable();
                let no_team = user.team.as_deref().is_none_or(str::is_empty);
                let leads_all = no_team && team.iter().all(|id| *id == user.id);
                Ok(if leads_all { Reach::All } else { Reach::Team(team.into()) })
            }
        }
    }

    /// Whether somebody of the team this user leads had a call with the lead, or missed one that
    /// rang at their number.
    pub async fn lead_met_by_team(
        &self,
        tenant: TenantId,
        lead: LeadId,
        leader: UserId,
    ) -> Result<bool, StoreError> {
        let met =
            self.find(tenant, MET, args![tenant, leader, lead], |row| row.id::<call::CallId>("id"));
        Ok(met.await?.is_some())
    }
}
