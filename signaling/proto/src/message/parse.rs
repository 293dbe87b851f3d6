//! From bytes to a [`Message`], or to what must be answered instead.

use super::{
    Core, Headers, Limits, Message, MessageBuilder, Party, StartLine,
    headers::Index,
    lines::{Lines, scan},
};
use crate::{
    header_name::HeaderName,
    headers::{CSeq, HeaderError, Via},
    method::Method,
    status::StatusCode,
    text::{self, Span},
    uri::{NameAddrPart, UriError, UriPart},
};
use bytes::Bytes;
use std::{net::SocketAddr, sync::OnceLock};

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nothing but line ends: a keep-alive.
    #[error("empty")]
    Empty,
    /// The first line is neither a request nor a status line.
    #[error("start line malformed")]
    StartLine,
    /// The Request-URI breaks the grammar.
    #[error("request-uri malformed: {0}")]
    RequestUri(UriError),
    /// Another version than SIP/2.0.
    #[error("version not supported")]
    Version,
    /// A status outside 100..=699.
    #[error("status code out of range")]
    Status,
    /// A header line without name or colon, or a bare CR or LF.
    #[error("header line malformed")]
    HeaderLine,
    /// No empty line after the headers.
    #[error("headers do not end")]
    HeadOpen,
    /// A header the message cannot do without is missing or malformed.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// A header that may stand once stands twice.
    #[error("{0} more than once")]
    Duplicate(HeaderName),
    /// CSeq names another method than the request line.
    #[error("cseq method differs from the request's")]
    CSeqMethod,
    /// Content-Length is no number, or two disagree.
    #[error("content-length malformed")]
    ContentLength,
    /// The body is shorter than Content-Length says.
    #[error("body shorter than content-length")]
    BodyShort,
    /// A stream needs Content-Length on every message.
    #[error("content-length missing on a stream")]
    ContentLengthMissing,
    /// The request line is too long.
    #[error("request line too long")]
    StartLineTooLong,
    /// The headers are too long or too many.
    #[error("headers too large")]
    HeadTooLarge,
    /// Too many values of one header.
    #[error("too many {0} values")]
    TooManyValues(HeaderName),
    /// The body is too large.
    #[error("body too large")]
    BodyTooLarge,
}

impl MessageError {
    /// The status that answers a request with this fault.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::StartLineTooLong => StatusCode::REQUEST_URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::MESSAGE_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::Empty
            | Self::StartLine
            | Self::RequestUri(_)
            | Self::Status
            | Self::HeaderLine
            | Self::HeadOpen
            | Self::Header(_)
            | Self::Duplicate(_)
            | Self::CSeqMethod
            | Self::ContentLength
            | Self::BodyShort
            | Self::ContentLengthMissing
            | Self::TooManyValues(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// What came of reading bytes.
#[derive(Clone, Debug)]
pub enum ParseOutcome {
    /// A sound message.
    Ok(Message),
    /// A request that is not sound but says where an answer goes.
    Malformed(Box<Malformed>),
    /// Nothing to answer: a broken response or ACK, or no readable Via.
    Drop(MessageError),
}

/// A request that cannot be served, with enough known to say so.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// What is wrong.
    pub error: MessageError,
    /// The topmost Via.
    pub via: Via,
    /// What could be read of the headers.
    pub headers: Headers,
}

impl Malformed {
    /// The status to answer.
    pub fn status(&self) -> StatusCode {
        self.error.status()
    }

    /// The answer, as far as the request allows: with every Via, From, To, Call-ID and CSeq it had (RFC 3261 §8.2.6).
    pub fn response(&self, source: SocketAddr, to_tag: &str) -> Bytes {
        let mut via = self.via.clone();
        via.note_source(source);
        let status = self.status();
        MessageBuilder::refusal(status, &via, &self.headers, to_tag, &self.error.to_string())
    }
}

/// How the end of the body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRule {
    /// Content-Length may be missing or smaller than what came (RFC 3261 §18.3).
    Datagram,
    /// The framer already cut the message to its Content-Length.
    Framed,
}

/// Reads one message that fills `bytes`.
pub(crate) fn parse(bytes: Bytes, limits: &Limits, rule: BodyRule) -> ParseOutcome {
    let skipped = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if skipped == bytes.len() {
        return ParseOutcome::Drop(MessageError::Empty);
    }
    let bytes = if skipped == 0 { bytes } else { bytes.slice(skipped..) };
    let mut headers = Headers::over(bytes);
    match read(&mut headers, limits, rule) {
        Ok((start, core, body)) => ParseOutcome::Ok(Message { start, headers, core, body }),
        Err(error) => refuse(error, headers),
    }
}

type Parts = (StartLine, Box<Core>, Bytes);

