//! Leads, their timeline, the queue, callbacks and notes.

use super::calls::Call;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where a lead stands in the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    /// Never spoken to.
    New,
    /// Spoken to.
    Contacted,
    /// Wants to know more.
    Interested,
    /// Does not, for now.
    NotInterested,
    /// Bought.
    Customer,
    /// The number does not lead to them.
    Invalid,
    /// Asked never to be called.
    Dnd,
}

/// How eagerly to call (QUE-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// First.
    Hot,
    /// Next.
    Warm,
    /// Last.
    Cold,
}

/// Why a lead is in the queue (QUE-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Never called.
    Fresh,
    /// Asked to be called.
    Callback,
    /// Called, not reached.
    Retry,
    /// Reached; another touch is due.
    FollowUp,
}

/// A person to be called.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Lead {
    /// Id.
    pub id: Uuid,
    /// Id in the system it came from.
    pub external_id: Option<String>,
    /// Name.
    pub name: String,
    /// E.164; masked (`+91••••••••01`) for roles that may not see it.
    #[schema(example = "+919812340001")]
    pub phone: String,
    /// The number above is masked.
    pub phone_masked: bool,
    /// Mail address; `null` where masked.
    pub email: Option<String>,
    /// Company, school, family.
    pub organisation: Option<String>,
    /// Where they stand.
    pub status: LeadStatus,
    /// How eagerly to call.
    pub priority: Priority,
    /// Why they are in the queue.
    pub category: Category,
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub lead_score: u8,
    /// `landing_page`, `csv`, `manual`, `api`, `laravel_crm`, `website`, `referral`.
    pub source: String,
    /// Language they speak: `en`, `hi`, `ta` …
    pub language: Option<String>,
    /// PIN code of their place.
    pub pincode: Option<String>,
    /// Whose lead it is.
    pub assigned_to: Option<Uuid>,
    /// Their name.
    pub assigned_to_name: Option<String>,
    /// Calls placed so far.
    pub attempts: u32,
    /// Last call either way.
    pub last_contact_at: Option<DateTime<Utc>>,
    /// Code of the last outcome.
    pub last_disposition: Option<String>,
    /// Not to be called before this.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// On the do-not-call list.
    pub dnd: bool,
    /// Other facts, as they came.
    #[schema(value_type = Object)]
    pub metadata: serde_json::Value,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change; give it back as `updated_at` when changing the lead.
    pub updated_at: DateTime<Utc>,
}

/// Filter and order of the lead list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeadQuery {
    /// Part of name, number or organisation.
    pub q: Option<String>,
    /// Only this status.
    #[param(inline)]
    pub status: Option<LeadStatus>,
    /// Only this priority.
    #[param(inline)]
    pub priority: Option<Priority>,
    /// Only this category.
    #[param(inline)]
    pub category: Option<Category>,
    /// Only from this source.
    pub source: Option<String>,
    /// Only of this user; `none` for leads of nobody.
    pub assigned_to: Option<String>,
    /// Score at least.
    pub score_min: Option<u8>,
    /// Score at most.
    pub score_max: Option<u8>,
    /// Made at or after.
    pub created_from: Option<DateTime<Utc>>,
    /// Made before.
    pub created_to: Option<DateTime<Utc>>,
    /// `priority` (default), `age`, `score`, `last_contact`, `name`.
    #[param(inline)]
    pub sort: Option<LeadSort>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Order of the lead list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadSort {
    /// Hot first, then oldest first.
    #[default]
    Priority,
    /// Newest first.
    Age,
    /// Highest score first.
    Score,
    /// Longest not spoken to first.
    LastContact,
    /// By name.
    Name,
}

/// A new lead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadNew {
    /// Name.
    pub name: String,
    /// As typed; stored as E.164.
    pub phone: String,
    /// Mail address.
    pub email: Option<String>,
    /// Company, school, family.
    pub organisation: Option<String>,
    /// `manual` when not said.
    pub source: Option<String>,
    /// Language they speak.
    pub language: Option<String>,
    /// PIN code.
    pub pincode: Option<String>,
    /// How eagerly to call; worked out from the score when not said.
    pub priority: Option<Priority>,
    /// 0 to 100.
    pub lead_score: Option<u8>,
    /// Whose lead it is; oneself for a telecaller.
    pub assigned_to: Option<Uuid>,
    /// Id in the system it came from.
    pub external_id: Option<String>,
    /// Other facts.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
}

