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

/// Tables, columns and indexes whose names the data model fixes, as far as the tables exist
/// (DAT-02, DAT-04, DAT-05, DAT-10, DAT-12; what is named otherwise: `ARCHITECTURE.md`).
const NAMED: &[(&str, &str)] = &[
    (
        "leads",
        "external_id name phone email status priority lead_score source language pincode \
         assigned_to metadata synced_from created_at updated_at",
    ),
    (
        "calls",
        "lead_id telecaller_id direction status started_at ended_at duration_seconds carrier_refs",
    ),
    (
        "call_dispositions",
        "disposition_code sub_disposition notes callback_scheduled_at next_action",
    ),
    ("users", "name email role"),
    ("scripts", "name body language"),
    ("recordings", "call_id object_key duration_ms"),
    ("audit_logs", "actor_id action entity entity_id at"),
    ("objection_library", "category objection response"),
    ("tenants", "name"),
    ("extensions", "number"),
];
/// The columns of an index after its tenant, by table (DAT-12).
const INDEXED: &[(&str, &str)] =
    &[("leads", "status"), ("leads", "assigned_to"), ("calls", "telecaller_id, started_at")];

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

/// DAT-02, DAT-04, DAT-05, DAT-10, DAT-12: named as the data model names it.
#[tokio::test]
async fn the_names_of_the_data_model_are_there_on_both_engines() {
    let lite = sqlite().await;
    let lite = sqlx::SqlitePool::connect(&lite.config.url).await.unwrap();
    let pg = postgres().await;
    let pg = sqlx::PgPool::connect(&pg.config.url).await.unwrap();
    for (engine, tables) in
        [("sqlite", sqlite_tables(&lite).await), ("postgres", postgres_tables(&pg).await)]
    {
        for (table, columns) in NAMED {
            let there = tables.get(*table).unwrap_or_else(|| panic!("{engine}: no table {table}"));
            for column in columns.split_whitespace() {
                assert!(there.contains_key(column), "{engine}: {table} has no {column}");
            }
        }
        for gone in ["objections", "contacts", "call_records"] {
            assert!(!tables.contains_key(gone), "{engine}: {gone}");
        }
    }
    let texts: Vec<(&str, Vec<String>)> = vec![
        (
            "sqlite",
            sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql <> ''")
                .fetch_all(&lite)
                .await
                .unwrap(),
        ),
        (
            "postgres",
            sqlx::query_scalar("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
                .fetch_all(&pg)
                .await
                .unwrap(),
        ),
    ];
    for (engine, indexes) in texts {
        for (table, columns) in INDEXED {
            let (table, columns) = (format!("{table} "), format!("(tenant_id, {columns})"));
            let found = indexes.iter().any(|i| i.contains(&table) && i.contains(&columns));
            assert!(found, "{engine}: no index {table}{columns} in {indexes:#?}");
        }
    }
}

/// G03: every policy says the one thing that policies say, to everybody and for every command.
#[tokio::test]
async fn every_policy_of_postgres_is_the_one_text() {
    let bench = postgres().await;
    let pool = sqlx::PgPool::connect(&bench.config.url).await.unwrap();
    let policies: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT tablename::text, concat_ws(' ', permissive, array_to_string(roles, ','), cmd),
                concat_ws(' CHECK ', qual, with_check)
         FROM pg_policies WHERE schemaname = 'public'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let tables: BTreeSet<&str> = policies.iter().map(|(table, ..)| table.as_str()).collect();
    assert_eq!(tables.len(), policies.len(), "one policy per table: {policies:#?}");
    assert!(tables.len() > 20, "{tables:?}");
    for (table, whom, text) in &policies {
        let column = if table == "tenants" { "id" } else { "tenant_id" };
        let meant = format!("(({column} = telehub_tenant()) OR telehub_platform())");
        assert_eq!((whom.as_str(), text), ("PERMISSIVE public ALL", &meant), "{table}");
    }
    let functions: Vec<String> = sqlx::query_scalar(
        "SELECT trim(prosrc) FROM pg_proc
         WHERE proname IN ('telehub_tenant', 'telehub_platform') ORDER BY proname",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(
        functions,
        [
            "SELECT COALESCE(current_setting('telehub.scope', true), '') = 'platform'",
            "SELECT NULLIF(current_setting('telehub.tenant', true), '')::uuid",
        ]
    );
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
