//! Outcomes of calls: the fifteen codes, what each asks for and what each sets in motion.

use crate::{DispositionId, words::words};
use call::{CallId, LeadId, UserId};
use chrono::{DateTime, Utc};

words! {
    /// Which group of buttons a code is in.
    Family {
        /// We spoke.
        Connected = "connected",
        /// We did not.
        NotConnected = "not_connected",
        /// Neither fits.
        Special = "special",
    }
}

words! {
    /// What an outcome sets in motion (DSP-18).
    NextAction {
        /// Nothing.
        None = "none",
        /// Book a field visit.
        ScheduleVisit = "schedule_visit",
        /// Into the nurture campaign, called again much later.
        AddToNurture = "add_to_nurture",
        /// Called again at the time asked for.
        ScheduleCallback = "schedule_callback",
        /// The number is struck off.
        MarkInvalid = "mark_invalid",
        /// Another agent takes over.
        Reassign = "reassign",
        /// Called again after a while.
        Retry = "retry",
        /// Never called again.
        MarkDnd = "mark_dnd",
        /// The agent's manager takes over.
        AssignManager = "assign_manager",
        /// Materials by e-mail.
        SendInfo = "send_info",
    }
}

/// A code a tenant's agents choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `INTERESTED` …
    pub code: String,
    /// `CI` …
    pub short_code: String,
    /// Name shown.
    pub label: String,
    /// Other names accepted.
    pub aliases: Vec<String>,
    /// Which group of buttons.
    pub family: Family,
    /// Notes must be written (DSP-17).
    pub notes_required: bool,
    /// What it sets in motion.
    pub next_action: NextAction,
    /// When to call again, where it says so.
    pub retry_after_minutes: Option<i64>,
    /// Finer codes (DSP-15).
    pub sub_codes: Vec<String>,
    /// Place among the buttons, from 1; 1 to 9 are keys too.
    pub position: i64,
    /// Offered to agents.
    pub active: bool,
}

/// Changes to a code; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct DispositionPatch {
    /// Name shown.
    pub label: Option<String>,
    /// Notes must be written.
    pub notes_required: Option<bool>,
    /// When to call again.
    pub retry_after_minutes: Option<Option<i64>>,
    /// Finer codes.
    pub sub_codes: Option<Vec<String>>,
    /// Place among the buttons.
    pub position: Option<i64>,
    /// Offered to agents.
    pub active: Option<bool>,
}

words! {
    /// When people who were not reached are called again (`requirements.md`, contradiction 1).
    RetryPreset {
        /// Busy 2 h, no answer 4 h.
        Standard = "standard",
        /// Busy 30 min, no answer 2 h.
        Fast = "fast",
    }
}

impl RetryPreset {
    /// Minutes until the next attempt, for codes that retry.
    pub fn minutes(self, code: &str) -> Option<i64> {
        let (busy, no_answer) = match self {
            Self::Standard => (120, 240),
            Self::Fast => (30, 120),
        };
        match code {
            "BUSY" => Some(busy),
            "NO_ANSWER" => Some(no_answer),
            "SWITCHED_OFF" => Some(360),
            "TECHNICAL_ISSUE" => Some(60),
            "NOT_INTERESTED" => Some(2160 * 60),
            "CALLBACK" => Some(24 * 60),
            _ => None,
        }
    }
}

/// The outcome of one call (DAT-05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallDisposition {
    /// Its id.
    pub id: DispositionId,
    /// Of which call.
    pub call: CallId,
    /// About whom.
    pub lead: Option<LeadId>,
    /// Saved by.
    pub agent: UserId,
    /// The code.
    pub code: String,
    /// The finer code.
    pub sub_code: Option<String>,
    /// Notes.
    pub notes: String,
    /// When they asked to be called.
    pub callback_at: Option<DateTime<Utc>>,
    /// What was set in motion.
    pub next_action: NextAction,
    /// Who changed it last, if anybody.
    pub edited_by: Option<UserId>,
    /// First saved.
    pub created_at: DateTime<Utc>,
    /// Last saved.
    pub updated_at: DateTime<Utc>,
}

/// What an agent enters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The code, its short form or an alias.
    pub code: String,
    /// The finer code.
    pub sub_code: Option<String>,
    /// Notes, at most 500 characters.
    pub notes: String,
    /// When they asked to be called; the code's own delay where `None`.
    pub callback_at: Option<DateTime<Utc>>,
}