/// Change of a lead; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadChange {
    /// As read. When the lead has changed since, the answer is 409 and nothing is changed.
    pub updated_at: DateTime<Utc>,
    /// Name.
    pub name: Option<String>,
    /// As typed; stored as E.164.
    pub phone: Option<String>,
    /// Mail address; `null` removes it.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    /// Company, school, family; `null` removes it.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<String>)]
    pub organisation: Option<Option<String>>,
    /// Where they stand.
    pub status: Option<LeadStatus>,
    /// How eagerly to call.
    pub priority: Option<Priority>,
    /// 0 to 100.
    pub lead_score: Option<u8>,
    /// Language they speak.
    pub language: Option<String>,
    /// PIN code.
    pub pincode: Option<String>,
    /// Whose lead it is (managers and administrators); `null` for nobody.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<Uuid>)]
    pub assigned_to: Option<Option<Uuid>>,
    /// Other facts; replaces the whole object.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
}

/// What a timeline entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// A call, with outcome and recording.
    Call,
    /// A note.
    Note,
    /// A callback was promised.
    Callback,
    /// The lead's data changed.
    Change,
}

/// One thing that happened with a lead, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineItem {
    /// Id of what happened.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind.
    pub kind: TimelineKind,
    /// Who did it.
    pub user_id: Option<Uuid>,
    /// Their name.
    pub user_name: Option<String>,
    /// Text of a note, a promise or a change.
    pub text: Option<String>,
    /// The call, for `call`.
    pub call: Option<Call>,
    /// The promise, for `callback`.
    pub callback: Option<Callback>,
}

/// Filter of a timeline.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Only entries of this kind.
    #[param(inline)]
    pub kind: Option<TimelineKind>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A note on a lead.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Note {
    /// Id.
    pub id: Uuid,
    /// On whom.
    pub lead_id: Uuid,
    /// Taken in which call.
    pub call_id: Option<Uuid>,
    /// Words.
    pub text: String,
    /// By whom.
    pub user_id: Option<Uuid>,
    /// Their name.
    pub user_name: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A new note on a lead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteNew {
    /// Up to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub text: String,
}

/// Why a queue item stands where it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueReason {
    /// `callback_due`, `callback_soon`, `callback_late`, `fresh`, `retry`, `follow_up`.
    pub code: String,
    /// The hour that counts: promise, arrival, retry.
    pub at: Option<DateTime<Utc>>,
    /// Attempts so far, for `retry`.
    pub attempts: Option<u32>,
}

/// Why an item may not be called now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Blocked {
    /// Name of the rule: `dnd`, `calling_hours`, `frequency_cap` …
    pub rule: String,
    /// In plain words.
    pub detail: String,
    /// When it will be allowed, where that is known.
    pub allowed_at: Option<DateTime<Utc>>,
}

/// A lead to be called, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueItem {
    /// Whom.
    pub lead: Lead,
    /// Why now.
    pub reason: QueueReason,
    /// Why not now.
    pub blocked: Option<Blocked>,
}

/// One's own queue, best first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Queue {
    /// Up to `limit` leads.
    pub items: Vec<QueueItem>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
    /// Leads by category, for the tabs.
    pub counts: BTreeMap<String, u64>,
}

/// Filter of one's queue.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// Only this category.
    #[param(inline)]
    pub category: Option<Category>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// How a promise fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStatus {
    /// Not kept yet.
    Pending,
    /// Kept.
    Done,
    /// Taken back.
    Cancelled,
}

/// A promise to call at an hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Callback {
    /// Id.
    pub id: Uuid,
    /// Whom.
    pub lead_id: Uuid,
    /// Their name.
    pub lead_name: Option<String>,
    /// When.
    pub due_at: DateTime<Utc>,
    /// Who promised; `null`: anyone may keep it.
    pub user_id: Option<Uuid>,
    /// How it fares.
    pub status: CallbackStatus,
    /// In own words.
    pub note: Option<String>,
    /// Promised in which call.
    pub call_id: Option<Uuid>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
}

/// A new promise.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackNew {
    /// Whom.
    pub lead_id: Uuid,
    /// When.
    pub due_at: DateTime<Utc>,
    /// In own words.
    #[schema(max_length = 500)]
    pub note: Option<String>,
}

/// Change of a promise; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackChange {
    /// Another hour.
    pub due_at: Option<DateTime<Utc>>,
    /// Kept or taken back.
    pub status: Option<CallbackStatus>,
}

/// Filter of the promises.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    /// `pending` when not said.
    #[param(inline)]
    pub status: Option<CallbackStatus>,
    /// Due at or after.
    pub from: Option<DateTime<Utc>>,
    /// Due before.
    pub to: Option<DateTime<Utc>>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
