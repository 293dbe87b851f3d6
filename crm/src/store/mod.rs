//! The store: all SQL, one file per table, SQLite and PostgreSQL alike.

mod agent_states;
mod audit;
mod backup;
mod callbacks;
pub(crate) mod calls;
mod content;
mod cursor;
mod dispositions;
mod dnd;
pub(crate) mod events;
mod extensions;
mod leads;
mod notes;
mod numbers;
mod open;
mod otp;
mod policy;
pub(crate) mod recordings;
mod saved_views;
mod sessions;
mod sip;
mod sql;
mod teams;
mod tenants;
mod trunks;
mod users;

pub use dispositions::Saver;
pub use open::{MIGRATOR_POSTGRES, MIGRATOR_SQLITE, StoreConfig, sqlite_version};
pub use policy::DialLead;
pub(crate) use sql::{ManyRows, Map, Row, Tx, args};
pub use sql::{Val, micros};

use crate::vault::{MasterKey, TenantKey, VaultError};
use call::TenantId;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock, atomic::AtomicU64},
};

/// What can go wrong in the store. "Not found" is no error: lookups return `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique key is taken.
    #[error("already exists")]
    Conflict,
    /// The row was changed since it was read.
    #[error("changed by somebody else meanwhile")]
    Stale,
    /// A row names another that is not there (or is another tenant's).
    #[error("refers to something that does not exist")]
    MissingReference,
    /// The engine failed.
    #[error("database")]
    Database(#[source] sqlx::Error),
    /// A migration failed.
    #[error("migration")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what we wrote.
    #[error("stored value is unreadable: {0}")]
    Corrupt(String),
    /// A key or sealed value.
    #[error("vault")]
    Vault(#[from] VaultError),
    /// The cursor is none of ours.
    #[error("unreadable cursor")]
    BadCursor,
    /// The engine or its version cannot be used.
    #[error("{0}")]
    Unsupported(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let kind = error.as_database_error().map(|e| e.kind());
        match kind {
            Some(sqlx::error::ErrorKind::UniqueViolation) => Self::Conflict,
            Some(sqlx::error::ErrorKind::ForeignKeyViolation) => Self::MissingReference,
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the same may succeed later: the database is away, locked or full.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => !matches!(
                error.as_database_error().map(|e| e.kind()),
                Some(
                    sqlx::error::ErrorKind::NotNullViolation
                        | sqlx::error::ErrorKind::CheckViolation
                )
            ),
            Self::Conflict
            | Self::Stale
            | Self::MissingReference
            | Self::Migrate(_)
            | Self::Corrupt(_)
            | Self::Vault(_)
            | Self::BadCursor
            | Self::Unsupported(_) => false,
        }
    }
}

/// Which engine, with its pools.
#[derive(Clone)]
pub(crate) enum Db {
    /// One writer, many readers, one file.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// A shared server.
    Pg(PgPool),
}

/// Whose rows a transaction may see.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    Tenant(TenantId),
    /// All tenants: only for the few methods that carry `platform` in their name.
    Platform,
}

impl From<TenantId> for Scope {
    fn from(tenant: TenantId) -> Self {
        Self::Tenant(tenant)
    }
}

/// Some items of a list and where the next begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Hand back to go on; `None` at the end.
    pub next_cursor: Option<String>,
}

/// The door to the database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    master: MasterKey,
    keys: Arc<RwLock<HashMap<TenantId, TenantKey>>>,
    /// How often this process changed a tenant.
    tenant_changes: Arc<AtomicU64>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.db {
            Db::Sqlite { .. } => "Store(sqlite)",
            Db::Pg(_) => "Store(postgres)",
        })
    }
}

impl Store {
    /// A connection to read with.
    pub(crate) async fn read(&self, scope: impl Into<Scope>) -> Result<Tx, StoreError> {
        match &self.db {
            Db::Sqlite { read, .. } => Ok(Tx::Read(read.acquire().await?)),
            Db::Pg(pool) => Self::begin_pg(pool, scope.into()).await,
        }
    }

    /// A transaction to write in. On SQLite it has the write lock from the start, so that
    /// what it reads cannot change before it writes.
    pub(crate) async fn write(&self, scope: impl Into<Scope>) -> Result<Tx, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => Ok(Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
            Db::Pg(pool) => Self::begin_pg(pool, scope.into()).await,
        }
    }

    async fn begin_pg(pool: &PgPool, scope: Scope) -> Result<Tx, StoreError> {
        let begin = match scope {
            Scope::Tenant(tenant) => format!("BEGIN; SET LOCAL telehub.tenant = '{tenant}'"),
            Scope::Platform => "BEGIN; SET LOCAL telehub.scope = 'platform'".to_owned(),
        };
        Ok(Tx::Pg(pool.begin_with(AssertSqlSafe(begin)).await?))
    }

    /// One reading statement, many rows.
    pub(crate) async fn list<T>(
        &self,
        scope: impl Into<Scope>,
        sql: &'static str,
        args: Vec<Val>,
        map: Map<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(scope).await?.list(sql, args, map).await
    }

    /// One reading statement, at most one row.
    pub(crate) async fn find<T>(
        &self,
        scope: impl Into<Scope>,
        sql: &'static str,
        args: Vec<Val>,
        map: Map<T>,
    ) -> Result<Option<T>, StoreError> {
        self.read(scope).await?.find(sql, args, map).await
    }

    /// One writing statement.
    pub(crate) async fn run(
        &self,
        scope: impl Into<Scope>,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write(scope).await?;
        let rows = tx.run(sql, args).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// One writing statement that returns a row.
    pub(crate) async fn run_returning<T>(
        &self,
        scope: impl Into<Scope>,
        sql: &'static str,
        args: Vec<Val>,
        map: Map<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut tx = self.write(scope).await?;
        let row = tx.find(sql, args, map).await?;
        tx.commit().await?;
        Ok(row)
    }
}
