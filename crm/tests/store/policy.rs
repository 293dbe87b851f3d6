//! Who may be called, when, by whom, over what: one function for every way to dial.

use crate::{
    engines::on_both,
    floor::{Floor, noon, number},
};
use call::{
    CallCommand, CallControl, CallEventKind, CallId, CauseKind, Direction, E164, ExtensionTarget,
    Origin, Refused, Target, TrunkId,
};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    audit::AuditFilter,
    dnd::{DndEntry, DndSource},
    fresh,
    leads::NewLead,
    numbers::{EmergencyNumbers, NewNumber},
    policy::{
        DialOrigin, DialPermit, DialTarget, PermitRequest, Policy, PolicyConfig, Refusal, Rule,
    },
    tenants::{TenantSettings, TimeOfDay},
    trunks::{NewTrunk, TrunkPreset, TrunkSettings},
};
use std::sync::{Arc, Mutex};

pub(crate) fn did() -> E164 {
    E164::parse("+918047190000").unwrap()
}

/// The floor with a DID on its trunk; every trunk is usable.
pub(crate) async fn ready(store: &crm::Store) -> (Floor, Policy) {
    let floor = Floor::build(store, "a", 1).await;
    let new = NewNumber {
        id: fresh(),
        e164: did(),
        trunk: floor.trunk,
        purpose: "general".into(),
        destination: Some(floor.extension),
        verified: true,
    };
    store.number_create(floor.tenant, &new, noon()).await.unwrap();
    let policy = policy(&floor, |_| true);
    (floor, policy)
}

pub(crate) fn policy(
    floor: &Floor,
    usable: impl Fn(TrunkId) -> bool + Send + Sync + 'static,
) -> Policy {
    let emergency = EmergencyNumbers::of_country("IN");
    let config = PolicyConfig { country: "IN".into(), max_duration_s: 7_200, emergency };
    Policy::new(floor.store.clone(), config, Arc::new(usable))
}

pub(crate) fn request(floor: &Floor, target: DialTarget, now: DateTime<Utc>) -> PermitRequest {
    PermitRequest {
        tenant: floor.tenant,
        user: floor.asha.id,
        target,
        origin: DialOrigin::Desk,
        campaign: None,
        call: fresh(),
        now,
    }
}

fn to_lead(floor: &Floor) -> PermitRequest {
    request(floor, DialTarget::Lead(floor.lead.id), noon())
}

pub(crate) fn by_manager(floor: &Floor, text: &str) -> PermitRequest {
    let target = DialTarget::Number(text.into());
    PermitRequest { user: floor.manager.id, ..request(floor, target, noon()) }
}

pub(crate) fn rule(outcome: Result<DialPermit, Refusal>) -> Option<Rule> {
    outcome.err().map(|refusal| refusal.rule)
}

pub(crate) async fn change(floor: &Floor, edit: impl FnOnce(&mut TenantSettings)) {
    let mut settings = floor.store.tenant_find(floor.tenant).await.unwrap().unwrap().settings;
    edit(&mut settings);
    assert!(floor.store.tenant_set_settings(floor.tenant, &settings, noon()).await.unwrap());
}

#[derive(Default)]
struct Switch(Mutex<Vec<CallCommand>>, bool);

impl CallControl for Switch {
    fn submit(&self, command: CallCommand) -> Result<(), Refused> {
        self.0.lock().unwrap().push(command);
        if self.1 { Err(Refused::ShuttingDown) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_permitted_call_carries_what_policy_settled() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let permit = policy.permit(&to_lead(&floor)).await.unwrap();
        let agent = ExtensionTarget {
            extension: floor.extension,
            user: Some(floor.asha.id),
            aor: "101@a.local".into(),
        };
        let switch = Switch::default();
        policy.originate(permit, agent, &switch).await.unwrap();
        let command = switch.0.lock().unwrap().pop().unwrap();
        let order = command.split().unwrap();
        assert_eq!(
            (order.to.clone(), order.lead),
            (floor.lead.phone.clone().into(), Some(floor.lead.id))
        );
        assert_eq!(order.routes.len(), 1);
        assert_eq!((order.routes[0].trunk, &order.routes[0].caller_id), (floor.trunk, &did()));
        assert!(order.record.enabled);
        assert_eq!(order.max_duration_ms, 7_200_000);
    })
    .await;
}

