//! `;name=value` lists of header fields and URIs, kept as text and looked into when asked.

use super::UriError;
use crate::text::{self, Class, Span, Text};
use bytes::Bytes;
use std::{borrow::Cow, fmt};

/// The parameters after a header value or inside a URI, without the leading semicolon.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params(Text);

/// One parameter as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name, in the case it was written.
    pub name: &'a str,
    /// The value, still quoted or escaped; `None` for a flag.
    pub value: Option<&'a str>,
}

impl Params {
    /// No parameters.
    pub const EMPTY: Self = Self(Text::EMPTY);

    /// Checks and keeps header parameters: `;a=b ; c = "d"`, starting at a semicolon or empty.
    pub fn parse(bytes: &Bytes) -> Result<Self, UriError> {
        Self::parse_span(Span::all(bytes))
    }

    pub(crate) fn parse_span(span: Span<'_>) -> Result<Self, UriError> {
        ParamsPart::read(span).map(ParamsPart::kept)
    }

    /// Drops the white space around `;` and `=`, so that what means the same compares as equal.
    fn tighten(&mut self) {
        let mut out = String::with_capacity(self.0.len());
        for param in self.iter() {
            push(&mut out, param.name, param.value);
        }
        self.0 = out.into();
    }

    /// Every parameter in order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'_>> {
        let text = self.0.as_str();
        let plain = memchr::memchr2(b'"', b'<', text.as_bytes()).is_none();
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= text.len() {
                return None;
            }
            let stop = match plain {
                true => memchr::memchr(b';', &text.as_bytes()[at..]).map(|i| at + i),
                false => text::find_outside(text.as_bytes(), at, b';').ok().flatten(),
            };
            let stop = stop.unwrap_or(text.len());
            let piece = &text[at..stop];
            at = stop + 1;
            Some(match piece.split_once('=') {
                Some((name, value)) => {
                    Param { name: name.trim_ascii(), value: Some(value.trim_ascii()) }
                }
                None => Param { name: piece.trim_ascii(), value: None },
            })
        })
    }

    /// The value of a parameter as written; a flag is the empty text. Names compare without case.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let text = self.0.as_str();
        let mut at = 0;
        while at < text.len() {
            let rest = text.as_bytes().get(at..)?;
            let named =
                rest.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()));
            match rest.get(name.len()) {
                None | Some(b';') if named => return Some(""),
                Some(b'=') if named => {
                    let from = at + name.len() + 1;
                    return text.get(from..end_of(text, from)).map(str::trim_ascii);
                }
                None | Some(_) => at = end_of(text, at) + 1,
            }
        }
        None
    }

    /// The value without quotes.
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(text::unquote)
    }

    /// Is there such a parameter, with or without value?
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The value as a number, saturating; `None` when missing or not a number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.raw(name).and_then(|v| text::saturating_u32(v.as_bytes()))
    }

    /// The value as text that shares the buffer.
    pub fn text(&self, name: &str) -> Option<Text> {
        self.value(name).map(|v| Text::from(v.as_ref()))
    }

    /// No parameter at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter, replacing one of the same name in its place. The value is written as it is given.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let mut out = String::with_capacity(self.0.len() + name.len() + 24);
        let mut found = false;
        for param in self.iter() {
            if param.name.eq_ignore_ascii_case(name) {
                if !found {
                    push(&mut out, name, value);
                }
                found = true;
            } else {
                push(&mut out, param.name, param.value);
            }
        }
        if !found {
            push(&mut out, name, value);
        }
        self.0 = out.into();
    }

    /// Parameters that are written as they should be already.
    pub(crate) fn from_written(text: String) -> Self {
        Self(text.into())
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        let mut out = String::with_capacity(self.0.len());
        for param in self.iter().filter(|p| !p.name.eq_ignore_ascii_case(name)) {
            push(&mut out, param.name, param.value);
        }
        self.0 = out.into();
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Params {
    /// Each parameter with its leading semicolon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        f.write_str(";")?;
        f.write_str(&self.0)
    }
}

/// Where the parameter or value that begins at `from` ends.
fn end_of(text: &str, from: usize) -> usize {
    let rest = &text.as_bytes()[from..];
    match memchr::memchr3(b';', b'"', b'<', rest) {
        None => text.len(),
        Some(end) if rest[end] == b';' => from + end,
        Some(_) => {
            let end = text::find_outside(text.as_bytes(), from, b';');
            end.ok().flatten().unwrap_or(text.len())
        }
    }
}

/// Appends one parameter to a list.
pub(crate) fn push(out: &mut String, name: &str, value: Option<&str>) {
    if !out.is_empty() {
        out.push(';');
    }
    out.push_str(name);
    if let Some(value) = value {
        out.push('=');
        out.push_str(value);
    }
}

/// Parameters that were checked where they lie; nothing is kept of them.
#[derive(Clone, Copy)]
pub(crate) struct ParamsPart<'a> {
    /// Without the leading semicolon.
    span: Span<'a>,
    /// Written without white space around names and values.
    tight: bool,
    /// The value of the first parameter of this name; empty for a flag.
    tag: Option<Span<'a>>,
}

