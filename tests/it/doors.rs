//! What every door has in common: headers, foreign pages, fields nobody may set, limits, and one
//! call for one wish (F04, F05, F12, F13, F14, F23).

use crate::{
    access::{filled, has_body, operations},
    floor::{Floor, SOON},
};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{certificates::Authority, eventually, server::Telehub};
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";
const FOREIGN: &str = "https://evil.example";

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What the desk's pages may load and do, written down apart from the server's own text.
const DESK_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; \
    worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; object-src 'none'";

fn is_html(reply: &Response) -> bool {
    header(reply, "content-type").starts_with("text/html")
}

/// What is wrong with the headers of an answer.
fn unsafe_headers(reply: &Response, over_tls: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, wanted) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        if header(reply, name) != wanted {
            wrong.push(format!("{name}: {:?}", header(reply, name)));
        }
    }
    // The desk's own pages are held to the whole of it.
    let page = is_html(reply) && !reply.url().path().starts_with("/docs");
    if page && header(reply, "content-security-policy") != DESK_POLICY {
        wrong.push(format!("policy: {:?}", header(reply, "content-security-policy")));
    }
    let policy: BTreeMap<&str, Vec<&str>> = header(reply, "content-security-policy")
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_whitespace();
            words.next().map(|name| (name, words.collect()))
        })
        .collect();
    for (directive, wanted) in
        [("default-src", "'none'"), ("frame-ancestors", "'none'"), ("base-uri", "'none'")]
    {
        if policy.get(directive) != Some(&vec![wanted]) {
            wrong.push(format!("{directive}: {:?}", policy.get(directive)));
        }
    }
    // Scripts only of our own, nothing inline, nothing evaluated, from nowhere else.
    let script = policy.get("script-src").cloned().unwrap_or_default();
    if !(script.is_empty() || script == ["'self'"]) {
        wrong.push(format!("script-src: {script:?}"));
    }
    let hsts = header(reply, "strict-transport-security");
    if over_tls != hsts.starts_with("max-age=31536000") {
        wrong.push(format!("strict-transport-security: {hsts:?}"));
    }
    wrong
}

