//! Calls: placing, records, control, outcome, audio.

pub(crate) mod control;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod person;
pub(crate) mod recording;
pub(crate) mod start;
