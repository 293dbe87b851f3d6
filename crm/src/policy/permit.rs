//! The checks, in order, and the permit they end in.

use super::{Policy, Refusal, Rule, window};
use crate::{
    numbers::{self, NumberClass, NumberError, ParsedNumber},
    store::DialLead,
    tenants::{CallingSettings, Tenant},
    users::{Role, User},
};
use call::{
    CallId, CalledNumber, CampaignId, E164, LeadId, RecordPlan, TenantId, TrunkTarget, UserId,
};
use chrono::{DateTime, Days, TimeDelta, Utc};

/// Who is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialTarget {
    /// A lead.
    Lead(LeadId),
    /// A number as typed or dialled.
    Number(String),
}

/// Where the wish to call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialOrigin {
    /// A click on the desk or in the API.
    Desk,
    /// Dialled on a phone.
    Phone,
    /// An administrator's test call over a trunk: hours and caps of leads do not apply.
    Test(call::TrunkId),
    /// A carrier sends a call of ours on to another number (302). Nobody chose that number, so it need be nobody's
    /// lead; everything else applies.
    Redirected(call::TrunkId),
}

/// A wish to call.
#[derive(Clone, Debug)]
pub struct PermitRequest {
    /// Owner.
    pub tenant: TenantId,
    /// Who wants to call.
    pub user: UserId,
    /// Whom.
    pub target: DialTarget,
    /// How.
    pub origin: DialOrigin,
    /// For which campaign.
    pub campaign: Option<CampaignId>,
    /// The call it will be.
    pub call: CallId,
    /// Wall time.
    pub now: DateTime<Utc>,
}

/// Leave to dial one number for one call. Only [`Policy::permit`] makes one.
#[derive(Clone, Debug)]
pub struct DialPermit {
    pub(super) tenant: TenantId,
    pub(super) call: CallId,
    pub(super) lead: Option<LeadId>,
    pub(super) campaign: Option<CampaignId>,
    pub(super) number: CalledNumber,
    pub(super) routes: Vec<TrunkTarget>,
    pub(super) display_name: Option<String>,
    pub(super) agent_ring_timeout_ms: u64,
    pub(super) ring_timeout_ms: u64,
    pub(super) max_duration_ms: u64,
    pub(super) record: RecordPlan,
}

impl DialPermit {
    /// The number it is for.
    pub fn number(&self) -> &CalledNumber {
        &self.number
    }

    /// The lead it is for.
    pub fn lead(&self) -> Option<LeadId> {
        self.lead
    }
}

impl Policy {
    /// Permits or refuses; a refusal is audited with its rule.
    pub async fn permit(&self, request: &PermitRequest) -> Result<DialPermit, Refusal> {
        let decision = self.decide(request).await;
        if let Err(refusal) = &decision {
            self.audit_refusal(request, refusal).await;
        }
        decision
    }

    async fn decide(&self, request: &PermitRequest) -> Result<DialPermit, Refusal> {
        let tenant = self
            .store
            .tenant_find(request.tenant)
            .await?
            .filter(|t| t.active)
            .ok_or_else(|| Refusal::new(Rule::TenantSuspended, "this account is suspended"))?;
        let user = self.store.user_find(request.tenant, request.user).await?;
        if let Some(number) = self.emergency_wanted(tenant.id, &request.target).await? {
            return self.decide_emergency(&tenant, user.as_ref(), request, number).await;
        }
        let user = user
            .filter(|u| u.active && u.role.calls())
            .ok_or_else(|| Refusal::new(Rule::UserMayNotCall, "this user may not place calls"))?;
        let (parsed, lead) = self.target(&tenant, &user, request).await?;
        check_class(&tenant.settings.calling, &parsed)?;
        self.check_opt_out(request.tenant, &parsed.e164, lead.as_ref()).await?;
        if !matches!(request.origin, DialOrigin::Test(_)) {
            check_window(&tenant, lead.as_ref(), request.now)?;
            self.check_cap(&tenant, lead.as_ref(), &parsed.e164, request).await?;
        }
        let number = CalledNumber::Public(parsed.e164.clone());
        let routes = self.routes(&tenant, Some(&user), &number, request.origin).await?;
        self.claim(&tenant, &parsed.e164, request).await?;
        Ok(self.grant(&tenant, request, number, lead, routes))
    }

