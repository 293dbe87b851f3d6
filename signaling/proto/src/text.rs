//! Text cut out of a message without copying, and the lexical rules of RFC 3261 §25 everything else is built on.

use bytes::Bytes;
use bytestring::ByteString;
use std::{borrow::Cow, fmt, ops::Deref};

/// A piece of UTF-8 text that shares the message's buffer; cheap to clone and to slice.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// The empty text.
    pub const EMPTY: Self = Self(ByteString::new());

    /// Text from the wire. Bytes that are not UTF-8 are replaced, so this copies only in that odd case.
    pub fn from_wire(bytes: Bytes) -> Self {
        match ByteString::try_from(bytes.clone()) {
            Ok(text) => Self(text),
            Err(_) => Self(String::from_utf8_lossy(&bytes).into_owned().into()),
        }
    }

    /// A constant, never copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// The text as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// What a message or a part of one came in. Nearly always all of it is text, which is found out once.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    Text(ByteString),
    Other(Bytes),
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Other(bytes) => bytes,
        }
    }

    /// A piece of it, when all of it is text.
    pub(crate) fn text(&self, start: usize, end: usize) -> Option<&str> {
        match self {
            Self::Text(text) => text.get(start..end),
            Self::Other(_) => None,
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub(crate) fn span(&self) -> Span<'_> {
        match self {
            Self::Text(text) => Span::all_text(text),
            Self::Other(bytes) => Span::all(bytes),
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Text(ByteString::new())
    }
}

impl From<Bytes> for Buffer {
    fn from(bytes: Bytes) -> Self {
        // A clone, since what is no text does not come back from there.
        ByteString::try_from(bytes.clone()).map_or(Self::Other(bytes), Self::Text)
    }
}

/// A range of a shared buffer. Parsing moves these about, so that the buffer's count is touched only for what is kept.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    whole: Whole<'a>,
    bytes: &'a [u8],
}

/// What a span is a piece of.
#[derive(Clone, Copy)]
enum Whole<'a> {
    /// All of it is text: no piece needs to be looked at again.
    Text(&'a ByteString),
    Other(&'a Bytes),
}

impl<'a> Span<'a> {
    /// All of a buffer.
    pub(crate) fn all(buffer: &'a Bytes) -> Self {
        Self { whole: Whole::Other(buffer), bytes: buffer }
    }

    fn all_text(buffer: &'a ByteString) -> Self {
        Self { whole: Whole::Text(buffer), bytes: buffer.as_bytes() }
    }

    /// `start..end` of this span.
    pub(crate) fn range(self, start: usize, end: usize) -> Self {
        Self { bytes: &self.bytes[start..end], ..self }
    }

    /// From `start` of this span to its end.
    pub(crate) fn from(self, start: usize) -> Self {
        Self { bytes: &self.bytes[start..], ..self }
    }

    /// Without surrounding white space.
    pub(crate) fn trimmed(self) -> Self {
        let (start, end) = trim(self.bytes, 0, self.bytes.len());
        self.range(start, end)
    }

    /// The part before the first `byte` and where it is; everything when there is none.
    pub(crate) fn before(self, byte: u8) -> Self {
        self.range(0, memchr::memchr(byte, self.bytes).unwrap_or(self.bytes.len()))
    }

    /// Where it lies in its buffer.
    pub(crate) fn place(self) -> (usize, usize) {
        let whole = match self.whole {
            Whole::Text(text) => text.as_bytes(),
            Whole::Other(bytes) => bytes,
        };
        let start = self.bytes.as_ptr().addr() - whole.as_ptr().addr();
        (start, start + self.bytes.len())
    }

    /// Kept as text.
    pub(crate) fn text(self) -> Text {
        if self.bytes.is_empty() {
            return Text::EMPTY;
        }
        let (start, end) = self.place();
        match self.whole {
            Whole::Text(whole) => match whole.get(start..end) {
                Some(piece) => Text(whole.slice_ref(piece)),
                None => Text::from_wire(whole.as_bytes().slice(start..end)),
            },
            Whole::Other(whole) => Text::from_wire(whole.slice(start..end)),
        }
    }
}

impl Deref for Span<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

const TOKEN: u8 = 1;
const URI_USER: u8 = 2;
const URI_PARAM: u8 = 4;
const GEN_VALUE: u8 = 8;
const URI_PARAM_VALUE: u8 = 16;
const HOST: u8 = 32;
const DIGIT: u8 = 64;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut c = 0usize;
    while c < 256 {
        let b = c as u8;
        let alnum = b.is_ascii_alphanumeric();
        let mark = matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        let mut class = 0;
        if alnum
            || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
        {
            class |= TOKEN;
        }
        if alnum
            || mark
            || matches!(b, b'%' | b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b'#')
        {
            class |= URI_USER;
        }
        if alnum
            || mark
            || matches!(b, b'%' | b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$' | b'?' | b'@')
        {
            class |= URI_PARAM;
        }
        // A generic parameter's value is a token or a host, but real peers put more into it (an unbracketed IPv6
        // address in `received`, a path, base64): everything printable that does not end the parameter is taken.
        if b > 0x20 && b != 0x7f && !matches!(b, b';' | b',' | b'"' | b'<' | b'>' | b'\\') {
            class |= GEN_VALUE;
        }
        if class & URI_PARAM != 0 || b == b'=' {
            class |= URI_PARAM_VALUE;
        }
        if b.is_ascii_digit() {
            class |= DIGIT;
        }
        if alnum || matches!(b, b'-' | b'.' | b'_') {
            class |= HOST;
        }
        table[c] = class;
        c += 1;
    }
    table
}

/// Is this a `token` (RFC 3261 §25.1)?
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && shared_classes(bytes) & TOKEN != 0
}

