//! Carrier trunks.

use crate::{
    AppState, DirectoryChange,
    extract::{Body, Id, Params, fit},
    page,
    problem::{Outcome, Problem, Problems},
    routes::{calls::start, me::fits_name},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        calls::CallStarted,
        telephony::{
            TestCallRequest, Trunk, TrunkAuth, TrunkChange, TrunkHealth, TrunkNew, TrunkPreset,
            TrunkPresetName, TrunkSettings, TrunkStatus,
        },
    },
    state,
};
use axum::{Json, extract::State, http::StatusCode};
use call::TrunkId;
use chrono::Utc;
use crm::{
    policy::DialOrigin,
    trunks::{self, NewTrunk, TrunkPatch},
};
use serde_json::{Map, Value};

/// Trunks with their live state.
#[utoipa::path(
    get,
    path = "/api/v1/trunks",
    tag = "telephony",
    params(PageQuery),
    responses((status = 200, body = Page<Trunk>), Problems),
)]
pub(crate) async fn trunk_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<Trunk>>> {
    let all = state.store.trunk_list(who.tenant).await?;
    let page = page::slice(all, query.limit, query.cursor.as_deref())?;
    let items = page.items.into_iter().map(|t| shown(&state, t)).collect::<Outcome<_>>()?;
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a trunk. Secrets are written, never read.
#[utoipa::path(
    post,
    path = "/api/v1/trunks",
    tag = "telephony",
    request_body = TrunkNew,
    responses((status = 201, body = Trunk), Problems),
)]
pub(crate) async fn trunk_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<TrunkNew>,
) -> Outcome<(StatusCode, Json<Trunk>)> {
    let preset = body.preset.unwrap_or(TrunkPresetName::Other).into();
    let new = NewTrunk {
        id: crm::fresh(),
        name: fits_name(&body.name)?,
        enabled: body.enabled.unwrap_or(true),
        preset,
        priority: body.priority.unwrap_or(1),
        weight: body.weight.unwrap_or(1),
        secret: body.secret,
        settings: merged(&trunks::TrunkSettings::preset(preset), body.settings)?,
    };
    let made = state.store.trunk_create(who.tenant, &new, Utc::now()).await?;
    let detail = serde_json::json!({ "name": made.name, "settings": made.settings });
    state.audit(&who, who.audit("trunk.created", "trunk", made.id).with(detail)).await?;
    (state.directory_changed)(DirectoryChange::Trunk(who.tenant, made.id)).await;
    Ok((StatusCode::CREATED, Json(shown(&state, made)?)))
}

/// Carriers we know the ways of.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/presets",
    tag = "telephony",
    responses((status = 200, body = Vec<TrunkPreset>), Problems),
)]
pub(crate) async fn trunk_presets() -> Outcome<Json<Vec<TrunkPreset>>> {
    let all = [TrunkPresetName::Exotel, TrunkPresetName::Twilio, TrunkPresetName::Other];
    let presets = all.into_iter().map(|preset| {
        let settings = settings_shown(&trunks::TrunkSettings::preset(preset.into()))?;
        Ok(TrunkPreset { preset, settings })
    });
    presets.collect::<Outcome<_>>().map(Json)
}

/// One trunk.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 200, body = Trunk), Problems),
)]
pub(crate) async fn trunk_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Trunk>> {
    let found = state.store.trunk_find(who.tenant, id.into()).await?.ok_or_else(unknown)?;
    shown(&state, found).map(Json)
}

/// Change a trunk; running calls are untouched.
#[utoipa::path(
    patch,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    request_body = TrunkChange,
    responses((status = 200, body = Trunk), Problems),
)]
pub(crate) async fn trunk_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<TrunkChange>,
) -> Outcome<Json<Trunk>> {
    let id = TrunkId::from(id);
    let before = state.store.trunk_find(who.tenant, id).await?.ok_or_else(unknown)?;
    let settings = if body.settings.is_empty() {
        None
    } else {
        Some(merged(&before.settings, body.settings)?)
    };
    let detail = serde_json::json!({
        "before": before.settings, "after": settings, "secret": body.secret.is_some(),
        "enabled": body.enabled,
    });
    let patch = TrunkPatch {
        name: body.name.map(|n| fits_name(&n)).transpose()?,
        enabled: body.enabled,
        priority: body.priority,
        weight: body.weight,
        secret: body.secret,
        settings,
    };
    let made = state.store.trunk_update(who.tenant, id, &patch, Utc::now()).await?;
    let made = made.ok_or_else(unknown)?;
    state.audit(&who, who.audit("trunk.updated", "trunk", id).with(detail)).await?;
    (state.directory_changed)(DirectoryChange::Trunk(who.tenant, id)).await;
    shown(&state, made).map(Json)
}

