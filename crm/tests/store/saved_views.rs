//! Lists under a name, counted, and what somebody set for themselves.

use crate::{
    engines::on_both,
    floor::{Floor, noon},
};
use call::UserId;
use chrono::{NaiveDate, TimeDelta};
use crm::{
    calls::CallFilter,
    fresh,
    leads::{Assigned, LeadFilter, LeadStatus},
    saved_views::{SavedView, VIEWS_MOST, ViewList},
};
use serde_json::json;

fn view(owner: UserId, name: &str, shared: bool, position: i64) -> SavedView {
    SavedView {
        id: fresh(),
        owner,
        list: ViewList::Leads,
        name: name.into(),
        shared,
        query: json!({ "status": "new" }),
        position,
        created_at: noon(),
        updated_at: noon(),
    }
}

#[tokio::test]
async fn a_view_is_its_owners_until_it_is_shared_and_no_other_tenants_ever() {
    on_both(|bench| async move {
        let (a, b) =
            (Floor::build(&bench.store, "a", 1).await, Floor::build(&bench.store, "b", 2).await);
        let store = &bench.store;
        let names = async |tenant, user| -> Vec<String> {
            let found = store.view_list(tenant, user, Some(ViewList::Leads)).await.unwrap();
            found.into_iter().map(|view| view.name).collect()
        };
        let mut own = view(a.asha.id, "Asha's", false, 2);
        let shared = view(a.manager.id, "Everybody's", true, 1);
        assert!(store.view_create(a.tenant, &own).await.unwrap());
        assert!(store.view_create(a.tenant, &shared).await.unwrap());
        assert_eq!(names(a.tenant, a.asha.id).await, ["Everybody's", "Asha's"]);
        assert_eq!(names(a.tenant, a.ravi.id).await, ["Everybody's"]);
        assert!(names(b.tenant, b.manager.id).await.is_empty());
        assert!(store.view_find(a.tenant, a.ravi.id, own.id).await.unwrap().is_none());
        assert!(store.view_find(b.tenant, a.asha.id, own.id).await.unwrap().is_none());
        // What was changed is what is read.
        own.name = "Fresh ones".into();
        own.query = json!({ "q": "नेहा" });
        own.updated_at = noon() + TimeDelta::hours(1);
        assert!(store.view_save(a.tenant, &own).await.unwrap());
        assert!(!store.view_save(b.tenant, &own).await.unwrap());
        assert_eq!(store.view_find(a.tenant, a.asha.id, own.id).await.unwrap(), Some(own.clone()));
        assert!(!store.view_delete(b.tenant, own.id).await.unwrap());
        assert!(store.view_delete(a.tenant, own.id).await.unwrap());
        assert!(!store.view_delete(a.tenant, own.id).await.unwrap());
        // Another tenant's user owns nothing here.
        assert!(store.view_create(a.tenant, &view(b.asha.id, "No", false, 0)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn views_are_bounded_apart_for_each_person_and_for_those_shared() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        for n in 0..i64::from(VIEWS_MOST) {
            let one = view(floor.manager.id, "One", false, n);
            assert!(store.view_create(tenant, &one).await.unwrap(), "{n}");
        }
        let one_more = view(floor.manager.id, "One more", false, 99);
        assert!(!store.view_create(tenant, &one_more).await.unwrap());
        assert!(store.view_create(tenant, &view(floor.asha.id, "Hers", false, 1)).await.unwrap());
        let mut shared = view(floor.manager.id, "Shared", true, 1);
        assert!(store.view_create(tenant, &shared).await.unwrap());
        // There is no room among her own to take it back to.
        shared.shared = false;
        assert!(!store.view_save(tenant, &shared).await.unwrap());
        let list = ViewList::Calls;
        let calls = SavedView { list, ..view(floor.manager.id, "Calls", false, 1) };
        assert!(store.view_create(tenant, &calls).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_count_is_of_what_the_list_would_show_and_ends_where_it_is_told_to() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let journal = floor.journal().await;
        for n in 0..3 {
            let at = noon() + TimeDelta::minutes(n);
            for event in floor.answered_call(fresh(), at, TimeDelta::seconds(9)) {
                journal.sender().send(event).await.unwrap();
            }
        }
        journal.close().await;
        let leads = LeadFilter { limit: 10, ..Default::default() };
        assert_eq!(store.lead_count(tenant, &leads, 100).await.unwrap(), 1);
        let nobodys = LeadFilter { assigned: Assigned::Nobody, ..leads.clone() };
        let listed = store.lead_list(tenant, &nobodys).await.unwrap().items.len();
        assert_eq!(store.lead_count(tenant, &nobodys, 100).await.unwrap() as usize, listed);
        let other = LeadFilter { status: Some(LeadStatus::Invalid), ..leads };
        assert_eq!(store.lead_count(tenant, &other, 100).await.unwrap(), 0);
        let calls = CallFilter { limit: 10, ..Default::default() };
        assert_eq!(store.call_count(tenant, &calls, 100).await.unwrap(), 3);
        assert_eq!(store.call_count(tenant, &calls, 2).await.unwrap(), 2);
        let later = CallFilter { from: Some(noon() + TimeDelta::minutes(1)), ..calls.clone() };
        assert_eq!(store.call_count(tenant, &later, 100).await.unwrap(), 2);
        let hers = CallFilter { agent: Some(floor.ravi.id), ..calls };
        let listed = store.call_list(tenant, &hers).await.unwrap().items.len();
        assert_eq!(store.call_count(tenant, &hers, 100).await.unwrap() as usize, listed);
    })
    .await;
}

#[tokio::test]
async fn preferences_are_kept_per_person() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        assert_eq!(store.preferences_find(tenant, floor.asha.id).await.unwrap(), None);
        for key in ["KeyU", "KeyO"] {
            let body = json!({ "keys": { "call.mute": key } });
            store.preferences_save(tenant, floor.asha.id, body.clone(), noon()).await.unwrap();
            assert_eq!(store.preferences_find(tenant, floor.asha.id).await.unwrap(), Some(body));
        }
        assert_eq!(store.preferences_find(tenant, floor.ravi.id).await.unwrap(), None);
        let tenant = store.tenant_find(tenant).await.unwrap().unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        assert_eq!(tenant.today(noon()), day);
        assert_eq!(tenant.midnight(day).to_rfc3339(), "2026-11-19T18:30:00+00:00");
    })
    .await;
}
