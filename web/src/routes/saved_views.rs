//! Lists saved under a name, and what somebody set for themselves at the desk.

use crate::{
    AppState,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    routes::calls::list::call_filter,
    sessions::Principal,
    shapes::{
        Page,
        accounts::Role,
        calls::CallQuery,
        leads::LeadQuery,
        saved_views::{
            CallViewQuery, LeadViewQuery, Period, Preferences, SavedView, ViewChange, ViewList,
            ViewNew, ViewsQuery,
        },
    },
};
use axum::{Json, extract::State, http::StatusCode};
use call::UserId;
use chrono::{Days, Utc};
use crm::{
    saved_views::{self, COUNT_MOST, VIEWS_MOST},
    tenants::Tenant,
};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, HashMap};

const NAME_MOST: usize = 60;
/// Of one value of a view's query.
const VALUE_MOST: usize = 200;
const KEYS_MOST: usize = 100;

type Asked = BTreeMap<String, String>;

/// Views one sees: one's own and those shared, in their order.
#[utoipa::path(
    get,
    path = "/api/v1/views",
    tag = "views",
    params(ViewsQuery),
    responses((status = 200, body = Page<SavedView>), Problems),
)]
pub(crate) async fn view_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<ViewsQuery>,
) -> Outcome<Json<Page<SavedView>>> {
    let list = query.list.map(of_list);
    let mut found = state.store.view_list(who.tenant, who.user, list).await?;
    found.retain(|view| reads(&who, view.list));
    let page = page::slice(found, query.limit, query.cursor.as_deref())?;
    let names = state.user_names(who.tenant).await?;
    let tenant = state.store.tenant_find(who.tenant).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for view in page.items {
        let count = match &tenant {
            Some(tenant) if query.counts == Some(true) => {
                state.counted(&who, tenant, &view).await?
            }
            _ => None,
        };
        items.push(SavedView { count, ..shown(&who, view, &names) });
    }
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Save a list under a name. 409 where there are as many as one may keep.
#[utoipa::path(
    post,
    path = "/api/v1/views",
    tag = "views",
    request_body = ViewNew,
    responses((status = 201, body = SavedView), Problems),
)]
pub(crate) async fn view_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<ViewNew>,
) -> Outcome<(StatusCode, Json<SavedView>)> {
    let list = of_list(body.list);
    if !reads(&who, list) {
        return Err(Problem::forbidden("this list is not yours to read"));
    }
    may_share(&who, body.shared)?;
    let now = Utc::now();
    let view = saved_views::SavedView {
        id: crm::fresh(),
        owner: who.user,
        list,
        name: fits_name(&body.name)?,
        shared: body.shared,
        query: fits_query(list, body.query)?,
        position: body.position.unwrap_or(now.timestamp_millis()),
        created_at: crm::store::micros(now),
        updated_at: crm::store::micros(now),
    };
    if !state.store.view_create(who.tenant, &view).await? {
        return Err(too_many());
    }
    state.tell(&who, "view.created", &view).await?;
    let names = state.user_names(who.tenant).await?;
    Ok((StatusCode::CREATED, Json(shown(&who, view, &names))))
}

/// Rename, share, reorder a view or keep other filters in it: one's own, or a shared one for managers
/// and administrators.
#[utoipa::path(
    patch,
    path = "/api/v1/views/{id}",
    tag = "views",
    params(("id" = Uuid, Path, description = "View")),
    request_body = ViewChange,
    responses((status = 200, body = SavedView), Problems),
)]
pub(crate) async fn view_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<ViewChange>,
) -> Outcome<Json<SavedView>> {
    let mut view = state.own_view(&who, id).await?;
    if let Some(name) = body.name {
        view.name = fits_name(&name)?;
    }
    if let Some(query) = body.query {
        view.query = fits_query(view.list, query)?;
    }
    if let Some(shared) = body.shared {
        may_share(&who, shared || view.shared)?;
        view.shared = shared;
    }
    view.position = body.position.unwrap_or(view.position);
    view.updated_at = crm::store::micros(Utc::now());
    if !state.store.view_save(who.tenant, &view).await? {
        return Err(too_many());
    }
    state.tell(&who, "view.updated", &view).await?;
    let names = state.user_names(who.tenant).await?;
    Ok(Json(shown(&who, view, &names)))
}

/// Forget a view; the list itself loses nothing.
#[utoipa::path(
    delete,
    path = "/api/v1/views/{id}",
    tag = "views",
    params(("id" = Uuid, Path, description = "View")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn view_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let view = state.own_view(&who, id).await?;
    if !state.store.view_delete(who.tenant, view.id).await? {
        return Err(Problem::not_found("view"));
    }
    state.tell(&who, "view.deleted", &view).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What one set for oneself at the desk.
#[utoipa::path(
    get,
    path = "/api/v1/me/preferences",
    tag = "views",
    responses((status = 200, body = Preferences), Problems),
)]
pub(crate) async fn preferences(
    State(state): State<AppState>,
    who: Principal,
) -> Outcome<Json<Preferences>> {
    let kept = state.store.preferences_find(who.tenant, who.user).await?;
    // What an older or newer version wrote and this one cannot read counts as not set.
    Ok(Json(kept.and_then(|body| serde_json::from_value(body).ok()).unwrap_or_default()))
}

/// Keep what one set for oneself at the desk.
#[utoipa::path(
    put,
    path = "/api/v1/me/preferences",
    tag = "views",
    request_body = Preferences,
    responses((status = 200, body = Preferences), Problems),
)]
pub(crate) async fn preferences_save(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<Preferences>,
) -> Outcome<Json<Preferences>> {
    let fits = |text: &String, least: usize| (least..=VALUE_MOST / 2).contains(&text.len());
    if body.keys.len() > KEYS_MOST || !body.keys.iter().all(|(k, v)| fits(k, 1) && fits(v, 0)) {
        let words = format!("must be at most {KEYS_MOST} keys of at most 100 characters each");
        return Err(Problem::field("keys", "invalid", words));
    }
    let kept = as_document(&body);
    state.store.preferences_save(who.tenant, who.user, kept, Utc::now()).await?;
    Ok(Json(body))
}

