//! Digits in INFO bodies: `application/dtmf-relay` and `application/dtmf`.

use signaling_proto::Body;

/// The digit an INFO body carries.
pub(crate) fn digit_of(body: &Body) -> Option<char> {
    let text = std::str::from_utf8(&body.bytes).ok()?;
    let value = match body.content_type.split(';').next().unwrap_or_default().trim() {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        "application/dtmf" => text.trim(),
        _ => return None,
    };
    let digit = match value {
        "10" => '*',
        "11" => '#',
        _ => value.chars().next()?.to_ascii_uppercase(),
    };
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn body(content_type: &'static str, text: &'static str) -> Body {
        Body { content_type: content_type.into(), bytes: Bytes::from_static(text.as_bytes()) }
    }

    #[test]
    fn both_kinds_of_info_carry_a_digit() {
        let relay = "application/dtmf-relay";
        assert_eq!(digit_of(&body(relay, "Signal= 5\r\nDuration= 160\r\n")), Some('5'));
        assert_eq!(digit_of(&body(relay, "Signal=#\r\n")), Some('#'));
        assert_eq!(digit_of(&body("application/dtmf", "10")), Some('*'));
        assert_eq!(digit_of(&body("application/dtmf", "x")), None);
        assert_eq!(digit_of(&body("text/plain", "5")), None);
    }
}
