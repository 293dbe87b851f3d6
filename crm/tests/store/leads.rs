//! Leads, notes, callbacks, opt-outs.

use crate::{
    engines::on_both,
    floor::{Floor, noon, number},
};
use chrono::TimeDelta;
use crm::{
    NoteId, StoreError,
    callbacks::{CallbackFilter, CallbackStatus, NewCallback},
    dnd::{DndEntry, DndSource},
    fresh,
    leads::{Assigned, Category, LeadFilter, LeadPatch, LeadSort, LeadStatus, NewLead, Priority},
    notes::{Note, TimelineEntry},
};

#[tokio::test]
async fn a_lead_is_found_by_any_part_of_name_number_or_organisation() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let mut new = NewLead::named(fresh(), "Zoya 100% Khan", number(77));
        new.organisation = Some("Delhi Public School".into());
        bench.store.lead_create(floor.tenant, &new, noon()).await.unwrap();
        for (text, hits) in [
            ("zoya", 1),
            ("PUBLIC", 1),
            ("098765 00077", 1),
            ("+91 98765-00077", 1),
            ("00077", 1),
            ("100%", 1),
            ("0%k", 0),
            ("_", 0),
            ("meera", 1),
            ("", 2),
        ] {
            let filter = LeadFilter { search: Some(text.into()), ..LeadFilter::default() };
            let page = bench.store.lead_list(floor.tenant, &filter).await.unwrap();
            assert_eq!(page.items.len(), hits, "{text:?}");
        }
    })
    .await;
}

/// QUE-06: every order pages through every lead exactly once.
#[tokio::test]
async fn every_order_pages_through_every_lead_once() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let leads: Vec<NewLead> = (0..25)
            .map(|n| {
                let mut new = NewLead::named(fresh(), format!("Name {}", n % 4), number(100 + n));
                new.score = (n % 3 * 40) as u8;
                new
            })
            .collect();
        assert_eq!(bench.store.lead_import(floor.tenant, &leads, noon()).await.unwrap(), 25);
        assert_eq!(bench.store.lead_import(floor.tenant, &leads, noon()).await.unwrap(), 0);
        for sort in LeadSort::ALL {
            let mut filter = LeadFilter { sort: *sort, limit: 4, ..LeadFilter::default() };
            let mut seen = Vec::new();
            loop {
                let page = bench.store.lead_list(floor.tenant, &filter).await.unwrap();
                seen.extend(page.items);
                filter.cursor = page.next_cursor;
                if filter.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), 26, "{sort}");
            let mut ids: Vec<_> = seen.iter().map(|l| l.id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), 26, "{sort}");
            if *sort == LeadSort::Priority {
                assert!(seen.windows(2).all(|w| w[0].priority >= w[1].priority));
            }
        }
        let filter = LeadFilter { cursor: Some("nonsense".into()), ..LeadFilter::default() };
        let bad = bench.store.lead_list(floor.tenant, &filter).await;
        assert!(matches!(bad, Err(StoreError::BadCursor)));
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_a_list_down() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let mut hot = NewLead::named(fresh(), "Hot", number(2));
        hot.score = 90;
        hot.source = "website".into();
        bench.store.lead_create(floor.tenant, &hot, noon()).await.unwrap();
        let count = async |filter: LeadFilter| {
            bench.store.lead_list(floor.tenant, &filter).await.unwrap().items.len()
        };
        let d = LeadFilter::default;
        assert_eq!(count(LeadFilter { priority: Some(Priority::Hot), ..d() }).await, 1);
        assert_eq!(count(LeadFilter { source: Some("website".into()), ..d() }).await, 1);
        assert_eq!(count(LeadFilter { assigned: Assigned::Nobody, ..d() }).await, 1);
        assert_eq!(count(LeadFilter { assigned: Assigned::To(floor.asha.id), ..d() }).await, 1);
        assert_eq!(
            count(LeadFilter { assigned: Assigned::ToOrNobody(floor.asha.id), ..d() }).await,
            2
        );
        assert_eq!(
            count(LeadFilter { assigned: Assigned::ToOrNobody(floor.ravi.id), ..d() }).await,
            1
        );
        assert_eq!(count(LeadFilter { score_min: Some(60), ..d() }).await, 1);
        assert_eq!(count(LeadFilter { score_max: Some(60), ..d() }).await, 1);
        assert_eq!(count(LeadFilter { status: Some(LeadStatus::Customer), ..d() }).await, 0);
        assert_eq!(count(LeadFilter { category: Some(Category::Fresh), ..d() }).await, 2);
        let later = noon() + TimeDelta::seconds(1);
        assert_eq!(count(LeadFilter { created_from: Some(later), ..d() }).await, 0);
        assert_eq!(count(LeadFilter { created_to: Some(later), ..d() }).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_change_on_stale_ground_is_refused_and_a_number_has_one_lead() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (tenant, id) = (floor.tenant, floor.lead.id);
        let patch = LeadPatch {
            expected_updated_at: Some(floor.lead.updated_at),
            name: Some("Meera N".into()),
            score: Some(85),
            ..LeadPatch::default()
        };
        let later = noon() + TimeDelta::seconds(5);
        let changed = bench.store.lead_update(tenant, id, &patch, later).await.unwrap().unwrap();
        assert_eq!((changed.name.as_str(), changed.priority), ("Meera N", Priority::Hot));
        let again = bench.store.lead_update(tenant, id, &patch, later).await;
        assert!(matches!(again, Err(StoreError::Stale)));
        let twin = NewLead::named(fresh(), "Twin", floor.lead.phone.clone());
        let twin = bench.store.lead_create(tenant, &twin, later).await;
        assert!(matches!(twin, Err(StoreError::Conflict)));
        assert_eq!(bench.store.lead_by_phone(tenant, &number(1)).await.unwrap().unwrap().id, id);
    })
    .await;
}

