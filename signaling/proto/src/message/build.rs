//! Writing messages. What we write can be read: `build` parses its own bytes, and no value may hold a line end.

use super::{
    Headers, Limits, Message, MessageError, ParseOutcome, StartLine,
    parse::{self, BodyRule},
};
use crate::{
    header_name::HeaderName,
    headers::{CSeq, ContentType, Via},
    method::Method,
    status::StatusCode,
    text::{self, Text},
    uri::{NameAddr, Uri},
};
use bytes::Bytes;
use std::fmt::{Display, Write as _};

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A value with a carriage return or line feed would start a header of its own.
    #[error("line end inside {0}")]
    LineEnd(String),
    /// A header name that is no token.
    #[error("header name {0:?} is no token")]
    Name(String),
    /// The finished bytes are no message.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// A message being written: start line, ordered header lines, body.
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    start: String,
    lines: Vec<Line>,
    body: Bytes,
    error: Option<BuildError>,
}

#[derive(Clone, Debug)]
struct Line {
    name: HeaderName,
    /// The name as written, for headers without identity.
    other: Option<Text>,
    value: Bytes,
}

impl MessageBuilder {
    /// A request.
    pub fn request(method: &Method, uri: &Uri) -> Self {
        Self::starting(format!("{method} {uri} SIP/2.0"))
    }

    /// A response with the usual phrase and no headers yet.
    pub fn response(status: StatusCode) -> Self {
        Self::starting(format!("SIP/2.0 {status} {}", status.reason_phrase()))
    }

    /// The response to a request: every Via (the top one with `received` and `rport` where noted), From, To, Call-ID,
    /// CSeq and Record-Route are copied (RFC 3261 §8.2.6.2, §12.1.1), and Timestamp into a 100.
    pub fn response_to(request: &Message, status: StatusCode) -> Self {
        let mut response = Self::response(status);
        response.copy_for_response(request.via(), request.headers());
        if status.is_provisional() || status.is_success() {
            response.copy(request.headers(), HeaderName::RecordRoute);
        }
        if status == StatusCode::TRYING {
            response.copy(request.headers(), HeaderName::Timestamp);
        }
        response
    }

    pub(super) fn from_message(message: &Message) -> Self {
        let mut builder = Self::starting(match (message.start(), message.request_uri()) {
            (StartLine::Request { method }, Some(uri)) => format!("{method} {uri} SIP/2.0"),
            (StartLine::Request { method }, None) => format!("{method} SIP/2.0"),
            (StartLine::Response { status, reason }, _) => format!("SIP/2.0 {status} {reason}"),
        });
        for (name, written, value) in message.headers().iter() {
            if name != HeaderName::ContentLength {
                let other = (name == HeaderName::Other).then_some(written);
                builder.lines.push(Line {
                    name,
                    other,
                    value: Bytes::copy_from_slice(value.as_bytes()),
                });
            }
        }
        builder.body = message.body().clone();
        builder
    }

    /// The answer to a request that could not be read as a whole.
    pub(super) fn refusal(
        status: StatusCode,
        via: &Via,
        headers: &Headers,
        to_tag: &str,
        warning: &str,
    ) -> Bytes {
        let mut response = Self::response(status);
        response.copy_for_response(via, headers);
        let to = response.line(HeaderName::To).map(|l| l.value.clone());
        if to.is_some_and(|to| NameAddr::parse(&to).is_ok_and(|to| to.tag().is_none())) {
            response = response.to_tag(to_tag);
        }
        let text = text::quote(&warning.replace(|c: char| c.is_control(), " "));
        response.set(HeaderName::Warning, format!("399 telehub {text}")).serialise()
    }

    fn starting(start: String) -> Self {
        let error =
            has_line_end(start.as_bytes()).then(|| BuildError::LineEnd("start line".into()));
        Self { start, lines: Vec::with_capacity(16), body: Bytes::new(), error }
    }

