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
    fn a_masked_number_keeps_its_ends_only() {
        let number = E164::parse("+919812340001").expect("well formed");
        assert_eq!(number.masked(), "+91••••••••01");
    }
}
