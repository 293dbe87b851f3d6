//! Session descriptions: offer and answer (RFC 3264, RFC 8866) for one audio stream.
//!
//! [`Negotiation`] is the state of one leg: what we are ready for, what was said last, what
//! is agreed. A leg is plain RTP or a browser's, for good. Lexing is `sdp-types`' work; meaning and bounds are ours. A refused offer or
//! answer leaves the former agreement untouched.

mod browser;
mod read;
mod write;

pub use browser::{LocalBrowser, RemoteBrowser, Setup};

use crate::Codec;
use arrayvec::ArrayVec;
use bytes::Bytes;
use read::{Description, Stream};
use std::net::{IpAddr, SocketAddr};

/// Longest description read.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Most media lines read.
pub const MEDIA_LINES_MAX: usize = 32;
/// Longest packet time taken, milliseconds (RFC 3551 §4.2: receivers take up to 200 ms).
pub const PTIME_MS_MAX: u8 = 200;
/// Payload type we offer for telephone events.
pub const TELEPHONE_EVENT_PAYLOAD_TYPE: u8 = 101;

/// Direction of a media stream, seen from us (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// Both ways.
    SendRecv,
    /// We only send.
    SendOnly,
    /// We only receive.
    RecvOnly,
    /// Nothing flows.
    Inactive,
}

impl MediaDirection {
    /// We may send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// We may receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream seen from the other end.
    pub fn seen_from_peer(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// As an SDP attribute.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// Why a description was refused. All but [`SdpError::NoPendingOffer`] are the peer's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`BODY_BYTES_MAX`].
    #[error("session description of {0} bytes is too long")]
    TooLong(usize),
    /// More than [`MEDIA_LINES_MAX`] media lines.
    #[error("{0} media lines are too many")]
    TooManyMedia(usize),
    /// Not a session description.
    #[error("malformed session description: {0}")]
    Malformed(String),
    /// No audio line with a port, or the peer refused it with port 0.
    #[error("no audio stream")]
    NoAudio,
    /// Audio, but under another transport than the leg's.
    #[error("unsupported transport profile")]
    UnsupportedProfile,
    /// Audio, but in no codec of ours.
    #[error("no shared codec")]
    NoSharedCodec,
    /// No usable `c=` line.
    #[error("no usable connection address")]
    NoAddress,
    /// An IPv6 peer on an IPv4 leg or the other way round.
    #[error("connection address of the other address family")]
    AddressFamily,
    /// `ptime` or `maxptime` of zero, or a `ptime` beyond [`PTIME_MS_MAX`].
    #[error("impossible packet time {0} ms")]
    PacketTime(u32),
    /// An answer whose media lines are not those of our offer (RFC 3264 §6).
    #[error("answer does not match the offer")]
    AnswerMismatch,
    /// An answer without an offer of ours.
    #[error("no offer is pending")]
    NoPendingOffer,
}

/// What we are ready for on a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Codecs, best first.
    pub codecs: ArrayVec<Codec, 2>,
    /// Telephone events.
    pub telephone_event: bool,
    /// Name our own payload type for them in answers too, whatever theirs is. They are then sent with each side's own
    /// (RFC 3264 §6.1); an answer that echoes theirs is understood by more.
    pub own_event_type: bool,
    /// Packet time we ask for.
    pub ptime_ms: u8,
    /// Address we write.
    pub address: IpAddr,
    /// RTP port we write; RTCP is the next one.
    pub port: u16,
    /// ICE and DTLS-SRTP of a browser's leg; `None` on a leg of plain RTP.
    pub browser: Option<Box<LocalBrowser>>,
}

/// Payload types of telephone events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTypes {
    /// In packets we send.
    pub send: u8,
    /// In packets we receive.
    pub receive: u8,
}

/// What both sides hold to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where our RTP goes; `None` while the peer holds by the zero address. On a browser's leg what its `c=` line says, which
    /// means nothing: ICE finds the way.
    pub remote: Option<SocketAddr>,
    /// Where our RTCP goes.
    pub remote_rtcp: Option<SocketAddr>,
    /// What we send.
    pub codec: Codec,
    /// Its payload type in packets we send.
    pub payload_type: u8,
    /// What the peer may send: payload type and codec.
    pub receive: ArrayVec<(u8, Codec), 4>,
    /// Telephone events, where both know them.
    pub telephone_event: Option<EventTypes>,
    /// Longest packet the peer takes, milliseconds.
    pub ptime_ms_max: u8,
    /// Seen from us.
    pub direction: MediaDirection,
    /// RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// ICE and DTLS of a browser's leg.
    pub browser: Option<Box<RemoteBrowser>>,
}

/// Result of taking an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Our answer.
    pub sdp: Bytes,
    /// What holds from now on.
    pub agreed: Agreed,
    /// What their offer said, as they wrote it; `SendOnly` or `Inactive` is a hold. The zero
    /// address counts as `SendOnly`.
    pub wanted: MediaDirection,
}

