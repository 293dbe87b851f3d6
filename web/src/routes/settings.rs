//! Settings of the tenant.

use crate::{
    AppState,
    extract::{Body, fit},
    problem::{Outcome, Problem, Problems},
    routes::me::{fits_language, fits_name},
    sessions::Principal,
    shapes::compliance::{
        CallingSettings, DeskSettings, DispositionSettings, RecordingSettings, Settings,
        SettingsChange,
    },
};
use axum::{Json, extract::State};
use crm::tenants::Tenant;
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
    let tenant = state.store.tenant_find(who.tenant).await?;
    shown(tenant.ok_or_else(|| Problem::not_found("tenant"))?).map(Json)
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
    let unknown = || Problem::not_found("tenant");
    let tenant = state.store.tenant_find(who.tenant).await?.ok_or_else(unknown)?;
    let mut after = tenant.settings.clone();
    after.calling = section::<CallingSettings, _>("calling", &after.calling, body.calling)?;
    after.recording =
        section::<RecordingSettings, _>("recording", &after.recording, body.recording)?;
    after.dispositions =
        section::<DispositionSettings, _>("dispositions", &after.dispositions, body.dispositions)?;
    after.desk = section::<DeskSettings, _>("desk", &after.desk, body.desk)?;
    if let Some(language) = body.language {
        after.language = fits_language(&language)?;
    }
    check(&after)?;
    let name = body.name.map(|n| fits_name(&n)).transpose()?;
    if let Some(zone) = &body.timezone
        && !crm::tenants::known_zone(zone)
    {
        return Err(Problem::field("timezone", "unknown", "is no IANA zone"));
    }
    if after != tenant.settings {
        state.store.tenant_set_settings(who.tenant, &after, chrono::Utc::now()).await?;
    }
    if name.is_some() || body.timezone.is_some() {
        let name = name.as_deref().unwrap_or(&tenant.name);
        let zone = body.timezone.as_deref().unwrap_or(&tenant.timezone);
        state.store.tenant_rename(who.tenant, name, zone, chrono::Utc::now()).await?;
    }
    let detail = serde_json::json!({ "before": tenant.settings, "after": after });
    state.audit(&who, who.audit("settings.updated", "tenant", who.tenant).with(detail)).await?;
    let tenant = state.store.tenant_find(who.tenant).await?.ok_or_else(unknown)?;
    shown(tenant).map(Json)
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

fn check(settings: &crm::tenants::TenantSettings) -> Outcome<()> {
    let calling = &settings.calling;
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
    fits_language(&settings.recording.language).map(|_| ())
}

fn shown(tenant: Tenant) -> Outcome<Settings> {
    let settings = &tenant.settings;
    Ok(Settings {
        calling: typed(value(&settings.calling)?)?,
        recording: typed(value(&settings.recording)?)?,
        dispositions: typed(value(&settings.dispositions)?)?,
        desk: typed(value(&settings.desk)?)?,
        language: settings.language.clone(),
        name: tenant.name,
        timezone: tenant.timezone,
        sip_domain: tenant.sip_domain,
        updated_at: tenant.updated_at,
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
