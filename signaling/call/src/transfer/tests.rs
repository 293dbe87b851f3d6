//! Transfers, blind and attended, as the core sees them.

use crate::rig::{self, Rig, act, close, emit, ended, hangup, leg, media, play, sdp};
use crate::*;
use std::time::Duration;

/// The agent of a click-to-call (leg 0) sends the customer (leg 1) on; asked for leave.
fn referring(to: ReferTo) -> Rig {
    let mut rig = Rig::talking();
    let need = match &to {
        ReferTo::Number(to) => Output::NeedTransferRoute { by: leg(0), to: to.clone() },
        ReferTo::Partner => Output::NeedPartner { by: leg(0) },
    };
    let out = rig.give(Input::LegReferred { leg: leg(0), to });
    assert_eq!(out, [act(0, LegAction::AcceptRefer), need]);
    rig
}

fn blind() -> Rig {
    referring(ReferTo::Number("102".into()))
}

fn routed(rig: &mut Rig, targets: Vec<Target>) -> Vec<Output> {
    let plan = rig::plan(Direction::Internal, targets);
    rig.give(Input::TransferRouted(Ok(Box::new(plan))))
}

/// The colleague's phone (leg 2) rings.
fn ringing() -> Rig {
    let mut rig = blind();
    routed(&mut rig, vec![Target::Extension(rig::phone(2))]);
    rig.opened(2, "offer 2");
    assert_eq!(
        rig.progressed(2, 180, None),
        [
            emit(CallEventKind::LegRinging { leg: leg(2), early_media: false }),
            media(MediaAction::Unbridge { leg: leg(1) }),
            play(1, 2, PlaySource::Tone(Tone::Ringback)),
            told(180),
        ]
    );
    rig
}

fn told(status: u16) -> Output {
    act(0, LegAction::ReferProgress { status })
}

fn normal() -> HangupCause {
    rig::cause(EndedBy::Agent, CauseKind::Normal)
}

fn joined(a: u16, b: u16) -> Output {
    media(MediaAction::Bridge { a: leg(a), b: leg(b) })
}

/// PBX-11: the customer is joined with the colleague, the recording and the call go on, the transferor is out.
#[test]
fn a_blind_transfer_joins_the_customer_with_who_answers_and_lets_the_transferor_go() {
    let mut rig = ringing();
    let out = rig.answered(2, "answer 2");
    assert_eq!(out[0], emit(CallEventKind::LegAnswered { leg: leg(2) }));
    let (agent, extension) = (Some(rig::user(2)), Some(rig::extension(2)));
    assert_eq!(
        rig.established(2),
        [
            media(MediaAction::Unbridge { leg: leg(1) }),
            told(200),
            joined(2, 1),
            emit(CallEventKind::Transferred { from: leg(0), to: leg(2), agent, extension }),
            emit(CallEventKind::Bridged { a: leg(2), b: leg(1) }),
            media(MediaAction::Record {
                recording: rig::recording(),
                left: leg(1),
                right: leg(2),
                silence_ms: 0
            }),
            hangup(0, normal()),
            close(0),
        ]
    );
    rig.ended(0, normal());
    rig.closed(0);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    // From now on it is a call like any other.
    rig.control(Control::Hold);
    assert!(rig.call.snapshot().held);
    let out = rig.ended(1, rig::cause(EndedBy::Customer, CauseKind::Normal));
    let over = rig::cause(EndedBy::Customer, CauseKind::Normal);
    assert!(out.contains(&hangup(2, over)) && out.contains(&ended(over)), "{out:?}");
}

/// D04: what policy refuses is told to the phone, and nothing has changed.
#[test]
fn a_transfer_that_may_not_be_leaves_the_two_talking() {
    let mut rig = blind();
    let forbidden = rig::cause(EndedBy::System, CauseKind::PolicyRefused);
    assert_eq!(rig.give(Input::TransferRouted(Err(forbidden))), [told(403)]);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    assert_eq!(rig.give(Input::TransferRouted(Err(forbidden))), []);
    // And may be tried again.
    let to = ReferTo::Number("102".into());
    let again = rig.give(Input::LegReferred { leg: leg(0), to });
    assert_eq!(again[0], act(0, LegAction::AcceptRefer));
}

