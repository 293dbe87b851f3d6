//! The configuration in the words of each crate.

use super::config::{Config, parse_listen_list};
use call::NodeId;
use crm::policy::PolicyConfig;
use signaling::{SwitchConfig, TlsConfig};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// For signalling.
pub(crate) fn switch(
    config: &Config,
    node: NodeId,
    spool: PathBuf,
) -> anyhow::Result<SwitchConfig> {
    let list = |text: &str| parse_listen_list(text).map_err(anyhow::Error::msg);
    let file = |path: &str| (!path.is_empty()).then(|| config.path(path));
    let tls = list(&config.sip.tls)?;
    Ok(SwitchConfig {
        udp: list(&config.sip.udp)?,
        tcp: list(&config.sip.tcp)?,
        tls: (!tls.is_empty()).then(|| TlsConfig {
            listen: tls,
            certificate: config.path(&config.sip.tls_cert),
            key: config.path(&config.sip.tls_key),
            client_authorities: file(&config.sip.tls_client_ca),
        }),
        trusted_authorities: file(&config.sip.tls_ca),
        ws_path: config.sip.ws_path.clone(),
        domain: (!config.sip.domain.is_empty()).then(|| config.sip.domain.clone()),
        external_ip: address(&config.sip.external_ip),
        dns_servers: list(&config.sip.dns_servers)?,
        digest: config.digest(),
        ..SwitchConfig::new(node, spool)
    })
}

/// For the media engine, with the folder its prompts lie in.
pub(crate) fn media(config: &Config, sounds: Option<PathBuf>) -> anyhow::Result<media::Config> {
    Ok(media::Config {
        listen: config.rtp.listen.parse()?,
        external_ip: address(&config.rtp.external_ip),
        port_min: config.rtp.port_min,
        port_max: config.rtp.port_max,
        sounds_dir: sounds,
        ..media::Config::default()
    })
}

/// For the one policy function.
pub(crate) fn policy(config: &Config) -> PolicyConfig {
    PolicyConfig {
        country: config.calls.default_country.clone(),
        max_duration_s: u32::try_from(config.calls.max_duration_s).unwrap_or(u32::MAX),
        emergency: config.emergency_numbers(),
    }
}

/// For the web face, with the key its tokens are signed by.
pub(crate) fn web(config: &Config, tls: bool, key: [u8; 32]) -> web::Config {
    web::Config {
        public_url: (!config.http.public_url.is_empty()).then(|| config.http.public_url.clone()),
        tls,
        ws_path: config.sip.ws_path.clone(),
        country: config.calls.default_country.clone(),
        ..web::Config::new(key)
    }
}

/// The demo's: what was not set lies below its folder, which must be absolute; what was set stays where it is.
pub(crate) fn of_demo(mut config: Config, data: &Path) -> Config {
    let defaults = Config::default();
    if config.database.url == defaults.database.url {
        config.database.url = format!("sqlite://{}", data.join("telehub.db").display());
    }
    if config.storage.url == defaults.storage.url {
        config.storage.url = format!("file://{}", data.join("objects").display());
    }
    config.data = data.join("data");
    config
}

