//! SIP messages: one buffer, an index over it, and the five headers every message needs already read.

mod build;
mod headers;
mod limits;
mod lines;
mod multipart;
mod parse;
mod party;
mod screen;
#[cfg(test)]
mod tests;
mod typed;

pub use build::{BuildError, MessageBuilder};
pub use headers::Headers;
pub use limits::Limits;
pub use parse::{Malformed, MessageError, ParseOutcome};
pub use screen::{Refusal, Served};
pub use typed::Contacts;

pub(crate) use lines::Lines;
pub(crate) use parse::{BodyRule, framed_length, parse, unframed};
use party::Party;

use crate::{
    header_name::HeaderName,
    headers::{CSeq, HeaderError, Via},
    method::Method,
    status::StatusCode,
    text::Text,
    uri::{NameAddr, Uri},
};
use bytes::Bytes;
use std::{net::SocketAddr, ops::Deref, sync::OnceLock};

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `METHOD uri SIP/2.0`; the address is [`Message::request_uri`].
    Request {
        /// What is asked.
        method: Method,
    },
    /// `SIP/2.0 code phrase`.
    Response {
        /// What came of it.
        status: StatusCode,
        /// The phrase as written; never to be decided on.
        reason: Text,
    },
}

/// A request or response that passed all syntax checks: Via, From, To, Call-ID and CSeq are there, single and readable.
///
/// It dereferences to its [`Headers`], so every header is read as `message.contacts()`, `message.routes()` and so on.
#[derive(Clone, Debug)]
pub struct Message {
    start: StartLine,
    headers: Headers,
    core: Box<Core>,
    body: Bytes,
}

/// What every message needs, read once.
#[derive(Clone, Debug)]
struct Core {
    /// Filled when asked for.
    request_uri: OnceLock<Uri>,
    via: Via,
    from: Party,
    to: Party,
    call_id: Text,
    cseq: CSeq,
    /// The Contact of a request that has exactly one; filled when asked for.
    contact: Option<OnceLock<NameAddr>>,
}

impl Message {
    /// Reads one datagram; what is no sound message comes back with the answer it deserves.
    pub fn read(datagram: Bytes, limits: &Limits) -> ParseOutcome {
        parse(datagram, limits, BodyRule::Datagram)
    }

    /// Reads one datagram within the usual limits, when only a sound message is of use.
    pub fn parse(datagram: Bytes) -> Result<Self, MessageError> {
        match Self::read(datagram, &Limits::DEFAULT) {
            ParseOutcome::Ok(message) => Ok(message),
            ParseOutcome::Malformed(malformed) => Err(malformed.error),
            ParseOutcome::Drop(error) => Err(error),
        }
    }

    /// The start line.
    pub fn start(&self) -> &StartLine {
        &self.start
    }

    /// Is it a request?
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The method of a request, or the method a response answers.
    pub fn method(&self) -> &Method {
        match &self.start {
            StartLine::Request { method } => method,
            StartLine::Response { .. } => &self.core.cseq.method,
        }
    }

    /// The Request-URI of a request.
    pub fn request_uri(&self) -> Option<&Uri> {
        match &self.start {
            StartLine::Request { .. } => {
                Some(self.core.request_uri.get_or_init(|| self.headers.request_uri(&self.start)))
            }
            StartLine::Response { .. } => None,
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self.start {
            StartLine::Response { status, .. } => Some(status),
            StartLine::Request { .. } => None,
        }
    }

    /// The topmost Via, with what [`Message::note_source`] added.
    pub fn via(&self) -> &Via {
        &self.core.via
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        let mut vias = self.headers.every(HeaderName::Via, Via::parse)?;
        if let Some(top) = vias.first_mut() {
            top.clone_from(&self.core.via);
        }
        Ok(vias)
    }

    /// Who sends the request.
    pub fn from(&self) -> &NameAddr {
        self.core.from.address(&self.headers)
    }

    /// Whom it was meant for.
    pub fn to(&self) -> &NameAddr {
        self.core.to.address(&self.headers)
    }

    /// The tag of From, empty when missing (peers of RFC 2543 send none).
    pub fn from_tag(&self) -> &str {
        self.core.from.tag(&self.headers).unwrap_or_default()
    }

    /// The tag of To.
    pub fn to_tag(&self) -> Option<&str> {
        self.core.to.tag(&self.headers)
    }

    /// The Call-ID. It compares byte by byte.
    pub fn call_id(&self) -> &Text {
        &self.core.call_id
    }

    /// Sequence number and method.
    pub fn cseq(&self) -> &CSeq {
        &self.core.cseq
    }

    /// The only Contact of a request, read already; `None` does not mean that there is none.
    pub(crate) fn single_contact(&self) -> Option<&NameAddr> {
        let single = self.core.contact.as_ref()?;
        Some(single.get_or_init(|| self.headers.checked(HeaderName::Contact)))
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The whole message as it was read.
    pub fn bytes(&self) -> &Bytes {
        self.headers.bytes()
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Notes the address a request came from in its top Via, so that responses built from it carry `received` and
    /// `rport`. The bytes stay as they were.
    pub fn note_source(&mut self, source: SocketAddr) {
        self.core.via.note_source(source);
    }

    /// A builder holding all of this message, to send it on with changes.
    pub fn to_builder(&self) -> MessageBuilder {
        MessageBuilder::from_message(self)
    }
}

impl Deref for Message {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}
