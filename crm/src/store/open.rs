//! Opening the database: engine by URL, pragmas, migrations, the role that policies bind.

use super::{Db, Store, StoreError};
use crate::vault::MasterKey;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgPool,
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{str::FromStr, time::Duration};

/// Forward-only changes of the SQLite schema.
pub static MIGRATOR_SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
/// The same for PostgreSQL, with the same numbers.
pub static MIGRATOR_POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

const READERS: u32 = 8;
const PG_CONNECTIONS: u32 = 16;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows are read and written as this role, which owns nothing and bypasses nothing (G03).
const APP_ROLE: &str = "telehub_app";

/// Where the data is and what opens it.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Wraps the tenants' keys.
    pub master: MasterKey,
}

impl Store {
    /// Connects, checks the engine, and brings the schema up to date.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let db = if config.url.starts_with("sqlite:") {
            open_sqlite(&config.url).await?
        } else if config.url.starts_with("postgres") {
            open_pg(&config.url).await?
        } else {
            return Err(StoreError::Unsupported(
                "database url must begin with sqlite:// or postgres://".into(),
            ));
        };
        Ok(Self {
            db,
            master: config.master,
            keys: Default::default(),
            tenant_changes: Default::default(),
        })
    }

    /// Ends the pools; waits for what is under way.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Db::Pg(pool) => pool.close().await,
        }
    }

    /// Whether the database answers; for health checks.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite { read, .. } => {
                sqlx::query("SELECT 1").execute(read).await?;
            }
            Db::Pg(pool) => {
                sqlx::query("SELECT 1").execute(pool).await?;
            }
        }
        Ok(())
    }

    /// Engine and version, for `--version` and health.
    pub async fn engine(&self) -> Result<String, StoreError> {
        Ok(match &self.db {
            Db::Sqlite { read, .. } => {
                let version: String =
                    sqlx::query_scalar("SELECT sqlite_version()").fetch_one(read).await?;
                format!("SQLite {version}")
            }
            Db::Pg(pool) => {
                let version: String =
                    sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
                format!("PostgreSQL {version}")
            }
        })
    }

    /// The PostgreSQL role that statements run as; none on SQLite.
    pub async fn role(&self) -> Result<Option<String>, StoreError> {
        match &self.db {
            Db::Sqlite { .. } => Ok(None),
            Db::Pg(pool) => Ok(Some(pg_role(pool).await?.0)),
        }
    }

    pub(super) fn master(&self) -> &MasterKey {
        &self.master
    }
}

async fn open_sqlite(url: &str) -> Result<Db, StoreError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // 16 MB: pages that every write touches are copied back to the file a fourth as often as by default.
        .pragma("wal_autocheckpoint", "4000")
        .busy_timeout(BUSY_TIMEOUT);
    if let Some(folder) = options.get_filename().parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(crate::vault::VaultError::from)?;
    }
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go away like a server: asking first would double every statement.
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&write).await?;
    assert_sqlite_version(&version)?;
    MIGRATOR_SQLITE.run(&write).await?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "ON"))
        .await?;
    Ok(Db::Sqlite { write, read })
}

/// The WAL-reset bug can corrupt a database below 3.51.3; 3.52.0 was withdrawn.
/// Version of the SQLite library inside this binary, whatever database is configured.
pub async fn sqlite_version() -> Result<String, StoreError> {
    let mut memory = sqlx::SqliteConnection::connect("sqlite::memory:").await?;
    Ok(sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut memory).await?)
}

fn assert_sqlite_version(version: &str) -> Result<(), StoreError> {
    let parts: Vec<u32> = version.split('.').map_while(|p| p.parse().ok()).collect();
    if parts.as_slice() >= [3, 51, 3].as_slice() && parts != [3, 52, 0] {
        Ok(())
    } else {
        Err(StoreError::Unsupported(format!("SQLite {version} may corrupt data: 3.51.3 needed")))
    }
}

async fn open_pg(url: &str) -> Result<Db, StoreError> {
    let owner = PgPool::connect(url).await?;
    MIGRATOR_POSTGRES.run(&owner).await?;
    let confined = prepare_role(&owner).await;
    owner.close().await;
    if let Err(error) = &confined {
        tracing::warn!(%error, "cannot set up role {APP_ROLE}: running as the schema's owner");
    }
    let as_app_role = confined.is_ok();
    let pool = PgPoolOptions::new()
        .max_connections(PG_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if as_app_role {
                    connection.execute(AssertSqlSafe(format!("SET ROLE {APP_ROLE}"))).await?;
                }
                Ok(())
            })
        })
        .connect(url)
        .await?;
    let (role, bound) = pg_role(&pool).await?;
    if !bound {
        pool.close().await;
        return Err(StoreError::Unsupported(format!(
            "PostgreSQL role {role} is a superuser or has BYPASSRLS, so nothing would keep the \
             tenants apart: connect as a role that has neither, or as one that may create the \
             role {APP_ROLE}"
        )));
    }
    Ok(Db::Pg(pool))
}

/// The role statements run as, and whether row level security binds it (G03).
async fn pg_role(pool: &PgPool) -> Result<(String, bool), StoreError> {
    let found = sqlx::query_as(
        "SELECT rolname::text, NOT (rolsuper OR rolbypassrls) FROM pg_roles
         WHERE rolname = current_user",
    );
    Ok(found.fetch_one(pool).await?)
}

async fn prepare_role(owner: &PgPool) -> Result<(), StoreError> {
    let text = format!(
        "DO $$ BEGIN
             CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$;
         DO $$ BEGIN
             EXECUTE format('GRANT {APP_ROLE} TO %I', current_user);
         EXCEPTION WHEN OTHERS THEN
             IF NOT pg_has_role(current_user, '{APP_ROLE}', 'MEMBER') THEN RAISE; END IF;
         END $$;
         GRANT USAGE ON SCHEMA public TO {APP_ROLE};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE};
         REVOKE UPDATE, DELETE ON audit_logs FROM {APP_ROLE};
         REVOKE ALL ON _sqlx_migrations FROM {APP_ROLE};"
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(owner).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing that was committed is lost with the power, and readers wait for no writer.
    #[tokio::test]
    async fn sqlite_runs_in_wal_mode_with_full_synchronisation() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let Ok(Db::Sqlite { write, read }) = open_sqlite(&url).await else {
            panic!("SQLite opens");
        };
        for pool in [&write, &read] {
            let synchronous: i64 =
                sqlx::query_scalar("PRAGMA synchronous").fetch_one(pool).await.unwrap();
            let journal: String =
                sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
        }
    }

    #[test]
    fn sqlite_versions_that_may_corrupt_are_refused() {
        for (version, fine) in [
            ("3.46.0", false),
            ("3.51.2", false),
            ("3.51.3", true),
            ("3.52.0", false),
            ("3.53.1", true),
        ] {
            assert_eq!(assert_sqlite_version(version).is_ok(), fine, "{version}");
        }
    }
}
