//! Size bounds, each with its answer (A09). They are checked before anything is allocated per header.

/// How large a message may be. Generous against real traffic (an INVITE with a PASSporT and a WebRTC offer is 8 KB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Start line and headers together; more is answered 513.
    pub head_max: usize,
    /// One header field with its continuation lines; more is answered 513.
    pub field_max: usize,
    /// The start line; more is answered 414.
    pub start_line_max: usize,
    /// Header fields; more is answered 513.
    pub fields_max: usize,
    /// Via values; more is answered 400: Max-Forwards begins at 70, so no honest path is longer.
    pub vias_max: usize,
    /// Contact values; more is answered 400.
    pub contacts_max: usize,
    /// The body; more is answered 413.
    pub body_max: usize,
}

impl Limits {
    /// What the switch uses.
    pub const DEFAULT: Self = Self {
        head_max: 16 * 1024,
        field_max: 4 * 1024,
        start_line_max: 2 * 1024,
        fields_max: 128,
        vias_max: 70,
        contacts_max: 32,
        body_max: 32 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
