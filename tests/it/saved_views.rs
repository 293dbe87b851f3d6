//! Lists saved under a name: whose they are, what they find, and how many (ux.md §2).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{api::Api, server::Telehub};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect()
}

async fn refused(api: &Api, method: Method, path: &str, body: Option<Value>, status: StatusCode) {
    let (found, reply) = api.call(method.clone(), path, body).await;
    assert_eq!(found, status, "{method} {path}: {reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_ones_own_or_shared_by_who_leads_and_count_what_the_reader_sees() {
    let server = Telehub::demo(BINARY);
    let (asha, other) = (server.api("asha").await, server.api("bharat").await);
    let (manager, viewer) = (server.api("manager").await, server.api("viewer").await);
    let new = json!({ "list": "leads", "name": "Fresh", "query": { "status": "new" } });
    let own = asha.post("/views", new.clone()).await;
    assert_eq!((&own["mine"], &own["changeable"]), (&json!(true), &json!(true)));
    let path = format!("/views/{}", own["id"].as_str().unwrap());
    let mut for_all = new.clone();
    for_all["shared"] = json!(true);
    let forbidden = StatusCode::FORBIDDEN;
    refused(&asha, Method::POST, "/views", Some(for_all.clone()), forbidden).await;
    refused(&asha, Method::PATCH, &path, Some(json!({ "shared": true })), forbidden).await;
    for_all["name"] = json!("Fresh of the floor");
    let shared = manager.post("/views", for_all).await;
    let shared_path = format!("/views/{}", shared["id"].as_str().unwrap());

    // A personal one is nobody else's, a leader's neither; a shared one is everybody's to read.
    assert_eq!(names(&asha.get("/views?list=leads").await), ["Fresh", "Fresh of the floor"]);
    assert_eq!(names(&other.get("/views?list=leads").await), ["Fresh of the floor"]);
    refused(&manager, Method::DELETE, &path, None, StatusCode::NOT_FOUND).await;
    refused(&asha, Method::DELETE, &shared_path, None, forbidden).await;
    // A viewer reads calls, not leads.
    assert!(names(&viewer.get("/views").await).is_empty());
    refused(&viewer, Method::POST, "/views", Some(new), forbidden).await;
    refused(&viewer, Method::DELETE, &shared_path, None, StatusCode::NOT_FOUND).await;

    // The count is of the rows that the same reader's list has.
    for api in [&asha, &manager] {
        let views = api.get("/views?list=leads&counts=true").await;
        let view = views["items"].as_array().unwrap().iter().find(|v| v["shared"] == true);
        let rows = crate::lists::rows(api, "/leads", 200).await;
        let fresh = rows.iter().filter(|lead| lead["status"] == "new").count();
        assert!(fresh > 0);
        assert_eq!(view.unwrap()["count"], fresh.min(1_000));
    }
    assert_eq!(asha.get("/views?list=leads").await["items"][0]["count"], Value::Null);

    let changed = asha.patch(&path, json!({ "name": "Hot", "query": { "priority": "hot" } })).await;
    assert_eq!((&changed["name"], &changed["query"]["priority"]), (&json!("Hot"), &json!("hot")));
    assert_eq!(changed["query"].as_object().unwrap().len(), 1);
    refused(&asha, Method::DELETE, &path, None, StatusCode::NO_CONTENT).await;
    refused(&asha, Method::DELETE, &path, None, StatusCode::NOT_FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_holds_only_what_its_list_can_be_asked_and_there_are_not_endlessly_many() {
    let server = Telehub::demo(BINARY);
    let asha = server.api("asha").await;
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    for (list, query) in [
        ("leads", json!({ "direction": "inbound" })),
        ("leads", json!({ "status": "no such" })),
        ("leads", json!({ "q": "x".repeat(201) })),
        ("calls", json!({ "period": "always" })),
        ("calls", json!({ "from": "20-11-2026" })),
        ("calls", json!({ "q": "x" })),
    ] {
        let body = json!({ "list": list, "name": "N", "query": query });
        refused(&asha, Method::POST, "/views", Some(body), invalid).await;
    }
    let nameless = json!({ "list": "calls", "name": " ", "query": {} });
    refused(&asha, Method::POST, "/views", Some(nameless), invalid).await;
    for (n, query) in [
        json!({}),
        json!({ "direction": "inbound", "status": "missed", "period": "today" }),
        json!({ "disposition": "INTERESTED", "from": "2026-11-01", "to": "2026-11-20" }),
    ]
    .into_iter()
    .cycle()
    .take(20)
    .enumerate()
    {
        let body = json!({ "list": "calls", "name": format!("View {n}"), "query": query });
        asha.post("/views", body).await;
    }
    let body = json!({ "list": "calls", "name": "One more", "query": {} });
    refused(&asha, Method::POST, "/views", Some(body), StatusCode::CONFLICT).await;
    let counted = asha.get("/views?list=calls&counts=true").await;
    let items = counted["items"].as_array().unwrap();
    assert!(items.iter().all(|view| view["count"].is_u64()), "{counted}");
}

/// ux.md §2, WCAG 2.1.4: the keys somebody chose go with them to the next computer.
#[tokio::test(flavor = "multi_thread")]
async fn preferences_go_with_the_person() {
    let server = Telehub::demo(BINARY);
    let (asha, other) = (server.api("asha").await, server.api("bharat").await);
    assert_eq!(asha.get("/me/preferences").await, json!({ "keys": {} }));
    let mine = json!({ "keys": { "call.mute": "KeyU", "lead.call": "" } });
    let (status, reply) = asha.call(Method::PUT, "/me/preferences", Some(mine.clone())).await;
    assert_eq!((status, &reply), (StatusCode::OK, &mine));
    let again = server.api("asha").await;
    assert_eq!(again.get("/me/preferences").await, mine);
    assert_eq!(other.get("/me/preferences").await, json!({ "keys": {} }));
    let many: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!("KeyA"))).collect();
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    for keys in [json!(many), json!({ "": "KeyA" }), json!({ "a": "x".repeat(101) })] {
        let body = Some(json!({ "keys": keys }));
        refused(&asha, Method::PUT, "/me/preferences", body, invalid).await;
    }
}
