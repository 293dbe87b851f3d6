//! The `o=` line of our session descriptions within one dialog (RFC 3264 §8).
//!
//! A dialog may outlive the media session that made its first description: a party that is handed on keeps its dialog and
//! gets the media of another call. To the peer it stays one session, whose version rises by one with every change.

use crate::endpoint::Body;
use bytes::Bytes;

/// The body as it has to be sent after `said`: with the origin of that, and the next version where anything changed.
pub(super) fn continued(said: Option<&Body>, body: Body) -> Body {
    let rewritten = said.and_then(|said| continue_bytes(&said.bytes, &body.bytes));
    match rewritten {
        Some(bytes) => Body { bytes, ..body },
        None => body,
    }
}

/// `None`: it is of the same session already, or one of them is no session description.
fn continue_bytes(said: &[u8], next: &[u8]) -> Option<Bytes> {
    let (before, ours, after) = split(said)?;
    let (head, theirs, tail) = split(next)?;
    let mut fields = ours.splitn(4, ' ');
    let (user, id) = (fields.next()?, fields.next()?);
    let version: u64 = fields.next()?.parse().ok()?;
    let address = fields.next()?;
    let mut others = theirs.splitn(3, ' ');
    if (others.next()?, others.next()?) == (user, id) {
        return None;
    }
    let changed = (before, after) != (head, tail);
    let version = version.wrapping_add(u64::from(changed));
    let line = format!("{user} {id} {version} {address}");
    Some([head, line.as_bytes(), tail].concat().into())
}

/// What comes before the value of the `o=` line, the value, and the rest.
fn split(sdp: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let start = memchr::memmem::find(sdp, b"\no=")? + 3;
    let length = sdp[start..].iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (head, rest) = sdp.split_at(start);
    let (value, tail) = rest.split_at(length);
    Some((head, std::str::from_utf8(value).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(origin: &str, port: u16) -> Body {
        let text = format!("v=0\r\no={origin}\r\ns=-\r\nm=audio {port} RTP/AVP 8\r\n");
        Body::sdp(text.into())
    }

    #[test]
    fn another_session_goes_on_as_the_one_the_peer_knows() {
        let known = sdp("- 11 7 IN IP4 192.0.2.1", 4000);
        let next = continued(Some(&known), sdp("- 99 99 IN IP4 192.0.2.2", 5000));
        assert_eq!(next, sdp("- 11 8 IN IP4 192.0.2.1", 5000));
        let again = continued(Some(&next), sdp("- 99 99 IN IP4 192.0.2.2", 5000));
        assert_eq!(again, next, "nothing changed");
        let third = continued(Some(&next), sdp("- 99 100 IN IP4 192.0.2.2", 6000));
        assert_eq!(third, sdp("- 11 9 IN IP4 192.0.2.1", 6000));
    }

    #[test]
    fn a_session_of_its_own_and_what_is_no_session_stay_as_they_are() {
        let (known, next) = (sdp("- 11 7 IN IP4 a", 1), sdp("- 11 9 IN IP4 b", 2));
        assert_eq!(continued(Some(&known), next.clone()), next);
        assert_eq!(continued(None, next.clone()), next);
        let odd = Body::sdp(Bytes::from_static(b"v=0\r\n"));
        assert_eq!(continued(Some(&odd), next.clone()), next);
        assert_eq!(continued(Some(&known), odd.clone()), odd);
    }
}
