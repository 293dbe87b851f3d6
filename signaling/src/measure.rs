//! Metrics of the switch, named in one place.

use metrics::{Counter, counter, gauge};
use signaling_proto::Counters;
use std::{cell::RefCell, collections::HashMap};

thread_local! {
    /// Counters by method, and status where it is an answer: looking one up by its labels costs more than what it counts.
    static BY_METHOD: RefCell<HashMap<(&'static str, Option<u16>), Counter>> = RefCell::default();
}

fn count(method: &str, status: Option<u16>, found: impl FnOnce(&'static str) -> Counter) {
    let method = known_method(method);
    BY_METHOD.with_borrow_mut(|all| {
        all.entry((method, status)).or_insert_with(|| found(method)).increment(1);
    });
}

/// Something was thrown away because a bound was reached.
pub(crate) fn dropped(what: &'static str) {
    counter!("telehub_sip_dropped_total", "what" => what).increment(1);
}

/// A keep-alive came in.
pub(crate) fn keep_alive(transport: &'static str) {
    counter!("telehub_sip_keep_alives_total", "transport" => transport).increment(1);
}

/// A request outside a dialog came in.
pub(crate) fn request(method: &str) {
    count(method, None, |method| counter!("telehub_sip_requests_total", "method" => method));
}

/// A request of a stranger was answered with this status.
pub(crate) fn answered(method: &str, status: u16) {
    count(
        method,
        Some(status),
        |method| counter!("telehub_sip_answers_total", "method" => method, "status" => status.to_string()),
    );
}

/// A call of ours through a trunk ended its set-up with this status.
pub(crate) fn trunk_status(trunk: &str, status: u16) {
    counter!("telehub_trunk_answers_total", "trunk" => trunk.to_owned(), "status" => status.to_string())
        .increment(1);
}

/// How many calls are live.
pub(crate) fn live_calls(count: usize) {
    gauge!("telehub_live_calls").set(count as f64);
}

/// How many phones are registered.
pub(crate) fn registrations(count: usize) {
    // Not kept: at start it is counted before anybody collects figures.
    gauge!("telehub_registrations").set(count as f64);
}

/// A call ended by a panic of its task (A06).
pub(crate) fn call_panicked() {
    counter!("telehub_call_panics_total").increment(1);
}

/// Call events were lost because the journal lagged.
pub(crate) fn events_lost(count: u64) {
    counter!("telehub_call_events_lost_total").increment(count);
}

/// Authentication failed.
pub(crate) fn auth_failed() {
    counter!("telehub_sip_auth_failures_total").increment(1);
}

/// What the endpoint counted since the start.
pub(crate) fn endpoint(counters: &Counters, transactions: usize, dialogs: usize) {
    for (what, count) in [
        ("received", counters.received),
        ("sent", counters.sent),
        ("malformed", counters.malformed),
        ("stray_response", counters.stray_responses),
        ("stray_ack", counters.stray_acks),
        ("stray_request", counters.stray_requests),
        ("foreign_request", counters.foreign_requests),
        ("refused_full", counters.refused_full),
    ] {
        counter!("telehub_sip_messages_total", "what" => what).absolute(count);
    }
    gauge!("telehub_sip_transactions").set(transactions as f64);
    gauge!("telehub_sip_dialogs").set(dialogs as f64);
}

/// Labels must be a closed set: strangers choose the method.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 14] = [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "REGISTER",
        "OPTIONS",
        "INFO",
        "UPDATE",
        "PRACK",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "MESSAGE",
        "PUBLISH",
    ];
    KNOWN.iter().find(|known| **known == method).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_method_makes_no_new_time_series() {
        assert_eq!(known_method("INVITE"), "INVITE");
        assert_eq!(known_method("X-FLOOD-1"), "other");
    }
}
