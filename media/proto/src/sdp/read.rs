//! What a peer's description says, bounded and checked.

use super::{
    BODY_BYTES_MAX, Line, MEDIA_LINES_MAX, MediaDirection, PTIME_MS_MAX, RemoteBrowser, SdpError,
    browser,
};
use crate::Codec;
use arrayvec::ArrayVec;
use sdp_types::{Attribute, Connection, Media, Session};
use std::net::{IpAddr, SocketAddr};

/// Formats of one media line that are looked at; the rest is ignored.
const FORMATS_MAX: usize = 32;
/// Longest media name, profile or format taken.
const TOKEN_BYTES_MAX: usize = 64;
/// Assumed where the peer names no `maxptime`.
const PTIME_MS_MAX_DEFAULT: u8 = 60;

/// A peer's description.
pub(super) struct Description {
    /// One per media line.
    pub(super) streams: Vec<Stream>,
}

/// One media line.
pub(super) struct Stream {
    kind: String,
    raw_profile: String,
    first_format: String,
    port: u16,
    /// `RTP/AVP`, `RTP/AVPF` or a browser's; empty for what we do not speak.
    pub(super) profile: &'static str,
    /// RTP address, `None` without a usable `c=`.
    pub(super) address: Option<SocketAddr>,
    /// RTCP address.
    pub(super) rtcp: Option<SocketAddr>,
    codecs: ArrayVec<(u8, Codec), FORMATS_MAX>,
    /// Payload type of telephone events.
    pub(super) telephone_event: Option<u8>,
    /// Longest packet they take.
    pub(super) ptime_ms_max: u8,
    /// As they wrote it.
    pub(super) direction: MediaDirection,
    /// RFC 5761.
    pub(super) rtcp_mux: bool,
    /// ICE and DTLS of a browser's line.
    pub(super) browser: Option<Box<RemoteBrowser>>,
}

