//! Click-to-call.

use crate::{
    AppState,
    extract::Body,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::calls::{CallStart, CallStarted},
};
use axum::{Json, extract::State, http::StatusCode};
use call::{CallId, CampaignId, ExtensionTarget, LeadId, Refused, TenantId, UserId};
use chrono::Utc;
use crm::{
    extensions::Extension,
    policy::{DialOrigin, DialTarget, PermitRequest, Refusal, Rule},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{sync::OnceCell, time::timeout};

/// So long a call waits for a phone that may be registering just now.
const PHONE_NEWS: Duration = Duration::from_millis(300);

/// Place a call: one's own phone rings first, then the customer's. Idempotent by `call_id`.
#[utoipa::path(
    post,
    path = "/api/v1/calls/start",
    tag = "calls",
    request_body = CallStart,
    responses(
        (status = 202, body = CallStarted),
        (status = 409, description = "Not now; `rule` says why", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not this number; `rule` says why", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No room; see Retry-After", body = Problem, content_type = "application/problem+json"),
        Problems
    ),
)]
pub(crate) async fn call_start(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<CallStart>,
) -> Outcome<(StatusCode, Json<CallStarted>)> {
    let target = match (body.lead_id, body.to) {
        (Some(lead), None) => DialTarget::Lead(LeadId::from(lead)),
        (None, Some(to)) => DialTarget::Number(to),
        // The lead decides; a number beside it must be theirs.
        (Some(lead), Some(to)) => {
            let found = state.visible_lead(&who, lead.into()).await?;
            if state.number("to", &to)? != found.phone {
                return Err(Problem::field("to", "invalid", "is not the lead's number"));
            }
            DialTarget::Lead(found.id)
        }
        (None, None) => {
            return Err(Problem::field("lead_id", "required", "say whom: `lead_id` or `to`"));
        }
    };
    let call = match body.call_id {
        Some(id) if id.get_version_num() == 7 => CallId::from(id),
        Some(_) => return Err(Problem::field("call_id", "invalid", "must be a UUIDv7")),
        None => crm::fresh(),
    };
    let wish = Wish {
        call,
        target,
        from_extension: body.from_extension,
        campaign: body.campaign_id.map(CampaignId::from),
        origin: DialOrigin::Desk,
    };
    let call_id = state.starts.once(&state, &who, wish).await?.uuid();
    Ok((StatusCode::ACCEPTED, Json(CallStarted { call_id })))
}

/// A call somebody wants.
pub(crate) struct Wish {
    pub(crate) call: CallId,
    pub(crate) target: DialTarget,
    pub(crate) from_extension: Option<String>,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) origin: DialOrigin,
}

/// How long an accepted start is remembered; afterwards the call's own row answers.
const REMEMBERED: Duration = Duration::from_secs(600);
const SWEEP_ABOVE: usize = 4096;

type Key = (TenantId, UserId, CallId);
type Answer = Arc<OnceCell<Result<(), Problem>>>;

/// Starts under way or just accepted, so that the same one sent twice dials once (F14).
#[derive(Default)]
pub(crate) struct Starts(Mutex<HashMap<Key, (Instant, Answer)>>);

impl Starts {
    async fn once(&self, state: &AppState, who: &Principal, wish: Wish) -> Outcome<CallId> {
        let (call, key) = (wish.call, (who.tenant, who.user, wish.call));
        let answer = {
            let mut known = self.0.lock().expect("no panic under this lock");
            if known.len() > SWEEP_ABOVE {
                known.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
            }
            known.entry(key).or_insert_with(|| (Instant::now(), Answer::default())).1.clone()
        };
        let answer = answer
            .get_or_init(|| async { place(state, who, wish).await.map(|_| ()) })
            .await
            .clone();
        if answer.is_err() {
            // What is refused now may be allowed in a moment: the same id is asked anew.
            self.0.lock().expect("no panic under this lock").remove(&key);
        }
        answer.map(|()| call)
    }
}

