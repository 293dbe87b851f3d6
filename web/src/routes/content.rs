//! Scripts, objections, knowledge.

use crate::{
    AppState,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page,
        content::{
            Article, Objection, ObjectionWrite, Script, ScriptQuery, ScriptWrite, SearchQuery,
        },
    },
    views,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::Utc;
use crm::content::{self, ContentFilter};
use uuid::Uuid;

/// Scripts.
#[utoipa::path(
    get,
    path = "/api/v1/scripts",
    tag = "content",
    params(ScriptQuery),
    responses((status = 200, body = Page<Script>), Problems),
)]
pub(crate) async fn script_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<ScriptQuery>,
) -> Outcome<Json<Page<Script>>> {
    let mut all = state.store.script_list(who.tenant).await?;
    all.retain(|s| query.language.as_ref().is_none_or(|l| *l == s.language));
    let page = page::slice(all, query.limit, query.cursor.as_deref())?;
    let items = page.items.into_iter().map(views::script).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a script.
#[utoipa::path(
    post,
    path = "/api/v1/scripts",
    tag = "content",
    request_body = ScriptWrite,
    responses((status = 201, body = Script), Problems),
)]
pub(crate) async fn script_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<ScriptWrite>,
) -> Outcome<(StatusCode, Json<Script>)> {
    let made = write_script(&state, &who, Uuid::now_v7(), body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One script.
#[utoipa::path(
    get,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn script_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Script>> {
    let found = state.store.script_find(who.tenant, id.into()).await?;
    let found = found.ok_or_else(|| Problem::not_found("script"))?;
    Ok(Json(views::script(found)))
}

/// Replace a script.
#[utoipa::path(
    put,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    request_body = ScriptWrite,
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn script_replace(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<ScriptWrite>,
) -> Outcome<Json<Script>> {
    if state.store.script_find(who.tenant, id.into()).await?.is_none() {
        return Err(Problem::not_found("script"));
    }
    write_script(&state, &who, id, body).await.map(Json)
}

/// Remove a script.
#[utoipa::path(
    delete,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn script_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    if !state.store.script_delete(who.tenant, id.into()).await? {
        return Err(Problem::not_found("script"));
    }
    state.audit(&who, who.audit("script.deleted", "script", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search the objections.
#[utoipa::path(
    get,
    path = "/api/v1/objections",
    tag = "content",
    params(SearchQuery),
    responses((status = 200, body = Page<Objection>), Problems),
)]
pub(crate) async fn objection_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<SearchQuery>,
) -> Outcome<Json<Page<Objection>>> {
    let page = state.store.objection_list(who.tenant, &filter(query)?).await?;
    let items = page.items.into_iter().map(objection).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add an objection.
#[utoipa::path(
    post,
    path = "/api/v1/objections",
    tag = "content",
    request_body = ObjectionWrite,
    responses((status = 201, body = Objection), Problems),
)]
pub(crate) async fn objection_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<ObjectionWrite>,
) -> Outcome<(StatusCode, Json<Objection>)> {
    let made = write_objection(&state, &who, Uuid::now_v7(), body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Replace an objection.
#[utoipa::path(
    put,
    path = "/api/v1/objections/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Objection")),
    request_body = ObjectionWrite,
    responses((status = 200, body = Objection), Problems),
)]
pub(crate) async fn objection_replace(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<ObjectionWrite>,
) -> Outcome<Json<Objection>> {
    write_objection(&state, &who, id, body).await.map(Json)
}

/// Remove an objection.
#[utoipa::path(
    delete,
    path = "/api/v1/objections/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Objection")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn objection_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    if !state.store.objection_delete(who.tenant, id.into()).await? {
        return Err(Problem::not_found("objection"));
    }
    state.audit(&who, who.audit("objection.deleted", "objection", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search the knowledge base.
#[utoipa::path(
    get,
    path = "/api/v1/knowledge",
    tag = "content",
    params(SearchQuery),
    responses((status = 200, body = Page<Article>), Problems),
)]
pub(crate) async fn knowledge_search(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<SearchQuery>,
) -> Outcome<Json<Page<Article>>> {
    let page = state.store.article_list(who.tenant, &filter(query)?).await?;
    let items = page
        .items
        .into_iter()
        .map(|a| Article {
            id: a.id.into(),
            title: a.title,
            category: a.category,
            body: a.body,
            language: a.language,
        })
        .collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

fn filter(query: SearchQuery) -> Outcome<ContentFilter> {
    Ok(ContentFilter {
        search: query.q.filter(|q| !q.trim().is_empty()),
        category: query.category,
        language: None,
        limit: page::limit(query.limit)?,
        cursor: query.cursor,
    })
}

fn fits_text(field: &str, text: &str, most: usize) -> Outcome<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        let words = format!("must have 1 to {most} characters");
        return Err(Problem::field(field, "invalid", words));
    }
    Ok(text.to_owned())
}

async fn write_script(
    state: &AppState,
    who: &Principal,
    id: Uuid,
    body: ScriptWrite,
) -> Outcome<Script> {
    let script = content::Script {
        id: id.into(),
        name: fits_text("name", &body.name, 120)?,
        language: crate::routes::me::fits_language(&body.language)?,
        body: fits_text("body", &body.body, 50_000)?,
        source: body.source,
        active: body.active.unwrap_or(true),
        updated_at: Utc::now(),
    };
    if !state.store.script_save(who.tenant, &script).await? {
        return Err(Problem::not_found("script"));
    }
    state.audit(who, who.audit("script.saved", "script", id)).await?;
    Ok(views::script(script))
}

async fn write_objection(
    state: &AppState,
    who: &Principal,
    id: Uuid,
    body: ObjectionWrite,
) -> Outcome<Objection> {
    let made = content::Objection {
        id: id.into(),
        category: fits_text("category", &body.category, 60)?,
        language: crate::routes::me::fits_language(body.language.as_deref().unwrap_or("en"))?,
        objection: fits_text("objection", &body.objection, 500)?,
        response: fits_text("response", &body.response, 5_000)?,
        updated_at: Utc::now(),
    };
    if !state.store.objection_save(who.tenant, &made).await? {
        return Err(Problem::not_found("objection"));
    }
    state.audit(who, who.audit("objection.saved", "objection", id)).await?;
    Ok(objection(made))
}

fn objection(o: content::Objection) -> Objection {
    Objection {
        id: o.id.into(),
        category: o.category,
        objection: o.objection,
        response: o.response,
        language: o.language,
    }
}
