//! Offers of the peer before the call is answered: UPDATE in an early dialog (RFC 3311 §5.2), and the PRACK of a reliable
//! 18x that held the answer to the first one (RFC 3262 §5).

use super::{ALLOW, Dialog, Stage};
use crate::Message;
use crate::endpoint::{Body, DialogEvent, InvalidUse, TransactionId, read};
use crate::transaction::{Answer, TransactionLayer};
use std::time::Instant;

/// How far the first offer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstOffer {
    /// They wait for our answer.
    Theirs,
    /// We wait for theirs.
    Ours,
    /// Both know the session.
    Settled,
}

impl Dialog {
    /// UPDATE before the final response. Without an offer it refreshes nothing that is there yet.
    pub(super) fn handle_early_update(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        update: &Message,
    ) {
        let refused = match (self.first_offer(update.from_tag()), self.early_offer) {
            (FirstOffer::Settled, None) => None,
            (FirstOffer::Settled | FirstOffer::Theirs, _) => {
                Some((500, format!("Retry-After: {}\r\n", layer.below(11))))
            }
            (FirstOffer::Ours, _) => Some((491, String::new())),
        };
        match refused {
            Some((status, lines)) => {
                layer.respond(
                    now,
                    transaction,
                    &Answer { lines: &lines, ..Answer::status(status) },
                );
            }
            None => self.take_early_offer(layer, transaction, update),
        }
    }

    /// Hands the offer up; the application answers it as it answers a re-INVITE.
    pub(super) fn take_early_offer(
        &mut self,
        layer: &mut TransactionLayer,
        transaction: TransactionId,
        request: &Message,
    ) {
        self.early_offer = Some(transaction);
        self.emit(layer, DialogEvent::Reinvited { body: read::body(request) });
    }

    fn first_offer(&self, tag: &str) -> FirstOffer {
        match &self.stage {
            Stage::Offered(offered) if offered.is_settled() => FirstOffer::Settled,
            Stage::Calling(calling) if calling.is_settled(tag) => FirstOffer::Settled,
            Stage::Calling(_) => FirstOffer::Ours,
            Stage::Offered(_) | Stage::Challenged(_) | Stage::Live(_) | Stage::Over => {
                FirstOffer::Theirs
            }
        }
    }

    /// The application's answer, when it is an early offer it answers.
    pub(super) fn answer_early_offer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        body: Option<&Body>,
    ) -> Result<(), InvalidUse> {
        let transaction = self.early_offer.take().ok_or(InvalidUse::WrongState)?;
        if let (Stage::Offered(offered), Some(_)) = (&mut self.stage, body) {
            offered.changed = true;
            offered.local_body = body.cloned();
        }
        let contact = self.contact.clone();
        let lines = format!("Allow: {ALLOW}\r\n");
        let answer = Answer {
            in_dialog: true,
            contact: contact.as_deref(),
            lines: &lines,
            body,
            ..Answer::status(200)
        };
        layer.respond(now, transaction, &answer);
        self.answer_held_back(layer, now);
        Ok(())
    }

    /// The application refuses it, or the call ends before it could answer: the session stays as it was.
    pub(super) fn refuse_early_offer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        status: u16,
    ) -> Result<(), InvalidUse> {
        let transaction = self.early_offer.take().ok_or(InvalidUse::WrongState)?;
        layer.respond(now, transaction, &Answer::status(status));
        self.answer_held_back(layer, now);
        Ok(())
    }
}
