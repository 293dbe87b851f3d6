//! One's own queue (QUE-01).

use crate::{
    AppState,
    extract::Params,
    page,
    problem::{Outcome, Problems},
    sessions::Principal,
    shapes::leads::{Blocked, Queue, QueueItem, QueueQuery, QueueReason},
    views,
};
use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use crm::leads::{Category, Lead};
use std::collections::BTreeMap;

/// Whom to call next, with the reason; blocked ones say when.
#[utoipa::path(
    get,
    path = "/api/v1/queue/mine",
    tag = "leads",
    params(QueueQuery),
    responses((status = 200, body = Queue), Problems),
)]
pub(crate) async fn queue_mine(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<QueueQuery>,
) -> Outcome<Json<Queue>> {
    let now = Utc::now();
    let (limit, after) = (page::limit(query.limit)?, query.cursor.as_deref());
    let category = query.category.map(Into::into);
    let (tenant, user) = (who.tenant, who.user);
    let page = state.store.lead_queue(tenant, user, category, limit, after, now).await?;
    let counts = state.store.lead_queue_counts(tenant, user, now).await?;
    let names = state.user_names(tenant).await?;
    let items = page
        .items
        .iter()
        .map(|lead| QueueItem {
            lead: views::lead(&who, lead, &names),
            reason: reason(lead, now),
            blocked: blocked(lead, now),
        })
        .collect();
    let counts = [
        ("fresh", counts.fresh),
        ("callback", counts.callback),
        ("retry", counts.retry),
        ("follow_up", counts.follow_up),
        ("due", counts.due),
    ];
    let counts: BTreeMap<String, u64> =
        counts.into_iter().map(|(name, n)| (name.to_owned(), u64::from(n))).collect();
    Ok(Json(Queue { items, next_cursor: page.next_cursor, counts }))
}

/// A promise counts as soon within this time before its hour, as late this long after.
const SOON: TimeDelta = TimeDelta::minutes(30);
const LATE: TimeDelta = TimeDelta::minutes(15);

fn reason(lead: &Lead, now: DateTime<Utc>) -> QueueReason {
    let due = lead.next_call_at;
    let (code, at) = match (lead.category, due) {
        (Category::Callback, Some(due)) if due + LATE < now => ("callback_late", Some(due)),
        (Category::Callback, Some(due)) if due <= now => ("callback_due", Some(due)),
        (Category::Callback, Some(due)) if due - SOON <= now => ("callback_soon", Some(due)),
        (Category::Callback, due) => ("callback", due),
        (Category::Fresh, _) => ("fresh", Some(lead.created_at)),
        (Category::Retry, due) => ("retry", due),
        (Category::FollowUp, due) => ("follow_up", due.or(lead.last_contact_at)),
    };
    let attempts = (lead.category == Category::Retry).then_some(lead.attempts);
    QueueReason { code: code.to_owned(), at, attempts }
}

/// What stands in the way as far as the lead itself says; the gate decides at the call.
fn blocked(lead: &Lead, now: DateTime<Utc>) -> Option<Blocked> {
    if lead.dnd {
        let detail = "asked not to be called".to_owned();
        return Some(Blocked { rule: "do_not_call".to_owned(), detail, allowed_at: None });
    }
    let due = lead.next_call_at.filter(|due| *due > now)?;
    let rule = if lead.category == Category::Callback { "callback_time" } else { "retry_time" };
    let detail = "not before the hour that was set".to_owned();
    Some(Blocked { rule: rule.to_owned(), detail, allowed_at: Some(due) })
}
