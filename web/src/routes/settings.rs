//! Settings of the tenant.

use crate::{
    AppState,
    extract::{Body, fit},
    problem::{Outcome, Problem, Problems},
    routes::me::{fits_language, fits_name},
    sessions::Principal,
    shapes::compliance::{
        CallingSettings, DeskSettings, DispositionSettings, RecordingSettings, Settings,
        SettingsChange, Widening, WideningAgreed,
    },
};
use axum::{Json, extract::State};
use call::TenantId;
use crm::{tenants::Tenant, widening::WideningRefused};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Settings of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "settings",
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn settings(
    State(state): State<AppState>,
    who: Principal,
) -> Outcome<Json<Settings>> {
    now_shown(&state, &who).await
}

/// Change settings; calls that run keep theirs.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "settings",
    request_body = SettingsChange,
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn settings_change(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<SettingsChange>,
) -> Outcome<Json<Settings>> {
    let tenant = own(&state, &who).await?;
    let mut after = tenant.settings.clone();
    let calling = section::<CallingSettings, _>("calling", &after.calling, body.calling)?;
    check(&calling)?;
    let now = chrono::Utc::now();
    after.ask(calling, who.user, who.role.into(), now);
    after.recording =
        section::<RecordingSettings, _>("recording", &after.recording, body.recording)?;
    after.dispositions =
        section::<DispositionSettings, _>("dispositions", &after.dispositions, body.dispositions)?;
    after.desk = section::<DeskSettings, _>("desk", &after.desk, body.desk)?;
    if let Some(language) = body.language {
        after.language = fits_language(&language)?;
    }
    fits_language(&after.recording.language)?;
    let name = body.name.map(|n| fits_name(&n)).transpose()?;
    if let Some(zone) = &body.timezone
        && !crm::tenants::known_zone(zone)
    {
        return Err(Problem::field("timezone", "unknown", "is no IANA zone"));
    }
    if after != tenant.settings {
        state.store.tenant_set_settings(who.tenant, &after, now).await?;
    }
    if name.is_some() || body.timezone.is_some() {
        let name = name.as_deref().unwrap_or(&tenant.name);
        let zone = body.timezone.as_deref().unwrap_or(&tenant.timezone);
        state.store.tenant_rename(who.tenant, name, zone, now).await?;
    }
    let detail = serde_json::json!({ "before": tenant.settings, "after": after });
    state.audit(&who, who.audit("settings.updated", "tenant", who.tenant).with(detail)).await?;
    now_shown(&state, &who).await
}

async fn own(state: &AppState, who: &Principal) -> Outcome<Tenant> {
    state.store.tenant_find(who.tenant).await?.ok_or_else(|| Problem::not_found("tenant"))
}

async fn now_shown(state: &AppState, who: &Principal) -> Outcome<Json<Settings>> {
    shown(state, own(state, who).await?).await.map(Json)
}

/// Agree to what was asked for: by a role other than the one that asked (D02).
#[utoipa::path(
    post,
    path = "/api/v1/settings/widening",
    tag = "settings",
    request_body = WideningAgreed,
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn widening_agree(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<WideningAgreed>,
) -> Outcome<Json<Settings>> {
    let tenant = own(&state, &who).await?;
    let mut after = tenant.settings.clone();
    let granted = after.widen(body.asked_at, who.role.into()).map_err(|refused| match refused {
        WideningRefused::Gone => Problem::conflict(refused.to_string()),
        WideningRefused::SameRole => {
            Problem::forbidden(refused.to_string()).rule("same_role", None)
        }
    })?;
    state.store.tenant_set_settings(who.tenant, &after, chrono::Utc::now()).await?;
    let detail = serde_json::json!({ "widening": granted });
    state.audit(&who, who.audit("settings.widened", "tenant", who.tenant).with(detail)).await?;
    now_shown(&state, &who).await
}

