//! Calls for help, and calls that a carrier sends on: what policy says to both (D04, D14).

use crate::{
    engines::on_both,
    floor::{Floor, noon, number},
    policy::{by_manager, change, did, policy, ready, request, rule},
};
use call::{
    CallId, CalledNumber, CauseKind, ConsentMode, Direction, Origin, Plan, Target, TrunkTarget,
};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    audit::AuditFilter,
    dnd::{DndEntry, DndSource},
    fresh,
    policy::{DialOrigin, DialTarget, PermitRequest, Policy, RedirectRequest, Rule},
};

/// Far outside of anybody's calling hours.
fn at_night() -> DateTime<Utc> {
    noon() + TimeDelta::hours(12)
}

fn for_help(floor: &Floor, text: &str) -> PermitRequest {
    request(floor, DialTarget::Number(text.into()), at_night())
}

fn phone_of(floor: &Floor, owned: bool) -> Origin {
    let user = owned.then_some(floor.asha.id);
    Origin::Extension { extension: floor.extension, user, number: "101".into() }
}

async fn dialled(policy: &Policy, floor: &Floor, owned: bool, to: &str) -> Result<Plan, CauseKind> {
    let origin = phone_of(floor, owned);
    let plan = policy.route(floor.tenant, &origin, "101", to, at_night()).await;
    plan.map_err(|cause| cause.kind)
}

async fn audited(floor: &Floor, action: &str) -> Vec<serde_json::Value> {
    let filter = AuditFilter { action: Some(action.into()), limit: 50, ..Default::default() };
    let rows = floor.store.audit_list(floor.tenant, &filter).await.unwrap().items;
    rows.into_iter().map(|row| row.record.detail).collect()
}

/// D14: by a telecaller who may dial nothing by hand, at night, again and again, on screen and phone.
#[tokio::test]
async fn help_may_be_called_by_hand_whatever_else_is_forbidden() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        for text in ["112", "100", "102", "108", "१०८", "sip:112@a.local", " 1 1 2 "] {
            for _ in 0..5 {
                let permit = policy.permit(&for_help(&floor, text)).await;
                let permit = permit.unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
                assert!(permit.number().is_emergency(), "{text}");
                assert_eq!(permit.lead(), None);
            }
        }
        let plan = dialled(&policy, &floor, true, "112").await.unwrap();
        assert_eq!((plan.direction, plan.agent), (Direction::Outbound, Some(floor.asha.id)));
        let [Target::Trunk(TrunkTarget { number, caller_id, .. })] = plan.targets.as_slice() else {
            panic!("one trunk: {plan:?}");
        };
        assert!(matches!(number, CalledNumber::Emergency(n) if n.as_str() == "112"));
        assert_eq!(*caller_id, did(), "a number that can be called back");
        assert!(plan.record.enabled, "recorded");
        assert_eq!(plan.record.consent, ConsentMode::Silent, "and nothing is asked or announced");
        let rows = audited(&floor, "call.emergency").await;
        assert_eq!(rows.len(), 36, "every one is in the audit");
        assert_eq!(rows[0]["number"], "112");
        assert_eq!(rows[0]["trunks"][0], floor.trunk.to_string());
        assert_eq!(
            rule(policy.permit(&for_help(&floor, "9876500055")).await),
            Some(Rule::ManualDialingOff)
        );
    })
    .await;
}

/// D14: no campaign, no test call, no carrier's redirection calls for help.
#[tokio::test]
async fn no_program_calls_for_help() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let campaign = PermitRequest { campaign: Some(fresh()), ..for_help(&floor, "112") };
        assert_eq!(rule(policy.permit(&campaign).await), Some(Rule::Emergency));
        for origin in [DialOrigin::Test(floor.trunk), DialOrigin::Redirected(floor.trunk)] {
            let wish = PermitRequest { origin, ..for_help(&floor, "112") };
            assert_eq!(rule(policy.permit(&wish).await), Some(Rule::Emergency), "{origin:?}");
        }
        assert!(audited(&floor, "call.emergency").await.is_empty());
        assert_eq!(audited(&floor, "call.refused").await.len(), 3);
    })
    .await;
}

/// D14: a tenant may switch it off; who dials is told why.
#[tokio::test]
async fn a_tenant_may_switch_emergency_calls_off() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        change(&floor, |s| s.calling.emergency = false).await;
        let refusal = policy.permit(&for_help(&floor, "112")).await.unwrap_err();
        assert_eq!(refusal.rule, Rule::Emergency);
        assert!(refusal.detail.contains("switched off"), "{}", refusal.detail);
        let on_phone = dialled(&policy, &floor, true, "112").await;
        assert_eq!(on_phone.unwrap_err(), CauseKind::PolicyRefused);
    })
    .await;
}

/// A colleague's number is a colleague's: 101 is fire in India, and somebody's extension here.
#[tokio::test]
async fn an_extension_of_ours_is_no_emergency_number() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let refusal = policy.permit(&for_help(&floor, "101")).await.unwrap_err();
        assert_eq!(refusal.rule, Rule::Emergency);
        assert!(refusal.detail.contains("dial 112"), "{}", refusal.detail);
        let plan = dialled(&policy, &floor, true, "101").await.unwrap();
        assert_eq!(plan.direction, Direction::Internal);
        assert!(policy.is_emergency("112") && !policy.is_emergency("101"));
    })
    .await;
}

