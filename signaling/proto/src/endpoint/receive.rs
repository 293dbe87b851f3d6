//! A message from the network finds its transaction, its dialog, or its refusal.

use super::{DialogId, Endpoint, Event, Source, TransmitId};
use crate::dialog::{Dialog, capabilities};
use crate::message::Limits;
use crate::transaction::{Answer, ClientKey, Known, Token};
use crate::{Message, Method, ParseOutcome};
use bytes::Bytes;
use std::time::Instant;

/// Methods handed up outside dialogs.
const SERVED: [Method; 3] = [Method::Register, Method::Options, Method::Message];

impl Endpoint {
    /// Takes one datagram, or one message cut out of a stream.
    pub fn handle_message(&mut self, now: Instant, source: Source, bytes: Bytes) {
        self.handle_outcome(now, source, Message::read(bytes, &Limits::DEFAULT));
    }

    /// Takes what was read already: by the framer of a stream, or under other limits.
    pub fn handle_outcome(&mut self, now: Instant, source: Source, outcome: ParseOutcome) {
        self.layer.counters.received += 1;
        match outcome {
            ParseOutcome::Ok(message) => self.handle_parsed(now, source, message),
            ParseOutcome::Malformed(malformed) => {
                self.layer.counters.malformed += 1;
                let tag = self.layer.token().to_string();
                let bytes = malformed.response(source.remote, &tag);
                self.layer.transmit(TransmitId(0), source.reply_path(), bytes);
            }
            ParseOutcome::Drop(_) => self.layer.counters.malformed += 1,
        }
    }

    fn handle_parsed(&mut self, now: Instant, source: Source, mut message: Message) {
        if message.is_request() {
            message.note_source(source.remote);
            self.handle_request(now, source, Box::new(message));
        } else {
            match ClientKey::of_response(message.via().branch(), message.method().as_str()) {
                Some(key) => self.layer.handle_response(now, key, Box::new(message), source),
                None => self.layer.counters.stray_responses += 1,
            }
        }
        self.drain_upcalls(now);
    }

    fn handle_request(&mut self, now: Instant, source: Source, request: Box<Message>) {
        match self.layer.sort_request(now, &request) {
            Known::Handled => return,
            Known::Merged => return self.refuse(&source, &request, 482),
            Known::New => {}
        }
        let method = request.method();
        if *method == Method::Ack {
            self.handle_ack(now, &source, &request);
        } else if *method == Method::Cancel {
            self.handle_cancel(now, &source, &request);
        } else if request.to_tag().is_some() {
            self.handle_in_dialog(now, source, request);
        } else if *method == Method::Invite {
            self.handle_invite(now, source, request);
        } else {
            self.handle_out_of_dialog(now, source, request);
        }
    }

    fn refuse(&mut self, source: &Source, request: &Message, status: u16) {
        self.refuse_with(source, request, &Answer::status(status));
    }

    fn refuse_with(&mut self, source: &Source, request: &Message, answer: &Answer<'_>) {
        self.layer.respond_stateless(request, source, answer);
    }

    /// The dialog a request names by its tags and Call-ID.
    fn dialog_of(&self, request: &Message) -> Option<DialogId> {
        let token = Token::parse(request.to_tag()?)?;
        let id = *self.tags.get(&token)?;
        self.dialogs.get(&id)?.matches(request).then_some(id)
    }

    fn handle_ack(&mut self, now: Instant, source: &Source, ack: &Message) {
        let dialog = self.dialog_of(ack).and_then(|id| Some((id, self.dialogs.get_mut(&id)?)));
        match dialog {
            Some((id, dialog)) if dialog.trusts(source) => {
                dialog.handle_ack(&mut self.layer, now, ack);
                self.settle(id);
            }
            Some(_) => self.layer.counters.foreign_requests += 1,
            None => self.layer.counters.stray_acks += 1,
        }
    }

