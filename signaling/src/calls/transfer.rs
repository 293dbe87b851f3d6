//! Transfers on the wire: a phone's REFER, and what it is told of it.

use super::{CallTaskEvent, task::CallTask};
use crate::{directory::RouteRequest, sip::DialogAction};
use bytes::Bytes;
use call::{
    CauseKind, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Input, LegEndpoint, LegId,
    Origin, ReferTo,
};
use futures::future::BoxFuture;
use signaling_proto::{
    HeaderName, Message, NameAddr, Reply, StatusCode, TransactionId, headers::Replaces,
};
use std::time::Instant;

/// A subscription that begins with a REFER lasts no longer; ringing and connecting do not either.
const SUBSCRIBED_S: u32 = 180;

/// A REFER as it came.
#[derive(Debug)]
pub(super) struct Referral {
    pub(super) fork: u16,
    pub(super) transaction: TransactionId,
    pub(super) refer_to: String,
    pub(super) message: Box<Message>,
}

/// A REFER that is answered, or about to be.
#[derive(Debug)]
pub(super) struct Referring {
    fork: u16,
    transaction: TransactionId,
    /// No word about how it fares is wanted (RFC 4488).
    silent: bool,
    /// The phone's other dialog (RFC 3891).
    pub(super) replaces: Option<Replaces>,
}

impl CallTask {
    /// A REFER in the dialog of a leg. Whether it is done is the core's to say.
    pub(super) fn referred(&mut self, leg: LegId, referral: Referral) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Referral { fork, transaction, refer_to, message } = referral;
            let read = match self.refers.contains_key(&leg) {
                true => Err(491),
                false => target_of(&refer_to),
            };
            let (to, replaces) = match read {
                Ok(read) => read,
                Err(status) => {
                    let reply = Reply::new(status);
                    return self
                        .dialog(leg, fork, DialogAction::Respond { transaction, reply })
                        .await;
                }
            };
            let silent = message.text(HeaderName::ReferSub).is_some_and(|value| {
                value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("false")
            });
            self.refers.insert(leg, Referring { fork, transaction, silent, replaces });
            self.core.handle_input(Instant::now(), Input::LegReferred { leg, to });
        })
    }

    /// 202, and that it is being done.
    pub(super) async fn accept_refer(&mut self, leg: LegId) {
        let Some(refer) = self.refers.get(&leg) else { return };
        let (fork, transaction, silent) = (refer.fork, refer.transaction, refer.silent);
        let mut reply = Reply::new(202);
        if silent {
            reply = reply.with_header("Refer-Sub", "false");
        }
        self.dialog(leg, fork, DialogAction::Respond { transaction, reply }).await;
        self.refer_progress(leg, 100).await;
    }

    /// It is not done.
    pub(super) async fn refuse_refer(&mut self, leg: LegId, status: u16) {
        let Some(refer) = self.refers.remove(&leg) else { return };
        let (transaction, reply) = (refer.transaction, Reply::new(status));
        self.dialog(leg, refer.fork, DialogAction::Respond { transaction, reply }).await;
    }

    /// How it fares.
    pub(super) async fn refer_progress(&mut self, leg: LegId, status: u16) {
        let is_last = status >= 200;
        let Some(refer) = self.refers.get(&leg) else { return };
        let (fork, silent) = (refer.fork, refer.silent);
        if is_last {
            self.refers.remove(&leg);
        }
        if silent {
            return;
        }
        let state = match is_last {
            true => "terminated;reason=noresource".to_owned(),
            false => format!("active;expires={SUBSCRIBED_S}"),
        };
        let phrase = StatusCode::new(status).map_or("", StatusCode::reason_phrase);
        let line = format!("SIP/2.0 {status} {phrase}");
        self.dialog(leg, fork, DialogAction::Notify { state, line }).await;
    }

    /// The directory is asked as if the phone dialled it itself: one policy for every way to dial (D04).
    pub(super) fn ask_transfer_route(&mut self, by: LegId, to: String) {
        let forbidden = HangupCause::new(EndedBy::System, CauseKind::PolicyRefused);
        let Some((extension, user, number)) = self.phone_of(by) else {
            self.asked =
                Some(Box::pin(async move { CallTaskEvent::TransferRouted(Err(forbidden)) }));
            return;
        };
        let directory = self.near.directory.clone();
        let to = directory.number(&to).unwrap_or(to);
        let request = RouteRequest {
            tenant: self.tenant,
            origin: Origin::Extension { extension, user, number: number.clone() },
            from: number,
            to,
            diverted_by: Some(extension),
        };
        self.asked = Some(Box::pin(async move {
            CallTaskEvent::TransferRouted(directory.route(request).await.map(Box::new))
        }));
    }

    /// Whose phone a leg leads to.
    pub(super) fn phone_of(
        &self,
        leg: LegId,
    ) -> Option<(ExtensionId, Option<call::UserId>, String)> {
        let LegEndpoint::Extension { extension, user } = self.core.endpoint_of(leg)? else {
            return None;
        };
        let number = self.target_of_extension(*extension)?.aor.split('@').next()?.to_owned();
        Some((*extension, *user, number))
    }

    pub(super) fn target_of_extension(&self, extension: ExtensionId) -> Option<ExtensionTarget> {
        let callers = self.placers.values().filter_map(|placer| placer.account.as_ref());
        let caller = callers.into_iter().find(|account| account.extension == extension);
        let of_caller = caller.map(|account| ExtensionTarget {
            extension,
            user: account.user,
            aor: account.aor.clone(),
        });
        of_caller.or_else(|| self.extensions.get(&extension).cloned())
    }
}

