//! Who may do what, over every route that the server says it has (F01, G01, G02, AUT-07, AUT-08).

use crate::desk::other_tenant;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{api::Api, live::Live, server::Telehub};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");
/// An id that nobody has.
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// What each role is for, written down apart from the server's own table. A route that fits no
/// row, or two rows, fails. Rows: methods, path with `*` for one part and `**` for any rest,
/// and who may: `a`dministrator, `m`anager, `t`elecaller, `f`ield agent, `v`iewer, or `p`ublic.
const MEANT: &[(&str, &str, &str)] = &[
    ("get", "/health", "p"),
    ("post", "/auth/login", "p"),
    ("post", "/auth/refresh", "p"),
    ("get", "/auth/options", "p"),
    ("post", "/auth/password/forgot", "p"),
    ("post", "/auth/password/reset", "p"),
    ("post", "/auth/logout", "amtfv"),
    ("get patch", "/me", "amtfv"),
    ("post", "/me/password", "amtfv"),
    ("get post", "/me/otp/**", "amtfv"),
    ("get", "/me/phone", "amt"),
    ("get", "/users", "am"),
    ("get", "/users/*", "am"),
    ("post", "/users", "a"),
    ("patch delete", "/users/*", "a"),
    ("post", "/users/*/password-link", "a"),
    ("post", "/users/*/sign-out", "a"),
    ("delete", "/users/*/otp", "a"),
    ("get", "/extensions", "am"),
    ("get", "/extensions/*", "am"),
    ("get", "/extensions/*/setup", "am"),
    ("get", "/extensions/*/secret", "a"),
    ("post", "/extensions/*/secret/rotate", "a"),
    ("post", "/extensions", "a"),
    ("patch delete", "/extensions/*", "a"),
    ("get", "/trunks", "am"),
    ("get", "/trunks/presets", "a"),
    ("get", "/trunks/{id}", "am"),
    ("get", "/trunks/*/status", "am"),
    ("post", "/trunks/*/test-call", "a"),
    ("post", "/trunks", "a"),
    ("patch delete", "/trunks/{id}", "a"),
    ("get", "/numbers", "am"),
    ("get", "/numbers/*", "am"),
    ("post", "/numbers", "a"),
    ("patch delete", "/numbers/*", "a"),
    ("get post patch", "/leads/**", "amt"),
    ("get", "/queue/mine", "amt"),
    ("get", "/dispositions", "amtfv"),
    ("put", "/dispositions/*", "a"),
    ("get", "/scripts/**", "amt"),
    ("post put delete", "/scripts/**", "am"),
    ("get", "/objections/**", "amt"),
    ("post put delete", "/objections/**", "am"),
    ("get", "/knowledge", "amt"),
    ("get post patch", "/callbacks/**", "amt"),
    ("get", "/calls", "amtv"),
    ("get", "/calls/*", "amtv"),
    ("get", "/calls/*/events", "amtv"),
    ("get", "/calls/*/recording", "amt"),
    ("get", "/calls/*/recording/peaks", "amt"),
    ("post put", "/calls/**", "amt"),
    ("get", "/agents", "amtv"),
    ("post", "/agents/me/state", "amt"),
    ("get", "/dnd", "am"),
    ("post", "/dnd", "amt"),
    ("delete", "/dnd/*", "a"),
    ("get", "/audit", "a"),
    ("get", "/settings", "am"),
    ("patch", "/settings", "a"),
];

fn fits(pattern: &str, path: &str) -> bool {
    if let Some(root) = pattern.strip_suffix("/**") {
        return path == root || path.starts_with(&format!("{root}/"));
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| *a == "*" || a == b)
}

fn meant(method: &str, path: &str) -> &'static str {
    let rows: Vec<_> = MEANT
        .iter()
        .filter(|(methods, pattern, _)| {
            methods.split(' ').any(|m| m == method) && fits(pattern, path)
        })
        .collect();
    assert_eq!(rows.len(), 1, "{method} {path} must fit one row of what is meant: {rows:?}");
    rows[0].2
}

/// Every operation of the server's OpenAPI document, below `/api/v1`.
pub(crate) async fn operations(base: &str) -> Vec<(Method, String)> {
    let reply = Client::new().get(format!("{base}/api/v1/openapi.json")).send().await.unwrap();
    let document: Value = reply.json().await.unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/api/v1") else { continue };
        for method in item.as_object().unwrap().keys() {
            let served = ["get", "post", "put", "patch", "delete"];
            if served.contains(&method.as_str()) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                found.push((method, path.to_owned()));
            }
        }
    }
    assert!(found.len() > 70, "only {} operations", found.len());
    found
}

