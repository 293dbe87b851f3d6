//! What the web face can be told from outside.

/// Addresses, keys and limits of the web face.
#[derive(Clone)]
pub struct Config {
    /// Address users type, `https://desk.example.in`; its origin may use the API and the live
    /// socket beside the request's own host.
    pub public_url: Option<String>,
    /// Served over TLS: tell browsers to stay there (HSTS).
    pub tls: bool,
    /// Signs access tokens and recording links; 32 random bytes of this installation.
    pub token_key: [u8; 32],
    /// Path of SIP over WebSocket (RFC 7118).
    pub ws_path: String,
    /// ISO letters of the country that national numbers belong to.
    pub country: String,
    /// Version shown by health and OpenAPI.
    pub version: String,
    /// Requests that are let through.
    pub limits: Limits,
}

/// Requests that are let through (API-08).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// By one signed-in user in a minute.
    pub per_user: u32,
    /// From one address in a minute before it signs in: an office shares one.
    pub per_address: u32,
    /// Largest body in bytes.
    pub body_bytes: usize,
    /// Longest time a handler may take, seconds.
    pub handler_s: u64,
    /// Password checks at once: each takes a core and 19 MiB.
    pub password_checks: usize,
    /// Live sockets of one user at once.
    pub sockets_per_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user: 600,
            per_address: 1000,
            body_bytes: 256 * 1024,
            handler_s: 20,
            password_checks: 4,
            sockets_per_user: 20,
        }
    }
}

impl Config {
    /// Defaults around a key.
    pub fn new(token_key: [u8; 32]) -> Self {
        Self {
            public_url: None,
            tls: false,
            token_key,
            ws_path: "/sip".to_owned(),
            country: "IN".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            limits: Limits::default(),
        }
    }

    /// Whether browsers reach us over TLS only.
    pub(crate) fn secure(&self) -> bool {
        self.tls || self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("public_url", &self.public_url)
            .field("tls", &self.tls)
            .field("ws_path", &self.ws_path)
            .finish_non_exhaustive()
    }
}