/// Whom a Refer-To names: a number to dial, or the phone's other dialog. Else the status that says what is wrong.
fn target_of(refer_to: &str) -> Result<(ReferTo, Option<Replaces>), u16> {
    let name = NameAddr::parse(&Bytes::copy_from_slice(refer_to.as_bytes())).map_err(|_| 400u16)?;
    let uri = name.sip_uri().ok_or(416u16)?;
    // Nothing but calls is referred to here (RFC 3515 §2.4.3 leaves the choice to us).
    if uri.params.raw("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err(403);
    }
    let replaces =
        uri.header_pairs().into_iter().find(|(name, _)| name.eq_ignore_ascii_case("replaces"));
    if let Some((_, value)) = replaces {
        let replaces = Replaces::parse(&Bytes::from(value)).ok_or(400u16)?;
        return Ok((ReferTo::Partner, Some(replaces)));
    }
    let to = name.uri.user().filter(|user| !user.is_empty()).ok_or(404u16)?;
    Ok((ReferTo::Number(to), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refer_to_names_a_number_or_the_other_dialog_of_the_phone() {
        let number = |to: &str| (ReferTo::Number(to.to_owned()), None);
        assert_eq!(target_of("<sip:102@pratham.local>"), Ok(number("102")));
        assert_eq!(target_of("sip:%2B9198@x;transport=tcp"), Ok(number("+9198")));
        let (to, replaces) = target_of(
            "<sip:102@pratham.local?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only>",
        )
        .unwrap();
        let replaces = replaces.unwrap();
        assert_eq!(to, ReferTo::Partner);
        assert_eq!((&*replaces.call_id, &*replaces.to_tag, &*replaces.from_tag), ("a@b", "1", "2"));
        assert!(replaces.early_only);
    }

    #[test]
    fn what_is_no_call_is_not_referred_to() {
        for (refer_to, status) in [
            ("tel:+919812340001", 416),
            ("<http://example.com>", 416),
            ("<sip:102@x;method=BYE>", 403),
            ("<sip:pratham.local>", 404),
            ("<sip:102@x?Replaces=a%40b>", 400),
            ("<sip:102@", 400),
        ] {
            assert_eq!(target_of(refer_to).unwrap_err(), status, "{refer_to}");
        }
    }
}