/// An address, where one is set.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm::fresh;

    /// Every key that goes to a crate, each with a value of its own.
    fn all_different() -> Config {
        let mut config = Config::load(None, std::iter::empty()).unwrap();
        config.base = "/etc/telehub".into();
        config.http.public_url = "https://desk.example.in".into();
        config.sip.udp = "127.0.0.1:5001".into();
        config.sip.tcp = "127.0.0.2:5002".into();
        config.sip.tls = "127.0.0.3:5003".into();
        config.sip.tls_cert = "own.pem".into();
        config.sip.tls_key = "own.key".into();
        config.sip.tls_ca = "carriers.pem".into();
        config.sip.tls_client_ca = "clients.pem".into();
        config.sip.ws_path = "/phones".into();
        config.sip.domain = "sip.example.in".into();
        config.sip.external_ip = "198.51.100.4".into();
        config.sip.dns_servers = "192.0.2.53:5053".into();
        config.sip.digest = "SHA-256, MD5".into();
        config.rtp.listen = "127.0.0.5".into();
        config.rtp.external_ip = "198.51.100.6".into();
        config.rtp.port_min = 31_000;
        config.rtp.port_max = 32_000;
        config.calls.max_duration_s = 77;
        config.calls.default_country = "SG".into();
        config.calls.emergency_numbers = "7999".into();
        config
    }

    #[test]
    fn every_key_reaches_its_own_place_in_the_switch() {
        let node: NodeId = fresh();
        let switch = switch(&all_different(), node, "/spool".into()).unwrap();
        assert_eq!((switch.node, switch.spool), (node, "/spool".into()));
        assert_eq!(switch.udp, ["127.0.0.1:5001".parse().unwrap()]);
        assert_eq!(switch.tcp, ["127.0.0.2:5002".parse().unwrap()]);
        let tls = switch.tls.unwrap();
        assert_eq!(tls.listen, ["127.0.0.3:5003".parse().unwrap()]);
        assert_eq!(tls.certificate, Path::new("/etc/telehub/own.pem"));
        assert_eq!(tls.key, Path::new("/etc/telehub/own.key"));
        assert_eq!(tls.client_authorities.unwrap(), Path::new("/etc/telehub/clients.pem"));
        let trusted = switch.trusted_authorities.unwrap();
        assert_eq!(trusted, Path::new("/etc/telehub/carriers.pem"));
        assert_eq!(switch.ws_path, "/phones");
        assert_eq!(switch.domain.unwrap(), "sip.example.in");
        assert_eq!(switch.external_ip, address("198.51.100.4"));
        assert_eq!(switch.dns_servers, ["192.0.2.53:5053".parse().unwrap()]);
        assert_eq!(switch.digest, ["SHA-256", "MD5"]);
    }

    #[test]
    fn every_key_reaches_its_own_place_in_media_policy_and_web() {
        let config = all_different();
        let media = media(&config, Some("/sounds".into())).unwrap();
        assert_eq!(
            (Some(media.listen), media.external_ip),
            (address("127.0.0.5"), address("198.51.100.6"))
        );
        assert_eq!((media.port_min, media.port_max), (31_000, 32_000));
        assert_eq!(media.sounds_dir.unwrap(), Path::new("/sounds"));
        let policy = policy(&config);
        assert_eq!((policy.country.as_str(), policy.max_duration_s), ("SG", 77));
        assert_eq!(policy.emergency.common().unwrap().as_str(), "7999");
        for tls in [true, false] {
            let web = web(&config, tls, [7; 32]);
            assert_eq!(web.public_url.as_deref(), Some("https://desk.example.in"));
            assert_eq!((web.tls, web.token_key), (tls, [7; 32]));
            assert_eq!((web.ws_path.as_str(), web.country.as_str()), ("/phones", "SG"));
        }
    }

    #[test]
    fn what_is_not_set_is_off() {
        let switch = switch(&Config::default(), fresh(), "/spool".into()).unwrap();
        assert!(switch.tls.is_none() && switch.trusted_authorities.is_none());
        assert!(switch.domain.is_none() && switch.external_ip.is_none());
        assert!(switch.dns_servers.is_empty());
        assert_eq!(web(&Config::default(), false, [0; 32]).public_url, None);
    }

    #[test]
    fn the_demo_keeps_its_data_apart_and_the_paths_of_its_file_where_they_are() {
        let mut config = Config::load(None, std::iter::empty()).unwrap();
        config.base = "/etc/telehub".into();
        config.sip.tls_cert = "own.pem".into();
        let demo = of_demo(config.clone(), Path::new("/srv/floor"));
        assert_eq!(demo.database_url(), "sqlite:///srv/floor/telehub.db");
        assert_eq!(demo.storage_url(), "file:///srv/floor/objects");
        assert_eq!(demo.data_dir(), Path::new("/srv/floor"));
        assert_eq!(demo.path(&demo.sip.tls_cert), Path::new("/etc/telehub/own.pem"));
        config.database.url = "postgres://db/telehub".into();
        config.storage.url = "file://kept".into();
        let demo = of_demo(config, Path::new("/srv/floor"));
        assert_eq!(demo.data_dir(), Path::new("/srv/floor/data"));
        assert_eq!(demo.storage_url(), "file:///etc/telehub/kept");
    }
}