/// F14, F15: many at once for one person; the same call again is no second one.
#[tokio::test]
async fn of_fifty_that_dial_one_person_at_once_one_may() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let wishes: Vec<_> =
            (0..50).map(|_| by_manager(&floor, floor.lead.phone.as_str())).collect();
        let outcomes = futures::future::join_all(wishes.iter().map(|w| policy.permit(w))).await;
        let allowed: Vec<_> = outcomes.iter().enumerate().filter(|(_, o)| o.is_ok()).collect();
        assert_eq!(allowed.len(), 1);
        assert!(
            outcomes.iter().all(|o| o.as_ref().err().is_none_or(|r| r.rule == Rule::NumberBusy))
        );
        let winner = &wishes[allowed[0].0];
        for _ in 0..3 {
            assert!(policy.permit(winner).await.is_ok());
        }
        let switch = Switch(Mutex::default(), true);
        let permit = policy.permit(winner).await.unwrap();
        let agent =
            ExtensionTarget { extension: floor.extension, user: None, aor: "101@a.local".into() };
        assert!(policy.originate(permit, agent, &switch).await.is_err());
        let next = by_manager(&floor, floor.lead.phone.as_str());
        assert!(policy.permit(&next).await.is_ok(), "a call that was not taken frees the person");
    })
    .await;
}

/// D04: a live call that holds no claim, dialled on a phone or come in, occupies the person.
#[tokio::test]
async fn a_person_on_a_call_with_us_is_not_dialled_again_until_it_ends() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let call: CallId = fresh();
        let journal = floor.journal().await;
        for event in floor.open_call(call, noon()) {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let busy = policy.permit(&by_manager(&floor, floor.lead.phone.as_str())).await;
        assert_eq!(rule(busy), Some(Rule::NumberBusy));
        assert_eq!(rule(policy.permit(&to_lead(&floor)).await), Some(Rule::AgentBusy));
        let cause = call::HangupCause::new(call::EndedBy::Customer, CauseKind::Normal);
        let end = CallEventKind::Ended { cause, suggested_disposition: None };
        journal.sender().send(floor.stamp(noon(), call, end)).await.unwrap();
        journal.close().await;
        assert!(policy.permit(&to_lead(&floor)).await.is_ok());
    })
    .await;
}

/// D02, D03: the same verdict however the number is written.
#[tokio::test]
async fn numbers_abroad_and_premium_are_refused_in_every_dress() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let verdict = async |text: &str| rule(policy.permit(&by_manager(&floor, text)).await);
        for text in [
            "+14155550132",
            "0014155550132",
            "%2b14155550132",
            "tel:+1-415-555-0132",
            "+१४१५५५५०१३२",
        ] {
            assert_eq!(verdict(text).await, Some(Rule::CountryNotAllowed), "{text}");
        }
        assert_eq!(verdict("+881612345678").await, Some(Rule::SatelliteNotAllowed));
        assert_eq!(verdict("+449098790879").await, Some(Rule::PremiumNotAllowed));
        // What helps elsewhere is no number here.
        for text in ["911", "999", "0112"] {
            assert_eq!(verdict(text).await, Some(Rule::NumberInvalid), "{text}");
        }
        for text in ["9876540015,,1", "1800FLOWERS", "12345"] {
            assert_eq!(verdict(text).await, Some(Rule::NumberInvalid), "{text}");
        }
        assert_eq!(verdict("00919876540015").await, None);
        change(&floor, |s| s.calling.countries.push("US".into())).await;
        assert_eq!(verdict("+14155550132").await, None);
    })
    .await;
}