/// One media line of the session, in its place for ever (RFC 3264 §8).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// The audio stream we carry.
    Audio,
    /// A stream we refuse: the line to repeat, with port 0.
    Refused { kind: String, profile: String, format: String },
}

/// Offer/answer state of one leg.
#[derive(Clone, Debug)]
pub struct Negotiation {
    terms: Terms,
    session_id: u64,
    version: u64,
    /// Everything after `o=` of the last description sent, to raise the version only on change.
    said: Vec<u8>,
    lines: Vec<Line>,
    /// Transport profile of the audio line, as the peer wrote it.
    profile: &'static str,
    /// Payload types in use, kept over re-offers (RFC 3264 §8.3.2).
    mapping: ArrayVec<(u8, Codec), 2>,
    event_type: u8,
    /// What we want of the stream, once they took our offer of it.
    wish: MediaDirection,
    agreed: Option<Agreed>,
    /// What our pending offer asks for.
    offered: Option<MediaDirection>,
    /// Which side of the DTLS handshake we are, once an answer said so; it stays (RFC 8842 §5.5).
    setup: Setup,
    /// Name of the audio line, and whether it is bundled.
    mid: (String, bool),
}

impl Negotiation {
    /// A leg before its first offer. `session_id` goes into `o=`.
    pub fn new(terms: Terms, session_id: u64) -> Self {
        let mapping = terms.codecs.iter().map(|c| (c.static_payload_type(), *c)).collect();
        Self {
            session_id,
            version: session_id,
            said: Vec::new(),
            lines: vec![Line::Audio],
            profile: if terms.browser.is_some() { browser::PROFILES[0] } else { "RTP/AVP" },
            mid: ("0".to_owned(), true),
            setup: Setup::ActPass,
            mapping,
            event_type: TELEPHONE_EVENT_PAYLOAD_TYPE,
            wish: MediaDirection::SendRecv,
            agreed: None,
            offered: None,
            terms,
        }
    }

    /// What is agreed so far.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Makes an offer; the stream runs on as agreed before until it is answered.
    pub fn offer(&mut self, direction: MediaDirection) -> Bytes {
        self.offered = Some(direction);
        let codecs: ArrayVec<(u8, Codec), 2> = self.mapping.clone();
        let events = self.terms.telephone_event.then_some(self.event_type);
        let mux = self.agreed.as_ref().is_some_and(|a| a.rtcp_mux) || self.terms.browser.is_some();
        self.say(&codecs, events, direction, mux, Setup::ActPass)
    }

    /// Takes their offer and makes our answer. On error nothing has changed.
    pub fn answer(&mut self, offer: &[u8]) -> Result<Answer, SdpError> {
        let description = Description::parse(offer)?;
        let secure = self.terms.browser.is_some();
        let (index, stream) = description.first_audio(&self.terms.codecs, secure)?;
        let (payload_type, codec) =
            stream.best(&self.terms.codecs).ok_or(SdpError::NoSharedCodec)?;
        let remote = self.reachable(stream.address)?;
        let events = stream.telephone_event.filter(|_| self.terms.telephone_event);
        let zero_address = !secure && stream.address.is_some_and(|a| a.ip().is_unspecified());
        // Nothing can reach the zero address, whatever the direction says (RFC 3264 §8.4).
        let wanted = MediaDirection::of(
            stream.direction.sends(),
            stream.direction.receives() && !zero_address,
        );
        let direction = wanted.seen_from_peer().and(self.wish);
        self.lines = description.lines(index);
        self.profile = stream.profile;
        let browser = stream.browser.clone();
        if let Some(theirs) = &browser {
            self.setup =
                if self.setup == Setup::ActPass { theirs.setup.answer() } else { self.setup };
            self.mid = (theirs.mid.clone(), theirs.bundled);
        }
        let own = self.terms.own_event_type && payload_type != self.event_type;
        let ours = events.map(|theirs| if own { self.event_type } else { theirs });
        self.keep_mapping(payload_type, codec, ours);
        // A crossing offer of ours is void once we answer theirs (RFC 3261 §14.2 glare).
        self.offered = None;
        let agreed = Agreed {
            remote,
            remote_rtcp: stream.rtcp.filter(|_| remote.is_some()),
            codec,
            payload_type,
            receive: stream.receivable((payload_type, codec), &self.terms.codecs),
            telephone_event: events.zip(ours).map(|(send, receive)| EventTypes { send, receive }),
            ptime_ms_max: stream.ptime_ms_max,
            direction,
            rtcp_mux: stream.rtcp_mux || secure,
            browser: browser.map(|theirs| self.settled(*theirs)),
        };
        let sdp = self.say(&[(payload_type, codec)], ours, direction, agreed.rtcp_mux, self.setup);
        self.agreed = Some(agreed.clone());
        Ok(Answer { sdp, agreed, wanted })
    }

