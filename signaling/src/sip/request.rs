//! Requests that begin something: REGISTER, OPTIONS, INVITE.

use super::{
    DialogKey,
    identity::{Ask, Asked, Missing},
    replacing::named_by,
    task::{SipTask, retry_after},
};
use crate::{
    calls::{Caller, FirstInput, NoRoom, Offered, spawn},
    directory::{DialledFrom, ExtensionAccount, SecurityEventKind},
    measure,
    trunk::Trunk,
};
use call::{CallId, Input, LegId, Origin, TenantId};
use signaling_proto::{
    ALLOW, DialogId, HeaderName, Message, Method, NameAddr, Reach, Reply, Source, TransactionId,
};
use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Kept on the call whatever the trunk's settings say: carriers ask for these in disputes.
const KNOWN_REFERENCES: [&str; 2] = ["X-Exotel-CallSid", "X-Twilio-CallSid"];

/// A reference longer than this is not one.
const REFERENCE_MAX: usize = 200;

impl SipTask {
    /// A request outside of any dialog that is no INVITE.
    pub(super) fn requested(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        message: Box<Message>,
        source: Source,
    ) {
        if message.count(HeaderName::Replaces) > 0 {
            // Only an INVITE can take a dialog's place (RFC 3891 §3).
            measure::answered(message.method().as_str(), 400);
            let _ = self.endpoint.respond(now, transaction, &Reply::new(400));
            return;
        }
        match message.method() {
            Method::Register => {
                self.authenticate(now, Ask { what: Asked::Register(transaction), message, source });
            }
            Method::Options => self.options(now, transaction, &source),
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Prack
            | Method::Update
            | Method::Info
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => {
                measure::answered(message.method().as_str(), 405);
                let reply = Reply::new(405).with_header("Allow", ALLOW);
                let _ = self.endpoint.respond(now, transaction, &reply);
            }
        }
    }

    fn options(&mut self, now: Instant, transaction: TransactionId, source: &Source) {
        if !self.trunks_at(source).is_empty() {
            self.flows.mark_known(source.flow);
        }
        let mut reply = Reply::new(if self.near.calls.is_draining() { 503 } else { 200 })
            .with_header("Allow", ALLOW)
            .with_header("Accept", "application/sdp");
        if reply.status == 503 {
            reply.headers.push(retry_after(60));
        }
        measure::answered("OPTIONS", reply.status);
        let _ = self.endpoint.respond(now, transaction, &reply);
    }

    /// The trunks that a request may come from. A registered phone's own socket is that phone's,
    /// even when it lies within a carrier's block.
    fn trunks_at(&self, source: &Source) -> Vec<Arc<Trunk>> {
        if self.registrations.has_source(source.remote) {
            return Vec::new();
        }
        self.near
            .call_neighbours
            .trunks
            .recognise(source.remote, self.flows.certificate(source.flow))
    }

    /// Somebody calls.
    pub(super) fn invited(
        &mut self,
        now: Instant,
        dialog: DialogId,
        message: Box<Message>,
        source: Source,
    ) {
        let contact = self.near.names.contact_towards(&source);
        let _ = self.endpoint.set_contact(dialog, contact);
        let ask = Ask { what: Asked::Call(dialog), message, source };
        if self.near.calls.is_draining() {
            return self.refuse(ask, NoRoom::Draining);
        }
        self.place_caller(now, dialog, ask);
    }

    /// Finds out who calls, as far as what is known allows.
    pub(super) fn place_caller(&mut self, now: Instant, dialog: DialogId, ask: Ask) {
        let mut trunks = self.trunks_at(&ask.source);
        match trunks.as_slice() {
            [] => self.authenticate(now, ask),
            [trunk] => self.trunk_calls(now, dialog, ask, trunk),
            _ => {
                let named = |trunk: &Arc<Trunk>| !names_trunk(&ask.message, trunk);
                trunks.sort_by_key(named);
                self.shared_source_calls(now, dialog, ask, &trunks);
            }
        }
    }

    /// A carrier that serves several accounts from one address: whose number is called decides, never who claims to
    /// call (B10).
    fn shared_source_calls(
        &mut self,
        now: Instant,
        dialog: DialogId,
        ask: Ask,
        trunks: &[Arc<Trunk>],
    ) {
        let mut owned = None;
        for trunk in trunks {
            let number = dialled(&ask.message, trunk);
            match self.near.call_neighbours.accounts.known_trunk(&number, now) {
                None => return self.park(ask, Missing::Trunk(number)),
                Some(found) if found == Some(trunk.settings.trunk) => {
                    owned = Some(trunk);
                    break;
                }
                Some(_) => {}
            }
        }
        let tenant = trunks.first().map(|trunk| trunk.settings.tenant);
        let of_one = trunks.iter().all(|trunk| Some(trunk.settings.tenant) == tenant);
        match owned.or(trunks.first().filter(|_| of_one)) {
            Some(trunk) => self.trunk_calls(now, dialog, ask, trunk),
            None => {
                tracing::warn!(source = %ask.source.remote, "a number of none of the tenants that share this carrier address");
                self.answer(ask, Reply::new(404));
            }
        }
    }

