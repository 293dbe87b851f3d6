//! The configuration: one TOML file, every key also as `TELEHUB_<SECTION>_<KEY>`, unknown keys
//! refused. Defaults give a working single machine.

use super::logging;
use crm::numbers::{EmergencyNumbers, calling_code};
use crm::outreach::MailConfig;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:ident: $type:ty = $default:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name { $($(#[$key_doc])* pub(crate) $key: $type),+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default.into()),+ }
            }
        }
    )+};
}

sections! {
    /// Web, API, live socket and SIP over WebSocket.
    Http {
        listen: String = "0.0.0.0:4055",
        /// As users see it; empty: derived from `listen`.
        public_url: String = "",
        tls_cert: String = "",
        tls_key: String = "",
    }
    /// Signalling. Addresses are comma separated; empty is off.
    Sip {
        udp: String = "0.0.0.0:5060",
        tcp: String = "0.0.0.0:5060",
        tls: String = "",
        tls_cert: String = "",
        tls_key: String = "",
        /// PEM of further authorities trusted when calling carriers by TLS.
        tls_ca: String = "",
        /// PEM of authorities whose client certificates identify carriers.
        tls_client_ca: String = "",
        ws_path: String = "/sip",
        domain: String = "",
        external_ip: String = "",
        /// Name servers asked for carriers' names, comma separated; empty: the system's.
        dns_servers: String = "",
        /// Digest algorithms offered to phones, comma separated.
        digest: String = "MD5",
    }
    /// Media ports.
    Rtp {
        listen: String = "0.0.0.0",
        external_ip: String = "",
        port_min: u16 = 20_000_u16,
        port_max: u16 = 29_999_u16,
    }
    /// SQLite by default, PostgreSQL by URL.
    Database { url: String = "sqlite://data/telehub.db" }
    /// Recordings, prompts, photos, invoices.
    Storage { url: String = "file://data/objects" }
    /// Speech to text.
    Whisper {
        model: String = "",
        threads: u16 = 0_u16,
        language: String = "auto",
    }
    /// An OpenAI-compatible service.
    Assist {
        url: String = "",
        key: String = "",
        model_fast: String = "",
        model_live: String = "",
    }
    /// Letters about signing in.
    Mail {
        /// `smtps://user:secret@host`, `smtp://user:secret@host:587?tls=required`; empty: off.
        url: String = "",
        /// `TeleHub <desk@example.in>`.
        from: String = "",
    }
    /// Limits of calls.
    Calls {
        drain_timeout_s: u64 = 300_u64,
        max_duration_s: u64 = 7200_u64,
        default_country: String = "IN",
        /// Emergency numbers, comma separated, the common one first; empty: those of the country.
        emergency_numbers: String = "",
    }
    /// What is logged and how.
    Log {
        format: String = "text",
        filter: String = "info",
    }
}

/// Everything that can be set. Field names are the sections and keys of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) http: Http,
    pub(crate) sip: Sip,
    pub(crate) rtp: Rtp,
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    pub(crate) whisper: Whisper,
    pub(crate) assist: Assist,
    pub(crate) mail: Mail,
    pub(crate) calls: Calls,
    pub(crate) log: Log,
    /// Folder that relative paths start from: that of the file, else the current one.
    #[serde(skip)]
    pub(crate) base: PathBuf,
    /// Where everything of ours lies when the database is no file; empty: `data`.
    #[serde(skip)]
    pub(crate) data: PathBuf,
    #[serde(skip)]
    origin: Origin,
}

/// Where the values came from, to blame the right place for a bad one.
#[derive(Clone, Debug)]
struct Origin {
    /// The file, or `defaults`.
    name: String,
    /// `[section] key` and the variable that outranked the file.
    variables: BTreeMap<String, String>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { name: "defaults".into(), variables: BTreeMap::new() }
    }
}

impl Origin {
    fn fault(&self, key: &str, reason: impl fmt::Display) -> ConfigError {
        let (source, key) = match self.variables.get(key) {
            Some(variable) => ("environment", variable.as_str()),
            None => (self.name.as_str(), key),
        };
        ConfigError { source: source.into(), key: key.into(), reason: reason.to_string() }
    }
}

