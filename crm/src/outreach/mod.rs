//! Messages to people. So far: letters about signing in, by e-mail (AUT-04).

mod letters;
mod mail;
mod room;

pub use mail::{MailConfig, MailError};
pub use room::{Full, MailRoom};
