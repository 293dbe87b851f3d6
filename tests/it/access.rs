//! Who may do what, over every route that the server says it has (F01, AUT-07, AUT-08).

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{api::Api, server::Telehub};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");
/// An id that nobody has.
pub(crate) const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// What each role is for, written down apart from the server's own table. A route that fits no
/// row, or two rows, fails. Rows: methods, path with `*` for one part and `**` for any rest,
/// and who may: `a`dministrator, `m`anager, `t`elecaller, `f`ield agent, `v`iewer, or `p`ublic.
/// The platform administrator, `h` for the house, may whatever an administrator may.
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
    ("get post", "/views", "amtv"),
    ("patch delete", "/views/*", "amtv"),
    ("get put", "/me/preferences", "amtfv"),
    ("get", "/agents", "amtv"),
    ("post", "/agents/me/state", "amt"),
    ("get", "/dnd", "am"),
    ("post", "/dnd", "amt"),
    ("delete", "/dnd/*", "a"),
    ("get", "/audit", "a"),
    ("get", "/settings", "am"),
    ("patch", "/settings", "a"),
    ("post delete", "/settings/widening", "am"),
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
    roles.insert('h', platform_admin(&server, "pratham").await);
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
            let may = who.contains(if *letter == 'h' { 'a' } else { *letter });
            if stopped == may || status == StatusCode::UNAUTHORIZED || status.is_server_error() {
                wrong.push(format!("{letter} {method} {path}: {status}, meant for {who}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A platform administrator of a tenant, made as an operator makes the first one.
pub(crate) async fn platform_admin(server: &Telehub, tenant: &str) -> Api {
    let email = format!("house@{tenant}.local");
    let role = ["user", "add", "--role", "platform_admin", "--tenant", tenant, "--email", &email];
    let made = server.run(&role);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    let password = said.lines().find_map(|line| line.strip_prefix("password: "));
    let password = password.unwrap_or_else(|| panic!("no password: {made:?}"));
    Api::sign_in(&server.base, &email, password).await
}

/// AUT-07: only who runs the house makes others of that kind, or touches them.
#[tokio::test(flavor = "multi_thread")]
async fn platform_administrators_are_made_and_changed_by_each_other_only() {
    let server = Telehub::demo(BINARY);
    let (admin, house) = (server.api("admin").await, platform_admin(&server, "pratham").await);
    assert_eq!(house.get("/me").await["role"], "platform_admin");
    let new =
        json!({ "email": "second@pratham.local", "name": "Second", "role": "platform_admin" });
    let (status, reply) = admin.call(Method::POST, "/users", Some(new.clone())).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{reply}");
    let made = house.post("/users", new).await;
    let id = made["id"].as_str().or(made["user"]["id"].as_str()).unwrap().to_owned();
    let path = format!("/users/{id}");
    for (method, path, body) in [
        (Method::PATCH, path.clone(), Some(json!({ "name": "Mine" }))),
        (Method::PATCH, path.clone(), Some(json!({ "role": "viewer" }))),
        (Method::POST, format!("{path}/password-link"), None),
        (Method::POST, format!("{path}/sign-out"), None),
        (Method::DELETE, format!("{path}/otp"), None),
        (Method::DELETE, path.clone(), None),
    ] {
        let (status, reply) = admin.call(method.clone(), &path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {reply}");
    }
    let telecaller = json!({ "email": "up@pratham.local", "name": "Up", "role": "telecaller" });
    let up = admin.post("/users", telecaller).await;
    let up = up["id"].as_str().or(up["user"]["id"].as_str()).unwrap().to_owned();
    let role = json!({ "role": "platform_admin" });
    let (status, reply) =
        admin.call(Method::PATCH, &format!("/users/{up}"), Some(role.clone())).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{reply}");
    let risen = house.patch(&format!("/users/{up}"), role).await;
    assert_eq!(risen["role"], "platform_admin");
    let fallen = house.patch(&path, json!({ "role": "viewer", "name": "Ours" })).await;
    assert_eq!((&fallen["role"], &fallen["name"]), (&json!("viewer"), &json!("Ours")));
}
