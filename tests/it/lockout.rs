//! Who is switched off is out within five seconds: requests, live socket, desk phone, SIP over
//! WebSocket. A customer who is on the line with them stays on the line (F02).

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::json;
use signaling_proto::{Message, digest::DigestClient};
use std::time::{Duration, Instant};
use testkit::{
    live::Live,
    peers::{Baresip, BaresipAccount},
    wire::{Ask, Identity, Wire, authorised, status},
};
use tokio::task::block_in_place;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message as Frame, client::IntoClientRequest},
};

/// How long it may take (F02).
const LIMIT: Duration = Duration::from_secs(5);

/// A phone in a browser or app: SIP over WebSocket (RFC 7118).
struct WebPhone {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    who: Identity,
    cseq: u32,
    /// One device, one Call-ID.
    call_id: String,
}

impl WebPhone {
    async fn open(floor: &Floor, who: Identity) -> Self {
        let url = format!("{}/sip", floor.server.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { socket, who, cseq: 0, call_id: crm::fresh::<uuid::Uuid>().simple().to_string() }
    }

    async fn ask(&mut self, method: &str, uri: &str, to: &str, lines: &[String]) -> Message {
        self.cseq += 1;
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WS web.invalid;branch=z9hG4bK{call}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <{from}>;tag=web\r\nTo: <{to}>\r\nCall-ID: {call}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{user}@web.invalid;transport=ws>\r\n{lines}\
             Content-Length: 0\r\n\r\n",
            call = self.call_id,
            cseq = self.cseq,
            from = self.who.uri(),
            user = self.who.user,
        );
        self.socket.send(Frame::Text(text.into())).await.unwrap();
        loop {
            let frame = tokio::time::timeout(SOON, self.socket.next()).await.expect("an answer");
            let Some(Ok(Frame::Text(text))) = frame else { continue };
            let message = Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
            if status(&message) >= 200 && message.cseq().seq == self.cseq {
                return message;
            }
        }
    }

    async fn register(&mut self) -> u16 {
        let (uri, own) = (format!("sip:{}", self.who.domain), self.who.uri());
        let challenge = self.ask("REGISTER", &uri, &own, &[]).await;
        let mut client = DigestClient::new(&self.who.user, &self.who.secret, 3);
        client.challenged(&challenge, false).expect("a challenge");
        let ask = Ask::register(&self.who, &[]);
        status(&self.ask("REGISTER", &uri, &own, &authorised(&mut client, &ask)).await)
    }
}

/// F02, whole: with a customer on the line.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_is_out_in_five_seconds_and_the_customer_stays_on_the_line() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    let who = floor.identity(&floor.extension).await;
    let mut web = WebPhone::open(&floor, who.clone()).await;
    assert_eq!(web.register().await, 200);
    floor.phones_are(&floor.extension, 2, SOON).await;
    let mut live = Live::open(&floor.server.base, &floor.asha.token).await;
    floor.ready().await;
    // The web phone has no media: the desk phone picks up.
    let lead = floor.lead("On the line", "+919811780015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(1.0).await;

    let path = format!("/users/{}", floor.asha_id);
    let began = Instant::now();
    floor.admin.patch(&path, json!({ "active": false })).await;
    assert_eq!(floor.asha.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    let code = live.closed(LIMIT.saturating_sub(began.elapsed())).await;
    assert_eq!(code, Some(4401));
    floor.phones_are(&floor.extension, 0, LIMIT.saturating_sub(began.elapsed())).await;
    assert_eq!(web.register().await, 403, "the web phone gets no new registration");
    let refused = block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let contact = "Contact: <sip:x@127.0.0.1:50001>";
        let register = status(&wire.ask_as(&who, &Ask::register(&who, &[contact])));
        let invite = Ask::invite(&format!("sip:102@{}", who.domain), &who.uri());
        (register, status(&wire.ask_as(&who, &invite)))
    });
    assert_eq!(refused, (403, 403), "nor does a desk phone, nor may it dial");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());

    // The customer is on the line, hears and is heard, until one of the two hangs up.
    talk(2.0).await;
    assert_eq!(floor.call(&call).await["status"], "in_progress");
    let began = floor.call(&call).await;
    assert!(began["ended_at"].is_null(), "{began}");
    phone.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "agent", "{row}");
    assert!(row["duration_seconds"].as_i64().unwrap() >= 3, "{row}");
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.0 && ours.seconds_of(AGENT_HZ) > 2.0);

    // Nobody rings there any more, and nobody can be sent there.
    let account = floor.account("102").await;
    let mut colleague = floor.register(&account, 800.0).await;
    let rang = |phone: &Baresip| phone.full_log().matches("INVITE sip:").count();
    let before = rang(&phone);
    assert!(before > 0, "its log holds the call it had");
    colleague.command("dial", &format!("sip:{}@{}", floor.extension, floor.server.sip));
    let closed = block_in_place(|| colleague.until("CALL_CLOSED", 10));
    assert!(closed.to_string().contains("480"), "{closed}");
    talk(0.5).await;
    assert_eq!(rang(&phone), before, "it does not ring");
    let dialler = floor.admin.get("/agents").await;
    assert!(!dialler.to_string().contains(&floor.asha_id), "gone from the floor: {dialler}");
    let row = floor.admin.get("/audit?action=user.updated").await;
    assert_eq!(row["items"][0]["detail"]["active"], false, "{row}");

    // Switched on again, the same phone with the same secret is back.
    floor.admin.patch(&path, json!({ "active": true })).await;
    assert_eq!(web.register().await, 200);
}

