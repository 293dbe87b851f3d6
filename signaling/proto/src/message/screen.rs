//! What a server checks of a sound request before it acts (RFC 3261 §8.2), in the RFC's order.

use super::{Message, StartLine};
use crate::{header_name::HeaderName, method::Method, status::StatusCode, uri::Uri};

/// What this element serves.
#[derive(Clone, Debug)]
pub struct Served {
    /// Methods it acts on; others are answered 405 when known, 501 when not.
    pub methods: Vec<Method>,
    /// Option tags it understands.
    pub options: Vec<&'static str>,
    /// Body types it reads, as `type/subtype`.
    pub body_types: Vec<&'static str>,
}

/// Why a request is not served, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The header that says what would be acceptable.
    pub header: Option<(HeaderName, String)>,
}

impl Refusal {
    fn bare(status: StatusCode) -> Self {
        Self { status, header: None }
    }

    fn with(status: StatusCode, name: HeaderName, value: String) -> Self {
        Self { status, header: Some((name, value)) }
    }
}

impl Served {
    /// The Allow header's value.
    pub fn allow(&self) -> String {
        let names: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        names.join(", ")
    }

    /// Checks a request. Responses, ACK and CANCEL always pass: they are never answered with a refusal of this kind.
    pub fn screen(&self, message: &Message) -> Result<(), Refusal> {
        let (StartLine::Request { method }, Some(uri)) = (message.start(), message.request_uri())
        else {
            return Ok(());
        };
        if matches!(method, Method::Ack | Method::Cancel) {
            return Ok(());
        }
        self.check_method(method)?;
        if matches!(uri, Uri::Other(_)) {
            return Err(Refusal::bare(StatusCode::UNSUPPORTED_URI_SCHEME));
        }
        // Who answers itself need not look at the hop count (RFC 4475 §3.3.11); what goes on to another leg must (A15).
        let goes_on = !matches!(method, Method::Options | Method::Register);
        if goes_on && message.max_forwards() == Ok(Some(0)) {
            return Err(Refusal::bare(StatusCode::TOO_MANY_HOPS));
        }
        self.check_options(message)?;
        self.check_body(message)?;
        self.check_accept(method, message)
    }

    fn check_method(&self, method: &Method) -> Result<(), Refusal> {
        if self.methods.contains(method) {
            return Ok(());
        }
        let status = match method {
            Method::Other(_) => StatusCode::NOT_IMPLEMENTED,
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Prack
            | Method::Update
            | Method::Info
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish => StatusCode::METHOD_NOT_ALLOWED,
        };
        Err(Refusal::with(status, HeaderName::Allow, self.allow()))
    }

    fn check_options(&self, message: &Message) -> Result<(), Refusal> {
        let unknown: Vec<String> = message
            .require()
            .filter(|tag| !self.options.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .map(|tag| tag.to_string())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Refusal::with(StatusCode::BAD_EXTENSION, HeaderName::Unsupported, unknown.join(", ")))
    }

    fn check_body(&self, message: &Message) -> Result<(), Refusal> {
        if message.body().is_empty() {
            return Ok(());
        }
        let optional = message
            .text(HeaderName::ContentDisposition)
            .is_some_and(|d| d.to_ascii_lowercase().contains("handling=optional"));
        if optional {
            return Ok(());
        }
        let encoded = message
            .tokens(HeaderName::ContentEncoding)
            .any(|coding| !coding.eq_ignore_ascii_case("identity"));
        if encoded {
            let none = "identity".to_owned();
            return Err(Refusal::with(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                HeaderName::AcceptEncoding,
                none,
            ));
        }
        let known = match message.content_type() {
            Ok(Some(kind)) => self
                .body_types
                .iter()
                .any(|t| t.split_once('/').is_some_and(|(m, s)| kind.is(m, s))),
            Ok(None) | Err(_) => return Err(Refusal::bare(StatusCode::BAD_REQUEST)),
        };
        if known {
            return Ok(());
        }
        let types = self.body_types.join(", ");
        Err(Refusal::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, HeaderName::Accept, types))
    }

    /// An INVITE whose Accept rules out SDP cannot be answered (RFC 4475 §3.3.15).
    fn check_accept(&self, method: &Method, message: &Message) -> Result<(), Refusal> {
        if *method != Method::Invite || !message.has(HeaderName::Accept) {
            return Ok(());
        }
        let acceptable = message.tokens(HeaderName::Accept).any(|range| {
            let kind = range.split(';').next().unwrap_or_default().trim();
            ["application/sdp", "application/*", "*/*"].iter().any(|k| k.eq_ignore_ascii_case(kind))
        });
        if acceptable { Ok(()) } else { Err(Refusal::bare(StatusCode::NOT_ACCEPTABLE)) }
    }
}
