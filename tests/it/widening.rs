//! Which numbers may be called at all: more of them need two roles.

use crate::floor::Floor;
use reqwest::Method;
use serde_json::{Value, json};

/// D02: an administrator alone opens no country and no dear numbers; a manager who agrees does.
#[tokio::test(flavor = "multi_thread")]
async fn dearer_numbers_need_two_roles() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let abroad = floor.lead("Abroad", "+14155550100").await;
    let refused = || async {
        let body = Some(json!({ "lead_id": abroad }));
        let (_, reply) = floor.asha.call(Method::POST, "/calls/start", body).await;
        reply["rule"].as_str().unwrap_or_default().to_owned()
    };
    let wish =
        json!({ "calling": { "countries": ["IN", "US"], "premium": true, "daily_attempts": 5 } });
    let settings = floor.admin.patch("/settings", wish).await;
    assert_eq!(settings["calling"]["countries"], json!(["IN"]), "{settings}");
    assert_eq!(settings["calling"]["premium"], false, "{settings}");
    assert_eq!(settings["calling"]["daily_attempts"], 5, "{settings}");
    assert_eq!(settings["widening"]["countries"], json!(["US"]), "{settings}");
    assert_eq!(settings["widening"]["asked_as"], "admin", "{settings}");
    assert_eq!(refused().await, "country_not_allowed");

    let agreed = Some(json!({ "asked_at": settings["widening"]["asked_at"] }));
    let path = "/settings/widening";
    let (status, problem) = floor.admin.call(Method::POST, path, agreed.clone()).await;
    assert_eq!((status.as_u16(), &problem["rule"]), (403, &json!("same_role")), "{problem}");
    assert_eq!(refused().await, "country_not_allowed");
    let manager = floor.server.api("manager").await;
    let (status, settings) = manager.call(Method::POST, path, agreed.clone()).await;
    assert_eq!(status.as_u16(), 200, "{settings}");
    assert_eq!(settings["calling"]["countries"], json!(["IN", "US"]), "{settings}");
    assert_eq!(settings["calling"]["premium"], true, "{settings}");
    assert_ne!(refused().await, "country_not_allowed");
    let (status, _) = manager.call(Method::POST, path, agreed).await;
    assert_eq!(status.as_u16(), 409, "once");
    let audit = floor.admin.get("/audit?action=settings.widened").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");

    let wish = json!({ "calling": { "satellite": true } });
    floor.admin.patch("/settings", wish).await;
    let (status, settings) = manager.call(Method::DELETE, path, None).await;
    assert_eq!((status.as_u16(), &settings["widening"]), (200, &Value::Null), "{settings}");
    assert_eq!(settings["calling"]["satellite"], false, "{settings}");
}
