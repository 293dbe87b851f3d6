//! Closed vocabularies that are stored and sent as text.

/// An enum whose variants have one text form each, used in the database and the API alike.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// From the text form.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                Self::from_word(word).ok_or_else(|| format!("unknown {}: {word}", stringify!($name)))
            }
        }

        impl From<$name> for crate::store::Val {
            fn from(word: $name) -> Self {
                word.as_str().into()
            }
        }

        impl From<Option<$name>> for crate::store::Val {
            fn from(word: Option<$name>) -> Self {
                word.map($name::as_str).into()
            }
        }
    };
}

pub(crate) use words;
