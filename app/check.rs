//! `telehub check`: what would be opened.

use super::{
    config::{Config, parse_listen_list},
    say,
};
use std::path::Path;

/// Prints what the configuration amounts to. Files it names must be readable.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    for (key, file) in [
        ("[http] tls_cert", &config.http.tls_cert),
        ("[http] tls_key", &config.http.tls_key),
        ("[sip] tls_cert", &config.sip.tls_cert),
        ("[sip] tls_key", &config.sip.tls_key),
        ("[whisper] model", &config.whisper.model),
    ] {
        if !file.is_empty() {
            readable(key, &config.path(file))?;
        }
    }
    let scheme = if config.http.tls_cert.is_empty() { "http" } else { "https" };
    say(&format!("web, API, live socket  {scheme}://{}", config.http.listen));
    say(&format!("SIP over WebSocket     {} on the web port", config.sip.ws_path));
    for (name, list) in
        [("UDP", &config.sip.udp), ("TCP", &config.sip.tcp), ("TLS", &config.sip.tls)]
    {
        for address in parse_listen_list(list).map_err(anyhow::Error::msg)? {
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

fn readable(key: &str, path: &Path) -> anyhow::Result<()> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => anyhow::bail!("{key}: {}: {error}", path.display()),
    }
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