/// The path with every parameter filled in.
pub(crate) fn filled(path: &str, id: &str) -> String {
    let part = |part: &str| match part {
        "{phone}" => "+919811700000".to_owned(),
        "{code}" => "NO_SUCH_CODE".to_owned(),
        part if part.starts_with('{') => id.to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

pub(crate) fn has_body(method: &Method) -> bool {
    *method != Method::GET && *method != Method::DELETE
}

/// F01: every route × every role and nobody. A role that may gets past the door (what is behind
/// it may not exist, or the empty body may be refused), one that may not is stopped at it.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_is_meant_for_and_nobody_else() {
    let server = Telehub::demo(BINARY);
    let mut roles = BTreeMap::new();
    for (letter, user) in
        [('a', "admin"), ('m', "manager"), ('t', "asha"), ('f', "field1"), ('v', "viewer")]
    {
        roles.insert(letter, server.api(user).await);
    }
    let mut wrong = Vec::new();
    for (method, path) in operations(&server.base).await {
        let who = meant(&method.as_str().to_lowercase(), &path);
        let target = filled(&path, NOBODY);
        let body = has_body(&method).then(|| json!({}));
        let mut anonymous =
            Client::new().request(method.clone(), format!("{}/api/v1{target}", server.base));
        if let Some(body) = &body {
            anonymous = anonymous.json(body);
        }
        let status = anonymous.send().await.unwrap().status();
        // Signing in without a password is a refused field, not a refused person.
        if (status == StatusCode::UNAUTHORIZED) == (who == "p") {
            wrong.push(format!("nobody {method} {path}: {status}"));
        }
        // A session that ends itself would be of no use to the rows after it.
        if who == "p" || path == "/auth/logout" {
            continue;
        }
        for (letter, api) in &roles {
            let (status, _) = api.call(method.clone(), &target, body.clone()).await;
            let stopped = status == StatusCode::FORBIDDEN;
            if stopped == who.contains(*letter)
                || status == StatusCode::UNAUTHORIZED
                || status.is_server_error()
            {
                wrong.push(format!("{letter} {method} {path}: {status}, meant for {who}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every id in a document.
fn ids(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if let (true, Some(id)) = (key == "id" || key.ends_with("_id"), field.as_str()) {
                    found.insert(id.to_owned());
                }
                ids(field, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every list the server has, as one user sees it.
async fn lists(api: &Api, operations: &[(Method, String)]) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for (method, path) in operations {
        // What is done is itself written down, so the trail grows by looking.
        if *method == Method::GET && !path.contains('{') && path != "/audit" {
            let (status, body) = api.call(Method::GET, path, None).await;
            assert!(!status.is_server_error(), "GET {path}: {status} {body}");
            if status.is_success() {
                seen.insert(path.clone(), body);
            }
        }
    }
    seen
}

/// F01, G01, G02: with every id of the demo floor in hand, the administrator of another tenant
/// finds nothing, in lists, by id or on the live socket, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_administrator_sees_and_changes_nothing() {
    let server = Telehub::demo(BINARY);
    let ours = server.api("admin").await;
    let lead = ours.post("/leads", json!({ "name": "Ours", "phone": "+919811740001" })).await["id"]
        .clone();
    let at = (chrono::Utc::now() + chrono::TimeDelta::hours(3)).to_rfc3339();
    ours.post("/callbacks", json!({ "lead_id": lead, "due_at": at })).await;
    let theirs = other_tenant(&server).await;
    let operations = operations(&server.base).await;
    let before = lists(&ours, &operations).await;
    let mut known = BTreeSet::new();
    before.values().for_each(|list| ids(list, &mut known));
    assert!(known.len() > 100, "only {} ids", known.len());

    for (path, list) in lists(&theirs, &operations).await {
        let text = list.to_string();
        let leaked: Vec<_> = known.iter().filter(|id| text.contains(id.as_str())).collect();
        assert!(leaked.is_empty(), "GET {path} shows {leaked:?}");
    }
    let snapshot = Live::open(&server.base, &theirs.token).await.snapshot.to_string();
    assert!(known.iter().all(|id| !snapshot.contains(id.as_str())), "{snapshot}");

    for (method, path) in &operations {
        let Some(root) = path.split('/').nth(1).filter(|_| path.contains("{id}")) else { continue };
        let list = before.get(&format!("/{root}"));
        let first = list.and_then(|list| list["items"][0]["id"].as_str()).unwrap_or(NOBODY);
        let body = has_body(method).then(|| json!({}));
        let (status, reply) = theirs.call(method.clone(), &filled(path, first), body).await;
        let refused = match status {
            StatusCode::NOT_FOUND => true,
            // A body that is not right is refused before anything is looked for.
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => has_body(method),
            _ => false,
        };
        assert!(refused, "{method} {path}: {status} {reply}");
    }
    let after = lists(&ours, &operations).await;
    for (path, list) in &before {
        // Health, agents and the like carry ages; what is set up must be the same.
        if ["/users", "/leads", "/numbers", "/scripts", "/objections", "/callbacks", "/settings"]
            .contains(&path.as_str())
        {
            assert_eq!(list, &after[path], "{path} changed");
        }
    }
}
