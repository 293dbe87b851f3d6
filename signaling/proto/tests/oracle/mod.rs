//! What must hold of any bytes at all, shared by the property tests and the fuzz targets: another parser (rsip) that
//! accepts a message too must understand the same, and what we write reads back.

use bytes::Bytes;
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};
use signaling_proto::{
    HeaderName, Message, MessageBuilder, StatusCode, Uri,
    framer::{Framed, StreamFramer},
    message::Limits,
    text::is_token,
    uri::Host,
};
use std::fmt::Debug;

/// Says what differs.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, theirs: T, ours: T) -> Result<(), String> {
    if theirs == ours { Ok(()) } else { Err(format!("{what}: {theirs:?} is not {ours:?}")) }
}

/// Whatever rsip accepts too means the same.
pub(crate) fn agrees_with_rsip(ours: &Message, bytes: &[u8]) -> Result<(), String> {
    // It panics on some input.
    let theirs = std::panic::catch_unwind(|| {
        let theirs = rsip::SipMessage::try_from(bytes).ok()?;
        let cseq = theirs.cseq_header().ok().and_then(|h| h.clone().typed().ok());
        let from = theirs.from_header().ok().and_then(|h| h.clone().typed().ok());
        let to = theirs.to_header().ok().and_then(|h| h.clone().typed().ok());
        let via = theirs.via_header().ok().and_then(|h| h.clone().typed().ok());
        Some((theirs, cseq, from, to, via))
    });
    let Ok(Some((theirs, cseq, from, to, via))) = theirs else { return Ok(()) };
    start_lines_agree(&theirs, ours)?;
    if let Ok(id) = theirs.call_id_header() {
        same("call-id", id.value().trim(), ours.call_id().as_str())?;
    }
    if let Some(cseq) = cseq {
        let ours = ours.cseq();
        same("cseq", (cseq.seq, cseq.method.to_string()), (ours.seq, ours.method.to_string()))?;
    }
    // rsip silently leaves out or cuts short parameters it cannot read (white space before `;tag`, values that are no
    // token), takes a list of Vias for one and knows no upper-case compact names, so only what it did find in a single
    // value says anything.
    let found = |what: &str, theirs: Option<&str>, ours: &str| {
        let agree = !is_token(ours.as_bytes()) || theirs.is_none_or(|v| v.is_empty() || v == ours);
        if agree { Ok(()) } else { Err(format!("{what}: {theirs:?} is not {ours:?}")) }
    };
    if let Some(from) = from {
        found("from tag", from.tag().map(|t| t.value()), ours.from_tag())?;
    }
    if let Some(to) = to {
        found("to tag", to.tag().map(|t| t.value()), ours.to_tag().unwrap_or_default())?;
    }
    let single_via = ours.count(HeaderName::Via) == 1
        && ours.first(HeaderName::Via).is_some_and(|line| !line.contains(&b','));
    if let Some(via) = via.filter(|_| single_via) {
        found("branch", via.branch().map(|b| b.value()), ours.via().branch())?;
    }
    Ok(())
}

fn start_lines_agree(theirs: &rsip::SipMessage, ours: &Message) -> Result<(), String> {
    match (theirs, ours.request_uri()) {
        (rsip::SipMessage::Request(request), Some(uri)) => {
            same("method", request.method.to_string(), ours.method().to_string())?;
            let host = request.uri.host_with_port.host.to_string();
            // It takes an escaped user part for a host name.
            if let Uri::Sip(uri) = uri
                && !host.contains('@')
            {
                same("host", &Host::from(host.as_str()), &uri.host)?;
                same("user", request.uri.user(), uri.user.as_deref())?;
            }
            Ok(())
        }
        (rsip::SipMessage::Response(response), None) => {
            same("status", Some(response.status_code.code()), ours.status().map(StatusCode::code))
        }
        (rsip::SipMessage::Request(_), None) | (rsip::SipMessage::Response(_), Some(_)) => {
            Err(format!("one sees a request, one a response: {theirs:?}"))
        }
    }
}