/// A bad setting: where it stands, which key, and why it cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    pub(crate) source: String,
    pub(crate) key: String,
    pub(crate) reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.source, self.key, self.reason)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file (where given), lays the environment over it, and checks every value.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (name, text, base) = match file {
            None => (String::from("defaults"), String::new(), PathBuf::new()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|e| ConfigError {
                    source: name.clone(),
                    key: "file".into(),
                    reason: e.to_string(),
                })?;
                (name, text, path.parent().map(Path::to_path_buf).unwrap_or_default())
            }
        };
        let mut config = Self::merge(&name, &text, environment)?;
        config.base = base;
        config.check()?;
        Ok(config)
    }

    /// A bad value of `[section] key`, blamed on the file or the variable that it came from.
    pub(crate) fn fault(&self, key: &str, reason: impl fmt::Display) -> ConfigError {
        self.origin.fault(key, reason)
    }

    fn merge(
        name: &str,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let error = |key: &str, reason: String| ConfigError {
            source: name.into(),
            key: key.into(),
            reason,
        };
        let mut table: toml::Table = text
            .parse()
            .map_err(|e: toml::de::Error| error("syntax", e.to_string().trim().to_owned()))?;
        let schema =
            toml::Table::try_from(Self::default()).map_err(|e| error("defaults", e.to_string()))?;
        for (section, value) in &table {
            let Some(known) = schema.get(section).and_then(toml::Value::as_table) else {
                return Err(error(section, "unknown section".into()));
            };
            let Some(given) = value.as_table() else {
                return Err(error(section, "is a section, not a value".into()));
            };
            for key in given.keys() {
                if !known.contains_key(key) {
                    return Err(error(&format!("[{section}] {key}"), "unknown key".into()));
                }
            }
        }
        let mut origin = Origin { name: name.into(), variables: BTreeMap::new() };
        for (variable, value) in environment {
            if let Some(key) = lay_over(&mut table, &schema, &variable, &value)? {
                origin.variables.insert(key, variable);
            }
        }
        let mut config: Self = match table.clone().try_into() {
            Ok(config) => config,
            Err(error) => return Err(misfit(&table, &origin, &error)),
        };
        config.origin = origin;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.check_addresses()
            .and_then(|()| self.check_rest())
            .map_err(|(key, reason)| self.fault(key, reason))
    }

    fn check_addresses(&self) -> Result<(), (&'static str, String)> {
        parse_listen(&self.http.listen).map_err(|r| ("[http] listen", r))?;
        parse_listen_list(&self.sip.udp).map_err(|r| ("[sip] udp", r))?;
        parse_listen_list(&self.sip.tcp).map_err(|r| ("[sip] tcp", r))?;
        parse_listen_list(&self.sip.tls).map_err(|r| ("[sip] tls", r))?;
        parse_listen_list(&self.sip.dns_servers).map_err(|r| ("[sip] dns_servers", r))?;
        for (key, value) in [
            ("[sip] external_ip", &self.sip.external_ip),
            ("[rtp] external_ip", &self.rtp.external_ip),
        ] {
            if !value.is_empty() && value.parse::<IpAddr>().is_err() {
                return Err((key, format!("'{value}' is no IP address")));
            }
        }
        if self.rtp.listen.parse::<IpAddr>().is_err() {
            return Err(("[rtp] listen", format!("'{}' is no IP address", self.rtp.listen)));
        }
        Ok(())
    }

    fn check_rest(&self) -> Result<(), (&'static str, String)> {
        if self.http.tls_cert.is_empty() != self.http.tls_key.is_empty() {
            return Err(("[http] tls_cert", "tls_cert and tls_key go together".into()));
        }
        if !self.sip.tls.is_empty() && (self.sip.tls_cert.is_empty() || self.sip.tls_key.is_empty())
        {
            return Err(("[sip] tls", "needs tls_cert and tls_key".into()));
        }
        let known = ["MD5", "SHA-256", "SHA-512-256"];
        if self.sip.digest.is_empty() || !self.digest().iter().all(|d| known.contains(&d.as_str()))
        {
            return Err(("[sip] digest", format!("must list some of {}", known.join(", "))));
        }
        let own = &self.calls.emergency_numbers;
        if !own.is_empty() && EmergencyNumbers::parse(own).is_err() {
            return Err(("[calls] emergency_numbers", "must be numbers of 3 to 6 digits".into()));
        }
        let country = &self.calls.default_country;
        if calling_code(country).is_none() {
            return Err((
                "[calls] default_country",
                format!("'{country}' is no country code such as IN"),
            ));
        }
        if !self.sip.ws_path.starts_with('/') {
            return Err(("[sip] ws_path", "must begin with /".into()));
        }
        if self.rtp.port_min < 1024 {
            return Err(("[rtp] port_min", "must be 1024 or more".into()));
        }
        if self.rtp.port_max <= self.rtp.port_min.saturating_add(10) {
            return Err(("[rtp] port_max", "must be more than port_min + 10".into()));
        }
        let known = |url: &str, schemes: &[&str]| schemes.iter().any(|s| url.starts_with(s));
        if !known(&self.database.url, &["sqlite://", "postgres://", "postgresql://"]) {
            return Err(("[database] url", "must be sqlite://… or postgres://…".into()));
        }
        if !known(&self.storage.url, &["file://", "s3://"]) {
            return Err(("[storage] url", "must be file://… or s3://bucket/prefix".into()));
        }
        if let Some(mail) = self.mail_config("") {
            mail.check_url().map_err(|error| ("[mail] url", error.to_string()))?;
            mail.check_from().map_err(|error| ("[mail] from", error.to_string()))?;
        }
        if !["text", "json"].contains(&self.log.format.as_str()) {
            return Err(("[log] format", "must be text or json".into()));
        }
        logging::filter(&self.log.filter).map_err(|reason| ("[log] filter", reason))?;
        Ok(())
    }

    /// Where mail is handed in; nothing where it is off.
    pub(crate) fn mail_config(&self, desk: &str) -> Option<MailConfig> {
        let Mail { url, from } = self.mail.clone();
        (!url.is_empty()).then(|| MailConfig { url, from, desk: desk.to_owned() })
    }

    /// What is dialled for help here.
    pub(crate) fn emergency_numbers(&self) -> EmergencyNumbers {
        EmergencyNumbers::parse(&self.calls.emergency_numbers)
            .unwrap_or_else(|_| EmergencyNumbers::of_country(&self.calls.default_country))
    }

    /// What international numbers of the default country begin with.
    pub(crate) fn country_code(&self) -> u16 {
        // A country without one was refused when the configuration was read.
        calling_code(&self.calls.default_country).unwrap_or(0)
    }

    /// Digest algorithms offered to phones.
    pub(crate) fn digest(&self) -> Vec<String> {
        self.sip.digest.split(',').map(|name| name.trim().to_owned()).collect()
    }

    /// A path of the configuration, taken from the base folder where relative.
    pub(crate) fn path(&self, value: &str) -> PathBuf {
        self.base.join(value)
    }

    /// The folder everything of ours lies in: that of the database file, else `data`.
    pub(crate) fn data_dir(&self) -> PathBuf {
        match self.database.url.strip_prefix("sqlite://") {
            Some(file) => {
                let file = self.path(file.split('?').next().unwrap_or(file));
                file.parent().map(Path::to_path_buf).unwrap_or_default()
            }
            None if self.data.as_os_str().is_empty() => self.path("data"),
            None => self.data.clone(),
        }
    }

    /// The database URL with its path taken from the base folder.
    pub(crate) fn database_url(&self) -> String {
        match self.database.url.strip_prefix("sqlite://") {
            Some(file) => format!("sqlite://{}", self.path(file).display()),
            None => self.database.url.clone(),
        }
    }

    /// The storage URL with its path taken from the base folder.
    pub(crate) fn storage_url(&self) -> String {
        match self.storage.url.strip_prefix("file://") {
            Some(folder) => format!("file://{}", self.path(folder).display()),
            None => self.storage.url.clone(),
        }
    }
}

