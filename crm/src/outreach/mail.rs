//! The way to the mail server.

use super::letters::Letter;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use std::{fmt, net::IpAddr, time::Duration};

/// A server that says nothing for so long is away.
const SILENCE: Duration = Duration::from_secs(20);

/// Where mail is handed in, and in whose name.
#[derive(Clone)]
pub struct MailConfig {
    /// `smtps://user:secret@host`, `smtp://user:secret@host:587?tls=required`, or `smtp://` to
    /// this machine.
    pub url: String,
    /// `TeleHub <desk@example.in>`.
    pub from: String,
    /// Address of the desk as users see it; links begin with it.
    pub desk: String,
}

impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailConfig").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Why mail is not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Links that open accounts would go through the network in clear.
    #[error("smtp:// to another machine needs ?tls=required, or smtps://")]
    InClear,
    /// The address of the server is no such.
    #[error("is no smtp:// or smtps:// address")]
    Url,
    /// The address is no such.
    #[error("is no e-mail address")]
    Address,
    /// The server does not take it.
    #[error("mail server: {0}")]
    Server(String),
}

impl MailConfig {
    /// Whether the URL can be used.
    pub fn check_url(&self) -> Result<(), MailError> {
        self.transport().map(|_| ())
    }

    /// Whether the sender can be used.
    pub fn check_from(&self) -> Result<(), MailError> {
        mailbox(&self.from).map(|_| ())
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
        if self.url.starts_with("smtp://") && !is_safe_in_clear(&self.url) {
            return Err(MailError::InClear);
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&self.url)
            .map_err(|_| MailError::Url)?;
        Ok(builder.timeout(Some(SILENCE)).build())
    }
}

/// TLS is demanded, or the server is this machine.
fn is_safe_in_clear(url: &str) -> bool {
    if url.contains("tls=required") {
        return true;
    }
    let rest = url.trim_start_matches("smtp://");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|_| MailError::Address)
}

/// An open way to the mail server.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    pub(super) fn open(config: &MailConfig) -> Result<Self, MailError> {
        Ok(Self { transport: config.transport()?, from: mailbox(&config.from)? })
    }

    pub(super) async fn send(&self, to: &str, letter: Letter) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(mailbox(to)?)
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body)
            .map_err(|error| MailError::Server(error.to_string()))?;
        let sent = self.transport.send(message).await;
        sent.map(|_| ()).map_err(|error| MailError::Server(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, from: &str) -> MailConfig {
        MailConfig { url: url.into(), from: from.into(), desk: "http://desk".into() }
    }

    #[test]
    fn links_do_not_go_through_the_network_in_clear() {
        for (url, fine) in [
            ("smtp://127.0.0.1:2525", true),
            ("smtp://localhost", true),
            ("smtp://[::1]:2525", true),
            ("smtp://mail.example.in:25", false),
            ("smtp://user:p@mail.example.in", false),
            ("smtp://127.0.0.1@mail.example.in", false),
            ("smtp://mail.example.in?tls=opportunistic", false),
            ("http://mail.example.in", false),
            ("nonsense", false),
        ] {
            assert_eq!(config(url, "a@b.in").check_url().is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn the_sender_is_an_address() {
        for (from, fine) in
            [("a@b.in", true), ("TeleHub <a@b.in>", true), ("TeleHub", false), ("", false)]
        {
            assert_eq!(config("smtp://localhost", from).check_from().is_ok(), fine, "{from}");
        }
    }

    /// B13
    #[test]
    fn the_servers_password_is_not_shown() {
        let shown = format!("{:?}", config("smtps://u:hunter2@mail.example.in", "a@b.in"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