    async fn target(
        &self,
        tenant: &Tenant,
        user: &User,
        request: &PermitRequest,
    ) -> Result<(ParsedNumber, Option<DialLead>), Refusal> {
        let lead = match &request.target {
            DialTarget::Lead(id) => {
                let lead = self.store.dial_lead(request.tenant, *id).await?;
                Some(lead.ok_or_else(|| Refusal::new(Rule::LeadUnknown, "no such lead"))?)
            }
            DialTarget::Number(text) => {
                let parsed = self.parse(text)?;
                self.store.dial_lead_by_phone(request.tenant, &parsed.e164).await?
            }
        };
        check_ownership(tenant, user, request, lead.as_ref())?;
        self.check_team(user, request, lead.as_ref()).await?;
        let parsed = match (&lead, &request.target) {
            (Some(lead), _) => self.parse(lead.phone.as_str())?,
            (None, DialTarget::Number(text)) => self.parse(text)?,
            (None, DialTarget::Lead(_)) => {
                return Err(Refusal::new(Rule::LeadUnknown, "no such lead"));
            }
        };
        Ok((parsed, lead))
    }

    fn parse(&self, text: &str) -> Result<ParsedNumber, Refusal> {
        numbers::parse(text, &self.country).map_err(|error| match error {
            NumberError::Emergency => {
                Refusal::new(Rule::Emergency, "an emergency number is nobody's number")
            }
            NumberError::Characters | NumberError::Invalid => {
                Refusal::new(Rule::NumberInvalid, format!("the number {error}"))
            }
        })
    }

    async fn check_opt_out(
        &self,
        tenant: TenantId,
        number: &E164,
        lead: Option<&DialLead>,
    ) -> Result<(), Refusal> {
        let listed = lead.is_some_and(|l| l.dnd) || self.store.dnd_listed(tenant, number).await?;
        if listed {
            return Err(Refusal::new(Rule::DoNotCall, "this person asked not to be called"));
        }
        Ok(())
    }

    async fn check_cap(
        &self,
        tenant: &Tenant,
        lead: Option<&DialLead>,
        number: &E164,
        request: &PermitRequest,
    ) -> Result<(), Refusal> {
        let cap = tenant.settings.calling.daily_attempts;
        if cap == 0 {
            return Ok(());
        }
        let midnight = window::start_of_day(tenant.zone(), request.now);
        let lead = lead.map(|l| l.id);
        let attempts =
            self.store.call_attempts_since(tenant.id, lead, number, midnight, request.call).await?;
        if attempts >= cap {
            let tomorrow = midnight + Days::new(1);
            let opens = window::opens_at(&tenant.settings.calling, tenant.zone(), tomorrow);
            let detail = format!("called {attempts} times today, the limit is {cap}");
            return Err(Refusal::new(Rule::DailyCap, detail).until(opens.unwrap_or(tomorrow)));
        }
        Ok(())
    }

    /// One live call per number and per agent; the claim lapses by itself should all else fail.
    async fn claim(
        &self,
        tenant: &Tenant,
        number: &E164,
        request: &PermitRequest,
    ) -> Result<(), Refusal> {
        let busy = self.store.dial_agent_call(tenant.id, request.user, request.call).await?;
        // A phone may hold one call and place another; the desk shows one at a time.
        if busy.is_some() && request.origin == DialOrigin::Desk {
            return Err(Refusal::new(Rule::AgentBusy, "you are on a call"));
        }
        let calling = &tenant.settings.calling;
        let seconds = u64::from(calling.agent_ring_timeout_s)
            + u64::from(calling.ring_timeout_s)
            + u64::from(self.max_duration(calling))
            + 60;
        let lapse = TimeDelta::seconds(i64::try_from(seconds).unwrap_or(86_400));
        let user = Some(request.user);
        let holder = self
            .store
            .dial_claim(tenant.id, number, request.call, user, request.now, request.now + lapse)
            .await?;
        match holder {
            None => Ok(()),
            Some(_) => {
                Err(Refusal::new(Rule::NumberBusy, "this number is on a call with us already"))
            }
        }
    }

    pub(super) fn max_duration(&self, calling: &CallingSettings) -> u32 {
        calling.max_duration_s.min(self.max_duration_s)
    }

