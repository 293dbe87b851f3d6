//! The header block: an index over the message's bytes, read on demand.

use crate::{
    header_name::HeaderName,
    headers::HeaderError,
    text::{self, Buffer, Span, Text},
    uri::UriError,
};
use bytes::Bytes;

/// The header fields of one message, in order, sharing its buffer.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    pub(super) buffer: Buffer,
    pub(super) index: Index,
}

/// Where everything lies.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) fields: Vec<Field>,
    /// For each name the number of its first field, counted from one; 0: it does not occur.
    first: [u8; HeaderName::COUNT],
}

impl Default for Index {
    fn default() -> Self {
        Self { fields: Vec::new(), first: [0; HeaderName::COUNT] }
    }
}

impl Index {
    /// The next field. Was its name there before?
    pub(super) fn push(&mut self, field: Field) -> bool {
        self.fields.push(field);
        let first = &mut self.first[field.name as usize];
        if *first != 0 {
            return true;
        }
        *first = u8::try_from(self.fields.len()).unwrap_or(u8::MAX);
        false
    }

    fn first(&self, name: HeaderName) -> Option<&Field> {
        match self.first[name as usize] {
            0 => None,
            // As far as the table counts.
            u8::MAX => self.fields.iter().find(|field| field.name == name),
            number => self.fields.get(usize::from(number) - 1),
        }
    }
}

/// Where one header field lies in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    /// The value goes over several lines.
    pub(super) folded: bool,
    pub(super) name_at: u32,
    pub(super) name_end: u32,
    pub(super) value_at: u32,
    pub(super) value_end: u32,
}

impl Headers {
    /// Nothing found yet in `buffer`.
    pub(super) fn over(buffer: impl Into<Buffer>) -> Self {
        Self { buffer: buffer.into(), index: Index::default() }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        self.buffer.bytes()
    }

    /// The first value of a header, unfolded.
    pub fn first(&self, name: HeaderName) -> Option<Bytes> {
        self.field(name).map(|f| self.value(f))
    }

    fn field(&self, name: HeaderName) -> Option<&Field> {
        self.index.first(name)
    }

    /// The first value of a header as text.
    pub fn text(&self, name: HeaderName) -> Option<Text> {
        self.first(name).map(Text::from_wire)
    }

    /// Is there such a header?
    pub fn has(&self, name: HeaderName) -> bool {
        self.index.first[name as usize] != 0
    }

    /// How many header lines bear this name.
    pub fn count(&self, name: HeaderName) -> usize {
        self.index.fields.iter().filter(|f| f.name == name).count()
    }

    /// Every value of a header, one for each line.
    pub fn lines(&self, name: HeaderName) -> impl Iterator<Item = Bytes> {
        self.index.fields.iter().filter(move |f| f.name == name).map(|f| self.value(f))
    }