#[test]
fn a_busy_colleague_gives_the_customer_back_to_the_transferor() {
    let mut rig = ringing();
    let out = rig.failed(2, rig::status(486), false);
    assert_eq!(out, [close(2), told(486), joined(0, 1)]);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
}

#[test]
fn a_colleague_who_does_not_answer_is_given_up_after_the_ring_limit() {
    let mut rig = ringing();
    assert_eq!(rig.pass(Duration::from_secs(29)), []);
    let out = rig.pass(Duration::from_secs(1));
    assert!(out.contains(&told(480)) && out.contains(&joined(0, 1)), "{out:?}");
}

#[test]
fn a_customer_who_was_on_hold_waits_again_when_the_transfer_fails() {
    let mut rig = Rig::talking();
    let offer = Some(sdp("hold"));
    rig.give(Input::LegReoffered { leg: leg(0), sdp: offer });
    let (answer, direction) = (sdp("held"), MediaDirection::SendOnly);
    rig.media(MediaNotice::Reanswered { leg: leg(0), sdp: answer, direction });
    rig.give(Input::LegReferred { leg: leg(0), to: ReferTo::Number("102".into()) });
    routed(&mut rig, vec![Target::Extension(rig::phone(2))]);
    rig.opened(2, "offer 2");
    rig.progressed(2, 180, None);
    let out = rig.failed(2, rig::status(486), false);
    let music = play(1, 4, PlaySource::HoldMusic);
    assert_eq!(out, [close(2), told(486), joined(0, 1), music]);
}

#[test]
fn a_customer_who_was_on_hold_talks_once_transferred() {
    let mut rig = Rig::talking();
    rig.control(Control::Hold);
    rig.give(Input::LegReferred { leg: leg(0), to: ReferTo::Number("102".into()) });
    routed(&mut rig, vec![Target::Extension(rig::phone(2))]);
    rig.opened(2, "offer 2");
    rig.answered(2, "answer 2");
    let out = rig.established(2);
    assert!(out.contains(&emit(CallEventKind::Resumed { leg: leg(1) })), "{out:?}");
    assert!(out.contains(&joined(2, 1)) && !rig.call.snapshot().held, "{out:?}");
}

/// Many phones hang up as soon as their REFER is taken.
#[test]
fn a_transferor_who_hangs_up_at_once_does_not_end_the_transfer() {
    let mut rig = blind();
    let out = rig.ended(0, normal());
    assert!(out.contains(&play(1, 2, PlaySource::Tone(Tone::Ringback))), "{out:?}");
    rig.closed(0);
    routed(&mut rig, vec![Target::Extension(rig::phone(2))]);
    rig.opened(2, "offer 2");
    rig.progressed(2, 180, None);
    rig.answered(2, "answer 2");
    let out = rig.established(2);
    assert!(out.contains(&joined(2, 1)), "{out:?}");
    assert!(
        !out.iter().any(|o| matches!(o, Output::Leg { leg: l, .. } if *l == leg(0))),
        "{out:?}"
    );
}

#[test]
fn a_customer_left_alone_hears_a_tone_and_the_call_ends_as_one_that_was_answered() {
    let mut rig = blind();
    rig.ended(0, normal());
    let nobody = rig::cause(EndedBy::System, CauseKind::NotFound);
    let out = rig.give(Input::TransferRouted(Err(nobody)));
    assert_eq!(out, [play(1, 3, PlaySource::Tone(Tone::Congestion))]);
    assert!(rig.pass(Duration::from_secs(3)).contains(&ended(normal())));
}

#[test]
fn a_customer_who_hangs_up_while_the_colleagues_phone_rings_ends_everything() {
    let mut rig = ringing();
    let gone = rig::cause(EndedBy::Customer, CauseKind::Normal);
    let out = rig.ended(1, gone);
    for n in [0, 2] {
        assert!(out.contains(&hangup(n, gone)), "{out:?}");
    }
}