/// Asks policy, then hands the call to the switch.
pub(crate) async fn place(state: &AppState, who: &Principal, wish: Wish) -> Outcome<CallId> {
    let call = wish.call;
    if let Some(known) = state.store.call_find(who.tenant, call).await? {
        let theirs = who.covers_owner(known.agent);
        return if theirs { Ok(call) } else { Err(taken()) };
    }
    // Another tenant's: their journal already holds what ours would say of it.
    if state.store.platform_call_id_taken(call).await? {
        return Err(taken());
    }
    if state.facts().draining {
        return Err(Problem::unavailable("shutting down, no new calls", 30));
    }
    if state.journal.is_degraded() {
        return Err(Problem::unavailable("the journal lags, no new calls", 2));
    }
    let extension = extension_of(state, who, wish.from_extension.as_deref()).await?;
    let agent = extension.user.unwrap_or(who.user);
    // Who calls for help owes no outcome first.
    let desk = matches!(wish.origin, DialOrigin::Desk) && !state.policy.is_for_help(&wish.target);
    check_agent(state, who, agent, &extension, desk).await?;
    let request = PermitRequest {
        tenant: who.tenant,
        user: who.user,
        target: wish.target,
        origin: wish.origin,
        campaign: wish.campaign,
        call,
        now: Utc::now(),
    };
    let permit = state.policy.permit(&request).await.map_err(refused_by_policy)?;
    let tenant = state.store.tenant_find(who.tenant).await?;
    let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
    let target = ExtensionTarget {
        extension: extension.id,
        user: Some(agent),
        aor: format!("{}@{}", extension.number, tenant.sip_domain),
    };
    state.dialer.reserve(who.tenant, agent, call).await?;
    match state.policy.originate(permit, target, state.control.as_ref()).await {
        Ok(()) => {
            metrics::counter!("call_starts_total", "outcome" => "accepted").increment(1);
            Ok(call)
        }
        Err(refused) => {
            metrics::counter!("call_starts_total", "outcome" => "refused").increment(1);
            state.dialer.release(who.tenant, agent, call).await?;
            Err(refused_by_switch(refused))
        }
    }
}

fn taken() -> Problem {
    Problem::conflict("this call id is taken")
}

async fn extension_of(
    state: &AppState,
    who: &Principal,
    number: Option<&str>,
) -> Outcome<Extension> {
    let found = match number {
        None => state.store.extension_of_user(who.tenant, who.user).await?,
        Some(number) => {
            let found = state.store.extension_by_number(who.tenant, number).await?;
            let found = found.filter(|e| e.active && who.covers_owner(e.user));
            if found.is_none() {
                let words = "is no extension you may call from";
                return Err(Problem::field("from_extension", "unknown", words));
            }
            found
        }
    };
    found.ok_or_else(|| refused(Rule::NoExtension.as_str(), "you have no extension to call from"))
}

async fn check_agent(
    state: &AppState,
    who: &Principal,
    agent: UserId,
    extension: &Extension,
    desk: bool,
) -> Outcome<()> {
    // A phone that registered this moment is not refused for being news.
    let mut facts = state.facts.clone();
    let registered = facts.wait_for(|facts| facts.registered(extension.id));
    let known = timeout(PHONE_NEWS, registered).await.is_ok_and(|facts| facts.is_ok());
    if !known {
        let words = format!("no phone is registered for extension {}", extension.number);
        return Err(refused("phone_not_registered", &words));
    }
    let Some(view) = state.dialer.agent(who.tenant, agent) else { return Ok(()) };
    if let Some(pending) = view.pending.last().filter(|_| desk) {
        let words = "save the outcome of the last call first";
        return Err(refused("outcome_pending", words).about(pending.uuid()));
    }
    Ok(())
}

fn refused(rule: &str, words: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "call-refused", "This call is not possible now", words)
        .rule(rule, None)
}

fn refused_by_policy(refusal: Refusal) -> Problem {
    if refusal.rule == Rule::Undecided {
        tracing::error!(%refusal, "policy could not decide");
        return Problem::unavailable("it cannot be decided now whether this call is allowed", 2)
            .rule(refusal.rule.as_str(), None);
    }
    let status = if refusal.rule.is_unprocessable() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::CONFLICT
    };
    Problem::new(status, "call-refused", "This call is not allowed", refusal.detail)
        .rule(refusal.rule.as_str(), refusal.allowed_at)
}

fn refused_by_switch(refused: Refused) -> Problem {
    let words = refused.to_string();
    match refused {
        Refused::Full { retry_after_s } => {
            Problem::unavailable(words, u64::from(retry_after_s)).rule("at_capacity", None)
        }
        Refused::ShuttingDown => Problem::unavailable(words, 30).rule("shutting_down", None),
        Refused::Degraded(_) => Problem::unavailable(words, 2).rule("degraded", None),
        Refused::UnknownCall => Problem::conflict(words),
    }
}
