//! `telehub check`: what would be opened.

use super::{
    config::{Config, ConfigError, parse_listen_list},
    pem, say,
};

/// Prints what the configuration amounts to. Files it names must be usable.
pub(crate) fn run(config: &Config) -> Result<(), ConfigError> {
    pem::check(config)?;
    if !config.whisper.model.is_empty() {
        let path = config.path(&config.whisper.model);
        std::fs::File::open(&path).map_err(|error| {
            config.fault("[whisper] model", format!("{}: {error}", path.display()))
        })?;
    }
    let scheme = if config.http.tls_cert.is_empty() { "http" } else { "https" };
    say(&format!("web, API, live socket  {scheme}://{}", config.http.listen));
    say(&format!("SIP over WebSocket     {} on the web port", config.sip.ws_path));
    for (name, key, list) in [
        ("UDP", "[sip] udp", &config.sip.udp),
        ("TCP", "[sip] tcp", &config.sip.tcp),
        ("TLS", "[sip] tls", &config.sip.tls),
    ] {
        for address in parse_listen_list(list).map_err(|reason| config.fault(key, reason))? {
            say(&format!("SIP {name}                {address}"));
        }
    }
    say(&format!(
        "RTP                    {} ports {}–{}",
        config.rtp.listen, config.rtp.port_min, config.rtp.port_max
    ));
    say(&format!("database               {}", without_secret(&config.database_url())));
    say(&format!("recordings             {}", config.storage_url()));
    say(&format!("data folder            {}", config.data_dir().display()));
    let mail = match config.mail.url.as_str() {
        "" => "off".to_owned(),
        url => without_secret(url),
    };
    say(&format!("mail                   {mail}"));
    let speech = if config.whisper.model.is_empty() { "off" } else { &config.whisper.model };
    say(&format!("speech to text         {speech}"));
    Ok(())
}

/// `postgres://user:•••@host/name`.
fn without_secret(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (credentials, host))) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:•••@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_password_is_not_printed() {
        assert_eq!(without_secret("postgres://hub:pw@db/telehub"), "postgres://hub:•••@db/telehub");
        assert_eq!(without_secret("sqlite://data/telehub.db"), "sqlite://data/telehub.db");
    }
}
