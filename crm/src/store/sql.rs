//! One thin layer over both engines: values in, rows out, one SQL text with `$1` for both.

use super::StoreError;
use call::{
    CallId, CampaignId, E164, ExtensionId, LeadId, NodeId, NumberId, RecordingId, TenantId,
    TrunkId, UserId,
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::{
    ColumnIndex, Decode, Postgres, Row as _, Sqlite, Transaction, Type, pool::PoolConnection,
    postgres::PgRow, sqlite::SqliteRow, types::Json,
};
use std::{fmt::Write as _, sync::OnceLock};
use uuid::Uuid;

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// True or false.
    Bool(Option<bool>),
    /// Every integer is 64 bits wide.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
    /// An id.
    Uuid(Option<Uuid>),
    /// A moment, microseconds kept.
    Time(Option<DateTime<Utc>>),
    /// A document.
    Json(Option<serde_json::Value>),
    /// A document that is text already.
    Written(Option<Written>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

/// A document in JSON's own words.
#[derive(Clone, Debug)]
pub struct Written(Box<RawValue>);

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

macro_rules! val {
    ($($variant:ident($kind:ty) = |$value:ident| $make:expr;)+) => {$(
        impl From<$kind> for Val {
            fn from($value: $kind) -> Self {
                Self::$variant(Some($make))
            }
        }

        impl From<Option<$kind>> for Val {
            fn from(value: Option<$kind>) -> Self {
                Self::$variant(value.map(|$value| $make))
            }
        }
    )+};
}

val! {
    Bool(bool) = |v| v;
    Int(i64) = |v| v;
    Int(u32) = |v| i64::from(v);
    Int(u16) = |v| i64::from(v);
    Text(String) = |v| v;
    Text(&str) = |v| v.to_owned();
    Text(&String) = |v| v.clone();
    Text(E164) = |v| v.as_str().to_owned();
    Text(&E164) = |v| v.as_str().to_owned();
    Uuid(Uuid) = |v| v;
    Uuid(TenantId) = |v| v.0;
    Uuid(CallId) = |v| v.0;
    Uuid(UserId) = |v| v.0;
    Uuid(ExtensionId) = |v| v.0;
    Uuid(TrunkId) = |v| v.0;
    Uuid(NumberId) = |v| v.0;
    Uuid(LeadId) = |v| v.0;
    Uuid(CampaignId) = |v| v.0;
    Uuid(RecordingId) = |v| v.0;
    Uuid(NodeId) = |v| v.0;
    Uuid(crate::SessionId) = |v| v.0;
    Uuid(crate::NoteId) = |v| v.0;
    Uuid(crate::CallbackId) = |v| v.0;
    Uuid(crate::DispositionId) = |v| v.0;
    Uuid(crate::AuditId) = |v| v.0;
    Uuid(crate::ScriptId) = |v| v.0;
    Uuid(crate::ObjectionId) = |v| v.0;
    Uuid(crate::ArticleId) = |v| v.0;
    Uuid(crate::SavedViewId) = |v| v.0;
    Time(DateTime<Utc>) = |v| micros(v);
    Json(serde_json::Value) = |v| v;
    Written(Box<RawValue>) = |v| Written(v);
    Blob(Vec<u8>) = |v| v;
    Blob(&[u8]) = |v| v.to_vec();
}

/// PostgreSQL keeps microseconds, SQLite's text keeps nanoseconds: keep what both keep.
pub fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Values of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Val::from($value)),*] };
}
pub(crate) use args;

/// A row of either engine.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Pg(PgRow),
}

/// What both engines can decode.
pub(crate) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    /// The column as a plain type.
    pub(crate) fn col<T: Column>(&self, name: &str) -> Result<T, StoreError>
    where
        for<'a> &'a str: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(name)?,
            Self::Pg(row) => row.try_get(name)?,
        })
    }

    /// The column as an id.
    pub(crate) fn id<Id: From<Uuid>>(&self, name: &str) -> Result<Id, StoreError> {
        self.col::<Uuid>(name).map(Id::from)
    }

    /// The column as an id, where there is one.
    pub(crate) fn id_opt<Id: From<Uuid>>(&self, name: &str) -> Result<Option<Id>, StoreError> {
        Ok(self.col::<Option<Uuid>>(name)?.map(Id::from))
    }

    /// The column as a word of a closed vocabulary.
    pub(crate) fn word<W: std::str::FromStr>(&self, name: &str) -> Result<W, StoreError> {
        let text: String = self.col(name)?;
        text.parse().map_err(|_| StoreError::Corrupt(format!("column {name} holds {text:?}")))
    }

    /// The column as a document of a known shape.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let value: serde_json::Value = self.col(name)?;
        serde_json::from_value(value)
            .map_err(|e| StoreError::Corrupt(format!("column {name}: {e}")))
    }

    /// The column as a document of a known shape, where there is one.
    pub(crate) fn json_opt<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let value: Option<serde_json::Value> = self.col(name)?;
        value
            .map(serde_json::from_value)
            .transpose()
            .map_err(|e| StoreError::Corrupt(format!("column {name}: {e}")))
    }

    /// The column as a number.
    pub(crate) fn e164(&self, name: &str) -> Result<E164, StoreError> {
        let text: String = self.col(name)?;
        E164::parse(&text).map_err(|e| StoreError::Corrupt(format!("column {name}: {e}")))
    }
}

/// How many rows one statement carries: few texts, so that each stays prepared.
const ROWS_PER_STATEMENT: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// A statement over many rows, `before ($1, …), ($n, …) after`: one round trip to the engine's
/// thread or server where one per row would cost more than the row.
pub(crate) struct ManyRows {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [[OnceLock<String>; ROWS_PER_STATEMENT.len()]; 2],
}

