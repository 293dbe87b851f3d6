//! Signing in with a code of an authenticator app (AUT-05), what is written down of it (SEC-13),
//! and what guessers meet (AUT-06, F03).

use crate::floor::SOON;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{
    api::Api,
    authenticator, eventually,
    server::{PASSWORD, Telehub},
};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

async fn login(server: &Telehub, user: &str, password: &str, otp: Option<&str>) -> Response {
    let mut body = json!({ "email": format!("{user}@demo.local"), "password": password });
    if let Some(otp) = otp {
        body["otp"] = json!(otp);
    }
    let url = format!("{}/api/v1/auth/login", server.base);
    Client::new().post(url).json(&body).send().await.unwrap()
}

/// Status and problem type of a sign-in.
async fn outcome(server: &Telehub, user: &str, otp: Option<&str>) -> (u16, String) {
    let reply = login(server, user, PASSWORD, otp).await;
    let status = reply.status().as_u16();
    let body: Value = reply.json().await.unwrap();
    (status, body["type"].as_str().unwrap_or_default().to_owned())
}

fn refused(kind: &str) -> (u16, String) {
    (401, format!("/problems/{kind}"))
}

/// A code that was not used yet: that of this step, or of the next where this one was.
struct App {
    secret: String,
    last_step: i64,
}

impl App {
    fn code(&mut self) -> String {
        let step = (now() / 30).max(self.last_step + 1);
        assert!(step <= now() / 30 + 1, "the server takes one step of drift");
        self.last_step = step;
        authenticator::code(&self.secret, step * 30)
    }

    /// Waits until another code may be had.
    async fn wait(&self) {
        while now() / 30 < self.last_step {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Switches it on by the API; the app and the recovery codes.
async fn enrol(api: &Api) -> (App, Vec<String>) {
    let made = api.post("/me/otp", json!({ "current_password": PASSWORD })).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    let uri = made["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/TeleHub") && uri.contains(&secret), "{uri}");
    let mut app = App { secret, last_step: 0 };
    let code = app.code();
    let (status, body) =
        api.call(Method::POST, "/me/otp/confirm", Some(json!({ "code": "12345" }))).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["field"]), (422, &json!("code")), "{body}");
    let done = api.post("/me/otp/confirm", json!({ "code": code })).await;
    let codes: Vec<String> = serde_json::from_value(done["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

async fn actions(admin: &Api, pattern: &str) -> Vec<String> {
    let audit = admin.get(&format!("/audit?action={pattern}&limit=100")).await;
    let rows = audit["items"].as_array().unwrap();
    rows.iter().rev().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

/// AUT-05, whole, with the audit rows of SEC-13.
#[tokio::test(flavor = "multi_thread")]
async fn the_second_step_from_setting_up_to_taking_away() {
    let server = Telehub::demo(BINARY);
    let (admin, asha) = (server.api("admin").await, server.api("asha").await);
    let id = asha.get("/me").await["id"].as_str().unwrap().to_owned();
    let wrong = json!({ "current_password": "not it" });
    let (status, body) = asha.call(Method::POST, "/me/otp", Some(wrong)).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["field"]), (422, &json!("current_password")));
    let (mut app, recovery) = enrol(&asha).await;
    let state = asha.get("/me/otp").await;
    assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&json!(true), &json!(10)));
    let row = admin.get(&format!("/users/{id}")).await;
    assert_eq!(row["otp_enabled"], true, "{row}");
    let again = json!({ "current_password": PASSWORD });
    assert_eq!(asha.call(Method::POST, "/me/otp", Some(again)).await.0, StatusCode::CONFLICT);

    assert_eq!(outcome(&server, "asha", None).await, refused("otp-required"));
    assert_eq!(outcome(&server, "asha", Some("")).await, refused("otp-required"));
    assert_eq!(outcome(&server, "asha", Some("000000")).await, refused("otp-wrong"));
    let unknown = login(&server, "asha", "wrong", Some("000000")).await;
    let unknown: Value = unknown.json().await.unwrap();
    assert_eq!(unknown["type"], "/problems/unauthorized", "the password comes first: {unknown}");
    let code = app.code();
    assert_eq!(outcome(&server, "asha", Some(&code)).await.0, 200);
    assert_eq!(outcome(&server, "asha", Some(&code)).await, refused("otp-wrong"), "used");
    assert_eq!(outcome(&server, "asha", Some(&recovery[0])).await.0, 200);
    assert_eq!(outcome(&server, "asha", Some(&recovery[0])).await, refused("otp-wrong"), "used");
    assert_eq!(asha.get("/me/otp").await["recovery_codes_left"], 9);

