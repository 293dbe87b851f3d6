//! What a whole call costs the call core: every input from click to last closed port, every output drained.

use bytes::Bytes;
use call::{
    Call, CallConfig, CallEvent, CallId, CallRecord, CauseKind, ConsentMode, E164, EVENT_VERSION,
    EndedBy, ExtensionId, ExtensionTarget, HangupCause, Input, LegId, LegQuality, MediaNotice,
    Originate, Output, RecordPlan, RecordingId, TenantId, TrunkId, TrunkTarget, UserId,
};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    divan::main();
}

fn inputs(call: CallId) -> Vec<Input> {
    let number = E164::parse("+919812340001").expect("well formed");
    let (agent, customer) = (LegId::of(call, 0), LegId::of(call, 1));
    let sdp = |text: &'static str| Bytes::from_static(text.as_bytes());
    let opened = |leg| Input::Media(MediaNotice::Opened { leg, sdp: sdp("ours") });
    let up = |leg| Input::Media(MediaNotice::Established { leg });
    let closed = |leg| Input::Media(MediaNotice::Closed { leg, quality: LegQuality::default() });
    let answered = |leg| Input::LegAnswered { leg, sdp: Some(sdp("theirs")) };
    let bye = HangupCause::new(EndedBy::Customer, CauseKind::Normal);
    let recording = RecordingId::of(call);
    let originate = Originate {
        tenant: TenantId(call.uuid()),
        call,
        agent: ExtensionTarget {
            extension: ExtensionId(call.uuid()),
            user: Some(UserId(call.uuid())),
            aor: "101@pratham.local".to_owned(),
        },
        lead: None,
        campaign: None,
        to: number.clone().into(),
        routes: vec![TrunkTarget {
            trunk: TrunkId(call.uuid()),
            number: number.clone().into(),
            caller_id: number,
        }],
        display_name: Some("Ravi".to_owned()),
        agent_ring_timeout_ms: 20_000,
        ring_timeout_ms: 45_000,
        max_duration_ms: 7_200_000,
        record: RecordPlan {
            enabled: true,
            consent: ConsentMode::Silent,
            language: "en".to_owned(),
        },
    };
    vec![
        Input::Originate(Box::new(originate)),
        Input::Written,
        opened(agent),
        Input::LegProgressed { leg: agent, status: 180, sdp: None },
        answered(agent),
        up(agent),
        opened(customer),
        Input::LegProgressed { leg: customer, status: 180, sdp: None },
        answered(customer),
        up(customer),
        Input::LegEnded { leg: customer, cause: bye },
        closed(agent),
        closed(customer),
        Input::Media(MediaNotice::RecordingStopped { recording, duration_ms: 30_000 }),
        Input::LegEnded { leg: agent, cause: bye },
    ]
}

/// From `Originate` to `Finished`, folding every event into the call's record.
#[divan::bench]
#[allow(clippy::disallowed_methods)]
fn whole_call(bencher: divan::Bencher<'_, '_>) {
    let id = CallId::from_parts(1_795_000_000_000, &[5; 10]);
    let now = Instant::now();
    bencher.with_inputs(|| inputs(id)).bench_values(|inputs| {
        let mut call = Call::new(id, CallConfig::default(), 1);
        let mut record = CallRecord::new(TenantId(id.uuid()), id);
        for input in inputs {
            call.handle_input(now, input);
            while let Some(output) = call.poll_output() {
                if let Output::Emit(kind) | Output::NeedWritten(kind) = black_box(output) {
                    let event =
                        CallEvent { v: EVENT_VERSION, tenant: record.tenant_id, call: id, kind };
                    record.apply(&event, 1_795_000_000_000);
                }
            }
        }
        assert!(call.is_finished() && record.status.is_final());
        record
    });
}