/// The classes that every byte is in. Nearly always all of them fit, so looking at each without asking in between is
/// quicker than stopping at the first that does not.
fn shared_classes(bytes: &[u8]) -> u8 {
    bytes.iter().fold(u8::MAX, |classes, b| classes & CLASS[usize::from(*b)])
}

/// What bytes of a run have in common; the runs of RFC 3261 §25.1 that parsers walk over.
#[derive(Clone, Copy)]
pub(crate) struct Class(u8);

impl Class {
    pub(crate) const TOKEN: Self = Self(TOKEN);
    pub(crate) const URI_USER: Self = Self(URI_USER);
    pub(crate) const URI_PARAM: Self = Self(URI_PARAM);
    /// URI parameter values may also contain `=` in practice (base64 in proprietary parameters).
    pub(crate) const URI_PARAM_VALUE: Self = Self(URI_PARAM_VALUE);
    pub(crate) const GEN_VALUE: Self = Self(GEN_VALUE);
    pub(crate) const HOST: Self = Self(HOST);
    pub(crate) const DIGIT: Self = Self(DIGIT);

    /// Where the run that begins at `at` ends.
    #[inline]
    pub(crate) fn run(self, bytes: &[u8], mut at: usize) -> usize {
        // Four at a time: nearly always all of them belong to it.
        while let Some([a, b, c, d]) = bytes.get(at..at + 4) {
            if self.of(*a) & self.of(*b) & self.of(*c) & self.of(*d) == 0 {
                break;
            }
            at += 4;
        }
        while bytes.get(at).is_some_and(|b| self.of(*b) != 0) {
            at += 1;
        }
        at
    }

    #[inline]
    fn of(self, byte: u8) -> u8 {
        CLASS[usize::from(byte)] & self.0
    }
}

pub(crate) fn all_uri(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"'))
}

/// Where the first `byte` is, for pieces too short to be worth a wide search: eight bytes at a time in one register.
#[inline]
pub(crate) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    find_either(bytes, byte, byte)
}

/// Where the first of two bytes is.
#[inline]
pub(crate) fn find_either(bytes: &[u8], one: u8, other: u8) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let found = places(eight, one) | places(eight, other);
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|b| *b == one || *b == other).map(|at| eights.len() * 8 + at)
}

/// The highest bit of the lowest byte that equals `wanted`; bits above it mean nothing.
#[inline]
const fn places(eight: u64, wanted: u8) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([128; 8]);
    // A byte that is the wanted one becomes zero, and only a zero borrows into its highest bit.
    let differs = eight ^ u64::from_ne_bytes([wanted; 8]);
    differs.wrapping_sub(ONES) & !differs & HIGHS
}

/// Where white space that begins at `at` ends.
#[inline]
pub(crate) fn skip_lws(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| is_lws(*b)) {
        at += 1;
    }
    at
}