/// I05, SEC-01: the list counts, whatever the lead's row says and however it is written.
#[tokio::test]
async fn a_number_that_opted_out_is_never_dialled() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let entry = DndEntry {
            phone: number(900),
            source: DndSource::Import,
            reason: "register".into(),
            added_by: None,
            added_at: noon(),
        };
        bench.store.dnd_add(floor.tenant, &entry).await.unwrap();
        let refused = policy.permit(&by_manager(&floor, "098765 00900")).await;
        assert_eq!(rule(refused), Some(Rule::DoNotCall));
        let listed = DndEntry { phone: floor.lead.phone.clone(), ..entry };
        bench.store.dnd_add(floor.tenant, &listed).await.unwrap();
        assert_eq!(rule(policy.permit(&to_lead(&floor)).await), Some(Rule::DoNotCall));
    })
    .await;
}

/// SEC-20, I04: the person's own zone counts, and it stops at the boundary.
#[tokio::test]
async fn the_window_is_the_persons_and_ends_on_the_minute() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let ask = async |now| {
            let wish = request(&floor, DialTarget::Lead(floor.lead.id), now);
            let outcome = policy.permit(&wish).await;
            if outcome.is_ok() {
                bench.store.dial_release(floor.tenant, wish.call).await.unwrap();
            }
            outcome
        };
        assert!(ask(at("2026-11-20T15:29:59Z")).await.is_ok());
        let late = ask(at("2026-11-20T15:30:00Z")).await.unwrap_err();
        assert_eq!(late.rule, Rule::CallingWindow);
        assert_eq!(late.allowed_at, Some(at("2026-11-21T03:30:00Z")));
        assert!(ask(at("2026-11-20T03:29:59Z")).await.is_err());
        assert!(ask(at("2026-11-20T03:30:00Z")).await.is_ok());
        let patch = crm::leads::LeadPatch {
            timezone: Some(Some("America/New_York".into())),
            ..Default::default()
        };
        bench.store.lead_update(floor.tenant, floor.lead.id, &patch, noon()).await.unwrap();
        assert_eq!(rule(ask(noon()).await), Some(Rule::CallingWindow));
        change(&floor, |s| {
            s.calling.window_start = TimeOfDay::from_minutes(0);
            s.calling.window_end = TimeOfDay::from_minutes(1_440);
        })
        .await;
        assert!(ask(at("2026-11-20T22:00:00Z")).await.is_ok());
    })
    .await;
}

/// I07: per person and day, whoever called and however the number was written.
#[tokio::test]
async fn the_daily_cap_counts_every_way_a_person_was_called() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let journal = floor.journal().await;
        let mut last = fresh();
        for n in 0..3 {
            last = fresh();
            let at = noon() - TimeDelta::minutes(60 - n * 10);
            for event in floor.answered_call(last, at, TimeDelta::seconds(5)) {
                journal.sender().send(event).await.unwrap();
            }
        }
        journal.close().await;
        let capped = policy.permit(&to_lead(&floor)).await.unwrap_err();
        assert_eq!(capped.rule, Rule::DailyCap);
        let tomorrow = capped.allowed_at.unwrap();
        assert_eq!(tomorrow, "2026-11-21T03:30:00Z".parse::<DateTime<Utc>>().unwrap());
        let typed = policy.permit(&by_manager(&floor, floor.lead.phone.digits())).await;
        assert_eq!(rule(typed), Some(Rule::DailyCap));
        let again = PermitRequest { call: last, ..to_lead(&floor) };
        assert!(policy.permit(&again).await.is_ok(), "a retry of a call does not count it twice");
        bench.store.dial_release(floor.tenant, last).await.unwrap();
        let later = PermitRequest { now: tomorrow, ..to_lead(&floor) };
        assert!(policy.permit(&later).await.is_ok());
    })
    .await;
}

