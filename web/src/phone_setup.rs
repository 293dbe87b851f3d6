//! What a phone has to be told so that it finds us: the doors as opened, under a name that the
//! one who asks can reach.

use crate::{
    AppState, PhoneDoors,
    problem::{Outcome, Problem},
    sessions::Principal,
    shapes::telephony::{PhoneDoor, PhoneSetup, PhoneTransport},
};
use axum::http::{HeaderMap, header};
use crm::extensions::Extension;
use std::net::{IpAddr, SocketAddr};

impl AppState {
    /// The set-up of one extension's phone.
    pub(crate) async fn phone_setup(
        &self,
        who: &Principal,
        extension: Extension,
        headers: &HeaderMap,
    ) -> Outcome<PhoneSetup> {
        let tenant = self.store.tenant_find(who.tenant).await?;
        let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
        let reached_by = self.config.public_url.as_deref().and_then(host_of_url);
        let reached_by = reached_by.or_else(|| host_of(headers));
        let external_ip = self.phone_doors.external_ip.map(|ip| ip.to_string());
        Ok(PhoneSetup {
            extension_id: extension.id.uuid(),
            registered: self.facts().registered(extension.id),
            username: extension.number,
            display_name: extension.name,
            domain: tenant.sip_domain,
            doors: doors(&self.phone_doors, reached_by.as_deref()),
            external_ip,
            websocket_path: self.sip_socket.is_some().then(|| self.config.ws_path.clone()),
        })
    }
}

/// The doors in the order they are tried: what is open to others before what is not.
fn doors(opened: &PhoneDoors, reached_by: Option<&str>) -> Vec<PhoneDoor> {
    let kinds = [
        (PhoneTransport::Udp, &opened.udp),
        (PhoneTransport::Tcp, &opened.tcp),
        (PhoneTransport::Tls, &opened.tls),
    ];
    let mut doors: Vec<PhoneDoor> = Vec::new();
    for (transport, addresses) in kinds {
        for address in addresses {
            let door = PhoneDoor {
                transport,
                host: host(*address, opened.external_ip, reached_by),
                port: address.port(),
                this_machine_only: address.ip().is_loopback(),
            };
            // Both families of one port are one door under one name.
            if !doors.contains(&door) {
                doors.push(door);
            }
        }
    }
    doors.sort_by_key(|door| door.this_machine_only);
    doors
}

/// A listener on every address has no address of its own: the configured outside one, or the name
/// under which the browser that asks has found this very machine.
fn host(listener: SocketAddr, external: Option<IpAddr>, reached_by: Option<&str>) -> String {
    match (listener.ip().is_unspecified(), external, reached_by) {
        (false, ..) => listener.ip().to_string(),
        (true, Some(ip), _) => ip.to_string(),
        (true, None, Some(name)) => name.to_owned(),
        (true, None, None) => listener.ip().to_string(),
    }
}

fn host_of(headers: &HeaderMap) -> Option<String> {
    without_port(headers.get(header::HOST)?.to_str().ok()?)
}

fn host_of_url(url: &str) -> Option<String> {
    without_port(url.split_once("://")?.1.split('/').next()?)
}

/// `desk.example.in:4055`, `[2001:db8::1]:4055`: the name alone.
fn without_port(authority: &str) -> Option<String> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    (!host.is_empty() && host.chars().all(fits)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(udp: &[&str], tls: &[&str], external: Option<&str>) -> PhoneDoors {
        let list = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        PhoneDoors {
            udp: list(udp),
            tcp: Vec::new(),
            tls: list(tls),
            external_ip: external.map(|ip| ip.parse().unwrap()),
        }
    }

    #[test]
    fn a_door_on_every_address_is_shown_under_the_name_the_browser_used() {
        let opened = opened(&["0.0.0.0:5080", "[::]:5080"], &["192.0.2.7:5061"], None);
        let shown = doors(&opened, Some("desk.example.in"));
        let shown: Vec<_> = shown.iter().map(|d| (d.transport, d.host.as_str(), d.port)).collect();
        assert_eq!(
            shown,
            [
                (PhoneTransport::Udp, "desk.example.in", 5080),
                (PhoneTransport::Tls, "192.0.2.7", 5061),
            ]
        );
    }

    #[test]
    fn the_outside_address_wins_over_the_name_and_loopback_comes_last() {
        let opened = opened(&["127.0.0.1:5060", "0.0.0.0:5070"], &[], Some("203.0.113.9"));
        let shown = doors(&opened, Some("10.0.0.1"));
        assert_eq!((shown[0].host.as_str(), shown[0].port), ("203.0.113.9", 5070));
        assert!(shown[1].this_machine_only && shown[1].port == 5060);
    }

    #[test]
    fn names_are_read_from_host_headers_and_addresses() {
        assert_eq!(without_port("desk.example.in:4055").as_deref(), Some("desk.example.in"));
        assert_eq!(without_port("[2001:db8::1]:4055").as_deref(), Some("2001:db8::1"));
        assert_eq!(host_of_url("https://desk.example.in/x").as_deref(), Some("desk.example.in"));
        assert_eq!(without_port("<script>"), None);
        assert_eq!(without_port(""), None);
    }
}
