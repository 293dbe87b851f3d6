//! One's own queue (QUE-01).

use crate::{
    problem::Problems,
    shapes::leads::{Queue, QueueQuery},
};

/// Whom to call next, with the reason; blocked ones say when.
#[utoipa::path(
    get,
    path = "/api/v1/queue/mine",
    tag = "leads",
    params(QueueQuery),
    responses((status = 200, body = Queue), Problems),
)]
pub(crate) async fn queue_mine() {}