/// A sound message can be sent on unchanged, cut out of a stream, and answered.
pub(crate) fn survives_the_next_hop(message: &Message) -> Result<(), String> {
    let again = message.to_builder().build().map_err(|e| format!("not sent on: {e}"))?;
    same_message(&again, message)?;
    let mut framer = StreamFramer::new(Limits::DEFAULT);
    framer.push(again.bytes());
    match framer.poll() {
        Some(Framed::Message(framed)) => same_message(&framed, message)?,
        other => return Err(format!("on a stream: {other:?}")),
    }
    if framer.pending() > 0 || framer.poll().is_some() {
        return Err("something is left in the stream".into());
    }
    if !message.is_request() {
        return Ok(());
    }
    let mut asked = message.clone();
    asked.note_source(([192, 0, 2, 1], 5060).into());
    let answer = MessageBuilder::response_to(&asked, StatusCode::OK).to_tag("t").build();
    let answer = answer.map_err(|e| format!("no answer: {e}"))?;
    same("vias of the answer", answer.vias(), asked.vias())?;
    same("from of the answer", answer.from(), asked.from())?;
    same("call-id of the answer", answer.call_id(), asked.call_id())?;
    same("cseq of the answer", answer.cseq(), asked.cseq())?;
    same("to tag of the answer", answer.to_tag(), asked.to_tag().or(Some("t")))
}

fn same_message(again: &Message, message: &Message) -> Result<(), String> {
    same("start line", again.start(), message.start())?;
    same("vias", again.vias(), message.vias())?;
    same("from", again.from(), message.from())?;
    same("to", again.to(), message.to())?;
    same("cseq", again.cseq(), message.cseq())?;
    same("call-id", again.call_id(), message.call_id())?;
    same("contacts", again.contacts(), message.contacts())?;
    same("routes", again.routes(), message.routes())?;
    same("body", again.body(), message.body())
}

/// What a stream comes to, however it is cut. How many line ends stand between messages may be told as one ping or two
/// pongs, and what else had been read when the stream broke differs with the cuts; all else must be equal.
pub(crate) fn frames<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut framer = StreamFramer::new(Limits::DEFAULT);
    let mut out = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(framed) = framer.poll() {
            match framed {
                Framed::Message(message) => out.push(format!("{message:?}")),
                Framed::Refused(malformed) => out.push(format!("refused {}", malformed.error)),
                Framed::Dropped(error) => out.push(format!("dropped {error}")),
                Framed::Ping | Framed::Pong => {}
                Framed::Close { .. } => out.push("close".into()),
            }
        }
    }
    out
}

/// Everything a peer can make us read of a message that is sound.
pub(crate) fn touch(message: &Message) {
    _ = (message.vias(), message.contacts(), message.routes(), message.record_routes());
    _ = (message.path(), message.service_route(), message.p_asserted_identity());
    _ = (message.remote_party_id(), message.diversion(), message.rack(), message.rseq());
    _ = (message.expires(), message.min_expires(), message.session_expires(), message.min_se());
    _ = (message.reasons(), message.retry_after(), message.refer_to(), message.referred_by());
    _ = (message.replaces(), message.content_type(), message.event(), message.sdp());
    _ = (message.require().count(), message.supported().count(), message.allow().count());
    _ = (message.max_forwards(), message.content_length(), message.iter().count());
    if let Ok(contacts) = message.contacts()
        && let Some(contact) = contacts.first()
    {
        _ = (contact.q_thousandths(), contact.expires(), contact.to_string());
        _ = contact.sip_uri().map(|uri| (uri.header_pairs(), uri.socket_addr()));
    }
}

/// A message sound in itself but refused or dropped gets at most one head and nothing behind it.
pub(crate) fn refusal_is_one_head(answer: &Bytes) -> Result<(), String> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("no head")?;
    same("length of the answer", head + 4, answer.len())
}