/// QUE-06 with callbacks first.
#[tokio::test]
async fn the_queue_gives_due_callbacks_first_then_the_hottest_and_oldest() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant, now) = (&bench.store, floor.tenant, noon());
        let mut ids = Vec::new();
        for (n, score) in [(10, 90), (11, 90), (12, 10), (13, 60), (14, 60)] {
            let mut new = NewLead::named(fresh(), format!("L{n}"), number(n));
            new.score = score;
            new.assigned_to = Some(floor.asha.id);
            let made = now + TimeDelta::seconds(i64::from(n));
            ids.push(store.lead_create(tenant, &new, made).await.unwrap().id);
        }
        for (index, due) in [(2, now - TimeDelta::hours(1)), (4, now + TimeDelta::hours(1))] {
            let promise = NewCallback {
                id: fresh(),
                lead: ids[index],
                call: None,
                agent: Some(floor.asha.id),
                due_at: due,
                note: None,
            };
            store.callback_create(tenant, &promise, now).await.unwrap().unwrap();
        }
        let expected = [ids[2], ids[0], ids[1], floor.lead.id, ids[3], ids[4]];
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store
                .lead_queue(tenant, floor.asha.id, None, 2, cursor.as_deref(), now)
                .await
                .unwrap();
            seen.extend(page.items.iter().map(|l| l.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
        let counts = store.lead_queue_counts(tenant, floor.asha.id, now).await.unwrap();
        assert_eq!((counts.fresh, counts.callback, counts.due), (4, 2, 5));
        let tab = store
            .lead_queue(tenant, floor.asha.id, Some(Category::Callback), 10, None, now)
            .await
            .unwrap();
        assert_eq!(tab.items.len(), 2);
        assert!(
            store
                .lead_queue(tenant, floor.ravi.id, None, 10, None, now)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    })
    .await;
}