/// Drop what was asked for.
#[utoipa::path(
    delete,
    path = "/api/v1/settings/widening",
    tag = "settings",
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn widening_drop(
    State(state): State<AppState>,
    who: Principal,
) -> Outcome<Json<Settings>> {
    let tenant = own(&state, &who).await?;
    let mut after = tenant.settings.clone();
    if let Some(dropped) = after.widening.take() {
        state.store.tenant_set_settings(who.tenant, &after, chrono::Utc::now()).await?;
        let record = who.audit("settings.widening_dropped", "tenant", who.tenant);
        let detail = serde_json::json!({ "widening": dropped });
        state.audit(&who, record.with(detail)).await?;
    }
    now_shown(&state, &who).await
}

/// Lays the given keys over a section; the typed shape in between refuses unknown ones.
fn section<Shape, T>(name: &str, before: &T, given: Map<String, Value>) -> Outcome<T>
where
    Shape: Serialize + DeserializeOwned,
    T: Serialize + DeserializeOwned,
{
    let typed: Shape = fit(name, value(before)?, given)?;
    serde_json::from_value(value(&typed)?)
        .map_err(|error| Problem::field(name, "invalid", error.to_string()))
}

fn value<T: Serialize>(of: &T) -> Outcome<Value> {
    serde_json::to_value(of).map_err(|error| {
        tracing::error!(%error, "settings do not serialise");
        Problem::internal()
    })
}

fn check(calling: &crm::tenants::CallingSettings) -> Outcome<()> {
    if calling.window_start >= calling.window_end {
        let words = "must be later than window_start";
        return Err(Problem::field("calling.window_end", "invalid", words));
    }
    let country = |c: &String| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
    if !calling.countries.iter().all(country) {
        return Err(Problem::field("calling.countries", "invalid", "must be ISO 3166 letters"));
    }
    for (field, seconds, from, to) in [
        ("calling.agent_ring_timeout_s", calling.agent_ring_timeout_s, 5, 120),
        ("calling.ring_timeout_s", calling.ring_timeout_s, 5, 120),
        ("calling.max_duration_s", calling.max_duration_s, 60, 86_400),
    ] {
        if !(from..=to).contains(&seconds) {
            return Err(Problem::field(field, "invalid", format!("must be {from} to {to}")));
        }
    }
    Ok(())
}

async fn shown(state: &AppState, tenant: Tenant) -> Outcome<Settings> {
    let settings = &tenant.settings;
    let widening = match &settings.widening {
        Some(asked) => Some(asked_for(state, tenant.id, asked).await?),
        None => None,
    };
    Ok(Settings {
        calling: typed(value(&settings.calling)?)?,
        recording: typed(value(&settings.recording)?)?,
        dispositions: typed(value(&settings.dispositions)?)?,
        desk: typed(value(&settings.desk)?)?,
        widening,
        language: settings.language.clone(),
        name: tenant.name,
        timezone: tenant.timezone,
        sip_domain: tenant.sip_domain,
        updated_at: tenant.updated_at,
    })
}

async fn asked_for(
    state: &AppState,
    tenant: TenantId,
    asked: &crm::widening::Widening,
) -> Outcome<Widening> {
    let by = state.store.user_find(tenant, asked.asked_by).await?;
    Ok(Widening {
        countries: asked.reach.countries.clone(),
        premium: asked.reach.premium,
        satellite: asked.reach.satellite,
        asked_by: asked.asked_by.0,
        asked_by_name: by.map(|user| user.name),
        asked_as: asked.asked_as.into(),
        asked_at: asked.asked_at,
    })
}

fn typed<T: DeserializeOwned>(value: Value) -> Outcome<T> {
    serde_json::from_value(value).map_err(|error| {
        tracing::error!(%error, "settings have grown a key the API does not know");
        Problem::internal()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_knows_every_key_of_the_settings() {
        let settings = crm::tenants::TenantSettings::default();
        let calling: CallingSettings = typed(value(&settings.calling).ok().unwrap()).ok().unwrap();
        let back: crm::tenants::CallingSettings =
            typed(value(&calling).ok().unwrap()).ok().unwrap();
        assert_eq!(back, settings.calling);
        assert!(typed::<RecordingSettings>(value(&settings.recording).ok().unwrap()).is_ok());
        assert!(typed::<DispositionSettings>(value(&settings.dispositions).ok().unwrap()).is_ok());
        assert!(typed::<DeskSettings>(value(&settings.desk).ok().unwrap()).is_ok());
    }
}
