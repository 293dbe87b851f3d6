//! People to be called: who they are, where they stand, in which order they are called.

use crate::words::words;
use call::{E164, LeadId, TenantId, UserId};
use chrono::{DateTime, Utc};

words! {
    /// Where a lead stands.
    LeadStatus {
        /// Never reached.
        New = "new",
        /// Reached, undecided.
        Contacted = "contacted",
        /// Wants it.
        Interested = "interested",
        /// Does not want it.
        NotInterested = "not_interested",
        /// Bought.
        Customer = "customer",
        /// The number is wrong or dead.
        Invalid = "invalid",
        /// Never to be called again.
        Dnd = "dnd",
    }
}

words! {
    /// Which tab of the queue a lead is in (QUE-01).
    Category {
        /// Never called.
        Fresh = "fresh",
        /// Asked to be called back.
        Callback = "callback",
        /// Called, not connected.
        Retry = "retry",
        /// Connected, to be followed up.
        FollowUp = "follow_up",
    }
}

words! {
    /// How soon a lead is called (QUE-02). Ordered: cold first.
    Priority {
        /// Little hope.
        Cold = "cold",
        /// Some.
        Warm = "warm",
        /// Interested, or scored 80 and more.
        Hot = "hot",
    }
}

impl Priority {
    /// As stored: higher is sooner.
    pub(crate) const fn rank(self) -> i64 {
        match self {
            Self::Cold => 1,
            Self::Warm => 2,
            Self::Hot => 3,
        }
    }

    pub(crate) const fn from_rank(rank: i64) -> Self {
        match rank {
            3.. => Self::Hot,
            2 => Self::Warm,
            _ => Self::Cold,
        }
    }

    /// Rule A of QUE-02, first match: interested or score 80: hot; three attempts: cold;
    /// one attempt: warm; else by score.
    pub const fn judge(status: LeadStatus, score: u8, attempts: u32) -> Self {
        if matches!(status, LeadStatus::Interested) || score >= 80 {
            Self::Hot
        } else if attempts >= 3 {
            Self::Cold
        } else if attempts == 1 || score >= 50 {
            Self::Warm
        } else {
            Self::Cold
        }
    }
}

/// A person to be called (DAT-02).
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// Their id.
    pub id: LeadId,
    /// Whose they are.
    pub tenant: TenantId,
    /// Their id in another system.
    pub external_id: Option<String>,
    /// Name.
    pub name: String,
    /// Number; unique in the tenant.
    pub phone: E164,
    /// E-mail.
    pub email: Option<String>,
    /// Organisation or school.
    pub organisation: Option<String>,
    /// Language they speak: `hi`, `en` …
    pub language: String,
    /// Postal code.
    pub pincode: Option<String>,
    /// Where they came from (ING-10).
    pub source: String,
    /// Tab of the queue.
    pub category: Category,
    /// Where they stand.
    pub status: LeadStatus,
    /// How soon they are called.
    pub priority: Priority,
    /// 0 to 100 (QUE-04).
    pub score: u8,
    /// Whose lead it is.
    pub assigned_to: Option<UserId>,
    /// Opted out, or on a register.
    pub dnd: bool,
    /// IANA zone, where it is not the tenant's (SEC-20).
    pub timezone: Option<String>,
    /// Calls placed.
    pub attempts: u32,
    /// Last time they were spoken to.
    pub last_contact_at: Option<DateTime<Utc>>,
    /// Not to be called before.
    pub next_call_at: Option<DateTime<Utc>>,
    /// Code of the last outcome.
    pub last_disposition: Option<String>,
    /// Custom fields.
    pub metadata: serde_json::Value,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes a lead.
#[derive(Clone, Debug)]
pub struct NewLead {
    /// Their id.
    pub id: LeadId,
    /// Their id in another system.
    pub external_id: Option<String>,
    /// Name.
    pub name: String,
    /// Number.
    pub phone: E164,
    /// E-mail.
    pub email: Option<String>,
    /// Organisation.
    pub organisation: Option<String>,
    /// Language they speak.
    pub language: String,
    /// Postal code.
    pub pincode: Option<String>,
    /// Where they came from.
    pub source: String,
    /// `None`: judged by score.
    pub priority: Option<Priority>,
    /// 0 to 100.
    pub score: u8,
    /// Whose lead it is.
    pub assigned_to: Option<UserId>,
    /// IANA zone.
    pub timezone: Option<String>,
    /// Custom fields.
    pub metadata: serde_json::Value,
}

