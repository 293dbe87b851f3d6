//! Who is asking: a phone proves its secret, a trunk is known by where it calls from. Nobody is
//! believed because of a header (B10, D01, D10).

use super::{
    SipCommand, Ticket,
    task::{PARKED_MAX, SipTask, retry_after},
};
use crate::{
    directory::{Ban, ExtensionAccount, Realm, SecurityEvent, SecurityEventKind},
    measure,
};
use signaling_proto::{
    DialogId, HeaderName, Message, Reply, Source, TransactionId, Uri,
    brute_force::Consequence,
    digest::{Check, Claims, Refusal, Verdict},
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// The realm told to those who ask for a domain nobody serves: they are challenged like all
/// others and fail like all others.
const NOBODYS_REALM: &str = "telehub";

/// A request of somebody who has yet to prove who they are.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(super) what: Asked,
    pub(super) message: Box<Message>,
    pub(super) source: Source,
}

/// What is asked, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Register(TransactionId),
    Call(DialogId),
}

/// What the directory has to be asked first.
pub(super) enum Missing {
    Realm(String),
    Account(Realm, String),
    /// The trunk that this number lies on.
    Trunk(String),
}

impl SipTask {
    /// Goes on with a request as far as what is known allows.
    pub(super) fn authenticate(&mut self, now: Instant, ask: Ask) {
        let claims = Claims::read(&ask.message, HeaderName::Authorization);
        let realm = match self.realm_of(now, &ask, &claims) {
            Ok(realm) => realm,
            Err(domain) => return self.park(ask, Missing::Realm(domain)),
        };
        let name = realm.as_ref().map_or(NOBODYS_REALM, |realm| &realm.domain).to_owned();
        let Some(user) = claims.user(&name).map(str::to_owned) else {
            return self.challenge(now, ask, &name, false);
        };
        let account = match &realm {
            None => None,
            Some(realm) => {
                match self.near.call_neighbours.accounts.known_account(realm.tenant, &user, now) {
                    Some(account) => account,
                    None => return self.park(ask, Missing::Account(realm.clone(), user)),
                }
            }
        };
        let aor = format!("{user}@{name}");
        if self.brute_force.is_banned(now, ask.source.remote.ip(), &aor) {
            measure::dropped("banned");
            return self.answer(ask, Reply::new(403));
        }
        let secret = account.as_ref().map(|account| account.secret.0.as_str());
        let check = Check { realm: &name, secret };
        match (self.challenger.check(now, &ask.message, &claims, &check), account) {
            (Verdict::Accepted, Some(account)) => self.proved(now, ask, &aor, account),
            (Verdict::Missing | Verdict::Accepted, _) => self.challenge(now, ask, &name, false),
            (Verdict::Stale, _) => self.challenge(now, ask, &name, true),
            // A count that was used may be a repetition on the way, no guess.
            (Verdict::Refused(Refusal::Replay), _) => self.challenge(now, ask, &name, true),
            (Verdict::Refused(_), _) => self.not_proved(now, ask, &aor, realm.as_ref()),
        }
    }

    /// Whose realm the request is for; `Err` names a domain the directory has to be asked for.
    fn realm_of(&self, now: Instant, ask: &Ask, claims: &Claims) -> Result<Option<Realm>, String> {
        let of_host = |uri: &Uri| uri.host().map(|host| host.to_string().to_ascii_lowercase());
        let who = || match ask.what {
            Asked::Register(_) => ask.message.to(),
            Asked::Call(_) => ask.message.from(),
        };
        // The first that is known settles it, so the next is not even written.
        let domains: [&dyn Fn() -> Option<String>; 3] =
            [&|| claims.realm().map(str::to_ascii_lowercase), &|| of_host(&who().uri), &|| {
                ask.message.request_uri().and_then(of_host)
            }];
        for domain in domains.into_iter().filter_map(|domain| domain()) {
            match self.near.call_neighbours.accounts.known_realm(&domain, now) {
                Some(Some(realm)) => return Ok(Some(realm)),
                Some(None) => {}
                None => return Err(domain),
            }
        }
        Ok(None)
    }

