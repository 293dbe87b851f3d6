//! A consistent copy of the database while it serves.

use super::{Db, Store, StoreError};
use sqlx::AssertSqlSafe;
use std::path::Path;

impl Store {
    /// Writes a copy of everything committed so far into a new file. SQLite only: a PostgreSQL
    /// database is backed up by its own tools.
    pub async fn platform_backup(&self, file: &Path) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => {
                let path = file.display().to_string();
                if path.contains('\'') {
                    return Err(StoreError::Unsupported("the path holds a quote".into()));
                }
                sqlx::query(AssertSqlSafe(format!("VACUUM INTO '{path}'"))).execute(write).await?;
                Ok(())
            }
            Db::Pg(_) => Err(StoreError::Unsupported(
                "back PostgreSQL up with pg_dump; this command copies SQLite databases".into(),
            )),
        }
    }
}
