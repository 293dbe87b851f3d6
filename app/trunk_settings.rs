//! A stored trunk as the switch wants it.

use crm::trunks::{
    IdentityHeader, NumberFormat, Trunk, TrunkAuth, TrunkHost, TrunkPreset, TrunkTransport,
};
use signaling::directory::{
    DialledFrom, FurtherHost, HeaderRule, IdentityHeader as SwitchIdentity,
    NumberFormat as SwitchFormat, Secret, TransportKind, TrunkCredentials, TrunkRegistration,
    TrunkSettings,
};

/// Carrier references worth keeping on the call, whatever the preset.
const REFERENCE_HEADERS: &[&str] =
    &["X-Exotel-CallSid", "X-Exotel-LegSid", "X-Exotel-TrunkSid", "X-Twilio-CallSid"];

/// What Exotel sends beside them with every call that comes in.
const EXOTEL_HEADERS: &[&str] = &["P-Asserted-Identity", "P-Early-Media"];

/// Everything the switch needs of a trunk, its secret included. `country_code`: of the country that numbers in national
/// form belong to.
pub(crate) fn for_switch(row: &Trunk, secret: Option<String>, country_code: u16) -> TrunkSettings {
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
        number_format: format(settings.number_format, country_code),
        caller_id_format: format(settings.caller_id_format, country_code),
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
        reference_headers: references(row.preset, &settings.reference_headers),
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

fn format(written: NumberFormat, country_code: u16) -> SwitchFormat {
    match written {
        NumberFormat::Plus => SwitchFormat::E164Plus,
        NumberFormat::Digits => SwitchFormat::E164,
        NumberFormat::NationalZero => SwitchFormat::ZeroPrefixed { country_code },
    }
}

/// The known ones, and what the administrator asked for beside them.
fn references(preset: TrunkPreset, asked: &[String]) -> Vec<String> {
    let of_preset = if preset == TrunkPreset::Exotel { EXOTEL_HEADERS } else { &[] };
    let known: Vec<&str> = REFERENCE_HEADERS.iter().chain(of_preset).copied().collect();
    let more = asked.iter().filter(|name| !known.iter().any(|k| k.eq_ignore_ascii_case(name)));
    known.iter().map(|name| (*name).to_owned()).chain(more.cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use crm::{fresh, trunks::TrunkSettings as Stored};

    fn row(preset: TrunkPreset, settings: Stored) -> Trunk {
        Trunk {
            id: fresh(),
            tenant: fresh(),
            name: "a carrier".into(),
            enabled: true,
            preset,
            priority: 1,
            weight: 1,
            has_secret: false,
            settings,
            created_at: Utc::now(),
            updated_at: Utc::now(),
        }
    }

    #[test]
    fn national_numbers_are_those_of_the_country_of_the_installation() {
        let national = Stored { number_format: NumberFormat::NationalZero, ..Stored::default() };
        for country_code in [91, 44] {
            let trunk = for_switch(&row(TrunkPreset::Other, national.clone()), None, country_code);
            assert_eq!(trunk.number_format, SwitchFormat::ZeroPrefixed { country_code });
            assert_eq!(trunk.caller_id_format, SwitchFormat::E164Plus);
        }
    }

    #[test]
    fn what_exotel_sends_is_kept_on_the_call() {
        let asked = vec!["p-early-media".to_owned(), "X-Ours".to_owned()];
        let settings = Stored { reference_headers: asked, ..Stored::default() };
        let kept = |preset| for_switch(&row(preset, settings.clone()), None, 91).reference_headers;
        let exotel = kept(TrunkPreset::Exotel);
        for name in ["X-Exotel-CallSid", "X-Exotel-LegSid", "X-Exotel-TrunkSid", "X-Ours"] {
            assert!(exotel.iter().any(|n| n == name), "{name}: {exotel:?}");
        }
        let named = |name: &str| exotel.iter().filter(|n| n.eq_ignore_ascii_case(name)).count();
        assert_eq!((named("P-Asserted-Identity"), named("P-Early-Media")), (1, 1));
        let other = kept(TrunkPreset::Other);
        assert!(!other.iter().any(|n| n == "P-Asserted-Identity"), "{other:?}");
    }

    #[test]
    fn only_a_trunk_by_certificate_is_told_apart_by_it_alone() {
        for (auth, expected) in
            [(TrunkAuth::Certificate, true), (TrunkAuth::Ip, false), (TrunkAuth::Register, false)]
        {
            let settings = Stored { auth, ..Stored::default() };
            let trunk = for_switch(&row(TrunkPreset::Other, settings), None, 91);
            assert_eq!(trunk.by_certificate, expected, "{auth:?}");
        }
    }
}
