//! Request-URI, From, To and Contact: checked when a message is read, taken apart when somebody asks.

use super::{Headers, StartLine};
use crate::{
    header_name::HeaderName,
    headers::HeaderError,
    text::{self, Text},
    uri::{NameAddr, NameAddrPart, Uri},
};
use std::sync::OnceLock;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Party {
    name: HeaderName,
    tag: Tag,
    address: OnceLock<NameAddr>,
}

/// The tag is what every message is matched by, so it is found without the rest.
#[derive(Clone, Copy, Debug)]
enum Tag {
    None,
    /// There in the buffer.
    At(u32, u32),
    /// The value goes over several lines or is not all text: the address knows.
    Inside,
}

impl Party {
    pub(super) fn read(headers: &Headers, name: HeaderName) -> Result<Self, HeaderError> {
        let plain = headers.is_plain(name);
        let tag = headers.required(name, |value| {
            let tag = NameAddrPart::read(value)?.tag();
            Ok(match tag.filter(|tag| !tag.is_empty()) {
                None => Tag::None,
                Some(tag) if plain => {
                    let (start, end) = tag.place();
                    Tag::At(start as u32, end as u32)
                }
                Some(_) => Tag::Inside,
            })
        })?;
        Ok(Self { name, tag, address: OnceLock::new() })
    }

    pub(super) fn address(&self, headers: &Headers) -> &NameAddr {
        self.address.get_or_init(|| headers.checked(self.name))
    }

    pub(super) fn tag<'a>(&'a self, headers: &'a Headers) -> Option<&'a str> {
        match self.tag {
            Tag::None => None,
            Tag::At(start, end) => headers.buffer.text(start as usize, end as usize),
            Tag::Inside => self.address(headers).tag(),
        }
    }
}

impl Headers {
    /// The Request-URI, which was checked when the message was read: what stands between the method and the version.
    pub(super) fn request_uri(&self, start: &StartLine) -> Uri {
        let StartLine::Request { method } = start else { return Uri::Other(Text::EMPTY) };
        let from = method.as_str().len() + 1;
        let line_end = text::find(self.bytes(), b'\n').unwrap_or(self.bytes().len());
        let to = self.bytes()[..line_end].iter().rposition(|b| *b == b' ').unwrap_or(from);
        let uri = Uri::parse_span(self.buffer.span().range(from, to));
        uri.expect("read without fault once, and unchanged since")
    }

    /// An address that was checked when the message was read.
    pub(super) fn checked(&self, name: HeaderName) -> NameAddr {
        let address = self.with_first(name, NameAddr::parse_span);
        address.and_then(Result::ok).expect("read without fault once, and unchanged since")
    }
}