    fn trunk_calls(&mut self, now: Instant, dialog: DialogId, ask: Ask, trunk: &Arc<Trunk>) {
        let settings = &trunk.settings;
        self.near.known.remember(ask.source.remote.ip(), now);
        self.flows.mark_known(ask.source.flow);
        for target in trunk.targets() {
            let _ = self.endpoint.allow_address(dialog, target.address.ip());
        }
        let message = &ask.message;
        let asserted = message.p_asserted_identity().ok().and_then(|all| all.into_iter().next());
        let from = asserted.as_ref().and_then(user_of).or_else(|| user_of(message.from()));
        let offer = Offer {
            tenant: settings.tenant,
            origin: Origin::Trunk(settings.trunk),
            from: from.unwrap_or_else(|| "anonymous".to_owned()),
            to: dialled(message, trunk),
            carrier_refs: references(message, &settings.reference_headers),
        };
        self.begin(now, dialog, ask, offer, || Caller::Trunk(trunk.count_channel()));
    }

    /// A phone that proved its secret calls.
    pub(super) fn extension_calls(
        &mut self,
        now: Instant,
        dialog: DialogId,
        message: Box<Message>,
        source: Source,
        account: Arc<ExtensionAccount>,
    ) {
        let _ = self.endpoint.set_reach(dialog, Reach::Flow);
        let claimed = message.p_asserted_identity().ok().and_then(|all| all.into_iter().next());
        for identity in [Some(message.from()), claimed.as_ref()].into_iter().flatten() {
            // The claim is not used in any case; who makes it should be known (D10).
            if let Some(user) = user_of(identity).filter(|user| *user != account.number) {
                let kind = SecurityEventKind::ForeignIdentity {
                    extension: account.extension,
                    claimed: user,
                };
                self.audit(Some(account.tenant), &source, kind);
            }
        }
        let offer = Offer {
            tenant: account.tenant,
            origin: Origin::Extension {
                extension: account.extension,
                user: account.user,
                number: account.number.clone(),
            },
            from: account.number.clone(),
            to: message.request_uri().and_then(|uri| uri.user()).unwrap_or_default(),
            carrier_refs: Vec::new(),
        };
        let ask = Ask { what: Asked::Call(dialog), message, source };
        self.begin(now, dialog, ask, offer, || Caller::Phone(account));
    }

    /// Starts the call's task, if there is room for a call.
    fn begin(
        &mut self,
        _now: Instant,
        dialog: DialogId,
        ask: Ask,
        offer: Offer,
        caller: impl FnOnce() -> Caller,
    ) {
        match named_by(&ask.message) {
            Ok(None) => {}
            Ok(Some(replaces)) => return self.replace(dialog, ask, &replaces, &offer, caller()),
            Err(status) => return self.answer(ask, Reply::new(status)),
        }
        let call = new_call_id();
        let (place, mailbox) = match self.near.calls.enter(call, offer.tenant) {
            Ok(entered) => entered,
            Err(no_room) => return self.refuse(ask, no_room),
        };
        let leg = LegId::of(call, 0);
        self.dialogs.insert(dialog, DialogKey { leg, fork: 0 }, place.door.clone());
        let input = Input::LegOffered {
            leg,
            tenant: offer.tenant,
            origin: offer.origin,
            from: offer.from,
            to: offer.to,
            sdp: ask.message.sdp(),
            carrier_refs: offer.carrier_refs,
        };
        let offered = Offered { input, peer: ask.source.remote, caller: caller() };
        let near = self.near.call_neighbours.clone();
        spawn(near, place, mailbox, FirstInput::Offered(Box::new(offered)));
    }

    fn refuse(&mut self, ask: Ask, no_room: NoRoom) {
        tracing::debug!(%no_room, "new call refused");
        measure::dropped("calls_refused");
        let mut reply = Reply::new(503);
        reply.headers.push(retry_after(match no_room {
            NoRoom::Draining => 60,
            NoRoom::Full | NoRoom::JournalLags | NoRoom::Known => 5,
        }));
        self.answer(ask, reply);
    }
}

/// What a call begins with, whoever placed it.
pub(super) struct Offer {
    pub(super) tenant: TenantId,
    origin: Origin,
    from: String,
    to: String,
    carrier_refs: Vec<(String, String)>,
}

/// The number called, where this carrier writes it.
fn dialled(message: &Message, trunk: &Trunk) -> String {
    let dialled = match trunk.settings.dialled_from {
        DialledFrom::RequestUri => message.request_uri().and_then(|uri| uri.user()),
        DialledFrom::To => user_of(message.to()),
    };
    dialled.unwrap_or_default()
}

/// Does the request name this trunk's domain?
fn names_trunk(message: &Message, trunk: &Trunk) -> bool {
    let hosts = [message.request_uri().and_then(|uri| uri.host()), message.to().uri.host()];
    hosts.into_iter().flatten().any(|host| trunk.is_addressed_as(&host.to_string()))
}

fn user_of(address: &NameAddr) -> Option<String> {
    address.uri.user()
}

/// A call id from wall time and chance.
pub(super) fn new_call_id() -> CallId {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    CallId::from_parts(unix_ms, &rand::random())
}

fn references(message: &Message, wanted: &[String]) -> Vec<(String, String)> {
    let names = KNOWN_REFERENCES.iter().copied().chain(wanted.iter().map(String::as_str));
    let mut found: Vec<(String, String)> = Vec::new();
    for name in names {
        let known = found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = message.named(name).find(|value| value.len() <= REFERENCE_MAX);
        if let Some(value) = value.filter(|_| !known) {
            found.push((name.to_owned(), value.to_string()));
        }
    }
    found
}
