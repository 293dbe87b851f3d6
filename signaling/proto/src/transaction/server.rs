//! Server transactions: recognising repeated requests, and sending responses the way back.

use super::key::ServerKey;
use super::layer::{TableFull, TransactionLayer, transmit_id};
use super::wire::{ContactOf, Writer};
use super::{Expired, Repeated, ServerInvite, ServerKeyParts, ServerNonInvite, Token};
use crate::endpoint::{
    Body, DialogId, HeaderLine, Path, Source, Target, TimeoutReason, TransactionId, TransmitId,
};
use crate::headers::CSeq;
use crate::{HeaderName, Message, Method, StatusCode, Text, Transport, Via};
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Instant;

/// One request of a peer.
#[derive(Debug)]
pub(super) struct Server {
    machine: Machine,
    key: ServerKey,
    merge: Option<ServerKey>,
    /// Until it is finally answered.
    frame: Option<Frame>,
    path: Path,
    /// Where a response goes when its connection is gone (RFC 3261 §18.2.2).
    fallback: Option<SocketAddr>,
    last: Option<Bytes>,
    /// The dialog it belongs to.
    dialog: Option<DialogId>,
    armed: Option<Instant>,
}

impl Server {
    /// Keeps a response to be sent again. After a final one only that is needed of the request, and half a minute is
    /// long: as little as can be stays in memory.
    fn keep(&mut self, response: &Bytes, is_final: bool) {
        if is_final {
            self.frame = None;
            self.last = Some(Bytes::copy_from_slice(response));
        } else {
            self.last = Some(response.clone());
        }
    }

    /// Whoever is only asked to come back with credentials leaves nothing behind: a repeated request is asked anew
    /// (RFC 3261 §8.2.7). An INVITE must stay until its ACK.
    fn is_challenge(&self, status: u16) -> bool {
        matches!(self.machine, Machine::NonInvite(_)) && matches!(status, 401 | 407)
    }
}

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    NonInvite(ServerNonInvite),
}

impl Machine {
    /// It waits for its answer, or made a call: another copy must not make a second one.
    fn is_ongoing(&self) -> bool {
        match self {
            Self::Invite(machine) => !machine.is_refused(),
            Self::NonInvite(machine) => machine.is_pending(),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.poll_timeout().map(|(at, _)| at),
            Self::NonInvite(machine) => machine.poll_timeout().map(|(at, _)| at),
        }
    }
}

/// What every response to one request has in common (RFC 3261 §8.2.6.2). The values lie in the request's buffer.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The topmost, with what we noted in it.
    via: Via,
    /// The others.
    vias: Vec<Bytes>,
    from: Bytes,
    call_id: Text,
    cseq: CSeq,
    /// RFC 3261 §8.2.6.1.
    timestamp: Option<Bytes>,
    to: Bytes,
    to_has_tag: bool,
    record_routes: Vec<Bytes>,
    transport: Transport,
}

/// Where responses go, and where when that way is gone (RFC 3261 §18.2.2).
fn way_back(request: &Message, source: &Source) -> (Path, Option<SocketAddr>) {
    let sent_by = SocketAddr::new(source.remote.ip(), request.via().effective_port());
    let mut path = source.reply_path();
    if source.transport == Transport::Udp
        && !request.via().wants_rport()
        && let Path::Flow { remote, .. } = &mut path
    {
        *remote = sent_by;
    }
    (path, source.transport.is_reliable().then_some(sent_by))
}

/// What is particular to one response.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) phrase: Option<&'a str>,
    /// Our tag, where the request had none.
    pub(crate) tag: Option<Token>,
    /// It makes or keeps a dialog: Record-Route is copied, Contact added.
    pub(crate) in_dialog: bool,
    /// Contact value instead of our advertised address.
    pub(crate) contact: Option<&'a str>,
    /// Further header lines, each with its line end.
    pub(crate) lines: &'a str,
    pub(crate) headers: &'a [HeaderLine],
    pub(crate) body: Option<&'a Body>,
}

impl Answer<'_> {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

impl Frame {
    fn new(request: &Message, transport: Transport) -> Self {
        let value = |name| request.first(name).unwrap_or_default();
        Self {
            via: request.via().clone(),
            vias: request.elements(HeaderName::Via).skip(1).collect(),
            from: value(HeaderName::From),
            call_id: request.call_id().clone(),
            cseq: request.cseq().clone(),
            timestamp: request.first(HeaderName::Timestamp),
            to: value(HeaderName::To),
            to_has_tag: request.to_tag().is_some(),
            record_routes: request.lines(HeaderName::RecordRoute).collect(),
            transport,
        }
    }

