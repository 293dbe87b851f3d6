//! Whose superior somebody is, and what lists leave out for it (AUT-07, AUT-08).

use crate::{
    engines::on_both,
    floor::{Floor, noon, number},
};
use call::{CallEventKind, CallId, UserId};
use chrono::TimeDelta;
use crm::{
    Store,
    callbacks::{CallbackFilter, NewCallback},
    calls::CallFilter,
    fresh,
    leads::{Assigned, LeadFilter, NewLead},
    users::{NewUser, Reach, Role, User, UserFilter, UserPatch},
};
use std::collections::BTreeSet;

/// A user of the floor's tenant.
async fn person(
    floor: &Floor,
    name: &str,
    role: Role,
    team: Option<&str>,
    reports_to: Option<&User>,
) -> User {
    let new = NewUser {
        id: fresh(),
        email: format!("{name}.{}@test", floor.tenant),
        name: name.into(),
        role,
        locale: "en".into(),
        team: team.map(Into::into),
        reports_to: reports_to.map(|user| user.id),
        caller_id: None,
        password_hash: "-".into(),
    };
    floor.store.user_create(floor.tenant, &new, noon()).await.unwrap()
}

/// The members, or nothing for who sees everybody.
async fn team(store: &Store, user: &User) -> Option<BTreeSet<UserId>> {
    let now = store.user_find(user.tenant, user.id).await.unwrap().unwrap();
    match store.user_reach(&now).await.unwrap() {
        Reach::All => None,
        Reach::Own(own) => Some([own].into()),
        Reach::Team(members) => {
            assert!(members.is_sorted(), "it is looked up by halves");
            Some(members.iter().copied().collect())
        }
    }
}

fn ids<const N: usize>(users: [&User; N]) -> Option<BTreeSet<UserId>> {
    Some(users.map(|user| user.id).into())
}

#[tokio::test]
async fn a_team_is_who_names_it_and_who_reports_to_its_leader_through_whomever() {
    on_both(|bench| async move {
        let store = &bench.store;
        let floor = Floor::build(store, "a", 1).await;
        let other = Floor::build(store, "b", 2).await;
        // Asha and Ravi report to the manager, who names no team.
        assert_eq!(
            team(store, &floor.manager).await,
            ids([&floor.manager, &floor.asha, &floor.ravi])
        );
        let north = person(&floor, "north", Role::Manager, Some("North"), None).await;
        assert_eq!(team(store, &north).await, ids([&north]), "alone in a team is a team");
        let nila = person(&floor, "nila", Role::Telecaller, Some("North"), None).await;
        let omar = person(&floor, "omar", Role::Telecaller, None, Some(&north)).await;
        let pia = person(&floor, "pia", Role::Telecaller, Some("South"), Some(&omar)).await;
        let quinn = person(&floor, "quinn", Role::FieldAgent, None, Some(&pia)).await;
        let all = ids([&north, &nila, &omar, &pia, &quinn]);
        assert_eq!(team(store, &north).await, all, "directly, and through two others");
        // The same name elsewhere is another team, and who reports there is another's.
        person(&other, "stranger", Role::Telecaller, Some("North"), None).await;
        assert_eq!(team(store, &north).await, all);
        // Who left is still of the team: their calls and leads must be somebody's to see.
        let off = UserPatch { active: Some(false), ..UserPatch::default() };
        store.user_update(floor.tenant, pia.id, &off, noon()).await.unwrap();
        assert_eq!(team(store, &north).await, all);
        // A circle ends: everybody in it is under everybody.
        let circle = UserPatch { reports_to: Some(Some(quinn.id)), ..UserPatch::default() };
        store.user_update(floor.tenant, north.id, &circle, noon()).await.unwrap();
        assert_eq!(team(store, &north).await, all);
        let own = UserPatch { reports_to: Some(Some(north.id)), ..UserPatch::default() };
        store.user_update(floor.tenant, north.id, &own, noon()).await.unwrap();
        assert_eq!(team(store, &north).await, all);
    })
    .await;
}

/// AUT-07
#[tokio::test]
async fn without_a_team_a_manager_sees_the_tenant_and_other_roles_see_as_ever() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (tenant, store) = (floor.tenant, &bench.store);
        let lone = person(&floor, "lone", Role::Manager, Some("  "), None).await;
        assert_eq!((lone.team.as_deref(), team(store, &lone).await), (None, None));
        let myself = UserPatch { reports_to: Some(Some(lone.id)), ..UserPatch::default() };
        store.user_update(tenant, lone.id, &myself, noon()).await.unwrap();
        assert_eq!(team(store, &lone).await, None, "nobody else reports to them");
        let admin = person(&floor, "admin", Role::Admin, Some("North"), None).await;
        assert_eq!(team(store, &admin).await, None);
        let viewer = person(&floor, "viewer", Role::Viewer, Some("North"), None).await;
        assert_eq!(team(store, &viewer).await, ids([&viewer]));
        person(&floor, "under", Role::Telecaller, None, Some(&floor.asha)).await;
        assert_eq!(team(store, &floor.asha).await, ids([&floor.asha]), "who leads is a manager");
        let named = UserPatch { team: Some(Some(" North ".into())), ..UserPatch::default() };
        let named = store.user_update(tenant, lone.id, &named, noon()).await.unwrap().unwrap();
        assert_eq!(named.team.as_deref(), Some("North"));
        assert_eq!(team(store, &lone).await, ids([&lone, &admin, &viewer]));
    })
    .await;
}

