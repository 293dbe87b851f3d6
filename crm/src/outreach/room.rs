//! Where letters wait to be written and sent, apart from the request that wanted them: who asks
//! cannot tell by the time it takes whether anybody is written to (F03).

use super::{
    letters,
    mail::{MailConfig, MailError, Mailer},
};
use crate::{Store, StoreError, audit::AuditRecord, resets, users::User};
use call::UserId;
use chrono::Utc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Letters that may wait; more are refused, whoever they are for.
const QUEUE: usize = 256;
/// A server that is away for a moment is tried again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Too many letters wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many letters wait to be sent")]
pub struct Full;

enum Errand {
    /// Somebody says this is their address, and that they forgot their password.
    Forgot { email: String, address: String },
    /// An administrator wants a user to choose a password.
    Invite { user: Box<User>, by: UserId, address: String },
}

/// The door to the letters. Cheap to clone.
#[derive(Clone)]
pub struct MailRoom {
    errands: mpsc::Sender<Errand>,
}

impl MailRoom {
    /// Starts the task that writes and sends; it ends when the last door is gone.
    pub fn start(config: &MailConfig, store: Store) -> Result<Self, MailError> {
        let (errands, waiting) = mpsc::channel(QUEUE);
        let desk = config.desk.trim_end_matches('/').to_owned();
        let clerk = Clerk { mailer: Mailer::open(config)?, store, desk };
        tokio::spawn(clerk.run(waiting));
        Ok(Self { errands })
    }

    /// A link to whoever has this e-mail address, if anybody has; asked for from `address`.
    pub fn forgot(&self, email: &str, address: &str) -> Result<(), Full> {
        let (email, address) = (email.to_owned(), address.to_owned());
        self.errands.try_send(Errand::Forgot { email, address }).map_err(|_| Full)
    }

    /// A link to a user, sent by an administrator.
    pub fn invite(&self, user: User, by: UserId, address: &str) -> Result<(), Full> {
        let errand = Errand::Invite { user: Box::new(user), by, address: address.to_owned() };
        self.errands.try_send(errand).map_err(|_| Full)
    }
}

struct Clerk {
    mailer: Mailer,
    store: Store,
    desk: String,
}

impl Clerk {
    async fn run(self, mut waiting: mpsc::Receiver<Errand>) {
        while let Some(errand) = waiting.recv().await {
            if let Err(error) = self.serve(errand).await {
                tracing::error!(%error, "a letter was not written");
            }
        }
    }

    async fn serve(&self, errand: Errand) -> Result<(), StoreError> {
        let (user, by, address) = match errand {
            Errand::Forgot { email, address } => {
                let found = self.store.platform_user_by_email(&email).await?;
                let Some((user, _)) = found.filter(|(user, _)| user.active) else { return Ok(()) };
                (user, None, address)
            }
            Errand::Invite { user, by, address } => (*user, Some(by), address),
        };
        let token = resets::offer(&self.store, &user, Utc::now()).await?;
        let outcome = match token {
            None => "enough were sent already",
            Some(token) => self.write_to(&user, &token).await,
        };
        let record = AuditRecord::new(by, "auth.reset_link", "user", user.id)
            .with(serde_json::json!({ "outcome": outcome }))
            .from_address(address);
        self.store.audit_append(user.tenant, &record, Utc::now()).await?;
        Ok(())
    }

    /// The token stands behind a `#`: browsers send that part to nobody, so it is in no log.
    async fn write_to(&self, user: &User, token: &str) -> &'static str {
        let link = format!("{}/reset-password#{token}", self.desk);
        let minutes = resets::LIFETIME.num_minutes();
        let mut pauses = PAUSES.iter();
        loop {
            let letter = letters::password_reset(&user.locale, &user.name, &link, minutes);
            match self.mailer.send(&user.email, letter).await {
                Ok(()) => {
                    metrics::counter!("mails_total", "outcome" => "sent").increment(1);
                    return "sent";
                }
                Err(error) => {
                    tracing::warn!(%error, user.id = %user.id, "a letter was not sent");
                    let Some(pause) = pauses.next() else {
                        metrics::counter!("mails_total", "outcome" => "failed").increment(1);
                        return "not sent: see the log";
                    };
                    tokio::time::sleep(*pause).await;
                }
            }
        }
    }
}