impl NewLead {
    /// The least that makes a lead.
    pub fn named(id: LeadId, name: impl Into<String>, phone: E164) -> Self {
        Self {
            id,
            external_id: None,
            name: name.into(),
            phone,
            email: None,
            organisation: None,
            language: "en".into(),
            pincode: None,
            source: "manual".into(),
            priority: None,
            score: 50,
            assigned_to: None,
            timezone: None,
            metadata: serde_json::json!({}),
        }
    }
}

/// Changes to a lead; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct LeadPatch {
    /// Refuse with `Stale` where the lead changed since this moment.
    pub expected_updated_at: Option<DateTime<Utc>>,
    /// Name.
    pub name: Option<String>,
    /// Number.
    pub phone: Option<E164>,
    /// E-mail.
    pub email: Option<Option<String>>,
    /// Organisation.
    pub organisation: Option<Option<String>>,
    /// Language they speak.
    pub language: Option<String>,
    /// Postal code.
    pub pincode: Option<Option<String>>,
    /// Where they stand.
    pub status: Option<LeadStatus>,
    /// How soon they are called.
    pub priority: Option<Priority>,
    /// 0 to 100.
    pub score: Option<u8>,
    /// Whose lead it is.
    pub assigned_to: Option<Option<UserId>>,
    /// IANA zone.
    pub timezone: Option<Option<String>>,
    /// Custom fields, replaced whole.
    pub metadata: Option<serde_json::Value>,
}

/// Whose leads to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assigned {
    /// Everybody's.
    #[default]
    Any,
    /// This user's.
    To(UserId),
    /// This user's and nobody's.
    ToOrNobody(UserId),
    /// Nobody's.
    Nobody,
    /// Those of the team this user leads, and nobody's.
    ToTeamOf(UserId),
}

words! {
    /// Order of a list of leads (QUE-06).
    LeadSort {
        /// Highest priority, then oldest.
        Priority = "priority",
        /// Oldest first.
        Age = "age",
        /// Highest score first.
        Score = "score",
        /// Longest not spoken to first.
        LastContact = "last_contact",
        /// By name.
        Name = "name",
    }
}

/// Which leads to list (QUE-05, QUE-07).
#[derive(Clone, Debug)]
pub struct LeadFilter {
    /// Part of name, number, organisation or e-mail.
    pub search: Option<String>,
    /// Whose.
    pub assigned: Assigned,
    /// Where they stand.
    pub status: Option<LeadStatus>,
    /// How soon they are called.
    pub priority: Option<Priority>,
    /// Tab of the queue.
    pub category: Option<Category>,
    /// Where they came from.
    pub source: Option<String>,
    /// Least score.
    pub score_min: Option<u8>,
    /// Most score.
    pub score_max: Option<u8>,
    /// Added at or after.
    pub created_from: Option<DateTime<Utc>>,
    /// Added before.
    pub created_to: Option<DateTime<Utc>>,
    /// Order.
    pub sort: LeadSort,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page of the same order.
    pub cursor: Option<String>,
}

impl Default for LeadFilter {
    fn default() -> Self {
        Self {
            search: None,
            assigned: Assigned::Any,
            status: None,
            priority: None,
            category: None,
            source: None,
            score_min: None,
            score_max: None,
            created_from: None,
            created_to: None,
            sort: LeadSort::Priority,
            limit: 50,
            cursor: None,
        }
    }
}

/// How many leads of a queue are in each tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Never called.
    pub fresh: u32,
    /// Asked to be called back.
    pub callback: u32,
    /// Called, not connected.
    pub retry: u32,
    /// To be followed up.
    pub follow_up: u32,
    /// Of all these, to be called now.
    pub due: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// QUE-02, with the contradictions settled as `requirements.md` 4 recommends.
    #[test]
    fn the_first_matching_rule_sets_the_priority() {
        for (status, score, attempts, expected) in [
            (LeadStatus::Interested, 10, 5, Priority::Hot),
            (LeadStatus::New, 80, 3, Priority::Hot),
            (LeadStatus::New, 79, 3, Priority::Cold),
            (LeadStatus::New, 10, 1, Priority::Warm),
            (LeadStatus::New, 50, 2, Priority::Warm),
            (LeadStatus::New, 49, 0, Priority::Cold),
        ] {
            assert_eq!(Priority::judge(status, score, attempts), expected);
        }
    }
}
