//! A stored trunk as the switch wants it.

use crm::trunks::{IdentityHeader, NumberFormat, Trunk, TrunkAuth, TrunkPreset, TrunkTransport};
use signaling::directory::{
    DialledFrom, HeaderRule, IdentityHeader as SwitchIdentity, NumberFormat as SwitchFormat,
    Secret, TransportKind, TrunkCredentials, TrunkRegistration, TrunkSettings,
};

/// Carrier references worth keeping on the call, by preset.
const REFERENCE_HEADERS: &[&str] =
    &["X-Exotel-CallSid", "X-Exotel-LegSid", "X-Exotel-TrunkSid", "X-Twilio-CallSid"];

/// Everything the switch needs of a trunk, its secret included.
pub(crate) fn for_switch(row: &Trunk, secret: Option<String>) -> TrunkSettings {
    let settings = &row.settings;
    let first = settings.hosts.first();
    let credentials = settings.username.clone().zip(secret).map(|(username, secret)| {
        TrunkCredentials { username, secret: Secret(secret), realm: None }
    });
    let format = match settings.number_format {
        NumberFormat::Plus => SwitchFormat::E164Plus,
        NumberFormat::Digits => SwitchFormat::E164,
        NumberFormat::NationalZero => SwitchFormat::ZeroPrefixed { country_code: 91 },
    };
    TrunkSettings {
        trunk: row.id,
        tenant: row.tenant,
        name: row.name.clone(),
        enabled: row.enabled,
        host: first.map(|h| h.host.clone()).unwrap_or_default(),
        port: first.and_then(|h| h.port),
        transport: match settings.transport {
            TrunkTransport::Udp => TransportKind::Udp,
            TrunkTransport::Tcp => TransportKind::Tcp,
            TrunkTransport::Tls => TransportKind::Tls,
        },
        outbound_proxy: None,
        sources: settings.source_cidrs.clone(),
        client_certificate_names: settings.certificate_names.clone(),
        credentials,
        registration: (settings.auth == TrunkAuth::Register)
            .then_some(TrunkRegistration { expires_s: settings.register_expires_s }),
        from_domain: settings.from_domain.clone(),
        number_format: format,
        caller_id_format: format,
        identity_header: match settings.identity {
            IdentityHeader::None => SwitchIdentity::None,
            IdentityHeader::Asserted => SwitchIdentity::PAssertedIdentity,
            IdentityHeader::RemoteParty => SwitchIdentity::RemotePartyId,
        },
        hide_caller_id: false,
        codecs: settings.codecs.clone(),
        channels_max: settings.channel_cap.unwrap_or(0),
        calls_per_second_max: settings.cps_cap.unwrap_or(0),
        options_interval_s: settings.options_interval_s,
        dialled_from: match row.preset {
            // Exotel's request URI names the trunk, not the number called.
            TrunkPreset::Exotel => DialledFrom::To,
            TrunkPreset::Twilio | TrunkPreset::Simulated | TrunkPreset::Other => {
                DialledFrom::RequestUri
            }
        },
        reference_headers: REFERENCE_HEADERS.iter().map(|h| (*h).to_owned()).collect(),
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
