//! Lets another crate panic without ending the run: its panics are not our findings.

use std::{cell::Cell, sync::Once};

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Runs `ask`, which catches the panics of what it calls.
pub(crate) fn while_asking_another<T>(ask: impl FnOnce() -> T) -> T {
    // The fuzzer's own hook aborts at once, before anybody can catch.
    HOOK.call_once(|| {
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !ASKING.get() {
                abort(info);
            }
        }));
    });
    ASKING.set(true);
    let answer = ask();
    ASKING.set(false);
    answer
}
