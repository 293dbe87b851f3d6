//! The registrar's bindings (RFC 3261 §10.3, RFC 5626 §6).

use crate::{FlowId, Source};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// One registered phone. `O` is whose it is; in here that is only passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding<O> {
    /// Whose phone.
    pub owner: O,
    /// What tells it from the owner's others: its instance, or its contact.
    pub key: String,
    /// Contact URI.
    pub contact: String,
    /// Route values to reach it (RFC 3327).
    pub path: Vec<String>,
    /// Where the REGISTER came from.
    pub source: Source,
    /// Requests go by the flow it registered on; otherwise by its contact URI.
    pub by_flow: bool,
    /// What the phone says it is.
    pub user_agent: Option<String>,
    /// Of the REGISTER that made it.
    pub call_id: String,
    /// Likewise.
    pub cseq: u32,
    /// When it lapses unless refreshed.
    pub expires_at: Instant,
}

/// The instance in a key that names one; a contact names none.
fn instance(key: &str) -> Option<&str> {
    let (instance, _) = key.rsplit_once(';').filter(|_| key.starts_with(['<', '"']))?;
    Some(instance)
}

/// A registered phone, ready to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// Contact URI: request URI of requests to it.
    pub contact: String,
    /// Route values to reach it (RFC 3327).
    pub path: Vec<String>,
    /// By the flow it registered on, or by its URI.
    pub flow: Option<Source>,
}

/// A contact of a REGISTER, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// See [`Binding::key`].
    pub key: String,
    /// Contact URI.
    pub contact: String,
    /// As asked for by parameter or header.
    pub expires_s: Option<u32>,
}

/// How long registrations may last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Less is refused with 423.
    pub min_s: u32,
    /// More is shortened.
    pub max_s: u32,
    /// What a REGISTER without a wish gets.
    pub default_s: u32,
}

/// Why a REGISTER changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// 423 with Min-Expires.
    TooBrief,
    /// 500: an older request came after a newer one (RFC 3261 §10.3 step 7).
    OutOfOrder,
    /// 400: `*` needs `Expires: 0` and nothing beside it.
    BadStar,
}

/// What a change means to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<O> {
    /// New or refreshed.
    Kept {
        /// Whose.
        aor: String,
        /// As it is now.
        binding: Box<Binding<O>>,
    },
    /// Gone.
    Removed {
        /// Whose.
        aor: String,
        /// As it was.
        binding: Box<Binding<O>>,
    },
}

/// Who asks, and with which request.
#[derive(Clone, Debug)]
pub struct Registering<'a, O> {
    /// Address of record without scheme.
    pub aor: &'a str,
    /// Whose it is.
    pub owner: O,
    /// Phones that may be registered at once.
    pub contacts_max: u16,
    /// Where the REGISTER came from.
    pub source: Source,
    /// Its Path values.
    pub path: Vec<String>,
    /// Its User-Agent.
    pub user_agent: Option<String>,
    /// Its Call-ID.
    pub call_id: String,
    /// Its sequence number.
    pub cseq: u32,
}

/// The bindings of all AORs.
#[derive(Debug)]
pub struct Bindings<O> {
    lifetimes: Lifetimes,
    by_aor: BTreeMap<String, BTreeMap<String, Binding<O>>>,
    expiries: BTreeSet<(Instant, String, String)>,
    sources: BTreeMap<SocketAddr, usize>,
    count: usize,
}

