//! The store's stories, each on SQLite and on PostgreSQL.

mod calls;
mod engines;
mod floor;
mod leads;
mod outcomes;
mod recordings;
mod schema;
mod tenancy;
mod users;