impl<'a> ParamsPart<'a> {
    /// Header parameters: `;a=b ; c = "d"`, starting at a semicolon or empty.
    pub(crate) fn read(span: Span<'a>) -> Result<Self, UriError> {
        let span = span.trimmed();
        let mut part = Self { span, tight: true, tag: None };
        match span.first() {
            None => return Ok(part),
            Some(b';') => {}
            Some(_) => return Err(UriError::Param),
        }
        let mut at = 0;
        while at < span.len() {
            at = part.param(span, at + 1)?;
        }
        part.span = span.from(1);
        Ok(part)
    }

    /// Checks the parameter that begins at `from`; where it ends.
    fn param(&mut self, span: Span<'a>, from: usize) -> Result<usize, UriError> {
        let bytes: &[u8] = &span;
        let name_at = text::skip_lws(bytes, from);
        let name_end = Class::TOKEN.run(bytes, name_at);
        if name_end == name_at {
            return Err(UriError::Param);
        }
        let mut end = text::skip_lws(bytes, name_end);
        self.tight &= name_at == from && end == name_end;
        let mut value = span.range(name_end, name_end);
        if bytes.get(end) == Some(&b'=') {
            let value_at = text::skip_lws(bytes, end + 1);
            let value_end = match bytes.get(value_at) {
                Some(b'"') => text::skip_quoted(bytes, value_at).ok_or(UriError::Param)?,
                // `=` may end a value (base64 tags), never begin one.
                Some(b'=') | None => return Err(UriError::Param),
                Some(_) => Class::GEN_VALUE.run(bytes, value_at),
            };
            if value_end == value_at {
                return Err(UriError::Param);
            }
            value = span.range(value_at, value_end);
            self.tight &= value_at == end + 1;
            end = text::skip_lws(bytes, value_end);
            self.tight &= end == value_end;
        }
        if self.tag.is_none() && bytes[name_at..name_end].eq_ignore_ascii_case(b"tag") {
            self.tag = Some(value);
        }
        match bytes.get(end) {
            None | Some(b';') => Ok(end),
            Some(_) => Err(UriError::Param),
        }
    }

    /// URI parameters, which know neither white space nor quotes. Their escapes are for the caller to check.
    pub(crate) fn read_uri(span: Span<'a>) -> Result<Self, UriError> {
        let bytes: &[u8] = &span;
        let mut at = 0;
        loop {
            let mut end = Class::URI_PARAM.run(bytes, at);
            if end == at {
                return Err(UriError::Param);
            }
            if bytes.get(end) == Some(&b'=') {
                end = Class::URI_PARAM_VALUE.run(bytes, end + 1);
            }
            match bytes.get(end) {
                None => return Ok(Self { span, tight: true, tag: None }),
                Some(b';') => at = end + 1,
                Some(_) => return Err(UriError::Param),
            }
        }
    }

    /// The value of `tag`, for header parameters.
    pub(crate) fn tag(&self) -> Option<Span<'a>> {
        self.tag
    }

    pub(crate) fn kept(self) -> Params {
        let mut params = Params(self.span.text());
        if !self.tight {
            params.tighten();
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Params, UriError> {
        Params::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn values_may_be_quoted_and_spaced() {
        let params = parse(r#" ; tag = 98asjd8 ;lr; x="a;b\"c" ;Q=0.5 "#).unwrap();
        assert_eq!(params.raw("TAG"), Some("98asjd8"));
        assert_eq!(params.raw("lr"), Some(""));
        assert_eq!(params.value("x").unwrap(), r#"a;b"c"#);
        assert_eq!(params.raw("q"), Some("0.5"));
        assert!(!params.has("a"));
    }

    #[test]
    fn white_space_makes_no_difference() {
        let plain = parse(";port;branch=z9hG4bKabc;x=\" y \"").unwrap();
        for spaced in [
            "; port;branch=z9hG4bKabc;x=\" y \"",
            ";port ;branch= z9hG4bKabc;x=\" y \"",
            ";port;branch =z9hG4bKabc;\r\n\tx=\" y \"",
        ] {
            let spaced = parse(spaced).unwrap();
            assert_eq!(spaced, plain);
            assert_eq!(parse(&spaced.to_string()).unwrap(), spaced);
        }
    }

    #[test]
    fn empty_parameters_and_open_quotes_are_refused() {
        for bad in [";;", ";", ";a=", ";=b", ";a=\"b", ";a b", "a=b", ";a=b c"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn setting_keeps_the_place_and_the_rest() {
        let mut params = parse(";branch=z9hG4bK1;rport;x=\"q\"").unwrap();
        params.set("rport", Some("5060"));
        params.set("received", Some("10.0.0.1"));
        params.remove("x");
        assert_eq!(params.to_string(), ";branch=z9hG4bK1;rport=5060;received=10.0.0.1");
    }
}
