//! Scripts, objections and knowledge: what agents read while they talk.

use crate::{ArticleId, ObjectionId, ScriptId};
use chrono::{DateTime, Utc};

/// A calling script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its id.
    pub id: ScriptId,
    /// Name shown.
    pub name: String,
    /// `en`, `hi`.
    pub language: String,
    /// Markdown with `{{lead.name}}` and the like.
    pub body: String,
    /// For leads from this source only.
    pub source: Option<String>,
    /// Offered to agents.
    pub active: bool,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// An objection with its answer (EMP-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Its id.
    pub id: ObjectionId,
    /// `price`, `trust` …
    pub category: String,
    /// `en`, `hi`.
    pub language: String,
    /// What people say.
    pub objection: String,
    /// What to answer.
    pub response: String,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A knowledge article (EMP-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// `fees`, `admissions` …
    pub category: String,
    /// `en`, `hi`.
    pub language: String,
    /// Headline.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// Which objections or articles to find.
#[derive(Clone, Debug, Default)]
pub struct ContentFilter {
    /// Words looked for, in any order, case ignored.
    pub search: Option<String>,
    /// Only this category.
    pub category: Option<String>,
    /// Only this language.
    pub language: Option<String>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}