/// F02: a phone that rings as its owner is switched off falls silent, and who called is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_rings_stops_when_its_owner_is_switched_off() {
    let floor = Floor::open().await;
    let account = floor.account(&floor.extension).await;
    let account = BaresipAccount { auto_answer: false, ..account };
    let mut phone = floor.register(&account, AGENT_HZ).await;
    let mut colleague = floor.register(&floor.account("102").await, 800.0).await;
    colleague.command("dial", &format!("sip:{}@{}", floor.extension, floor.server.sip));
    block_in_place(|| phone.until("CALL_INCOMING", 10));
    let (path, began) = (format!("/users/{}", floor.asha_id), Instant::now());
    floor.admin.patch(&path, json!({ "active": false })).await;
    block_in_place(|| phone.until("CALL_CLOSED", 5));
    let closed = block_in_place(|| colleague.until("CALL_CLOSED", 5));
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    assert!(closed.to_string().contains("480"), "{closed}");
}

/// F02: after a restart as well, should the process have ended before the binding was gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_brings_no_locked_out_phone_back() {
    let mut floor = Floor::open().await;
    let who = floor.identity(&floor.extension).await;
    let register = |floor: &Floor| {
        let mut wire = Wire::open(floor.server.sip);
        let contact = format!("Contact: <sip:{}@127.0.0.1:50001>", who.user);
        status(&wire.ask_as(&who, &Ask::register(&who, &[&contact])))
    };
    assert_eq!(block_in_place(|| register(&floor)), 200);
    floor.phones_are(&floor.extension, 1, SOON).await;
    // Bindings are written a moment later.
    talk(0.5).await;
    floor.server.kill();
    let output = std::process::Command::new("python3")
        .args(["-c", "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(\"UPDATE users SET active = 0 WHERE email = 'asha@demo.local'\")\ndb.commit()"])
        .arg(floor.server.data().join("telehub.db"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    floor.server.boot();
    floor.phones_are(&floor.extension, 0, SOON).await;
    assert_eq!(block_in_place(|| register(&floor)), 403);
}

/// A new secret, another owner or the end of an extension reaches its phones at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_or_the_end_of_an_extension_unregisters_its_phones_at_once() {
    let floor = Floor::open().await;
    let body = json!({ "number": "778", "name": "Hall", "user_id": floor.asha_id });
    let id = floor.admin.post("/extensions", body).await["id"].as_str().unwrap().to_owned();
    let path = format!("/extensions/{id}");
    let register = async || {
        let who = floor.identity("778").await;
        let answer = block_in_place(|| {
            let mut wire = Wire::open(floor.server.sip);
            let contact = "Contact: <sip:778@127.0.0.1:50001>";
            status(&wire.ask_as(&who, &Ask::register(&who, &[contact])))
        });
        (who, answer)
    };
    let (old, answer) = register().await;
    assert_eq!(answer, 200);
    floor.phones_are("778", 1, SOON).await;
    floor.admin.post(&format!("{path}/secret/rotate"), json!({})).await;
    floor.phones_are("778", 0, LIMIT).await;
    let with_old = block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let contact = "Contact: <sip:778@127.0.0.1:50001>";
        status(&wire.ask_as(&old, &Ask::register(&old, &[contact])))
    });
    assert_eq!(with_old, 403, "the old secret proves nothing");
    for change in [
        json!({ "active": false }),
        json!({ "active": true, "user_id": null }),
        json!({ "number": "779" }),
    ] {
        if change["active"] != false {
            floor.admin.patch(&path, json!({ "active": true, "number": "778" })).await;
        }
        if floor.extension_row("778").await["active"] == true {
            assert_eq!(register().await.1, 200);
            floor.phones_are("778", 1, SOON).await;
        }
        floor.admin.patch(&path, change.clone()).await;
        let now = change["number"].as_str().unwrap_or("778");
        floor.phones_are(now, 0, LIMIT).await;
    }
    floor.admin.patch(&path, json!({ "active": true, "number": "778" })).await;
    let (who, answer) = register().await;
    assert_eq!(answer, 200);
    floor.phones_are("778", 1, SOON).await;
    assert_eq!(floor.admin.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    let again = block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let contact = "Contact: <sip:778@127.0.0.1:50001>";
        status(&wire.ask_as(&who, &Ask::register(&who, &[contact])))
    });
    assert_eq!(again, 403);
    let health = floor.server.log();
    assert!(health.contains("phones may not stay registered"), "{health}");
}

/// AUT-02, F02: signed out everywhere, by oneself or an administrator: every session is over; the
/// desk phone, which has a secret of its own, stays.
#[tokio::test(flavor = "multi_thread")]
async fn signed_out_everywhere_means_every_session() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    let (first, second) = (floor.server.api("asha").await, floor.server.api("asha").await);
    let mut live = Live::open(&floor.server.base, &second.token).await;
    let path = format!("/users/{}/sign-out", floor.asha_id);
    let (status, body) = floor.admin.call(Method::POST, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    for api in [&floor.asha, &first, &second] {
        assert_eq!(api.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(live.closed(LIMIT).await, Some(4401));
    let (one, other) = (floor.server.api("asha").await, floor.server.api("asha").await);
    one.call(Method::POST, "/auth/logout", Some(json!({ "everywhere": true }))).await;
    assert_eq!(other.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    floor.phones_are(&floor.extension, 1, SOON).await;
}
