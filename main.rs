//! TeleHub's entry point.
fn main() {}