    app.wait().await;
    let proof = |code: &str| json!({ "current_password": PASSWORD, "code": code });
    let renewed = asha.post("/me/otp/recovery-codes", proof(&recovery[1])).await;
    let renewed = renewed["recovery_codes"][0].as_str().unwrap().to_owned();
    let (status, _) = asha.call(Method::POST, "/me/otp/disable", Some(proof(&recovery[2]))).await;
    assert_eq!(status.as_u16(), 422, "the old codes are good no more");
    let (status, body) = asha.call(Method::POST, "/me/otp/disable", Some(proof(&renewed))).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    assert_eq!(outcome(&server, "asha", None).await.0, 200);

    let trail = actions(&admin, "otp.*").await;
    assert_eq!(trail, ["otp.begun", "otp.enabled", "otp.recovery_codes_renewed", "otp.disabled"]);
    eventually("refused sign-ins are audited", SOON, || async {
        let rows = admin.get("/audit?action=auth.login_refused&limit=100").await;
        let rows = rows["items"].as_array()?.clone();
        let of = |reason: &str| rows.iter().filter(|r| r["detail"]["reason"] == reason).count();
        (of("code") == 3 && of("password") == 1).then_some(())
    })
    .await;
    let logins = admin.get("/audit?action=auth.login&limit=100").await.to_string();
    assert!(logins.contains("\"second_step\":\"code\""), "{logins}");
    assert!(logins.contains("\"second_step\":\"recovery_code\""), "{logins}");
}

/// AUT-05: a lost phone: an administrator takes the second step away, and only they.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_helps_who_lost_their_phone() {
    let server = Telehub::demo(BINARY);
    let (admin, asha) = (server.api("admin").await, server.api("asha").await);
    let id = asha.get("/me").await["id"].as_str().unwrap().to_owned();
    enrol(&asha).await;
    let path = format!("/users/{id}/otp");
    let manager = server.api("manager").await;
    assert_eq!(manager.call(Method::DELETE, &path, None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(outcome(&server, "asha", None).await, refused("otp-required"));
    assert_eq!(admin.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(outcome(&server, "asha", None).await.0, 200);
    assert_eq!(actions(&admin, "otp.reset").await, ["otp.reset"]);
    let own = admin.get("/me").await["id"].as_str().unwrap().to_owned();
    let own = format!("/users/{own}/otp");
    assert_eq!(admin.call(Method::DELETE, &own, None).await.0, StatusCode::CONFLICT);
}

/// AUT-06, F03: five wrong passwords and the address has to wait for this account, with
/// Retry-After; a colleague from the same address signs in.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_sign_in_is_told_to_wait() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    for _ in 0..5 {
        assert_eq!(login(&server, "asha", "guess", None).await.status(), 401);
    }
    let reply = login(&server, "asha", PASSWORD, None).await;
    assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS, "even the right one");
    let wait = reply.headers().get("retry-after").unwrap().to_str().unwrap().to_owned();
    assert!((1..=31).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    server.api("manager").await;
    eventually("it is in the audit trail", SOON, || async {
        let rows = admin.get("/audit?action=auth.login_refused&limit=100").await;
        let rows = rows["items"].as_array()?.clone();
        let of = |reason: &str| rows.iter().filter(|r| r["detail"]["reason"] == reason).count();
        (of("password") == 5 && of("throttled") == 1).then_some(())
    })
    .await;
    // Inside a session as well: a stolen one does not get to guess the password either.
    let manager = server.api("manager").await;
    let body = json!({ "current_password": "guess", "new_password": "long-enough-99" });
    for _ in 0..5 {
        let (status, _) = manager.call(Method::POST, "/me/password", Some(body.clone())).await;
        assert_eq!(status.as_u16(), 422);
    }
    let (status, _) = manager.call(Method::POST, "/me/password", Some(body)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}