    fn copy_for_response(&mut self, top: &Via, headers: &Headers) {
        self.push(HeaderName::Via, top);
        for via in headers.elements(HeaderName::Via).skip(1) {
            self.lines.push(Line { name: HeaderName::Via, other: None, value: via });
        }
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
            self.copy(headers, name);
        }
    }

    fn copy(&mut self, headers: &Headers, name: HeaderName) {
        for value in headers.lines(name) {
            self.lines.push(Line { name, other: None, value });
        }
    }

    /// Replaces the phrase of a response.
    #[must_use]
    pub fn reason_phrase(mut self, phrase: &str) -> Self {
        if has_line_end(phrase.as_bytes()) {
            self.error.get_or_insert(BuildError::LineEnd("reason phrase".into()));
        } else if self.start.starts_with("SIP/2.0 ") {
            self.start.truncate("SIP/2.0 200 ".len());
            self.start.push_str(phrase);
        }
        self
    }

    /// Replaces the Request-URI.
    #[must_use]
    pub fn request_uri(mut self, uri: &Uri) -> Self {
        if let Some((method, _)) = self.start.split_once(' ').filter(|(m, _)| *m != "SIP/2.0") {
            self.start = format!("{method} {uri} SIP/2.0");
        }
        self
    }

    /// Appends a header line.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        self.push(name, value);
        self
    }

    /// Appends a header line when there is a value.
    #[must_use]
    pub fn header_opt(self, name: HeaderName, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Appends one header line for each value.
    #[must_use]
    pub fn headers<T: Display>(
        mut self,
        name: HeaderName,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        for value in values {
            self.push(name, value);
        }
        self
    }

    /// Appends a header this crate has no identity for.
    #[must_use]
    pub fn header_named(mut self, name: &str, value: impl Display) -> Self {
        let known = HeaderName::identify(name.as_bytes());
        if !text::is_token(name.as_bytes()) {
            self.error.get_or_insert(BuildError::Name(name.into()));
            return self;
        }
        let other = (known == HeaderName::Other).then(|| Text::from(name));
        self.write(known, other, value, None);
        self
    }

    /// Puts a header line before all others: a Via of ours, a Route to be followed first.
    #[must_use]
    pub fn header_on_top(mut self, name: HeaderName, value: impl Display) -> Self {
        self.write(name, None, value, Some(0));
        self
    }

    /// Replaces every line of a header by one.
    #[must_use]
    pub fn set(mut self, name: HeaderName, value: impl Display) -> Self {
        let at = self.lines.iter().position(|l| l.name == name);
        self.lines.retain(|l| l.name != name);
        self.write(name, None, value, at);
        self
    }

    /// Removes every line of a header.
    #[must_use]
    pub fn remove(mut self, name: HeaderName) -> Self {
        self.lines.retain(|l| l.name != name);
        self
    }

    /// Puts a Via on top.
    #[must_use]
    pub fn via(self, via: &Via) -> Self {
        self.header_on_top(HeaderName::Via, via)
    }

    /// From.
    #[must_use]
    pub fn from(self, from: &NameAddr) -> Self {
        self.set(HeaderName::From, from)
    }

    /// To.
    #[must_use]
    pub fn to(self, to: &NameAddr) -> Self {
        self.set(HeaderName::To, to)
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(self, call_id: &str) -> Self {
        self.set(HeaderName::CallId, call_id)
    }

    /// CSeq.
    #[must_use]
    pub fn cseq(self, seq: u32, method: &Method) -> Self {
        self.set(HeaderName::CSeq, CSeq { seq, method: method.clone() })
    }

    /// Max-Forwards.
    #[must_use]
    pub fn max_forwards(self, hops: u8) -> Self {
        self.set(HeaderName::MaxForwards, hops)
    }

    /// Gives To this tag; a tag that is already there stays.
    #[must_use]
    pub fn to_tag(mut self, tag: &str) -> Self {
        let Some(line) = self.lines.iter_mut().find(|l| l.name == HeaderName::To) else {
            return self;
        };
        let to = NameAddr::parse(&line.value).ok();
        if to.as_ref().is_some_and(|to| to.tag().is_some()) {
            return self;
        }
        if !text::is_token(tag.as_bytes()) {
            self.error.get_or_insert(BuildError::LineEnd("tag".into()));
            return self;
        }
        // A `tag` without a value is none, and would hide one written behind it.
        if let Some(mut to) = to.filter(|to| to.params.has("tag")) {
            to.params.set("tag", Some(tag));
            line.value = to.to_string().into();
            return self;
        }
        let mut value = line.value.to_vec();
        value.extend_from_slice(b";tag=");
        value.extend_from_slice(tag.as_bytes());
        line.value = value.into();
        self
    }

    /// The body with its type. Content-Length is written by itself.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.set(HeaderName::ContentType, content_type)
    }

    /// The body with a type already read.
    #[must_use]
    pub fn body_typed(self, content_type: &ContentType, body: Bytes) -> Self {
        self.body(&content_type.to_string(), body)
    }

    /// Without body.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.body = Bytes::new();
        self.remove(HeaderName::ContentType)
    }

    /// The finished message, read back from its own bytes.
    pub fn build(self) -> Result<Message, BuildError> {
        let bytes = self.into_bytes()?;
        match parse::parse(bytes, &Limits::DEFAULT, BodyRule::Framed) {
            ParseOutcome::Ok(message) => Ok(message),
            ParseOutcome::Malformed(malformed) => Err(malformed.error.into()),
            ParseOutcome::Drop(error) => Err(error.into()),
        }
    }

    /// The finished bytes.
    pub fn into_bytes(self) -> Result<Bytes, BuildError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.serialise()),
        }
    }

    fn line(&self, name: HeaderName) -> Option<&Line> {
        self.lines.iter().find(|l| l.name == name)
    }

    fn push(&mut self, name: HeaderName, value: impl Display) {
        self.write(name, None, value, None);
    }

    fn write(
        &mut self,
        name: HeaderName,
        other: Option<Text>,
        value: impl Display,
        at: Option<usize>,
    ) {
        let mut text = String::with_capacity(64);
        // Writing to a String fails only when a Display of ours does.
        if write!(text, "{value}").is_err() || has_line_end(text.as_bytes()) {
            let shown = other.as_deref().unwrap_or(name.as_str()).to_owned();
            self.error.get_or_insert(BuildError::LineEnd(shown));
            return;
        }
        if name == HeaderName::ContentLength {
            return;
        }
        let line = Line { name, other, value: text.into() };
        self.lines.insert(at.unwrap_or(self.lines.len()), line);
    }

    fn serialise(&self) -> Bytes {
        let head: usize = self.lines.iter().map(|l| l.value.len() + 24).sum();
        let mut out = Vec::with_capacity(self.start.len() + head + self.body.len() + 32);
        out.extend_from_slice(self.start.as_bytes());
        out.extend_from_slice(b"\r\n");
        for line in &self.lines {
            let name = line.other.as_deref().unwrap_or(line.name.as_str());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(&line.value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Length: ");
        out.extend_from_slice(self.body.len().to_string().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
        out.into()
    }
}

fn has_line_end(bytes: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', bytes).is_some()
}
