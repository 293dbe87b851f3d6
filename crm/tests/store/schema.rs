//! The schema itself: both engines alike, every table a tenant's.

use crate::engines::{postgres, sqlite};
use std::collections::{BTreeMap, BTreeSet};

type Tables = BTreeMap<String, BTreeMap<String, (String, bool)>>;

/// Tables that belong to no tenant, and why.
const WITHOUT_TENANT: &[(&str, &str)] = &[
    ("tenants", "is the tenants"),
    ("login_throttle", "before sign-in there is no tenant"),
    ("sip_bans", "an attacker belongs to nobody"),
];

async fn sqlite_tables(pool: &sqlx::SqlitePool) -> Tables {
    let rows: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" <> 0, c.pk FROM sqlite_master m
         JOIN pragma_table_xinfo(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_%' ESCAPE '\\'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut tables = Tables::new();
    for (table, column, kind, not_null, pk) in rows {
        let required = not_null || pk > 0;
        tables.entry(table).or_default().insert(column, (kind, required));
    }
    tables
}

async fn postgres_tables(pool: &sqlx::PgPool) -> Tables {
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut tables = Tables::new();
    for (table, column, kind, nullable) in rows {
        tables.entry(table).or_default().insert(column, (kind, nullable == "NO"));
    }
    tables
}

/// What each PostgreSQL type is on SQLite.
fn on_sqlite(postgres: &str) -> &'static str {
    match postgres {
        "uuid" | "bytea" => "BLOB",
        "text" | "timestamp with time zone" | "jsonb" => "TEXT",
        "bigint" | "boolean" => "INTEGER",
        other => panic!("{other} is not among the types both engines share"),
    }
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_types() {
    let lite = sqlite().await;
    let pg = postgres().await;
    let lite = sqlite_tables(&sqlx::SqlitePool::connect(&lite.config.url).await.unwrap()).await;
    let pg = postgres_tables(&sqlx::PgPool::connect(&pg.config.url).await.unwrap()).await;
    let translated: Tables = pg
        .into_iter()
        .map(|(table, columns)| {
            let columns = columns
                .into_iter()
                .map(|(c, (kind, required))| (c, (on_sqlite(&kind).to_owned(), required)))
                .collect();
            (table, columns)
        })
        .collect();
    assert_eq!(lite, translated);
    let numbers = |m: &sqlx::migrate::Migrator| m.iter().map(|m| m.version).collect::<Vec<_>>();
    assert_eq!(numbers(&crm::MIGRATOR_SQLITE), numbers(&crm::MIGRATOR_POSTGRES));
}

/// G04: a new table without tenant, policy or composite key fails here.
#[tokio::test]
async fn every_table_carries_the_tenant_a_policy_and_composite_keys() {
    let bench = postgres().await;
    let pool = sqlx::PgPool::connect(&bench.config.url).await.unwrap();
    let tables = postgres_tables(&pool).await;
    let forced: BTreeSet<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
         WHERE c.relrowsecurity AND c.relforcerowsecurity",
    )
    .fetch_all(&pool)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let allowed: BTreeSet<&str> = WITHOUT_TENANT.iter().map(|(name, _)| *name).collect();
    for (table, columns) in &tables {
        if allowed.contains(table.as_str()) {
            continue;
        }
        assert!(
            columns.get("tenant_id").is_some_and(|(_, required)| *required),
            "{table}: no tenant_id"
        );
        assert!(forced.contains(table), "{table}: no forced row level security");
    }
    assert!(forced.contains("tenants"));
    let simple: Vec<(String, String)> = sqlx::query_as(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
         WHERE contype = 'f' AND array_length(conkey, 1) = 1 AND confrelid::regclass::text <> 'tenants'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(simple.is_empty(), "foreign keys that leave the tenant out: {simple:?}");
    let unbound: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let unbound: Vec<_> =
        unbound.iter().filter(|t| !t.starts_with('_') && !allowed.contains(t.as_str())).collect();
    assert!(unbound.is_empty(), "tables bound to no tenant: {unbound:?}");
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    for bench in [sqlite().await, postgres().await] {
        let again = crm::Store::open(bench.config.clone()).await.unwrap();
        again.ping().await.unwrap();
        assert!(!again.engine().await.unwrap().is_empty());
    }
}
