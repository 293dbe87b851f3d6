//! The calling window: when a person may be called, in the person's own zone (SEC-20, I04).

use crate::tenants::{CallingSettings, Tenant};
use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The zone whose hours hold for somebody: their own where it is known, else the tenant's.
pub(super) fn zone_of(tenant: &Tenant, own: Option<&str>) -> Tz {
    own.and_then(|name| name.parse().ok()).unwrap_or_else(|| tenant.zone())
}

/// The first moment from `at` on when somebody in this zone (the tenant's where none is known) may be called.
pub(crate) fn may_be_called_from(
    tenant: &Tenant,
    zone: Option<&str>,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    opens_at(&tenant.settings.calling, zone_of(tenant, zone), at).unwrap_or(at)
}

/// `None` when now is inside the window; otherwise when it opens next.
pub(super) fn opens_at(
    settings: &CallingSettings,
    zone: Tz,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let (start, end) = (settings.window_start.minutes(), settings.window_end.minutes());
    let local = now.with_timezone(&zone);
    let minute = minute_of(local.time());
    if (start..end).contains(&minute) {
        return None;
    }
    let day = if minute < start { local.date_naive() } else { local.date_naive() + Days::new(1) };
    let time = NaiveTime::from_hms_opt(u32::from(start / 60) % 24, u32::from(start % 60), 0)?;
    // A clock change may skip or repeat the hour: take the first moment that exists.
    let opening = zone.from_local_datetime(&day.and_time(time)).earliest();
    Some(opening.map_or(now, |at| at.with_timezone(&Utc)))
}

/// Midnight of the present day in a zone.
pub(super) fn start_of_day(zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let local = now.with_timezone(&zone);
    zone.from_local_datetime(&local.date_naive().and_time(NaiveTime::MIN))
        .earliest()
        .map_or(now, |at| at.with_timezone(&Utc))
}

fn minute_of(time: NaiveTime) -> u16 {
    use chrono::Timelike;
    u16::try_from(time.hour() * 60 + time.minute()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// I04: Indian time, whatever the server's zone; stops at the boundary.
    #[test]
    fn the_window_is_that_of_the_persons_zone() {
        let settings = CallingSettings::default();
        let zone = chrono_tz::Asia::Kolkata;
        assert_eq!(opens_at(&settings, zone, at("2026-11-20T03:30:00Z")), None, "09:00");
        assert_eq!(opens_at(&settings, zone, at("2026-11-20T15:29:59Z")), None, "20:59:59");
        assert_eq!(
            opens_at(&settings, zone, at("2026-11-20T15:30:00Z")),
            Some(at("2026-11-21T03:30:00Z")),
            "21:00 is too late"
        );
        assert_eq!(
            opens_at(&settings, zone, at("2026-11-20T03:29:00Z")),
            Some(at("2026-11-20T03:30:00Z")),
            "08:59 is too early"
        );
    }

    #[test]
    fn a_window_of_the_whole_day_is_always_open() {
        let settings = CallingSettings {
            window_start: "00:00".parse().unwrap(),
            window_end: "24:00".parse().unwrap(),
            ..CallingSettings::default()
        };
        for hour in 0..24 {
            let now = at(&format!("2026-11-20T{hour:02}:59:59Z"));
            assert_eq!(opens_at(&settings, chrono_tz::Asia::Kolkata, now), None);
        }
    }

    #[test]
    fn the_day_begins_at_local_midnight() {
        let midnight = start_of_day(chrono_tz::Asia::Kolkata, at("2026-11-20T20:00:00Z"));
        assert_eq!(midnight, at("2026-11-20T18:30:00Z"));
    }
}