    /// Waits for the directory, if there is room to wait.
    pub(super) fn park(&mut self, ask: Ask, missing: Missing) {
        if self.parked.len() >= PARKED_MAX {
            measure::dropped("parked_requests");
            let mut reply = Reply::new(503);
            reply.headers.push(retry_after(5));
            return self.answer(ask, reply);
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.parked.insert(ticket, ask);
        let (accounts, door) =
            (self.near.call_neighbours.accounts.clone(), self.near.call_neighbours.sip.clone());
        tokio::spawn(async move {
            let answered = match missing {
                Missing::Realm(domain) => accounts.realm(&domain).await.is_ok(),
                Missing::Account(realm, user) => {
                    accounts.account(realm.tenant, &user).await.is_ok()
                }
                Missing::Trunk(number) => accounts.trunk(&number).await.is_ok(),
            };
            door.send(SipCommand::Looked { ticket, answered }).await;
        });
    }

    /// The directory answered what a parked request needs.
    pub(super) fn looked(&mut self, now: Instant, ticket: Ticket, answered: bool) {
        let Some(ask) = self.parked.remove(&ticket) else { return };
        if answered {
            return match ask.what {
                Asked::Register(_) => self.authenticate(now, ask),
                Asked::Call(dialog) => self.place_caller(now, dialog, ask),
            };
        }
        let mut reply = Reply::new(503);
        reply.headers.push(retry_after(5));
        self.answer(ask, reply);
    }

    /// The caller gave up while we were asking about it.
    pub(super) fn forget_parked(&mut self, dialog: DialogId) {
        if !self.parked.is_empty() {
            self.parked.retain(|_, ask| ask.what != Asked::Call(dialog));
        }
    }

    /// Somebody proved who they are.
    fn proved(&mut self, now: Instant, ask: Ask, aor: &str, account: Arc<ExtensionAccount>) {
        let address = ask.source.remote.ip();
        self.brute_force.succeeded(address, aor);
        self.near.known.remember(address, now);
        self.flows.mark_known(ask.source.flow);
        match ask.what {
            Asked::Register(transaction) => {
                self.register(now, transaction, ask.message, ask.source, account);
            }
            Asked::Call(dialog) => {
                self.extension_calls(now, dialog, ask.message, ask.source, account);
            }
        }
    }

    /// Credentials that prove nothing: the same answer whoever was claimed (B03).
    fn not_proved(&mut self, now: Instant, ask: Ask, aor: &str, realm: Option<&Realm>) {
        measure::auth_failed();
        let address = ask.source.remote.ip();
        tracing::debug!(%address, aor, "secret not proved");
        match self.brute_force.failed(now, address, aor) {
            Consequence::Delay(Duration::ZERO) => self.answer(ask, Reply::new(403)),
            Consequence::Delay(delay) => self.answer_later(now + delay, ask, Reply::new(403)),
            Consequence::Ban(until) => {
                let until = SystemTime::now() + until.saturating_duration_since(now);
                let ban = Ban { address, aor: aor.to_owned(), until };
                let kind = SecurityEventKind::Banned { aor: aor.to_owned(), until };
                self.audit(realm.map(|realm| realm.tenant), &ask.source, kind);
                let directory = self.near.call_neighbours.directory.clone();
                tokio::spawn(async move {
                    if let Err(error) = directory.ban_save(ban).await {
                        tracing::warn!(%error, "ban is not kept over a restart");
                    }
                });
                self.answer(ask, Reply::new(403));
            }
        }
    }

    fn challenge(&mut self, now: Instant, ask: Ask, realm: &str, stale: bool) {
        let mut reply = Reply::new(401);
        for line in self.challenger.challenges(now, realm, stale) {
            reply = reply.with_header("WWW-Authenticate", line);
        }
        self.answer(ask, reply);
    }

    /// Final answer to somebody who asked.
    pub(super) fn answer(&mut self, ask: Ask, reply: Reply) {
        let now = Instant::now();
        measure::answered(ask.message.method().as_str(), reply.status);
        let sent = match ask.what {
            Asked::Register(transaction) => self.endpoint.respond(now, transaction, &reply),
            Asked::Call(dialog) => self.endpoint.reject(now, dialog, reply.status, &reply.headers),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "answer came too late");
        }
    }

    /// Writes the security audit without waiting for it.
    pub(super) fn audit(
        &self,
        tenant: Option<call::TenantId>,
        source: &Source,
        kind: SecurityEventKind,
    ) {
        tracing::warn!(source = %source.remote, "security event, see the audit");
        tracing::debug!(?kind, "security event");
        let event = SecurityEvent { at: SystemTime::now(), tenant, source: source.remote, kind };
        let directory = self.near.call_neighbours.directory.clone();
        tokio::spawn(async move {
            if let Err(error) = directory.audit(event).await {
                tracing::error!(%error, "security event is not in the audit");
            }
        });
    }
}