impl ManyRows {
    pub(crate) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        let texts = [const { [const { OnceLock::new() }; ROWS_PER_STATEMENT.len()] }; 2];
        Self { before, columns, after, texts }
    }

    /// The text for the largest number of rows that fits, and that number. SQLite's values have no names: it looks for
    /// each by walking over all of them.
    fn text_for(&'static self, rows: usize, postgres: bool) -> (&'static str, usize) {
        let index = ROWS_PER_STATEMENT.iter().position(|n| *n <= rows);
        let index = index.unwrap_or(ROWS_PER_STATEMENT.len() - 1);
        let rows = ROWS_PER_STATEMENT[index];
        let text = self.texts[usize::from(postgres)][index].get_or_init(|| {
            let mut text = self.before.to_owned();
            for value in 0..rows * self.columns {
                let opens = value % self.columns == 0;
                let lead = if !opens {
                    ", "
                } else if value == 0 {
                    " ("
                } else {
                    "), ("
                };
                // Writing to a String cannot fail.
                let _ = match postgres {
                    true => write!(text, "{lead}${}", value + 1),
                    false => write!(text, "{lead}?"),
                };
            }
            text + ") " + self.after
        });
        (text, rows)
    }
}

/// Makes a domain value of a row.
pub(crate) type Map<T> = fn(&Row) -> Result<T, StoreError>;

/// An open connection or transaction, already limited to its scope.
pub(crate) enum Tx {
    Read(PoolConnection<Sqlite>),
    Sqlite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $args {
            query = match value {
                Val::Bool(v) => query.bind(v),
                Val::Int(v) => query.bind(v),
                Val::Text(v) => query.bind(v),
                Val::Uuid(v) => query.bind(v),
                Val::Time(v) => query.bind(v),
                Val::Json(v) => query.bind(v),
                Val::Written(v) => query.bind(v.map(|document| Json(document.0))),
                Val::Blob(v) => query.bind(v),
            };
        }
        query
    }};
}

impl Tx {
    /// Executes; how many rows it touched.
    pub(crate) async fn run(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Read(c) => bound!(sql, args).execute(&mut **c).await?.rows_affected(),
            Self::Sqlite(t) => bound!(sql, args).execute(&mut **t).await?.rows_affected(),
            Self::Pg(t) => bound!(sql, args).execute(&mut **t).await?.rows_affected(),
        })
    }

    /// All rows.
    pub(crate) async fn list<T>(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
        map: Map<T>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Read(c) => bound!(sql, args)
                .fetch_all(&mut **c)
                .await?
                .into_iter()
                .map(|row| map(&Row::Sqlite(row)))
                .collect(),
            Self::Sqlite(t) => bound!(sql, args)
                .fetch_all(&mut **t)
                .await?
                .into_iter()
                .map(|row| map(&Row::Sqlite(row)))
                .collect(),
            Self::Pg(t) => bound!(sql, args)
                .fetch_all(&mut **t)
                .await?
                .into_iter()
                .map(|row| map(&Row::Pg(row)))
                .collect(),
        }
    }

    /// Executes over many rows. On PostgreSQL a row of the table may be met only once.
    pub(crate) async fn run_many(
        &mut self,
        sql: &'static ManyRows,
        rows: Vec<Vec<Val>>,
    ) -> Result<u64, StoreError> {
        let (mut rows, mut touched) = (rows.into_iter(), 0);
        while rows.len() > 0 {
            let (text, count) = sql.text_for(rows.len(), self.is_postgres());
            let args = rows.by_ref().take(count).flatten().collect();
            touched += self.run(text, args).await?;
        }
        Ok(touched)
    }

    /// Executes over many rows; what they return, in no order.
    pub(crate) async fn list_many<T>(
        &mut self,
        sql: &'static ManyRows,
        rows: Vec<Vec<Val>>,
        map: Map<T>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut rows, mut found) = (rows.into_iter(), Vec::new());
        while rows.len() > 0 {
            let (text, count) = sql.text_for(rows.len(), self.is_postgres());
            let args = rows.by_ref().take(count).flatten().collect();
            found.extend(self.list(text, args, map).await?);
        }
        Ok(found)
    }

    /// The first row, if any.
    pub(crate) async fn find<T>(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
        map: Map<T>,
    ) -> Result<Option<T>, StoreError> {
        let row = match self {
            Self::Read(c) => bound!(sql, args).fetch_optional(&mut **c).await?.map(Row::Sqlite),
            Self::Sqlite(t) => bound!(sql, args).fetch_optional(&mut **t).await?.map(Row::Sqlite),
            Self::Pg(t) => bound!(sql, args).fetch_optional(&mut **t).await?.map(Row::Pg),
        };
        row.map(|row| map(&row)).transpose()
    }

    /// Which engine this is, for the few texts that must differ.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Read(_) => {}
            Self::Sqlite(t) => t.commit().await?,
            Self::Pg(t) => t.commit().await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_over_many_rows_numbers_its_values_and_takes_the_largest_part_that_fits() {
        static SQL: ManyRows = ManyRows::new("INSERT INTO t (a, b) VALUES", 2, "RETURNING a");
        assert_eq!(SQL.text_for(1, true), ("INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a", 1));
        assert_eq!(SQL.text_for(1, false), ("INSERT INTO t (a, b) VALUES (?, ?) RETURNING a", 1));
        let (text, rows) = SQL.text_for(7, true);
        assert_eq!(rows, 4);
        assert!(text.ends_with("VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8) RETURNING a"));
        assert_eq!([16, 63, 64, 1000].map(|n| SQL.text_for(n, false).1), [16, 32, 64, 64]);
    }
}
