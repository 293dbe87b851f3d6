//! The store's stories, each on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod engines;
mod floor;
mod journal;
mod leads;
mod outcomes;
mod policy;
mod recordings;
mod schema;
mod tenancy;
mod users;