/// Why an outcome was not saved.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// No such call of this tenant.
    #[error("no such call")]
    UnknownCall,
    /// No such code, or it is switched off.
    #[error("unknown outcome code")]
    UnknownCode,
    /// No such finer code.
    #[error("unknown finer code")]
    UnknownSubCode,
    /// The code wants notes.
    #[error("this outcome needs notes")]
    NotesRequired,
    /// More than 500 characters.
    #[error("notes are longer than 500 characters")]
    NotesTooLong,
    /// The time asked for has passed.
    #[error("the callback time has passed")]
    CallbackInPast,
    /// Another outcome was saved first; it stands.
    #[error("an outcome was already saved")]
    AlreadySaved(Box<CallDisposition>),
    /// Not the agent's any more to change, or never was.
    #[error("the time for changes is over")]
    EditClosed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// What saving did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Saved now.
    New(CallDisposition),
    /// The very same was saved before: a retry.
    Before(CallDisposition),
}

impl Saved {
    /// The outcome as it stands.
    pub fn disposition(&self) -> &CallDisposition {
        match self {
            Self::New(d) | Self::Before(d) => d,
        }
    }
}

struct Entry {
    code: &'static str,
    short: &'static str,
    label: &'static str,
    aliases: &'static [&'static str],
    family: Family,
    notes: bool,
    action: NextAction,
    subs: &'static [&'static str],
}

const fn entry(
    code: &'static str,
    short: &'static str,
    label: &'static str,
    aliases: &'static [&'static str],
    family: Family,
    action: NextAction,
) -> Entry {
    Entry { code, short, label, aliases, family, notes: false, action, subs: &[] }
}

impl Entry {
    const fn notes(mut self) -> Self {
        self.notes = true;
        self
    }

    const fn subs(mut self, subs: &'static [&'static str]) -> Self {
        self.subs = subs;
        self
    }
}

use Family::{Connected, NotConnected, Special};

/// DSP-01 to DSP-14 in the order of the buttons: the first nine have keys.
const CATALOGUE: [Entry; 15] = [
    entry(
        "INTERESTED",
        "CI",
        "Interested",
        &["CONNECTED_INTERESTED"],
        Connected,
        NextAction::ScheduleVisit,
    ),
    entry(
        "NOT_INTERESTED",
        "CNI",
        "Not interested",
        &["CONNECTED_NOT_INTERESTED"],
        Connected,
        NextAction::AddToNurture,
    )
    .subs(&["too_expensive", "already_has_solution", "no_need", "bad_time", "other"]),
    entry(
        "CALLBACK",
        "CB",
        "Call back",
        &["CONNECTED_CALLBACK", "CALLBACK_REQUESTED"],
        Connected,
        NextAction::ScheduleCallback,
    ),
    entry(
        "WRONG_NUMBER",
        "WN",
        "Wrong number",
        &["CONNECTED_WRONG_NUMBER"],
        Connected,
        NextAction::MarkInvalid,
    ),
    entry("BUSY", "NB", "Busy", &["NOT_CONNECTED_BUSY"], NotConnected, NextAction::Retry),
    entry(
        "NO_ANSWER",
        "NA",
        "No answer",
        &["NOT_CONNECTED_NO_ANSWER"],
        NotConnected,
        NextAction::Retry,
    ),
    entry(
        "SWITCHED_OFF",
        "SO",
        "Switched off",
        &["NOT_CONNECTED_SWITCHED_OFF"],
        NotConnected,
        NextAction::Retry,
    ),
    entry(
        "OUT_OF_SERVICE",
        "OOS",
        "Out of service",
        &["NOT_CONNECTED_OUT_OF_SERVICE"],
        NotConnected,
        NextAction::MarkInvalid,
    ),
    entry("DND", "DND", "Do not call again", &["SPECIAL_DND"], Special, NextAction::MarkDnd),
    entry("SCHEDULE_VISIT", "SV", "Visit booked", &[], Connected, NextAction::ScheduleVisit)
        .notes(),
    entry("SEND_INFO", "SI", "Send information", &[], Connected, NextAction::SendInfo),
    entry(
        "LANGUAGE_BARRIER",
        "LB",
        "Language barrier",
        &["CONNECTED_LANGUAGE_BARRIER"],
        Connected,
        NextAction::Reassign,
    )
    .subs(&["hindi", "english", "tamil", "telugu", "bengali", "marathi", "other"]),
    entry("ALREADY_CUSTOMER", "AC", "Already a customer", &[], Connected, NextAction::None),
    entry(
        "ESCALATE",
        "ESC",
        "Escalate to manager",
        &["SPECIAL_ESCALATE", "ESCALATE_TO_MANAGER"],
        Special,
        NextAction::AssignManager,
    )
    .notes(),
    entry(
        "TECHNICAL_ISSUE",
        "TI",
        "Technical issue",
        &["SPECIAL_TECHNICAL_ISSUE"],
        Special,
        NextAction::Retry,
    ),
];