/// A phone in the hall that is nobody's calls for help, and nobody else.
#[tokio::test]
async fn a_phone_that_is_nobodys_calls_for_help_only() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        assert!(dialled(&policy, &floor, false, "112").await.is_ok());
        let other = dialled(&policy, &floor, false, floor.lead.phone.as_str()).await;
        assert_eq!(other.unwrap_err(), CauseKind::PolicyRefused);
    })
    .await;
}

/// By a trunk that is up; where none seems to be, by all that are switched on. Without a number that may be shown, not
/// at all (D10).
#[tokio::test]
async fn help_is_called_by_a_trunk_that_is_up() {
    on_both(|bench| async move {
        let (floor, _) = ready(&bench.store).await;
        let none_up = policy(&floor, |_| false);
        assert_eq!(dialled(&none_up, &floor, true, "112").await.unwrap().targets.len(), 1);
        assert_eq!(
            dialled(&none_up, &floor, true, floor.lead.phone.as_str()).await.unwrap_err(),
            CauseKind::PolicyRefused,
            "at night",
        );
        for n in floor.store.number_list(floor.tenant).await.unwrap() {
            let patch = crm::numbers::NumberPatch { verified: Some(false), ..Default::default() };
            floor.store.number_update(floor.tenant, n.id, &patch, noon()).await.unwrap();
        }
        let refusal = none_up.permit(&for_help(&floor, "112")).await.unwrap_err();
        assert_eq!(refusal.rule, Rule::NoCallerId);
        let off = crm::trunks::TrunkPatch { enabled: Some(false), ..Default::default() };
        floor.store.trunk_update(floor.tenant, floor.trunk, &off, noon()).await.unwrap();
        assert_eq!(rule(none_up.permit(&for_help(&floor, "112")).await), Some(Rule::NoTrunk));
    })
    .await;
}

fn sent_on(floor: &Floor, call: CallId, to: &str) -> RedirectRequest {
    RedirectRequest {
        tenant: floor.tenant,
        call,
        user: floor.asha.id,
        trunk: floor.trunk,
        to: to.into(),
        now: noon(),
    }
}

/// D04: where a carrier sends a call meets every rule that a dialled number meets, but for whose lead it is.
#[tokio::test]
async fn where_a_carrier_sends_a_call_on_is_judged_like_what_was_dialled() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let call: CallId = fresh();
        let target = policy.redirect(sent_on(&floor, call, "09876500321")).await.unwrap();
        assert_eq!((target.trunk, target.caller_id), (floor.trunk, did()));
        assert_eq!(target.number.as_str(), "+919876500321");
        let row = &audited(&floor, "call.redirected").await[0];
        assert_eq!(row["to"], "+919876500321");
        let kind =
            async |request: RedirectRequest| policy.redirect(request).await.unwrap_err().kind;
        for forbidden in ["+14155550132", "+881612345678", "+449098790879", "112"] {
            assert_eq!(kind(sent_on(&floor, call, forbidden)).await, CauseKind::PolicyRefused);
        }
        assert_eq!(kind(sent_on(&floor, call, "voicemail")).await, CauseKind::NotFound);
        let late = RedirectRequest { now: at_night(), ..sent_on(&floor, call, "09876500321") };
        assert_eq!(kind(late).await, CauseKind::PolicyRefused);
        let entry = DndEntry {
            phone: number(900),
            source: DndSource::Import,
            reason: "register".into(),
            added_by: None,
            added_at: noon(),
        };
        floor.store.dnd_add(floor.tenant, &entry).await.unwrap();
        let listed = sent_on(&floor, call, number(900).as_str());
        assert_eq!(kind(listed).await, CauseKind::PolicyRefused);
        // Somebody else's call to that number is under way.
        let taken = policy.permit(&by_manager(&floor, "09876500555")).await;
        assert!(taken.is_ok());
        let busy = sent_on(&floor, call, "09876500555");
        assert_eq!(kind(busy).await, CauseKind::Busy);
        let elsewhere = RedirectRequest { trunk: fresh(), ..sent_on(&floor, call, "09876500777") };
        assert_eq!(kind(elsewhere).await, CauseKind::NetworkFailure);
    })
    .await;
}

/// Contract: numbers are E.164 wherever they are kept, whoever wrote them how; extensions stay what they are.
#[tokio::test]
async fn numbers_are_written_in_one_way() {
    on_both(|bench| async move {
        let (_, policy) = ready(&bench.store).await;
        for text in
            ["09876500055", "00919876500055", "+919876500055", "9876500055", "%2B919876500055"]
        {
            assert_eq!(policy.number_written(text).as_deref(), Some("+919876500055"), "{text}");
        }
        assert_eq!(policy.number_written("११२").as_deref(), Some("112"));
        for text in ["101", "100200", "anonymous", "", "*72", "12345678901234567"] {
            assert_eq!(policy.number_written(text), None, "{text}");
        }
    })
    .await;
}