impl Description {
    pub(super) fn parse(body: &[u8]) -> Result<Self, SdpError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(SdpError::TooLong(body.len()));
        }
        // Counted before parsing: the lexer allocates per line.
        let media_lines = body.split(|b| *b == b'\n').filter(|l| l.starts_with(b"m=")).count();
        if media_lines > MEDIA_LINES_MAX {
            return Err(SdpError::TooManyMedia(media_lines));
        }
        let session = Session::parse(body).map_err(|e| SdpError::Malformed(e.to_string()))?;
        let streams =
            session.medias.iter().map(|m| Stream::read(&session, m)).collect::<Result<_, _>>()?;
        Ok(Self { streams })
    }

    /// The first audio line in a codec of ours, and its place.
    pub(super) fn first_audio(
        &self,
        codecs: &[Codec],
        secure: bool,
    ) -> Result<(usize, &Stream), SdpError> {
        let mut refusal = SdpError::NoAudio;
        for (index, stream) in self.streams.iter().enumerate() {
            match stream.usable(secure) {
                Ok(()) if stream.best(codecs).is_some() => return Ok((index, stream)),
                Ok(()) => refusal = SdpError::NoSharedCodec,
                Err(error) if refusal == SdpError::NoAudio => refusal = error,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// The lines of our answer: the chosen one, and refusals.
    pub(super) fn lines(&self, chosen: usize) -> Vec<Line> {
        let refused = |stream: &Stream| Line::Refused {
            kind: stream.kind.clone(),
            profile: stream.raw_profile.clone(),
            format: stream.first_format.clone(),
        };
        let line = |(i, s)| if i == chosen { Line::Audio } else { refused(s) };
        self.streams.iter().enumerate().map(line).collect()
    }
}

impl Stream {
    fn read(session: &Session, media: &Media) -> Result<Self, SdpError> {
        let first_format = media.fmt.split_ascii_whitespace().next().unwrap_or("0");
        for token in [media.media.as_str(), media.proto.as_str(), first_format] {
            if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
                return Err(SdpError::Malformed("media line with an impossible field".into()));
            }
        }
        let connection = media.connections.first().or(session.connection.as_ref());
        let ip = connection.and_then(unicast);
        let (codecs, telephone_event) = formats(media);
        let value = |name: &str| attribute(media, session, name).and_then(|a| a.value.as_deref());
        let ptime = packet_time(value("ptime"))?;
        let max = packet_time(value("maxptime"))?;
        if let Some(ptime) = ptime.filter(|p| *p > u32::from(PTIME_MS_MAX)) {
            return Err(SdpError::PacketTime(ptime));
        }
        let secure = browser::profile(&media.proto);
        let live = media.port != 0 && media.media.eq_ignore_ascii_case("audio");
        let browser = secure.filter(|_| live).and_then(|_| browser::read(session, media).ok());
        let longest = max.unwrap_or(u32::from(PTIME_MS_MAX_DEFAULT)).max(ptime.unwrap_or(0));
        Ok(Self {
            kind: media.media.clone(),
            raw_profile: media.proto.clone(),
            first_format: first_format.to_owned(),
            port: media.port,
            profile: match media.proto.as_str() {
                "RTP/AVP" => "RTP/AVP",
                "RTP/AVPF" => "RTP/AVPF",
                _ => secure.filter(|_| browser.is_some()).unwrap_or_default(),
            },
            address: ip.map(|ip| SocketAddr::new(ip, media.port)),
            rtcp: rtcp_address(media, ip),
            codecs,
            telephone_event,
            ptime_ms_max: longest.clamp(20, u32::from(PTIME_MS_MAX)) as u8,
            direction: direction(media, session),
            rtcp_mux: media.attributes.iter().any(|a| a.attribute == "rtcp-mux"),
            browser: browser.map(Box::new),
        })
    }

    /// An audio line that was not refused, over plain RTP or under DTLS-SRTP as asked for.
    pub(super) fn usable(&self, secure: bool) -> Result<(), SdpError> {
        if !self.kind.eq_ignore_ascii_case("audio") || self.port == 0 {
            return Err(SdpError::NoAudio);
        }
        if self.profile.is_empty() || self.browser.is_some() != secure {
            return Err(SdpError::UnsupportedProfile);
        }
        Ok(())
    }

    /// Their first format that is among `codecs`: the offerer's order decides (RFC 3264 §6.1),
    /// ours only says what is allowed.
    pub(super) fn best(&self, codecs: &[Codec]) -> Option<(u8, Codec)> {
        self.codecs.iter().copied().find(|(_, codec)| codecs.contains(codec))
    }

    /// What they may send: what we chose, and what else they offered of what we allow. Many a
    /// phone goes on with its own favourite whatever the answer said.
    pub(super) fn receivable(
        &self,
        chosen: (u8, Codec),
        codecs: &[Codec],
    ) -> ArrayVec<(u8, Codec), 4> {
        let others = self.codecs.iter().filter(|c| **c != chosen && codecs.contains(&c.1));
        std::iter::once(&chosen).chain(others).copied().take(4).collect()
    }

    /// Their first format of those we offered, with the payload type they want to receive.
    pub(super) fn first_of(&self, offered: &[(u8, Codec)]) -> Option<(u8, Codec)> {
        let known = |codec: Codec| offered.iter().any(|(_, c)| *c == codec);
        self.codecs.iter().copied().find(|(_, codec)| known(*codec))
    }
}

/// Payload types of our codecs, in their order, and of telephone events.
fn formats(media: &Media) -> (ArrayVec<(u8, Codec), FORMATS_MAX>, Option<u8>) {
    let (mut codecs, mut telephone_event) = (ArrayVec::new(), None);
    for format in media.fmt.split_ascii_whitespace().take(FORMATS_MAX) {
        let Some(payload_type) = format.parse::<u8>().ok().filter(|pt| *pt < 128) else { continue };
        let named = rtp_map(media, payload_type);
        let (name, clock_rate) = match named {
            Some(map) => map,
            None if payload_type == Codec::Pcmu.static_payload_type() => ("PCMU", "8000"),
            None if payload_type == Codec::Pcma.static_payload_type() => ("PCMA", "8000"),
            None => continue,
        };
        if clock_rate != "8000" {
            continue;
        }
        let codec = match name {
            n if n.eq_ignore_ascii_case("PCMA") => Codec::Pcma,
            n if n.eq_ignore_ascii_case("PCMU") => Codec::Pcmu,
            n if n.eq_ignore_ascii_case("telephone-event") => {
                telephone_event = telephone_event.or(Some(payload_type));
                continue;
            }
            _ => continue,
        };
        codecs.push((payload_type, codec));
    }
    (codecs, telephone_event)
}

/// Encoding name and clock rate of a payload type; only one channel counts.
fn rtp_map(media: &Media, payload_type: u8) -> Option<(&str, &str)> {
    let values = media.attributes.iter().filter(|a| a.attribute == "rtpmap");
    values.filter_map(|a| a.value.as_deref()).find_map(|value| {
        let (number, encoding) = value.trim().split_once(' ')?;
        if number.parse::<u8>() != Ok(payload_type) {
            return None;
        }
        let mut parts = encoding.trim().split('/');
        let (name, clock_rate) = (parts.next()?, parts.next()?);
        matches!(parts.next(), None | Some("1" | "")).then_some((name, clock_rate))
    })
}

fn attribute<'a>(media: &'a Media, session: &'a Session, name: &str) -> Option<&'a Attribute> {
    media.attributes.iter().chain(&session.attributes).find(|a| a.attribute == name)
}

/// Milliseconds; text that is no number is as if absent, zero is refused.
fn packet_time(value: Option<&str>) -> Result<Option<u32>, SdpError> {
    let whole = value.and_then(|v| v.trim().split('.').next()).and_then(|v| v.parse::<u32>().ok());
    match whole {
        Some(0) => Err(SdpError::PacketTime(0)),
        other => Ok(other),
    }
}

fn direction(media: &Media, session: &Session) -> MediaDirection {
    let known = |a: &Attribute| match a.attribute.as_str() {
        "sendrecv" => Some(MediaDirection::SendRecv),
        "sendonly" => Some(MediaDirection::SendOnly),
        "recvonly" => Some(MediaDirection::RecvOnly),
        "inactive" => Some(MediaDirection::Inactive),
        _ => None,
    };
    let mut attributes = media.attributes.iter().chain(&session.attributes);
    attributes.find_map(known).unwrap_or(MediaDirection::SendRecv)
}

/// `a=rtcp:port [IN IP4 address]` (RFC 3605), else the port after RTP's.
fn rtcp_address(media: &Media, ip: Option<IpAddr>) -> Option<SocketAddr> {
    let ip = ip?;
    if media.attributes.iter().any(|a| a.attribute == "rtcp-mux") {
        return Some(SocketAddr::new(ip, media.port));
    }
    let named = media.attributes.iter().find(|a| a.attribute == "rtcp");
    if let Some(value) = named.and_then(|a| a.value.as_deref()) {
        let mut parts = value.split_ascii_whitespace();
        let port = parts.next()?.parse().ok()?;
        let own = parts.nth(2).and_then(|a| a.parse::<IpAddr>().ok());
        let own = own.filter(|a| a.is_ipv4() == ip.is_ipv4() && !a.is_multicast());
        return Some(SocketAddr::new(own.unwrap_or(ip), port));
    }
    Some(SocketAddr::new(ip, media.port.checked_add(1)?))
}

/// An address media can be sent to, or the zero address of an old-style hold.
fn unicast(connection: &Connection) -> Option<IpAddr> {
    let text = connection.connection_address.split('/').next()?;
    let ip = text.parse::<IpAddr>().ok()?;
    let ip = match ip {
        // `::ffff:a.b.c.d` is that IPv4 host (RFC 4291 §2.5.5.2).
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    (!ip.is_multicast() && !broadcast).then_some(ip)
}