    /// Via, From, Call-ID and CSeq lines.
    fn write_head(&self, out: &mut Writer) {
        out.line("Via", &self.via);
        for via in &self.vias {
            out.raw_line("Via", via);
        }
        out.raw_line("From", &self.from);
        out.raw_line("Call-ID", self.call_id.as_bytes());
        out.line("CSeq", &self.cseq);
        if let Some(timestamp) = &self.timestamp {
            out.raw_line("Timestamp", timestamp);
        }
    }

    /// The whole response.
    pub(crate) fn write(&self, layer: &TransactionLayer, answer: &Answer<'_>) -> Bytes {
        let mut out = Writer::new(answer.body);
        let phrase = answer.phrase.unwrap_or_else(|| {
            StatusCode::new(answer.status).map_or("Failure", StatusCode::reason_phrase)
        });
        out.fmt(format_args!("SIP/2.0 {} {phrase}\r\n", answer.status));
        self.write_head(&mut out);
        out.text("To: ");
        out.bytes(&self.to);
        match answer.tag {
            Some(tag) if !self.to_has_tag && answer.status > 100 => {
                out.fmt(format_args!(";tag={tag}\r\n"));
            }
            Some(_) | None => out.text("\r\n"),
        }
        if answer.in_dialog {
            for route in &self.record_routes {
                out.raw_line("Record-Route", route);
            }
            match answer.contact {
                Some(contact) => out.line("Contact", contact),
                None => out.line(
                    "Contact",
                    ContactOf { config: &layer.config, transport: self.transport },
                ),
            }
        }
        out.text(answer.lines);
        out.headers(answer.headers);
        if !layer.config.user_agent.is_empty() && answer.status > 100 {
            out.line("Server", &layer.config.user_agent);
        }
        out.finish(answer.body)
    }
}

/// What a request is to the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Handled here: a repetition, or the ACK to a refusal.
    Handled,
    /// Another copy of a request in progress (482).
    Merged,
    /// Nothing is known of it.
    New,
}

impl TransactionLayer {
    /// Sorts a request: repetition, ACK to a refusal, merged copy, or new.
    pub(crate) fn sort_request(&mut self, now: Instant, request: &Message) -> Known {
        let parts = ServerKeyParts::of(request);
        let found = self.server_keys.get(&parts.key(&self.digester)).copied();
        let merged = found.is_none()
            && request.to_tag().is_none()
            && !matches!(request.method(), Method::Ack | Method::Cancel)
            && self
                .merges
                .get(&parts.merge_key(&self.digester))
                .and_then(|id| self.servers.get(id))
                .is_some_and(|server| server.machine.is_ongoing());
        match found {
            Some(id) => self.repeated(now, id, request),
            None if merged => Known::Merged,
            None => Known::New,
        }
    }

    fn repeated(&mut self, now: Instant, id: TransactionId, request: &Message) -> Known {
        let Some(server) = self.servers.get_mut(&id) else { return Known::New };
        let repeated = match (&mut server.machine, *request.method() == Method::Ack) {
            (Machine::Invite(machine), true) => match machine.handle_ack(now) {
                // The ACK to a 2xx has a branch of its own; some peers reuse the INVITE's.
                Repeated::Absorb if !machine.is_refused() => return Known::New,
                acked @ (Repeated::Absorb | Repeated::Acknowledged | Repeated::Resend) => acked,
            },
            (Machine::Invite(machine), false) => machine.handle_repeated(),
            (Machine::NonInvite(machine), _) => machine.handle_repeated(),
        };
        match repeated {
            Repeated::Resend => {
                if let Some(bytes) = server.last.clone() {
                    let path = server.path.clone();
                    self.transmit(transmit_id(id, 0), path, bytes);
                }
            }
            Repeated::Acknowledged => self.arm_server(id),
            Repeated::Absorb => {}
        }
        Known::Handled
    }

    /// The INVITE a CANCEL is for: same branch and sender.
    pub(crate) fn cancelled_by(&mut self, request: &Message) -> Option<TransactionId> {
        let parts = ServerKeyParts { method: "INVITE", ..ServerKeyParts::of(request) };
        self.server_keys.get(&parts.key(&self.digester)).copied()
    }

