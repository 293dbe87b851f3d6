//! What browsers are told on every answer (SEC-10, F23).

use crate::Config;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The desk: own scripts and styles only, nothing inline.
const DESK: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; \
worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
frame-ancestors 'none'; object-src 'none'";

/// The API: nothing at all.
const API: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Swagger UI: own scripts; it sets styles inline.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
form-action 'none'; frame-ancestors 'none'; object-src 'none'";

pub(crate) fn secure(headers: &mut HeaderMap, path: &str, config: &Config) {
    let policy = if path.starts_with("/docs") {
        DOCS
    } else if path.starts_with("/api") || path == "/health" || path == "/metrics" {
        API
    } else {
        DESK
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), geolocation=(self), camera=(self), payment=(), usb=(), \
             display-capture=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if config.secure() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
