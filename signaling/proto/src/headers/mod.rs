//! Typed values of header fields that are not plain addresses.

mod values;
mod via;

pub use values::{
    CSeq, ContentType, RAck, Reason, Refresher, Replaces, RetryAfter, SessionExpires,
};
pub(crate) use values::{method, number_and_params};
pub use via::{MAGIC_COOKIE, Transport, Via};

use crate::{header_name::HeaderName, uri::UriError};

/// Why a header field's value cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is not there.
    #[error("{0} missing")]
    Missing(HeaderName),
    /// The value breaks the grammar.
    #[error("{0} malformed")]
    Malformed(HeaderName),
    /// An address inside the value breaks the grammar.
    #[error("{header} malformed")]
    Address {
        /// Which header.
        header: HeaderName,
        /// What is wrong with the address.
        source: UriError,
    },
}

impl HeaderError {
    /// The header that could not be used.
    pub const fn header(self) -> HeaderName {
        match self {
            Self::Missing(header) | Self::Malformed(header) | Self::Address { header, .. } => {
                header
            }
        }
    }
}