/// Which of the values is of the wrong kind: the first that cannot stand alone.
fn misfit(table: &toml::Table, origin: &Origin, error: &toml::de::Error) -> ConfigError {
    for (section, values) in table {
        for (key, value) in values.as_table().into_iter().flatten() {
            let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
            let alone = toml::Table::from_iter([(section.clone(), alone.into())]);
            if let Err(error) = alone.try_into::<Config>() {
                return origin.fault(&format!("[{section}] {key}"), error.message());
            }
        }
    }
    origin.fault("value", error.message())
}

/// Lays a variable over the file; tells the `[section] key` that it set.
fn lay_over(
    table: &mut toml::Table,
    schema: &toml::Table,
    variable: &str,
    value: &str,
) -> Result<Option<String>, ConfigError> {
    let Some(rest) = variable.strip_prefix("TELEHUB_") else { return Ok(None) };
    let Some((section, key)) = rest.split_once('_') else { return Ok(None) };
    let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
    // Variables of other purposes (TELEHUB_DEMO_PASSWORD …) name no section of ours.
    let Some(known) = schema.get(&section).and_then(toml::Value::as_table) else { return Ok(None) };
    let error =
        |reason: String| ConfigError { source: "environment".into(), key: variable.into(), reason };
    let Some(default) = known.get(&key) else {
        return Err(error(format!("[{section}] has no key {key}")));
    };
    let typed = if default.is_integer() {
        toml::Value::Integer(value.parse().map_err(|_| error(format!("'{value}' is no number")))?)
    } else {
        toml::Value::String(value.to_owned())
    };
    let name = format!("[{section}] {key}");
    let entry = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let Some(entry) = entry.as_table_mut() {
        entry.insert(key, typed);
    }
    Ok(Some(name))
}

/// One socket address.
pub(crate) fn parse_listen(value: &str) -> Result<SocketAddr, String> {
    value.trim().parse().map_err(|_| format!("'{value}' is no address:port"))
}

