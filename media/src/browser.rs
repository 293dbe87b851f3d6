//! The secure half of a browser's leg: ICE, DTLS and SRTP (RFC 8445, RFC 5764) by `str0m`, which owns no socket and no clock.
//!
//! The worker hands datagrams and moments in and takes datagrams and RTP packets out; what a packet means, and where it goes,
//! is the packet path's as for every other leg.

use crate::leg::Browsing;
use arrayvec::ArrayVec;
use media_proto::rtp::{Datagram, HEADER_BYTES, Header, Packet};
use media_proto::sdp::{LocalBrowser, RemoteBrowser, Setup};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::crypto::dtls::DtlsCert;
use str0m::crypto::{CryptoProvider, Fingerprint};
use str0m::format::{Codec as StrCodec, FormatParams};
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::stats::PeerStats;
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc, RtcConfig};

/// Sources a party may speak from in one call: a page that changes its microphone may begin a new one.
const SOURCES_MAX: usize = 8;
/// How often loss and round trip are told.
const STATISTICS: Duration = Duration::from_secs(5);

/// What every browser's leg of a worker shares: one certificate, made at the start.
pub(crate) struct Identity {
    provider: Arc<CryptoProvider>,
    certificate: Option<DtlsCert>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let provider = str0m::crypto::from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate();
        Self { provider: Arc::new(provider), certificate }
    }
}

/// What came out.
pub(crate) enum Outcome {
    /// A datagram to send.
    Send(str0m::net::Transmit),
    /// A packet was decrypted to the beginning of the buffer; its length.
    Packet(usize),
    /// How it goes.
    Statistics(Box<PeerStats>),
    /// Nothing until later.
    Idle,
    /// The leg cannot go on: a certificate that is not the promised one, a broken handshake.
    Failed(String),
}

/// ICE, DTLS and SRTP of one leg.
pub(crate) struct Browser {
    rtc: Rtc,
    /// Our address as the browser knows it.
    local: SocketAddr,
    ssrc: u32,
    mid: Mid,
    /// Set once their description was taken.
    remote: Option<RemoteBrowser>,
    /// ICE found the way and the handshake is over.
    connected: bool,
    /// The handshake broke: nothing comes or goes any more.
    lost: bool,
    sources: ArrayVec<u32, SOURCES_MAX>,
    /// Sequence number of the last packet sent, with its turns.
    sequence: Option<u64>,
    /// When to look again at the latest.
    next: Instant,
}

impl fmt::Debug for Browser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Browser {{ local: {}, connected: {} }}", self.local, self.connected)
    }
}

