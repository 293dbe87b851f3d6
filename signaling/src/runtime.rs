//! The thread that signalling runs on.
//!
//! UDP receivers, the SIP task and the calls wake each other several times for every message. On one thread a wake-up
//! is an entry in a queue; between threads it is a system call, a switch of the core and a cold cache, which together
//! cost more than the work they announce. Streams stay on the process's own runtime: a TLS handshake computes for
//! longer than hundreds of messages take, and would hold them up.

use std::{
    cell::Cell,
    convert::Infallible,
    io,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// Under load the thread rests this long before it looks for work again, so that one wake-up serves several messages.
const REST: Duration = Duration::from_millis(1);
/// It is under load when it ran dry this many times within [`WATCHED`].
const BUSY: u32 = 20;
const WATCHED: Duration = Duration::from_millis(20);

/// Rests before the thread would sleep, when it would be woken again at once. A quiet switch answers at once.
fn rest_under_load() {
    thread_local! {
        /// When the watch began, how often it ran dry since, and whether it was busy in the watch before.
        static LOAD: Cell<(Option<Instant>, u32, bool)> = const { Cell::new((None, 0, false)) };
    }
    let now = Instant::now();
    let (began, dry, busy) = LOAD.get();
    let load = match began {
        Some(began) if now.saturating_duration_since(began) < WATCHED => {
            (Some(began), dry + 1, busy)
        }
        Some(began) => {
            let stale = now.saturating_duration_since(began) >= WATCHED * 2;
            (Some(now), 1, dry >= BUSY && !stale)
        }
        None => (Some(now), 1, false),
    };
    LOAD.set(load);
    if load.2 {
        std::thread::sleep(REST);
    }
}

/// The running thread; it ends, with every task on it, when this is dropped.
#[derive(Debug)]
pub(crate) struct SignallingThread {
    tasks: Handle,
    _running: oneshot::Sender<Infallible>,
}

impl SignallingThread {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_park(rest_under_load).build()?;
        let tasks = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        std::thread::Builder::new().name("signalling".to_owned()).spawn(move || {
            // Nothing is ever sent: the other end was dropped.
            let _ = runtime.block_on(ended);
            // Whatever still blocks (a name server of the system) is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { tasks, _running: running })
    }

    /// Where tasks of signalling are started.
    pub(crate) fn tasks(&self) -> Handle {
        self.tasks.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{Arc, Weak},
        time::{Duration, Instant},
    };

    #[test]
    fn tasks_run_on_the_one_thread_and_end_with_it() {
        let thread = SignallingThread::start().expect("a thread");
        let held = Arc::new(());
        let alive: Weak<()> = Arc::downgrade(&held);
        let (tell, told) = std::sync::mpsc::channel();
        thread.tasks().spawn(async move {
            let name = std::thread::current().name().map(str::to_owned);
            tell.send(name).expect("the test waits");
            std::future::pending::<()>().await;
            drop(held);
        });
        let name = told.recv_timeout(Duration::from_secs(10)).expect("it runs");
        assert_eq!(name.as_deref(), Some("signalling"));
        drop(thread);
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive.upgrade().is_some() {
            assert!(Instant::now() < deadline, "the task outlives its thread");
            std::thread::yield_now();
        }
    }
}
