//! Scripts, objections and knowledge: what agents read while they talk.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Talking points.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Script {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Language: `en`, `hi`.
    pub language: String,
    /// Text with `{{lead.name}}`-like places; blank lines part the steps, `#` starts a heading.
    pub body: String,
    /// For leads from this source only.
    pub source: Option<String>,
    /// Offered to agents.
    pub active: bool,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// New or changed script.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptWrite {
    /// Name.
    pub name: String,
    /// `en`, `hi`.
    pub language: String,
    /// Text.
    pub body: String,
    /// For leads from this source only.
    pub source: Option<String>,
    /// Offered to agents; true when not said.
    pub active: Option<bool>,
}

/// Filter of the scripts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScriptQuery {
    /// Only this language.
    pub language: Option<String>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An objection and what to say.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Objection {
    /// Id.
    pub id: Uuid,
    /// `price`, `time`, `trust` …
    pub category: String,
    /// What they say.
    pub objection: String,
    /// What to answer.
    pub response: String,
    /// `en`, `hi`.
    pub language: String,
}

/// New or changed objection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectionWrite {
    /// `price`, `time`, `trust` …
    pub category: String,
    /// What they say.
    pub objection: String,
    /// What to answer.
    pub response: String,
    /// `en` when not said.
    pub language: Option<String>,
}

/// Search in objections and knowledge.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words; all rows when left out.
    pub q: Option<String>,
    /// Only this category.
    pub category: Option<String>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An article.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Article {
    /// Id.
    pub id: Uuid,
    /// Title.
    pub title: String,
    /// `product`, `faq`, `process` …
    pub category: String,
    /// Text.
    pub body: String,
    /// `en`, `hi`.
    pub language: String,
}
