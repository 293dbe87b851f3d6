//! What the application hands in to be sent.

use super::address::Destination;
use crate::Method;
use bytes::Bytes;
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

/// One header line to add to a message we build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value; line breaks in it are sent as spaces.
    pub value: Cow<'static, str>,
}

impl HeaderLine {
    /// From name and value.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> HeaderLine {
        HeaderLine { name: name.into(), value: value.into() }
    }
}

/// A message body: opaque in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Content-Type.
    pub content_type: Cow<'static, str>,
    /// The bytes.
    pub bytes: Bytes,
}

impl Body {
    /// A session description.
    pub fn sdp(bytes: Bytes) -> Self {
        Self { content_type: Cow::Borrowed("application/sdp"), bytes }
    }
}

/// A request outside any dialog: REGISTER, OPTIONS, MESSAGE and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// Method.
    pub method: Method,
    /// Request-URI.
    pub request_uri: String,
    /// From value without tag, e.g. `<sip:101@example.com>`.
    pub from: String,
    /// To value.
    pub to: String,
    /// To keep one over several registrations; else a new one.
    pub call_id: Option<String>,
    /// Likewise; else a new one.
    pub from_tag: Option<String>,
    /// Likewise; else 1.
    pub cseq: Option<u32>,
    /// Route values in order.
    pub routes: Vec<String>,
    /// Contact value; REGISTER needs one, others have none unless given.
    pub contact: Option<String>,
    /// More header lines (Expires, Authorization …).
    pub headers: Vec<HeaderLine>,
    /// Body.
    pub body: Option<Body>,
    /// Where to.
    pub destination: Destination,
}

impl OutgoingRequest {
    /// The least there is; set the rest by struct update.
    pub fn new(
        method: Method,
        request_uri: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
        destination: Destination,
    ) -> Self {
        Self {
            method,
            request_uri: request_uri.into(),
            from: from.into(),
            to: to.into(),
            call_id: None,
            from_tag: None,
            cseq: None,
            routes: Vec::new(),
            contact: None,
            headers: Vec::new(),
            body: None,
            destination,
        }
    }
}

/// The way requests inside a dialog are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Strictly by route set and remote target (RFC 3261 §12.2): carriers.
    #[default]
    RouteSet,
    /// By the flow the peer's last message came by, while it is open: phones behind a NAT.
    Flow,
}

/// An INVITE to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRequest {
    /// Request-URI.
    pub request_uri: String,
    /// From value without tag.
    pub from: String,
    /// To value.
    pub to: String,
    /// Contact value; by default our advertised address on the transport used.
    pub contact: Option<String>,
    /// To use one of the application's; else a new one.
    pub call_id: Option<String>,
    /// Route values in order (outbound proxy, Path of a binding).
    pub routes: Vec<String>,
    /// More header lines (P-Asserted-Identity, Alert-Info …).
    pub headers: Vec<HeaderLine>,
    /// The offer; none: a late offer comes in the answer.
    pub body: Option<Body>,
    /// Where to.
    pub destination: Destination,
    /// How to reach the peer in the dialog.
    pub reach: Reach,
    /// Addresses the peer may also speak from; those it is sent to and answers from are known.
    pub peer_addresses: Vec<IpAddr>,
    /// Hops left for a forwarded call (one less than it came with); else 70.
    pub max_forwards: Option<u8>,
    /// Fails as timed out when no response at all came within this time of sending it to its last
    /// target; what comes of it later is cancelled. None: timer B alone decides (§17.1.1.2).
    pub patience: Option<Duration>,
}

impl InviteRequest {
    /// The least there is; set the rest by struct update.
    pub fn new(
        request_uri: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
        destination: Destination,
    ) -> Self {
        Self {
            request_uri: request_uri.into(),
            from: from.into(),
            to: to.into(),
            contact: None,
            call_id: None,
            routes: Vec::new(),
            headers: Vec::new(),
            body: None,
            destination,
            reach: Reach::RouteSet,
            peer_addresses: Vec::new(),
            max_forwards: None,
            patience: None,
        }
    }
}

/// A request inside a dialog: REFER, NOTIFY, MESSAGE and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogRequest {
    /// Method.
    pub method: Method,
    /// More header lines.
    pub headers: Vec<HeaderLine>,
    /// Body.
    pub body: Option<Body>,
}

/// A response to a request that was handed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Reason phrase; the RFC's by default.
    pub phrase: Option<Cow<'static, str>>,
    /// More header lines.
    pub headers: Vec<HeaderLine>,
    /// Body.
    pub body: Option<Body>,
}

impl Reply {
    /// A bare status.
    pub fn new(status: u16) -> Self {
        Self { status, phrase: None, headers: Vec::new(), body: None }
    }

    /// With one more header line.
    pub fn with_header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push(HeaderLine::new(name, value));
        self
    }
}