    fn grant(
        &self,
        tenant: &Tenant,
        request: &PermitRequest,
        number: CalledNumber,
        lead: Option<DialLead>,
        routes: Vec<TrunkTarget>,
    ) -> DialPermit {
        let calling = &tenant.settings.calling;
        DialPermit {
            tenant: tenant.id,
            call: request.call,
            lead: lead.as_ref().map(|l| l.id),
            campaign: request.campaign,
            number,
            routes,
            agent_ring_timeout_ms: u64::from(calling.agent_ring_timeout_s) * 1000,
            ring_timeout_ms: u64::from(calling.ring_timeout_s) * 1000,
            max_duration_ms: u64::from(self.max_duration(calling)) * 1000,
            record: record_plan(tenant, lead.as_ref()),
            display_name: lead.map(|l| l.name),
        }
    }

    /// A manager of a team calls its leads and nobody's, not another team's (AUT-08).
    async fn check_team(
        &self,
        user: &User,
        request: &PermitRequest,
        lead: Option<&DialLead>,
    ) -> Result<(), Refusal> {
        let Some(owner) = lead.and_then(|lead| lead.assigned_to) else { return Ok(()) };
        if user.role != Role::Manager || matches!(request.origin, DialOrigin::Redirected(_)) {
            return Ok(());
        }
        if self.store.user_reach(user).await?.covers(owner) {
            Ok(())
        } else {
            Err(Refusal::new(Rule::LeadNotYours, "this lead is not your team's"))
        }
    }

    async fn audit_refusal(&self, request: &PermitRequest, refusal: &Refusal) {
        let detail = serde_json::json!({ "rule": refusal.rule, "detail": refusal.detail });
        let record = crate::audit::AuditRecord::new(
            Some(request.user),
            "call.refused",
            "call",
            request.call,
        )
        .with(detail);
        if let Err(error) = self.store.audit_append(request.tenant, &record, request.now).await {
            tracing::warn!(call.id = %request.call, %error, "refusal not audited");
        }
    }
}

/// Recording terms: the tenant's, in the person's language.
pub(super) fn record_plan(tenant: &Tenant, lead: Option<&DialLead>) -> RecordPlan {
    let recording = &tenant.settings.recording;
    let language = match lead.map(|l| l.language.as_str()) {
        Some("hindi" | "hi") => "hi".to_owned(),
        Some("english" | "en") => "en".to_owned(),
        _ => recording.language.clone(),
    };
    RecordPlan { enabled: recording.enabled, consent: recording.consent, language }
}

fn check_ownership(
    tenant: &Tenant,
    user: &User,
    request: &PermitRequest,
    lead: Option<&DialLead>,
) -> Result<(), Refusal> {
    if user.role != Role::Telecaller || matches!(request.origin, DialOrigin::Redirected(_)) {
        return Ok(());
    }
    let desk = &tenant.settings.desk;
    match lead {
        Some(lead) => match lead.assigned_to {
            Some(owner) if owner == user.id => Ok(()),
            None if desk.telecallers_take_unassigned => Ok(()),
            Some(_) | None => Err(Refusal::new(Rule::LeadNotYours, "this lead is not yours")),
        },
        None if desk.dials_any_number(user.role)
            || matches!(request.origin, DialOrigin::Test(_)) =>
        {
            Ok(())
        }
        None => {
            let detail = "numbers that belong to no lead of yours may not be dialled";
            Err(Refusal::new(Rule::ManualDialingOff, detail))
        }
    }
}

fn check_class(settings: &CallingSettings, number: &ParsedNumber) -> Result<(), Refusal> {
    if number.class == NumberClass::Satellite && !settings.satellite {
        let detail = "satellite and international network numbers are not enabled";
        return Err(Refusal::new(Rule::SatelliteNotAllowed, detail));
    }
    if number.class == NumberClass::Premium && !settings.premium {
        return Err(Refusal::new(Rule::PremiumNotAllowed, "premium numbers are not enabled"));
    }
    let enabled = number.class == NumberClass::Satellite
        || settings.countries.iter().any(|c| c.eq_ignore_ascii_case(&number.country));
    if enabled {
        return Ok(());
    }
    let detail = format!("calls to country {} are not enabled", number.country);
    Err(Refusal::new(Rule::CountryNotAllowed, detail))
}

fn check_window(
    tenant: &Tenant,
    lead: Option<&DialLead>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let calling = &tenant.settings.calling;
    let zone = window::zone_of(tenant, lead.and_then(|l| l.timezone.as_deref()));
    match window::opens_at(calling, zone, now) {
        None => Ok(()),
        Some(opens) => {
            let detail = format!(
                "calls are allowed from {} to {} in the person's time zone ({zone})",
                calling.window_start, calling.window_end
            );
            Err(Refusal::new(Rule::CallingWindow, detail).until(opens))
        }
    }
}
