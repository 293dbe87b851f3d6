//! The store's stories, each on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "public in the test kit, whose file it is")]
#[path = "../../../tests/kit/src/authenticator.rs"]
mod authenticator;
mod calls;
mod emergency;
mod engines;
mod floor;
mod journal;
mod leads;
mod outcomes;
mod policy;
mod recordings;
mod saved_views;
mod schema;
mod sign_in;
mod teams;
mod tenancy;
mod users;
