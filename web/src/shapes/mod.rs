//! What goes over the wire: request and answer bodies, separate from the store's types, so that
//! neither can drag the other along.

pub mod accounts;
pub mod calls;
pub mod compliance;
pub mod content;
pub mod leads;
pub mod live;
pub mod saved_views;
pub mod session;
pub mod system;
pub mod telephony;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One page of a list and where the next begins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Up to `limit` rows.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows per page, 1 to 200; 50 when not said.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
