//! Agents and their states.

use crate::{
    AppState,
    extract::{Body, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        accounts::{Agent, AgentStateChange, AgentWish},
    },
    views,
};
use axum::{Json, extract::State};
use call::UserId;
use dialer::{AgentView, Wish};
use std::collections::HashMap;

/// The floor: everybody for administrators, the team for its manager, oneself for a telecaller.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    tag = "agents",
    params(PageQuery),
    responses((status = 200, body = Page<Agent>), Problems),
)]
pub(crate) async fn agent_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<Agent>>> {
    let all = state.board(&who).await?;
    page::slice(all, query.limit, query.cursor.as_deref()).map(Json)
}

/// Ask for a state. During a call it comes after it; 409 while outcomes are missing.
#[utoipa::path(
    post,
    path = "/api/v1/agents/me/state",
    tag = "agents",
    request_body = AgentStateChange,
    responses((status = 200, body = Agent), Problems),
)]
pub(crate) async fn agent_me_state(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<AgentStateChange>,
) -> Outcome<Json<Agent>> {
    let reason = body.reason.map(|r| r.trim().to_owned()).filter(|r| !r.is_empty());
    if reason.as_ref().is_some_and(|r| r.chars().count() > 60) {
        return Err(Problem::field("reason", "too_long", "must have at most 60 characters"));
    }
    let wish = match body.state {
        AgentWish::Ready => Wish::Ready,
        AgentWish::Offline => Wish::Offline,
        AgentWish::Paused => Wish::Paused(reason.unwrap_or_else(|| "break".to_owned())),
    };
    let view = state.dialer.set_state(who.tenant, who.user, wish).await?;
    state.agent_shown(&who, &view).await.map(Json)
}

impl AppState {
    /// The floor as one may see it.
    pub(crate) async fn board(&self, who: &Principal) -> Outcome<Vec<Agent>> {
        let users = self.users_of(who.tenant, Some(true)).await?;
        let extensions = self.store.extension_list(who.tenant).await?;
        let views: HashMap<UserId, AgentView> =
            self.dialer.agents(who.tenant).into_iter().map(|v| (v.key.user, v)).collect();
        let facts = self.facts();
        let agents = users.iter().filter(|u| u.role.calls() && who.reads(Some(u.id)));
        let agents = agents.filter_map(|user| {
            let extension = extensions.iter().find(|e| e.user == Some(user.id));
            let view = views.get(&user.id);
            let registered = extension.is_some_and(|e| facts.registered(e.id));
            let on_the_floor = extension.is_some() || view.is_some() || user.id == who.user;
            on_the_floor.then(|| views::agent(user, extension, registered, view))
        });
        Ok(agents.collect())
    }

    /// One agent as the floor sees them.
    pub(crate) async fn agent_shown(&self, who: &Principal, view: &AgentView) -> Outcome<Agent> {
        let user = self.store.user_find(who.tenant, view.key.user).await?;
        let user = user.ok_or_else(|| Problem::not_found("agent"))?;
        let extension = self.store.extension_of_user(who.tenant, user.id).await?;
        Ok(views::agent(&user, extension.as_ref(), view.reachable, Some(view)))
    }
}
