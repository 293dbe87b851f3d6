//! Scripts, objections, knowledge.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        content::{
            Article, Objection, ObjectionWrite, Script, ScriptQuery, ScriptWrite, SearchQuery,
        },
    },
};

/// Scripts.
#[utoipa::path(
    get,
    path = "/api/v1/scripts",
    tag = "content",
    params(ScriptQuery),
    responses((status = 200, body = Page<Script>), Problems),
)]
pub(crate) async fn script_list() {}

/// Add a script.
#[utoipa::path(
    post,
    path = "/api/v1/scripts",
    tag = "content",
    request_body = ScriptWrite,
    responses((status = 201, body = Script), Problems),
)]
pub(crate) async fn script_create() {}

/// One script.
#[utoipa::path(
    get,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn script_one() {}

/// Replace a script.
#[utoipa::path(
    put,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    request_body = ScriptWrite,
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn script_replace() {}

/// Remove a script.
#[utoipa::path(
    delete,
    path = "/api/v1/scripts/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Script")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn script_delete() {}

/// Search the objections.
#[utoipa::path(
    get,
    path = "/api/v1/objections",
    tag = "content",
    params(SearchQuery),
    responses((status = 200, body = Page<Objection>), Problems),
)]
pub(crate) async fn objection_list() {}

/// Add an objection.
#[utoipa::path(
    post,
    path = "/api/v1/objections",
    tag = "content",
    request_body = ObjectionWrite,
    responses((status = 201, body = Objection), Problems),
)]
pub(crate) async fn objection_create() {}

/// Replace an objection.
#[utoipa::path(
    put,
    path = "/api/v1/objections/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Objection")),
    request_body = ObjectionWrite,
    responses((status = 200, body = Objection), Problems),
)]
pub(crate) async fn objection_replace() {}

/// Remove an objection.
#[utoipa::path(
    delete,
    path = "/api/v1/objections/{id}",
    tag = "content",
    params(("id" = Uuid, Path, description = "Objection")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn objection_delete() {}

/// Search the knowledge base.
#[utoipa::path(
    get,
    path = "/api/v1/knowledge",
    tag = "content",
    params(SearchQuery),
    responses((status = 200, body = Page<Article>), Problems),
)]
pub(crate) async fn knowledge_search() {}
