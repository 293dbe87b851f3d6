//! Header field names: the ones we read have an identity, whatever their spelling on the wire.

use std::fmt;

macro_rules! header_names {
    ($($variant:ident $name:literal $($short:literal)?),+ $(,)?) => {
        /// A header field name. Case and compact form (RFC 3261 §7.3.3) do not matter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $name, "`.")]
            $variant,)+
            /// A name this crate has no identity for; look it up by its text.
            Other,
        }

        impl HeaderName {
            /// The name as we write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other => "",
                }
            }

            /// Every known name.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// How many there are, [`Self::Other`] included.
            pub(crate) const COUNT: usize = Self::ALL.len() + 1;

            const fn compact(self) -> Option<u8> {
                match self {
                    $($(Self::$variant => Some($short),)?)+
                    _ => None,
                }
            }
        }
    };
}

header_names! {
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info",
    Allow "Allow",
    AllowEvents "Allow-Events" b'u',
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallId "Call-ID" b'i',
    CallInfo "Call-Info",
    Contact "Contact" b'm',
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" b'e',
    ContentLanguage "Content-Language",
    ContentLength "Content-Length" b'l',
    ContentType "Content-Type" b'c',
    CSeq "CSeq",
    Date "Date",
    Diversion "Diversion",
    ErrorInfo "Error-Info",
    Event "Event" b'o',
    Expires "Expires",
    FlowTimer "Flow-Timer",
    From "From" b'f',
    HistoryInfo "History-Info",
    Identity "Identity" b'y',
    InReplyTo "In-Reply-To",
    Join "Join",
    MaxForwards "Max-Forwards",
    MimeVersion "MIME-Version",
    MinExpires "Min-Expires",
    MinSe "Min-SE",
    Organization "Organization",
    PAccessNetworkInfo "P-Access-Network-Info",
    PAssertedIdentity "P-Asserted-Identity",
    PAssociatedUri "P-Associated-URI",
    PPreferredIdentity "P-Preferred-Identity",
    Path "Path",
    Priority "Priority",
    Privacy "Privacy",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    RAck "RAck",
    Reason "Reason",
    RecordRoute "Record-Route",
    ReferSub "Refer-Sub",
    ReferTo "Refer-To" b'r',
    ReferredBy "Referred-By" b'b',
    RemotePartyId "Remote-Party-ID",
    Replaces "Replaces",
    ReplyTo "Reply-To",
    RequestDisposition "Request-Disposition" b'd',
    Require "Require",
    RetryAfter "Retry-After",
    Route "Route",
    RSeq "RSeq",
    Server "Server",
    ServiceRoute "Service-Route",
    SessionExpires "Session-Expires" b'x',
    SipEtag "SIP-ETag",
    SipIfMatch "SIP-If-Match",
    Subject "Subject" b's',
    SubscriptionState "Subscription-State",
    Supported "Supported" b'k',
    Timestamp "Timestamp",
    To "To" b't',
    Unsupported "Unsupported",
    UserAgent "User-Agent",
    Via "Via" b'v',
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

const COUNT: usize = HeaderName::ALL.len();
const LONGEST: usize = 24;

/// A name in lower case, as its first, next and last eight bytes: names of one length are compared by these. They may
/// overlap; what a short name leaves over is zero.
type Folded = [u64; LONGEST / 8];

/// Known names ordered by length and first letter, and where each pair of these begins: a look-up compares only the few
/// names that share both.
static BY_START: ([(Folded, HeaderName); COUNT], [u8; STARTS + 1]) = by_start();

/// Pairs of a length below [`LONGEST`] and a letter.
const STARTS: usize = LONGEST * LETTERS;
const LETTERS: usize = 26;

/// Compact forms by letter.
static COMPACT: [HeaderName; 26] = compact_forms();

const fn by_start() -> ([(Folded, HeaderName); COUNT], [u8; STARTS + 1]) {
    let mut ordered = [([0; LONGEST / 8], HeaderName::Other); COUNT];
    let mut starts = [0u8; STARTS + 1];
    let mut filled = 0;
    let mut start = 0;
    while start < STARTS {
        starts[start] = filled as u8;
        let mut i = 0;
        while i < COUNT {
            let name = HeaderName::ALL[i].as_str().as_bytes();
            let letter = (name[0].to_ascii_lowercase() - b'a') as usize;
            if name.len() * LETTERS + letter == start {
                ordered[filled] = (folded(name), HeaderName::ALL[i]);
                filled += 1;
            }
            i += 1;
        }
        start += 1;
    }
    starts[STARTS] = filled as u8;
    (ordered, starts)
}

/// Capitals become small letters: they have the bit 0x40, and small ones 0x20 besides. No other byte becomes a letter or
/// `-` by it.
const fn folded(name: &[u8]) -> Folded {
    const CASED: u64 = u64::from_ne_bytes([0x40; 8]);
    let mut parts = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => [u64::from_le_bytes(*first), 0, u64::from_le_bytes(*last)],
        _ => [short(name), 0, 0],
    };
    if name.len() > 16
        && let Some(next) = name.split_at(8).1.first_chunk::<8>()
    {
        parts[1] = u64::from_le_bytes(*next);
    }
    let mut part = 0;
    while part < parts.len() {
        parts[part] |= (parts[part] & CASED) >> 1;
        part += 1;
    }
    parts
}