    /// Begins a server transaction.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        request: &Message,
        source: &Source,
        dialog: Option<DialogId>,
    ) -> Result<TransactionId, TableFull> {
        if !self.has_room(request.to_tag().is_some() || *request.method() == Method::Cancel) {
            self.counters.refused_full += 1;
            return Err(TableFull);
        }
        let id = TransactionId(self.mint());
        let reliable = source.transport.is_reliable();
        let machine = if *request.method() == Method::Invite {
            Machine::Invite(ServerInvite::new(self.config.timing, reliable))
        } else {
            Machine::NonInvite(ServerNonInvite::new(now, self.config.timing, reliable))
        };
        let parts = ServerKeyParts::of(request);
        let key = parts.key(&self.digester);
        self.server_keys.insert(key, id);
        let merge = request.to_tag().is_none().then(|| parts.merge_key(&self.digester));
        if let Some(merge) = merge {
            self.merges.insert(merge, id);
        }
        let (path, fallback) = way_back(request, source);
        let server = Server {
            machine,
            key,
            merge,
            frame: Some(Frame::new(request, source.transport)),
            path,
            fallback,
            last: None,
            dialog,
            armed: None,
        };
        self.servers.insert(id, Box::new(server));
        self.arm_server(id);
        Ok(id)
    }

    /// Sends a response. `None`: the transaction is gone or was finally answered before.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        answer: &Answer<'_>,
    ) -> Option<Bytes> {
        let server = self.servers.get_mut(&id)?;
        let open = match &mut server.machine {
            Machine::Invite(machine) => machine.handle_send(now, answer.status),
            Machine::NonInvite(machine) => machine.handle_send(now, answer.status),
        };
        if !open {
            return None;
        }
        let server = self.servers.get(&id)?;
        let bytes = server.frame.as_ref()?.write(self, answer);
        let path = server.path.clone();
        self.transmit(transmit_id(id, 0), path, bytes.clone());
        if let Some(server) = self.servers.get_mut(&id) {
            if server.is_challenge(answer.status) {
                self.remove_server(id);
                return Some(bytes);
            }
            server.keep(&bytes, answer.status >= 200);
        }
        self.arm_server(id);
        Some(bytes)
    }

    /// Answers without keeping anything: refusals under load and of what cannot be served.
    pub(crate) fn respond_stateless(
        &mut self,
        request: &Message,
        source: &Source,
        answer: &Answer<'_>,
    ) {
        let frame = Frame::new(request, source.transport);
        let tag = self.token();
        let bytes = frame.write(self, &Answer { tag: Some(tag), ..*answer });
        let (path, _) = way_back(request, source);
        self.transmit(TransmitId(0), path, bytes);
    }

    /// Sends the last response once more (a 2xx or reliable 18x the dialog repeats).
    pub(crate) fn resend_response(&mut self, id: TransactionId) {
        let Some(server) = self.servers.get(&id) else { return };
        if let Some(bytes) = server.last.clone() {
            let path = server.path.clone();
            self.transmit(transmit_id(id, 0), path, bytes);
        }
    }

    /// The dialog a server transaction belongs to.
    pub(crate) fn dialog_of(&self, id: TransactionId) -> Option<DialogId> {
        self.servers.get(&id)?.dialog
    }

    pub(super) fn server_transmit_failed(&mut self, id: TransactionId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let (Some(fallback), Some(bytes)) = (server.fallback.take(), server.last.clone()) else {
            return;
        };
        let target =
            Target { transport: server.path.transport(), address: fallback, server_name: None };
        server.path = Path::Address(target);
        let path = server.path.clone();
        self.transmit(transmit_id(id, 1), path, bytes);
    }

    fn arm_server(&mut self, id: TransactionId) {
        if let Some(server) = self.servers.get_mut(&id) {
            let at = server.machine.poll_timeout();
            self.timers.set(TimeoutReason::Server(id), &mut server.armed, at);
        }
    }

    /// Lets due timers of a server transaction fire.
    pub(crate) fn handle_server_timeout(&mut self, now: Instant, id: TransactionId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.armed = None;
        let expired = match &mut server.machine {
            Machine::Invite(machine) => machine.handle_timeout(now),
            Machine::NonInvite(machine) => machine.handle_timeout(now),
        };
        match expired {
            Expired::Resend => {
                if let Some(bytes) = server.last.clone() {
                    let path = server.path.clone();
                    self.transmit(transmit_id(id, 0), path, bytes);
                }
                self.arm_server(id);
            }
            Expired::TimedOut | Expired::Over => self.remove_server(id),
            Expired::Nothing => self.arm_server(id),
        }
    }

    fn remove_server(&mut self, id: TransactionId) {
        let Some(mut server) = self.servers.remove(&id) else { return };
        self.server_keys.remove(&server.key);
        if let Some(merge) = &server.merge
            && self.merges.get(merge) == Some(&id)
        {
            self.merges.remove(merge);
        }
        self.timers.set(TimeoutReason::Server(id), &mut server.armed, None);
    }
}
