//! Why a leg or a call ended: set where the failure arises, never guessed later.

use serde::{Deserialize, Serialize};

/// Whose act ended the leg or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer or the far carrier.
    Customer,
    /// Our agent, on phone or screen.
    Agent,
    /// TeleHub itself: a limit, a fault, a shutdown.
    System,
}

/// What happened, in our own closed vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// Hung up in the ordinary way after answer.
    Normal,
    /// Given up before answer (CANCEL).
    Cancelled,
    /// 486, 600.
    Busy,
    /// Rang until the limit.
    NoAnswer,
    /// 603 and other refusals by the person called.
    Rejected,
    /// 603 with a preference-register reason.
    DoNotDisturb,
    /// 404, 410, 484, 604: the number does not exist.
    NotFound,
    /// 480: switched off or out of reach.
    Unavailable,
    /// 401, 403, 407: the far side does not accept us.
    Forbidden,
    /// 415, 488, 606: no common codec.
    IncompatibleMedia,
    /// 408, 5xx, timeout: the trunk or network failed.
    NetworkFailure,
    /// Our agent's phone did not answer or is not registered.
    AgentUnavailable,
    /// No media for the allowed time.
    MediaTimeout,
    /// The longest allowed duration was reached.
    MaxDuration,
    /// 200 OK was never acknowledged.
    NoAck,
    /// Session timer ran out (RFC 4028 §10).
    SessionExpired,
    /// The caller did not agree to be recorded where agreement is a condition.
    ConsentRefused,
    /// Refused by policy or by a limit before anything was dialled.
    PolicyRefused,
    /// The process is shutting down or was restarted under the call.
    Interrupted,
    /// A fault of ours.
    InternalError,
}

/// Who ended it, why, and the codes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HangupCause {
    /// Whose act it was.
    pub by: EndedBy,
    /// What happened.
    pub kind: CauseKind,
    /// Q.850 cause value.
    pub q850: u8,
    /// Final SIP status where one was seen or sent.
    pub sip_status: Option<u16>,
}

impl HangupCause {
    /// A cause of our own making.
    pub fn new(by: EndedBy, kind: CauseKind) -> Self {
        Self { by, kind, q850: kind.q850(), sip_status: None }
    }

    /// From a final SIP status on a leg that was never answered, with the Q.850 value of a
    /// Reason header (RFC 3326) where one came along.
    pub fn from_status(by: EndedBy, status: u16, reason_q850: Option<u8>) -> Self {
        let kind = match status {
            486 | 600 => CauseKind::Busy,
            603 | 607 | 608 => CauseKind::Rejected,
            404 | 410 | 484 | 485 | 604 => CauseKind::NotFound,
            480 => CauseKind::Unavailable,
            487 => CauseKind::Cancelled,
            401 | 403 | 407 => CauseKind::Forbidden,
            415 | 488 | 606 => CauseKind::IncompatibleMedia,
            _ => CauseKind::NetworkFailure,
        };
        Self {
            by,
            kind,
            q850: reason_q850.unwrap_or_else(|| kind.q850()),
            sip_status: Some(status),
        }
    }

    /// The SIP status to send to a caller whose call ends this way before answer.
    pub fn status_to_send(&self) -> u16 {
        self.sip_status.filter(|s| *s >= 400).unwrap_or(match self.kind {
            CauseKind::Normal | CauseKind::Cancelled => 487,
            CauseKind::Busy => 486,
            CauseKind::NoAnswer
            | CauseKind::Unavailable
            | CauseKind::AgentUnavailable
            | CauseKind::MediaTimeout
            | CauseKind::MaxDuration
            | CauseKind::NoAck
            | CauseKind::SessionExpired => 480,
            CauseKind::Rejected | CauseKind::DoNotDisturb | CauseKind::ConsentRefused => 603,
            CauseKind::NotFound => 404,
            CauseKind::Forbidden | CauseKind::PolicyRefused => 403,
            CauseKind::IncompatibleMedia => 488,
            CauseKind::NetworkFailure | CauseKind::Interrupted => 503,
            CauseKind::InternalError => 500,
        })
    }

    /// The disposition code an unanswered or failed call suggests (DSP-04, DSP-07 … DSP-13).
    pub fn suggested_disposition(&self) -> Option<&'static str> {
        match self.kind {
            CauseKind::Busy | CauseKind::Rejected => Some("BUSY"),
            CauseKind::NoAnswer | CauseKind::Cancelled => Some("NO_ANSWER"),
            CauseKind::Unavailable => Some("SWITCHED_OFF"),
            CauseKind::NotFound => Some("OUT_OF_SERVICE"),
            CauseKind::DoNotDisturb => Some("DND"),
            CauseKind::Forbidden
            | CauseKind::IncompatibleMedia
            | CauseKind::NetworkFailure
            | CauseKind::AgentUnavailable
            | CauseKind::MediaTimeout
            | CauseKind::NoAck
            | CauseKind::SessionExpired
            | CauseKind::Interrupted
            | CauseKind::InternalError => Some("TECHNICAL_ISSUE"),
            CauseKind::Normal
            | CauseKind::MaxDuration
            | CauseKind::ConsentRefused
            | CauseKind::PolicyRefused => None,
        }
    }
}

impl CauseKind {
    /// The Q.850 value that says the same (RFC 3398 §8.2.6.1 and Q.850 table 1).
    pub fn q850(self) -> u8 {
        match self {
            Self::Normal | Self::MaxDuration | Self::Cancelled => 16,
            Self::Busy => 17,
            Self::NoAnswer => 19,
            Self::Rejected | Self::DoNotDisturb | Self::ConsentRefused => 21,
            Self::NotFound => 1,
            Self::Unavailable | Self::AgentUnavailable => 20,
            Self::Forbidden | Self::PolicyRefused => 57,
            Self::IncompatibleMedia => 88,
            Self::NetworkFailure | Self::Interrupted => 38,
            Self::MediaTimeout | Self::NoAck | Self::SessionExpired => 102,
            Self::InternalError => 41,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_statuses_map_to_causes_and_suggested_dispositions() {
        for (status, kind, code) in [
            (486, CauseKind::Busy, Some("BUSY")),
            (480, CauseKind::Unavailable, Some("SWITCHED_OFF")),
            (404, CauseKind::NotFound, Some("OUT_OF_SERVICE")),
            (603, CauseKind::Rejected, Some("BUSY")),
            (503, CauseKind::NetworkFailure, Some("TECHNICAL_ISSUE")),
            (488, CauseKind::IncompatibleMedia, Some("TECHNICAL_ISSUE")),
        ] {
            let cause = HangupCause::from_status(EndedBy::Customer, status, None);
            assert_eq!((cause.kind, cause.suggested_disposition()), (kind, code), "{status}");
            assert_eq!(cause.status_to_send(), status);
        }
    }

    #[test]
    fn a_reason_header_outranks_the_mapped_q850_value() {
        let cause = HangupCause::from_status(EndedBy::Customer, 480, Some(31));
        assert_eq!(cause.q850, 31);
    }
}