pub(crate) const fn is_lws(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// The range of `bytes` (itself `start..end` of a buffer) without surrounding white space.
pub(crate) fn trim(buffer: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && is_lws(buffer[start]) {
        start += 1;
    }
    while end > start && is_lws(buffer[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// A slice that shares `bytes`' buffer, without surrounding white space.
pub(crate) fn trimmed(bytes: &Bytes) -> Bytes {
    let (start, end) = trim(bytes, 0, bytes.len());
    if start == 0 && end == bytes.len() { bytes.clone() } else { bytes.slice(start..end) }
}

/// The index after the quoted string that opens at `at`, or `None` when it never closes.
pub(crate) fn skip_quoted(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'"' => return Some(i + 1),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
    None
}

/// Finds `wanted` outside quoted strings (and outside `<…>`), from `at` on. `Err` = a quote never closes.
pub(crate) fn find_outside(
    bytes: &[u8],
    at: usize,
    wanted: u8,
) -> Result<Option<usize>, Unbalanced> {
    let mut i = at;
    let mut angle = false;
    while i < bytes.len() {
        let b = bytes[i];
        if b == wanted && !angle {
            return Ok(Some(i));
        }
        match b {
            b'"' if !angle => {
                i = skip_quoted(bytes, i).ok_or(Unbalanced)?;
                continue;
            }
            b'<' => angle = true,
            b'>' => angle = false,
            _ => {}
        }
        i += 1;
    }
    Ok(None)
}

/// A quoted string without its closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Digits only, saturating at `u32::MAX`. `None` when it is not a number at all.
pub(crate) fn saturating_u32(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(bytes.iter().fold(0u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0'))))
}

/// Digits only and in range; `None` otherwise.
pub(crate) fn exact_u32(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    bytes
        .iter()
        .try_fold(0u32, |n, b| n.checked_mul(10).and_then(|n| n.checked_add(u32::from(b - b'0'))))
}

/// The content of a quoted string without its quotes and escapes; other text is returned as it is.
pub fn unquote(raw: &str) -> Cow<'_, str> {
    let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The text as a quoted string, with `"` and `\` escaped.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// `%41` to `A`; invalid escapes stay as they are. The result is bytes, since `%00` and `%ff` are legal.
pub fn percent_decode(raw: &str) -> Vec<u8> {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'%'
            && let Some(pair) = bytes.get(i + 1..i + 3)
            && let (Some(high), Some(low)) = (hex_digit(pair[0]), hex_digit(pair[1]))
        {
            out.push(high << 4 | low);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    out
}

/// Escapes everything that may not stand bare in the user part of a SIP URI.
pub fn percent_encode_user(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b != b'%' && b != b'#' && CLASS[b as usize] & URI_USER != 0 {
            out.push(b as char);
        } else {
            out.push('%');
            out.push(char::from(b"0123456789ABCDEF"[usize::from(b >> 4)]));
            out.push(char::from(b"0123456789ABCDEF"[usize::from(b & 15)]));
        }
    }
    out
}

/// Every `%` is followed by two hexadecimal digits.
pub(crate) fn escapes_valid(bytes: &[u8]) -> bool {
    let mut i = 0;
    while let Some(at) = find(&bytes[i..], b'%') {
        let at = i + at;
        match bytes.get(at + 1..at + 3) {
            Some(pair) if pair.iter().all(u8::is_ascii_hexdigit) => i = at + 3,
            _ => return false,
        }
    }
    true
}

fn hex_digit(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_loses_quotes_and_escapes() {
        assert_eq!(unquote(r#""a \"b\" \\c""#), r#"a "b" \c"#);
        assert_eq!(unquote("plain"), "plain");
        assert_eq!(unquote(&quote(r#"x"y\z"#)), r#"x"y\z"#);
    }

    #[test]
    fn percent_escapes_keep_the_null_byte() {
        assert_eq!(percent_decode("a%00b%zz%4"), b"a\0b%zz%4");
        assert_eq!(percent_encode_user("a b@c"), "a%20b%40c");
    }

    #[test]
    fn a_comma_inside_quotes_or_brackets_is_not_a_separator() {
        assert_eq!(find_outside(br#""a,b" <sip:c,d@e>,f"#, 0, b','), Ok(Some(17)));
        assert_eq!(find_outside(br#""a,b"#, 0, b','), Err(Unbalanced));
    }

    #[test]
    fn numbers_saturate_or_fail_but_never_wrap() {
        assert_eq!(saturating_u32(b"36893488147419103232"), Some(u32::MAX));
        assert_eq!(exact_u32(b"4294967296"), None);
        assert_eq!(exact_u32(b"-1"), None);
        assert_eq!(exact_u32(b"0068"), Some(68));
    }
}
