//! Session timers: RFC 4028. Who refreshes, how often, and when a silent session is over.

use crate::headers::Refresher;
use std::time::{Duration, Instant};

/// What we want of session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimerConfig {
    /// Ask for and agree to them.
    pub enabled: bool,
    /// The interval we ask for.
    pub expires: Duration,
    /// The shortest we agree to (Min-SE; RFC 4028 §4 says not below 90 s).
    pub min_se: Duration,
}

impl Default for SessionTimerConfig {
    fn default() -> Self {
        Self { enabled: true, expires: Duration::from_secs(1800), min_se: Duration::from_secs(90) }
    }
}

/// Who sends the refreshes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    Us,
    Them,
}

/// What a request asks for: Session-Expires, Min-SE, `Supported: timer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionWish {
    pub(crate) interval: Option<Duration>,
    pub(crate) refresher: Option<Refresher>,
    pub(crate) min_se: Option<Duration>,
    pub(crate) supported: bool,
}

/// What both sides agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTerms {
    pub(crate) interval: Duration,
    /// Role in the request that set the terms.
    pub(crate) refresher: Refresher,
}

/// The interval asked for is below our Min-SE: answer 422.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntervalTooSmall;

/// Our decision as the one who was asked (§9).
pub(crate) fn agree(
    config: &SessionTimerConfig,
    wish: SessionWish,
) -> Result<Option<SessionTerms>, IntervalTooSmall> {
    if !config.enabled {
        return Ok(None);
    }
    let Some(asked) = wish.interval else {
        // They can, but did not ask: we keep the session alive ourselves.
        return Ok(wish.supported.then_some(SessionTerms {
            interval: config.expires.max(wish.min_se.unwrap_or_default()),
            refresher: Refresher::Uas,
        }));
    };
    if asked < config.min_se && wish.supported {
        return Err(IntervalTooSmall);
    }
    let longest = config.expires.max(wish.min_se.unwrap_or_default());
    let refresher = match (wish.supported, wish.refresher) {
        (false, _) => Refresher::Uas,
        (true, Some(role)) => role,
        (true, None) => Refresher::Uac,
    };
    Ok(Some(SessionTerms {
        interval: asked.clamp(config.min_se, longest.max(config.min_se)),
        refresher,
    }))
}

/// What the timer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionDue {
    /// Send a refresh.
    Refresh,
    /// Nobody refreshed: send BYE.
    Expired,
}

/// The running timer of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    pub(crate) interval: Duration,
    pub(crate) keeper: Keeper,
    refresh_at: Option<Instant>,
    expires_at: Instant,
}

impl SessionTimer {
    /// Starts, or starts anew after a refresh (§10).
    pub(crate) fn new(now: Instant, interval: Duration, keeper: Keeper) -> Self {
        let margin = (interval / 3).min(Duration::from_secs(32));
        Self {
            interval,
            keeper,
            refresh_at: (keeper == Keeper::Us).then(|| now + interval / 2),
            expires_at: now + interval - margin,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, SessionDue)> {
        Some(match self.refresh_at {
            Some(at) if at < self.expires_at => (at, SessionDue::Refresh),
            Some(_) | None => (self.expires_at, SessionDue::Expired),
        })
    }

    /// Lets due timers fire.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<SessionDue> {
        if self.expires_at <= now {
            return Some(SessionDue::Expired);
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.refresh_at = None;
            return Some(SessionDue::Refresh);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn asked(interval: u64) -> SessionWish {
        SessionWish { interval: Some(secs(interval)), supported: true, ..SessionWish::default() }
    }

    /// A20.
    #[test]
    fn interval_below_min_se_is_refused_only_if_they_understand() {
        let config = SessionTimerConfig::default();
        assert_eq!(agree(&config, asked(60)), Err(IntervalTooSmall));
        let deaf = SessionWish { supported: false, ..asked(60) };
        let terms = agree(&config, deaf).unwrap().unwrap();
        assert_eq!(terms.interval, secs(90));
        assert_eq!(terms.refresher, Refresher::Uas);
    }

    #[test]
    fn asked_role_is_honoured_and_the_interval_is_never_lengthened() {
        let config = SessionTimerConfig::default();
        let wish = SessionWish { refresher: Some(Refresher::Uas), ..asked(600) };
        let terms = agree(&config, wish).unwrap().unwrap();
        assert_eq!((terms.interval, terms.refresher), (secs(600), Refresher::Uas));
        let terms = agree(&config, asked(7200)).unwrap().unwrap();
        assert_eq!((terms.interval, terms.refresher), (secs(1800), Refresher::Uac));
    }

    #[test]
    fn who_does_not_know_timers_gets_none() {
        let config = SessionTimerConfig::default();
        assert_eq!(agree(&config, SessionWish::default()), Ok(None));
    }

    /// A20.
    #[test]
    fn refresher_refreshes_at_half_time_and_gives_up_before_the_end() {
        let start = crate::transaction::epoch();
        let mut timer = SessionTimer::new(start, secs(90), Keeper::Us);
        assert_eq!(timer.poll_timeout(), Some((start + secs(45), SessionDue::Refresh)));
        assert_eq!(timer.handle_timeout(start + secs(44)), None);
        assert_eq!(timer.handle_timeout(start + secs(45)), Some(SessionDue::Refresh));
        assert_eq!(timer.poll_timeout(), Some((start + secs(60), SessionDue::Expired)));
        assert_eq!(timer.handle_timeout(start + secs(60)), Some(SessionDue::Expired));
    }

    #[test]
    fn the_other_side_only_watches() {
        let start = crate::transaction::epoch();
        let timer = SessionTimer::new(start, secs(1800), Keeper::Them);
        assert_eq!(timer.poll_timeout(), Some((start + secs(1768), SessionDue::Expired)));
    }
}
