//! Session timers of a dialog: the lines in messages and the running timer (RFC 4028).

use crate::endpoint::{EndpointConfig, read};
use crate::headers::Refresher;
use crate::session_timer::{Keeper, SessionTerms, SessionTimer, SessionWish, agree};
use crate::{HeaderName, Message};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Allow, Supported and the wish for a session timer, as every INVITE of ours has them.
pub(super) fn invite_lines(
    config: &EndpointConfig,
    has_offer: bool,
    session: Option<(Duration, Option<Refresher>)>,
) -> String {
    // Without an offer of ours a reliable 18x could carry one, which PRACK would have to answer.
    let reliable = config.reliable_provisional && has_offer;
    let mut lines = format!("Allow: {}\r\nSupported: replaces", super::ALLOW);
    if reliable {
        lines.push_str(", 100rel");
    }
    session_lines(&mut lines, config, session);
    lines
}

/// The same for UPDATE.
pub(super) fn update_lines(
    config: &EndpointConfig,
    session: Option<(Duration, Option<Refresher>)>,
) -> String {
    let mut lines = "Supported: replaces".to_owned();
    session_lines(&mut lines, config, session);
    lines
}

fn session_lines(
    lines: &mut String,
    config: &EndpointConfig,
    session: Option<(Duration, Option<Refresher>)>,
) {
    if !config.session_timer.enabled {
        lines.push_str("\r\n");
        return;
    }
    lines.push_str(", timer\r\n");
    let (interval, refresher) = session.unwrap_or((config.session_timer.expires, None));
    let role = match refresher {
        Some(Refresher::Uac) => ";refresher=uac",
        Some(Refresher::Uas) => ";refresher=uas",
        None => "",
    };
    let written = write!(
        lines,
        "Session-Expires: {}{role}\r\nMin-SE: {}\r\n",
        interval.as_secs(),
        config.session_timer.min_se.as_secs()
    );
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// The terms in a 2xx of ours, and our running timer.
pub(super) fn accept_terms(
    config: &EndpointConfig,
    now: Instant,
    wish: SessionWish,
) -> (String, Option<SessionTimer>) {
    let terms = agree(&config.session_timer, wish).ok().flatten();
    let timer = terms.map(|terms| {
        let keeper = match terms.refresher {
            Refresher::Uac => Keeper::Them,
            Refresher::Uas => Keeper::Us,
        };
        SessionTimer::new(now, terms.interval, keeper)
    });
    (terms.map(terms_lines).unwrap_or_default(), timer)
}

fn terms_lines(terms: SessionTerms) -> String {
    let seconds = terms.interval.as_secs();
    match terms.refresher {
        // §9: a UAC that must refresh has to understand that it must.
        Refresher::Uac => {
            format!("Session-Expires: {seconds};refresher=uac\r\nRequire: timer\r\n")
        }
        Refresher::Uas => format!("Session-Expires: {seconds};refresher=uas\r\n"),
    }
}

/// The timer a 2xx to our request sets (§7.2); none where it has no terms.
pub(super) fn timer_of_response(
    config: &EndpointConfig,
    now: Instant,
    response: &Message,
) -> Option<SessionTimer> {
    if !config.session_timer.enabled {
        return None;
    }
    let wish = read::session_wish(response);
    // Shorter than any sane interval would make us a flood.
    let interval = wish.interval?.max(Duration::from_secs(30));
    let keeper = match wish.refresher {
        Some(Refresher::Uas) => Keeper::Them,
        Some(Refresher::Uac) | None => Keeper::Us,
    };
    Some(SessionTimer::new(now, interval, keeper))
}

/// The interval a 422 asks for.
pub(super) fn demanded(response: &Message) -> Option<Duration> {
    read::seconds(response, HeaderName::MinSe).filter(|min| *min <= Duration::from_secs(86_400))
}
