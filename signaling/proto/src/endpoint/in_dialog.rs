//! What the application does with dialogs.

use super::{
    Body, DialogId, DialogRequest, Endpoint, HeaderLine, InvalidUse, InviteRequest, Reach, Source,
    TransactionId,
};
use crate::Method;
use crate::dialog::{Dialog, Named};
use crate::headers::{Reason, Replaces};
use crate::transaction::{Token, TransactionLayer};
use std::net::IpAddr;
use std::time::Instant;

impl Endpoint {
    /// Places a call.
    pub fn invite(&mut self, now: Instant, invite: InviteRequest) -> Result<DialogId, InvalidUse> {
        if self.dialogs.len() >= self.layer.config.max_dialogs {
            self.layer.counters.refused_full += 1;
            return Err(InvalidUse::Full);
        }
        let id = DialogId(self.layer.mint());
        let dialog =
            Dialog::call(&mut self.layer, now, id, invite).map_err(|_| InvalidUse::Full)?;
        self.keep(dialog);
        self.drain_upcalls(now);
        Ok(id)
    }

    fn with(
        &mut self,
        now: Instant,
        id: DialogId,
        act: impl FnOnce(&mut Dialog, &mut TransactionLayer) -> Result<(), InvalidUse>,
    ) -> Result<(), InvalidUse> {
        let dialog = self.dialogs.get_mut(&id).ok_or(InvalidUse::UnknownDialog)?;
        let done = act(dialog, &mut self.layer);
        self.settle(id);
        self.drain_upcalls(now);
        done
    }