/// Socket addresses, comma separated; empty is none.
pub(crate) fn parse_listen_list(value: &str) -> Result<Vec<SocketAddr>, String> {
    value.split(',').filter(|v| !v.trim().is_empty()).map(parse_listen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let config = Config::merge("test.toml", text, environment)?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn an_empty_file_gives_the_documented_defaults() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.http.listen, "0.0.0.0:4055");
        assert_eq!(config.sip.udp, "0.0.0.0:5060");
        assert_eq!((config.rtp.port_min, config.rtp.port_max), (20_000, 29_999));
        assert_eq!(config.database.url, "sqlite://data/telehub.db");
        assert_eq!(config.calls.drain_timeout_s, 300);
        assert_eq!(config.data_dir(), Path::new("data"));
    }

    #[test]
    fn the_environment_outranks_the_file() {
        let config = load(
            "[rtp]\nport_min = 30000\nport_max = 31000",
            &[("TELEHUB_RTP_PORT_MIN", "30100"), ("TELEHUB_DEMO_PASSWORD", "x"), ("HOME", "/h")],
        )
        .unwrap();
        assert_eq!((config.rtp.port_min, config.rtp.port_max), (30_100, 31_000));
    }

    #[test]
    fn errors_name_source_key_and_reason() {
        let cases = [
            ("[sip]\nudpp = \"x\"", "test.toml: [sip] udpp: unknown key"),
            ("[spi]\nudp = \"x\"", "test.toml: spi: unknown section"),
            ("[sip]\nudp = \"nowhere\"", "test.toml: [sip] udp: 'nowhere' is no address:port"),
            ("[log]\nformat = \"xml\"", "test.toml: [log] format: must be text or json"),
            ("[mail]\nurl = \"smtp://localhost\"", "test.toml: [mail] from: is no e-mail address"),
            (
                "[mail]\nurl = \"smtp://mail.example.in\"\nfrom = \"a@b.in\"",
                "test.toml: [mail] url: smtp:// to another machine needs ?tls=required, or smtps://",
            ),
            ("[sip]\ntls = \"0.0.0.0:5061\"", "test.toml: [sip] tls: needs tls_cert and tls_key"),
            (
                "[calls]\ndefault_country = \"Bharat\"",
                "test.toml: [calls] default_country: 'Bharat' is no country code such as IN",
            ),
            (
                "[rtp]\nport_max = 20005",
                "test.toml: [rtp] port_max: must be more than port_min + 10",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(load(text, &[]).unwrap_err().to_string(), expected);
        }
        let error = load("", &[("TELEHUB_HTTP_LISTN", "x")]).unwrap_err();
        assert_eq!(error.to_string(), "environment: TELEHUB_HTTP_LISTN: [http] has no key listn");
        let error = load("", &[("TELEHUB_RTP_PORT_MIN", "many")]).unwrap_err();
        assert_eq!(error.to_string(), "environment: TELEHUB_RTP_PORT_MIN: 'many' is no number");
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_key() {
        for (text, key) in [
            ("[http]\nlisten = 4055", "[http] listen"),
            ("[rtp]\nport_min = \"many\"", "[rtp] port_min"),
            ("[rtp]\nport_min = 20000\nport_max = 70000", "[rtp] port_max"),
            ("[calls]\ndrain_timeout_s = -1", "[calls] drain_timeout_s"),
            ("[log]\nfilter = \"telehub=loud\"", "[log] filter"),
        ] {
            let error = load(text, &[]).unwrap_err();
            assert_eq!((error.source.as_str(), error.key.as_str()), ("test.toml", key), "{error}");
        }
    }

    #[test]
    fn a_bad_variable_is_blamed_and_not_the_file() {
        for (variable, value) in [
            ("TELEHUB_SIP_UDP", "nowhere"),
            ("TELEHUB_RTP_PORT_MAX", "70000"),
            ("TELEHUB_CALLS_DEFAULT_COUNTRY", "XX"),
            ("TELEHUB_LOG_FILTER", "telehub=loud"),
            ("TELEHUB_DATABASE_URL", "mysql://x"),
        ] {
            let error = load("[sip]\nudp = \"127.0.0.1:5060\"", &[(variable, value)]).unwrap_err();
            assert_eq!((error.source.as_str(), error.key.as_str()), ("environment", variable));
        }
    }

    #[test]
    fn relative_paths_start_at_the_folder_of_the_file() {
        let mut config = load("", &[]).unwrap();
        config.base = PathBuf::from("/etc/telehub");
        assert_eq!(config.database_url(), "sqlite:///etc/telehub/data/telehub.db");
        assert_eq!(config.storage_url(), "file:///etc/telehub/data/objects");
        assert_eq!(config.data_dir(), Path::new("/etc/telehub/data"));
    }
}
