//! Telephone numbers in E.164 form. Parsing what people type is `crm::numbers`' work.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A normalised public number: `+`, then 7 to 15 digits, the first not zero (ITU-T E.164 §6).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// The text is no E.164 number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an E.164 number: expected + and 7 to 15 digits")]
pub struct InvalidNumber;

impl E164 {
    /// Accepts exactly `+` and 7 to 15 ASCII digits, the first not zero.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidNumber)?;
        let well_formed = (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidNumber) }
    }

    /// With the leading `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the leading `+`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// For logs above `debug`: the country code and the last two digits only.
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let (head, tail) = (&digits[..2], &digits[digits.len() - 2..]);
        format!("+{head}{}{tail}", "•".repeat(digits.len() - 4))
    }
}

impl TryFrom<String> for E164 {
    type Error = InvalidNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164({})", self.masked())
    }
}

/// A short number of the emergency services, such as `112`: three to six digits. Which ones there are in a country
/// is `crm::numbers`' to know.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EmergencyNumber(String);

impl EmergencyNumber {
    /// Accepts exactly three to six ASCII digits.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let well_formed = (3..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidNumber) }
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmergencyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is called through a carrier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CalledNumber {
    /// A subscriber.
    Public(E164),
    /// The emergency services. They have no E.164 number, and no cap holds a call to them up (D14).
    Emergency(EmergencyNumber),
}

impl CalledNumber {
    /// As kept in records: E.164, or the short number.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Public(number) => number.as_str(),
            Self::Emergency(number) => number.as_str(),
        }
    }

    /// For logs above `debug`. A short number is nobody's secret.
    pub fn masked(&self) -> String {
        match self {
            Self::Public(number) => number.masked(),
            Self::Emergency(number) => number.to_string(),
        }
    }

    /// Whether the emergency services are called.
    pub fn is_emergency(&self) -> bool {
        matches!(self, Self::Emergency(_))
    }
}

impl From<E164> for CalledNumber {
    fn from(number: E164) -> Self {
        Self::Public(number)
    }
}

impl fmt::Display for CalledNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plus_and_digits_are_accepted() {
        assert!(E164::parse("+919812340001").is_ok());
        for bad in
            ["919812340001", "+0912345678", "+91 98123", "+123", "+12345678901234567", "+९१९८१२३४"]
        {
            assert_eq!(E164::parse(bad), Err(InvalidNumber), "{bad}");
        }
    }

    #[test]
    fn an_emergency_number_is_a_few_digits_and_nothing_else() {
        assert_eq!(EmergencyNumber::parse("112").map(|n| n.to_string()), Ok("112".to_owned()));
        for bad in ["11", "+112", "1120000", "११२", "1 2", ""] {
            assert_eq!(EmergencyNumber::parse(bad), Err(InvalidNumber), "{bad}");
        }
    }

    #[test]
    fn a_masked_number_keeps_its_ends_only() {
        let number = E164::parse("+919812340001").expect("well formed");
        assert_eq!(number.masked(), "+91••••••••01");
    }
}
