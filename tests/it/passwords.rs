//! A forgotten password and the letter that helps, by a mail server we did not write (AUT-04).

use crate::floor::SOON;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{
    api::Api,
    eventually,
    live::Live,
    peers::MailServer,
    server::{PASSWORD, Telehub},
};

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");
const NEW: &str = "a-new-password-9";

fn with_mail(mail: &MailServer) -> Telehub {
    let from = "TeleHub <desk@demo.local>";
    Telehub::demo_with(BINARY, &[("TELEHUB_MAIL_URL", &mail.url()), ("TELEHUB_MAIL_FROM", from)])
}

/// A request of nobody; status, body and the time it took.
async fn post(server: &Telehub, path: &str, body: Value) -> (StatusCode, String, Duration) {
    let began = Instant::now();
    let url = format!("{}/api/v1{path}", server.base);
    let reply = Client::new().post(url).json(&body).send().await.unwrap();
    let status = reply.status();
    (status, reply.text().await.unwrap(), began.elapsed())
}

async fn forgot(server: &Telehub, email: &str) -> (StatusCode, String, Duration) {
    post(server, "/auth/password/forgot", json!({ "email": email })).await
}

async fn letters(mail: &MailServer, count: usize) -> Vec<Value> {
    eventually(&format!("{count} letters"), SOON, || async {
        let all = tokio::task::block_in_place(|| mail.letters());
        (all.len() >= count).then_some(all)
    })
    .await
}

/// The link of a letter, as its reader would click it.
fn link(letter: &Value) -> String {
    let body = letter["body"].as_str().unwrap();
    let line = body.lines().find(|line| line.starts_with("http"));
    line.unwrap_or_else(|| panic!("no link: {body}")).trim().to_owned()
}

fn token(server: &Telehub, letter: &Value) -> String {
    let link = link(letter);
    let (page, token) = link.split_once('#').unwrap();
    assert_eq!(page, format!("{}/reset-password", server.base));
    token.to_owned()
}

async fn audited(admin: &Api, action: &str) -> Value {
    eventually(action, SOON, || async {
        let audit = admin.get(&format!("/audit?action={action}")).await;
        audit["items"].get(0).cloned()
    })
    .await
}

/// AUT-04: from the letter to the new password; every session is over, the old password too, and
/// the link is good no more. All of it is in the audit trail.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_by_a_link_in_a_letter() {
    let mail = MailServer::start();
    let server = with_mail(&mail);
    let admin = server.api("admin").await;
    let asha = server.api("asha").await;
    let mut live = Live::open(&server.base, &asha.token).await;
    let options = admin.get("/auth/options").await;
    assert_eq!(options["reset_by_mail"], true);

    let (status, _, _) = forgot(&server, " ASHA@demo.local").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let letter = letters(&mail, 1).await.remove(0);
    assert!(letter["to"].as_str().unwrap().contains("asha@demo.local"), "{letter}");
    assert!(letter["from"].as_str().unwrap().contains("desk@demo.local"), "{letter}");
    assert!(letter["content-type"].as_str().unwrap().starts_with("text/plain"), "{letter}");
    let token = token(&server, &letter);
    let reset = |password: &'static str| {
        post(&server, "/auth/password/reset", json!({ "token": token, "new_password": password }))
    };
    let (status, body, _) = reset("short").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let (status, body, _) = reset(NEW).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    let (status, body, _) = reset("yet-another-one-8").await;
    assert_eq!(status, StatusCode::GONE, "used once: {body}");
    assert!(body.contains("/problems/reset-link-over"), "{body}");

    let (status, _) = asha.call(Method::GET, "/me", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the old session is over");
    live.closed(Duration::from_secs(5)).await;
    let old = json!({ "email": "asha@demo.local", "password": PASSWORD });
    assert_eq!(post(&server, "/auth/login", old).await.0, StatusCode::UNAUTHORIZED);
    Api::sign_in(&server.base, "asha@demo.local", NEW).await;

    let sent = audited(&admin, "auth.reset_link").await;
    assert_eq!(sent["detail"]["outcome"], "sent", "{sent}");
    let done = audited(&admin, "auth.password_reset").await;
    assert_eq!(done["ip"], "127.0.0.1", "{done}");
    let trail = admin.get("/audit?limit=200").await.to_string();
    assert!(!trail.contains(&token) && !server.log().contains(&token), "the token leaks");
}