    /// The values of a header this crate has no identity for. The name compares without case.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Text> + 'a {
        let known = HeaderName::identify(name.as_bytes());
        self.index
            .fields
            .iter()
            .filter(move |f| {
                f.name == known
                    && (known != HeaderName::Other
                        || self.name_bytes(f).eq_ignore_ascii_case(name.as_bytes()))
            })
            .map(|f| Text::from_wire(self.value(f)))
    }

    /// Every header field in order: identity, name as written, value.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, Text, Text)> {
        self.index.fields.iter().map(|f| {
            let name = self.bytes().slice(f.name_at as usize..f.name_end as usize);
            (f.name, Text::from_wire(name), Text::from_wire(self.value(f)))
        })
    }

    /// Every element of a header that is a comma-separated list, over all its lines.
    pub fn elements(&self, name: HeaderName) -> impl Iterator<Item = Bytes> {
        self.lines(name).flat_map(split_commas)
    }

    /// The tokens of a list header such as Supported, Require or Allow; empty elements are skipped.
    pub fn tokens(&self, name: HeaderName) -> impl Iterator<Item = Text> {
        self.elements(name).filter(|e| !e.is_empty()).map(Text::from_wire)
    }

    /// Does a list header hold this token (without case)?
    pub fn has_token(&self, name: HeaderName, token: &str) -> bool {
        self.elements(name).any(|e| e.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The headers of a body part, which begins with the rest of its delimiter line, and its content.
    pub(super) fn of_part(part: &Bytes) -> Option<(Self, Bytes)> {
        let line = memchr::memmem::find(part, b"\r\n")?;
        let headers = super::parse::part_headers(part, line + 2)?;
        Some((headers.0, part.slice(headers.1..)))
    }

    pub(super) fn name_bytes(&self, field: &Field) -> &[u8] {
        &self.bytes()[field.name_at as usize..field.name_end as usize]
    }

    pub(super) fn value(&self, field: &Field) -> Bytes {
        let range = field.value_at as usize..field.value_end as usize;
        if field.folded { unfolded(&self.bytes()[range]) } else { self.bytes().slice(range) }
    }

    /// The only value of a header that may stand once, read by `parse`.
    pub(super) fn required<T>(
        &self,
        name: HeaderName,
        parse: impl FnOnce(Span<'_>) -> Result<T, UriError>,
    ) -> Result<T, HeaderError> {
        self.with_first(name, parse)
            .ok_or(HeaderError::Missing(name))?
            .map_err(|source| HeaderError::Address { header: name, source })
    }

    /// Reads the first value where it lies.
    pub(super) fn with_first<T>(
        &self,
        name: HeaderName,
        read: impl FnOnce(Span<'_>) -> T,
    ) -> Option<T> {
        let field = self.field(name)?;
        Some(self.with(field, read))
    }

    /// Reads one value where it lies; a folded one from its own copy.
    pub(super) fn with<T>(&self, field: &Field, read: impl FnOnce(Span<'_>) -> T) -> T {
        match field.folded {
            true => read(Span::all(&self.value(field))),
            false => {
                read(self.buffer.span().range(field.value_at as usize, field.value_end as usize))
            }
        }
    }

    /// Can the first value be looked at where it lies: on one line, and text?
    pub(super) fn is_plain(&self, name: HeaderName) -> bool {
        self.buffer.is_text() && self.field(name).is_some_and(|field| !field.folded)
    }

    /// No more than `max` values of a list? Commas are counted first, since nearly always that settles it.
    pub(super) fn at_most(&self, name: HeaderName, max: usize) -> bool {
        let lines = self.index.fields.iter().filter(|f| f.name == name);
        let commas = |f: &Field| {
            let value = &self.bytes()[f.value_at as usize..f.value_end as usize];
            memchr::memchr_iter(b',', value).take(max + 1).count() + 1
        };
        lines.map(commas).sum::<usize>() <= max || self.elements(name).take(max + 1).count() <= max
    }

    /// Every element read by `parse`; the first error ends it.
    pub(super) fn every<T>(
        &self,
        name: HeaderName,
        parse: impl Fn(&Bytes) -> Result<T, UriError>,
    ) -> Result<Vec<T>, HeaderError> {
        self.elements(name)
            .map(|e| parse(&e).map_err(|source| HeaderError::Address { header: name, source }))
            .collect()
    }

    /// An optional header read by `parse`.
    pub(super) fn optional<T>(
        &self,
        name: HeaderName,
        parse: impl FnOnce(&Bytes) -> Option<T>,
    ) -> Result<Option<T>, HeaderError> {
        self.first(name).map(|value| parse(&value).ok_or(HeaderError::Malformed(name))).transpose()
    }
}

/// Each fold becomes one space (RFC 3261 §7.3.1).
fn unfolded(raw: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(raw.len());
    let mut i = 0;
    while i < raw.len() {
        if raw[i] == b'\r' || raw[i] == b'\n' {
            while i < raw.len() && text::is_lws(raw[i]) {
                i += 1;
            }
            while out.last().is_some_and(|b| text::is_lws(*b)) {
                out.pop();
            }
            out.push(b' ');
        } else {
            out.push(raw[i]);
            i += 1;
        }
    }
    let (start, end) = text::trim(&out, 0, out.len());
    Bytes::from(out).slice(start..end)
}

/// The elements of one line, trimmed. A quote that never closes keeps the rest in one piece, which no typed value accepts.
fn split_commas(line: Bytes) -> impl Iterator<Item = Bytes> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let from = at?;
        let comma = match memchr::memchr(b',', &line[from..]) {
            None => None,
            Some(_) => text::find_outside(&line, from, b',').ok().flatten(),
        };
        at = comma.map(|c| c + 1);
        let (start, end) = text::trim(&line, from, comma.unwrap_or(line.len()));
        Some(line.slice(start..end))
    })
}
