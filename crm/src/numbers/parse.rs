//! The one way text becomes a number: SIP, API, CSV and IVR all come through here (D03).

use super::emergency::is_emergency;
use call::E164;
use phonenumber::{Mode, Type, country};

/// What a number leads to, as far as it decides whether it may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberClass {
    /// A person's or firm's line.
    Ordinary,
    /// Costs the caller more: premium and shared-cost lines.
    Premium,
    /// Satellite and international networks.
    Satellite,
}

/// A number that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedNumber {
    /// Normal form.
    pub e164: E164,
    /// ISO 3166 letters; empty where no country owns it (satellite networks).
    pub country: String,
    /// What it leads to.
    pub class: NumberClass,
}

/// Why text is no number we can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Holds letters, pauses or other signs.
    #[error("holds characters that are not part of a telephone number")]
    Characters,
    /// Not a number of its country's plan.
    #[error("is not a valid telephone number")]
    Invalid,
    /// `112` and the like, see [`super::EmergencyNumbers`].
    #[error("is an emergency number")]
    Emergency,
}

/// Country codes of satellite and other non-geographic networks.
const SATELLITE_CODES: &[u16] = &[870, 878, 881, 882, 883, 888, 979];

/// Understands what people type and phones dial. `country` (ISO letters) owns national numbers.
pub fn parse(text: &str, country: &str) -> Result<ParsedNumber, NumberError> {
    let plain = plain(text)?;
    if is_emergency(&plain, country) {
        return Err(NumberError::Emergency);
    }
    let home: Option<country::Id> = country.parse().ok();
    let international = match plain.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => plain,
    };
    let number = phonenumber::parse(home, &international).map_err(|_| NumberError::Invalid)?;
    if !phonenumber::is_valid(&number) || number.extension().is_some() {
        return Err(NumberError::Invalid);
    }
    let text = number.format().mode(Mode::E164).to_string();
    let e164 = E164::parse(&text).map_err(|_| NumberError::Invalid)?;
    let kind = number.number_type(&phonenumber::metadata::DATABASE);
    let class = if SATELLITE_CODES.contains(&number.code().value()) {
        NumberClass::Satellite
    } else if matches!(kind, Type::PremiumRate | Type::SharedCost) {
        NumberClass::Premium
    } else {
        NumberClass::Ordinary
    };
    let country = number.country().id().map_or_else(String::new, |id| format!("{id:?}"));
    Ok(ParsedNumber { e164, country, class })
}

/// What international numbers of a country (ISO letters) begin with; `None` for no country.
pub fn calling_code(country: &str) -> Option<u16> {
    let known: country::Id = country.parse().ok()?;
    let code = phonenumber::metadata::DATABASE.by_id(known.as_ref())?.country_code();
    (code != 0).then_some(code)
}

/// Digits with at most a leading plus: scheme, host, separators and scripts taken away.
pub(super) fn plain(text: &str) -> Result<String, NumberError> {
    let decoded = percent_decode(text.trim());
    let mut body = decoded.as_str();
    for scheme in ["sips:", "sip:", "tel:"] {
        if body.len() >= scheme.len()
            && body.is_char_boundary(scheme.len())
            && body[..scheme.len()].eq_ignore_ascii_case(scheme)
        {
            body = &body[scheme.len()..];
            break;
        }
    }
    let body = body.split('@').next().unwrap_or(body);
    let (number, parameters) = body.split_once(';').unwrap_or((body, ""));
    let mut digits = String::with_capacity(number.len());
    for c in number.chars() {
        match c {
            '+' | '＋' if digits.is_empty() => digits.push('+'),
            ' '
            | '-'
            | '.'
            | '('
            | ')'
            | '/'
            | '\u{a0}'
            | '\u{202f}'
            | '\u{2009}'
            | '\u{2010}'..='\u{2015}' => {}
            // Marks of direction that come along with pasted text.
            '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            _ => digits.push(decimal(c).ok_or(NumberError::Characters)?),
        }
    }
    if !digits.starts_with('+')
        && let Some(context) = phone_context(parameters)?
    {
        digits.insert_str(0, &context);
    }
    if digits.trim_start_matches('+').is_empty() { Err(NumberError::Invalid) } else { Ok(digits) }
}

