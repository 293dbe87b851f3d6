//! The short numbers of the emergency services, by country (D14).

use super::parse::plain;
use call::{EmergencyNumber, InvalidNumber};

/// ISO letters and the numbers that are dialled there for help, the common one first. National plans, as published by
/// each country's authority; an installation that knows better says so in `[calls] emergency_numbers`.
const BY_COUNTRY: &[(&str, &[&str])] = &[
    ("AE", &["999", "112", "997", "998"]),
    ("AU", &["000", "112"]),
    ("BD", &["999"]),
    ("CA", &["911"]),
    ("GB", &["999", "112"]),
    ("IN", &["112", "100", "101", "102", "108"]),
    ("LK", &["119", "110", "1990"]),
    ("MY", &["999", "112"]),
    ("NP", &["100", "101", "102"]),
    ("NZ", &["111"]),
    ("SG", &["999", "995"]),
    ("US", &["911"]),
    ("ZA", &["112", "10111", "10177"]),
];

/// Everywhere in Europe, and on mobile networks nearly everywhere.
const ELSEWHERE: &[&str] = &["112"];

/// What is dialled for help in a country.
fn codes(country: &str) -> &'static [&'static str] {
    let known = BY_COUNTRY.iter().find(|(letters, _)| letters.eq_ignore_ascii_case(country));
    known.map_or(ELSEWHERE, |(_, codes)| codes)
}

/// Whether digits as dialled are an emergency number of a country.
pub(super) fn is_emergency(digits: &str, country: &str) -> bool {
    codes(country).contains(&digits)
}

/// The emergency numbers of an installation, the common one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyNumbers(Vec<EmergencyNumber>);

impl EmergencyNumbers {
    /// Those of a country.
    pub fn of_country(country: &str) -> Self {
        Self(codes(country).iter().filter_map(|code| EmergencyNumber::parse(code).ok()).collect())
    }

    /// A list that an installation was given, comma separated.
    pub fn parse(list: &str) -> Result<Self, InvalidNumber> {
        list.split(',')
            .map(|code| EmergencyNumber::parse(code.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The one that stands for all of them.
    pub fn common(&self) -> Option<&EmergencyNumber> {
        self.0.first()
    }

    /// The emergency number that text as typed or dialled means, if it means one.
    pub fn understand(&self, text: &str) -> Option<EmergencyNumber> {
        let digits = plain(text).ok()?;
        self.0.iter().find(|code| code.as_str() == digits).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_short_numbers_only() {
        for (country, listed) in BY_COUNTRY {
            assert_eq!(EmergencyNumbers::of_country(country).0.len(), listed.len(), "{country}");
        }
    }

    #[test]
    fn an_emergency_number_is_known_in_every_dress_and_in_its_own_country_only() {
        let india = EmergencyNumbers::of_country("IN");
        for text in ["112", " 112 ", "sip:112@pratham.local", "tel:112", "११२", "1-1-2"] {
            assert_eq!(india.understand(text).as_ref(), india.common(), "{text}");
        }
        for text in ["911", "1120", "+112", "112,,1", "0112", ""] {
            assert_eq!(india.understand(text), None, "{text}");
        }
        assert!(EmergencyNumbers::of_country("us").understand("911").is_some());
        assert!(EmergencyNumbers::of_country("DE").understand("112").is_some());
    }

    #[test]
    fn an_installation_may_name_its_own() {
        let own = EmergencyNumbers::parse("1098, 112").unwrap();
        assert!(own.understand("1098").is_some() && own.understand("100").is_none());
        assert!(EmergencyNumbers::parse("112,+91").is_err());
    }
}
