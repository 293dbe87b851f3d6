//! Cutting a TCP or TLS stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1, A07).
//!
//! One buffer for each connection, never larger than one head, one body and one read. After every `push`, `poll` until
//! it gives `None`. WebSocket frames hold one message each and need no framer.

use crate::message::{
    self, BodyRule, Limits, Lines, Malformed, Message, MessageError, ParseOutcome,
};
use bytes::{Buf, Bytes, BytesMut};

/// What came out of a stream.
#[derive(Clone, Debug)]
pub enum Framed {
    /// A sound message.
    Message(Message),
    /// A request to be refused; the stream goes on.
    Refused(Box<Malformed>),
    /// Bytes that are no message and get no answer; the stream goes on.
    Dropped(MessageError),
    /// A keep-alive that wants a single CRLF back.
    Ping,
    /// The answer to our own keep-alive.
    Pong,
    /// Nobody can say where the next message begins: answer if there is something to answer, then close. Nothing
    /// follows.
    Close {
        /// The request that broke the frame, when it can be answered.
        refused: Option<Box<Malformed>>,
        /// What broke it.
        error: MessageError,
    },
}

/// The framer of one connection.
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    buffer: BytesMut,
    /// Bytes known not to hold the end of the head.
    seen: usize,
    /// The length of the message at the front, once known.
    total: Option<usize>,
    /// One CRLF has come; a second makes it a ping.
    half_ping: bool,
    closed: bool,
}

