//! What must be on disk before a call goes on (H01): the row of a click to call before a phone rings, every answer
//! before the two sides are joined. The journal keeps its order, so an answer that is written stands for the row of its
//! call; a phone that is called by somebody rings without waiting for the disk. The wait has an end, so that a slow or
//! absent database holds up no call (H06, H07).

use crate::call::Call;
use crate::leg::Dialog;
use crate::timers::TimeoutReason;
use crate::{CallEventKind, Output};
use std::time::Instant;

impl Call {
    /// Emits, and lets what depends on it wait until it is written.
    pub(crate) fn emit_and_wait(&mut self, now: Instant, kind: CallEventKind) {
        self.note_first(&kind);
        self.unwritten = true;
        self.timers.set(now + self.config.written_limit, TimeoutReason::Written);
        self.need(Output::NeedWritten(kind));
    }

    /// It is written, or has been waited for long enough: whatever waited goes on.
    pub(crate) fn written(&mut self, now: Instant) {
        if !self.unwritten {
            return;
        }
        self.unwritten = false;
        self.timers.clear(TimeoutReason::Written);
        self.try_admit(now);
        let planned = self.legs.iter().filter(|leg| matches!(leg.dialog, Dialog::Planned(_)));
        for leg in planned.map(|leg| leg.id).collect::<Vec<_>>() {
            self.try_place(now, leg);
        }
        self.try_connect(now);
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{self, Rig, act, close, ended, hangup, leg, media, sdp};
    use crate::*;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_millis(500);

    fn inbound(rig: &mut Rig) {
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        let plan = rig::plan(Direction::Inbound, vec![Target::Extension(rig::phone(1))]);
        rig.give(Input::Routed(Ok(Box::new(plan))));
    }

    fn originate() -> Input {
        rig::originate_with(rig::recorded(ConsentMode::Silent))
    }

    fn opens(n: u16) -> impl Fn(&Output) -> bool {
        move |output| matches!(output, Output::Media(MediaAction::Open { leg: l, .. }) if *l == leg(n))
    }

    fn places(n: u16) -> impl Fn(&Output) -> bool {
        move |output| {
            let Output::Leg { leg: l, action } = output else { return false };
            *l == leg(n) && matches!(action, LegAction::Originate { .. })
        }
    }

    #[test]
    fn a_call_placed_to_us_rings_at_once_and_is_connected_once_it_is_written() {
        let mut rig = Rig::with_slow_journal();
        inbound(&mut rig);
        assert!(rig.opened(0, "our answer").iter().any(opens(1)));
        assert!(rig.opened(1, "offer 1").iter().any(places(1)));
        rig.answered(1, "answer 1");
        assert_eq!(rig.established(1), []);
        let out = rig.give(Input::Written);
        assert_eq!(out[0], act(0, LegAction::Answer { sdp: sdp("our answer") }));
        assert_eq!(rig.give(Input::Written), []);
    }

    #[test]
    fn the_agents_phone_is_not_called_before_the_row_of_a_click_to_call_is_written() {
        let mut rig = Rig::with_slow_journal();
        rig.give(originate());
        assert_eq!(rig.opened(0, "offer 0"), []);
        let out = rig.give(Input::Written);
        assert!(matches!(out.as_slice(), [placed] if places(0)(placed)), "{out:?}");
        // The phone rings as long as ever from now on.
        assert_eq!(rig.pass(Duration::from_millis(19_999)), []);
        assert_ne!(rig.pass(Duration::from_millis(1)), []);
    }

    /// H06, H07.
    #[test]
    fn a_database_that_says_nothing_holds_up_no_call() {
        let mut rig = Rig::with_slow_journal();
        inbound(&mut rig);
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        rig.answered(1, "answer 1");
        assert_eq!(rig.established(1), []);
        let out = rig.pass(LIMIT);
        assert_eq!(out[0], act(0, LegAction::Answer { sdp: sdp("our answer") }));
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
        // The journal's answer comes late and changes nothing.
        assert_eq!(rig.give(Input::Written), []);

        let mut rig = Rig::with_slow_journal();
        rig.give(originate());
        rig.opened(0, "offer 0");
        assert!(rig.pass(LIMIT).iter().any(places(0)));
    }

    #[test]
    fn the_caller_is_connected_and_recorded_once_the_answer_is_written() {
        let mut rig = Rig::with_slow_journal();
        inbound(&mut rig);
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        assert_eq!(
            rig.answered(1, "answer 1"),
            [
                Output::NeedWritten(CallEventKind::LegAnswered { leg: leg(1) }),
                media(MediaAction::SetAnswer { leg: leg(1), sdp: sdp("answer 1") }),
            ]
        );
        assert_eq!(rig.established(1), []);
        let out = rig.give(Input::Written);
        assert_eq!(out[0], act(0, LegAction::Answer { sdp: sdp("our answer") }));
        let recorded = |o: &Output| matches!(o, Output::Media(MediaAction::Record { .. }));
        assert!(out.iter().any(recorded), "{out:?}");
    }

    #[test]
    fn an_agent_who_waits_hears_the_customer_once_the_answer_is_written() {
        let joined = media(MediaAction::Bridge { a: leg(0), b: leg(1) });
        let mut rig = Rig::dialling(rig::recorded(ConsentMode::Silent));
        rig.slow_journal = true;
        let out = rig.answered(1, "answer 1");
        assert_eq!(out[0], Output::NeedWritten(CallEventKind::LegAnswered { leg: leg(1) }));
        assert_eq!(rig.established(1), []);
        let out = rig.give(Input::Written);
        assert!(out.contains(&joined), "{out:?}");
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }

    /// H06, H07.
    #[test]
    fn an_agent_who_waits_hears_the_customer_within_half_a_second_whatever_the_journal_does() {
        let joined = media(MediaAction::Bridge { a: leg(0), b: leg(1) });
        let mut rig = Rig::dialling(rig::recorded(ConsentMode::Silent));
        rig.slow_journal = true;
        rig.answered(1, "answer 1");
        rig.established(1);
        assert_eq!(rig.pass(LIMIT - Duration::from_millis(1)), []);
        let out = rig.pass(Duration::from_millis(1));
        assert!(out.contains(&joined), "{out:?}");
    }

    #[test]
    fn a_customer_who_hangs_up_while_the_answer_is_being_written_is_joined_with_nobody() {
        let mut rig = Rig::dialling(rig::recorded(ConsentMode::Silent));
        rig.slow_journal = true;
        rig.answered(1, "answer 1");
        rig.established(1);
        let bye = rig::cause(EndedBy::Customer, CauseKind::Normal);
        assert_eq!(rig.ended(1, bye)[0], close(1));
        assert_eq!(rig.give(Input::Written), []);
        // The agent hears that it did not work, and the call ends by itself.
        let out = rig.pass(Duration::from_secs(10));
        let cancelled = rig::cause(EndedBy::Customer, CauseKind::Cancelled);
        assert!(out.contains(&hangup(0, cancelled)) && out.contains(&ended(cancelled)), "{out:?}");
    }

    #[test]
    fn an_agent_who_gives_up_while_the_row_is_being_written_is_not_called() {
        let mut rig = Rig::with_slow_journal();
        rig.give(originate());
        rig.opened(0, "offer 0");
        let cancelled = rig::cause(EndedBy::Agent, CauseKind::Cancelled);
        let out = rig.control(Control::Hangup { by: Some(rig::user(1)) });
        assert!(out.contains(&ended(cancelled)) && !out.contains(&hangup(0, cancelled)), "{out:?}");
        assert_eq!(rig.give(Input::Written), []);
    }

    #[test]
    fn a_caller_who_gives_up_while_the_answer_is_being_written_is_not_answered() {
        let mut rig = Rig::with_slow_journal();
        inbound(&mut rig);
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        rig.answered(1, "answer 1");
        rig.established(1);
        let gave_up = rig::cause(EndedBy::Customer, CauseKind::Cancelled);
        let out = rig.ended(0, gave_up);
        assert!(out.contains(&hangup(1, gave_up)) && out.contains(&ended(gave_up)), "{out:?}");
        assert_eq!(rig.give(Input::Written), []);
    }
}