/// AUT-04: in the reader's language, sent by an administrator as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_in_the_language_of_who_reads_it() {
    let mail = MailServer::start();
    let server = with_mail(&mail);
    let admin = server.api("admin").await;
    let asha = server.api("asha").await;
    asha.patch("/me", json!({ "language": "hi" })).await;
    let id = asha.get("/me").await["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{id}/password-link");
    let (status, body) = admin.call(Method::POST, &path, None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let letter = letters(&mail, 1).await.remove(0);
    let devanagari =
        |text: &Value| text.as_str().unwrap().chars().any(|c| ('\u{900}'..='\u{97f}').contains(&c));
    assert!(devanagari(&letter["subject"]) && devanagari(&letter["body"]), "{letter}");
    token(&server, &letter);
    let row = audited(&admin, "auth.reset_link").await;
    assert!(row["user_id"].is_string(), "an administrator sent it: {row}");
    admin.patch(&format!("/users/{id}"), json!({ "active": false })).await;
    assert_eq!(admin.call(Method::POST, &path, None).await.0, StatusCode::CONFLICT);
}

/// F03: the answers do not tell whether anybody has an address; asking often is throttled alike;
/// one who is flooded is written to three times and no more.
#[tokio::test(flavor = "multi_thread")]
async fn asking_tells_nothing_about_who_has_an_account() {
    let mail = MailServer::start();
    let server = with_mail(&mail);
    let admin = server.api("admin").await;
    forgot(&server, "warm@up.local").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..4 {
        known.push(forgot(&server, "asha@demo.local").await);
        unknown.push(forgot(&server, &format!("nobody{}@demo.local", n / 4)).await);
    }
    let shape = |all: &[(StatusCode, String, Duration)]| {
        all.iter().map(|(status, body, _)| (*status, body.clone())).collect::<Vec<_>>()
    };
    assert_eq!(shape(&known), shape(&unknown));
    assert!(known.iter().all(|(status, _, _)| *status == StatusCode::ACCEPTED));
    let mut last = Vec::new();
    for email in ["asha@demo.local", "nobody0@demo.local"] {
        forgot(&server, email).await;
        let url = format!("{}/api/v1/auth/password/forgot", server.base);
        let reply = Client::new().post(url).json(&json!({ "email": email })).send().await.unwrap();
        let wait = reply.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        let wait: u64 = wait.expect("Retry-After").parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
        last.push(reply.status());
    }
    assert_eq!(last, [StatusCode::TOO_MANY_REQUESTS; 2]);
    eventually("the last asking is audited", SOON, || async {
        let audit = admin.get("/audit?action=auth.reset_link&limit=50").await;
        (audit["items"].as_array()?.len() == 5).then_some(())
    })
    .await;
    assert_eq!(letters(&mail, 3).await.len(), 3, "nobody's mailbox is flooded");
}

/// F03: nor does the time: the answer waits for no letter, not even while the mail server takes
/// the connection and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_does_not_wait_for_the_letter() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let server = Telehub::demo_with(
        BINARY,
        &[("TELEHUB_MAIL_URL", &url), ("TELEHUB_MAIL_FROM", "desk@demo.local")],
    );
    for email in ["asha@demo.local", "nobody@demo.local", "admin@demo.local"] {
        let (status, _, took) = forgot(&server, email).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert!(took < Duration::from_secs(3), "{email}: {took:?}");
    }
    let connected = tokio::task::spawn_blocking(move || silent.accept().is_ok());
    assert!(
        tokio::time::timeout(SOON, connected).await.unwrap().unwrap(),
        "a letter is on its way"
    );
}

/// AUT-04: without a mail server the desk is told so, and an administrator sets the password.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_administrator_is_asked() {
    let server = Telehub::demo(BINARY);
    let admin = server.api("admin").await;
    assert_eq!(admin.get("/auth/options").await["reset_by_mail"], false);
    let (status, body, _) = forgot(&server, "asha@demo.local").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body.contains("/problems/mail-off"), "{body}");
    let asha = server.api("asha").await;
    let id = asha.get("/me").await["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("/users/{id}"), json!({ "password": NEW })).await;
    assert_eq!(asha.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    Api::sign_in(&server.base, "asha@demo.local", NEW).await;
}

/// A mail server that is away when the letter is written gets it when it is back, and a letter
/// that cannot be sent is in the audit trail.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_be_sent_is_told_to_the_administrator() {
    let port = testkit::ports::one();
    let url = format!("smtp://127.0.0.1:{port}");
    let server = Telehub::demo_with(
        BINARY,
        &[("TELEHUB_MAIL_URL", &url), ("TELEHUB_MAIL_FROM", "desk@demo.local")],
    );
    let admin = server.api("admin").await;
    assert_eq!(forgot(&server, "asha@demo.local").await.0, StatusCode::ACCEPTED);
    let row = eventually("the failure is audited", Duration::from_secs(20), || async {
        let audit = admin.get("/audit?action=auth.reset_link").await;
        audit["items"].get(0).cloned()
    })
    .await;
    assert!(row["detail"]["outcome"].as_str().unwrap().starts_with("not sent"), "{row}");
}
