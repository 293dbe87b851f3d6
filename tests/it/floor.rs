//! A floor to play stories on: the demo server, Asha signed in, her phone registered.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{
    api::Api,
    ears::Heard,
    eventually,
    live::Live,
    peers::{Baresip, BaresipAccount, Linphone},
    server::Telehub,
    wire::Identity,
};

/// Tone of the agent's phone: apart from every tone of the carriers.
pub(crate) const AGENT_HZ: f32 = 600.0;

/// How long anything but talking may take.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Floor {
    pub(crate) server: Telehub,
    pub(crate) admin: Api,
    pub(crate) asha: Api,
    /// Asha's extension number.
    pub(crate) extension: String,
    /// Asha's user id.
    pub(crate) asha_id: String,
}

impl Floor {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(extra: &[(&str, &str)]) -> Self {
        let server = Telehub::demo_with(env!("CARGO_BIN_EXE_telehub"), extra);
        let admin = server.api("admin").await;
        let asha = server.api("asha").await;
        let asha_id = asha.get("/me").await["id"].as_str().unwrap().to_owned();
        let extensions = admin.get("/extensions?limit=200").await;
        let extension = extensions["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|e| e["user_id"] == asha_id.as_str())
            .expect("asha has an extension")["number"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { server, admin, asha, extension, asha_id }
    }

    /// What a phone of an extension proves to be its owner's by.
    pub(crate) async fn identity(&self, number: &str) -> Identity {
        let (user, secret, domain) = self.server.sip_secret(number).await;
        Identity { user, secret, domain }
    }

    /// An extension as the administrator sees it.
    pub(crate) async fn extension_row(&self, number: &str) -> Value {
        let all = self.admin.get("/extensions?limit=200").await;
        let rows = all["items"].as_array().unwrap();
        rows.iter().find(|e| e["number"] == number).unwrap().clone()
    }

    /// Waits until an extension has this many phones; how long that took.
    pub(crate) async fn phones_are(&self, number: &str, count: usize, limit: Duration) -> Duration {
        let began = Instant::now();
        eventually(&format!("{number} has {count} phones"), limit, || async {
            let row = self.extension_row(number).await;
            (row["registrations"].as_array()?.len() == count).then_some(())
        })
        .await;
        began.elapsed()
    }

    /// The account of an extension, as an administrator reads it off the screen.
    pub(crate) async fn account(&self, number: &str) -> BaresipAccount {
        let (user, secret, domain) = self.server.sip_secret(number).await;
        BaresipAccount {
            user,
            domain,
            secret,
            transport: "udp",
            server: self.server.sip.to_string(),
            auto_answer: true,
            codecs: "PCMA,PCMU",
        }
    }

    /// Asha's desk phone, registered and answering by itself.
    pub(crate) async fn phone(&self) -> Baresip {
        let account = self.account(&self.extension).await;
        self.register(&account, AGENT_HZ).await
    }

    /// A linphone at Asha's desk instead, registered and answering by itself.
    pub(crate) async fn linphone(&self) -> Linphone {
        let (user, secret, domain) = self.server.sip_secret(&self.extension).await;
        let server = self.server.sip.to_string();
        let start = move || {
            let mut phone = Linphone::start(AGENT_HZ, true);
            phone.register(&user, &domain, &server, &secret);
            phone
        };
        let phone = tokio::task::spawn_blocking(start).await.unwrap();
        self.phone_registered().await;
        phone
    }

    /// Any phone, registered.
    pub(crate) async fn register(&self, account: &BaresipAccount, hz: f32) -> Baresip {
        let account = account.clone();
        let start = move || Baresip::start(&account, hz).registered();
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// Waits until Asha's extension has a phone.
    pub(crate) async fn phone_registered(&self) {
        eventually("a phone of Asha's is registered", SOON, || async {
            let extensions = self.admin.get("/extensions?limit=200").await;
            let rows = extensions["items"].as_array()?;
            let own = rows.iter().find(|e| e["number"] == self.extension.as_str())?;
            own["registered"].as_bool()?.then_some(())
        })
        .await;
    }

    pub(crate) async fn live(&self) -> Live {
        Live::open(&self.server.base, &self.asha.token).await
    }

    pub(crate) async fn ready(&self) {
        eventually("asha may be ready", SOON, || async {
            let body = json!({ "state": "ready" });
            let (status, _) =
                self.asha.call("POST".parse().unwrap(), "/agents/me/state", Some(body)).await;
            status.is_success().then_some(())
        })
        .await;
    }

    /// A lead of Asha's with this number.
    pub(crate) async fn lead(&self, name: &str, phone: &str) -> String {
        let body = json!({ "name": name, "phone": phone, "assigned_to": self.asha_id });
        self.admin.post("/leads", body).await["id"].as_str().unwrap().to_owned()
    }

    /// Clicks call on a lead; returns the call id.
    pub(crate) async fn dial(&self, lead: &str) -> String {
        let reply = self.asha.post("/calls/start", json!({ "lead_id": lead })).await;
        reply["call_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(&self, id: &str) -> Value {
        self.admin.get(&format!("/calls/{id}")).await
    }

    /// Waits until the call has this status and returns it.
    pub(crate) async fn call_is(&self, id: &str, status: &str) -> Value {
        eventually(&format!("call {status}"), SOON, || async {
            let (found, call) =
                self.admin.call("GET".parse().unwrap(), &format!("/calls/{id}"), None).await;
            (found.is_success() && call["status"] == status).then_some(call)
        })
        .await
    }

    /// Waits until the call is over, however it ended.
    pub(crate) async fn call_over(&self, id: &str) -> Value {
        eventually("call over", Duration::from_secs(40), || async {
            let (_, call) =
                self.admin.call("GET".parse().unwrap(), &format!("/calls/{id}"), None).await;
            call["ended_at"].is_string().then_some(call)
        })
        .await
    }

    /// Both channels of the stored recording: customer, our side.
    pub(crate) async fn recording(&self, id: &str) -> (Heard, Heard) {
        eventually("recording ready", SOON, || async {
            let state = self.call(id).await["recording"]["state"].clone();
            (state == "ready" || state == "recovered").then_some(())
        })
        .await;
        let path = format!("/calls/{id}/recording?format=wav");
        let (status, bytes) = self.admin.bytes(&path, None).await;
        assert!(status.is_success(), "{status}");
        (Heard::channel(&bytes, 0), Heard::channel(&bytes, 1))
    }

    pub(crate) async fn hang_up(&self, id: &str) {
        self.asha.post(&format!("/calls/{id}/hangup"), json!({})).await;
    }
}

pub(crate) async fn talk(seconds: f32) {
    tokio::time::sleep(Duration::from_secs_f32(seconds)).await;
}