/// AUT-07: telecallers call their own leads, and numbers without a lead only where allowed.
#[tokio::test]
async fn telecallers_call_their_own_leads_only() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let ravis = PermitRequest { user: floor.ravi.id, ..to_lead(&floor) };
        assert_eq!(rule(policy.permit(&ravis).await), Some(Rule::LeadNotYours));
        let free = NewLead::named(fresh(), "Nobody's", number(44));
        let free = bench.store.lead_create(floor.tenant, &free, noon()).await.unwrap();
        let unassigned = || request(&floor, DialTarget::Lead(free.id), noon());
        assert_eq!(rule(policy.permit(&unassigned()).await), Some(Rule::LeadNotYours));
        let typed = || request(&floor, DialTarget::Number("9876500055".into()), noon());
        assert_eq!(rule(policy.permit(&typed()).await), Some(Rule::ManualDialingOff));
        change(&floor, |s| {
            s.desk.telecallers_take_unassigned = true;
            s.desk.manual_dialing = true;
        })
        .await;
        assert!(policy.permit(&unassigned()).await.is_ok());
        assert!(policy.permit(&typed()).await.is_ok());
        bench.store.platform_tenant_set_active(floor.tenant, false).await.unwrap();
        assert_eq!(rule(policy.permit(&to_lead(&floor)).await), Some(Rule::TenantSuspended));
        bench.store.platform_tenant_set_active(floor.tenant, true).await.unwrap();
        let off = crm::users::UserPatch { active: Some(false), ..Default::default() };
        bench.store.user_update(floor.tenant, floor.asha.id, &off, noon()).await.unwrap();
        assert_eq!(rule(policy.permit(&to_lead(&floor)).await), Some(Rule::UserMayNotCall));
    })
    .await;
}

