//! Two tenants on one server: with every id of the one in hand, nobody of the other finds or changes
//! anything, by path, by an id inside a body, in a list or on the live socket (F01, G01, G02).

use crate::{
    access::{NOBODY, filled, has_body, operations, platform_admin},
    desk::other_tenant,
    floor::{Floor, SOON},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{
    api::Api,
    eventually,
    live::Live,
    peers::{Baresip, BaresipAccount},
    server::PASSWORD,
};

/// Stands in every name of ours, and of theirs.
const OURS: &str = "Aardvark";
const THEIRS: &str = "Zebra";
/// On our list of numbers never to be called, and on nobody else's.
const OUR_DND: &str = "+919811799998";

/// One of everything a tenant has, by the noun of its path.
pub(crate) type Things = BTreeMap<&'static str, String>;

/// What is in a list that tells of itself.
pub(crate) fn id_of(reply: &Value) -> String {
    let found = reply["id"].as_str().or(reply["user"]["id"].as_str());
    found.unwrap_or_else(|| panic!("no id: {reply}")).to_owned()
}

pub(crate) fn in_three_hours() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::hours(3)).to_rfc3339()
}

fn trunk_body(name: &str) -> Value {
    json!({
        "name": name, "preset": "other",
        "settings": {
            "hosts": [{ "host": "127.0.0.1", "port": 9 }], "transport": "udp", "auth": "ip",
            "source_cidrs": ["127.0.0.9"], "options_interval_s": 0,
        },
    })
}

/// Both tenants alike: a telecaller with a phone, a carrier, a number, a lead and what belongs to them.
async fn things(admin: &Api, mark: &str, n: u32) -> Things {
    let mut made = Things::new();
    let mut keep = |noun, reply: &Value| made.insert(noun, id_of(reply));
    let user = json!({
        "email": format!("{mark}@tenants.local").to_lowercase(), "name": format!("{mark} caller"),
        "role": "telecaller", "password": PASSWORD,
    });
    let user = admin.post("/users", user).await;
    keep("users", &user);
    let user = id_of(&user);
    let extension =
        json!({ "number": format!("7{n}1"), "name": format!("{mark} phone"), "user_id": user });
    let extension = admin.post("/extensions", extension).await;
    keep("extensions", &extension);
    let trunk = admin.post("/trunks", trunk_body(&format!("{mark} carrier"))).await;
    keep("trunks", &trunk);
    let destination = json!({ "type": "extension", "id": id_of(&extension) });
    let number = json!({
        "number": format!("+91804719{n}001"), "trunk_id": id_of(&trunk), "destination": destination,
    });
    keep("numbers", &admin.post("/numbers", number).await);
    let lead = json!({
        "name": format!("{mark} lead"), "phone": format!("+9198117{n}0001"), "assigned_to": user,
    });
    let lead = admin.post("/leads", lead).await;
    keep("leads", &lead);
    let note = json!({ "text": format!("{mark} note") });
    admin.post(&format!("/leads/{}/notes", id_of(&lead)), note).await;
    let promise = json!({ "lead_id": id_of(&lead), "due_at": in_three_hours() });
    keep("callbacks", &admin.post("/callbacks", promise).await);
    let script = json!({ "name": format!("{mark} script"), "language": "en", "body": mark });
    keep("scripts", &admin.post("/scripts", script).await);
    let objection = json!({ "category": mark, "objection": mark, "response": mark });
    keep("objections", &admin.post("/objections", objection).await);
    let view = json!({ "list": "leads", "name": mark, "shared": true, "query": { "q": mark } });
    keep("views", &admin.post("/views", view).await);
    made
}

