//! INVITEs of ours, written the way a carrier or a phone wants them. Built from nothing but the
//! plan and the settings, so no header of one side ever reaches the other by itself.

use crate::directory::{HeaderRule, IdentityHeader, TransportKind, TrunkSettings};
use bytes::Bytes;
use call::{CalledNumber, ExtensionTarget, TrunkTarget};
use signaling_proto::{
    Body, Destination, HeaderLine, InviteRequest, Reach, Target, Transport, registrar::Reachable,
    text,
};

/// Who is shown as calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    pub(super) caller_id: &'a str,
    pub(super) name: Option<&'a str>,
}

/// To one phone of an extension.
pub(super) fn to_phone(
    target: &ExtensionTarget,
    phone: Reachable,
    shown: &Shown<'_>,
    auto_answer: bool,
    sdp: Bytes,
) -> InviteRequest {
    let domain = target.aor.rsplit_once('@').map_or(target.aor.as_str(), |(_, domain)| domain);
    let from = address(
        shown.name,
        &format!("sip:{}@{domain}", text::percent_encode_user(shown.caller_id)),
    );
    let mut headers = vec![HeaderLine::new("P-Asserted-Identity", from.clone())];
    if auto_answer {
        headers.push(HeaderLine::new("Call-Info", format!("<sip:{domain}>;answer-after=0")));
        headers.push(HeaderLine::new(
            "Alert-Info",
            format!("<http://{domain}>;info=alert-autoanswer;delay=0"),
        ));
    }
    let destination = match phone.flow {
        Some(source) => Destination::Flow(source),
        None => Destination::Uri,
    };
    let mut request =
        InviteRequest::new(phone.contact, from, format!("<sip:{}>", target.aor), destination);
    request.routes = phone.path;
    request.headers = headers;
    request.body = Some(Body::sdp(sdp));
    request.reach = Reach::Flow;
    request
}

/// To a carrier.
pub(super) fn to_trunk(
    settings: &TrunkSettings,
    target: &TrunkTarget,
    addresses: Vec<Target>,
    sdp: Bytes,
) -> InviteRequest {
    let host = host_port(settings);
    let number = match &target.number {
        CalledNumber::Public(number) => settings.number_format.write(number),
        // Short numbers are written one way only.
        CalledNumber::Emergency(number) => number.to_string(),
    };
    let caller_id = settings.caller_id_format.write(&target.caller_id);
    let from_domain = settings.from_domain.as_deref().unwrap_or(&settings.host);
    let identity = format!("<sip:{caller_id}@{from_domain}>");
    // Who answers an emergency has to see who calls, and where.
    let hidden = settings.hide_caller_id && !target.number.is_emergency();
    let from = if hidden {
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned()
    } else {
        identity.clone()
    };
    let transport = match settings.transport {
        TransportKind::Tcp => ";transport=tcp",
        TransportKind::Tls => ";transport=tls",
        TransportKind::Udp | TransportKind::Ws => "",
    };
    let peer_addresses = addresses.iter().map(|target| target.address.ip()).collect();
    let mut request = InviteRequest::new(
        format!("sip:{number}@{host}{transport}"),
        from,
        format!("<sip:{number}@{host}>"),
        Destination::Targets(addresses),
    );
    request.headers = trunk_headers(settings, &identity, hidden);
    request.body = Some(Body::sdp(sdp));
    request.peer_addresses = peer_addresses;
    request
}

/// Which transport of the protocol crate a trunk uses.
pub(crate) fn transport_of(kind: TransportKind) -> Transport {
    match kind {
        TransportKind::Udp => Transport::Udp,
        TransportKind::Tcp => Transport::Tcp,
        TransportKind::Tls => Transport::Tls,
        TransportKind::Ws => Transport::Ws,
    }
}

