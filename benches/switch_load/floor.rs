//! The real binary with a floor for load: extensions without owners, a carrier, a DID.

use serde_json::{Value, json};
use testkit::{api::Api, ports, server::Telehub};

/// Where calls to the carrier's DID ring.
pub(crate) const DID: &str = "+918047199001";

/// Media ports: more than any load here takes.
const RTP_PORTS: [(&str, &str); 2] =
    [("TELEHUB_RTP_PORT_MIN", "40000"), ("TELEHUB_RTP_PORT_MAX", "46999")];

/// An extension and what its phone needs.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) secret: String,
    pub(crate) domain: String,
}

pub(crate) struct Floor {
    pub(crate) server: Telehub,
    admin: Api,
    /// Extensions from 2000 on; nobody's, so that no rule for agents holds calls up.
    pub(crate) accounts: Vec<Account>,
    /// The port the carrier must call from.
    pub(crate) carrier_port: u16,
}

impl Floor {
    pub(crate) async fn open(extensions: usize) -> Self {
        let server = Telehub::demo_with(env!("CARGO_BIN_EXE_telehub"), &RTP_PORTS);
        let admin = server.api("admin").await;
        let mut accounts = Vec::new();
        let mut ids = Vec::new();
        for n in 0..extensions {
            let number = (2000 + n).to_string();
            let new = json!({ "number": number, "name": format!("Load {number}") });
            let id = text(&admin.post("/extensions", new).await["id"]);
            let secret = admin.get(&format!("/extensions/{id}/secret")).await;
            accounts.push(Account {
                user: text(&secret["username"]),
                secret: text(&secret["secret"]),
                domain: text(&secret["domain"]),
            });
            ids.push(id);
        }
        let carrier_port = ports::one();
        let trunk = json!({
            "name": "load", "preset": "other",
            "settings": {
                "hosts": [{ "host": "127.0.0.1", "port": carrier_port }],
                "transport": "udp", "auth": "ip", "options_interval_s": 0,
                "source_cidrs": [format!("127.0.0.1:{carrier_port}")],
            },
        });
        let trunk = admin.post("/trunks", trunk).await;
        let number = json!({
            "number": DID, "trunk_id": trunk["id"],
            "destination": { "type": "extension", "id": ids[0] },
        });
        admin.post("/numbers", number).await;
        // Calls from phone to phone are measured bare, as beside them those of others are.
        admin.patch("/settings", json!({ "recording": { "internal": false } })).await;
        Self { server, admin, accounts, carrier_port }
    }

    /// Whether calls of the carrier are recorded from now on.
    pub(crate) async fn record(&self, enabled: bool) {
        self.admin.patch("/settings", json!({ "recording": { "enabled": enabled } })).await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
