//! Bytes of the requests we send: one buffer, written once.

use super::Token;
use super::key::MAGIC_COOKIE;
use crate::endpoint::{Advertised, Body, EndpointConfig, HeaderLine};
use crate::{Method, Text, Transport};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::{self, Write};

/// Which Contact a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ContactLine {
    /// None.
    #[default]
    Absent,
    /// Our advertised address on the transport used.
    Advertised,
    /// As given.
    Given(String),
}

/// A request of ours, ready to be written for any transport.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) request_uri: String,
    /// Route values in order.
    pub(crate) routes: Vec<String>,
    /// With our tag.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: Text,
    pub(crate) cseq: u32,
    pub(crate) max_forwards: u8,
    pub(crate) contact: ContactLine,
    /// Further header lines, each with its line end.
    pub(crate) lines: String,
    /// Header lines of the application.
    pub(crate) headers: Vec<HeaderLine>,
    /// Authorization lines, replaced by each retry.
    pub(crate) credentials: Vec<HeaderLine>,
    pub(crate) body: Option<Body>,
    /// The name a certificate must carry where the next hop is a bare address.
    pub(crate) server_name: Option<Box<str>>,
}

impl Outgoing {
    /// The whole message.
    pub(crate) fn write(
        &self,
        config: &EndpointConfig,
        transport: Transport,
        branch: Token,
    ) -> Bytes {
        let mut out = Writer::new(self.body.as_ref());
        self.head(&mut out, config, transport, branch, &self.method, &self.to);
        out.line("Max-Forwards", self.max_forwards);
        match &self.contact {
            ContactLine::Absent => {}
            ContactLine::Advertised => {
                out.line("Contact", ContactOf { config, transport });
            }
            ContactLine::Given(value) => out.line("Contact", Clean(value)),
        }
        out.text(&self.lines);
        out.headers(&self.headers);
        out.headers(&self.credentials);
        if !config.user_agent.is_empty() {
            out.line("User-Agent", &config.user_agent);
        }
        out.finish(self.body.as_ref())
    }

    /// The ACK to a non-2xx final response (RFC 3261 §17.1.1.3): same branch, their To.
    pub(crate) fn write_ack(
        &self,
        config: &EndpointConfig,
        transport: Transport,
        branch: Token,
        to: &str,
    ) -> Bytes {
        let mut out = Writer::new(None);
        self.head(&mut out, config, transport, branch, &Method::Ack, to);
        out.line("Max-Forwards", 70);
        out.finish(None)
    }

    fn head(
        &self,
        out: &mut Writer,
        config: &EndpointConfig,
        transport: Transport,
        branch: Token,
        method: &Method,
        to: &str,
    ) {
        let by = advertised(config, transport);
        out.fmt(format_args!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {}:{};branch={MAGIC_COOKIE}{branch};rport\r\n",
            self.request_uri,
            transport.as_str(),
            by.host,
            by.port
        ));
        for route in &self.routes {
            out.line("Route", route);
        }
        out.line("From", Clean(&self.from));
        out.line("To", Clean(to));
        out.line("Call-ID", &self.call_id);
        out.fmt(format_args!("CSeq: {} {method}\r\n", self.cseq));
    }
}

/// Our name on a transport.
pub(crate) fn advertised(config: &EndpointConfig, transport: Transport) -> &Advertised {
    match transport {
        Transport::Udp => &config.advertised.udp,
        Transport::Tcp => &config.advertised.tcp,
        Transport::Tls => &config.advertised.tls,
        Transport::Ws => &config.advertised.ws,
        Transport::Wss => &config.advertised.wss,
    }
}

/// Our Contact value on a transport.
pub(crate) struct ContactOf<'a> {
    pub(crate) config: &'a EndpointConfig,
    pub(crate) transport: Transport,
}

impl fmt::Display for ContactOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = advertised(self.config, self.transport);
        write!(f, "<sip:{}:{}", by.host, by.port)?;
        match self.transport {
            Transport::Udp => f.write_str(">"),
            // RFC 7118 §5.2: the URI parameter knows only `ws`.
            Transport::Ws | Transport::Wss => f.write_str(";transport=ws>"),
            Transport::Tcp | Transport::Tls => {
                write!(f, ";transport={}>", self.transport.uri_param())
            }
        }
    }
}

/// A value that cannot begin another header line.
struct Clean<'a>(&'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.bytes().any(|b| b.is_ascii_control()) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|c| f.write_char(if c.is_ascii_control() { ' ' } else { c }))
    }
}

/// Writes the lines of one message.
pub(crate) struct Writer(BytesMut);

impl Writer {
    pub(crate) fn new(body: Option<&Body>) -> Self {
        Self(BytesMut::with_capacity(1024 + body.map_or(0, |body| body.bytes.len())))
    }

    pub(crate) fn fmt(&mut self, arguments: fmt::Arguments<'_>) {
        let written = self.0.write_fmt(arguments);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.0.put_slice(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    /// A value as it came.
    pub(crate) fn raw_line(&mut self, name: &str, value: &[u8]) {
        self.text(name);
        self.text(": ");
        self.bytes(value);
        self.text("\r\n");
    }

    pub(crate) fn line(&mut self, name: &str, value: impl fmt::Display) {
        self.text(name);
        self.fmt(format_args!(": {value}\r\n"));
    }

    pub(crate) fn headers(&mut self, headers: &[HeaderLine]) {
        for header in headers {
            self.fmt(format_args!("{}: {}\r\n", Clean(&header.name), Clean(&header.value)));
        }
    }

    pub(crate) fn finish(mut self, body: Option<&Body>) -> Bytes {
        match body {
            Some(body) => {
                self.line("Content-Type", Clean(&body.content_type));
                self.line("Content-Length", body.bytes.len());
                self.text("\r\n");
                self.0.put_slice(&body.bytes);
            }
            None => self.text("Content-Length: 0\r\n\r\n"),
        }
        self.0.freeze()
    }
}