/// I05: an opt-out outlives the lead and survives a new import.
#[tokio::test]
async fn a_number_that_opted_out_stays_out_when_imported_again() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let entry = DndEntry {
            phone: number(500),
            source: DndSource::Manual,
            reason: "asked by letter".into(),
            added_by: Some(floor.manager.id),
            added_at: noon(),
        };
        store.dnd_add(tenant, &entry).await.unwrap();
        store.dnd_add(tenant, &entry).await.unwrap();
        let lead = NewLead::named(fresh(), "Back again", number(500));
        let lead = store.lead_create(tenant, &lead, noon()).await.unwrap();
        assert!(lead.dnd);
        assert_eq!(lead.status, LeadStatus::Dnd);
        assert!(store.dnd_listed(tenant, &number(500)).await.unwrap());
        assert_eq!(store.dnd_list(tenant, Some("500"), 10, None).await.unwrap().items, [entry]);
        assert!(store.dnd_remove(tenant, &number(500), noon()).await.unwrap());
        let lead = store.lead_find(tenant, lead.id).await.unwrap().unwrap();
        assert_eq!((lead.dnd, lead.status), (false, LeadStatus::New));
    })
    .await;
}

/// DSP-20: saving a draft again replaces it; another author's note is out of reach.
#[tokio::test]
async fn a_note_saved_again_is_one_note() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let mut note = Note {
            id: fresh::<NoteId>(),
            lead: Some(floor.lead.id),
            call: None,
            author: floor.asha.id,
            body: "wants".into(),
            created_at: noon(),
            updated_at: noon(),
        };
        store.note_save(tenant, &note).await.unwrap().unwrap();
        note.body = "wants the brochure".into();
        note.updated_at = noon() + TimeDelta::seconds(10);
        let saved = store.note_save(tenant, &note).await.unwrap().unwrap();
        assert_eq!(saved.body, "wants the brochure");
        assert_eq!(saved.created_at, noon());
        note.author = floor.ravi.id;
        assert!(store.note_save(tenant, &note).await.unwrap().is_none());
        let timeline = store.lead_timeline(tenant, floor.lead.id, None, 10, None).await.unwrap();
        assert!(matches!(timeline.items.as_slice(), [TimelineEntry::Note(n)] if n.body == "wants the brochure"));
    })
    .await;
}

#[tokio::test]
async fn a_lead_follows_its_earliest_open_promise() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant, lead) = (&bench.store, floor.tenant, floor.lead.id);
        let promise = |hours| NewCallback {
            id: fresh(),
            lead,
            call: None,
            agent: Some(floor.asha.id),
            due_at: noon() + TimeDelta::hours(hours),
            note: Some("after school".into()),
        };
        let (first, second) = (promise(1), promise(2));
        store.callback_create(tenant, &first, noon()).await.unwrap();
        store.callback_create(tenant, &second, noon()).await.unwrap();
        let next = async || store.lead_find(tenant, lead).await.unwrap().unwrap();
        let update = async |id, due, status| {
            store.callback_update(tenant, id, due, status, noon()).await.unwrap().unwrap()
        };
        update(second.id, Some(noon() + TimeDelta::minutes(5)), None).await;
        assert_eq!(next().await.next_call_at, Some(noon() + TimeDelta::minutes(5)));
        update(second.id, None, Some(CallbackStatus::Cancelled)).await;
        assert_eq!(next().await.next_call_at, Some(first.due_at));
        update(first.id, None, Some(CallbackStatus::Cancelled)).await;
        let after = next().await;
        assert_eq!((after.next_call_at, after.category), (None, Category::Fresh));
        let filter = CallbackFilter { agent: Some(floor.asha.id), limit: 10, ..Default::default() };
        let listed = store.callback_list(tenant, &filter).await.unwrap();
        assert_eq!(listed.items.len(), 2);
        assert_eq!(listed.items[0].lead_name.as_deref(), Some("Meera Nair"));
    })
    .await;
}