/// `host` or `host:port`, IPv6 literals in brackets.
pub(crate) fn host_port(settings: &TrunkSettings) -> String {
    let host = if settings.host.contains(':') && !settings.host.starts_with('[') {
        format!("[{}]", settings.host)
    } else {
        settings.host.clone()
    };
    match settings.port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn trunk_headers(settings: &TrunkSettings, identity: &str, hidden: bool) -> Vec<HeaderLine> {
    let mut headers = Vec::new();
    match settings.identity_header {
        IdentityHeader::PAssertedIdentity => {
            headers.push(HeaderLine::new("P-Asserted-Identity", identity.to_owned()));
        }
        IdentityHeader::RemotePartyId => {
            let privacy = if hidden { "full" } else { "off" };
            headers.push(HeaderLine::new(
                "Remote-Party-ID",
                format!("{identity};party=calling;privacy={privacy};screen=yes"),
            ));
        }
        IdentityHeader::None => {}
    }
    if hidden {
        headers.push(HeaderLine::new("Privacy", "id"));
    }
    for rule in &settings.header_rules {
        match rule {
            HeaderRule::Add { name, value } => {
                if may_be_added(name) {
                    headers.push(HeaderLine::new(name.clone(), value.clone()));
                }
            }
            HeaderRule::Remove { name } => {
                headers.retain(|line| !line.name.eq_ignore_ascii_case(name));
            }
        }
    }
    headers
}

/// Headers that make a request what it is are not an administrator's to write.
fn may_be_added(name: &str) -> bool {
    const OURS: [&str; 18] = [
        "via",
        "v",
        "from",
        "f",
        "to",
        "t",
        "call-id",
        "i",
        "cseq",
        "contact",
        "m",
        "route",
        "record-route",
        "max-forwards",
        "content-length",
        "l",
        "authorization",
        "proxy-authorization",
    ];
    text::is_token(name.as_bytes()) && !OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

fn address(name: Option<&str>, uri: &str) -> String {
    match name {
        Some(name) if !name.is_empty() => {
            let plain = name.replace(|c: char| c.is_control(), " ");
            format!("{} <{uri}>", text::quote(&plain))
        }
        Some(_) | None => format!("<{uri}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{DialledFrom, NumberFormat};
    use call::{E164, TenantId, TrunkId};

    fn settings() -> TrunkSettings {
        TrunkSettings {
            trunk: TrunkId::from_parts(1, &[1; 10]),
            tenant: TenantId::from_parts(1, &[2; 10]),
            name: "exotel".into(),
            enabled: true,
            host: "pstn.example".into(),
            port: Some(5070),
            host_weight: 0,
            further_hosts: Vec::new(),
            transport: TransportKind::Tcp,
            outbound_proxy: None,
            sources: Vec::new(),
            client_certificate_names: Vec::new(),
            by_certificate: false,
            credentials: None,
            registration: None,
            from_domain: Some("acc.pstn.example".into()),
            number_format: NumberFormat::E164Plus,
            caller_id_format: NumberFormat::ZeroPrefixed { country_code: 91 },
            identity_header: IdentityHeader::PAssertedIdentity,
            hide_caller_id: false,
            codecs: vec!["PCMA".into()],
            channels_max: 0,
            calls_per_second_max: 0,
            options_interval_s: 0,
            dialled_from: DialledFrom::RequestUri,
            reference_headers: Vec::new(),
            header_rules: Vec::new(),
        }
    }

    fn invite(settings: &TrunkSettings) -> InviteRequest {
        let target = TrunkTarget {
            trunk: settings.trunk,
            number: E164::parse("+919812340001").expect("number").into(),
            caller_id: E164::parse("+918012345678").expect("number"),
        };
        to_trunk(settings, &target, Vec::new(), Bytes::new())
    }

    #[test]
    fn numbers_and_domains_are_written_as_the_trunk_wants_them() {
        let request = invite(&settings());
        assert_eq!(request.request_uri, "sip:+919812340001@pstn.example:5070;transport=tcp");
        assert_eq!(request.from, "<sip:08012345678@acc.pstn.example>");
        assert_eq!(request.to, "<sip:+919812340001@pstn.example:5070>");
        assert_eq!(request.headers[0].value, "<sip:08012345678@acc.pstn.example>");
    }

    #[test]
    fn a_hidden_caller_id_stays_out_of_from() {
        let request = invite(&TrunkSettings { hide_caller_id: true, ..settings() });
        assert!(!request.from.contains("8012345678"), "{}", request.from);
        assert!(request.headers.contains(&HeaderLine::new("Privacy", "id")));
    }

    /// D14.
    #[test]
    fn an_emergency_number_goes_out_as_it_is_and_never_anonymously() {
        let settings = TrunkSettings {
            hide_caller_id: true,
            number_format: NumberFormat::ZeroPrefixed { country_code: 91 },
            ..settings()
        };
        let target = TrunkTarget {
            trunk: settings.trunk,
            number: CalledNumber::Emergency(call::EmergencyNumber::parse("112").expect("number")),
            caller_id: E164::parse("+918012345678").expect("number"),
        };
        let request = to_trunk(&settings, &target, Vec::new(), Bytes::new());
        assert_eq!(request.request_uri, "sip:112@pstn.example:5070;transport=tcp");
        assert_eq!(request.from, "<sip:08012345678@acc.pstn.example>");
        assert!(!request.headers.iter().any(|line| line.name == "Privacy"));
    }

    #[test]
    fn header_rules_add_and_remove_but_cannot_touch_what_the_protocol_needs() {
        let add = |name: &str| HeaderRule::Add { name: name.into(), value: "1".into() };
        let rules = vec![
            add("X-Campaign"),
            add("Contact"),
            add("v"),
            add("bad name"),
            HeaderRule::Remove { name: "p-asserted-identity".into() },
        ];
        let request = invite(&TrunkSettings { header_rules: rules, ..settings() });
        assert_eq!(request.headers, vec![HeaderLine::new("X-Campaign", "1")]);
    }

    #[test]
    fn a_name_with_quotes_and_line_ends_cannot_leave_its_place() {
        let shown = Shown { caller_id: "+919812340001", name: Some("A\"\r\nX-Evil: 1") };
        let target = ExtensionTarget {
            extension: call::ExtensionId::from_parts(1, &[3; 10]),
            user: None,
            aor: "101@pratham.local".into(),
        };
        let phone = Reachable { contact: "sip:101@192.0.2.1".into(), path: Vec::new(), flow: None };
        let request = to_phone(&target, phone, &shown, true, Bytes::new());
        assert!(!request.from.contains(['\r', '\n']), "{}", request.from);
        assert!(request.from.ends_with("<sip:+919812340001@pratham.local>"), "{}", request.from);
        let names: Vec<_> = request.headers.iter().map(|line| &*line.name).collect();
        assert_eq!(names, ["P-Asserted-Identity", "Call-Info", "Alert-Info"]);
    }
}