    /// Sends the challenged INVITE again with Authorization or Proxy-Authorization lines.
    pub fn retry_with(
        &mut self,
        now: Instant,
        dialog: DialogId,
        credentials: Vec<HeaderLine>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.retry_with(layer, now, credentials))
    }

    /// Sends 101–199 to an offered call; reliably when the caller demands it.
    pub fn progress(
        &mut self,
        now: Instant,
        dialog: DialogId,
        status: u16,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.progress(layer, now, status, headers, body))
    }

    /// Answers an offered call with 200.
    pub fn answer(
        &mut self,
        now: Instant,
        dialog: DialogId,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.answer(layer, now, headers, body))
    }

    /// Refuses an offered call with 300–699.
    pub fn reject(
        &mut self,
        now: Instant,
        dialog: DialogId,
        status: u16,
        headers: &[HeaderLine],
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.reject(layer, now, status, headers))
    }

    /// Ends a call in whatever state: CANCEL, BYE, or a refusal. `Ended` follows at once.
    pub fn hangup(
        &mut self,
        now: Instant,
        dialog: DialogId,
        reason: Option<Reason>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.hangup(layer, now, reason))
    }

    /// Answers the offer of a 2xx to our late-offer INVITE or re-INVITE.
    pub fn acknowledge(
        &mut self,
        now: Instant,
        dialog: DialogId,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.acknowledge(layer, now, body))
    }

    /// re-INVITE with a new offer; without one the offer comes in the answer (`acknowledge` it).
    pub fn reinvite(
        &mut self,
        now: Instant,
        dialog: DialogId,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.reinvite(layer, now, body))
    }

    /// UPDATE with a new offer.
    pub fn update(&mut self, now: Instant, dialog: DialogId, body: Body) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.update(layer, now, body))
    }

    /// Accepts their re-INVITE or UPDATE.
    pub fn accept_reinvite(
        &mut self,
        now: Instant,
        dialog: DialogId,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.accept_reinvite(layer, now, body))
    }

    /// Refuses their re-INVITE or UPDATE (488 mostly).
    pub fn refuse_reinvite(
        &mut self,
        now: Instant,
        dialog: DialogId,
        status: u16,
    ) -> Result<(), InvalidUse> {
        self.with(now, dialog, |d, layer| d.refuse_reinvite(layer, now, status))
    }

    /// INFO.
    pub fn info(
        &mut self,
        now: Instant,
        dialog: DialogId,
        body: Body,
    ) -> Result<TransactionId, InvalidUse> {
        let request = DialogRequest { method: Method::Info, headers: Vec::new(), body: Some(body) };
        self.request_in_dialog(now, dialog, request)
    }

    /// REFER: blind with a plain URI, attended with a `Replaces` in it.
    pub fn refer(
        &mut self,
        now: Instant,
        dialog: DialogId,
        refer_to: String,
        referred_by: Option<String>,
    ) -> Result<TransactionId, InvalidUse> {
        let mut headers = vec![HeaderLine::new("Refer-To", refer_to)];
        headers.extend(referred_by.map(|by| HeaderLine::new("Referred-By", by)));
        let request = DialogRequest { method: Method::Refer, headers, body: None };
        self.request_in_dialog(now, dialog, request)
    }

    /// NOTIFY of a REFER's progress: a status line such as `SIP/2.0 180 Ringing`.
    pub fn notify(
        &mut self,
        now: Instant,
        dialog: DialogId,
        subscription_state: String,
        status_line: String,
    ) -> Result<TransactionId, InvalidUse> {
        let headers = vec![
            HeaderLine::new("Event", "refer"),
            HeaderLine::new("Subscription-State", subscription_state),
        ];
        let body = Body {
            content_type: "message/sipfrag;version=2.0".into(),
            bytes: format!("{status_line}\r\n").into(),
        };
        let request = DialogRequest { method: Method::Notify, headers, body: Some(body) };
        self.request_in_dialog(now, dialog, request)
    }

    /// Any other request in the dialog; its outcome is a
    /// [`DialogEvent::Response`](super::DialogEvent::Response).
    pub fn request_in_dialog(
        &mut self,
        now: Instant,
        dialog: DialogId,
        request: DialogRequest,
    ) -> Result<TransactionId, InvalidUse> {
        let found = self.dialogs.get_mut(&dialog).ok_or(InvalidUse::UnknownDialog)?;
        let sent = found.request(&mut self.layer, now, request);
        self.settle(dialog);
        self.drain_upcalls(now);
        sent
    }

    /// How requests in the dialog are sent.
    pub fn set_reach(&mut self, dialog: DialogId, reach: Reach) -> Result<(), InvalidUse> {
        self.dialog_mut(dialog).map(|d| d.set_reach(reach))
    }

    /// Contact value for an offered call, where it is not our advertised address.
    pub fn set_contact(&mut self, dialog: DialogId, contact: String) -> Result<(), InvalidUse> {
        self.dialog_mut(dialog).map(|d| d.set_contact(contact))
    }

    /// The peer may also speak from this address (another proxy of the same carrier).
    pub fn allow_address(&mut self, dialog: DialogId, address: IpAddr) -> Result<(), InvalidUse> {
        self.dialog_mut(dialog).map(|d| d.allow_address(address))
    }

    /// The peer may speak from anywhere: tags alone decide.
    pub fn allow_any_address(&mut self, dialog: DialogId) -> Result<(), InvalidUse> {
        self.dialog_mut(dialog).map(Dialog::allow_any_address)
    }

    /// The peer registered anew and is reached by another flow from now on.
    pub fn set_flow(&mut self, dialog: DialogId, source: Source) -> Result<(), InvalidUse> {
        self.dialog_mut(dialog).map(|d| d.set_flow(source))
    }

    /// Call-ID, our tag and the peer's tag, as a `Replaces` names them (RFC 3891); none before
    /// the answer.
    pub fn dialog_ids(&self, dialog: DialogId) -> Option<(String, String, String)> {
        self.dialogs.get(&dialog).and_then(|dialog| dialog.ids())
    }

    /// The dialog a `Replaces` names (RFC 3891): tags are seen from our side.
    pub fn find_dialog(&self, named: &Replaces) -> Option<Named> {
        let token = Token::parse(&named.to_tag)?;
        let live = self.tags.get(&token).and_then(|id| self.dialogs.get(id));
        live.and_then(|dialog| dialog.named(named)).or_else(|| self.layer.ended.find(named))
    }

    fn dialog_mut(&mut self, id: DialogId) -> Result<&mut Dialog, InvalidUse> {
        self.dialogs.get_mut(&id).map(|dialog| &mut **dialog).ok_or(InvalidUse::UnknownDialog)
    }
}
