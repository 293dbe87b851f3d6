//! A leg somebody placed to us, and what both kinds of legs have in common once they stand.

use super::{cause, transfer::Referral};
use crate::{sip::DialogAction, trunk::Channel};
use call::{EndedBy, HangupCause, Input, LegId};
use signaling_proto::{Body, DialogEvent, Reply};

/// What a leg wants done: facts for the core, actions on its dialogs.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) inputs: Vec<Input>,
    pub(super) actions: Vec<(u16, DialogAction)>,
    pub(super) redirect: Option<Redirect>,
    pub(super) refer: Option<Referral>,
}

/// A carrier wants the call placed elsewhere.
#[derive(Debug)]
pub(super) struct Redirect {
    /// The fork that waits for it.
    pub(super) fork: u16,
    /// Numbers to try, the carrier's favourite first.
    pub(super) to: Vec<String>,
}

impl Effects {
    pub(super) fn input(&mut self, input: Input) {
        self.inputs.push(input);
    }

    pub(super) fn act(&mut self, fork: u16, action: DialogAction) {
        self.actions.push((fork, action));
    }
}

/// How a leg of one dialog ends: whose end of the conversation it is, and the core's own word where that hung up.
#[derive(Debug)]
pub(super) struct Ending {
    party: EndedBy,
    over: bool,
    hung_up: Option<HangupCause>,
}

impl Ending {
    pub(super) fn new(party: EndedBy) -> Self {
        Self { party, over: false, hung_up: None }
    }

    /// Whose end of the conversation it is, for causes.
    pub(super) fn party(&self) -> EndedBy {
        self.party
    }

    /// The dialog came to its end.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The core ended it with this cause.
    pub(super) fn note_hangup(&mut self, told: HangupCause) {
        self.hung_up.get_or_insert(told);
    }

    /// The cause, where the event is the dialog's end.
    pub(super) fn cause_of(&mut self, event: &DialogEvent) -> Option<HangupCause> {
        let cause = if let DialogEvent::Ended { cause, reason } = event {
            cause::of_end(self.party, *cause, reason.as_ref())
        } else if let DialogEvent::Failed(failure) = event {
            cause::of_failure(self.party, failure)
        } else {
            return None;
        };
        self.over = true;
        Some(self.hung_up.unwrap_or(cause))
    }
}

/// A leg somebody placed to us.
#[derive(Debug)]
pub(super) struct OfferedLeg {
    leg: LegId,
    pub(super) ending: Ending,
    /// Its INVITE brought no offer: the ACK owes the answer to ours.
    late: bool,
    /// Of the carrier that placed it.
    _channel: Option<Channel>,
}

impl OfferedLeg {
    pub(super) fn new(leg: LegId, party: EndedBy, late: bool, channel: Option<Channel>) -> Self {
        Self { leg, ending: Ending::new(party), late, _channel: channel }
    }

    /// Something happened in its dialog.
    pub(super) fn handle(&mut self, event: DialogEvent) -> Effects {
        let mut effects = Effects::default();
        if event.is_within() {
            established(self.leg, 0, event, &mut effects);
        } else if let Some(cause) = self.ending.cause_of(&event) {
            effects.input(Input::LegEnded { leg: self.leg, cause });
        } else if let DialogEvent::Confirmed { body } = event
            && self.late
        {
            let sdp = Ok(body.map(|body| body.bytes));
            effects.input(Input::LegReanswered { leg: self.leg, sdp });
        }
        effects
    }
}

/// What happens in a dialog that stands, whoever placed it.
pub(super) fn established(leg: LegId, fork: u16, event: DialogEvent, effects: &mut Effects) {
    let sdp = |body: Option<Body>| body.map(|body| body.bytes);
    match event {
        DialogEvent::ReinviteConfirmed { body } => {
            effects.input(Input::LegReanswered { leg, sdp: Ok(sdp(body)) });
        }
        DialogEvent::Reinvited { body } => {
            effects.input(Input::LegReoffered { leg, sdp: sdp(body) });
        }
        DialogEvent::ReinviteAnswered { body } => {
            effects.input(Input::LegReanswered { leg, sdp: Ok(sdp(body)) });
        }
        DialogEvent::ReinviteFailed { status } => {
            effects.input(Input::LegReanswered { leg, sdp: Err(status) });
        }
        DialogEvent::Info { body } => {
            if let Some(digit) = dtmf_digit(&body) {
                effects.input(Input::LegDtmf { leg, digit });
            }
        }
        DialogEvent::Referred { transaction, refer_to, message, .. } => {
            effects.refer = Some(Referral { fork, transaction, refer_to, message });
        }
        DialogEvent::Request { transaction, .. } => {
            effects.act(fork, DialogAction::Respond { transaction, reply: Reply::new(501) });
        }
        DialogEvent::Notified { .. }
        | DialogEvent::Response { .. }
        | DialogEvent::Confirmed { .. }
        | DialogEvent::Progressed { .. }
        | DialogEvent::Answered { .. }
        | DialogEvent::Challenged { .. }
        | DialogEvent::Failed(_)
        | DialogEvent::Ended { .. } => {}
    }
}

/// `Signal=5` of `application/dtmf-relay`, or the bare key of `application/dtmf`.
fn dtmf_digit(body: &Body) -> Option<char> {
    let text = std::str::from_utf8(&body.bytes).ok()?;
    let signal = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
    });
    let key = match signal.unwrap_or_else(|| text.trim()) {
        "10" => '*',
        "11" => '#',
        single => {
            let mut chars = single.chars();
            let key = chars.next()?.to_ascii_uppercase();
            if chars.next().is_some() {
                return None;
            }
            key
        }
    };
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn digit(text: &'static str) -> Option<char> {
        dtmf_digit(&Body {
            content_type: "application/dtmf-relay".into(),
            bytes: Bytes::from_static(text.as_bytes()),
        })
    }

    #[test]
    fn a_key_sent_by_info_is_read_in_each_common_form() {
        assert_eq!(digit("Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(digit("Signal= #\r\nDuration= 250"), Some('#'));
        assert_eq!(digit("Signal=10"), Some('*'));
        assert_eq!(digit("7"), Some('7'));
        assert_eq!(digit("d"), Some('D'));
        for nonsense in ["", "Signal=", "Signal=55", "hello", "Signal=E"] {
            assert_eq!(digit(nonsense), None, "{nonsense}");
        }
    }
}
