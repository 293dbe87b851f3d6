//! Lists saved under a name: what was asked of the list, for oneself or for everybody.

use crate::{SavedViewId, words::words};
use call::UserId;
use chrono::{DateTime, Utc};

words! {
    /// Lists whose views can be saved.
    ViewList {
        /// The leads.
        Leads = "leads",
        /// The calls.
        Calls = "calls",
    }
}

/// Views of one list that one person may keep, and as many again that everybody shares.
pub const VIEWS_MOST: u32 = 20;
/// Rows that a count goes through at most: beyond it the number says no more than "many".
pub const COUNT_MOST: u32 = 1_000;

/// A list under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedView {
    /// Its id.
    pub id: SavedViewId,
    /// Who saved it.
    pub owner: UserId,
    /// Of which list.
    pub list: ViewList,
    /// Name shown.
    pub name: String,
    /// Everybody of the tenant sees it, not its owner alone.
    pub shared: bool,
    /// What is asked of the list, by the names of its filters.
    pub query: serde_json::Value,
    /// Lower ones stand first.
    pub position: i64,
    /// When it was saved first.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}