    /// Takes their answer to our last offer. On error the former agreement holds. A provisional
    /// answer may be followed by the final one (RFC 3261 §13.2.1): the offer stays pending until
    /// the next offer of either side, so this may be called again.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<Agreed, SdpError> {
        let offered = self.offered.ok_or(SdpError::NoPendingOffer)?;
        let description = Description::parse(answer)?;
        let position = self.lines.iter().position(|l| *l == Line::Audio).unwrap_or(0);
        if description.streams.len() != self.lines.len() {
            return Err(SdpError::AnswerMismatch);
        }
        let stream = &description.streams[position];
        let secure = self.terms.browser.is_some();
        stream.usable(secure)?;
        let browser = stream.browser.clone();
        if let Some(theirs) = &browser
            && self.setup == Setup::ActPass
        {
            self.setup = theirs.setup.answer();
        }
        let (payload_type, codec) =
            stream.first_of(&self.mapping).ok_or(SdpError::NoSharedCodec)?;
        let remote = self.reachable(stream.address)?;
        let events = stream.telephone_event.filter(|_| self.terms.telephone_event);
        let agreed = Agreed {
            remote,
            remote_rtcp: stream.rtcp.filter(|_| remote.is_some()),
            codec,
            payload_type,
            receive: self.mapping.iter().copied().collect(),
            telephone_event: events.map(|send| EventTypes { send, receive: self.event_type }),
            ptime_ms_max: stream.ptime_ms_max,
            direction: stream.direction.seen_from_peer().and(offered),
            rtcp_mux: secure
                || (stream.rtcp_mux && self.agreed.as_ref().is_some_and(|a| a.rtcp_mux)),
            browser: browser.map(|theirs| self.settled(*theirs)),
        };
        self.wish = offered;
        self.agreed = Some(agreed.clone());
        Ok(agreed)
    }

    fn say(
        &mut self,
        codecs: &[(u8, Codec)],
        events: Option<u8>,
        direction: MediaDirection,
        rtcp_mux: bool,
        setup: Setup,
    ) -> Bytes {
        let body = write::after_origin(write::Content {
            terms: &self.terms,
            setup,
            mid: (&self.mid.0, self.mid.1),
            lines: &self.lines,
            profile: self.profile,
            codecs,
            events,
            direction,
            rtcp_mux,
        });
        if !self.said.is_empty() && self.said != body {
            self.version += 1;
        }
        self.said = body;
        write::whole(self.session_id, self.version, self.terms.address, &self.said)
    }

    /// What they said, with the side of the handshake that is ours.
    fn settled(&self, theirs: RemoteBrowser) -> Box<RemoteBrowser> {
        Box::new(RemoteBrowser { setup: self.setup, ..theirs })
    }

    fn reachable(&self, address: Option<SocketAddr>) -> Result<Option<SocketAddr>, SdpError> {
        if self.terms.browser.is_some() {
            return Ok(Some(SocketAddr::new(self.terms.address, self.terms.port)));
        }
        let address = address.ok_or(SdpError::NoAddress)?;
        if address.ip().is_unspecified() {
            return Ok(None);
        }
        if address.ip().is_ipv4() != self.terms.address.is_ipv4() {
            return Err(SdpError::AddressFamily);
        }
        Ok(Some(address))
    }

    fn keep_mapping(&mut self, payload_type: u8, codec: Codec, events: Option<u8>) {
        if let Some(entry) = self.mapping.iter_mut().find(|(_, c)| *c == codec) {
            entry.0 = payload_type;
        }
        // The agreed codec leads in our next offer; a payload type must not mean two things.
        self.mapping.sort_by_key(|(_, c)| *c != codec);
        let taken = payload_type;
        self.mapping.retain(|(pt, c)| *c == codec || *pt != taken);
        if let Some(events) = events {
            self.event_type = events;
            self.mapping.retain(|(pt, _)| *pt != events);
        }
    }
}

/// A browser's offer: its telephone events, for a leg that has to know before it can answer. `None`: plain RTP, or nothing we
/// can read.
pub fn browser_offer(body: &[u8]) -> Option<BrowserOffer> {
    if !browser::is_named(body) {
        return None;
    }
    let description = Description::parse(body).ok()?;
    let stream = description.streams.iter().find(|s| s.usable(true).is_ok())?;
    let plain = description.streams.iter().any(|s| s.usable(false).is_ok());
    (!plain).then_some(BrowserOffer { telephone_event: stream.telephone_event })
}

/// Is this description of ours one for a browser?
pub fn is_for_browsers(ours: &[u8]) -> bool {
    browser::is_named(ours)
}

/// What of a browser's offer is needed before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserOffer {
    /// Payload type of telephone events.
    pub telephone_event: Option<u8>,
}

/// The connection address of a description, to find out which local address leads there.
pub fn peer_address(body: &[u8]) -> Option<IpAddr> {
    let description = Description::parse(body).ok()?;
    let usable = |s: &&Stream| s.usable(false).is_ok();
    let address = description.streams.iter().find(usable)?.address?.ip();
    (!address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests;