impl StreamFramer {
    /// An empty stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            seen: 0,
            total: None,
            half_ping: false,
            closed: false,
        }
    }

    /// What was read from the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Bytes waiting for the rest of their message. A connection that stays above zero for long is stalled.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next thing in the stream, if it is there as a whole.
    pub fn poll(&mut self) -> Option<Framed> {
        if self.closed {
            return None;
        }
        if self.total.is_none() {
            if let Some(keep_alive) = self.keep_alive() {
                return Some(keep_alive);
            }
            match self.frame() {
                Ok(total) => self.total = Some(total?),
                Err(error) => return Some(self.close(error)),
            }
        }
        let total = self.total.filter(|total| self.buffer.len() >= *total)?;
        let message = self.buffer.split_to(total).freeze();
        (self.total, self.seen) = (None, 0);
        Some(match message::parse(message, &self.limits, BodyRule::Framed) {
            ParseOutcome::Ok(message) => Framed::Message(message),
            ParseOutcome::Malformed(malformed) => Framed::Refused(malformed),
            ParseOutcome::Drop(error) => Framed::Dropped(error),
        })
    }

    /// CRLFs between messages: two are a ping, one is a pong, and before a message they mean nothing more.
    fn keep_alive(&mut self) -> Option<Framed> {
        if !self.buffer.starts_with(b"\r\n") {
            self.half_ping &= self.buffer.is_empty() || *self.buffer == *b"\r";
            return None;
        }
        let whole = self.buffer.starts_with(b"\r\n\r\n");
        self.buffer.advance(if whole { 4 } else { 2 });
        let ping = whole || self.half_ping;
        self.half_ping = !ping;
        Some(if ping { Framed::Ping } else { Framed::Pong })
    }

    /// The length of the message at the front; `None` while its head is incomplete.
    fn frame(&mut self) -> Result<Option<usize>, MessageError> {
        let line_ends = matches!(self.buffer.first(), Some(b'\n'))
            || (self.buffer.len() > 1 && self.buffer[0] == b'\r');
        if line_ends {
            return Err(MessageError::StartLine);
        }
        let head_end = Lines::of(&self.buffer).and_then(|lines| lines.head_end(self.seen));
        match head_end {
            Some(end) if end > self.limits.head_max => Err(MessageError::HeadTooLarge),
            Some(end) => message::framed_length(&self.buffer, end, &self.limits).map(Some),
            None if self.buffer.len() > self.limits.head_max => Err(MessageError::HeadTooLarge),
            None => {
                self.seen = self.buffer.len();
                Ok(None)
            }
        }
    }

    fn close(&mut self, error: MessageError) -> Framed {
        self.closed = true;
        let rest: Bytes = std::mem::take(&mut self.buffer).freeze();
        let refused = match message::unframed(rest, error, &self.limits) {
            ParseOutcome::Malformed(malformed) => Some(malformed),
            ParseOutcome::Ok(_) | ParseOutcome::Drop(_) => None,
        };
        Framed::Close { refused, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(call_id: &str, length: &str, body: &str) -> String {
        format!(
            "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call_id}\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n{length}\r\n{body}"
        )
    }

    /// Everything that comes out, as short words: a message's Call-ID, `400`, `close 400`, `ping`.
    fn run(chunks: &[&[u8]]) -> Vec<String> {
        let mut framer = StreamFramer::new(Limits::DEFAULT);
        let mut out = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(framed) = framer.poll() {
                out.push(match framed {
                    Framed::Message(m) => format!("{}+{}", m.call_id(), m.body().len()),
                    Framed::Refused(m) => m.status().to_string(),
                    Framed::Dropped(_) => "dropped".into(),
                    Framed::Ping => "ping".into(),
                    Framed::Pong => "pong".into(),
                    Framed::Close { refused: Some(m), .. } => format!("close {}", m.status()),
                    Framed::Close { refused: None, .. } => "close".into(),
                });
            }
        }
        out
    }

    /// A07: however the bytes are cut, the messages are the same.
    #[test]
    fn messages_come_out_whole_whatever_the_reads() {
        let stream = [
            invite("one", "Content-Length : 4\r\n", "v=0\n"),
            invite("two", "l: 0\r\n", ""),
            "\r\n".into(),
            invite("three", "Content-Length:\r\n  2\r\nL: 2\r\n", "ab"),
        ]
        .concat();
        let whole = run(&[stream.as_bytes()]);
        assert_eq!(whole, ["one+4", "two+0", "pong", "three+2"]);
        for size in [1, 2, 3, 7, 100] {
            let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            assert_eq!(run(&chunks), whole, "reads of {size}");
        }
    }

    /// A07: no length that is in doubt makes a ghost of the next message.
    #[test]
    fn doubtful_lengths_close_the_stream() {
        let ghost = invite("ghost", "l: 0\r\n", "");
        for bad in [
            "",
            "Content-Length: -1\r\n",
            "Content-Length: 4294967328\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 1\r\nl: 2\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 5 5\r\n",
            "Content-Length\u{a0}: 5\r\n",
            "Content-Length: 5\r\nX: a\nl: 9\r\n",
        ] {
            let stream = invite("bad", bad, &ghost);
            assert_eq!(run(&[stream.as_bytes()]), ["close 400"], "{bad:?}");
        }
    }

    #[test]
    fn a_body_too_large_is_refused_before_it_is_read() {
        assert_eq!(run(&[invite("x", "l: 40000\r\n", "").as_bytes()]), ["close 413"]);
    }

    /// A09: a head without end is cut off.
    #[test]
    fn a_head_without_end_is_cut_off() {
        let endless = invite("x", &"X: y\r\n".repeat(100), "").replace("\r\n\r\n", "\r\n");
        assert!(run(&[endless.as_bytes()]).is_empty());
        let more = format!("X: {}\r\n", "y".repeat(4000)).repeat(5);
        assert_eq!(run(&[endless.as_bytes(), more.as_bytes()]), ["close 513"]);
        assert_eq!(run(&[&[b'a'; 20_000]]), ["close"]);
    }

    #[test]
    fn a_short_body_waits_and_a_long_one_is_the_next_message() {
        let short = invite("short", "l: 10\r\n", "12345");
        assert!(run(&[short.as_bytes()]).is_empty());
        assert_eq!(run(&[short.as_bytes(), b"67890"]), ["short+10"]);
        let long = invite("long", "l: 2\r\n", "ab!!garbage\r\n\r\n");
        assert_eq!(run(&[long.as_bytes()]), ["long+2", "close"]);
    }

    #[test]
    fn a_request_refused_for_its_content_keeps_the_stream() {
        let twice = invite("a", "l: 0\r\ni: b\r\n", "");
        let next = invite("next", "l: 0\r\n", "");
        assert_eq!(run(&[twice.as_bytes(), next.as_bytes()]), ["400", "next+0"]);
    }

    /// RFC 5626 §3.5.1.
    #[test]
    fn two_line_ends_are_a_ping_and_one_is_a_pong() {
        assert_eq!(run(&[b"\r\n\r\n"]), ["ping"]);
        assert_eq!(run(&[b"\r\n"]), ["pong"]);
        assert_eq!(run(&[b"\r", b"\n", b"\r", b"\n"]), ["pong", "ping"]);
        assert_eq!(run(&[b"\r\n\r\n\r\n\r\n"]), ["ping", "ping"]);
        assert_eq!(run(&[b"\rX"]), ["close"]);
    }
}