/// Remove a trunk.
#[utoipa::path(
    delete,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn trunk_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let id = TrunkId::from(id);
    if !state.store.trunk_delete(who.tenant, id).await? {
        return Err(unknown());
    }
    state.audit(&who, who.audit("trunk.deleted", "trunk", id)).await?;
    (state.directory_changed)(DirectoryChange::Trunk(who.tenant, id)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Live state of a trunk.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/{id}/status",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 200, body = TrunkStatus), Problems),
)]
pub(crate) async fn trunk_status(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<TrunkStatus>> {
    let found = state.store.trunk_find(who.tenant, id.into()).await?.ok_or_else(unknown)?;
    Ok(Json(status(&state, &found)))
}

/// Place a call over this trunk only: the extension rings first, then the number.
#[utoipa::path(
    post,
    path = "/api/v1/trunks/{id}/test-call",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    request_body = TestCallRequest,
    responses((status = 202, body = CallStarted), Problems),
)]
pub(crate) async fn trunk_test_call(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<TestCallRequest>,
) -> Outcome<(StatusCode, Json<CallStarted>)> {
    let id = TrunkId::from(id);
    let trunk = state.store.trunk_find(who.tenant, id).await?.ok_or_else(unknown)?;
    if !trunk.enabled {
        return Err(Problem::conflict("the trunk is switched off").rule("no_trunk", None));
    }
    let wish = start::Wish {
        call: crm::fresh(),
        target: crm::policy::DialTarget::Number(body.to),
        from_extension: body.from_extension,
        campaign: None,
        origin: DialOrigin::Test(id),
    };
    let call_id = start::place(&state, &who, wish).await?.uuid();
    state.audit(&who, who.audit("trunk.test_call", "trunk", id)).await?;
    Ok((StatusCode::ACCEPTED, Json(CallStarted { call_id })))
}

fn unknown() -> Problem {
    Problem::not_found("trunk")
}

/// Lays the given keys over the settings; what comes out must be settings again.
fn merged(
    before: &trunks::TrunkSettings,
    given: Map<String, Value>,
) -> Outcome<trunks::TrunkSettings> {
    let typed: TrunkSettings = fit("settings", settings_value(before)?, given)?;
    for cidr in &typed.source_cidrs {
        check_network(cidr)?;
    }
    let known = ["PCMA", "PCMU"];
    if typed.codecs.is_empty() || typed.codecs.iter().any(|c| !known.contains(&c.as_str())) {
        return Err(Problem::field("settings.codecs", "invalid", "must be PCMA, PCMU or both"));
    }
    if typed.hosts.iter().any(|h| h.host.trim().is_empty() || h.host.len() > 253) {
        return Err(Problem::field("settings.hosts", "invalid", "a host has no name"));
    }
    if typed.auth == TrunkAuth::Certificate
        && typed.certificate_names.iter().all(|name| name.trim().is_empty())
    {
        // Nothing else would tell its calls from a stranger's (B10).
        let why = "a trunk by certificate needs a name that its certificate bears";
        return Err(Problem::field("settings.certificate_names", "invalid", why));
    }
    let value = serde_json::to_value(&typed).map_err(|_| Problem::internal())?;
    serde_json::from_value(value)
        .map_err(|error| Problem::field("settings", "invalid", error.to_string()))
}

fn check_network(cidr: &str) -> Outcome<()> {
    // One socket: a carrier on a host that phones of ours share.
    if cidr.parse::<std::net::SocketAddr>().is_ok() {
        return Ok(());
    }
    let (address, prefix) = cidr.split_once('/').map_or((cidr, None), |(a, p)| (a, Some(p)));
    let address: Result<std::net::IpAddr, _> = address.parse();
    let fits = address.is_ok_and(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        prefix.is_none_or(|p| p.parse::<u8>().is_ok_and(|p| p <= most))
    });
    if fits {
        Ok(())
    } else {
        Err(Problem::field("settings.source_cidrs", "invalid", format!("{cidr} is no network")))
    }
}

