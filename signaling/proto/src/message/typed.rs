//! Typed access to the headers, read when asked.

use super::{Headers, MessageError};
use crate::{
    header_name::HeaderName,
    headers::{
        ContentType, HeaderError, RAck, Reason, Replaces, RetryAfter, SessionExpires,
        number_and_params,
    },
    method::Method,
    text::{self, Text},
    uri::NameAddr,
};
use bytes::Bytes;

/// The Contact values of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`, which in a REGISTER with `Expires: 0` removes every binding.
    Star,
    /// Addresses; empty when there is no Contact.
    List(Vec<NameAddr>),
}

impl Contacts {
    /// The first address.
    pub fn first(&self) -> Option<&NameAddr> {
        match self {
            Self::List(list) => list.first(),
            Self::Star => None,
        }
    }
}

impl Headers {
    /// Contact.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        let mut lines = self.lines(HeaderName::Contact);
        if lines.next().is_some_and(|line| *line == *b"*") {
            return match lines.next() {
                None => Ok(Contacts::Star),
                Some(_) => Err(HeaderError::Malformed(HeaderName::Contact)),
            };
        }
        self.every(HeaderName::Contact, NameAddr::parse).map(Contacts::List)
    }

    /// The first Contact: a dialog's remote target.
    pub fn contact(&self) -> Result<Option<NameAddr>, HeaderError> {
        Ok(match self.contacts()? {
            Contacts::List(list) => list.into_iter().next(),
            Contacts::Star => None,
        })
    }

    /// Route, topmost first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::Route, NameAddr::parse)
    }

    /// Record-Route, topmost first.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::RecordRoute, NameAddr::parse)
    }

    /// Path (RFC 3327), topmost first.
    pub fn path(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::Path, NameAddr::parse)
    }

    /// Service-Route (RFC 3608), topmost first.
    pub fn service_route(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::ServiceRoute, NameAddr::parse)
    }

    /// P-Asserted-Identity (RFC 3325).
    pub fn p_asserted_identity(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::PAssertedIdentity, NameAddr::parse)
    }

    /// Remote-Party-ID.
    pub fn remote_party_id(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::RemotePartyId, NameAddr::parse)
    }

    /// Diversion (RFC 5806), latest first.
    pub fn diversion(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.every(HeaderName::Diversion, NameAddr::parse)
    }

    /// Max-Forwards, 0 to 255 (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let name = HeaderName::MaxForwards;
        self.with_first(name, |v| text::exact_u32(&v).and_then(|n| u8::try_from(n).ok()))
            .map(|hops| hops.ok_or(HeaderError::Malformed(name)))
            .transpose()
    }

    /// Content-Length. Several are fine while they agree.
    pub fn content_length(&self) -> Result<Option<u32>, MessageError> {
        let mut length = None;
        if !self.has(HeaderName::ContentLength) {
            return Ok(None);
        }
        let lines = self.index.fields.iter().filter(|f| f.name == HeaderName::ContentLength);
        for line in lines {
            let value = self.with(line, |value| text::exact_u32(&value));
            let value = value.ok_or(MessageError::ContentLength)?;
            if length.replace(value).is_some_and(|earlier| earlier != value) {
                return Err(MessageError::ContentLength);
            }
        }
        Ok(length)
    }

    /// Expires; too large becomes `u32::MAX`, anything unreadable is as if missing (RFC 3261 §20.19).
    pub fn expires(&self) -> Option<u32> {
        self.first(HeaderName::Expires).and_then(|v| text::saturating_u32(&v))
    }

    /// Min-Expires.
    pub fn min_expires(&self) -> Option<u32> {
        self.first(HeaderName::MinExpires).and_then(|v| text::saturating_u32(&v))
    }

    /// Session-Expires (RFC 4028).
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.optional(HeaderName::SessionExpires, SessionExpires::parse)
    }

    /// Min-SE (RFC 4028), in seconds.
    pub fn min_se(&self) -> Option<u32> {
        self.first(HeaderName::MinSe).and_then(|v| number_and_params(&v)).map(|(n, _)| n)
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = Text> {
        self.tokens(HeaderName::Require)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = Text> {
        self.tokens(HeaderName::Supported)
    }

    /// Does the sender support this option, or even require it?
    pub fn supports(&self, option: &str) -> bool {
        self.has_token(HeaderName::Supported, option) || self.requires(option)
    }

    /// Does the sender require this option?
    pub fn requires(&self, option: &str) -> bool {
        self.has_token(HeaderName::Require, option)
    }

    /// The methods of Allow.
    pub fn allow(&self) -> impl Iterator<Item = Method> {
        self.tokens(HeaderName::Allow).map(|name| Method::from_name(&name))
    }

    /// Is the method in Allow?
    pub fn allows(&self, method: &Method) -> bool {
        self.tokens(HeaderName::Allow).any(|name| name == *method.as_str())
    }

    /// RAck (RFC 3262).
    pub fn rack(&self) -> Result<Option<RAck>, HeaderError> {
        self.optional(HeaderName::RAck, RAck::parse)
    }

    /// RSeq (RFC 3262).
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.optional(HeaderName::RSeq, |v| text::exact_u32(v))
    }

    /// Every Reason (RFC 3326) that can be read.
    pub fn reasons(&self) -> Vec<Reason> {
        self.elements(HeaderName::Reason).filter_map(|v| Reason::parse(&v)).collect()
    }

    /// The first readable Reason.
    pub fn reason(&self) -> Option<Reason> {
        self.elements(HeaderName::Reason).find_map(|v| Reason::parse(&v))
    }

    /// Retry-After.
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.first(HeaderName::RetryAfter).and_then(|v| RetryAfter::parse(&v))
    }

    /// Refer-To (RFC 3515).
    pub fn refer_to(&self) -> Result<Option<NameAddr>, HeaderError> {
        self.address(HeaderName::ReferTo)
    }

    /// Referred-By (RFC 3892).
    pub fn referred_by(&self) -> Result<Option<NameAddr>, HeaderError> {
        self.address(HeaderName::ReferredBy)
    }

    /// Replaces (RFC 3891).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        self.optional(HeaderName::Replaces, Replaces::parse)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        self.optional(HeaderName::ContentType, ContentType::parse)
    }

    /// User-Agent of a request, Server of a response.
    pub fn user_agent(&self) -> Option<Text> {
        self.text(HeaderName::UserAgent).or_else(|| self.text(HeaderName::Server))
    }

    /// Event: the package's name and the `id` parameter.
    pub fn event(&self) -> Option<(Text, Option<Text>)> {
        let value = self.first(HeaderName::Event)?;
        let semi = memchr::memchr(b';', &value).unwrap_or(value.len());
        let package = text::trimmed(&value.slice(..semi));
        let params = crate::uri::Params::parse(&value.slice(semi..)).ok()?;
        text::is_token(&package).then(|| (Text::from_wire(package), params.text("id")))
    }

    /// Subject.
    pub fn subject(&self) -> Option<Text> {
        self.text(HeaderName::Subject)
    }

    fn address(&self, name: HeaderName) -> Result<Option<NameAddr>, HeaderError> {
        let read = |v: Bytes| {
            NameAddr::parse(&v).map_err(|source| HeaderError::Address { header: name, source })
        };
        self.first(name).map(read).transpose()
    }
}