/// H14 holds for transfers too.
#[test]
fn a_transfer_to_an_outside_number_tries_the_next_trunk_before_ringing_only() {
    let mut rig = blind();
    let trunks = rig::TRUNKS.map(|n| Target::Trunk(rig::through(n)));
    let out = routed(&mut rig, trunks.to_vec());
    let endpoint = LegEndpoint::Trunk { trunk: rig::trunk(1) };
    let started = CallEventKind::LegStarted { leg: leg(2), role: LegRole::Callee, endpoint };
    assert_eq!(out[0], emit(started));
    rig.opened(2, "offer 2");
    let out = rig.failed(2, rig::status(503), true);
    let opens = |n| move |o: &Output| matches!(o, Output::Media(MediaAction::Open { leg: l, .. }) if *l == leg(n));
    assert!(out.iter().any(opens(3)), "{out:?}");
    rig.opened(3, "offer 3");
    rig.progressed(3, 183, Some("early"));
    let out = rig.failed(3, rig::status(486), false);
    assert!(out.contains(&told(486)), "{out:?}");
}

/// A carrier does not say where our calls go (D04), and one transfer is enough at a time.
#[test]
fn a_trunk_and_a_second_transfer_are_refused() {
    let mut rig = Rig::talking();
    let to = || ReferTo::Number("102".into());
    let refused = |n, status| act(n, LegAction::RefuseRefer { status });
    assert_eq!(rig.give(Input::LegReferred { leg: leg(1), to: to() }), [refused(1, 403)]);
    let mut rig = blind();
    assert_eq!(rig.give(Input::LegReferred { leg: leg(0), to: to() }), [refused(0, 491)]);
    let mut rig = Rig::dialling(rig::recorded(ConsentMode::Silent));
    assert_eq!(rig.give(Input::LegReferred { leg: leg(0), to: to() }), [refused(0, 491)]);
}

/// RFC 3891: the party of the transferor's other call gets our media in its own dialog.
#[test]
fn an_attended_transfer_adopts_the_party_of_the_other_call() {
    let mut rig = referring(ReferTo::Partner);
    let (extension, user) = (rig::extension(2), Some(rig::user(2)));
    let endpoint = LegEndpoint::Extension { extension, user };
    let out = rig.give(Input::PartnerFound(Ok(Partner { endpoint, rings: false })));
    let profile = MediaProfile::Extension(extension);
    assert_eq!(out[1], media(MediaAction::Open { leg: leg(2), offer: None, profile }));
    assert_eq!(rig.opened(2, "offer 2"), [act(2, LegAction::Adopt { sdp: sdp("offer 2") })]);
    rig.answered(2, "answer 2");
    let out = rig.established(2);
    assert!(out.contains(&told(200)) && out.contains(&joined(2, 1)), "{out:?}");
}

#[test]
fn a_party_that_does_not_take_the_change_is_given_up() {
    let mut rig = referring(ReferTo::Partner);
    let endpoint = LegEndpoint::Trunk { trunk: rig::trunk(2) };
    rig.give(Input::PartnerFound(Ok(Partner { endpoint, rings: false })));
    rig.opened(2, "offer 2");
    let out = rig.pass(Duration::from_secs(10));
    assert!(out.contains(&told(480)), "{out:?}");
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
}

#[test]
fn the_call_whose_party_was_taken_ends_without_a_bye_to_it() {
    let mut rig = Rig::talking();
    let endpoint = LegEndpoint::Trunk { trunk: rig::trunk(1) };
    assert_eq!(rig.call.partner_of(leg(0)), Some((leg(1), Partner { endpoint, rings: false })));
    let out = rig.give(Input::LegTaken { leg: leg(1) });
    assert!(out.contains(&hangup(0, normal())) && out.contains(&ended(normal())), "{out:?}");
    assert!(!out.contains(&hangup(1, normal())) && out.contains(&close(1)), "{out:?}");
}

/// RFC 5589 §7: the transferor does not wait for the colleague to pick up.
#[test]
fn a_customer_hears_ringback_until_the_party_of_the_other_call_answers() {
    let mut rig = referring(ReferTo::Partner);
    let (extension, user) = (rig::extension(2), Some(rig::user(2)));
    let endpoint = LegEndpoint::Extension { extension, user };
    let out = rig.give(Input::PartnerFound(Ok(Partner { endpoint, rings: true })));
    let heard = [
        media(MediaAction::Unbridge { leg: leg(1) }),
        play(1, 2, PlaySource::Tone(Tone::Ringback)),
        told(180),
    ];
    assert_eq!(out[2..], heard);
    assert_eq!(rig.opened(2, "offer 2"), [act(2, LegAction::Adopt { sdp: sdp("offer 2") })]);
    assert_eq!(rig.pass(Duration::from_secs(60)), [], "it rings as long as the other call lets it");
    rig.answered(2, "answer 2");
    let out = rig.established(2);
    assert!(out.contains(&told(200)) && out.contains(&joined(2, 1)), "{out:?}");
    assert!(out.contains(&hangup(0, normal())), "{out:?}");
}

