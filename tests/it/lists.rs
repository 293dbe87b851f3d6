//! Every list is read in pages, and says which parameter it cannot take (API-02, API-06, F12).

use crate::access::operations;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::{api::Api, server::Telehub};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");

/// Rows of a list, read in pages of `limit`.
pub(crate) async fn rows(api: &Api, path: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = api.get(&format!("{path}?limit={limit}{cursor}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{path}: {} rows where {limit} were asked for", items.len());
        rows.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
    panic!("{path}: the pages have no end");
}

/// What tells a row from another: the rest may change while it is read.
fn key(row: &Value) -> Value {
    let named =
        ["id", "user_id", "code", "phone", "at"].iter().find(|name| row.get(**name).is_some());
    row[*named.unwrap_or_else(|| panic!("a row without a name: {row}"))].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_comes_in_pages_and_names_the_parameter_at_fault() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    let mut lists = 0;
    for (method, path) in operations(&server.base).await {
        if method != Method::GET || path.contains('{') {
            continue;
        }
        let (status, reply) = admin.call(Method::GET, &path, None).await;
        if status != StatusCode::OK || reply.get("next_cursor").is_none() {
            continue;
        }
        lists += 1;
        for (query, status, field) in
            [("limit=abc", 422, "limit"), ("limit=0", 422, "limit"), ("colour=red", 400, "colour")]
        {
            let (found, problem) = admin.call(Method::GET, &format!("{path}?{query}"), None).await;
            let named = &problem["errors"][0]["field"];
            assert_eq!(
                (found.as_u16(), named),
                (status, &field.into()),
                "{path}?{query}: {problem}"
            );
        }
        // What is done is itself written down, so the trail grows by looking.
        if path == "/audit" {
            continue;
        }
        let names = |rows: Vec<Value>| rows.iter().map(key).collect::<Vec<_>>();
        let whole = names(rows(&admin, &path, 200).await);
        let parted = names(rows(&admin, &path, whole.len().div_ceil(4).max(1)).await);
        assert_eq!(parted, whole, "{path} in pages");
    }
    assert!(lists >= 12, "only {lists} lists");
}
