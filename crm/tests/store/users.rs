//! Users, sessions, phones, trunks, numbers.

use crate::{
    engines::on_both,
    floor::{Floor, noon, number},
    sign_in::attempt,
};
use chrono::TimeDelta;
use crm::{
    StoreError,
    extensions::{ExtensionPatch, SipBan, SipBinding, SipBindingChange},
    fresh,
    numbers::{NewNumber, NumberPatch},
    sessions::{self, SessionError},
    sign_in::{SignInError, authenticate},
    trunks::TrunkPatch,
    users::{NewUser, Role, UserFilter, UserPatch, hash_password},
};

pub(crate) async fn with_password(floor: &Floor, email: &str) -> crm::users::User {
    let new = NewUser {
        id: fresh(),
        email: email.into(),
        name: "Priya".into(),
        role: Role::Telecaller,
        locale: "hi".into(),
        team: Some("north".into()),
        reports_to: Some(floor.manager.id),
        caller_id: Some(number(9)),
        password_hash: hash_password("correct horse".into()).await,
    };
    floor.store.user_create(floor.tenant, &new, noon()).await.unwrap()
}

/// F02: who is switched off is out at once, whatever they hold.
#[tokio::test]
async fn a_disabled_user_neither_signs_in_nor_refreshes() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, "priya@a.test").await;
        let (session, token) =
            sessions::open(&bench.store, &user, "10.0.0.1", "test", noon()).await.unwrap();
        let ended = async || {
            let found = bench.store.session_find(floor.tenant, session.id).await.unwrap();
            found.unwrap().revoked_at
        };
        assert_eq!(ended().await, None);
        let off = UserPatch { active: Some(false), ..UserPatch::default() };
        bench.store.user_update(floor.tenant, user.id, &off, noon()).await.unwrap();
        assert_eq!(ended().await, Some(noon()));
        let refreshed = sessions::refresh(&bench.store, &token, noon()).await;
        assert!(matches!(refreshed, Err(SessionError::Over)));
        let attempt = attempt("priya@a.test", "correct horse", "10.0.0.1");
        let again = authenticate(&bench.store, &attempt, noon()).await;
        assert!(matches!(again, Err(SignInError::Refused)));
    })
    .await;
}

/// AUT-01: a session lives seven days without use, and each use begins them anew.
#[tokio::test]
async fn a_refresh_token_is_good_for_seven_days_and_no_longer() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, week) = (&bench.store, TimeDelta::days(7));
        let second = TimeDelta::seconds(1);
        let (_, first) =
            sessions::open(store, &floor.asha, "10.0.0.1", "test", noon()).await.unwrap();
        let late = sessions::refresh(store, &first, noon() + week + second).await;
        assert!(matches!(late, Err(SessionError::Over)), "{late:?}");
        let used = noon() + week - second;
        let (session, _, next) = sessions::refresh(store, &first, used).await.unwrap();
        assert_eq!(session.expires_at, used + week);
        let late = sessions::refresh(store, &next, used + week + second).await;
        assert!(matches!(late, Err(SessionError::Over)), "{late:?}");
        assert!(sessions::refresh(store, &next, used + week - second).await.is_ok());
    })
    .await;
}

/// AUT-01: a refresh token works once; using an old one again ends the session.
#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_session() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let store = &bench.store;
        let (_, first) =
            sessions::open(store, &floor.asha, "10.0.0.1", "test", noon()).await.unwrap();
        let at = |s| noon() + TimeDelta::seconds(s);
        let (_, user, second) = sessions::refresh(store, &first, at(60)).await.unwrap();
        assert_eq!(user.id, floor.asha.id);
        let tab = sessions::refresh(store, &first, at(65)).await;
        assert!(matches!(tab, Err(SessionError::Superseded)));
        let (_, _, third) = sessions::refresh(store, &second, at(120)).await.unwrap();
        let thief = sessions::refresh(store, &first, at(180)).await;
        assert!(matches!(thief, Err(SessionError::Reused { .. })));
        let owner = sessions::refresh(store, &third, at(181)).await;
        assert!(matches!(owner, Err(SessionError::Over)));
        assert!(matches!(
            sessions::refresh(store, "garbage", at(0)).await,
            Err(SessionError::Over)
        ));
    })
    .await;
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_wins() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (_, token) =
            sessions::open(&bench.store, &floor.asha, "10.0.0.1", "test", noon()).await.unwrap();
        let tries = (0..20).map(|_| sessions::refresh(&bench.store, &token, noon()));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert!(results.iter().all(|r| matches!(r, Ok(_) | Err(SessionError::Superseded))));
    })
    .await;
}