/// `;phone-context=+91` of RFC 3966 §5.1.5; a domain as context says nothing about the number.
fn phone_context(parameters: &str) -> Result<Option<String>, NumberError> {
    for parameter in parameters.split(';') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("postd") || name.eq_ignore_ascii_case("ext") {
            return Err(NumberError::Characters);
        }
        if name.eq_ignore_ascii_case("phone-context") && value.starts_with('+') {
            let valid = value[1..].bytes().all(|b| b.is_ascii_digit() || b"-.()".contains(&b));
            return if valid {
                Ok(Some(value.chars().filter(|c| *c == '+' || c.is_ascii_digit()).collect()))
            } else {
                Err(NumberError::Characters)
            };
        }
    }
    Ok(None)
}

/// A decimal digit of any of the scripts our users write in.
fn decimal(c: char) -> Option<char> {
    const ZEROES: [char; 13] = ['0', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '٠', '۰', '０'];
    ZEROES.iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(*zero))?;
        char::from_digit(value, 10)
    })
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e164(text: &str) -> Result<String, NumberError> {
        parse(text, "IN").map(|n| n.e164.as_str().to_owned())
    }

    /// D03: every way of writing the same number gives the same verdict.
    #[test]
    fn one_number_in_many_dresses() {
        for text in [
            "+919876540015",
            "9876540015",
            "09876540015",
            "00919876540015",
            "0091 98765-40015",
            "+91 (98765) 40015",
            "%2b919876540015",
            "%2B91%209876540015",
            "tel:+91-98765-40015",
            "tel:9876540015;phone-context=+91",
            "sip:+919876540015@carrier.example;user=phone",
            "९८७६५४००१५",
            "+९१९८७६५४००१५",
            "\u{202a}+91 98765 40015\u{202c}",
            "９８７６５４００１５",
        ] {
            assert_eq!(e164(text).as_deref(), Ok("+919876540015"), "{text}");
        }
    }

    #[test]
    fn letters_pauses_and_nonsense_are_refused() {
        for text in [
            "1800FLOWERS",
            "9876540015,,123",
            "9876540015p1",
            "9876540015w",
            "tel:9876540015;postd=pp22",
            "98#65*",
            "+91+9876540015",
            "9876540015;ext=7",
        ] {
            assert_eq!(e164(text), Err(NumberError::Characters), "{text}");
        }
        for text in ["", "+", "12345", "+9998", "+91987654", "0000000000"] {
            assert_eq!(e164(text), Err(NumberError::Invalid), "{text}");
        }
    }

    /// D14.
    #[test]
    fn emergency_numbers_are_known() {
        for text in ["112", "100", "101", "108", "१००"] {
            assert_eq!(e164(text), Err(NumberError::Emergency), "{text}");
        }
    }

    /// D02.
    #[test]
    fn countries_have_calling_codes() {
        let codes = ["IN", "US", "GB", "AE", "SG"].map(calling_code);
        assert_eq!(codes, [Some(91), Some(1), Some(44), Some(971), Some(65)]);
        assert_eq!(["", "XX", "India", "in "].map(calling_code), [None; 4]);
    }

    #[test]
    fn class_and_country_are_told() {
        let class = |text: &str| parse(text, "IN").map(|n| (n.country, n.class));
        assert_eq!(class("9876540015"), Ok(("IN".into(), NumberClass::Ordinary)));
        assert_eq!(class("+14155550132"), Ok(("US".into(), NumberClass::Ordinary)));
        assert_eq!(class("+881612345678").map(|c| c.1), Ok(NumberClass::Satellite));
        assert_eq!(class("+449098790879").map(|c| c.1), Ok(NumberClass::Premium));
    }
}
