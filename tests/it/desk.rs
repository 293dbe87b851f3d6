//! The desk's own requests: outcomes, states, promises, and who sees what.

use crate::floor::{Floor, SOON};
use crm::{
    MasterKey, Store, StoreConfig,
    dispositions::{RetryPreset, catalogue},
    fresh,
    tenants::{NewTenant, TenantSettings},
    users::{NewUser, Role, hash_password},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{
    api::Api,
    eventually,
    server::{PASSWORD, Telehub},
};

async fn refused(who: &Api, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, problem) = who.call(method.clone(), path, body).await;
    assert!(status.is_client_error(), "{method} {path}: {status} {problem}");
    assert_eq!(problem["status"], status.as_u16(), "{problem}");
    (status.as_u16(), problem)
}

async fn state_is(floor: &Floor, state: &str) -> Value {
    eventually(&format!("asha is {state}"), SOON, || async {
        let agent = floor.asha.get("/agents").await["items"][0].clone();
        (agent["state"] == state).then_some(agent)
    })
    .await
}

/// Dials a lead that is busy, so that an outcome is owed.
async fn owed(floor: &Floor, lead: &str) -> String {
    let call = floor.dial(lead).await;
    floor.call_over(&call).await;
    state_is(floor, "wrap_up").await;
    call
}

/// DSP-01 … DSP-18, DIA-04: each code asks for what it needs; one outcome stands.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_asks_for_what_its_code_needs() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Busy", "+919811760003").await;
    let call = owed(&floor, &lead).await;
    let path = format!("/calls/{call}/disposition");
    let (_, problem) =
        refused(&floor.asha, Method::POST, "/calls/start", Some(json!({ "lead_id": lead }))).await;
    assert_eq!(problem["rule"], "outcome_pending", "{problem}");
    assert_eq!(problem["conflict_id"], call.as_str(), "{problem}");

    let codes = floor.asha.get("/dispositions").await;
    let codes = codes["items"].as_array().or(codes.as_array()).unwrap().clone();
    let named: BTreeSet<&str> = codes.iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(named.len(), 15, "{named:?}");
    let mut wanted = 0;
    for code in &codes {
        if code["required"].as_array().unwrap().contains(&json!("notes")) {
            wanted += 1;
            let body = json!({ "code": code["code"] });
            let (status, problem) = refused(&floor.asha, Method::POST, &path, Some(body)).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("notes")));
        }
    }
    assert!(wanted >= 2, "some codes need notes");
    let long = "x".repeat(501);
    for (body, field) in [
        (json!({ "code": "NO_SUCH" }), "code"),
        (json!({ "code": "BUSY", "notes": long }), "notes"),
        (json!({ "code": "NOT_INTERESTED", "sub_disposition": "moon" }), "sub_disposition"),
        (json!({ "code": "CALLBACK", "callback_at": "2020-01-01T00:00:00Z" }), "callback_at"),
    ] {
        let (status, problem) = refused(&floor.asha, Method::POST, &path, Some(body)).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
    }
    let body = json!({ "code": "NB", "notes": "engaged" });
    for _ in 0..2 {
        let saved = floor.asha.post(&path, body.clone()).await;
        assert_eq!(saved["outcome"]["code"], "BUSY", "a short code is understood: {saved}");
    }
    state_is(&floor, "ready").await;
    let other = Some(json!({ "code": "INTERESTED" }));
    assert_eq!(refused(&floor.asha, Method::POST, &path, other).await.0, 409);
    let row = floor.asha.get(&format!("/leads/{lead}")).await;
    assert_eq!(row["last_disposition"], "BUSY", "{row}");
    assert!(row["next_attempt_at"].is_string(), "tried again later: {row}");

    let at = chrono::Utc::now() + chrono::TimeDelta::days(2);
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let amended = json!({ "code": "CALLBACK", "notes": "after school", "callback_at": at });
    let (status, row) = floor.asha.call(Method::PUT, &path, Some(amended)).await;
    assert!(status.is_success(), "{row}");
    assert_eq!(row["outcome"]["callback_at"], at.as_str(), "{row}");
    let promises = floor.asha.get("/callbacks").await;
    let promise = promises["items"].as_array().unwrap().iter().find(|c| c["call_id"] == call);
    assert_eq!(promise.expect("a promise was made")["due_at"], at.as_str(), "{promises}");
}