fn settings_value(settings: &trunks::TrunkSettings) -> Outcome<Value> {
    serde_json::to_value(settings).map_err(|error| {
        tracing::error!(%error, "trunk settings do not serialise");
        Problem::internal()
    })
}

fn settings_shown(settings: &trunks::TrunkSettings) -> Outcome<TrunkSettings> {
    serde_json::from_value(settings_value(settings)?).map_err(|error| {
        tracing::error!(%error, "trunk settings have grown a key the API does not know");
        Problem::internal()
    })
}

fn shown(state: &AppState, trunk: trunks::Trunk) -> Outcome<Trunk> {
    Ok(Trunk {
        id: trunk.id.uuid(),
        preset: trunk.preset.into(),
        enabled: trunk.enabled,
        priority: trunk.priority,
        weight: trunk.weight,
        has_secret: trunk.has_secret,
        settings: settings_shown(&trunk.settings)?,
        status: status(state, &trunk),
        created_at: trunk.created_at,
        updated_at: trunk.updated_at,
        name: trunk.name,
    })
}

fn status(state: &AppState, trunk: &trunks::Trunk) -> TrunkStatus {
    let facts = state.facts();
    let fact = facts.trunks.get(&trunk.id);
    let registers = trunk.settings.auth == trunks::TrunkAuth::Register;
    let registered = fact.and_then(|f| f.registered_until).is_some_and(|until| until > Utc::now());
    let health = match fact.map(|f| f.health) {
        _ if !trunk.enabled => TrunkHealth::Disabled,
        None | Some(state::TrunkHealth::Unknown) => TrunkHealth::Unknown,
        Some(state::TrunkHealth::Disabled) => TrunkHealth::Disabled,
        Some(state::TrunkHealth::Up) => TrunkHealth::Up,
        Some(state::TrunkHealth::Down) => TrunkHealth::Down,
        Some(state::TrunkHealth::Refused) => TrunkHealth::Refused,
    };
    let registration = registers.then(|| {
        let word = match health {
            TrunkHealth::Disabled => "off",
            TrunkHealth::Refused => "refused",
            _ if registered => "registered",
            TrunkHealth::Unknown | TrunkHealth::Up | TrunkHealth::Down => "trying",
        };
        word.to_owned()
    });
    TrunkStatus {
        health,
        registration,
        last_error: fact.and_then(|f| f.last_error.clone()),
        since: fact.map(|f| f.since),
        latency_ms: fact.and_then(|f| f.options_ms),
        live_calls: fact.map_or(0, |f| f.live_calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_knows_every_key_of_a_trunks_settings() {
        for preset in [TrunkPresetName::Exotel, TrunkPresetName::Twilio, TrunkPresetName::Other] {
            let stored = trunks::TrunkSettings::preset(preset.into());
            let shown = settings_shown(&stored).ok().unwrap();
            let back: trunks::TrunkSettings =
                serde_json::from_value(serde_json::to_value(shown).unwrap()).unwrap();
            assert_eq!(back, stored);
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_null_clears() {
        let before = trunks::TrunkSettings { channel_cap: Some(5), ..Default::default() };
        let given = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let after = merged(&before, given(r#"{"username":"u","channel_cap":null}"#)).ok().unwrap();
        assert_eq!(after.username.as_deref(), Some("u"));
        assert_eq!((after.channel_cap, after.codecs), (None, before.codecs.clone()));
        let status = |text: &str| merged(&before, given(text)).err().unwrap().status;
        assert_eq!(status(r#"{"tenant_id":"x"}"#), 400);
        assert_eq!(status(r#"{"codecs":["GSM"]}"#), 422);
        assert_eq!(status(r#"{"source_cidrs":["10.0.0.0/40"]}"#), 422);
        assert_eq!(status(r#"{"caller_id":"hello"}"#), 422);
        assert_eq!(status(r#"{"auth":"certificate"}"#), 422);
        assert_eq!(status(r#"{"auth":"certificate","certificate_names":[" "]}"#), 422);
        let named = given(r#"{"auth":"certificate","certificate_names":["sip.carrier.in"]}"#);
        assert_eq!(merged(&before, named).ok().unwrap().auth, trunks::TrunkAuth::Certificate);
    }
}