/// A body that is right in form, so that what refuses it is that the thing is not theirs.
pub(crate) fn body_of(
    method: &Method,
    path: &str,
    own: &Things,
    lead_read_at: &Value,
) -> Option<Value> {
    let lead = own["leads"].as_str();
    let body = match (method.as_str(), path) {
        ("PATCH", "/users/{id}" | "/extensions/{id}" | "/trunks/{id}") => {
            json!({ "name": "Taken" })
        }
        ("PATCH", "/views/{id}") => json!({ "name": "Taken" }),
        ("PATCH", "/numbers/{id}") => json!({ "purpose": "service" }),
        ("PATCH", "/leads/{id}") => json!({ "name": "Taken", "updated_at": lead_read_at }),
        ("POST", "/leads/{id}/notes") | ("PUT", "/calls/{id}/notes") => json!({ "text": "Taken" }),
        ("PATCH", "/callbacks/{id}") => json!({ "status": "done" }),
        ("PUT", "/scripts/{id}") => json!({ "name": "Taken", "language": "en", "body": "Taken" }),
        ("PUT", "/objections/{id}") => {
            json!({ "category": "Taken", "objection": "Taken", "response": "Taken" })
        }
        ("PUT", "/dispositions/{code}") => json!({ "name": "Taken" }),
        ("POST" | "PUT", "/calls/{id}/disposition") => json!({ "code": "INTERESTED" }),
        ("PUT", "/calls/{id}/lead") => json!({ "lead_id": lead }),
        ("POST", "/calls/{id}/dtmf") => json!({ "digits": "1" }),
        ("POST", "/calls/{id}/mute") => json!({ "muted": true }),
        ("POST", "/calls/{id}/recording/pause") => json!({ "paused": true }),
        ("POST", "/trunks/{id}/test-call") => json!({ "to": "+919811700009" }),
        _ => return has_body(method).then(|| json!({})),
    };
    Some(body)
}

/// Requests on one's own things whose bodies name `named`'s; `n` keeps those that make something apart.
fn naming(
    own: &Things,
    named: &Things,
    lead_read_at: &Value,
    n: u32,
) -> Vec<(Method, String, Value)> {
    let (post, patch) = (|| Method::POST, || Method::PATCH);
    let at = |noun: &str| format!("/{noun}/{}", own[noun]);
    let destination = json!({ "type": "extension", "id": named["extensions"] });
    vec![
        (
            post(),
            "/leads".into(),
            json!({
                "name": "N", "phone": format!("+9198118{n}0001"), "assigned_to": named["users"],
            }),
        ),
        (
            patch(),
            at("leads"),
            json!({ "assigned_to": named["users"], "updated_at": lead_read_at }),
        ),
        (
            post(),
            "/numbers".into(),
            json!({ "number": format!("+91804718{n}001"), "trunk_id": named["trunks"] }),
        ),
        (
            post(),
            "/numbers".into(),
            json!({
                "number": format!("+91804718{n}002"), "trunk_id": own["trunks"],
                "destination": destination,
            }),
        ),
        (patch(), at("numbers"), json!({ "trunk_id": named["trunks"] })),
        (patch(), at("numbers"), json!({ "destination": destination })),
        (
            post(),
            "/extensions".into(),
            json!({ "number": format!("8{n}1"), "name": "N", "user_id": named["users"] }),
        ),
        (patch(), at("extensions"), json!({ "user_id": named["users"] })),
        (
            post(),
            "/users".into(),
            json!({
                "email": format!("n{n}@tenants.local"), "name": "N", "role": "telecaller",
                "reports_to": named["users"],
            }),
        ),
        (patch(), at("users"), json!({ "reports_to": named["users"] })),
        (
            post(),
            "/callbacks".into(),
            json!({ "lead_id": named["leads"], "due_at": in_three_hours() }),
        ),
    ]
}