#[tokio::test]
async fn users_are_listed_a_page_at_a_time() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let mut filter = UserFilter { limit: 2, ..UserFilter::default() };
        let first = bench.store.user_list(floor.tenant, &filter).await.unwrap();
        assert_eq!(first.items.len(), 2);
        filter.cursor = first.next_cursor;
        let second = bench.store.user_list(floor.tenant, &filter).await.unwrap();
        assert_eq!((second.items.len(), second.next_cursor), (1, None));
        let callers =
            UserFilter { role: Some(Role::Telecaller), limit: 10, ..UserFilter::default() };
        assert_eq!(bench.store.user_list(floor.tenant, &callers).await.unwrap().items.len(), 2);
        let named = UserFilter { search: Some("RAV".into()), limit: 10, ..UserFilter::default() };
        assert_eq!(
            bench.store.user_list(floor.tenant, &named).await.unwrap().items[0].id,
            floor.ravi.id
        );
    })
    .await;
}

/// B05: secrets are generated, differ, and open only with the tenant's key.
#[tokio::test]
async fn phone_and_trunk_secrets_come_back_as_they_went_in() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let secret = store.extension_secret(tenant, floor.extension).await.unwrap().unwrap();
        assert_eq!(secret.len(), 32);
        assert!(store.extension_rotate_secret(tenant, floor.extension, noon()).await.unwrap());
        let rotated = store.extension_secret(tenant, floor.extension).await.unwrap().unwrap();
        assert_ne!(secret, rotated);
        assert_eq!(
            store.trunk_secret(tenant, floor.trunk).await.unwrap().as_deref(),
            Some("s3cret")
        );
        let patch = TrunkPatch { weight: Some(7), ..TrunkPatch::default() };
        let trunk = store.trunk_update(tenant, floor.trunk, &patch, noon()).await.unwrap().unwrap();
        assert_eq!((trunk.weight, trunk.has_secret), (7, true));
        let reopened = crm::Store::open(bench.config.clone()).await.unwrap();
        let again = reopened.extension_secret(tenant, floor.extension).await.unwrap();
        assert_eq!(again, Some(rotated));
        let other = crm::StoreConfig {
            master: crm::MasterKey::from_bytes([8; 32]),
            ..bench.config.clone()
        };
        let stranger = crm::Store::open(other).await.unwrap();
        assert!(matches!(
            stranger.extension_secret(tenant, floor.extension).await,
            Err(StoreError::Vault(_))
        ));
    })
    .await;
}

/// F02: the phone of who is switched off is nobody's phone; that of a colleague stays.
#[tokio::test]
async fn a_phone_is_usable_while_its_owner_is() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let phone = store.extension_find(tenant, floor.extension).await.unwrap().unwrap();
        let owner = phone.user.unwrap();
        let usable = async || {
            let one = store.extension_usable(tenant, &phone.number).await.unwrap().is_some();
            let all = store.platform_extensions().await.unwrap();
            assert_eq!(all.iter().any(|e| e.id == phone.id), one);
            one
        };
        let switch = async |active| {
            let patch = UserPatch { active: Some(active), ..UserPatch::default() };
            store.user_update(tenant, owner, &patch, noon()).await.unwrap().unwrap();
        };
        assert!(usable().await);
        switch(false).await;
        assert!(!usable().await);
        switch(true).await;
        assert!(usable().await);
        let nobodys = ExtensionPatch { user: Some(None), ..ExtensionPatch::default() };
        store.extension_update(tenant, phone.id, &nobodys, noon()).await.unwrap();
        switch(false).await;
        assert!(usable().await, "it is not theirs any more");
        let off = ExtensionPatch { active: Some(false), ..ExtensionPatch::default() };
        store.extension_update(tenant, phone.id, &off, noon()).await.unwrap();
        assert!(!usable().await);
    })
    .await;
}

