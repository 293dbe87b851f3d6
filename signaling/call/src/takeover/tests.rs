//! A phone that takes another's place, as the core sees it (RFC 3891 §3).

use crate::rig::{self, Rig, act, close, emit, ended, hangup, leg, media, sdp};
use crate::*;
use std::time::Duration;

fn replacing(old: u16) -> Replacing {
    let (extension, user) = (rig::extension(3), Some(rig::user(3)));
    Replacing { old: leg(old), extension, user, sdp: Some(sdp("taker's offer")), early_only: false }
}

/// Extension 3's phone wants the place of leg `old` and becomes leg `new`.
fn wants(rig: &mut Rig, new: u16, replacing: Replacing) -> Vec<Output> {
    assert_eq!(rig.call.next_leg(), leg(new));
    rig.give(Input::LegReplaces { leg: leg(new), replacing })
}

fn refused(n: u16, status: u16) -> [Output; 1] {
    [act(n, LegAction::RefuseReplace { status })]
}

fn opens(new: u16, role: LegRole, offer: Option<&'static str>) -> [Output; 2] {
    let (extension, user) = (rig::extension(3), Some(rig::user(3)));
    let endpoint = LegEndpoint::Extension { extension, user };
    let profile = MediaProfile::Extension(extension);
    [
        emit(CallEventKind::LegStarted { leg: leg(new), role, endpoint }),
        media(MediaAction::Open { leg: leg(new), offer: offer.map(sdp), profile }),
    ]
}

fn answered(n: u16, ours: &'static str) -> Output {
    act(n, LegAction::Answer { sdp: sdp(ours) })
}

fn normal() -> HangupCause {
    rig::cause(EndedBy::Agent, CauseKind::Normal)
}

fn elsewhere() -> HangupCause {
    rig::cause(EndedBy::System, CauseKind::Cancelled)
}

/// What happens once the new phone (leg 2) stands: the old one (leg 0) is out.
fn cut_over() -> Vec<Output> {
    let (agent, extension) = (Some(rig::user(3)), Some(rig::extension(3)));
    vec![
        media(MediaAction::Unbridge { leg: leg(1) }),
        media(MediaAction::Bridge { a: leg(2), b: leg(1) }),
        emit(CallEventKind::Transferred { from: leg(0), to: leg(2), agent, extension }),
        emit(CallEventKind::Bridged { a: leg(2), b: leg(1) }),
        media(MediaAction::Record {
            recording: rig::recording(),
            left: leg(1),
            right: leg(2),
            silence_ms: 0,
        }),
        hangup(0, normal()),
        close(0),
    ]
}

/// The customer is joined with the new phone, record and recording go on, the old phone hears a BYE.
#[test]
fn a_phone_takes_the_place_of_one_that_talks() {
    let mut rig = Rig::talking();
    let out = wants(&mut rig, 2, replacing(0));
    assert_eq!(out, opens(2, LegRole::Agent, Some("taker's offer")));
    let out = rig.opened(2, "our answer");
    let begun = [answered(2, "our answer"), emit(CallEventKind::LegAnswered { leg: leg(2) })];
    assert_eq!(out, [begun.to_vec(), cut_over()].concat());
    rig.ended(0, normal());
    rig.closed(0);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    let over = rig::cause(EndedBy::Agent, CauseKind::Normal);
    let out = rig.ended(2, over);
    assert!(out.contains(&hangup(1, over)) && out.contains(&ended(over)), "{out:?}");
}

/// Without an offer the answer comes in the ACK: until then the two talk on, and for good if it never comes.
#[test]
fn a_phone_without_an_offer_takes_over_when_its_answer_is_there() {
    let late = || Replacing { sdp: None, ..replacing(0) };
    let mut rig = Rig::talking();
    assert_eq!(wants(&mut rig, 2, late()), opens(2, LegRole::Agent, None));
    let answer = [answered(2, "our offer"), emit(CallEventKind::LegAnswered { leg: leg(2) })];
    assert_eq!(rig.opened(2, "our offer"), answer);
    rig.give(Input::LegReanswered { leg: leg(2), sdp: Ok(Some(sdp("in the ack"))) });
    assert_eq!(rig.established(2), cut_over());

    for silent in [false, true] {
        let mut rig = Rig::talking();
        wants(&mut rig, 2, late());
        rig.opened(2, "our offer");
        let out = match silent {
            false => rig.give(Input::LegReanswered { leg: leg(2), sdp: Ok(None) }),
            true => rig.pass(Duration::from_secs(35)),
        };
        let useless = rig::cause(EndedBy::System, CauseKind::IncompatibleMedia);
        assert_eq!(out, [hangup(2, useless), close(2)]);
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }
}

/// A held customer is released before the cut, so that nobody waits for a phone that has gone.
#[test]
fn a_customer_on_hold_talks_with_the_new_phone() {
    let mut rig = Rig::talking();
    rig.control(Control::Hold);
    wants(&mut rig, 2, replacing(0));
    let out = rig.opened(2, "our answer");
    let at = |wanted: &Output| out.iter().position(|o| o == wanted).unwrap();
    let resumed = at(&emit(CallEventKind::Resumed { leg: leg(1) }));
    assert!(resumed < at(&media(MediaAction::Bridge { a: leg(2), b: leg(1) })), "{out:?}");
    assert!(!rig.call.snapshot().held);
}