impl Browser {
    /// A leg that has said nothing yet.
    pub(crate) fn new(
        now: Instant,
        identity: &Identity,
        (local, ssrc): (SocketAddr, u32),
        browsing: Browsing,
    ) -> Result<Box<Self>, String> {
        let mut config = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&identity.provider))
            .clear_codecs()
            .enable_pcma(true, false)
            .enable_pcmu(true, false)
            .enable_comfort_noise(true)
            .set_stats_interval(Some(STATISTICS))
            .set_rtp_mode(true);
        if let Some(certificate) = &identity.certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        if let Some(events) = browsing.telephone_event {
            let (rate, format) = (Frequency::EIGHT_KHZ, FormatParams::default());
            config.codec_config().add_config(
                events.into(),
                None,
                StrCodec::Tele,
                rate,
                None,
                format,
            );
        }
        let mut rtc = config.build(now);
        let candidate = Candidate::host(local, Protocol::Udp).map_err(|e| e.to_string())?;
        rtc.add_local_candidate(candidate);
        let mid = Mid::from("0");
        Ok(Box::new(Self {
            rtc,
            local,
            ssrc,
            mid,
            remote: None,
            connected: false,
            lost: false,
            sources: ArrayVec::new(),
            sequence: None,
            next: now,
        }))
    }

    /// What our description says of it.
    pub(crate) fn said(&mut self, cname: &[u8]) -> LocalBrowser {
        let candidate = Candidate::host(self.local, Protocol::Udp).ok();
        let line = candidate.map(|c| c.to_sdp_string());
        let direct = self.rtc.direct_api();
        let IceCreds { ufrag, pass } = direct.local_ice_credentials();
        LocalBrowser {
            ufrag,
            password: pass,
            fingerprint: direct.local_dtls_fingerprint().to_string(),
            candidates: line
                .map(|l| {
                    l.trim().trim_start_matches("a=").trim_start_matches("candidate:").to_owned()
                })
                .into_iter()
                .collect(),
            ssrc: self.ssrc,
            cname: String::from_utf8_lossy(cname).into_owned(),
        }
    }

    /// Their description was taken: looks for the way to them, and shakes hands. A later one may bring more candidates.
    pub(crate) fn agree(&mut self, theirs: &RemoteBrowser, we_offered: bool) -> Result<(), String> {
        for line in &theirs.candidates {
            // A name that only their network knows (RFC 8828) says nothing here: they will find us.
            if let Ok(candidate) = Candidate::from_sdp_string(&format!("candidate:{line}")) {
                self.rtc.add_remote_candidate(candidate);
            }
        }
        if self.remote.is_some() {
            return Ok(());
        }
        let mut direct = self.rtc.direct_api();
        direct.set_ice_controlling(we_offered);
        direct.set_remote_ice_credentials(IceCreds {
            ufrag: theirs.ufrag.clone(),
            pass: theirs.password.clone(),
        });
        direct.set_remote_fingerprint(Fingerprint {
            hash_func: theirs.hash.clone(),
            bytes: theirs.fingerprint.clone(),
        });
        direct.start_dtls(theirs.setup == Setup::Active).map_err(|e| e.to_string())?;
        direct.declare_media(self.mid, MediaKind::Audio);
        direct.declare_stream_tx(Ssrc::from(self.ssrc), None, self.mid, None);
        self.remote = Some(theirs.clone());
        Ok(())
    }

    /// A datagram came. False: it is none of this leg's.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<bool, String> {
        if self.lost {
            return Ok(false);
        }
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, bytes) else {
            return Ok(false);
        };
        let input = Input::Receive(now, receive);
        // Anything else than a check of ICE's is heard from where ICE found the way only (RFC 8842 §5.2, E01).
        if !self.rtc.accepts(&input) {
            return Ok(false);
        }
        self.expect(bytes);
        self.rtc.handle_input(input).map_err(|e| e.to_string())?;
        self.next = now;
        Ok(true)
    }

    /// A source speaks for the first time: whether it may, its key decides.
    fn expect(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        if Datagram::of(bytes) != Datagram::Rtp {
            return;
        }
        if self.remote.is_none() || !self.connected || self.sources.contains(&packet.ssrc) {
            return;
        }
        if self.sources.try_push(packet.ssrc).is_ok() {
            self.rtc.direct_api().expect_stream_rx(Ssrc::from(packet.ssrc), None, self.mid, None);
        }
    }

    /// When to look again at the latest.
    pub(crate) fn next(&self) -> Option<Instant> {
        (!self.lost).then_some(self.next)
    }

    /// Something may have to be done.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        !self.lost && self.next <= now
    }

    /// Ends it without a word.
    pub(crate) fn lose(&mut self) {
        (self.lost, self.connected) = (true, false);
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), String> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|e| e.to_string())
    }

    /// Says good-bye; it leaves on the next turn.
    pub(crate) fn close(&mut self) {
        let _ = self.rtc.close();
    }

    /// An RTP packet of ours; it leaves on the next turn. False while there is no way to the browser.
    pub(crate) fn send(&mut self, now: Instant, packet: &[u8]) -> bool {
        if !self.connected {
            return false;
        }
        let Ok(Packet { sequence, timestamp, marker, payload_type, payload, .. }) =
            Packet::parse(packet)
        else {
            return false;
        };
        let number = extended(self.sequence, sequence);
        self.sequence = Some(number);
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx(&Ssrc::from(self.ssrc)) else { return false };
        let write =
            RtpWrite::new(payload_type.into(), number.into(), timestamp, now, &packet[payload]);
        stream.write_rtp(write.marker(marker));
        self.next = now;
        true
    }

    /// The next thing that came out.
    pub(crate) fn poll(&mut self, buffer: &mut [u8]) -> Outcome {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.next = at;
                    return Outcome::Idle;
                }
                Ok(Output::Transmit(datagram)) => return Outcome::Send(datagram),
                Ok(Output::Event(Event::Connected)) => self.connected = true,
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    if let Some(length) = plain(&packet, buffer) {
                        return Outcome::Packet(length);
                    }
                }
                Ok(Output::Event(Event::PeerStats(statistics))) => {
                    return Outcome::Statistics(Box::new(statistics));
                }
                // Silence is noticed where every leg's is.
                Ok(Output::Event(_)) => {}
                Err(error) => return Outcome::Failed(error.to_string()),
            }
        }
    }
}

/// A decrypted packet as one of plain RTP, without extensions.
fn plain(packet: &RtpPacket, buffer: &mut [u8]) -> Option<usize> {
    let length = HEADER_BYTES + packet.payload.len();
    let out = buffer.get_mut(..length)?;
    let header = Header {
        marker: packet.header.marker,
        sequence: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        ssrc: *packet.header.ssrc,
    };
    out[..HEADER_BYTES].copy_from_slice(&header.to_bytes(*packet.header.payload_type));
    out[HEADER_BYTES..].copy_from_slice(&packet.payload);
    Some(length)
}

/// The number with its turns that is nearest to the last one (RFC 3711 §3.3.1).
fn extended(last: Option<u64>, sequence: u16) -> u64 {
    let Some(last) = last else { return u64::from(sequence) };
    let step = sequence.wrapping_sub(last as u16) as i16;
    last.saturating_add_signed(i64::from(step))
}
