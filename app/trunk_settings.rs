//! A stored trunk as the switch wants it.

use crm::trunks::{
    IdentityHeader, NumberFormat, Trunk, TrunkAuth, TrunkHost, TrunkPreset, TrunkTransport,
};
use signaling::directory::{
    DialledFrom, FurtherHost, HeaderRule, IdentityHeader as SwitchIdentity,
    NumberFormat as SwitchFormat, Secret, TransportKind, TrunkCredentials, TrunkRegistration,
    TrunkSettings,
};

/// Carrier references worth keeping on the call, by preset.
const REFERENCE_HEADERS: &[&str] =
    &["X-Exotel-CallSid", "X-Exotel-LegSid", "X-Exotel-TrunkSid", "X-Twilio-CallSid"];

/// Everything the switch needs of a trunk, its secret included.
pub(crate) fn for_switch(row: &Trunk, secret: Option<String>) -> TrunkSettings {
    let settings = &row.settings;
    let mut hosts: Vec<&TrunkHost> = settings.hosts.iter().collect();
    // Stable: of one priority, in the order written.
    hosts.sort_by_key(|host| host.priority);
    let first = hosts.first();
    let mut priorities: Vec<_> = hosts.iter().map(|host| host.priority).collect();
    priorities.dedup();
    let rank = |host: &TrunkHost| priorities.iter().position(|known| *known == host.priority);
    let further = |host: &&TrunkHost| FurtherHost {
        host: host.host.clone(),
        port: host.port,
        rank: rank(host).and_then(|rank| u16::try_from(rank).ok()).unwrap_or(u16::MAX),
        weight: host.weight.min(65_535),
    };
    let credentials = settings.username.clone().zip(secret).map(|(username, secret)| {
        TrunkCredentials { username, secret: Secret(secret), realm: settings.realm.clone() }
    });
    TrunkSettings {
        trunk: row.id,
        tenant: row.tenant,
        name: row.name.clone(),
        enabled: row.enabled,
        host: first.map(|h| h.host.clone()).unwrap_or_default(),
        port: first.and_then(|h| h.port),
        host_weight: first.map_or(0, |h| h.weight.min(65_535)),
        transport: match settings.transport {
            TrunkTransport::Udp => TransportKind::Udp,
            TrunkTransport::Tcp => TransportKind::Tcp,
            TrunkTransport::Tls => TransportKind::Tls,
        },
        further_hosts: hosts.iter().skip(1).map(further).collect(),
        outbound_proxy: settings.outbound_proxy.clone(),
        sources: settings.source_cidrs.clone(),
        client_certificate_names: settings.certificate_names.clone(),
        by_certificate: settings.auth == TrunkAuth::Certificate,
        credentials,
        registration: (settings.auth == TrunkAuth::Register).then(|| TrunkRegistration {
            expires_s: settings.register_expires_s,
            registrar: settings.registrar.clone(),
        }),
        from_domain: settings.from_domain.clone(),
        number_format: format(settings.number_format),
        caller_id_format: format(settings.caller_id_format),
        identity_header: match settings.identity {
            IdentityHeader::None => SwitchIdentity::None,
            IdentityHeader::Asserted => SwitchIdentity::PAssertedIdentity,
            IdentityHeader::RemoteParty => SwitchIdentity::RemotePartyId,
        },
        hide_caller_id: settings.hide_caller_id,
        codecs: settings.codecs.clone(),
        channels_max: settings.channel_cap.unwrap_or(0),
        calls_per_second_max: settings.cps_cap.unwrap_or(0),
        options_interval_s: settings.options_interval_s,
        // Exotel's request URI names the trunk, not the number called.
        dialled_from: match row.preset == TrunkPreset::Exotel || settings.dialled_in_to {
            true => DialledFrom::To,
            false => DialledFrom::RequestUri,
        },
        reference_headers: references(&settings.reference_headers),
        header_rules: settings
            .header_rules
            .iter()
            .map(|rule| match &rule.value {
                Some(value) => HeaderRule::Add { name: rule.name.clone(), value: value.clone() },
                None => HeaderRule::Remove { name: rule.name.clone() },
            })
            .collect(),
    }
}

fn format(written: NumberFormat) -> SwitchFormat {
    match written {
        NumberFormat::Plus => SwitchFormat::E164Plus,
        NumberFormat::Digits => SwitchFormat::E164,
        NumberFormat::NationalZero => SwitchFormat::ZeroPrefixed { country_code: 91 },
    }
}

/// The known ones, and what the administrator asked for beside them.
fn references(asked: &[String]) -> Vec<String> {
    let known = REFERENCE_HEADERS.iter().map(|name| (*name).to_owned());
    let more = asked
        .iter()
        .filter(|name| !REFERENCE_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)));
    known.chain(more.cloned()).collect()
}
