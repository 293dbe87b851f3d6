//! Letting dearer or farther numbers be called takes two roles (D02): one asks, one of another role agrees.

use crate::{
    tenants::{CallingSettings, TenantSettings},
    users::Role,
};
use call::UserId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Kinds of numbers beyond those that may be called now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// ISO 3166 letters.
    pub countries: Vec<String>,
    /// Premium-rate and shared-cost numbers.
    pub premium: bool,
    /// Satellite and international network numbers.
    pub satellite: bool,
}

/// A wish that waits for somebody of another role. Until then the numbers in it stay forbidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// What is asked for.
    pub reach: Reach,
    /// Who asked.
    pub asked_by: UserId,
    /// As what.
    pub asked_as: Role,
    /// When.
    pub asked_at: DateTime<Utc>,
}

/// Why a wish is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WideningRefused {
    /// There is none, or another than the one that was looked at.
    #[error("nothing is asked for, or no longer what you saw")]
    Gone,
    /// One role does not agree with itself.
    #[error("somebody of another role than the one who asked has to agree")]
    SameRole,
}

impl CallingSettings {
    /// What `wanted` allows beyond this; `None`: nothing.
    fn beyond(&self, wanted: &Self) -> Option<Reach> {
        let new = |country: &&String| !self.countries.contains(country);
        let reach = Reach {
            countries: wanted.countries.iter().filter(new).cloned().collect(),
            premium: wanted.premium && !self.premium,
            satellite: wanted.satellite && !self.satellite,
        };
        (reach != Reach::default()).then_some(reach)
    }
}

impl TenantSettings {
    /// Takes `wanted` over as far as one role may; the rest waits for another (D02).
    pub fn ask(&mut self, wanted: CallingSettings, by: UserId, role: Role, now: DateTime<Utc>) {
        let reach = self.calling.beyond(&wanted);
        let (premium, satellite) = (self.calling.premium, self.calling.satellite);
        let before = std::mem::replace(&mut self.calling, wanted);
        let Some(reach) = reach else { return };
        self.calling.countries.retain(|country| before.countries.contains(country));
        self.calling.premium &= premium;
        self.calling.satellite &= satellite;
        self.widening = Some(Widening { reach, asked_by: by, asked_as: role, asked_at: now });
    }

    /// Grants what was asked for at `asked_at`: not to the role that asked.
    pub fn widen(
        &mut self,
        asked_at: DateTime<Utc>,
        role: Role,
    ) -> Result<Widening, WideningRefused> {
        let asked = self.widening.as_ref().filter(|asked| asked.asked_at == asked_at);
        let asked = asked.ok_or(WideningRefused::Gone)?;
        if asked.asked_as == role {
            return Err(WideningRefused::SameRole);
        }
        let granted = self.widening.take().ok_or(WideningRefused::Gone)?;
        let Reach { countries, premium, satellite } = &granted.reach;
        let new = |country: &&String| !self.calling.countries.contains(country);
        let new: Vec<String> = countries.iter().filter(new).cloned().collect();
        self.calling.countries.extend(new);
        self.calling.premium |= premium;
        self.calling.satellite |= satellite;
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_790_000_000_000_000).unwrap()
    }

    fn wanted(countries: &[&str], premium: bool, satellite: bool) -> CallingSettings {
        let countries = countries.iter().map(|c| (*c).to_owned()).collect();
        CallingSettings { countries, premium, satellite, ..CallingSettings::default() }
    }

    /// D02.
    #[test]
    fn one_role_alone_opens_nothing_and_another_opens_what_was_asked_for() {
        let mut settings = TenantSettings::default();
        let asked = CallingSettings { daily_attempts: 7, ..wanted(&["IN", "AE"], true, false) };
        settings.ask(asked, crate::fresh(), Role::Admin, now());
        assert_eq!(settings.calling.countries, ["IN"]);
        assert!(!settings.calling.premium && !settings.calling.satellite);
        assert_eq!(settings.calling.daily_attempts, 7, "what opens nothing needs no second role");
        assert_eq!(settings.widen(now(), Role::Admin), Err(WideningRefused::SameRole));
        assert_eq!(settings.calling.countries, ["IN"]);
        settings.widen(now(), Role::Manager).unwrap();
        assert_eq!(settings.calling.countries, ["IN", "AE"]);
        assert!(settings.calling.premium && !settings.calling.satellite);
        assert_eq!(settings.widen(now(), Role::Manager), Err(WideningRefused::Gone), "once");
    }

    #[test]
    fn nobody_agrees_to_what_they_did_not_see() {
        let mut settings = TenantSettings::default();
        settings.ask(wanted(&["IN"], true, false), crate::fresh(), Role::Admin, now());
        let later = now() + chrono::TimeDelta::seconds(1);
        settings.ask(wanted(&["IN"], true, true), crate::fresh(), Role::Admin, later);
        assert_eq!(settings.widen(now(), Role::Manager), Err(WideningRefused::Gone));
        assert!(!settings.calling.satellite);
    }

    #[test]
    fn one_role_may_close_what_is_open() {
        let calling = wanted(&["IN", "AE"], true, true);
        let mut settings = TenantSettings { calling, ..TenantSettings::default() };
        settings.ask(wanted(&["IN"], false, false), crate::fresh(), Role::Admin, now());
        assert_eq!(settings.calling, wanted(&["IN"], false, false));
        assert_eq!(settings.widening, None);
    }
}
