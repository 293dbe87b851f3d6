//! Keyset cursors: the sort key of the last row, opaque to the outside.

use super::{Page, StoreError};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn encode<K: Serialize>(key: &K) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).expect("sort keys are plain values"))
}

pub(crate) fn decode<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, StoreError> {
    let Some(text) = cursor else { return Ok(None) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| StoreError::BadCursor)
}

/// How many rows to return and how many to fetch, to know whether more follow.
pub(crate) fn limits(limit: u32) -> (usize, i64) {
    let limit = limit.clamp(1, 500);
    (limit as usize, i64::from(limit) + 1)
}

/// Cuts the extra row off and makes the cursor of the last one kept.
pub(crate) fn page<T, K: Serialize>(
    mut items: Vec<T>,
    limit: usize,
    key: impl FnOnce(&T) -> K,
) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| encode(&key(last)));
    Page { items, next_cursor }
}
