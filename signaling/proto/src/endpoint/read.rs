//! What the machines read of a message.

use super::outgoing::Body;
use crate::headers::Reason;
use crate::session_timer::SessionWish;
use crate::{HeaderName, Message, NameAddr};
use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;

/// The status of a response; 0 for a request.
pub(crate) fn status(message: &Message) -> u16 {
    message.status().map_or(0, |status| status.code())
}

/// A header value as text.
pub(crate) fn value(message: &Message, name: HeaderName) -> String {
    message.text(name).map_or_else(String::new, |text| text.as_str().to_owned())
}

/// The To value as it came.
pub(crate) fn to_value(message: &Message) -> String {
    value(message, HeaderName::To)
}

/// The From value as it came.
pub(crate) fn from_value(message: &Message) -> String {
    value(message, HeaderName::From)
}

/// Record-Route values in the order they stand.
pub(crate) fn record_routes(message: &Message) -> Vec<String> {
    message
        .elements(HeaderName::RecordRoute)
        .map(|route| String::from_utf8_lossy(&route).into_owned())
        .collect()
}

/// The URI of the first Contact.
pub(crate) fn contact_uri(message: &Message) -> Option<String> {
    if let Some(contact) = message.single_contact() {
        return Some(contact.uri.to_string());
    }
    let contact = message.elements(HeaderName::Contact).next()?;
    let contact = NameAddr::parse(&contact).ok()?;
    Some(contact.uri.to_string())
}

/// Body and Content-Type; an empty body is none.
pub(crate) fn body(message: &Message) -> Option<Body> {
    if message.body().is_empty() {
        return None;
    }
    let content_type = message
        .text(HeaderName::ContentType)
        .map_or(Cow::Borrowed("application/sdp"), |text| Cow::Owned(text.to_string()));
    Some(Body { content_type, bytes: owned(message.body()) })
}

/// Bodies live longer than messages: a copy lets the message's buffer go.
fn owned(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// Does the message's sender understand an extension?
pub(crate) fn supports(message: &Message, option: &str) -> bool {
    message.has_token(HeaderName::Supported, option) || requires(message, option)
}

/// Must the message's receiver understand an extension?
pub(crate) fn requires(message: &Message, option: &str) -> bool {
    message.has_token(HeaderName::Require, option)
}

/// Does the sender take UPDATE?
pub(crate) fn allows(message: &Message, method: &str) -> bool {
    message.elements(HeaderName::Allow).any(|token| token == method)
}

/// A header that is a number, perhaps with parameters behind it.
pub(crate) fn number(message: &Message, name: HeaderName) -> Option<u32> {
    let text = message.text(name)?;
    let digits = text.trim_start();
    let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// A header that is a number of seconds.
pub(crate) fn seconds(message: &Message, name: HeaderName) -> Option<Duration> {
    number(message, name).map(|n| Duration::from_secs(u64::from(n)))
}

/// The first Reason value.
pub(crate) fn reason(message: &Message) -> Option<Reason> {
    message.reasons().into_iter().next()
}

/// What a request says of session timers.
pub(crate) fn session_wish(message: &Message) -> SessionWish {
    let expires = message.session_expires().ok().flatten();
    SessionWish {
        interval: expires.map(|e| Duration::from_secs(u64::from(e.interval_s))),
        refresher: expires.and_then(|e| e.refresher),
        min_se: seconds(message, HeaderName::MinSe),
        supported: supports(message, "timer"),
    }
}