/// F23, SEC-10: every page and every answer of the API, refusals and errors among them.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_the_browser_to_be_careful() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    let client = Client::new();
    let (mut wrong, mut pages_of_the_desk) = (Vec::new(), 0);
    let pages = [
        "/",
        "/sign-in",
        "/forgot-password",
        "/reset-password",
        "/queue",
        "/leads",
        "/calls",
        "/floor",
        "/account",
        "/admin/users",
        "/docs",
        "/docs/",
        "/health",
        "/metrics",
        "/favicon.svg",
        "/theme.js",
        "/no/such/page",
        "/assets/none.js",
        "/api/v1/none",
        "/api/v1/openapi.json",
        "/sip",
        "/api/v1/live",
    ];
    for page in pages {
        let reply = client.get(format!("{}{page}", server.base)).send().await.unwrap();
        pages_of_the_desk += usize::from(is_html(&reply) && !page.starts_with("/docs"));
        wrong.extend(unsafe_headers(&reply, false).into_iter().map(|w| format!("{page} {w}")));
    }
    assert!(pages_of_the_desk >= 10, "only {pages_of_the_desk} pages of the desk");
    for (method, path) in operations(&server.base).await {
        let url = format!("{}/api/v1{}", server.base, filled(&path, NOBODY));
        let anonymous = client.request(method.clone(), &url).send().await.unwrap();
        let mut request = client.request(method.clone(), &url).bearer_auth(&admin.token);
        if path == "/auth/logout" {
            request = client.request(method.clone(), &url);
        }
        let reply = request.send().await.unwrap();
        for reply in [anonymous, reply] {
            let at = format!("{method} {path} {}", reply.status());
            wrong.extend(unsafe_headers(&reply, false).into_iter().map(|w| format!("{at} {w}")));
            if header(&reply, "cache-control") != "no-store" {
                wrong.push(format!("{at} may be kept: {:?}", header(&reply, "cache-control")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// F23, SEC-09: over TLS browsers are told to stay there.
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_browsers_are_told_to_stay_there() {
    let folder = testkit::folder();
    let authority = Authority::new(folder.path(), "authority");
    let ours = authority.issue("ours", &["127.0.0.1"]);
    let path = |path: &std::path::Path| path.display().to_string();
    let mut server = Telehub::prepared(
        BINARY,
        &[
            ("TELEHUB_HTTP_TLS_CERT", &path(&ours.certificate)),
            ("TELEHUB_HTTP_TLS_KEY", &path(&ours.key)),
        ],
    );
    server.base = server.base.replacen("http", "https", 1);
    tokio::task::block_in_place(|| server.boot());
    let pem = std::fs::read(&authority.certificate).unwrap();
    let trusted = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = Client::builder().tls_certs_only([trusted]).build().unwrap();
    for page in ["/", "/sign-in", "/health", "/api/v1/health", "/api/v1/me", "/none"] {
        let reply = client.get(format!("{}{page}", server.base)).send().await.unwrap();
        let wrong = unsafe_headers(&reply, true);
        assert!(wrong.is_empty(), "{page}: {wrong:?}");
    }
}

/// F04: no mutation is taken from a foreign page, in whichever of the ways a browser can be made
/// to send one, not even with a good token.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_changes_nothing() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    let client = Client::new();
    let mut wrong = Vec::new();
    for (method, path) in operations(&server.base).await {
        if method == Method::GET {
            continue;
        }
        let url = format!("{}/api/v1{}", server.base, filled(&path, NOBODY));
        let send = |extra: &[(&str, &str)], body: &str| {
            let mut request = client.request(method.clone(), &url).bearer_auth(&admin.token);
            for (name, value) in extra {
                request = request.header(*name, *value);
            }
            request.body(body.to_owned()).send()
        };
        let json = ("content-type", "application/json");
        for extra in [
            vec![json, ("origin", FOREIGN)],
            vec![json, ("origin", "null")],
            vec![json, ("sec-fetch-site", "cross-site")],
            vec![json, ("origin", &server.base), ("sec-fetch-site", "cross-site")],
        ] {
            let status = send(&extra, "{}").await.unwrap().status();
            if status != StatusCode::FORBIDDEN {
                wrong.push(format!("{method} {path} {extra:?}: {status}"));
            }
        }
        // A form cannot say it is JSON; without an Origin an old browser sends it all the same.
        if has_body(&method) {
            for kind in [
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "text/plain",
            ] {
                let status = send(&[("content-type", kind)], "{\"x\":1}").await.unwrap().status();
                let read = status != StatusCode::UNSUPPORTED_MEDIA_TYPE && status.is_success();
                if read {
                    wrong.push(format!("{method} {path} as {kind}: {status}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let preflight = client
        .request(Method::OPTIONS, format!("{}/api/v1/leads", server.base))
        .header("origin", FOREIGN)
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&preflight, "access-control-allow-origin"), "", "no page may ask");
}

/// F05: neither the live socket nor SIP over WebSocket opens for a foreign page.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_opens_no_socket() {
    let server = Telehub::demo(BINARY);
    for path in ["/api/v1/live", "/sip"] {
        let open = async |origin: &str| {
            let url = format!("{}{path}", server.base.replacen("http", "ws", 1));
            let mut request = url.into_client_request().unwrap();
            request.headers_mut().insert("origin", origin.parse().unwrap());
            if path == "/sip" {
                request.headers_mut().insert("sec-websocket-protocol", "sip".parse().unwrap());
            }
            match tokio_tungstenite::connect_async(request).await {
                Ok(_) => 101,
                Err(Error::Http(reply)) => reply.status().as_u16(),
                Err(other) => panic!("{other}"),
            }
        };
        for foreign in [FOREIGN, "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"] {
            assert_eq!(open(foreign).await, 403, "{path} from {foreign}");
        }
        assert_eq!(open(&server.base).await, 101, "{path} from our own page");
    }
}

/// F12: whose row it is and what one may do are never taken from a body. Over every operation.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_sets_what_is_not_theirs_to_set() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    let document = admin.get("/openapi.json").await;
    let (mut wrong, mut bodies) = (Vec::new(), 0);
    for (method, path) in operations(&server.base).await {
        let verb = method.as_str().to_lowercase();
        let operation = &document["paths"][format!("/api/v1{path}")][verb];
        if operation["requestBody"].is_null() {
            continue;
        }
        bodies += 1;
        for field in ["tenant_id", "role", "id", "password_hash", "is_admin"] {
            if field == "role" && path.starts_with("/users") {
                continue;
            }
            let body = json!({ field: NOBODY });
            let (status, reply) =
                admin.call(method.clone(), &filled(&path, NOBODY), Some(body)).await;
            let named =
                reply["errors"][0]["field"] == field && reply["errors"][0]["code"] == "unknown";
            if status != StatusCode::BAD_REQUEST || !named {
                wrong.push(format!("{method} {path} {field}: {status} {reply}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(bodies > 30, "only {bodies} operations take a body");
    let me = admin.get("/me").await["id"].as_str().unwrap().to_owned();
    let king = json!({ "email": "k@demo.local", "name": "K", "role": "platform_admin" });
    assert_eq!(admin.call(Method::POST, "/users", Some(king)).await.0, StatusCode::FORBIDDEN);
    let up = json!({ "role": "platform_admin" });
    let path = format!("/users/{me}");
    assert_eq!(admin.call(Method::PATCH, &path, Some(up)).await.0, StatusCode::FORBIDDEN);
}

/// F13, API-08: beyond the limit the answer is 429 and says when to come back; others go on.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_told_when_to_come_back() {
    let server = Telehub::demo(BINARY);
    let (asha, manager) = (server.api("asha").await, server.api("manager").await);
    let client = Client::new();
    let url = format!("{}/api/v1/me", server.base);
    let mut refused = None;
    for n in 0..2000 {
        let reply = client.get(&url).bearer_auth(&asha.token).send().await.unwrap();
        if reply.status() == StatusCode::TOO_MANY_REQUESTS {
            refused = Some((n, reply));
            break;
        }
        assert_eq!(reply.status(), StatusCode::OK);
    }
    let (after, reply) = refused.expect("a limit");
    // 600 a minute, and what was regained meanwhile.
    assert!(after >= 600, "{after}");
    let wait: u64 = header(&reply, "retry-after").parse().expect("Retry-After in seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(header(&reply, "content-type"), "application/problem+json");
    let problem: Value = reply.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/too-many-requests", "{problem}");
    manager.get("/me").await;
    tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    asha.get("/me").await;
}

/// F14: one wish to call, sent fifty times at once and again later, is one call.
#[tokio::test(flavor = "multi_thread")]
async fn one_wish_to_call_sent_fifty_times_is_one_call() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Once", "+919811790015").await;
    let id = crm::fresh::<uuid::Uuid>().to_string();
    let body = json!({ "call_id": id, "lead_id": lead });
    let send = || floor.asha.call(Method::POST, "/calls/start", Some(body.clone()));
    for (status, reply) in futures::future::join_all((0..50).map(|_| send())).await {
        assert_eq!((status, &reply["call_id"]), (StatusCode::ACCEPTED, &json!(id)), "{reply}");
    }
    floor.call_is(&id, "in_progress").await;
    assert_eq!(send().await.0, StatusCode::ACCEPTED, "and again while it runs");
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    assert_eq!(calls["items"][0]["id"], id.as_str());
    floor.hang_up(&id).await;
    floor.call_over(&id).await;
    assert_eq!(send().await.0, StatusCode::ACCEPTED, "and when it is over");
    eventually("the phone is free", SOON, || async {
        let agent = floor.asha.get("/agents").await["items"][0].clone();
        (agent["state"] == "wrap_up").then_some(())
    })
    .await;
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    let picked_up = tokio::task::block_in_place(|| {
        phone.saw("CALL_CLOSED", SOON);
        phone.seen.iter().filter(|event| event["type"] == "CALL_ESTABLISHED").count()
    });
    assert_eq!(picked_up, 1, "the phone was called once");
    // Another's id is not theirs to use.
    let other = floor.server.api("manager").await;
    let (status, _) = other.call(Method::POST, "/calls/start", Some(body.clone())).await;
    assert!(status == StatusCode::ACCEPTED || status == StatusCode::CONFLICT, "{status}");
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
}