/// The fifteen codes of a new tenant.
pub fn catalogue(preset: RetryPreset) -> Vec<Disposition> {
    CATALOGUE
        .iter()
        .zip(1..)
        .map(|(entry, position)| Disposition {
            code: entry.code.into(),
            short_code: entry.short.into(),
            label: entry.label.into(),
            aliases: entry.aliases.iter().map(|a| (*a).into()).collect(),
            family: entry.family,
            notes_required: entry.notes,
            next_action: entry.action,
            retry_after_minutes: preset.minutes(entry.code),
            sub_codes: entry.subs.iter().map(|s| (*s).into()).collect(),
            position,
            active: true,
        })
        .collect()
}

/// Finds the code an outcome names, whichever of its names was used.
pub(crate) fn resolve<'a>(codes: &'a [Disposition], named: &str) -> Option<&'a Disposition> {
    codes.iter().filter(|d| d.active).find(|d| {
        d.code.eq_ignore_ascii_case(named)
            || d.short_code.eq_ignore_ascii_case(named)
            || d.aliases.iter().any(|a| a.eq_ignore_ascii_case(named))
    })
}

/// Checks what was entered against what the code asks for.
pub(crate) fn check(
    code: &Disposition,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), OutcomeError> {
    if let Some(sub) = &outcome.sub_code
        && !code.sub_codes.contains(sub)
    {
        return Err(OutcomeError::UnknownSubCode);
    }
    if code.notes_required && outcome.notes.trim().is_empty() {
        return Err(OutcomeError::NotesRequired);
    }
    if outcome.notes.chars().count() > crate::notes::NOTE_LIMIT {
        return Err(OutcomeError::NotesTooLong);
    }
    // A minute of grace: the agent may have chosen "now" while talking.
    if outcome.callback_at.is_some_and(|at| at < now - chrono::TimeDelta::minutes(1)) {
        return Err(OutcomeError::CallbackInPast);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DSP-01 to DSP-14: every name of `requirements.md` leads to one of the fifteen codes.
    #[test]
    fn every_name_of_a_code_is_accepted_and_none_is_ambiguous() {
        let codes = catalogue(RetryPreset::Standard);
        assert_eq!(codes.len(), 15);
        let mut names = std::collections::BTreeMap::new();
        for code in &codes {
            for name in [&code.code, &code.short_code].into_iter().chain(&code.aliases) {
                let before = names.insert(name.clone(), code.code.clone());
                assert!(before.is_none() || before.as_ref() == Some(&code.code), "{name}");
                assert_eq!(
                    resolve(&codes, &name.to_lowercase()).map(|c| &c.code),
                    Some(&code.code)
                );
            }
        }
        assert!(resolve(&codes, "NONSENSE").is_none());
    }

    /// DSP-07, DSP-08: both presets.
    #[test]
    fn the_fast_preset_retries_sooner() {
        let minutes = |preset, code| {
            let codes = catalogue(preset);
            resolve(&codes, code).and_then(|c| c.retry_after_minutes)
        };
        assert_eq!(minutes(RetryPreset::Standard, "BUSY"), Some(120));
        assert_eq!(minutes(RetryPreset::Fast, "BUSY"), Some(30));
        assert_eq!(minutes(RetryPreset::Standard, "NA"), Some(240));
        assert_eq!(minutes(RetryPreset::Fast, "NA"), Some(120));
        assert_eq!(minutes(RetryPreset::Standard, "SWITCHED_OFF"), Some(360));
        assert_eq!(minutes(RetryPreset::Standard, "TECHNICAL_ISSUE"), Some(60));
        assert_eq!(minutes(RetryPreset::Standard, "CNI"), Some(129_600));
        assert_eq!(minutes(RetryPreset::Standard, "INTERESTED"), None);
    }
}
