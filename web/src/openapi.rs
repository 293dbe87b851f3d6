//! The OpenAPI 3.1 document, generated from the same registration that serves the routes.

use crate::{problem, routes, shapes};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "TeleHub",
        description = "Calls, leads and the telecaller's desk. Errors are problem documents \
(RFC 9457). Lists take `limit` and `cursor` and answer `items` and `next_cursor`. Ids are UUIDv7, \
times RFC 3339 in UTC, telephone numbers E.164. Signed-in users may send 600 requests a minute, \
one address 1,000 a minute before it signs in (both can be set); beyond that the answer is 429 \
with Retry-After. Live facts come over the WebSocket `GET /api/v1/live`: the client sends \
`LiveHello`, the server answers `LiveMessage`s, first a `snapshot`.",
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
    components(schemas(
        problem::Problem,
        problem::FieldError,
        shapes::live::LiveHello,
        shapes::live::PhoneWish,
        shapes::live::LiveMessage,
        shapes::accounts::Role,
        shapes::calls::RecordingFormat,
    )),
    tags(
        (name = "session", description = "Signing in"),
        (name = "users", description = "People who sign in"),
        (name = "telephony", description = "Extensions, trunks, numbers"),
        (name = "leads", description = "People to be called"),
        (name = "calls", description = "Calls and their audio"),
        (name = "agents", description = "The floor"),
        (name = "views", description = "Lists saved under a name, and what one set for oneself"),
        (name = "content", description = "What agents read while they talk"),
        (name = "compliance", description = "Do-not-call list and audit trail"),
        (name = "settings", description = "The tenant"),
        (name = "system", description = "The server"),
    ),
)]
struct Document;

/// Every documented route with its documentation.
pub(crate) fn documented() -> OpenApiRouter<crate::AppState> {
    desk_routes(set_up_routes(OpenApiRouter::with_openapi(Document::openapi())))
}

type Documented = OpenApiRouter<crate::AppState>;

/// Who and what the floor consists of.
fn set_up_routes(router: Documented) -> Documented {
    router
        .routes(routes!(routes::health::health))
        .routes(routes!(routes::auth::auth_login))
        .routes(routes!(routes::auth::auth_refresh))
        .routes(routes!(routes::auth::auth_logout))
        .routes(routes!(routes::passwords::auth_options))
        .routes(routes!(routes::passwords::auth_password_forgot))
        .routes(routes!(routes::passwords::auth_password_reset))
        .routes(routes!(routes::me::me, routes::me::me_change))
        .routes(routes!(routes::me::me_password))
        .routes(routes!(routes::me::me_phone))
        .routes(routes!(routes::otp::me_otp, routes::otp::me_otp_begin))
        .routes(routes!(routes::otp::me_otp_confirm))
        .routes(routes!(routes::otp::me_otp_disable))
        .routes(routes!(routes::otp::me_otp_recovery_codes))
        .routes(routes!(routes::users::user_list, routes::users::user_create))
        .routes(routes!(
            routes::users::user_one,
            routes::users::user_change,
            routes::users::user_deactivate
        ))
        .routes(routes!(routes::users::user_sign_out))
        .routes(routes!(routes::passwords::user_password_link))
        .routes(routes!(routes::otp::user_otp_reset))
        .routes(routes!(routes::extensions::extension_list, routes::extensions::extension_create))
        .routes(routes!(
            routes::extensions::extension_one,
            routes::extensions::extension_change,
            routes::extensions::extension_delete
        ))
        .routes(routes!(routes::extensions::extension_setup))
        .routes(routes!(routes::extensions::extension_secret))
        .routes(routes!(routes::extensions::extension_secret_rotate))
        .routes(routes!(routes::trunks::trunk_list, routes::trunks::trunk_create))
        .routes(routes!(routes::trunks::trunk_presets))
        .routes(routes!(
            routes::trunks::trunk_one,
            routes::trunks::trunk_change,
            routes::trunks::trunk_delete
        ))
        .routes(routes!(routes::trunks::trunk_status))
        .routes(routes!(routes::trunks::trunk_test_call))
        .routes(routes!(routes::numbers::number_list, routes::numbers::number_create))
        .routes(routes!(
            routes::numbers::number_one,
            routes::numbers::number_change,
            routes::numbers::number_delete
        ))
        .routes(routes!(routes::dnd::dnd_list, routes::dnd::dnd_add))
        .routes(routes!(routes::dnd::dnd_remove))
        .routes(routes!(routes::audit::audit_list))
        .routes(routes!(routes::settings::settings, routes::settings::settings_change))
        .routes(routes!(routes::settings::widening_agree, routes::settings::widening_drop))
}