#[tokio::test]
async fn a_number_belongs_to_one_tenant_and_holds_its_extension() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let other = Floor::build(&bench.store, "b", 2).await;
        let store = &bench.store;
        let new = |floor: &Floor| NewNumber {
            id: fresh(),
            e164: number(9_999),
            trunk: floor.trunk,
            purpose: "admissions".into(),
            destination: Some(floor.extension),
            verified: true,
        };
        let did = store.number_create(floor.tenant, &new(&floor), noon()).await.unwrap();
        let taken = store.number_create(other.tenant, &new(&other), noon()).await;
        assert!(matches!(taken, Err(StoreError::Conflict)));
        let held = store.extension_delete(floor.tenant, floor.extension).await;
        assert!(matches!(held, Err(StoreError::MissingReference)));
        let free = NumberPatch { destination: Some(None), ..NumberPatch::default() };
        store.number_update(floor.tenant, did.id, &free, noon()).await.unwrap().unwrap();
        assert!(store.extension_delete(floor.tenant, floor.extension).await.unwrap());
        let foreign =
            NumberPatch { destination: Some(Some(other.extension)), ..NumberPatch::default() };
        let foreign = store.number_update(floor.tenant, did.id, &foreign, noon()).await;
        assert!(matches!(foreign, Err(StoreError::MissingReference)));
    })
    .await;
}

#[tokio::test]
async fn bindings_and_bans_survive_until_they_lapse() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let store = &bench.store;
        let binding = SipBinding {
            tenant: floor.tenant,
            aor: "101@a.local".into(),
            contact: "sip:101@10.0.0.5:5060".into(),
            node: floor.node,
            body: serde_json::json!({ "path": [], "flow": 3 }),
            expires_at: noon() + TimeDelta::minutes(5),
        };
        let keep = |port: u32| {
            let contact = format!("sip:101@10.0.0.5:{port}");
            SipBindingChange::Keep(Box::new(SipBinding { contact, ..binding.clone() }))
        };
        let remove = |port: u32| SipBindingChange::Remove {
            tenant: floor.tenant,
            aor: binding.aor.clone(),
            contact: format!("sip:101@10.0.0.5:{port}"),
        };
        // More than one statement takes, and the same binding twice.
        let many: Vec<_> = (5060..5160).chain([5060]).map(keep).collect();
        store.platform_sip_bindings_change(many).await.unwrap();
        assert_eq!(store.platform_sip_bindings(noon()).await.unwrap().len(), 100);
        let mut gone: Vec<_> = (5060..5160).map(remove).collect();
        gone.push(keep(5060));
        store.platform_sip_bindings_change(gone).await.unwrap();
        let live = store.platform_sip_bindings(noon()).await.unwrap();
        assert_eq!(live, std::slice::from_ref(&binding));
        assert_eq!(store.sip_binding_list(floor.tenant, noon()).await.unwrap().len(), 1);
        let gone = store.platform_sip_bindings(noon() + TimeDelta::minutes(6)).await.unwrap();
        assert!(gone.is_empty());
        let ban = SipBan {
            address: "127.0.0.66".into(),
            aor: "101@a.local".into(),
            reason: "brute force".into(),
            expires_at: noon() + TimeDelta::minutes(5),
        };
        store.platform_sip_ban_save(&ban, noon()).await.unwrap();
        assert_eq!(store.platform_sip_bans(noon()).await.unwrap(), [ban]);
        assert!(store.platform_sip_bans(noon() + TimeDelta::hours(1)).await.unwrap().is_empty());
        let off = ExtensionPatch { active: Some(false), ..ExtensionPatch::default() };
        store.extension_update(floor.tenant, floor.extension, &off, noon()).await.unwrap().unwrap();
        assert!(store.extension_of_user(floor.tenant, floor.asha.id).await.unwrap().is_none());
    })
    .await;
}
