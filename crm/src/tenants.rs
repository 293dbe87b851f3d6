//! Tenants and what each may set for itself.

use crate::{users::Role, widening::Widening};
use call::{ConsentMode, E164, TenantId};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A customer of this installation.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Short name in addresses.
    pub slug: String,
    /// Name shown.
    pub name: String,
    /// Realm and domain of its phones; unique in the installation.
    pub sip_domain: String,
    /// IANA name, `Asia/Kolkata`.
    pub timezone: String,
    /// A suspended tenant neither signs in nor calls (G10).
    pub active: bool,
    /// What it may set.
    pub settings: TenantSettings,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl Tenant {
    /// The time zone; Indian time where the stored name is unknown.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.timezone.parse().unwrap_or(chrono_tz::Asia::Kolkata)
    }

    /// When a day begins there; where the clock leaps over midnight, the first moment after it.
    pub fn midnight(&self, day: NaiveDate) -> DateTime<Utc> {
        let zone = self.zone();
        let start = day.and_time(NaiveTime::MIN);
        let begun = (0..=2)
            .find_map(|h| zone.from_local_datetime(&(start + TimeDelta::hours(h))).earliest());
        begun.map_or_else(|| start.and_utc(), |at| at.with_timezone(&Utc))
    }

    /// The day it is there.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.zone()).date_naive()
    }
}

/// Whether a time zone has this IANA name.
pub fn known_zone(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}

/// What makes a tenant.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Short name in addresses.
    pub slug: String,
    /// Name shown.
    pub name: String,
    /// Realm and domain of its phones.
    pub sip_domain: String,
    /// IANA name.
    pub timezone: String,
    /// What it may set.
    pub settings: TenantSettings,
}

/// Everything an administrator of the tenant may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// Language of screens and prompts where nothing else says one.
    pub language: String,
    /// Who may be called, when, how often.
    pub calling: CallingSettings,
    /// Whether calls are recorded and how that is said.
    pub recording: RecordingSettings,
    /// Outcomes and retries.
    pub dispositions: DispositionSettings,
    /// Who sees what.
    pub desk: DeskSettings,
    /// Numbers that somebody wants to be called and nobody of another role has agreed to yet (D02).
    pub widening: Option<Widening>,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            language: "en".into(),
            calling: CallingSettings::default(),
            recording: RecordingSettings::default(),
            dispositions: DispositionSettings::default(),
            desk: DeskSettings::default(),
            widening: None,
        }
    }
}

/// Who may be called, when, how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallingSettings {
    /// Earliest moment in the lead's zone (SEC-20).
    pub window_start: TimeOfDay,
    /// First moment that is too late.
    pub window_end: TimeOfDay,
    /// Attempts to one person per day; 0 is no cap (I07).
    pub daily_attempts: u32,
    /// Countries that may be called, ISO 3166 letters; India by default (D02).
    pub countries: Vec<String>,
    /// Premium-rate and shared-cost numbers may be called.
    pub premium: bool,
    /// Satellite and international network numbers may be called.
    pub satellite: bool,
    /// Emergency numbers may be dialled by hand, at any hour (D14).
    pub emergency: bool,
    /// Shown where the agent has no number of their own; must be a verified DID.
    pub default_caller_id: Option<E164>,
    /// How long the agent's phone rings.
    pub agent_ring_timeout_s: u32,
    /// How long the customer's phone rings.
    pub ring_timeout_s: u32,
    /// Longest call (D07).
    pub max_duration_s: u32,
}

impl Default for CallingSettings {
    fn default() -> Self {
        Self {
            window_start: TimeOfDay::from_minutes(9 * 60),
            window_end: TimeOfDay::from_minutes(21 * 60),
            daily_attempts: 3,
            countries: vec!["IN".into()],
            premium: false,
            satellite: false,
            emergency: true,
            default_caller_id: None,
            agent_ring_timeout_s: 20,
            ring_timeout_s: 45,
            max_duration_s: 7200,
        }
    }
}

/// Whether calls are recorded and how that is said (SEC-02).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingSettings {
    /// Record every call.
    pub enabled: bool,
    /// Calls between colleagues as well; silently, for they are told by their employer.
    pub internal: bool,
    /// How the customer agrees.
    pub consent: ConsentMode,
    /// Prompt language where the lead's is unknown.
    pub language: String,
    /// Days until recordings are deleted (PBX-19); 0 keeps them.
    pub retention_days: u32,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            internal: true,
            consent: ConsentMode::Announce,
            language: "en".into(),
            retention_days: 90,
        }
    }
}

/// Outcomes and retries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DispositionSettings {
    /// Minutes the agent may still change an outcome.
    pub edit_minutes: u32,
    /// Seconds of wrap-up before a reminder.
    pub wrap_up_s: u32,
}

impl Default for DispositionSettings {
    fn default() -> Self {
        Self { edit_minutes: 15, wrap_up_s: 120 }
    }
}

/// Who sees what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeskSettings {
    /// Telecallers may list leads that are not theirs (numbers masked).
    pub telecallers_see_all: bool,
    /// Telecallers may call leads that are assigned to nobody.
    pub telecallers_take_unassigned: bool,
    /// Telecallers may dial numbers that belong to no lead.
    pub manual_dialing: bool,
}

impl DeskSettings {
    /// May somebody of this role dial numbers that belong to no lead?
    pub const fn dials_any_number(&self, role: Role) -> bool {
        role.calls() && (self.manual_dialing || role.leads())
    }
}

/// A moment of the day to the minute, `09:00`; `24:00` is the day's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// From minutes since midnight; more than a day is the day's end.
    pub const fn from_minutes(minutes: u16) -> Self {
        Self(if minutes > 1440 { 1440 } else { minutes })
    }

    /// Minutes since midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not a time of day: {text}");
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let hours: u16 = hours.parse().map_err(|_| wrong())?;
        let minutes: u16 = minutes.parse().map_err(|_| wrong())?;
        if minutes > 59 || hours * 60 + minutes > 1440 {
            return Err(wrong());
        }
        Ok(Self(hours * 60 + minutes))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_written_before_a_key_existed_take_its_default() {
        let settings: TenantSettings =
            serde_json::from_str(r#"{"calling":{"window_end":"24:00"}}"#).unwrap();
        assert_eq!(settings.calling.window_end.minutes(), 1440);
        assert_eq!(settings.calling.window_start.to_string(), "09:00");
        assert!(settings.recording.enabled);
    }

    #[test]
    fn times_past_the_day_are_refused() {
        for bad in ["24:01", "9", "10:60", "aa:bb", "-1:00"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
    }
}
