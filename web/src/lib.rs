//! The web face: API under `/api/v1`, sign-in, live socket, SIP-over-WebSocket door, embedded desk.

mod access;
mod openapi;
mod problem;
mod routes;
pub mod shapes;

pub use openapi::{openapi, openapi_text};

/// What handlers reach.
#[derive(Clone)]
pub struct AppState;

#[cfg(test)]
mod tests {
    /// The UI's client is generated from this file.
    #[test]
    fn the_stored_openapi_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/openapi.json");
        let current = crate::openapi_text();
        if std::env::var_os("TELEHUB_WRITE_OPENAPI").is_some() {
            std::fs::write(path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap();
        assert!(stored == current, "run: TELEHUB_WRITE_OPENAPI=1 cargo test -p web openapi");
    }
}
