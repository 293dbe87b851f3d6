//! What the switch knows and the store does not, kept current for the web face and the dialer.

use chrono::DateTime;
use signaling::{Part, Switch, TrunkHealth, TrunkStatus};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use web::{ComponentState, LiveFacts, PhoneFact, TrunkFact};

/// How often facts are gathered even when nothing was told.
const REFRESH: Duration = Duration::from_secs(1);

/// A notice is followed at once, but rounds keep this distance: a floor whose phones all come back in one moment costs
/// a few rounds, not one for each phone.
const SETTLE: Duration = Duration::from_millis(30);

/// Trunks that cannot be used now; policy leaves them out.
#[derive(Clone, Default)]
pub(crate) struct DownTrunks(Arc<RwLock<HashSet<call::TrunkId>>>);

impl DownTrunks {
    pub(crate) fn usable(&self, trunk: call::TrunkId) -> bool {
        self.0.read().map(|down| !down.contains(&trunk)).unwrap_or(true)
    }

    fn replace(&self, down: HashSet<call::TrunkId>) {
        if let Ok(mut current) = self.0.write() {
            *current = down;
        }
    }
}

/// Where facts come from and where they go.
pub(crate) struct Gatherer {
    pub(crate) switch: Switch,
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) store: crm::Store,
    pub(crate) journal: crm::Journal,
    pub(crate) phones: watch::Sender<dialer::Phones>,
    pub(crate) down: DownTrunks,
    pub(crate) facts: watch::Sender<Arc<LiveFacts>>,
}

/// Gathers facts until `stop`: at once when the switch tells of a change, else every second.
pub(crate) async fn keep(to: Gatherer, stop: CancellationToken) {
    let Gatherer { switch, draining, store, journal, phones, down, facts } = to;
    let mut notices = switch.notices();
    let mut tick = interval(REFRESH);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
            // Lagging behind the notices is no loss: everything is gathered anew.
            _ = notices.recv() => {
                sleep_until(last + SETTLE).await;
                notices = notices.resubscribe();
            }
        }
        last = Instant::now();
        let gathered = gather(&switch, &store, &journal, draining.load(Ordering::Relaxed)).await;
        down.replace(
            gathered
                .trunks
                .iter()
                .filter(|(_, t)| {
                    matches!(t.health, web::TrunkHealth::Down | web::TrunkHealth::Refused)
                })
                .map(|(id, _)| *id)
                .collect(),
        );
        phones.send_if_modified(|current| {
            let reachable = gathered.phones.keys().copied().collect();
            let changed = **current != reachable;
            if changed {
                *current = Arc::new(reachable);
            }
            changed
        });
        facts.send_if_modified(|current| {
            let changed = **current != gathered;
            if changed {
                *current = Arc::new(gathered);
            }
            changed
        });
    }
}

async fn gather(
    switch: &Switch,
    store: &crm::Store,
    journal: &crm::Journal,
    draining: bool,
) -> LiveFacts {
    // The database may take its time; what the switch knows is read after it, so that it is not old when it is told.
    let ping = store.ping().await;
    let mut phones: HashMap<call::ExtensionId, Vec<PhoneFact>> = HashMap::new();
    for phone in switch.all_registrations() {
        phones.entry(phone.extension).or_default().push(PhoneFact {
            user_agent: phone.user_agent,
            transport: phone.transport.as_str().to_owned(),
            source: phone.source,
            expires_at: DateTime::from(phone.expires_at),
        });
    }
    let trunks = switch.trunk_status().into_iter().map(|t| (t.trunk, trunk_fact(t))).collect();
    let mut components = BTreeMap::new();
    let database = match ping {
        Ok(()) => (ComponentState::Up, None, true),
        Err(error) => (ComponentState::Down, Some(error.to_string()), true),
    };
    components.insert("database".to_owned(), database);
    let journal = if journal.is_degraded() {
        (ComponentState::Degraded, Some("call events wait to be written".to_owned()), false)
    } else {
        (ComponentState::Up, None, false)
    };
    components.insert("journal".to_owned(), journal);
    components.extend(vital(switch.broken()));
    let speech = Some("no model is configured: speech to text is off".to_owned());
    components.insert("speech".to_owned(), (ComponentState::Off, speech, false));
    LiveFacts { phones, trunks, draining, components }
}

type Component = (ComponentState, Option<String>, bool);

/// The parts of the switch that calls need.
fn vital(broken: Option<Part>) -> impl Iterator<Item = (String, Component)> {
    [Part::Sip, Part::Media].into_iter().map(move |part| {
        let state = match broken {
            Some(ended) if ended == part => {
                (ComponentState::Down, Some("a part of it ended".to_owned()), true)
            }
            Some(_) | None => (ComponentState::Up, None, true),
        };
        (part.as_str().to_owned(), state)
    })
}

fn trunk_fact(status: TrunkStatus) -> TrunkFact {
    TrunkFact {
        tenant: status.tenant,
        name: status.name,
        health: match status.health {
            TrunkHealth::Disabled => web::TrunkHealth::Disabled,
            TrunkHealth::Unknown => web::TrunkHealth::Unknown,
            TrunkHealth::Up => web::TrunkHealth::Up,
            TrunkHealth::Down => web::TrunkHealth::Down,
            TrunkHealth::Refused => web::TrunkHealth::Refused,
        },
        since: DateTime::from(status.since),
        last_error: status.last_error,
        live_calls: status.channels_in_use,
        options_ms: status.options_ms,
        registered_until: status.registered_until.map(DateTime::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_switch_that_ended_is_down_and_needed() {
        for broken in [Some(Part::Sip), Some(Part::Media), None] {
            let all: BTreeMap<String, Component> = vital(broken).collect();
            assert_eq!(all.len(), 2);
            for (name, (state, reason, needed)) in all {
                let down = broken.is_some_and(|part| part.as_str() == name);
                let expected = if down { ComponentState::Down } else { ComponentState::Up };
                assert!(needed && state == expected && reason.is_some() == down, "{name}");
            }
        }
    }
}
