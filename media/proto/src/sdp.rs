//! Session descriptions: offer and answer (RFC 3264, RFC 8866).

/// Direction of a media stream, seen from us (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// Both ways.
    SendRecv,
    /// We only send.
    SendOnly,
    /// We only receive.
    RecvOnly,
    /// Nothing flows.
    Inactive,
}
