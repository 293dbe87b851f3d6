//! One tenant cannot see another (G03).

use crate::{
    engines::{on_both, postgres, postgres_url},
    floor::{Floor, noon},
};
use chrono::TimeDelta;
use crm::{
    MasterKey, Store, StoreConfig, StoreError,
    calls::CallFilter,
    fresh,
    leads::{LeadFilter, LeadPatch},
};

/// The other tenant's ids lead nowhere, on either engine.
#[tokio::test]
async fn ids_of_another_tenant_lead_nowhere() {
    on_both(|bench| async move {
        let a = Floor::build(&bench.store, "a", 1).await;
        let b = Floor::build(&bench.store, "b", 1).await;
        let store = &bench.store;
        let call = fresh();
        let journal = b.journal().await;
        for event in b.answered_call(call, noon(), TimeDelta::seconds(9)) {
            journal.sender().send(event).await.unwrap();
        }
        journal.close().await;
        assert!(store.call_find(b.tenant, call).await.unwrap().is_some());
        assert!(store.call_find(a.tenant, call).await.unwrap().is_none());
        assert!(store.call_events(a.tenant, call).await.unwrap().is_empty());
        assert!(store.recording_find(a.tenant, call).await.unwrap().is_none());
        assert!(store.lead_find(a.tenant, b.lead.id).await.unwrap().is_none());
        assert!(store.user_find(a.tenant, b.asha.id).await.unwrap().is_none());
        assert!(store.extension_find(a.tenant, b.extension).await.unwrap().is_none());
        assert!(store.extension_secret(a.tenant, b.extension).await.unwrap().is_none());
        assert!(store.trunk_find(a.tenant, b.trunk).await.unwrap().is_none());
        assert!(store.trunk_secret(a.tenant, b.trunk).await.unwrap().is_none());
        let patch = LeadPatch { name: Some("stolen".into()), ..LeadPatch::default() };
        assert!(store.lead_update(a.tenant, b.lead.id, &patch, noon()).await.unwrap().is_none());
        assert!(!store.extension_delete(a.tenant, b.extension).await.unwrap());
        assert!(!store.trunk_delete(a.tenant, b.trunk).await.unwrap());
        let filter = CallFilter { limit: 10, ..Default::default() };
        assert!(store.call_list(a.tenant, &filter).await.unwrap().items.is_empty());
        // A lead cannot be given to the other tenant's user.
        let give = LeadPatch { assigned_to: Some(Some(b.asha.id)), ..LeadPatch::default() };
        assert!(store.lead_update(a.tenant, a.lead.id, &give, noon()).await.is_err());
    })
    .await;
}

/// G03: the store itself runs as a role that policies bind, and on no other.
#[tokio::test]
async fn the_store_runs_only_as_a_role_that_policies_bind() {
    let bench = postgres().await;
    assert_eq!(bench.store.role().await.unwrap().as_deref(), Some("telehub_app"));
    // Neither may create roles, so both would run as themselves.
    for (can, fine) in [("NOBYPASSRLS", true), ("BYPASSRLS", false)] {
        let url = postgres_url(&format!(
            "CREATE ROLE {{name}}_own LOGIN NOSUPERUSER NOCREATEROLE {can} PASSWORD 'x';
             ALTER DATABASE {{name}} OWNER TO {{name}}_own"
        ))
        .await;
        let (server, rest) = url.split_once('@').unwrap();
        let name = rest.split(['/', '?']).nth(1).unwrap();
        let scheme = server.split("://").next().unwrap();
        let url = format!("{scheme}://{name}_own:x@{rest}");
        let opened = Store::open(StoreConfig { url, master: MasterKey::from_bytes([7; 32]) }).await;
        match opened {
            Ok(store) => {
                assert!(fine, "{can}");
                assert_eq!(store.role().await.unwrap(), Some(format!("{name}_own")));
            }
            Err(StoreError::Unsupported(why)) => {
                assert!(!fine && why.contains(&format!("{name}_own")), "{can}: {why}");
            }
            Err(other) => panic!("{can}: {other}"),
        }
    }
}

/// G03: without a tenant nothing; the role owns nothing; a scope ends with its transaction,
/// also after errors, over many interleavings of a shared pool.
#[tokio::test]
async fn without_a_tenant_postgres_shows_nothing() {
    let bench = postgres().await;
    let a = Floor::build(&bench.store, "a", 1).await;
    let b = Floor::build(&bench.store, "b", 2).await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(4)
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::Executor::execute(connection, "SET ROLE telehub_app").await?;
                Ok(())
            })
        })
        .connect(&bench.config.url)
        .await
        .unwrap();
    let seen = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM leads").fetch_one(&pool).await.unwrap()
    };
    assert_eq!(seen().await, 0);
    let (bypass, super_user): (bool, bool) =
        sqlx::query_as("SELECT rolbypassrls, rolsuper FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(!bypass && !super_user);
    let owned: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM pg_class WHERE relowner = current_user::regrole")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(owned, 0);
    for round in 0..2_000_u32 {
        let tenant = if round % 2 == 0 { a.tenant } else { b.tenant };
        let mut tx = pool.begin().await.unwrap();
        sqlx::query("SELECT set_config('telehub.tenant', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *tx)
            .await
            .unwrap();
        let tenants: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT tenant_id FROM leads").fetch_all(&mut *tx).await.unwrap();
        assert_eq!(tenants, [tenant.0], "round {round}");
        match round % 3 {
            0 => tx.commit().await.unwrap(),
            1 => drop(tx),
            _ => {
                let broken = sqlx::query("SELECT 1 / 0").execute(&mut *tx).await;
                assert!(broken.is_err());
            }
        }
        if round % 50 == 0 {
            assert_eq!(seen().await, 0, "round {round}");
        }
    }
    let intruder =
        sqlx::query("INSERT INTO dnd_list VALUES ($1, '+911', 'manual', '', NULL, now())")
            .bind(a.tenant.0)
            .execute(&pool)
            .await;
    assert!(intruder.is_err(), "a row cannot be written without its tenant");
    let listed = bench.store.lead_list(a.tenant, &LeadFilter::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}