impl<O: Copy> Bindings<O> {
    /// Nobody is registered.
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            by_aor: BTreeMap::new(),
            expiries: BTreeSet::new(),
            sources: BTreeMap::new(),
            count: 0,
        }
    }

    /// All phones of one AOR, oldest key first.
    pub fn of(&self, aor: &str) -> impl Iterator<Item = &Binding<O>> {
        self.by_aor.get(aor).into_iter().flat_map(BTreeMap::values)
    }

    /// All phones there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Some phone registered from exactly this socket.
    pub fn has_source(&self, source: SocketAddr) -> bool {
        self.sources.contains_key(&source)
    }

    /// Phones of one AOR, ready to be called.
    pub fn reach(&self, now: Instant, aor: &str) -> Vec<Reachable> {
        let live = self.of(aor).filter(|binding| binding.expires_at > now);
        // Several flows of one phone are one phone (RFC 5626 §7): the one it refreshed last.
        let newer = |binding: &&Binding<O>| {
            let same = |other: &&Binding<O>| {
                instance(&other.key).is_some() && instance(&other.key) == instance(&binding.key)
            };
            let last = self.of(aor).filter(same).max_by_key(|other| other.expires_at);
            last.is_none_or(|last| last.key == binding.key)
        };
        let reachable = live.filter(newer).map(|binding| Reachable {
            contact: binding.contact.clone(),
            path: binding.path.clone(),
            flow: binding.by_flow.then_some(binding.source),
        });
        reachable.collect()
    }

    /// Takes all contacts of a REGISTER, or none of them.
    pub fn register(
        &mut self,
        now: Instant,
        who: &Registering<'_, O>,
        wishes: Vec<Wish>,
    ) -> Result<Vec<Change<O>>, NotRegistered> {
        for wish in &wishes {
            let asked = wish.expires_s.unwrap_or(self.lifetimes.default_s);
            if asked != 0 && asked < self.lifetimes.min_s {
                return Err(NotRegistered::TooBrief);
            }
            let known = self.by_aor.get(who.aor).and_then(|all| all.get(&wish.key));
            if known.is_some_and(|known| known.call_id == who.call_id && known.cseq >= who.cseq) {
                return Err(NotRegistered::OutOfOrder);
            }
        }
        let mut changes = Vec::new();
        for wish in wishes {
            let asked = wish.expires_s.unwrap_or(self.lifetimes.default_s);
            if asked == 0 {
                changes.extend(self.remove(who.aor, &wish.key));
                continue;
            }
            let lifetime = Duration::from_secs(u64::from(asked.min(self.lifetimes.max_s)));
            let binding = Binding {
                owner: who.owner,
                key: wish.key,
                contact: wish.contact,
                path: who.path.clone(),
                source: who.source,
                by_flow: true,
                user_agent: who.user_agent.clone(),
                call_id: who.call_id.clone(),
                cseq: who.cseq,
                expires_at: now + lifetime,
            };
            changes.push(self.keep(who.aor, binding));
        }
        changes.extend(self.keep_to_limit(who.aor, who.contacts_max));
        Ok(changes)
    }

    /// `Contact: *` with `Expires: 0`.
    pub fn remove_all(&mut self, aor: &str) -> Vec<Change<O>> {
        let keys: Vec<String> = self.of(aor).map(|binding| binding.key.clone()).collect();
        keys.iter().filter_map(|key| self.remove(aor, key)).collect()
    }

    /// Every phone whose owner fits: they may not stay.
    pub fn remove_owned(&mut self, fits: impl Fn(&O) -> bool) -> Vec<Change<O>> {
        let all = self.by_aor.iter().flat_map(|(aor, all)| {
            all.values().filter(|b| fits(&b.owner)).map(move |b| (aor.clone(), b.key.clone()))
        });
        let gone: Vec<(String, String)> = all.collect();
        gone.iter().filter_map(|(aor, key)| self.remove(aor, key)).collect()
    }

    /// Takes over a binding from before a restart, or a new one.
    pub fn keep(&mut self, aor: &str, binding: Binding<O>) -> Change<O> {
        self.expiries.insert((binding.expires_at, aor.to_owned(), binding.key.clone()));
        *self.sources.entry(binding.source.remote).or_default() += 1;
        self.count += 1;
        let known = self.by_aor.get_mut(aor).and_then(|all| all.get_mut(&binding.key));
        match known.map(|known| std::mem::replace(known, binding.clone())) {
            // A refresh, as nearly always.
            Some(old) if old.expires_at == binding.expires_at => {
                self.leave(old.source.remote);
            }
            Some(old) => {
                self.expiries.remove(&(old.expires_at, aor.to_owned(), old.key));
                self.leave(old.source.remote);
            }
            None => {
                let all = self.by_aor.entry(aor.to_owned()).or_default();
                all.insert(binding.key.clone(), binding.clone());
            }
        }
        Change::Kept { aor: aor.to_owned(), binding: Box::new(binding) }
    }

    /// When [`Bindings::expire`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _, _)| *at)
    }

    /// Removes what lapsed.
    pub fn expire(&mut self, now: Instant) -> Vec<Change<O>> {
        let mut changes = Vec::new();
        while let Some((at, aor, key)) = self.expiries.first().cloned() {
            if at > now {
                break;
            }
            changes.extend(self.remove(&aor, &key));
        }
        changes
    }

    /// A connection is gone: a phone behind it can be reached by its URI at best.
    pub fn flow_closed(&mut self, flow: FlowId, by_uri: bool) -> Vec<Change<O>> {
        let mut gone = Vec::new();
        for (aor, all) in &mut self.by_aor {
            for binding in all.values_mut().filter(|binding| binding.source.flow == flow) {
                binding.by_flow = false;
                if !by_uri {
                    gone.push((aor.clone(), binding.key.clone()));
                }
            }
        }
        gone.iter().filter_map(|(aor, key)| self.remove(aor, key)).collect()
    }

    fn remove(&mut self, aor: &str, key: &str) -> Option<Change<O>> {
        let all = self.by_aor.get_mut(aor)?;
        let binding = all.remove(key)?;
        if all.is_empty() {
            self.by_aor.remove(aor);
        }
        self.expiries.remove(&(binding.expires_at, aor.to_owned(), key.to_owned()));
        self.leave(binding.source.remote);
        Some(Change::Removed { aor: aor.to_owned(), binding: Box::new(binding) })
    }

    /// One phone less is reached there.
    fn leave(&mut self, source: SocketAddr) {
        if let Some(uses) = self.sources.get_mut(&source) {
            *uses -= 1;
            if *uses == 0 {
                self.sources.remove(&source);
            }
        }
        self.count -= 1;
    }

    /// The phones that lapse first make room for new ones (B02).
    fn keep_to_limit(&mut self, aor: &str, max: u16) -> Vec<Change<O>> {
        let mut changes = Vec::new();
        while self.of(aor).count() > usize::from(max.max(1)) {
            let oldest = self.of(aor).min_by_key(|binding| binding.expires_at);
            let Some(key) = oldest.map(|binding| binding.key.clone()) else { break };
            changes.extend(self.remove(aor, &key));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Transport, test_clock::start};

    fn source(port: u16) -> Source {
        Source {
            transport: Transport::Udp,
            local: ([127, 0, 0, 1], 5060).into(),
            remote: ([127, 0, 0, 1], port).into(),
            flow: FlowId(1),
        }
    }

    fn wish(contact: &str, expires_s: Option<u32>) -> Wish {
        Wish { key: contact.into(), contact: contact.into(), expires_s }
    }

    fn bindings() -> Bindings<u8> {
        Bindings::new(Lifetimes { min_s: 60, max_s: 3600, default_s: 600 })
    }

    fn register(
        bindings: &mut Bindings<u8>,
        now: Instant,
        cseq: u32,
        wishes: Vec<Wish>,
    ) -> Result<Vec<Change<u8>>, NotRegistered> {
        let who = Registering {
            aor: "101@a",
            owner: 7,
            contacts_max: 2,
            source: source(40_000),
            path: Vec::new(),
            user_agent: None,
            call_id: "c".into(),
            cseq,
        };
        bindings.register(now, &who, wishes)
    }

    /// F02.
    #[test]
    fn the_phones_of_one_owner_go_and_those_of_others_stay() {
        let mut bindings = bindings();
        let now = start();
        let two = vec![wish("sip:a@h", Some(600)), wish("sip:b@h", Some(600))];
        register(&mut bindings, now, 1, two).unwrap();
        let mut other = bindings.of("101@a").next().unwrap().clone();
        other.owner = 8;
        bindings.keep("102@a", other);
        assert_eq!(bindings.remove_owned(|owner| *owner == 7).len(), 2);
        assert_eq!((bindings.count(), bindings.of("101@a").count()), (1, 0));
        assert_eq!(bindings.of("102@a").count(), 1);
        assert!(bindings.has_source(source(40_000).remote), "the other came from there as well");
    }

    /// B01.
    #[test]
    fn lifetimes_are_shortened_to_the_longest_and_refused_below_the_shortest() {
        let (mut bindings, now) = (bindings(), start());
        let brief = register(&mut bindings, now, 1, vec![wish("sip:a", Some(59))]);
        assert_eq!(brief, Err(NotRegistered::TooBrief));
        register(&mut bindings, now, 2, vec![wish("sip:a", Some(99_999))]).expect("taken");
        register(&mut bindings, now, 3, vec![wish("sip:b", None)]).expect("taken");
        let left: Vec<u64> = bindings.of("101@a").map(|b| (b.expires_at - now).as_secs()).collect();
        assert_eq!(left, [3600, 600]);
        assert_eq!(bindings.poll_timeout(), Some(now + Duration::from_secs(600)));
        assert_eq!(bindings.expire(now + Duration::from_secs(600)).len(), 1);
        assert_eq!(bindings.count(), 1);
    }

    /// B01: all or nothing.
    #[test]
    fn one_bad_contact_leaves_everything_as_it_was() {
        let (mut bindings, now) = (bindings(), start());
        let mixed = vec![wish("sip:a", Some(600)), wish("sip:b", Some(1))];
        assert_eq!(register(&mut bindings, now, 1, mixed), Err(NotRegistered::TooBrief));
        assert_eq!(bindings.count(), 0);
    }

    #[test]
    fn an_older_request_of_the_same_registration_changes_nothing() {
        let (mut bindings, now) = (bindings(), start());
        register(&mut bindings, now, 5, vec![wish("sip:a", None)]).expect("taken");
        let old = register(&mut bindings, now, 5, vec![wish("sip:a", Some(0))]);
        assert_eq!(old, Err(NotRegistered::OutOfOrder));
        assert_eq!(bindings.count(), 1);
        register(&mut bindings, now, 6, vec![wish("sip:a", Some(0))]).expect("taken");
        assert_eq!(bindings.count(), 0);
        assert!(!bindings.has_source(source(40_000).remote));
    }

    /// B02.
    #[test]
    fn the_phone_that_lapses_first_makes_room() {
        let (mut bindings, now) = (bindings(), start());
        register(&mut bindings, now, 1, vec![wish("sip:a", Some(100))]).expect("taken");
        register(&mut bindings, now, 2, vec![wish("sip:b", Some(200))]).expect("taken");
        register(&mut bindings, now, 3, vec![wish("sip:c", Some(300))]).expect("taken");
        let left: Vec<String> = bindings.of("101@a").map(|b| b.contact.clone()).collect();
        assert_eq!(left, ["sip:b", "sip:c"]);
    }

    /// RFC 5626 §6, §7: the same instance and flow from another address is the same phone, and of several flows of one
    /// phone calls take one: that refreshed last.
    #[test]
    fn a_phone_that_moves_takes_its_own_place_and_its_flows_are_one_phone() {
        let (mut bindings, now) = (bindings(), start());
        let instance = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";
        let flow = |id: u8, contact: &str| Wish {
            key: format!("{instance};{id}"),
            contact: contact.into(),
            expires_s: Some(600),
        };
        register(&mut bindings, now, 1, vec![flow(1, "sip:101@10.0.0.5")]).expect("taken");
        let moved = Registering {
            aor: "101@a",
            owner: 7,
            contacts_max: 2,
            source: source(40_001),
            path: Vec::new(),
            user_agent: None,
            // It was started anew: nothing but the instance is as it was.
            call_id: "another".into(),
            cseq: 1,
        };
        bindings.register(now, &moved, vec![flow(1, "sip:101@10.0.0.9")]).expect("taken");
        assert_eq!(bindings.count(), 1);
        let reached = bindings.reach(now, "101@a");
        assert_eq!(reached[0].contact, "sip:101@10.0.0.9");
        assert_eq!(reached[0].flow.map(|flow| flow.remote.port()), Some(40_001));
        assert!(!bindings.has_source(source(40_000).remote), "the old address is nobody's");
        let later = now + Duration::from_secs(1);
        bindings.register(later, &moved, vec![flow(2, "sip:101@10.1.0.9")]).expect("taken");
        assert_eq!(bindings.of("101@a").count(), 2);
        let reached = bindings.reach(later, "101@a");
        assert_eq!(reached.len(), 1, "{reached:?}");
        assert_eq!(reached[0].contact, "sip:101@10.1.0.9");
        let other = Wish { key: "<urn:uuid:1>;1".into(), ..flow(1, "sip:101@10.2.0.9") };
        let who = Registering { contacts_max: 5, ..moved };
        bindings.register(later, &who, vec![other]).expect("taken");
        assert_eq!(bindings.reach(later, "101@a").len(), 2, "another phone is rung as well");
    }

    #[test]
    fn a_phone_whose_connection_closed_is_reached_by_its_uri_or_not_at_all() {
        let (mut bindings, now) = (bindings(), start());
        register(&mut bindings, now, 1, vec![wish("sip:a", None)]).expect("taken");
        assert!(bindings.flow_closed(FlowId(1), true).is_empty());
        assert_eq!(bindings.reach(now, "101@a")[0].flow, None);
        assert_eq!(bindings.flow_closed(FlowId(1), false).len(), 1);
        assert!(bindings.reach(now, "101@a").is_empty());
    }
}
