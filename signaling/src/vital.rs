//! Parts that must not end while the switch lives. Without one of them the process still looks well and serves nobody,
//! so the end of one is told to everybody who watches over the process.

use std::time::Duration;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether threads that are no tasks still run.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the switch cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Listeners, the SIP task, the follower of trunks.
    Sip,
    /// Threads of the media engine.
    Media,
}

impl Part {
    /// As health names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Media => "media",
        }
    }
}

/// Watches over tasks. Cheap to clone; all clones tell the same.
#[derive(Clone, Debug)]
pub(crate) struct Vital {
    ended: watch::Sender<Option<Part>>,
    closing: CancellationToken,
    /// Not the thread of those who are watched: it may end with them.
    watchers: Handle,
}

impl Vital {
    /// What ends after `closing` was meant to.
    pub(crate) fn new(closing: CancellationToken, watchers: Handle) -> Self {
        Self { ended: watch::Sender::new(None), closing, watchers }
    }

    /// A task that ends only when the switch does.
    pub(crate) fn task(&self, part: Part, name: &'static str, task: JoinHandle<()>) {
        let vital = self.clone();
        self.watchers.spawn(async move {
            let why = match task.await {
                Ok(()) => "it returned".to_owned(),
                Err(error) => error.to_string(),
            };
            vital.over(part, name, &why);
        });
    }

    /// Something that can only be asked whether it still runs.
    pub(crate) fn asked(
        &self,
        part: Part,
        name: &'static str,
        runs: impl Fn() -> bool + Send + 'static,
    ) {
        let vital = self.clone();
        self.watchers.spawn(async move {
            let mut tick = tokio::time::interval(LOOK_EVERY);
            loop {
                tokio::select! {
                    () = vital.closing.cancelled() => return,
                    _ = tick.tick() => {}
                }
                if !runs() {
                    return vital.over(part, name, "it ended");
                }
            }
        });
    }

    fn over(&self, part: Part, name: &str, why: &str) {
        if self.closing.is_cancelled() {
            return;
        }
        tracing::error!(part = part.as_str(), name, why, "a vital part of the switch ended");
        self.ended.send_modify(|ended| *ended = ended.or(Some(part)));
    }

    /// The first part that ended, if one did.
    pub(crate) fn broken(&self) -> Option<Part> {
        *self.ended.borrow()
    }

    /// Waits until a part ends.
    pub(crate) async fn wait(&self) -> Part {
        let mut ended = self.ended.subscribe();
        loop {
            if let Some(part) = *ended.borrow_and_update() {
                return part;
            }
            if ended.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    use tokio::{task::yield_now, time::timeout};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn vital() -> Vital {
        Vital::new(CancellationToken::new(), Handle::current())
    }

    /// All that can run without waiting has run.
    async fn settled() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_or_returns_is_told() {
        for panics in [true, false] {
            let vital = vital();
            let (go, gone) = tokio::sync::oneshot::channel::<()>();
            let task = tokio::spawn(async move {
                let _ = gone.await;
                assert!(!panics, "as if the SIP task had a fault");
            });
            vital.task(Part::Sip, "a task", task);
            settled().await;
            assert_eq!(vital.broken(), None, "it still runs");
            go.send(()).expect("it waits");
            assert_eq!(timeout(PATIENCE, vital.wait()).await, Ok(Part::Sip));
            assert_eq!(vital.broken(), Some(Part::Sip));
        }
    }

    #[tokio::test]
    async fn threads_are_asked_and_the_first_that_ended_stays_named() {
        let vital = vital();
        let runs = Arc::new(AtomicBool::new(true));
        let asked = runs.clone();
        vital.asked(Part::Media, "threads", move || asked.load(Ordering::Relaxed));
        settled().await;
        assert_eq!(vital.broken(), None);
        runs.store(false, Ordering::Relaxed);
        assert_eq!(timeout(PATIENCE, vital.wait()).await, Ok(Part::Media));
        vital.task(Part::Sip, "a task", tokio::spawn(async {}));
        settled().await;
        assert_eq!(vital.broken(), Some(Part::Media));
    }

    #[tokio::test]
    async fn what_ends_because_the_switch_closes_is_no_fault() {
        let vital = vital();
        let closing = vital.closing.clone();
        let until = closing.clone();
        vital.task(Part::Sip, "a task", tokio::spawn(async move { until.cancelled().await }));
        closing.cancel();
        vital.asked(Part::Media, "threads", || false);
        settled().await;
        assert_eq!(vital.broken(), None);
    }
}
