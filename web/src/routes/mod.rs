//! The endpoints, one noun per file: types in `shapes`, access in `access::TABLE`.

pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod callbacks;
pub(crate) mod calls;
pub(crate) mod content;
pub(crate) mod dispositions;
pub(crate) mod dnd;
pub(crate) mod extensions;
pub(crate) mod health;
pub(crate) mod leads;
pub(crate) mod me;
pub(crate) mod numbers;
pub(crate) mod otp;
pub(crate) mod passwords;
pub(crate) mod queue;
pub(crate) mod saved_views;
pub(crate) mod settings;
pub(crate) mod trunks;
pub(crate) mod users;
