//! HTTP API, sign-in, live socket and the embedded desk.
