//! What we write, in the reader's language. Plain text: nothing in it can be loaded or clicked
//! through to elsewhere.

/// A letter without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) body: String,
}

/// The link that sets a new password.
pub(super) fn password_reset(language: &str, name: &str, link: &str, minutes: i64) -> Letter {
    let (subject, body) = match language {
        "hi" => (
            "TeleHub: नया पासवर्ड बनाएँ",
            format!(
                "नमस्ते {name},\n\n\
                 किसी ने, शायद आपने, TeleHub में आपके खाते के लिए नया पासवर्ड बनाने का अनुरोध किया है। \
                 नया पासवर्ड बनाने के लिए यह लिंक खोलें:\n\n{link}\n\n\
                 यह लिंक {minutes} मिनट तक और केवल एक बार काम करता है। नया पासवर्ड बनते ही आप हर \
                 डिवाइस से साइन आउट हो जाएँगे।\n\n\
                 अगर यह अनुरोध आपने नहीं किया है, तो इस ईमेल को अनदेखा करें: आपका पासवर्ड वही रहेगा।\n"
            ),
        ),
        _ => (
            "TeleHub: set a new password",
            format!(
                "Hello {name},\n\n\
                 Somebody, probably you, asked for a new password for your TeleHub account. \
                 To set one, open this link:\n\n{link}\n\n\
                 It works for {minutes} minutes and once only. Setting a new password signs you \
                 out everywhere.\n\n\
                 If it was not you, ignore this mail: your password stays as it is.\n"
            ),
        ),
    };
    Letter { subject: subject.to_owned(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_in_the_readers_language_and_carries_the_link_on_a_line_of_its_own() {
        let link = "https://desk.example.in/reset-password#abc";
        for language in ["en", "hi", "fr"] {
            let letter = password_reset(language, "Asha", link, 30);
            assert!(letter.body.lines().any(|line| line == link), "{}", letter.body);
            assert!(letter.body.contains("Asha") && letter.body.contains("30"));
            let hindi = letter.body.chars().any(|c| ('\u{900}'..='\u{97f}').contains(&c));
            assert_eq!(hindi, language == "hi");
        }
    }
}
