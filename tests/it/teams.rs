//! Two teams of one tenant, each with a manager: every route and the live socket show a manager the own
//! team's people, leads, calls, promises, notes and recordings, and nobody else's (AUT-07, AUT-08).

use crate::{
    access::{NOBODY, filled, operations},
    floor::{Floor, SOON, talk},
    inbound::{caller, trunk_with_did},
    tenants::{Things, body_of, id_of, ids, in_three_hours, lists},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use testkit::{api::Api, eventually, live::Live, peers::Baresip, ports, server::PASSWORD};

/// The nouns of what somebody has.
const OWNED: [&str; 5] = ["users", "extensions", "leads", "calls", "callbacks"];

/// A team: its manager, one who calls, and one of everything that one has.
struct Team {
    mark: &'static str,
    manager: Api,
    caller: Api,
    things: Things,
    _phone: Baresip,
}

async fn user(floor: &Floor, name: &str, role: &str, more: Value) -> (Api, String) {
    let email = format!("{name}@teams.local").to_lowercase();
    let mut body = json!({ "email": email, "name": name, "role": role, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = id_of(&floor.admin.post("/users", body).await);
    (Api::sign_in(&floor.server.base, &email, PASSWORD).await, id)
}

impl Team {
    /// `caller`: the manager in `manager`, the one who calls in `caller`, a phone, a lead, a promise,
    /// a call with recording, outcome and note.
    async fn set_up(
        floor: &Floor,
        mark: &'static str,
        n: u32,
        manager: Api,
        (caller, id): (Api, String),
    ) -> Self {
        let (admin, number) = (&floor.admin, format!("73{n}"));
        let mut things = Things::new();
        let phone = json!({ "number": number, "name": format!("{mark} phone"), "user_id": id });
        things.insert("extensions", id_of(&admin.post("/extensions", phone).await));
        let lead = json!({
            "name": format!("{mark} lead"), "phone": format!("+9198117{n}4001"), "assigned_to": id,
        });
        let lead = id_of(&admin.post("/leads", lead).await);
        let note = json!({ "text": format!("{mark} note") });
        caller.post(&format!("/leads/{lead}/notes"), note).await;
        things.insert("users", id);
        things.insert("leads", lead);
        let account = floor.account(&number).await;
        let _phone = floor.register(&account, 500.0).await;
        let mut team = Self { mark, manager, caller, things, _phone };
        let call = team.call(floor).await;
        talk(0.6).await;
        team.hang_up(floor, &call).await;
        floor.recording(&call).await;
        // The outcome kept what was promised before.
        let promise = json!({ "lead_id": team.things["leads"], "due_at": in_three_hours() });
        let promise = id_of(&team.caller.post("/callbacks", promise).await);
        team.things.insert("callbacks", promise);
        team.things.insert("calls", call);
        team
    }

    /// A call to the own lead that the carrier has answered.
    async fn call(&self, floor: &Floor) -> String {
        eventually("the caller may be ready", SOON, || async {
            let body = Some(json!({ "state": "ready" }));
            let (status, _) = self.caller.call(Method::POST, "/agents/me/state", body).await;
            status.is_success().then_some(())
        })
        .await;
        let lead = json!({ "lead_id": self.things["leads"] });
        let call = self.caller.post("/calls/start", lead).await["call_id"].clone();
        let call = call.as_str().unwrap().to_owned();
        floor.call_is(&call, "in_progress").await;
        call
    }

    async fn hang_up(&self, floor: &Floor, call: &str) {
        self.caller.post(&format!("/calls/{call}/hangup"), json!({})).await;
        floor.call_over(call).await;
        let outcome = json!({ "code": "INTERESTED", "notes": format!("{} notes", self.mark) });
        self.caller.post(&format!("/calls/{call}/disposition"), outcome).await;
    }

    /// What of this team a user of another finds.
    fn traces(&self, shown: &Value) -> Vec<String> {
        let text = shown.to_string();
        let known = self.things.values().map(String::as_str).chain([self.mark]);
        known.filter(|trace| text.contains(trace)).map(str::to_owned).collect()
    }

    /// Whether something shown is of this team.
    fn path(&self, noun: &str) -> String {
        format!("/{noun}/{}", self.things[noun])
    }
}

/// North by the name of the team, South by who reports to whom, through one between.
async fn two_teams(floor: &Floor) -> (Team, Team) {
    let team = json!({ "team": "North" });
    let (manager, _) = user(floor, "Norah", "manager", team.clone()).await;
    let north = user(floor, "Aardvark", "telecaller", team).await;
    let north = Team::set_up(floor, "Aardvark", 1, manager, north).await;
    let (manager, leader) = user(floor, "Sura", "manager", json!({})).await;
    let (_, between) = user(floor, "Sven", "telecaller", json!({ "reports_to": leader })).await;
    let south = user(floor, "Zebra", "telecaller", json!({ "reports_to": between })).await;
    let south = Team::set_up(floor, "Zebra", 2, manager, south).await;
    (north, south)
}

/// What a manager reaches by a path that names a thing of another team.
async fn by_path(ours: &Team, theirs: &Team, operations: &[(Method, String)]) -> Vec<String> {
    let (mut wrong, mut met) = (Vec::new(), 0);
    for (method, path) in operations.iter().filter(|(_, path)| path.contains("{id}")) {
        let noun = path.split('/').nth(1).unwrap();
        let Some(id) = theirs.things.get(noun) else { continue };
        let body = body_of(method, path, &ours.things, &Value::Null);
        let body = match path.as_str() {
            "/leads/{id}" => body.map(|mut body| {
                body["updated_at"] = json!("2026-01-01T00:00:00Z");
                body
            }),
            _ => body,
        };
        let (status, reply) = ours.manager.call(method.clone(), &filled(path, id), body).await;
        met += 1;
        // Some are an administrator's whosever it is; the door says so before.
        let (door, _) = ours.manager.call(method.clone(), &filled(path, NOBODY), None).await;
        let stopped = status == StatusCode::FORBIDDEN && door == StatusCode::FORBIDDEN;
        if status != StatusCode::NOT_FOUND && !stopped {
            wrong.push(format!("{method} {path}: {status} {reply}"));
        }
    }
    assert!(met > 30, "only {met} operations on what somebody has");
    wrong
}

/// What a manager gets by naming another team's people and leads in a body or a filter.
async fn by_naming(ours: &Team, theirs: &Team) -> Vec<String> {
    let mut wrong = Vec::new();
    let read_at = ours.manager.get(&ours.path("leads")).await["updated_at"].clone();
    let (caller, lead) = (&theirs.things["users"], &theirs.things["leads"]);
    let new = json!({ "name": "N", "phone": "+919811739999", "assigned_to": caller });
    let give = json!({ "assigned_to": caller, "updated_at": read_at });
    let promise = json!({ "lead_id": lead, "due_at": in_three_hours() });
    let (own, other) = if theirs.mark == "Zebra" { ("731", "732") } else { ("732", "731") };
    let from = json!({ "lead_id": ours.things["leads"], "from_extension": other });
    let dial = json!({ "lead_id": lead, "from_extension": own });
    let (post, put, get) = (Method::POST, Method::PUT, Method::GET);
    for (method, path, body, expected, word) in [
        (&post, "/leads".to_owned(), Some(new), 422, "assigned_to"),
        (&Method::PATCH, ours.path("leads"), Some(give), 422, "assigned_to"),
        (&post, "/callbacks".into(), Some(promise), 404, ""),
        (&post, "/calls/start".into(), Some(dial), 409, "lead_not_yours"),
        (&post, "/calls/start".into(), Some(from), 422, "from_extension"),
        (
            &put,
            format!("{}/lead", ours.path("calls")),
            Some(json!({ "lead_id": lead })),
            404,
            "lead",
        ),
        (&get, format!("/calls?agent_id={caller}"), None, 403, "team"),
        (&get, format!("/leads?assigned_to={caller}"), None, 403, "team"),
    ] {
        let (status, reply) = ours.manager.call(method.clone(), &path, body).await;
        if status.as_u16() != expected || !reply.to_string().contains(word) {
            wrong.push(format!("{method} {path}: {status} {reply}"));
        }
    }
    wrong
}

/// What the manager of a team must have before them: all of it.
async fn sees(who: &Api, team: &Team, operations: &[(Method, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let lists = lists(who, operations).await;
    for noun in OWNED {
        let id = &team.things[noun];
        // A promise is read in the list and changed by its path.
        if noun != "callbacks" {
            let found = who.get(&team.path(noun)).await;
            if found["id"] != id.as_str() {
                wrong.push(format!("{noun}: {found}"));
            }
        }
        if !lists[&format!("/{noun}")].to_string().contains(id) {
            wrong.push(format!("/{noun} does not list {id}"));
        }
    }
    let agents = &lists["/agents"];
    if !agents.to_string().contains(&team.things["users"]) {
        wrong.push(format!("/agents: {agents}"));
    }
    let (call, caller) = (team.path("calls"), &team.things["users"]);
    let timeline = who.get(&format!("{}/timeline", team.path("leads"))).await.to_string();
    let found = who.get(&call).await;
    if !timeline.contains(&format!("{} note", team.mark)) || found["outcome"]["notes"].is_null() {
        wrong.push(format!("notes: {timeline} {found}"));
    }
    if found["to"].as_str().is_none_or(|to| to.contains('*') || to.contains('•')) {
        wrong.push(format!("the number is not in full: {found}"));
    }
    let (status, audio) = who.bytes(&format!("{call}/recording"), None).await;
    if !status.is_success() || audio.len() < 8000 {
        wrong.push(format!("recording: {status}, {} bytes", audio.len()));
    }
    for path in [
        format!("{call}/events"),
        format!("{call}/recording/peaks"),
        format!("/calls?agent_id={caller}"),
        format!("/leads?assigned_to={caller}"),
    ] {
        let (status, reply) = who.call(Method::GET, &path, None).await;
        if !status.is_success() || reply["items"].as_array().is_some_and(Vec::is_empty) {
            wrong.push(format!("{path}: {status} {reply}"));
        }
    }
    let (note, kept) = (json!({ "text": "led" }), json!({ "status": "pending" }));
    who.post(&format!("{}/notes", team.path("leads")), note).await;
    who.patch(&team.path("callbacks"), kept).await;
    wrong
}

/// A call that nobody took.
async fn missed(floor: &Floor) -> String {
    let port = ports::one();
    trunk_with_did(floor, port, "+918047112277").await;
    let mut carrier = caller(floor, "caller_is_refused", "+918047112277", "+919811122277");
    carrier.marks = vec![("status", "480".into())];
    let run = carrier.start_at(port);
    tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    eventually("the call is missed", SOON, || async {
        let calls = floor.admin.get("/calls?status=missed").await;
        Some(calls["items"][0]["id"].as_str()?.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_sees_the_own_team_and_nothing_of_another() {
    let floor = Floor::open().await;
    let (north, south) = two_teams(&floor).await;
    let (lone, _) = user(&floor, "Lone", "manager", json!({})).await;
    let demo = floor.server.api("manager").await;
    let operations = operations(&floor.server.base).await;
    let mut wrong = Vec::new();
    for (ours, theirs) in [(&north, &south), (&south, &north)] {
        for (path, list) in lists(&ours.manager, &operations).await {
            let found = theirs.traces(&list);
            if !found.is_empty() {
                wrong.push(format!("{}: GET {path} shows {found:?}: {list}", ours.mark));
            }
        }
        wrong.extend(by_path(ours, theirs, &operations).await);
        wrong.extend(by_naming(ours, theirs).await);
    }
    for (who, team) in [
        (&north.manager, &north),
        (&south.manager, &south),
        (&lone, &north),
        (&lone, &south),
        (&floor.admin, &north),
        (&floor.admin, &south),
    ] {
        wrong.extend(sees(who, team, &operations).await);
    }
    // The demo's own manager has the demo's team as before, and neither of these.
    let agents = demo.get("/agents?limit=200").await;
    assert!(agents["items"].as_array().unwrap().len() >= 10, "{agents}");
    for team in [&north, &south] {
        let (status, _) = demo.call(Method::GET, &team.path("leads"), None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    // What nobody has is every manager's.
    let free = json!({ "name": "Free", "phone": "+919811739001" });
    let free = id_of(&north.manager.post("/leads", free).await);
    for who in [&north.manager, &south.manager] {
        assert_eq!(who.get(&format!("/leads/{free}")).await["assigned_to"], Value::Null);
        assert!(who.get("/leads?assigned_to=none&q=Free").await.to_string().contains(&free));
    }
    let call = missed(&floor).await;
    for who in [&north.manager, &south.manager, &lone] {
        assert_eq!(who.get(&format!("/calls/{call}")).await["agent_id"], Value::Null);
        assert!(who.get("/calls?status=missed").await.to_string().contains(&call));
    }
    let (status, _) = north.caller.call(Method::GET, &format!("/calls/{call}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it did not ring at theirs");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything a live socket said.
fn said(live: &Live) -> Value {
    json!([live.snapshot, live.seen])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_socket_tells_a_manager_of_the_own_team_only() {
    let floor = Floor::open().await;
    let (north, south) = two_teams(&floor).await;
    let (lone, _) = user(&floor, "Lone", "manager", json!({})).await;
    let open = async |who: &Api| Live::open(&floor.server.base, &who.token).await;
    let mut own = open(&north.manager).await;
    let mut other = open(&south.manager).await;
    let mut all = open(&lone).await;
    let call = north.call(&floor).await;
    for live in [&mut own, &mut all] {
        let of_call = |v: &Value| v["type"] == "call:answered" && v.to_string().contains(&call);
        live.until("call of the team", SOON, of_call).await;
        let caller = &north.things["users"];
        let of_agent = |v: &Value| v["type"] == "agent:state" && v.to_string().contains(caller);
        live.until("state of the team's agent", SOON, of_agent).await;
    }
    // A snapshot in the middle of the call is no other.
    let (mid_own, mid_other) = (open(&north.manager).await, open(&south.manager).await);
    assert!(mid_own.snapshot.to_string().contains(&call), "{}", mid_own.snapshot);
    let known: BTreeSet<String> = north.things.values().cloned().chain([call.clone()]).collect();
    let mut shown = BTreeSet::new();
    ids(&mid_other.snapshot, &mut shown);
    assert!(shown.contains(&south.things["users"]), "{}", mid_other.snapshot);

    // A talk of another team's is not there to be acted on; one of the own team is.
    for (act, body) in
        [("mute", json!({ "muted": true })), ("hold", json!({})), ("hangup", json!({}))]
    {
        let path = format!("/calls/{call}/{act}");
        let (status, reply) = south.manager.call(Method::POST, &path, Some(body)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{act}: {reply}");
    }
    north.manager.post(&format!("/calls/{call}/hangup"), json!({})).await;
    floor.call_over(&call).await;
    own.until("the end", SOON, |v| v["type"] == "call:ended").await;
    other.gather(Duration::from_millis(500)).await;
    for live in [&other, &mid_other] {
        let said = said(live);
        let found = north.traces(&said);
        let mut shown = BTreeSet::new();
        ids(&said, &mut shown);
        assert!(found.is_empty() && shown.is_disjoint(&known), "{found:?} in {said}");
    }

    // Whom somebody of the team spoke with is still to be read when another team has them, and not
    // to be changed, and their number is not theirs to see.
    let (lead, south_caller) = (north.path("leads"), &south.things["users"]);
    let read_at = floor.admin.get(&lead).await["updated_at"].clone();
    let give = json!({ "assigned_to": south_caller, "updated_at": read_at });
    floor.admin.patch(&lead, give).await;
    let read = north.manager.get(&lead).await;
    assert_eq!(read["phone_masked"], true, "{read}");
    let change = json!({ "name": "Mine", "updated_at": read["updated_at"] });
    let (status, reply) = north.manager.call(Method::PATCH, &lead, Some(change)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{reply}");
    assert_eq!(south.manager.get(&lead).await["phone_masked"], false);

    // Somebody leaves the team: its manager's socket comes back to a snapshot without them.
    floor.admin.patch(&north.path("users"), json!({ "team": "East" })).await;
    assert_eq!(own.closed(SOON).await, Some(4403), "a new team, a new snapshot");
    let after = open(&north.manager).await.snapshot;
    assert!(!after.to_string().contains(&north.things["users"]), "{after}");
    let (status, _) = north.manager.call(Method::GET, &north.path("calls"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // Nobody else is told to come back.
    all.gather(Duration::from_millis(300)).await;
    lone.get(&north.path("calls")).await;
}