fn read(headers: &mut Headers, limits: &Limits, rule: BodyRule) -> Result<Parts, MessageError> {
    let Headers { buffer, index } = headers;
    let lines = Lines::of(buffer.bytes()).ok_or(MessageError::HeadOpen)?;
    let line_end = lines.end(0).ok_or(MessageError::HeadOpen)?;
    // The index is built even under a broken start line: an answer needs it.
    let body_at = scan(index, &lines, line_end + lines.terminator, limits, rule);
    if line_end > limits.start_line_max {
        return Err(MessageError::StartLineTooLong);
    }
    let start = start_line(headers.buffer.span(), line_end)?;
    let body_at = body_at?;
    let core = core(headers, &start, limits)?;
    let body = body(headers, body_at, limits, rule)?;
    Ok((start, Box::new(core), body))
}

/// How long the message at the head of a stream is, once its headers have all come. Only an exact Content-Length says so;
/// anything doubtful is an error, after which the stream cannot be trusted (A07).
pub(crate) fn framed_length(
    bytes: &[u8],
    head_end: usize,
    limits: &Limits,
) -> Result<usize, MessageError> {
    let lines = Lines::of(bytes).ok_or(MessageError::HeadOpen)?;
    let first = lines.end(0).ok_or(MessageError::HeaderLine)?;
    let mut index = Index::default();
    match scan(&mut index, &lines, first + lines.terminator, limits, BodyRule::Framed) {
        // A second Call-ID is for the parser to refuse; the frame is clear.
        Ok(_) | Err(MessageError::Duplicate(_)) => {}
        Err(error) => return Err(error),
    }
    let mut length = None;
    for field in index.fields.iter().filter(|f| f.name == HeaderName::ContentLength) {
        let value = &bytes[field.value_at as usize..field.value_end as usize];
        let value = text::exact_u32(value).ok_or(MessageError::ContentLength)?;
        if length.replace(value).is_some_and(|earlier| earlier != value) {
            return Err(MessageError::ContentLength);
        }
    }
    match length {
        None => Err(MessageError::ContentLengthMissing),
        Some(length) if length as usize > limits.body_max => Err(MessageError::BodyTooLarge),
        Some(length) => Ok(head_end + length as usize),
    }
}

/// The headers of a body part from `at` on, and where its content begins.
pub(super) fn part_headers(part: &Bytes, at: usize) -> Option<(Headers, usize)> {
    let mut headers = Headers::over(part.clone());
    let lines = Lines::of(part)?;
    let content =
        scan(&mut headers.index, &lines, at, &Limits::DEFAULT, BodyRule::Datagram).ok()?;
    Some((headers, content))
}

/// Single spaces only (RFC 3261 §7.1).
fn start_line(span: Span<'_>, end: usize) -> Result<StartLine, MessageError> {
    let line = &span[..end];
    if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
        return status_line(span, end);
    }
    let first = text::find(line, b' ').ok_or(MessageError::StartLine)?;
    let last = line.iter().rposition(|b| *b == b' ').ok_or(MessageError::StartLine)?;
    let method = crate::headers::method(span.range(0, first)).ok_or(MessageError::StartLine)?;
    let version = &line[last + 1..];
    if first == last || !version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/")) {
        return Err(MessageError::StartLine);
    }
    if version != b"SIP/2.0" && !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(MessageError::Version);
    }
    let uri = UriPart::read(span.range(first + 1, last)).map_err(MessageError::RequestUri)?;
    // RFC 3261 table 1 forbids headers in a Request-URI (RFC 4475 §3.1.2.11).
    if uri.has_headers() {
        return Err(MessageError::RequestUri(UriError::Syntax));
    }
    Ok(StartLine::Request { method })
}

fn status_line(span: Span<'_>, end: usize) -> Result<StartLine, MessageError> {
    let line = &span[..end];
    let rest = line.get(7..).ok_or(MessageError::StartLine)?;
    if !line[..7].eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(MessageError::Version);
    }
    let code = rest.strip_prefix(b" ").ok_or(MessageError::StartLine)?;
    let digits = code.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = text::exact_u32(&code[..digits]).ok_or(MessageError::Status)?;
    let status = u16::try_from(number).ok().filter(|_| digits == 3).and_then(StatusCode::new);
    let status = status.ok_or(MessageError::Status)?;
    let reason_at = 8 + digits + 1;
    match line.get(8 + digits) {
        Some(b' ') | None => {}
        Some(_) => return Err(MessageError::StartLine),
    }
    let reason = span.range(reason_at.min(end), end).text();
    Ok(StartLine::Response { status, reason })
}