impl AppState {
    /// A view the reader may change.
    async fn own_view(&self, who: &Principal, id: uuid::Uuid) -> Outcome<saved_views::SavedView> {
        let found = self.store.view_find(who.tenant, who.user, id.into()).await?;
        let found = found.filter(|view| reads(who, view.list));
        let found = found.ok_or_else(|| Problem::not_found("view"))?;
        if changeable(who, &found) {
            return Ok(found);
        }
        Err(Problem::forbidden("a shared view is changed by managers and administrators"))
    }

    /// What is shared is everybody's business; what is one's own is nobody else's.
    async fn tell(
        &self,
        who: &Principal,
        action: &str,
        view: &saved_views::SavedView,
    ) -> Outcome<()> {
        if view.shared { self.audit(who, who.audit(action, "view", view.id)).await } else { Ok(()) }
    }

    /// Rows a view finds for the reader; none where its filters are of another version.
    async fn counted(
        &self,
        who: &Principal,
        tenant: &Tenant,
        view: &saved_views::SavedView,
    ) -> Outcome<Option<u32>> {
        let asked: Asked = serde_json::from_value(view.query.clone()).unwrap_or_default();
        let found = match view.list {
            saved_views::ViewList::Leads => {
                let Some(asked) = typed::<LeadViewQuery>(&asked) else { return Ok(None) };
                let LeadViewQuery { q, status, priority } = asked;
                let query = LeadQuery { q, status, priority, ..LeadQuery::default() };
                let filter = self.lead_filter(who, query).await?;
                self.store.lead_count(who.tenant, &filter, COUNT_MOST).await?
            }
            saved_views::ViewList::Calls => {
                let Some(asked) = typed::<CallViewQuery>(&asked) else { return Ok(None) };
                let filter = call_filter(who, calls_asked(tenant, asked))?;
                self.store.call_count(who.tenant, &filter, COUNT_MOST).await?
            }
        };
        Ok(Some(found))
    }
}

/// The moments that a view's days mean now.
fn calls_asked(tenant: &Tenant, asked: CallViewQuery) -> CallQuery {
    let today = tenant.today(Utc::now());
    let before = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let (from, to) = match asked.period {
        None => (asked.from, asked.to),
        Some(Period::Today) => (Some(today), Some(today)),
        Some(Period::Yesterday) => (Some(before(1)), Some(before(1))),
        Some(Period::Week) => (Some(before(6)), Some(today)),
        Some(Period::Month) => (Some(before(29)), Some(today)),
    };
    let after = to.and_then(|day| day.succ_opt());
    CallQuery {
        direction: asked.direction,
        status: asked.status,
        disposition: asked.disposition,
        from: from.map(|day| tenant.midnight(day)),
        to: after.map(|day| tenant.midnight(day)),
        ..CallQuery::default()
    }
}

fn of_list(list: ViewList) -> saved_views::ViewList {
    match list {
        ViewList::Leads => saved_views::ViewList::Leads,
        ViewList::Calls => saved_views::ViewList::Calls,
    }
}

/// Viewers read figures and calls, not leads.
fn reads(who: &Principal, list: saved_views::ViewList) -> bool {
    list == saved_views::ViewList::Calls || who.role != Role::Viewer
}

fn changeable(who: &Principal, view: &saved_views::SavedView) -> bool {
    if view.shared { who.leads() } else { view.owner == who.user }
}

fn may_share(who: &Principal, shared: bool) -> Outcome<()> {
    if shared && !who.leads() {
        return Err(Problem::forbidden("only managers and administrators share views"));
    }
    Ok(())
}

fn too_many() -> Problem {
    Problem::conflict(format!("there are {VIEWS_MOST} views already: delete one first"))
}

fn fits_name(name: &str) -> Outcome<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MOST {
        let words = format!("must have 1 to {NAME_MOST} characters");
        return Err(Problem::field("name", "invalid", words));
    }
    Ok(name.to_owned())
}

/// The filters as the list's own route would take them, so that what is saved can be asked again.
fn fits_query(list: saved_views::ViewList, query: Asked) -> Outcome<serde_json::Value> {
    let short = query.values().all(|value| value.chars().count() <= VALUE_MOST);
    let known = match list {
        saved_views::ViewList::Leads => typed::<LeadViewQuery>(&query).is_some(),
        saved_views::ViewList::Calls => typed::<CallViewQuery>(&query).is_some(),
    };
    if !short || !known {
        return Err(Problem::field("query", "invalid", "must be filters of this list"));
    }
    Ok(as_document(&query))
}

fn typed<T: DeserializeOwned>(query: &Asked) -> Option<T> {
    serde_json::from_value(as_document(query)).ok()
}

fn as_document<T: Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn shown(
    who: &Principal,
    view: saved_views::SavedView,
    names: &HashMap<UserId, String>,
) -> SavedView {
    SavedView {
        mine: view.owner == who.user,
        changeable: changeable(who, &view),
        owner_name: names.get(&view.owner).cloned(),
        id: view.id.into(),
        list: match view.list {
            saved_views::ViewList::Leads => ViewList::Leads,
            saved_views::ViewList::Calls => ViewList::Calls,
        },
        name: view.name,
        shared: view.shared,
        query: serde_json::from_value(view.query).unwrap_or_default(),
        position: view.position,
        count: None,
        updated_at: view.updated_at,
    }
}
