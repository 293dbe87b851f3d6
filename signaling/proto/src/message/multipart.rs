//! Finding one part in a multipart body (RFC 5621), nested a little but never without end.

use super::{Headers, Message};
use crate::headers::ContentType;
use bytes::Bytes;

/// A multipart inside a multipart is enough for what peers send; a hundred levels (A09) are not looked into.
const DEPTH_MAX: usize = 3;
const PARTS_MAX: usize = 16;

impl Message {
    /// The body, or the part of a multipart body, that has this type. `None` when there is none.
    pub fn body_part(&self, main: &str, sub: &str) -> Option<Bytes> {
        find(self.headers(), self.body(), main, sub, DEPTH_MAX)
    }

    /// The session description.
    pub fn sdp(&self) -> Option<Bytes> {
        self.body_part("application", "sdp")
    }
}

fn find(headers: &Headers, body: &Bytes, main: &str, sub: &str, depth: usize) -> Option<Bytes> {
    let kind = headers.content_type().ok().flatten()?;
    if kind.is(main, sub) {
        return (!body.is_empty()).then(|| body.clone());
    }
    if depth == 0 || !kind.main.eq_ignore_ascii_case("multipart") {
        return None;
    }
    parts(&kind, body)
        .take(PARTS_MAX)
        .find_map(|(headers, body)| find(&headers, &body, main, sub, depth - 1))
}

/// Headers and content of each part. A part without readable headers is skipped.
fn parts(kind: &ContentType, body: &Bytes) -> impl Iterator<Item = (Headers, Bytes)> {
    let boundary = kind.params.value("boundary").unwrap_or_default();
    // The first delimiter may stand at the very beginning, every other after a line end.
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut at = match body.starts_with(&delimiter[2..]) && !boundary.is_empty() {
        true => Some(delimiter.len() - 2),
        false => memchr::memmem::find(body, &delimiter)
            .filter(|_| !boundary.is_empty())
            .map(|i| i + delimiter.len()),
    };
    let body = body.clone();
    std::iter::from_fn(move || {
        let from = at?;
        // `--` after the delimiter ends the list.
        if body[from..].starts_with(b"--") {
            return None;
        }
        let end = from + memchr::memmem::find(&body[from..], &delimiter)?;
        at = Some(end + delimiter.len());
        Some(body.slice(from..end))
    })
    .filter_map(|part| Headers::of_part(&part))
}