/// Up to seven bytes.
const fn short(name: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32;
    }
    let (mut number, mut at) = (0, 0);
    while at < name.len() {
        number = number << 8 | name[at] as u64;
        at += 1;
    }
    number
}

const fn compact_forms() -> [HeaderName; 26] {
    let mut table = [HeaderName::Other; 26];
    let mut i = 0;
    while i < COUNT {
        if let Some(letter) = HeaderName::ALL[i].compact() {
            table[(letter - b'a') as usize] = HeaderName::ALL[i];
        }
        i += 1;
    }
    table
}

impl HeaderName {
    /// Identifies a name as written on the wire (without white space).
    pub fn identify(name: &[u8]) -> Self {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase();
            return if letter.is_ascii_lowercase() {
                COMPACT[usize::from(letter - b'a')]
            } else {
                Self::Other
            };
        }
        let first = name.first().map_or(0, u8::to_ascii_lowercase);
        if name.len() >= LONGEST || !first.is_ascii_lowercase() {
            return Self::Other;
        }
        let (ordered, starts) = &BY_START;
        let start = name.len() * LETTERS + usize::from(first - b'a');
        let range = usize::from(starts[start])..usize::from(starts[start + 1]);
        if range.is_empty() {
            return Self::Other;
        }
        let wanted = folded(name);
        let found = ordered[range].iter().find(|(known, _)| *known == wanted);
        found.map_or(Self::Other, |(_, header)| *header)
    }

    /// May this header stand only once in a message? A second one makes the request malformed (RFC 3261 §7.3.1).
    /// Content-Length is apart: equal duplicates are harmless.
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::CallId
                | Self::ContentDisposition
                | Self::ContentType
                | Self::CSeq
                | Self::Date
                | Self::Event
                | Self::Expires
                | Self::From
                | Self::MaxForwards
                | Self::MinExpires
                | Self::MinSe
                | Self::RAck
                | Self::ReferTo
                | Self::ReferredBy
                | Self::Replaces
                | Self::RSeq
                | Self::SessionExpires
                | Self::SipIfMatch
                | Self::SubscriptionState
                | Self::To
        )
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case_and_in_compact_form() {
        for name in HeaderName::ALL {
            assert_eq!(HeaderName::identify(name.as_str().as_bytes()), *name);
            assert_eq!(HeaderName::identify(name.as_str().to_uppercase().as_bytes()), *name);
            if let Some(letter) = name.compact() {
                assert_eq!(HeaderName::identify(&[letter.to_ascii_uppercase()]), *name);
            }
        }
    }

    #[test]
    fn look_alikes_are_other_headers() {
        for name in ["", "q", "X-From", "Call_ID", "CallID", "From ", "z", "1", "Vía"] {
            assert_eq!(HeaderName::identify(name.as_bytes()), HeaderName::Other, "{name}");
        }
        assert_eq!(HeaderName::identify(&[b'a'; 300]), HeaderName::Other);
    }
}