/// Agent states: who has no phone is not ready; a pause has its reason; what is wished during a
/// call comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn agent_states_are_the_servers() {
    let floor = Floor::open().await;
    let wish = |body: Value| {
        let floor = &floor;
        async move { floor.asha.post("/agents/me/state", body).await }
    };
    let agent = wish(json!({ "state": "ready" })).await;
    assert_eq!(agent["state"], "unreachable", "no phone: {agent}");
    let lead = floor.lead("Wish", "+919811710015").await;
    let (status, problem) =
        refused(&floor.asha, Method::POST, "/calls/start", Some(json!({ "lead_id": lead }))).await;
    assert_eq!((status, &problem["rule"]), (409, &json!("phone_not_registered")), "{problem}");
    let _phone = floor.phone().await;
    state_is(&floor, "ready").await;
    let agent = wish(json!({ "state": "paused", "reason": "lunch" })).await;
    assert_eq!((&agent["state"], &agent["reason"]), (&json!("paused"), &json!("lunch")));
    let long = json!({ "state": "paused", "reason": "y".repeat(61) });
    let (status, problem) =
        refused(&floor.asha, Method::POST, "/agents/me/state", Some(long)).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("reason")), "{problem}");
    let odd = Some(json!({ "state": "sleeping" }));
    assert_eq!(refused(&floor.asha, Method::POST, "/agents/me/state", odd).await.0, 422);
    let others = floor.admin.get("/agents").await;
    let mine = floor.asha.get("/agents").await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "a telecaller sees herself: {mine}");
    assert!(others["items"].as_array().unwrap().len() >= 10, "{others}");
    wish(json!({ "state": "ready" })).await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    let agent = wish(json!({ "state": "paused", "reason": "tea" })).await;
    assert_eq!((&agent["state"], &agent["next"]), (&json!("on_call"), &json!("paused")));
    floor.hang_up(&call).await;
    state_is(&floor, "wrap_up").await;
    let path = format!("/calls/{call}/disposition");
    floor.asha.post(&path, json!({ "code": "INTERESTED" })).await;
    let agent = state_is(&floor, "paused").await;
    assert_eq!(agent["reason"], "tea", "{agent}");
    let agent = wish(json!({ "state": "offline" })).await;
    assert_eq!(agent["state"], "offline", "{agent}");
}