    fn handle_cancel(&mut self, now: Instant, source: &Source, cancel: &Message) {
        let Some(invite) = self.layer.cancelled_by(cancel) else {
            self.layer.counters.stray_requests += 1;
            return self.refuse(source, cancel, 481);
        };
        let id = self.layer.dialog_of(invite);
        let dialog = id.and_then(|id| self.dialogs.get_mut(&id));
        let tag = dialog.as_ref().map(|dialog| dialog.tag);
        if let Ok(transaction) = self.layer.accept(now, cancel, source, None) {
            self.layer.respond(now, transaction, &Answer { tag, ..Answer::status(200) });
        }
        if let (Some(id), Some(dialog)) = (id, dialog) {
            dialog.handle_cancel(&mut self.layer, now, invite, cancel);
            self.settle(id);
        }
    }

    fn handle_in_dialog(&mut self, now: Instant, source: Source, request: Box<Message>) {
        let found = self.dialog_of(&request).and_then(|id| Some((id, self.dialogs.get_mut(&id)?)));
        let Some((id, dialog)) = found else {
            self.layer.counters.stray_requests += 1;
            return self.refuse(&source, &request, 481);
        };
        if !dialog.trusts(&source) {
            self.layer.counters.foreign_requests += 1;
            return self.refuse(&source, &request, 403);
        }
        let Ok(transaction) = self.layer.accept(now, &request, &source, Some(id)) else {
            return; // counted; the peer repeats it
        };
        dialog.handle_request(&mut self.layer, now, transaction, request, &source);
        self.settle(id);
    }

    /// What RFC 3261 §8.2 has every new request pass.
    fn refused_at_the_door(&mut self, source: &Source, request: &Message) -> bool {
        let Err(refusal) = self.layer.config.served.screen(request) else { return false };
        let lines =
            refusal.header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
        let answer = Answer { lines: &lines, ..Answer::status(refusal.status.code()) };
        self.refuse_with(source, request, &answer);
        true
    }

    fn handle_invite(&mut self, now: Instant, source: Source, invite: Box<Message>) {
        if self.refused_at_the_door(&source, &invite) {
            return;
        }
        if self.dialogs.len() >= self.layer.config.max_dialogs {
            self.layer.counters.refused_full += 1;
            return self.refuse_overloaded(&source, &invite);
        }
        if let Some(lines) = Dialog::interval_refusal(&self.layer, &invite) {
            let answer = Answer { lines: &lines, ..Answer::status(422) };
            return self.refuse_with(&source, &invite, &answer);
        }
        let id = DialogId(self.layer.mint());
        let Ok(transaction) = self.layer.accept(now, &invite, &source, Some(id)) else {
            return self.refuse_overloaded(&source, &invite);
        };
        self.layer.respond(now, transaction, &Answer::status(100));
        let dialog = Dialog::offered(&mut self.layer, now, id, transaction, &invite, &source);
        self.keep(dialog);
        self.layer.events.push_back(Event::Invited { dialog: id, message: invite, source });
    }

    fn refuse_overloaded(&mut self, source: &Source, invite: &Message) {
        let seconds = self.layer.config.overload_retry_after.as_secs();
        let lines = format!("Retry-After: {seconds}\r\n");
        self.refuse_with(source, invite, &Answer { lines: &lines, ..Answer::status(503) });
    }

    fn handle_out_of_dialog(&mut self, now: Instant, source: Source, request: Box<Message>) {
        let method = request.method();
        if matches!(method, Method::Bye | Method::Info | Method::Update | Method::Prack) {
            self.layer.counters.stray_requests += 1;
            return self.refuse(&source, &request, 481);
        }
        if !SERVED.contains(method) && !matches!(method, Method::Other(_)) {
            let lines = capabilities();
            let answer = Answer { lines: &lines, ..Answer::status(405) };
            return self.refuse_with(&source, &request, &answer);
        }
        if self.refused_at_the_door(&source, &request) {
            return;
        }
        // Full tables: counted; the client repeats its request.
        if let Ok(transaction) = self.layer.accept(now, &request, &source, None) {
            let event = Event::Request { transaction, message: request, source };
            self.layer.events.push_back(event);
        }
    }
}
