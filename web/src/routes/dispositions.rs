//! Outcomes that can be chosen.

use crate::{
    AppState,
    extract::{Body, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        calls::{Disposition, DispositionChange},
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use crm::dispositions::{self, DispositionPatch, NextAction};

/// Outcome codes of the tenant, in the order of the grid.
#[utoipa::path(
    get,
    path = "/api/v1/dispositions",
    tag = "leads",
    params(PageQuery),
    responses((status = 200, body = Page<Disposition>), Problems),
)]
pub(crate) async fn disposition_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<Disposition>>> {
    let all = state.store.disposition_list(who.tenant).await?;
    let all = all.into_iter().map(shown).collect();
    page::slice(all, query.limit, query.cursor.as_deref()).map(Json)
}

/// Change an outcome code.
#[utoipa::path(
    put,
    path = "/api/v1/dispositions/{code}",
    tag = "leads",
    params(("code" = String, Path, description = "Outcome code")),
    request_body = DispositionChange,
    responses((status = 200, body = Disposition), Problems),
)]
pub(crate) async fn disposition_change(
    State(state): State<AppState>,
    who: Principal,
    Path(code): Path<String>,
    Body(body): Body<DispositionChange>,
) -> Outcome<Json<Disposition>> {
    if body.retry_after_minutes.flatten().is_some_and(|m| !(1..=525_600).contains(&m)) {
        return Err(Problem::field("retry_after_minutes", "invalid", "must be 1 to 525600"));
    }
    let patch = DispositionPatch {
        label: body.name.map(|name| crate::routes::me::fits_name(&name)).transpose()?,
        notes_required: body.notes_required,
        retry_after_minutes: body.retry_after_minutes,
        sub_codes: body.sub_dispositions,
        position: body.position,
        active: body.active,
    };
    let made = state.store.disposition_update(who.tenant, &code, &patch).await?;
    let made = made.ok_or_else(|| Problem::not_found("outcome code"))?;
    state.audit(&who, who.audit("disposition_code.updated", "disposition", &made.code)).await?;
    Ok(Json(shown(made)))
}

fn shown(code: dispositions::Disposition) -> Disposition {
    let mut required = Vec::new();
    if code.notes_required {
        required.push("notes".to_owned());
    }
    if code.next_action == NextAction::ScheduleCallback && code.retry_after_minutes.is_none() {
        required.push("callback_at".to_owned());
    }
    Disposition {
        code: code.code,
        short_code: Some(code.short_code),
        name: code.label,
        group: code.family.as_str().to_owned(),
        aliases: code.aliases,
        required,
        sub_dispositions: code.sub_codes,
        next_action: code.next_action.as_str().to_owned(),
        retry_after_minutes: code.retry_after_minutes,
        position: code.position,
        active: code.active,
    }
}
