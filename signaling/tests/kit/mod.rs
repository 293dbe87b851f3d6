//! What the tests of the switch share: a directory in memory, scripted phones, a switch on
//! random loopback ports.
// Each test file uses a part; in scripts, events that do not matter are let pass.
#![allow(dead_code, unreachable_pub, unused_imports, clippy::wildcard_enum_match_arm)]

pub mod directory;
#[path = "../../../tests/kit/src/names.rs"]
pub mod names;
mod phone;

pub use directory::{MemoryDirectory, extension, trunk};
pub use phone::{Call, Phone, sdp};

use call::{
    CallCommand, CallEventKind, E164, ExtensionTarget, NodeId, Originate, RecordPlan, Target,
    TenantId,
};
use signaling::{StampedEvent, Switch, SwitchConfig};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The tenant of all tests.
pub fn tenant() -> TenantId {
    TenantId::from_parts(1_763_000_000_000, &[1; 10])
}

/// A click on the number of the first trunk's subscriber, for the phone 101.
pub fn originate(directory: &MemoryDirectory, call: call::CallId) -> CallCommand {
    let agent = extension("101");
    let number = E164::parse("+919812340001").expect("number");
    let routes = directory.trunk_targets(&number).into_iter().filter_map(|target| match target {
        Target::Trunk(target) => Some(target),
        Target::Extension(_) => None,
    });
    CallCommand::Originate(Box::new(Originate {
        tenant: tenant(),
        call,
        agent: ExtensionTarget { extension: agent.extension, user: None, aor: agent.aor },
        lead: None,
        campaign: None,
        to: number.into(),
        routes: routes.collect(),
        display_name: Some("Asha".into()),
        agent_ring_timeout_ms: 20_000,
        ring_timeout_ms: 20_000,
        max_duration_ms: 600_000,
        record: RecordPlan { enabled: true, ..RecordPlan::default() },
    }))
}

/// A journal in memory: everything is written at once, unless it is told to be slow.
#[derive(Clone, Default)]
pub struct Journal {
    /// `Some`: what is to be written waits, and so does whoever waits for it.
    held: Arc<Mutex<Option<Vec<oneshot::Sender<()>>>>>,
}

impl Journal {
    /// From now on nothing is written.
    pub fn hold(&self) {
        self.held.lock().expect("lock").get_or_insert_default();
    }

    /// Everything held is written, and so is what comes.
    pub fn release(&self) {
        for receipt in self.held.lock().expect("lock").take().into_iter().flatten() {
            let _ = receipt.send(());
        }
    }

    fn write(&self, mut from: mpsc::Receiver<StampedEvent>) -> mpsc::Receiver<StampedEvent> {
        let (out, events) = mpsc::channel(4096);
        let held = self.held.clone();
        tokio::spawn(async move {
            while let Some(mut stamped) = from.recv().await {
                if let Some(receipt) = stamped.receipt.take() {
                    match &mut *held.lock().expect("lock") {
                        Some(held) => held.push(receipt),
                        None => drop(receipt.send(())),
                    }
                }
                let _ = out.send(stamped).await;
            }
        });
        events
    }
}

/// A running switch and what it said.
pub struct Floor {
    pub switch: Switch,
    pub directory: Arc<MemoryDirectory>,
    pub events: mpsc::Receiver<StampedEvent>,
    pub journal: Journal,
    pub udp: SocketAddr,
    pub spool: tempfile::TempDir,
}

impl Floor {
    /// With these extensions and trunks, on UDP and TCP of loopback.
    pub async fn open(directory: Arc<MemoryDirectory>) -> Self {
        Self::open_with(directory, |_| {}).await
    }

    pub async fn open_with(
        directory: Arc<MemoryDirectory>,
        change: impl FnOnce(&mut SwitchConfig),
    ) -> Self {
        let spool = tempfile::tempdir().expect("folder");
        let node = NodeId::from_parts(1, &[9; 10]);
        let mut config = SwitchConfig::new(node, spool.path().to_owned());
        let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
        (config.udp, config.tcp) = (vec![loopback], vec![loopback]);
        change(&mut config);
        let media = media::Config {
            listen: [127, 0, 0, 1].into(),
            port_min: 0,
            port_max: 0,
            workers: 1,
            // These phones are mute: what ends their calls is what the tests are about.
            dead_media_ms: 120_000,
            ..media::Config::default()
        };
        // Tests run side by side: each takes a range of its own.
        let first = 30_000 + (rand::random::<u16>() % 250) * 100;
        let media = media::Config { port_min: first, port_max: first + 99, ..media };
        let (out, written) = mpsc::channel(4096);
        let journal = Journal::default();
        let events = journal.write(written);
        let switch = Switch::start(config, directory.clone(), media, out).await.expect("starts");
        let udp = switch.listening().udp[0];
        Self { switch, directory, events, journal, udp, spool }
    }

    /// A phone that registered.
    pub async fn registered(&self, number: &str) -> Phone {
        let phone = Phone::new(number, self.udp).await;
        assert_eq!(phone.register(600).await, 200);
        phone
    }

    /// Reads events until one fits.
    pub async fn event(&mut self, fits: impl Fn(&CallEventKind) -> bool) -> StampedEvent {
        let wait = async {
            loop {
                let event = self.events.recv().await.expect("the switch runs");
                if fits(&event.event.kind) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the event in time")
    }
}
