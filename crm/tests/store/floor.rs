//! A small tenant to tell stories with.

use call::{
    CallEvent, CallEventKind, CallId, Direction, E164, EVENT_VERSION, ExtensionId, LeadId,
    LegEndpoint, LegId, LegRole, NodeId, TenantId, TrunkId, UserId,
};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    Journal, JournalConfig, StampedEvent, Store,
    dispositions::{RetryPreset, catalogue},
    extensions::{ExtensionKind, NewExtension},
    fresh,
    leads::{Lead, NewLead},
    tenants::{NewTenant, TenantSettings},
    trunks::{NewTrunk, TrunkPreset, TrunkSettings},
    users::{NewUser, Role, User},
};

/// Noon in India on a working day.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T06:30:00Z".parse().expect("a moment")
}

/// A number of the demo range.
pub(crate) fn number(last: u32) -> E164 {
    E164::parse(&format!("+9198765{last:05}")).expect("well formed")
}

/// A tenant with a manager, two telecallers, a phone, a trunk and a lead.
#[derive(Clone)]
pub(crate) struct Floor {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) manager: User,
    pub(crate) asha: User,
    pub(crate) ravi: User,
    pub(crate) extension: ExtensionId,
    pub(crate) trunk: TrunkId,
    pub(crate) lead: Lead,
    pub(crate) node: NodeId,
}

impl Floor {
    pub(crate) async fn build(store: &Store, slug: &str, seed: u32) -> Self {
        let now = noon();
        let tenant: TenantId = fresh();
        let new = NewTenant {
            id: tenant,
            slug: slug.into(),
            name: slug.to_uppercase(),
            sip_domain: format!("{slug}.local"),
            timezone: "Asia/Kolkata".into(),
            settings: TenantSettings::default(),
        };
        store.platform_tenant_create(&new, now).await.expect("tenant");
        let manager = user(store, tenant, slug, "manager", Role::Manager, None).await;
        let asha = user(store, tenant, slug, "asha", Role::Telecaller, Some(manager.id)).await;
        let ravi = user(store, tenant, slug, "ravi", Role::Telecaller, Some(manager.id)).await;
        let extension = NewExtension {
            id: fresh(),
            number: "101".into(),
            kind: ExtensionKind::User,
            name: "Asha".into(),
            user: Some(asha.id),
            nat: true,
            ring_timeout_s: 20,
        };
        store.extension_create(tenant, &extension, now).await.expect("extension");
        let trunk = NewTrunk {
            id: fresh(),
            name: "carrier".into(),
            enabled: true,
            preset: TrunkPreset::Other,
            priority: 1,
            weight: 1,
            secret: Some("s3cret".into()),
            settings: TrunkSettings::default(),
        };
        store.trunk_create(tenant, &trunk, now).await.expect("trunk");
        store.disposition_seed(tenant, &catalogue(RetryPreset::Standard)).await.expect("codes");
        let mut lead = NewLead::named(fresh(), "Meera Nair", number(seed));
        lead.assigned_to = Some(asha.id);
        let lead = store.lead_create(tenant, &lead, now).await.expect("lead");
        Self {
            store: store.clone(),
            tenant,
            manager,
            asha,
            ravi,
            extension: extension.id,
            trunk: trunk.id,
            lead,
            node: fresh(),
        }
    }

    pub(crate) async fn journal(&self) -> Journal {
        Journal::start(self.store.clone(), JournalConfig::new(self.node)).await.expect("journal")
    }

    /// One event of a call of this floor.
    pub(crate) fn event(&self, call: CallId, kind: CallEventKind) -> CallEvent {
        CallEvent { v: EVENT_VERSION, tenant: self.tenant, call, kind }
    }

    /// The events of an outbound call to the lead, answered and ended after `talk`.
    pub(crate) fn answered_call(
        &self,
        call: CallId,
        at: DateTime<Utc>,
        talk: TimeDelta,
    ) -> Vec<StampedEvent> {
        let mut events = self.open_call(call, at);
        let cause = call::HangupCause::new(call::EndedBy::Customer, call::CauseKind::Normal);
        let end = at + TimeDelta::seconds(3) + talk;
        for index in [1, 0] {
            let leg = LegId::of(call, index);
            events.push(self.stamp(
                end,
                call,
                CallEventKind::LegEnded { leg, cause, quality: None },
            ));
        }
        events.push(self.stamp(
            end,
            call,
            CallEventKind::Ended { cause, suggested_disposition: None },
        ));
        events
    }

    /// The same, up to the answer.
    pub(crate) fn open_call(&self, call: CallId, at: DateTime<Utc>) -> Vec<StampedEvent> {
        let (agent_leg, customer_leg) = (LegId::of(call, 0), LegId::of(call, 1));
        let second = |n| at + TimeDelta::seconds(n);
        vec![
            self.stamp(at, call, self.started(Some(self.lead.id))),
            self.stamp(
                second(0),
                call,
                CallEventKind::LegStarted {
                    leg: agent_leg,
                    role: LegRole::Agent,
                    endpoint: LegEndpoint::Extension {
                        extension: self.extension,
                        user: Some(self.asha.id),
                    },
                },
            ),
            self.stamp(second(1), call, CallEventKind::LegAnswered { leg: agent_leg }),
            self.stamp(
                second(1),
                call,
                CallEventKind::LegStarted {
                    leg: customer_leg,
                    role: LegRole::Customer,
                    endpoint: LegEndpoint::Trunk { trunk: self.trunk },
                },
            ),
            self.stamp(
                second(2),
                call,
                CallEventKind::LegRinging { leg: customer_leg, early_media: false },
            ),
            self.stamp(second(3), call, CallEventKind::LegAnswered { leg: customer_leg }),
            self.stamp(
                second(3),
                call,
                CallEventKind::Answered {
                    agent: Some(self.asha.id),
                    extension: Some(self.extension),
                    trunk: Some(self.trunk),
                },
            ),
        ]
    }

    pub(crate) fn started(&self, lead: Option<LeadId>) -> CallEventKind {
        CallEventKind::Started {
            direction: Direction::Outbound,
            from: "+918047190000".into(),
            to: self.lead.phone.as_str().into(),
            lead,
            agent: Some(self.asha.id),
            extension: Some(self.extension),
            trunk: Some(self.trunk),
            number: None,
            campaign: None,
            carrier_refs: vec![("X-Ref".into(), "abc".into())],
        }
    }

    pub(crate) fn stamp(
        &self,
        at: DateTime<Utc>,
        call: CallId,
        kind: CallEventKind,
    ) -> StampedEvent {
        StampedEvent::new(at, self.event(call, kind))
    }
}

async fn user(
    store: &Store,
    tenant: TenantId,
    slug: &str,
    name: &str,
    role: Role,
    reports_to: Option<UserId>,
) -> User {
    let new = NewUser {
        id: fresh(),
        email: format!("{name}@{slug}.test"),
        name: name.into(),
        role,
        locale: "en".into(),
        team: None,
        reports_to,
        caller_id: None,
        password_hash: "$argon2id$none".into(),
    };
    store.user_create(tenant, &new, noon()).await.expect("user")
}
