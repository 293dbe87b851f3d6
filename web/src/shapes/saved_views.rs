//! Lists saved under a name, and what somebody set for themselves at the desk.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    calls::{CallDirection, CallStatus},
    leads::{LeadStatus, Priority},
};

/// Lists whose views can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewList {
    /// The leads.
    Leads,
    /// The calls.
    Calls,
}

/// Days by a word, in the tenant's time zone; the last one counts whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// This day.
    Today,
    /// The day before.
    Yesterday,
    /// This day and the six before.
    Week,
    /// This day and the 29 before.
    Month,
}

/// What a view asks of the leads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeadViewQuery {
    /// Part of name, number or organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<LeadStatus>,
    /// Only this priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// What a view asks of the calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallViewQuery {
    /// Only this direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<CallDirection>,
    /// Only this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CallStatus>,
    /// Only with this outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// Days by a word, which move on with the days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// From this day on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Up to and with this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

/// A list under a name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SavedView {
    /// Id.
    pub id: Uuid,
    /// Of which list.
    pub list: ViewList,
    /// Name.
    pub name: String,
    /// Everybody of the tenant sees it.
    pub shared: bool,
    /// Saved by the reader.
    pub mine: bool,
    /// The reader may rename, change and delete it.
    pub changeable: bool,
    /// Who saved it.
    pub owner_name: Option<String>,
    /// What is asked of the list, as the desk's address holds it.
    #[schema(value_type = BTreeMap<String, String>)]
    pub query: BTreeMap<String, String>,
    /// Lower ones stand first.
    pub position: i64,
    /// Rows it finds for the reader, where counts were asked for; 1000 means "that or more".
    pub count: Option<u32>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// Which views are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewsQuery {
    /// Only of this list.
    #[param(inline)]
    pub list: Option<ViewList>,
    /// Count the rows of each.
    pub counts: Option<bool>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A list to be saved under a name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewNew {
    /// Of which list.
    pub list: ViewList,
    /// Name, up to 60 characters.
    pub name: String,
    /// For everybody of the tenant: managers and administrators only.
    #[serde(default)]
    pub shared: bool,
    /// What is asked of the list. Leads: `q`, `status`, `priority`. Calls: `direction`, `status`,
    /// `disposition`, `period` (`today`, `yesterday`, `week`, `month`), or days `from` and `to`.
    #[schema(value_type = BTreeMap<String, String>)]
    pub query: BTreeMap<String, String>,
    /// Place among the others; last when not said.
    pub position: Option<i64>,
}

/// What changes of a saved view; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewChange {
    /// Name, up to 60 characters.
    pub name: Option<String>,
    /// For everybody of the tenant: managers and administrators only.
    pub shared: Option<bool>,
    /// What is asked of the list.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub query: Option<BTreeMap<String, String>>,
    /// Place among the others.
    pub position: Option<i64>,
}

/// What one set for oneself at the desk. It goes with the person, not with the computer.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Keys other than those the desk has by itself: by the name of what they do, as
    /// `{"palette.open": "KeyU"}`; an empty text means no key.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
}