fn core(headers: &Headers, start: &StartLine, limits: &Limits) -> Result<Core, MessageError> {
    if !headers.at_most(HeaderName::Via, limits.vias_max) {
        return Err(MessageError::TooManyValues(HeaderName::Via));
    }
    let via = headers.required(HeaderName::Via, |line| {
        let end = match memchr::memchr(b',', &line) {
            None => None,
            Some(_) => text::find_outside(&line, 0, b',').map_err(|_| UriError::Param)?,
        };
        Via::parse_span(line.range(0, end.unwrap_or(line.len())))
    })?;
    let from = Party::read(headers, HeaderName::From)?;
    let to = Party::read(headers, HeaderName::To)?;
    let call_id = headers.with_first(HeaderName::CallId, |id| {
        let blank = id.iter().fold(false, |blank, b| blank | text::is_lws(*b));
        (!id.is_empty() && !blank).then(|| id.text())
    });
    let call_id = call_id.ok_or(HeaderError::Missing(HeaderName::CallId))?;
    let call_id = call_id.ok_or(HeaderError::Malformed(HeaderName::CallId))?;
    let cseq = headers.with_first(HeaderName::CSeq, CSeq::parse_span);
    let cseq = cseq.ok_or(HeaderError::Missing(HeaderName::CSeq))?;
    let cseq = cseq.ok_or(HeaderError::Malformed(HeaderName::CSeq))?;
    let contact = match start {
        StartLine::Request { method } => request_rules(headers, method, &cseq, limits)?,
        StartLine::Response { .. } => false,
    };
    let contact = contact.then(OnceLock::new);
    Ok(Core { request_uri: OnceLock::new(), via, from, to, call_id, cseq, contact })
}

/// Checks what only requests must have; has it exactly one Contact?
fn request_rules(
    headers: &Headers,
    method: &Method,
    cseq: &CSeq,
    limits: &Limits,
) -> Result<bool, MessageError> {
    if cseq.method != *method {
        return Err(MessageError::CSeqMethod);
    }
    headers.max_forwards()?;
    // RFC 3261 §20.17: GMT and nothing else.
    let in_gmt = headers.with_first(HeaderName::Date, |date| date.ends_with(b" GMT"));
    if in_gmt == Some(false) {
        return Err(HeaderError::Malformed(HeaderName::Date).into());
    }
    if !headers.has(HeaderName::Contact) {
        return Ok(false);
    }
    // Nearly always one line with one value, which needs no list.
    if headers.count(HeaderName::Contact) == 1 {
        let single = headers.with_first(HeaderName::Contact, |line| {
            memchr::memchr(b',', &line).is_none() && NameAddrPart::read(line).is_ok()
        });
        if single == Some(true) {
            return Ok(true);
        }
    }
    if !headers.at_most(HeaderName::Contact, limits.contacts_max) {
        return Err(MessageError::TooManyValues(HeaderName::Contact));
    }
    headers.contacts()?;
    Ok(false)
}

fn body(
    headers: &Headers,
    at: usize,
    limits: &Limits,
    rule: BodyRule,
) -> Result<Bytes, MessageError> {
    let available = headers.bytes().len() - at;
    let length = match (rule, headers.content_length()?) {
        (BodyRule::Framed, _) | (BodyRule::Datagram, None) => available,
        (BodyRule::Datagram, Some(length)) if length as usize > available => {
            return Err(MessageError::BodyShort);
        }
        (BodyRule::Datagram, Some(length)) => length as usize,
    };
    if length > limits.body_max {
        return Err(MessageError::BodyTooLarge);
    }
    Ok(headers.bytes().slice(at..at + length))
}

/// What can be said of a message whose frame is broken.
pub(crate) fn unframed(bytes: Bytes, error: MessageError, limits: &Limits) -> ParseOutcome {
    let mut headers = Headers::over(bytes.clone());
    if let Some(lines) = Lines::of(&bytes)
        && let Some(first) = lines.end(0)
    {
        // Whatever ends the scan, the lines before it are indexed.
        _ = scan(&mut headers.index, &lines, first + lines.terminator, limits, BodyRule::Framed);
    }
    refuse(error, headers)
}

/// Responses and ACKs are never answered; another request is, when its top Via says where to.
fn refuse(error: MessageError, headers: Headers) -> ParseOutcome {
    let response = headers.bytes().len() >= 4 && headers.bytes()[..4].eq_ignore_ascii_case(b"SIP/");
    let ack = headers.bytes().starts_with(b"ACK ")
        || headers.first(HeaderName::CSeq).is_some_and(|cseq| cseq.ends_with(b" ACK"));
    let top = headers.first(HeaderName::Via);
    match top.and_then(|line| readable_via(&line)) {
        Some(via) if !response && !ack => {
            ParseOutcome::Malformed(Box::new(Malformed { error, via, headers }))
        }
        Some(_) | None => ParseOutcome::Drop(error),
    }
}

/// The top Via, or what is sound of it: transport and sent-by, and the branch where one can be made out.
fn readable_via(line: &Bytes) -> Option<Via> {
    let end = text::find_outside(line, 0, b',').ok().flatten().unwrap_or(line.len());
    if let Ok(via) = Via::parse(&line.slice(..end)) {
        return Some(via);
    }
    let semi = memchr::memchr(b';', line)?;
    let mut via = Via::parse(&line.slice(..semi)).ok()?;
    let branch = line[semi..].split(|b| matches!(b, b';' | b',')).find_map(|piece| {
        let (start, end) = text::trim(piece, 0, piece.len());
        piece[start..end].strip_prefix(b"branch=").filter(|b| text::is_token(b))
    });
    if let Some(branch) = branch {
        via.params.set("branch", std::str::from_utf8(branch).ok());
    }
    Some(via)
}