/// What agents and managers work with.
fn desk_routes(router: Documented) -> Documented {
    router
        .routes(routes!(routes::leads::lead_list, routes::leads::lead_create))
        .routes(routes!(routes::leads::lead_one, routes::leads::lead_change))
        .routes(routes!(routes::leads::lead_timeline))
        .routes(routes!(routes::leads::lead_note_create))
        .routes(routes!(routes::leads::lead_script))
        .routes(routes!(routes::queue::queue_mine))
        .routes(routes!(routes::dispositions::disposition_list))
        .routes(routes!(routes::dispositions::disposition_change))
        .routes(routes!(routes::content::script_list, routes::content::script_create))
        .routes(routes!(
            routes::content::script_one,
            routes::content::script_replace,
            routes::content::script_delete
        ))
        .routes(routes!(routes::content::objection_list, routes::content::objection_create))
        .routes(routes!(routes::content::objection_replace, routes::content::objection_delete))
        .routes(routes!(routes::content::knowledge_search))
        .routes(routes!(routes::saved_views::view_list, routes::saved_views::view_create))
        .routes(routes!(routes::saved_views::view_change, routes::saved_views::view_delete))
        .routes(routes!(routes::saved_views::preferences, routes::saved_views::preferences_save))
        .routes(routes!(routes::callbacks::callback_list, routes::callbacks::callback_create))
        .routes(routes!(routes::callbacks::callback_change))
        .routes(routes!(routes::calls::start::call_start))
        .routes(routes!(routes::calls::list::call_list))
        .routes(routes!(routes::calls::list::call_one))
        .routes(routes!(routes::calls::list::call_events))
        .routes(routes!(routes::calls::control::call_mute))
        .routes(routes!(routes::calls::control::call_hold))
        .routes(routes!(routes::calls::control::call_resume))
        .routes(routes!(routes::calls::control::call_hangup))
        .routes(routes!(routes::calls::control::call_dtmf))
        .routes(routes!(routes::calls::control::call_recording_pause))
        .routes(routes!(
            routes::calls::outcome::call_disposition,
            routes::calls::outcome::call_disposition_put
        ))
        .routes(routes!(routes::calls::outcome::call_notes))
        .routes(routes!(routes::calls::person::call_lead))
        .routes(routes!(routes::calls::recording::call_recording))
        .routes(routes!(routes::calls::recording::call_recording_link))
        .routes(routes!(routes::calls::recording::call_recording_peaks))
        .routes(routes!(routes::agents::agent_list))
        .routes(routes!(routes::agents::agent_me_state))
}

/// The document that `telehub openapi` prints and the UI's client is generated from.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// The document as it stands in `web/ui/openapi.json`.
pub fn openapi_text() -> String {
    let mut text = openapi().to_pretty_json().expect("a document of our own types serialises");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// API-02: the document the desk's client is generated from is the one this code serves.
    /// `TELEHUB_WRITE_OPENAPI=1` writes it; then `npm run api:generate` in `web/ui`.
    #[test]
    fn the_committed_document_is_the_one_generated_from_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/openapi.json");
        let generated = openapi_text();
        if std::env::var_os("TELEHUB_WRITE_OPENAPI").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        let differs = committed.lines().zip(generated.lines()).position(|(old, new)| old != new);
        assert!(
            committed == generated,
            "web/ui/openapi.json is not current (first difference in line {:?}): run this test \
             with TELEHUB_WRITE_OPENAPI=1, then `npm run api:generate` in web/ui",
            differs.map(|line| line + 1),
        );
    }
}