/// AUT-08: lists hold the team's and nobody's rows.
#[tokio::test]
async fn lists_of_leads_and_calls_leave_out_what_another_team_has() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (tenant, store) = (floor.tenant, &bench.store);
        let south = person(&floor, "south", Role::Manager, Some("South"), None).await;
        let tara = person(&floor, "tara", Role::Telecaller, Some("South"), None).await;
        let lead = async |n, assigned_to| {
            let mut new = NewLead::named(fresh(), format!("L{n}"), number(n));
            new.assigned_to = assigned_to;
            store.lead_create(tenant, &new, noon()).await.unwrap()
        };
        let (nobodys, taras) = (lead(50, None).await, lead(51, Some(tara.id)).await);
        let leads = async |assigned| {
            let mut found = Vec::new();
            for sort in crm::leads::LeadSort::ALL {
                let filter = LeadFilter { assigned, sort: *sort, limit: 10, ..Default::default() };
                let page = store.lead_list(tenant, &filter).await.unwrap();
                found.push(page.items.into_iter().map(|l| l.id).collect::<BTreeSet<_>>());
            }
            assert!(found.iter().all(|page| *page == found[0]), "{found:?}");
            found.remove(0)
        };
        assert_eq!(leads(Assigned::ToTeamOf(south.id)).await, [nobodys.id, taras.id].into());
        let ours = [nobodys.id, floor.lead.id].into();
        assert_eq!(leads(Assigned::ToTeamOf(floor.manager.id)).await, ours);

        let journal = floor.journal().await;
        let (ashas, missed): (CallId, CallId) = (fresh(), fresh());
        for event in floor.answered_call(ashas, noon(), TimeDelta::seconds(9)) {
            journal.sender().send(event).await.unwrap();
        }
        let cause = call::HangupCause::new(call::EndedBy::Customer, call::CauseKind::Cancelled);
        let ended = CallEventKind::Ended { cause, suggested_disposition: None };
        let mut started = floor.started(Some(taras.id));
        if let CallEventKind::Started { agent, .. } = &mut started {
            *agent = None;
        }
        for kind in [started, ended] {
            journal.sender().send(floor.stamp(noon(), missed, kind)).await.unwrap();
        }
        journal.flush().await;
        let calls = async |leader| {
            let filter = CallFilter { team_of: Some(leader), limit: 10, ..Default::default() };
            let page = store.call_list(tenant, &filter).await.unwrap();
            page.items.into_iter().map(|c| c.id).collect::<BTreeSet<_>>()
        };
        assert_eq!(calls(floor.manager.id).await, [ashas, missed].into());
        assert_eq!(calls(south.id).await, [missed].into());
        let met =
            async |leader| store.lead_met_by_team(tenant, floor.lead.id, leader).await.unwrap();
        assert_eq!((met(floor.manager.id).await, met(south.id).await), (true, false));
        assert!(!store.lead_met_by_team(tenant, taras.id, south.id).await.unwrap());
        journal.close().await;
    })
    .await;
}

/// AUT-08
#[tokio::test]
async fn lists_of_promises_and_people_leave_out_another_teams() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (tenant, store) = (floor.tenant, &bench.store);
        let south = person(&floor, "south", Role::Manager, Some("South"), None).await;
        let tara = person(&floor, "tara", Role::Telecaller, Some("South"), None).await;
        for agent in [None, Some(floor.asha.id), Some(tara.id)] {
            let new = NewCallback {
                id: fresh(),
                lead: floor.lead.id,
                call: None,
                agent,
                due_at: noon() + TimeDelta::hours(1),
                note: None,
            };
            store.callback_create(tenant, &new, noon()).await.unwrap().unwrap();
        }
        let filter = CallbackFilter { team_of: Some(south.id), limit: 10, ..Default::default() };
        let page = store.callback_list(tenant, &filter).await.unwrap();
        let agents: BTreeSet<_> = page.items.into_iter().map(|c| c.agent).collect();
        assert_eq!(agents, [None, Some(tara.id)].into());

        let filter = UserFilter { team_of: Some(south.id), limit: 10, ..Default::default() };
        let page = store.user_list(tenant, &filter).await.unwrap();
        let users: BTreeSet<_> = page.items.into_iter().map(|u| u.id).collect();
        assert_eq!(Some(users), ids([&south, &tara]));
    })
    .await;
}