/// D10, TEL-09: only a verified number of the tenant is shown, the agent's own first.
#[tokio::test]
async fn only_a_verified_number_of_the_tenant_is_shown() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let store = &bench.store;
        let foreign =
            crm::users::UserPatch { caller_id: Some(Some(number(1))), ..Default::default() };
        store.user_update(floor.tenant, floor.asha.id, &foreign, noon()).await.unwrap();
        let shown = async || {
            let wish = to_lead(&floor);
            let permit = policy.permit(&wish).await?;
            let switch = Switch::default();
            let agent = ExtensionTarget {
                extension: floor.extension,
                user: None,
                aor: "101@a.local".into(),
            };
            policy.originate(permit, agent, &switch).await.unwrap();
            store.dial_release(floor.tenant, wish.call).await.unwrap();
            let command = switch.0.lock().unwrap().pop().unwrap();
            Ok::<_, Refusal>(command.split().unwrap().routes[0].caller_id.clone())
        };
        assert_eq!(shown().await.unwrap(), did(), "a number that is not ours is not shown");
        let own = E164::parse("+918047190007").unwrap();
        let new = NewNumber {
            id: fresh(),
            e164: own.clone(),
            trunk: floor.trunk,
            purpose: "asha".into(),
            destination: None,
            verified: true,
        };
        let own_row = store.number_create(floor.tenant, &new, noon()).await.unwrap();
        let mine =
            crm::users::UserPatch { caller_id: Some(Some(own.clone())), ..Default::default() };
        store.user_update(floor.tenant, floor.asha.id, &mine, noon()).await.unwrap();
        assert_eq!(shown().await.unwrap(), own);
        for n in store.number_list(floor.tenant).await.unwrap() {
            let unverified =
                crm::numbers::NumberPatch { verified: Some(false), ..Default::default() };
            store.number_update(floor.tenant, n.id, &unverified, noon()).await.unwrap();
        }
        assert_eq!(shown().await.unwrap_err().rule, Rule::NoCallerId);
        assert!(store.number_find(floor.tenant, own_row.id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn trunks_are_tried_by_priority_and_only_while_usable() {
    on_both(|bench| async move {
        let (floor, _) = ready(&bench.store).await;
        // A trunk without a number of its own shows the tenant's.
        change(&floor, |s| s.calling.default_caller_id = Some(did())).await;
        let second = NewTrunk {
            id: fresh(),
            name: "second".into(),
            enabled: true,
            preset: TrunkPreset::Other,
            priority: 0,
            weight: 1,
            secret: None,
            settings: TrunkSettings::default(),
        };
        let second = bench.store.trunk_create(floor.tenant, &second, noon()).await.unwrap().id;
        let order = async |policy: Policy| {
            let origin = Origin::Extension {
                extension: floor.extension,
                user: Some(floor.asha.id),
                number: "101".into(),
            };
            let to = floor.lead.phone.digits().to_owned();
            let plan =
                policy.route(floor.tenant, &origin, "101", &format!("+{to}"), noon()).await?;
            Ok::<_, call::HangupCause>(
                plan.targets
                    .into_iter()
                    .map(|t| match t {
                        Target::Trunk(t) => t.trunk,
                        Target::Extension(_) => panic!("a number leads to a trunk"),
                    })
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(order(policy(&floor, |_| true)).await.unwrap(), [second, floor.trunk]);
        assert_eq!(order(policy(&floor, move |t| t != second)).await.unwrap(), [floor.trunk]);
        let none = order(policy(&floor, |_| false)).await.unwrap_err();
        assert_eq!(none.kind, CauseKind::NetworkFailure);
    })
    .await;
}

/// TEL-04, TEL-10: a DID leads to its extension, the caller to their lead; nobody else's number.
#[tokio::test]
async fn an_inbound_call_finds_extension_and_lead() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        let origin = Origin::Trunk(floor.trunk);
        let from = floor.lead.phone.digits();
        let plan = policy
            .route(floor.tenant, &origin, &format!("0{}", &from[2..]), "+918047190000", noon())
            .await
            .unwrap();
        assert_eq!((plan.direction, plan.lead), (Direction::Inbound, Some(floor.lead.id)));
        assert_eq!(plan.caller_name.as_deref(), Some("Meera Nair"));
        assert!(plan.number.is_some() && plan.record.enabled);
        let [Target::Extension(target)] = plan.targets.as_slice() else { panic!("one phone") };
        assert_eq!((target.extension, target.aor.as_str()), (floor.extension, "101@a.local"));
        let stranger = Origin::Trunk(fresh());
        for (origin, to) in
            [(&origin, "+918047190001"), (&stranger, "+918047190000"), (&origin, "101")]
        {
            let refused = policy.route(floor.tenant, origin, "anonymous", to, noon()).await;
            assert_eq!(refused.unwrap_err().kind, CauseKind::NotFound, "{to}");
        }
        let internal = Origin::Extension {
            extension: floor.extension,
            user: Some(floor.asha.id),
            number: "101".into(),
        };
        let plan = policy.route(floor.tenant, &internal, "101", "101", noon()).await.unwrap();
        assert_eq!((plan.direction, plan.record.enabled), (Direction::Internal, true));
        // The tenant is remembered for calls that come together: what changes holds for the next one all the same.
        change(&floor, |s| s.recording.internal = false).await;
        let plan = policy.route(floor.tenant, &internal, "101", "101", noon()).await.unwrap();
        assert!(!plan.record.enabled, "the house leaves its own calls alone now");
        bench.store.platform_tenant_set_active(floor.tenant, false).await.unwrap();
        let refused = policy.route(floor.tenant, &internal, "101", "101", noon()).await;
        assert_eq!(refused.unwrap_err().kind, CauseKind::PolicyRefused, "suspended (G10)");
        bench.store.platform_tenant_set_active(floor.tenant, true).await.unwrap();
        let abroad = policy.route(floor.tenant, &internal, "101", "0014155550132", noon()).await;
        assert_eq!(abroad.unwrap_err().kind, CauseKind::PolicyRefused);
    })
    .await;
}

/// Every refusal is written down with its rule.
#[tokio::test]
async fn every_refusal_is_audited_with_its_rule() {
    on_both(|bench| async move {
        let (floor, policy) = ready(&bench.store).await;
        policy.permit(&by_manager(&floor, "12345")).await.unwrap_err();
        policy.permit(&by_manager(&floor, "+14155550132")).await.unwrap_err();
        let filter =
            AuditFilter { action: Some("call.refused".into()), limit: 10, ..Default::default() };
        let trail = bench.store.audit_list(floor.tenant, &filter).await.unwrap().items;
        let rules: Vec<_> = trail.iter().map(|e| e.record.detail["rule"].clone()).collect();
        assert_eq!(rules, ["country_not_allowed", "number_invalid"]);
        assert_eq!(bench.store.audit_verify(floor.tenant).await.unwrap(), None);
    })
    .await;
}
