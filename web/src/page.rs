//! Pages of lists.

use crate::{
    problem::{Outcome, Problem},
    shapes::Page,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

const USUAL: u32 = 50;
const MOST: u32 = 200;

/// Rows per page as asked for, or the usual.
pub(crate) fn limit(asked: Option<u32>) -> Outcome<u32> {
    match asked {
        None => Ok(USUAL),
        Some(n) if (1..=MOST).contains(&n) => Ok(n),
        Some(_) => Err(Problem::field("limit", "invalid", format!("must be 1 to {MOST}"))),
    }
}

/// A page of a list that is small enough to be read whole; the cursor is a place in it.
pub(crate) fn slice<T>(all: Vec<T>, asked: Option<u32>, cursor: Option<&str>) -> Outcome<Page<T>> {
    let limit = limit(asked)? as usize;
    let start = match cursor {
        None => 0,
        Some(cursor) => BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<usize>().ok())
            .ok_or_else(|| Problem::bad_request("the cursor is not one of ours"))?,
    };
    let more = all.len() > start.saturating_add(limit);
    let items: Vec<T> = all.into_iter().skip(start).take(limit).collect();
    let next = start + items.len();
    let next_cursor = more.then(|| BASE64_URL_SAFE_NO_PAD.encode(next.to_string()));
    Ok(Page { items, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_small_list_follow_each_other_without_gap_or_overlap() {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = slice((0..7).collect(), Some(3), cursor.as_deref()).ok().unwrap();
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
        assert!(slice(vec![1], Some(0), None).is_err());
        assert!(slice(vec![1], Some(201), None).is_err());
        assert!(slice(vec![1], None, Some("!")).is_err());
    }
}