/// What happened with a person stands in one line of time, newest first.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_tells_everything_that_happened_with_a_lead() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Divya", "+919811720003").await;
    let call = owed(&floor, &lead).await;
    let draft = json!({ "text": "was engaged, son answered" });
    let (status, _) =
        floor.asha.call(Method::PUT, &format!("/calls/{call}/notes"), Some(draft)).await;
    assert!(status.is_success());
    floor.asha.post(&format!("/calls/{call}/disposition"), json!({ "code": "BUSY" })).await;
    let empty = Some(json!({ "text": "  " }));
    let notes = format!("/leads/{lead}/notes");
    assert_eq!(refused(&floor.asha, Method::POST, &notes, empty).await.0, 422);
    let note = floor.asha.post(&notes, json!({ "text": "Prefers Hindi" })).await;
    let at = chrono::Utc::now() + chrono::TimeDelta::hours(3);
    let promise = json!({ "lead_id": lead, "due_at": at.to_rfc3339(), "note": "about fees" });
    let promise = floor.asha.post("/callbacks", promise).await;
    let past = Some(json!({ "lead_id": lead, "due_at": "2020-01-01T00:00:00Z" }));
    assert_eq!(refused(&floor.asha, Method::POST, "/callbacks", past).await.0, 422);
    let row = floor.asha.get(&format!("/leads/{lead}")).await;
    let change = json!({ "updated_at": row["updated_at"], "language": "hi" });
    floor.asha.patch(&format!("/leads/{lead}"), change.clone()).await;
    let (status, stale) =
        refused(&floor.asha, Method::PATCH, &format!("/leads/{lead}"), Some(change)).await;
    assert_eq!(status, 409, "somebody changed it meanwhile: {stale}");

    let timeline = floor.asha.get(&format!("/leads/{lead}/timeline")).await;
    let items = timeline["items"].as_array().unwrap();
    let kinds: BTreeSet<&str> = items.iter().map(|i| i["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["call", "callback", "change", "note"]), "{timeline}");
    let times: Vec<&str> = items.iter().map(|i| i["at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|w| w[0] >= w[1]), "newest first: {times:?}");
    let find = |kind: &str, id: &Value| items.iter().find(|i| i["kind"] == kind && i["id"] == *id);
    assert_eq!(find("note", &note["id"]).unwrap()["text"], "Prefers Hindi", "{timeline}");
    let kept = find("callback", &promise["id"]).unwrap();
    assert_eq!(kept["callback"]["note"], "about fees", "{timeline}");
    let told = items.iter().find(|i| i["call"]["id"] == call.as_str()).unwrap();
    assert_eq!(told["call"]["outcome"]["code"], "BUSY", "{told}");
    assert_eq!(told["call"]["notes"], "was engaged, son answered", "{told}");
    let only = floor.asha.get(&format!("/leads/{lead}/timeline?kind=note")).await;
    assert_eq!(only["items"].as_array().unwrap().len(), 1, "{only}");
    let path = format!("/callbacks/{}", promise["id"].as_str().unwrap());
    let done = floor.asha.patch(&path, json!({ "status": "done" })).await;
    assert_eq!(done["status"], "done", "{done}");
}

/// A second tenant beside the demo floor, with an administrator.
pub(crate) async fn other_tenant(server: &Telehub) -> Api {
    let data = server.data();
    let config = StoreConfig {
        url: format!("sqlite://{}", data.join("telehub.db").display()),
        master: MasterKey::open_or_create(&data.join("master.key")).unwrap(),
    };
    let store = Store::open(config).await.unwrap();
    let tenant = NewTenant {
        id: fresh(),
        slug: "other".into(),
        name: "Other".into(),
        sip_domain: "other.telehub.local".into(),
        timezone: "Asia/Kolkata".into(),
        settings: TenantSettings::default(),
    };
    let tenant = store.platform_tenant_create(&tenant, chrono::Utc::now()).await.unwrap();
    let admin = NewUser {
        id: fresh(),
        email: "admin@other.local".into(),
        name: "Other admin".into(),
        role: Role::Admin,
        locale: "en".into(),
        team: None,
        reports_to: None,
        caller_id: None,
        password_hash: hash_password(PASSWORD.into()).await,
    };
    store.user_create(tenant.id, &admin, chrono::Utc::now()).await.unwrap();
    store.disposition_seed(tenant.id, &catalogue(RetryPreset::Standard)).await.unwrap();
    store.close().await;
    Api::sign_in(&server.base, "admin@other.local", PASSWORD).await
}

/// AUT-08, SEC-14, G02: what is not yours does not exist, by whichever door.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_another_agents_or_another_tenants() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let number = "+919811730014";
    let lead = floor.lead("Private", number).await;
    let call = floor.dial(&lead).await;
    floor.call_over(&call).await;
    floor.recording(&call).await;
    floor.asha.post(&format!("/calls/{call}/disposition"), json!({ "code": "INTERESTED" })).await;
    let at = (chrono::Utc::now() + chrono::TimeDelta::hours(3)).to_rfc3339();
    let promise = floor.asha.post("/callbacks", json!({ "lead_id": lead, "due_at": at })).await;
    let promise = promise["id"].as_str().unwrap();
    let trunk = floor.admin.get("/trunks").await["items"][0]["id"].as_str().unwrap().to_owned();
    let extension = floor.admin.get("/extensions").await["items"][0]["id"].clone();
    let extension = extension.as_str().unwrap();
    let agents = [
        (Method::GET, format!("/leads/{lead}"), None),
        (Method::GET, format!("/leads/{lead}/timeline"), None),
        (Method::POST, format!("/leads/{lead}/notes"), Some(json!({ "text": "mine now" }))),
        (Method::GET, format!("/calls/{call}"), None),
        (Method::GET, format!("/calls/{call}/recording"), None),
        (Method::GET, format!("/calls/{call}/recording/peaks"), None),
        (Method::POST, format!("/calls/{call}/recording/link"), None),
        (Method::POST, format!("/calls/{call}/disposition"), Some(json!({ "code": "DND" }))),
        (Method::POST, format!("/calls/{call}/hangup"), None),
        (Method::PATCH, format!("/callbacks/{promise}"), Some(json!({ "status": "done" }))),
    ];
    let administrators = [
        (Method::GET, format!("/users/{}", floor.asha_id), None),
        (Method::GET, format!("/extensions/{extension}"), None),
        (Method::GET, format!("/extensions/{extension}/secret"), None),
        (Method::GET, format!("/trunks/{trunk}"), None),
        (Method::DELETE, format!("/trunks/{trunk}"), None),
        (Method::PATCH, format!("/users/{}", floor.asha_id), Some(json!({ "name": "Mine" }))),
    ];
    let bharat = floor.server.api("bharat").await;
    let stranger = other_tenant(&floor.server).await;
    for (method, path, body) in &agents {
        for who in [&bharat, &stranger] {
            let (status, problem) = refused(who, method.clone(), path, body.clone()).await;
            assert_eq!(status, 404, "{method} {path}: {problem}");
        }
    }
    for (method, path, body) in &administrators {
        let (status, problem) = refused(&stranger, method.clone(), path, body.clone()).await;
        assert_eq!(status, 404, "{method} {path}: {problem}");
        let (status, problem) = refused(&bharat, method.clone(), path, body.clone()).await;
        assert_eq!(status, 403, "{method} {path}: {problem}");
    }
    for list in ["/leads", "/calls", "/callbacks", "/trunks", "/numbers", "/extensions", "/dnd"] {
        let page = stranger.get(list).await;
        assert_eq!(page["items"], json!([]), "{list}");
    }
    let theirs = bharat.get("/leads?limit=200").await.to_string();
    assert!(!theirs.contains(&lead) && !theirs.contains(number), "{theirs}");
    assert!(!bharat.get("/calls").await.to_string().contains(&call));

    let viewer = floor.server.api("viewer").await;
    let seen = viewer.get(&format!("/calls/{call}")).await;
    assert!(!seen.to_string().contains(number), "a viewer sees no number: {seen}");
    let path = format!("/calls/{call}/recording");
    assert_eq!(refused(&viewer, Method::GET, &path, None).await.0, 403);
    assert!(floor.asha.get(&format!("/calls/{call}")).await.to_string().contains(number));
}

/// RFC 9457 everywhere: whatever is refused says so in one form.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_document() {
    let floor = Floor::open().await;
    let base = format!("{}/api/v1", floor.server.base);
    let client = reqwest::Client::new();
    let token = &floor.asha.token;
    let nobody = uuid::Uuid::now_v7();
    let cases = [
        (client.get(format!("{base}/leads")), 401),
        (client.get(format!("{base}/leads")).bearer_auth("x.y.z"), 401),
        (client.get(format!("{base}/nowhere")).bearer_auth(token), 404),
        (client.get(format!("{base}/leads/{nobody}")).bearer_auth(token), 404),
        (client.get(format!("{base}/leads/17")).bearer_auth(token), 404),
        (client.delete(format!("{base}/leads")).bearer_auth(token), 405),
        (client.get(format!("{base}/users")).bearer_auth(token), 403),
        (client.get(format!("{base}/leads?limit=9999")).bearer_auth(token), 422),
        (client.get(format!("{base}/leads?colour=red")).bearer_auth(token), 400),
        (client.post(format!("{base}/leads")).bearer_auth(token).body("{"), 415),
        (
            client
                .post(format!("{base}/leads"))
                .bearer_auth(token)
                .header("content-type", "application/json")
                .body("{"),
            400,
        ),
        (client.post(format!("{base}/leads")).bearer_auth(token).json(&json!({})), 422),
        (
            client
                .post(format!("{base}/leads"))
                .bearer_auth(token)
                .json(&json!({ "name": "X", "phone": "12" })),
            422,
        ),
    ];
    for (request, expected) in cases {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url());
        let reply = client.execute(request).await.unwrap();
        let status = reply.status();
        let kind = reply.headers()["content-type"].to_str().unwrap().to_owned();
        let id = reply.headers()["x-request-id"].to_str().unwrap().to_owned();
        let problem: Value = reply.json().await.unwrap();
        assert_eq!(status.as_u16(), expected, "{what}: {problem}");
        assert_eq!(kind, "application/problem+json", "{what}");
        assert_eq!(problem["status"], expected, "{what}");
        assert_eq!(problem["request_id"], id.as_str(), "{what}");
        for key in ["type", "title", "detail"] {
            assert!(problem[key].as_str().is_some_and(|t| !t.is_empty()), "{what}: {problem}");
        }
    }
}

/// Figures for Prometheus move with what happens.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let figure = |text: &str, name: &str| -> f64 {
        let lines = text.lines().filter(|l| !l.starts_with('#') && l.starts_with(name));
        lines.map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let figures = || async {
        let reply = reqwest::get(format!("{}/metrics", floor.server.base)).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        reply.text().await.unwrap()
    };
    let before = figures().await;
    assert!(figure(&before, "telehub_registrations") >= 1.0, "{before}");
    let lead = floor.lead("Counted", "+919811740014").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    assert!(figure(&figures().await, "telehub_live_calls") >= 1.0, "{}", figures().await);
    floor.call_over(&call).await;
    floor.recording(&call).await;
    let after = figures().await;
    for name in ["journal_events_total", "recordings_stored_total", "http_requests_total"] {
        assert!(figure(&after, name) > figure(&before, name), "{name}\n{after}");
    }
    assert_eq!(figure(&after, "telehub_live_calls"), 0.0, "{after}");
}