#[test]
fn a_customer_whose_new_party_refuses_while_ringing_is_back_with_the_transferor() {
    let mut rig = referring(ReferTo::Partner);
    let endpoint = LegEndpoint::Trunk { trunk: rig::trunk(2) };
    rig.give(Input::PartnerFound(Ok(Partner { endpoint, rings: true })));
    rig.opened(2, "offer 2");
    let out = rig.failed(2, rig::status(486), false);
    assert_eq!(out, [close(2), told(486), joined(0, 1)]);
}

/// The other call: its phone (leg 1) rings for the transferor (leg 0), and another call waits for it.
fn promised() -> Rig {
    let mut rig = Rig::new();
    rig.give(rig::offered_by_phone("102"));
    let plan = rig::plan(Direction::Internal, vec![Target::Extension(rig::phone(2))]);
    rig.give(Input::Routed(Ok(Box::new(plan))));
    rig.opened(0, "our answer");
    rig.opened(1, "offer 1");
    assert_eq!(rig.call.partner_of(leg(0)), None, "nothing rings yet");
    rig.progressed(1, 180, None);
    let (extension, user) = (rig::extension(2), Some(rig::user(2)));
    let endpoint = LegEndpoint::Extension { extension, user };
    assert_eq!(rig.call.partner_of(leg(0)), Some((leg(1), Partner { endpoint, rings: true })));
    assert_eq!(rig.give(Input::LegPromised { leg: leg(1) }), []);
    rig
}

#[test]
fn a_promised_party_is_handed_over_as_it_answers_though_who_asked_left() {
    for stays in [true, false] {
        let mut rig = promised();
        if !stays {
            let out = rig.ended(0, normal());
            assert_eq!(out[0], close(0));
            assert!(!out.iter().any(|o| matches!(o, Output::Leg { .. })), "it rings on: {out:?}");
        }
        let out = rig.answered(1, "answer 1");
        assert_eq!(out[0], emit(CallEventKind::LegAnswered { leg: leg(1) }));
        assert_eq!(out.last(), Some(&act(1, LegAction::HandOver)));
        assert!(rig.call.has_partner(leg(1)));
        let out = rig.give(Input::LegTaken { leg: leg(1) });
        assert!(out.contains(&ended(normal())) && out.contains(&close(1)), "{out:?}");
        assert!(!out.contains(&hangup(1, normal())), "its dialog lives on: {out:?}");
        let refused = act(0, LegAction::Reject { cause: normal() });
        assert_eq!(out.contains(&refused), stays, "{out:?}");
    }
}

#[test]
fn a_promised_party_that_refuses_is_reported_and_who_asked_hears_so() {
    for stays in [true, false] {
        let mut rig = promised();
        if !stays {
            rig.ended(0, normal());
        }
        let busy = rig::status(486);
        let out = rig.failed(1, busy, false);
        let failed = LegAction::PromiseFailed { cause: busy };
        assert!(out.contains(&act(1, failed)), "{out:?}");
        let over = out.iter().any(|o| matches!(o, Output::Emit(CallEventKind::Ended { .. })));
        assert!(over, "{out:?}");
        let answers =
            |o: &Output| matches!(o, Output::Leg { action: LegAction::Reject { .. }, .. });
        assert_eq!(out.iter().any(answers), stays, "{out:?}");
    }
}

#[test]
fn a_promise_nobody_wants_any_more_leaves_a_call_like_any_or_none() {
    let mut rig = promised();
    assert_eq!(rig.give(Input::PromiseOver), []);
    rig.answered(1, "answer 1");
    rig.established(1);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);

    let mut rig = promised();
    rig.ended(0, normal());
    let gone = rig::cause(EndedBy::Agent, CauseKind::Cancelled);
    let out = rig.give(Input::PromiseOver);
    assert!(out.contains(&hangup(1, gone)) && out.contains(&ended(gone)), "{out:?}");
}
