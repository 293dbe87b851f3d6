//! Leads, calls, agents, policy, the journal and the store.
//!
//! One module per business noun holds its types and rules; [`Store`] holds all SQL, one file
//! per table in `store/`. Every store method takes the [`call::TenantId`] it works for; the few
//! that must see all tenants carry `platform` in their name.

mod ids;
mod tokens;
mod words;

pub mod agents;
pub mod audit;
pub mod callbacks;
pub mod calls;
pub mod content;
pub mod dispositions;
pub mod dnd;
pub mod extensions;
pub mod journal;
pub mod leads;
pub mod notes;
pub mod numbers;
pub mod otp;
pub mod outreach;
pub mod policy;
pub mod recordings;
pub mod resets;
pub mod saved_views;
pub mod sessions;
pub mod sign_in;
pub mod store;
pub mod tenants;
pub mod trunks;
pub mod users;
pub mod vault;
pub mod widening;

pub use ids::{
    ArticleId, AuditId, CallbackId, DispositionId, NoteId, ObjectionId, SavedViewId, ScriptId,
    SessionId, fresh,
};
pub use journal::{Journal, JournalConfig, JournalEntry, Seq, StampedEvent};
pub use store::{MIGRATOR_POSTGRES, MIGRATOR_SQLITE, Page, Saver, Store, StoreConfig, StoreError};
pub use vault::MasterKey;
