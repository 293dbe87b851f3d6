//! From what ended a dialog to our own causes, and back into a Reason header (RFC 3326).

use call::{CauseKind, EndedBy, HangupCause};
use signaling_proto::{EndCause, Failure, Message, Reason};

/// Why an answered or offered leg ended.
pub(super) fn of_end(party: EndedBy, end: EndCause, reason: Option<&Reason>) -> HangupCause {
    let (by, kind) = match end {
        EndCause::Local => (EndedBy::System, CauseKind::Normal),
        EndCause::RemoteBye => (party, CauseKind::Normal),
        EndCause::RemoteCancel => (party, CauseKind::Cancelled),
        EndCause::NoAck | EndCause::NoPrack => (EndedBy::System, CauseKind::NoAck),
        EndCause::Expired => (EndedBy::System, CauseKind::SessionExpired),
        EndCause::PeerGone => (EndedBy::System, CauseKind::NetworkFailure),
        EndCause::Unanswered => (EndedBy::System, CauseKind::NoAnswer),
    };
    let mut cause = HangupCause::new(by, kind);
    if let Some(value) = reason.and_then(q850_of) {
        cause.q850 = value;
    }
    cause
}

/// Why a leg we placed was not answered.
pub(super) fn of_failure(party: EndedBy, failure: &Failure) -> HangupCause {
    let by = if failure.message.is_some() { party } else { EndedBy::System };
    let q850 = failure.reason.as_ref().and_then(q850_of);
    let mut cause = HangupCause::from_status(by, failure.status, q850);
    let refused = matches!(failure.status, 403 | 600..=699);
    if refused && failure.message.as_deref().is_some_and(speaks_of_do_not_disturb) {
        cause.kind = CauseKind::DoNotDisturb;
    }
    cause
}

/// Carriers refuse numbers on the preference register with a text, not a status of its own.
fn speaks_of_do_not_disturb(message: &Message) -> bool {
    const WORDS: [&str; 5] = ["dnd", "ndnc", "do not disturb", "dnc", "preference regist"];
    let phrase = match message.start() {
        signaling_proto::message::StartLine::Response { reason, .. } => reason.to_string(),
        signaling_proto::message::StartLine::Request { .. } => return false,
    };
    let reasons = message.reasons();
    let texts = reasons.iter().filter_map(|reason| reason.text.as_ref().map(ToString::to_string));
    std::iter::once(phrase)
        .chain(texts)
        .any(|text| WORDS.iter().any(|word| text.to_ascii_lowercase().contains(word)))
}

/// For the BYE or CANCEL that carries a cause out.
pub(super) fn reason_for(cause: HangupCause) -> Reason {
    // Nobody gave up, another phone answered: this one lists no missed call (RFC 3326 §2).
    if cause.by == EndedBy::System && cause.kind == CauseKind::Cancelled {
        return Reason::sip(200, "Call completed elsewhere");
    }
    Reason::q850(u16::from(cause.q850), q850_text(cause.q850))
}

fn q850_of(reason: &Reason) -> Option<u8> {
    let speaks_q850 = reason.protocol.eq_ignore_ascii_case("Q.850");
    let value = reason.cause.filter(|_| speaks_q850)?;
    u8::try_from(value).ok().filter(|value| *value < 128)
}

fn q850_text(value: u8) -> &'static str {
    match value {
        1 => "Unallocated number",
        16 => "Normal call clearing",
        17 => "User busy",
        19 => "No answer from user",
        20 => "Subscriber absent",
        21 => "Call rejected",
        38 => "Network out of order",
        41 => "Temporary failure",
        57 => "Bearer capability not authorized",
        88 => "Incompatible destination",
        102 => "Recovery on timer expiry",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_phone_that_was_overtaken_is_told_that_the_call_was_completed_elsewhere() {
        let reason = |by| reason_for(HangupCause::new(by, CauseKind::Cancelled)).to_string();
        let elsewhere = reason(EndedBy::System);
        assert!(elsewhere.starts_with("SIP"), "{elsewhere}");
        assert!(elsewhere.contains("cause=200"), "{elsewhere}");
        assert!(reason(EndedBy::Customer).starts_with("Q.850"));
    }
}