#[test]
fn a_phone_without_a_common_codec_is_refused_and_the_two_talk_on() {
    let mut rig = Rig::talking();
    wants(&mut rig, 2, replacing(0));
    let useless = rig::status(488);
    let out = rig.media(MediaNotice::Failed { leg: leg(2), cause: useless });
    assert_eq!(out[0], act(2, LegAction::Reject { cause: useless }));
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    assert_eq!(
        wants(&mut rig, 3, replacing(0))[1],
        opens(3, LegRole::Agent, Some("taker's offer"))[1]
    );
}

#[test]
fn a_phone_that_gives_up_leaves_the_two_talking() {
    let mut rig = Rig::talking();
    wants(&mut rig, 2, replacing(0));
    let gave_up = rig::cause(EndedBy::Agent, CauseKind::Cancelled);
    assert_eq!(rig.ended(2, gave_up), [close(2)]);
    assert_eq!(rig.opened(2, "our answer"), []);
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
}

/// Directed pickup: the new phone has the caller, every other one stops ringing.
#[test]
fn a_colleague_picks_up_a_phone_that_rings() {
    let mut rig = Rig::inbound();
    rig.progressed(1, 180, None);
    assert_eq!(wants(&mut rig, 3, replacing(1)), opens(3, LegRole::Agent, Some("taker's offer")));
    let out = rig.opened(3, "our answer");
    assert_eq!(
        out[..5],
        [
            answered(3, "our answer"),
            hangup(1, elsewhere()),
            close(1),
            hangup(2, elsewhere()),
            close(2),
        ]
    );
    let (agent, extension) = (Some(rig::user(3)), Some(rig::extension(3)));
    let trunk = Some(rig::trunk(1));
    assert!(out.contains(&emit(CallEventKind::Answered { agent, extension, trunk })), "{out:?}");
    assert!(out.contains(&media(MediaAction::Bridge { a: leg(3), b: leg(0) })), "{out:?}");
    assert_eq!(rig.call.snapshot().phase, Phase::Connected);
}

/// It was answered while the new phone's ports were taken.
#[test]
fn a_phone_that_comes_too_late_takes_over_only_where_it_may() {
    for early_only in [true, false] {
        let mut rig = Rig::inbound();
        wants(&mut rig, 3, Replacing { early_only, ..replacing(1) });
        rig.answered(1, "answer 1");
        rig.established(1);
        let out = rig.opened(3, "our answer");
        if early_only {
            let busy = HangupCause::from_status(EndedBy::System, 486, None);
            assert_eq!(out, [act(3, LegAction::Reject { cause: busy }), close(3)]);
        } else {
            assert!(out.contains(&hangup(1, normal())), "{out:?}");
        }
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }
}

/// A phone that rings for a customer who is handed on is picked up like any other.
#[test]
fn a_colleague_picks_up_a_transferred_call() {
    let mut rig = Rig::talking();
    rig.give(Input::LegReferred { leg: leg(0), to: ReferTo::Number("102".into()) });
    let plan = rig::plan(Direction::Internal, vec![Target::Extension(rig::phone(2))]);
    rig.give(Input::TransferRouted(Ok(Box::new(plan))));
    rig.opened(2, "offer 2");
    rig.progressed(2, 180, None);
    wants(&mut rig, 3, replacing(2));
    let out = rig.opened(3, "our answer");
    assert_eq!(out[..3], [answered(3, "our answer"), hangup(2, elsewhere()), close(2)]);
    assert!(out.contains(&act(0, LegAction::ReferProgress { status: 200 })), "{out:?}");
    assert!(out.contains(&media(MediaAction::Bridge { a: leg(3), b: leg(1) })), "{out:?}");
    assert!(out.contains(&hangup(0, normal())), "{out:?}");
}

#[test]
fn what_cannot_be_taken_over_is_refused_with_the_status_that_says_why() {
    let mut rig = Rig::talking();
    assert_eq!(wants(&mut rig, 2, replacing(9)), refused(2, 481));
    assert_eq!(wants(&mut rig, 2, replacing(1)), refused(2, 403), "a carrier's leg");
    let early = Replacing { early_only: true, ..replacing(0) };
    assert_eq!(wants(&mut rig, 2, early), refused(2, 486));
    rig.give(Input::LegReferred { leg: leg(0), to: ReferTo::Number("102".into()) });
    assert_eq!(wants(&mut rig, 2, replacing(0)), refused(2, 491), "it hands its party on");

    let mut rig = Rig::talking();
    wants(&mut rig, 2, replacing(0));
    assert_eq!(wants(&mut rig, 3, replacing(0)), refused(3, 491), "another is quicker");
    rig.opened(2, "our answer");
    assert_eq!(wants(&mut rig, 3, replacing(0)), refused(3, 603), "its call is another's");

    let mut rig = Rig::inbound();
    assert_eq!(wants(&mut rig, 3, replacing(0)), refused(3, 403), "the carrier's own call");
    let mut rig = Rig::new();
    rig.give(rig::originate_with(rig::recorded(ConsentMode::Silent)));
    rig.opened(0, "offer 0");
    assert_eq!(wants(&mut rig, 1, replacing(0)), refused(1, 403), "dialled by its owner's leave");
    let mut rig = Rig::new();
    rig.give(rig::offered_by_phone("102"));
    let plan = rig::plan(Direction::Internal, vec![Target::Extension(rig::phone(2))]);
    rig.give(Input::Routed(Ok(Box::new(plan))));
    assert_eq!(wants(&mut rig, 1, replacing(0)), refused(1, 481), "not begun by us");
}
