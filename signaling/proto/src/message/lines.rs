//! The header block, line by line: where each field lies.

use super::{
    Limits, MessageError,
    headers::{Field, Index},
    parse::BodyRule,
};
use crate::{header_name::HeaderName, text};

/// How lines end. CRLF is the rule; a message whose first line ends in a bare LF must do so throughout. A mixture would
/// let two readers see different headers, so it is refused.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    /// Length of the line end: 2 for CRLF, 1 for LF.
    pub(super) terminator: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let first = memchr::memchr(b'\n', bytes)?;
        let crlf = first > 0 && bytes[first - 1] == b'\r';
        Some(Self { bytes, terminator: if crlf { 2 } else { 1 } })
    }

    /// Where the line beginning at `at` ends; a lone CR or LF of the other kind ends nothing and is an error.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        let end = at + memchr::memchr2(b'\r', b'\n', self.bytes.get(at..)?)?;
        match self.terminator {
            2 => {
                (self.bytes[end] == b'\r' && self.bytes.get(end + 1) == Some(&b'\n')).then_some(end)
            }
            _ => (self.bytes[end] == b'\n').then_some(end),
        }
    }

    fn is_blank(&self, at: usize) -> bool {
        match self.bytes.get(at) {
            Some(b'\n') => self.terminator == 1,
            Some(b'\r') => self.terminator == 2 && self.bytes.get(at + 1) == Some(&b'\n'),
            Some(_) | None => false,
        }
    }

    /// Where the body begins, when the empty line has come. Nothing before `seen` holds it.
    pub(crate) fn head_end(&self, seen: usize) -> Option<usize> {
        let blank: &[u8] = if self.terminator == 2 { b"\r\n\r\n" } else { b"\n\n" };
        let from = seen.saturating_sub(blank.len() - 1);
        memchr::memmem::find(&self.bytes[from..], blank).map(|at| from + at + blank.len())
    }
}

/// Fills the index; returns where the body begins.
pub(super) fn scan(
    index: &mut Index,
    lines: &Lines<'_>,
    mut at: usize,
    limits: &Limits,
    rule: BodyRule,
) -> Result<usize, MessageError> {
    index.fields.reserve(24);
    let mut broken = None;
    loop {
        // A datagram that ends after a whole header line has simply forgotten the empty one.
        if at == lines.bytes.len() && rule == BodyRule::Datagram {
            return broken.map_or(Ok(at), Err);
        }
        if lines.is_blank(at) {
            return broken.map_or(Ok(at + lines.terminator), Err);
        }
        let first_end = lines.end(at).ok_or_else(|| open_head(lines.bytes, at, broken))?;
        let mut end = first_end;
        while matches!(lines.bytes.get(end + lines.terminator), Some(b' ' | b'\t')) {
            end = lines.end(end + lines.terminator).ok_or(MessageError::HeaderLine)?;
        }
        let too_many = index.fields.len() >= limits.fields_max;
        if end > limits.head_max || end - at > limits.field_max || too_many {
            return Err(MessageError::HeadTooLarge);
        }
        match field(lines.bytes, at, end, end != first_end) {
            Some(field) => {
                if index.push(field) && field.name.is_single() {
                    broken.get_or_insert(MessageError::Duplicate(field.name));
                }
            }
            // Keep reading, so that an answer can be made from the sound lines.
            None => _ = broken.get_or_insert(MessageError::HeaderLine),
        }
        at = end + lines.terminator;
    }
}

fn open_head(bytes: &[u8], at: usize, broken: Option<MessageError>) -> MessageError {
    let stray = memchr::memchr2(b'\r', b'\n', &bytes[at..]).is_some();
    broken.unwrap_or(if stray { MessageError::HeaderLine } else { MessageError::HeadOpen })
}

/// `name HCOLON value`. White space before the colon is legal and changes nothing (RFC 3261 §25.1, A10).
fn field(bytes: &[u8], at: usize, end: usize, folded: bool) -> Option<Field> {
    let colon = at + text::find(&bytes[at..end], b':')?;
    let mut name_end = colon;
    while name_end > at && matches!(bytes[name_end - 1], b' ' | b'\t') {
        name_end -= 1;
    }
    let name = HeaderName::identify(&bytes[at..name_end]);
    // The known names are tokens.
    if name == HeaderName::Other && !text::is_token(&bytes[at..name_end]) {
        return None;
    }
    let (value_at, value_end) = text::trim(bytes, colon + 1, end);
    let folded = folded && memchr::memchr(b'\n', &bytes[value_at..value_end]).is_some();
    Some(Field {
        name,
        folded,
        name_at: at as u32,
        name_end: name_end as u32,
        value_at: value_at as u32,
        value_end: value_end as u32,
    })
}
