//! What an endpoint tells the application.

use super::address::{ResolveQuery, Source};
use super::id::{DialogId, TransactionId};
use super::outgoing::Body;
use crate::Message;
use crate::headers::Reason;
use std::time::Duration;

/// What an endpoint tells the application.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request outside any dialog, not INVITE: answer with `Endpoint::respond`.
    Request {
        /// For `respond`.
        transaction: TransactionId,
        /// The request.
        message: Box<Message>,
        /// Where it came from.
        source: Source,
    },
    /// A response to `Endpoint::request`; the last one is final.
    Response {
        /// As returned by `request`.
        transaction: TransactionId,
        /// The response.
        message: Box<Message>,
        /// Where it came from.
        source: Source,
    },
    /// No final response to `Endpoint::request` will come.
    RequestFailed {
        /// As returned by `request`.
        transaction: TransactionId,
        /// Why.
        failure: RequestFailure,
    },
    /// Somebody calls: `progress`, `answer` or `reject` it. 100 was sent already.
    Invited {
        /// The new dialog.
        dialog: DialogId,
        /// The INVITE.
        message: Box<Message>,
        /// Where it came from.
        source: Source,
    },
    /// Something happened in a dialog.
    Dialog {
        /// Which.
        dialog: DialogId,
        /// What.
        event: DialogEvent,
    },
    /// Addresses are needed: answer with `Endpoint::resolved`.
    NeedResolve(ResolveQuery),
}

/// Why a request got no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// Nobody answered in 64*T1 (408 in RFC terms).
    Timeout,
    /// No target could be reached (503 in RFC terms).
    Unreachable,
    /// The host has no address.
    Unresolved,
}

impl RequestFailure {
    /// The status RFC 3261 §8.1.3.1 puts in its place.
    pub fn as_status(self) -> u16 {
        match self {
            Self::Timeout => 408,
            Self::Unreachable | Self::Unresolved => 503,
        }
    }
}

/// What happened in a dialog. Each dialog ends with exactly one [`Failed`](Self::Failed) or
/// [`Ended`](Self::Ended); after it the handle is dead.
#[derive(Clone, Debug)]
pub enum DialogEvent {
    /// 101–199 to our INVITE.
    Progressed {
        /// Status.
        status: u16,
        /// Early session description.
        body: Option<Body>,
        /// Sent reliably (already acknowledged by PRACK).
        reliable: bool,
        /// The response.
        message: Box<Message>,
    },
    /// 2xx to our INVITE; the ACK was sent unless ours was a late offer: then `acknowledge`.
    Answered {
        /// The answer, or the offer if ours was late.
        body: Option<Body>,
        /// The response.
        message: Box<Message>,
        /// Where it came from.
        source: Source,
    },
    /// 401 or 407 to our INVITE: `retry_with` credentials, or `hangup`.
    Challenged {
        /// The response with its challenges.
        message: Box<Message>,
        /// Where it came from: credentials are for that peer's own hosts only.
        source: Source,
    },
    /// Our INVITE was refused or got no answer. Terminal.
    Failed(Failure),
    /// The ACK to our 2xx arrived.
    Confirmed {
        /// The answer to a late offer.
        body: Option<Body>,
    },
    /// re-INVITE or UPDATE with an offer (or re-INVITE without): `accept_reinvite` or
    /// `refuse_reinvite`.
    Reinvited {
        /// The offer; none: late, put one into the acceptance.
        body: Option<Body>,
    },
    /// The late offer we made in a 2xx to their re-INVITE was answered in the ACK.
    ReinviteConfirmed {
        /// The answer.
        body: Option<Body>,
    },
    /// Our `reinvite` or `update` was accepted.
    ReinviteAnswered {
        /// The answer.
        body: Option<Body>,
    },
    /// Our `reinvite` or `update` was refused; the session stays as it was.
    ReinviteFailed {
        /// Status (408 when nobody answered).
        status: u16,
    },
    /// INFO with a content type from the configuration; 200 was sent.
    Info {
        /// Its content.
        body: Body,
    },
    /// REFER: answer with `Endpoint::respond` (202 or a refusal), then `notify`.
    Referred {
        /// For `respond`.
        transaction: TransactionId,
        /// Value of Refer-To.
        refer_to: String,
        /// Value of Referred-By.
        referred_by: Option<String>,
        /// The request.
        message: Box<Message>,
    },
    /// NOTIFY of the progress of our REFER; 200 was sent.
    Notified {
        /// Value of Subscription-State.
        subscription_state: String,
        /// `message/sipfrag` mostly.
        body: Option<Body>,
    },
    /// Any other request in the dialog: answer with `Endpoint::respond`.
    Request {
        /// For `respond`.
        transaction: TransactionId,
        /// The request.
        message: Box<Message>,
    },
    /// A response to a request of ours in the dialog (`info`, `refer`, `notify`, `request_in_dialog`).
    Response {
        /// As returned by that method.
        transaction: TransactionId,
        /// Final status; 408 and 503 also stand for no answer and no way.
        status: u16,
        /// The response, if there was one.
        message: Option<Box<Message>>,
    },
    /// The dialog is over. Terminal.
    Ended {
        /// Who or what ended it.
        cause: EndCause,
        /// Reason header (RFC 3326) of the message that ended it.
        reason: Option<Reason>,
    },
}

impl DialogEvent {
    /// It comes within a dialog that stands, and is neither its beginning nor its end.
    pub fn is_within(&self) -> bool {
        match self {
            Self::Reinvited { .. }
            | Self::ReinviteConfirmed { .. }
            | Self::ReinviteAnswered { .. }
            | Self::ReinviteFailed { .. }
            | Self::Info { .. }
            | Self::Referred { .. }
            | Self::Notified { .. }
            | Self::Request { .. }
            | Self::Response { .. } => true,
            Self::Progressed { .. }
            | Self::Answered { .. }
            | Self::Challenged { .. }
            | Self::Confirmed { .. }
            | Self::Failed(_)
            | Self::Ended { .. } => false,
        }
    }
}

/// Our INVITE was refused or got no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Status; 408 and 503 also stand for no answer and no way.
    pub status: u16,
    /// The response, if there was one.
    pub message: Option<Box<Message>>,
    /// Reason header of it.
    pub reason: Option<Reason>,
    /// Retry-After of it.
    pub retry_after: Option<Duration>,
    /// No 18x came before: another trunk may be tried (H14).
    pub before_ringing: bool,
}

/// Who or what ended a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// We, by `hangup` or `reject`.
    Local,
    /// The peer, by BYE.
    RemoteBye,
    /// The caller, by CANCEL.
    RemoteCancel,
    /// Our 2xx was never acknowledged (A13).
    NoAck,
    /// A reliable provisional response was never acknowledged.
    NoPrack,
    /// The session timer ran out (A20).
    Expired,
    /// A request of ours in the dialog got 408, 481 or no answer.
    PeerGone,
    /// An offered call was neither answered nor refused for too long.
    Unanswered,
}
