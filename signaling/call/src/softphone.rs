//! What a page and its phone say to each other.

use bytes::Bytes;

/// From a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoftphoneOrder {
    /// Takes the call, or agrees to what changes in it.
    Answer {
        /// Which leg, as in the offer.
        leg: String,
        /// The page's session description.
        sdp: Bytes,
    },
    /// Refuses the call, or ends it.
    Hangup {
        /// Which leg, as in the offer.
        leg: String,
    },
    /// Whether calls may come: a page that sleeps gets none, and has its running ones all the same.
    Reachable(bool),
}

/// To a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoftphoneEvent {
    /// Calls reach the page, or do not.
    Ready(bool),
    /// Somebody calls.
    Offer {
        /// Names the leg from now on.
        leg: String,
        /// Our session description.
        sdp: Bytes,
        /// Who it is: a number, or an extension's.
        from: String,
        /// Their name, where one is known.
        name: Option<String>,
        /// She asked for this call herself: it is taken without a press.
        auto_answer: bool,
    },
    /// Something of a running call changes: answer it with the same leg.
    Change {
        /// Which leg.
        leg: String,
        /// Our new session description.
        sdp: Bytes,
    },
    /// The leg is over, before an answer or after.
    Ended {
        /// Which leg.
        leg: String,
    },
}