/// Every id in a document.
pub(crate) fn ids(value: &Value, found: &mut BTreeSet<String>) {
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
pub(crate) async fn lists(api: &Api, operations: &[(Method, String)]) -> BTreeMap<String, Value> {
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

/// A tenant as its administrator has it at hand.
struct Side {
    admin: Api,
    caller: Api,
    things: Things,
    _phone: Baresip,
}

impl Side {
    async fn set_up(floor: &Floor, admin: Api, mark: &'static str, n: u32) -> Self {
        let things = things(&admin, mark, n).await;
        let email = format!("{mark}@tenants.local").to_lowercase();
        let caller = Api::sign_in(&floor.server.base, &email, PASSWORD).await;
        let secret = admin.get(&format!("/extensions/{}/secret", things["extensions"])).await;
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let account = BaresipAccount {
            user: text(&secret["username"]),
            domain: text(&secret["domain"]),
            secret: text(&secret["secret"]),
            transport: "udp",
            server: floor.server.sip.to_string(),
            auto_answer: true,
            codecs: "PCMA,PCMU",
        };
        let _phone = floor.register(&account, 500.0).await;
        Self { admin, caller, things, _phone }
    }

    async fn lead_read_at(&self) -> Value {
        let path = format!("/leads/{}", self.things["leads"]);
        self.admin.get(&path).await["updated_at"].clone()
    }
}

/// Our tenant with a call, its recording and its outcome.
async fn ours(floor: &Floor) -> Side {
    let mut ours = Side::set_up(floor, floor.admin.clone(), OURS, 1).await;
    let dnd = json!({ "phone": OUR_DND, "reason": OURS });
    ours.admin.post("/dnd", dnd).await;
    eventually("the caller may be ready", SOON, || async {
        let body = Some(json!({ "state": "ready" }));
        let (status, _) = ours.caller.call(Method::POST, "/agents/me/state", body).await;
        status.is_success().then_some(())
    })
    .await;
    // The built-in carrier answers; the story's own, which leads nowhere, is only there to be named.
    let trunk = format!("/trunks/{}", ours.things["trunks"]);
    ours.admin.patch(&trunk, json!({ "enabled": false })).await;
    let lead = json!({ "lead_id": ours.things["leads"] });
    let call = ours.caller.post("/calls/start", lead).await["call_id"].as_str().unwrap().to_owned();
    floor.call_is(&call, "in_progress").await;
    ours.caller.post(&format!("/calls/{call}/hangup"), json!({})).await;
    floor.call_over(&call).await;
    floor.recording(&call).await;
    let outcome = json!({ "code": "INTERESTED", "notes": OURS });
    ours.caller.post(&format!("/calls/{call}/disposition"), outcome).await;
    ours.things.insert("calls", call);
    ours
}

/// What of theirs is reached by a path that names a thing of ours.
async fn by_path(
    who: &Api,
    ours: &Side,
    theirs: &Side,
    operations: &[(Method, String)],
) -> Vec<String> {
    let (mut wrong, read_at) = (Vec::new(), ours.lead_read_at().await);
    let admin = who.get("/me").await["role"] != "telecaller";
    let mut met = 0;
    for (method, path) in operations.iter().filter(|(_, path)| path.contains('{')) {
        if path.contains("{code}") {
            // Both have the same codes: that ours stay as they are is seen in the list.
            continue;
        }
        let noun = path.split('/').nth(1).unwrap();
        let id = ours.things.get(noun).map_or(NOBODY, String::as_str);
        let target = filled(path, id).replace("+919811700000", OUR_DND);
        let body = body_of(method, path, &theirs.things, &read_at);
        let (status, reply) = who.call(method.clone(), &target, body).await;
        met += usize::from(id != NOBODY);
        let stopped = status == StatusCode::FORBIDDEN && !admin;
        if status != StatusCode::NOT_FOUND && !stopped {
            wrong.push(format!("{method} {target}: {status} {reply}"));
        }
    }
    assert!(met > 35, "only {met} operations on things of ours");
    wrong
}

/// What of `side` takes an id of the other's inside a body.
async fn by_body(side: &Side, other: &Side, mark: &str, n: u32) -> Vec<String> {
    let mut wrong = Vec::new();
    let read_at = side.lead_read_at().await;
    for (method, path, body) in naming(&side.things, &other.things, &read_at, n) {
        let (status, reply) = side.admin.call(method.clone(), &path, Some(body.clone())).await;
        if !status.is_client_error() || reply.to_string().contains(mark) {
            wrong.push(format!("{method} {path} {body}: {status} {reply}"));
        }
    }
    // The same with one's own is taken: nothing but whose it is was in the way.
    for (method, path, mut body) in naming(&side.things, &side.things, &read_at, n + 1) {
        if path == format!("/users/{}", side.things["users"]) {
            body = json!({ "reports_to": side.admin.get("/me").await["id"] });
        }
        if body.get("updated_at").is_some() {
            body["updated_at"] = side.lead_read_at().await;
        }
        let (status, reply) = side.admin.call(method.clone(), &path, Some(body.clone())).await;
        if !status.is_success() {
            wrong.push(format!("own: {method} {path} {body}: {status} {reply}"));
        }
    }
    wrong
}

/// What of theirs dials with an id of ours.
async fn by_call(ours: &Side, theirs: &Side) -> Vec<String> {
    let mut wrong = Vec::new();
    let (lead, call) = (&theirs.things["leads"], &ours.things["calls"]);
    let trunk = format!("/trunks/{}/test-call", theirs.things["trunks"]);
    for (who, path, body) in [
        (&theirs.caller, "/calls/start", json!({ "lead_id": ours.things["leads"] })),
        (&theirs.caller, "/calls/start", json!({ "lead_id": lead, "call_id": call })),
        (&theirs.admin, "/calls/start", json!({ "lead_id": lead, "from_extension": "711" })),
        (&theirs.admin, &trunk, json!({ "to": "+919811700009", "from_extension": "711" })),
        (&theirs.admin, "/calls/start", json!({ "to": "+919811700009", "from_extension": "711" })),
    ] {
        let (status, reply) = who.call(Method::POST, path, Some(body.clone())).await;
        let about_a_phone = reply.to_string().contains("phone_not_registered");
        if !status.is_client_error() || about_a_phone || reply.to_string().contains(OURS) {
            wrong.push(format!("POST {path} {body}: {status} {reply}"));
        }
    }
    // Nothing else was in the way: with their own alone they may.
    let (status, reply) =
        theirs.caller.call(Method::POST, "/calls/start", Some(json!({ "lead_id": lead }))).await;
    if status != StatusCode::ACCEPTED {
        wrong.push(format!("their own lead: {status} {reply}"));
    }
    wrong
}

/// Lists of ours that nobody else's doing may change; health, agents and the like carry ages.
const KEPT: [&str; 12] = [
    "/users",
    "/leads",
    "/numbers",
    "/scripts",
    "/objections",
    "/views",
    "/callbacks",
    "/settings",
    "/dispositions",
    "/dnd",
    "/calls",
    "/knowledge",
];

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_people_reach_nothing_of_ours() {
    let floor = Floor::open().await;
    let ours = ours(&floor).await;
    let other = other_tenant(&floor.server).await;
    // At any hour, as the demo floor may.
    let hours = json!({ "calling": { "window_start": "00:00", "window_end": "24:00" } });
    other.patch("/settings", hours).await;
    let theirs = Side::set_up(&floor, other, THEIRS, 2).await;
    let house = platform_admin(&floor.server, "other").await;
    let operations = operations(&floor.server.base).await;
    let call = format!("/calls/{}", ours.things["calls"]);
    let (before, before_call) =
        (lists(&ours.admin, &operations).await, ours.admin.get(&call).await);
    let mut known = BTreeSet::new();
    before.values().for_each(|list| ids(list, &mut known));
    assert!(known.len() > 100, "only {} ids", known.len());
    known.extend(ours.things.values().cloned());

    let mut wrong = Vec::new();
    for who in [&theirs.admin, &house, &theirs.caller] {
        for (path, list) in lists(who, &operations).await {
            let text = list.to_string();
            let leaked: Vec<_> = known.iter().filter(|id| text.contains(id.as_str())).collect();
            if !leaked.is_empty() || text.contains(OURS) {
                wrong.push(format!("GET {path} shows {leaked:?}: {text}"));
            }
        }
        let snapshot = Live::open(&floor.server.base, &who.token).await.snapshot.to_string();
        if snapshot.contains(OURS) || known.iter().any(|id| snapshot.contains(id.as_str())) {
            wrong.push(format!("the live socket shows {snapshot}"));
        }
        wrong.extend(by_path(who, &ours, &theirs, &operations).await);
    }
    wrong.extend(by_call(&ours, &theirs).await);
    let code = json!({ "name": THEIRS });
    let (status, reply) = theirs.admin.call(Method::PUT, "/dispositions/BUSY", Some(code)).await;
    assert!(status.is_success(), "a code of their own: {status} {reply}");
    let leads_call = json!({ "lead_id": theirs.things["leads"] });
    let (status, reply) =
        ours.admin.call(Method::PUT, &format!("{call}/lead"), Some(leads_call)).await;
    if !status.is_client_error() {
        wrong.push(format!("their lead on our call: {status} {reply}"));
    }
    let after = lists(&ours.admin, &operations).await;
    for (path, list) in &before {
        if KEPT.contains(&path.as_str()) && *list != after[path] {
            wrong.push(format!("{path} changed: {}", after[path]));
        }
        if after[path].to_string().contains(THEIRS) {
            wrong.push(format!("we are shown theirs in {path}"));
        }
    }
    if ours.admin.get(&call).await != before_call {
        wrong.push(format!("the call changed: {}", ours.admin.get(&call).await));
    }
    wrong.extend(by_body(&theirs, &ours, OURS, 3).await);
    wrong.extend(by_body(&ours, &theirs, THEIRS, 5).await);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
