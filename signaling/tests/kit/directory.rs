//! A directory in memory: the real trait, over maps instead of tables.

use call::{
    CauseKind, Direction, E164, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Origin, Plan,
    RecordPlan, Target, TenantId, TrunkId, TrunkTarget, UserId,
};
use futures::future::{BoxFuture, FutureExt};
use signaling::directory::{
    Ban, BindingChange, DialledFrom, Directory, ExtensionAccount, IdentityHeader, Lookup,
    NumberFormat, Realm, RedirectRequest, RouteRequest, Secret, SecurityEvent, StoredBinding,
    TransportKind, TrunkSettings,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

pub const DOMAIN: &str = "pratham.local";

/// Of another tenant.
pub const OTHER_DOMAIN: &str = "other.local";

/// Who has nothing to do with the calls of the first one.
pub fn other_tenant() -> TenantId {
    TenantId::from_parts(2, &[2; 10])
}

/// Everything the switch may ask.
pub struct MemoryDirectory {
    pub extensions: Mutex<Vec<ExtensionAccount>>,
    pub trunks: Mutex<Vec<TrunkSettings>>,
    pub stored: Mutex<Vec<StoredBinding>>,
    pub bans: Mutex<Vec<Ban>>,
    pub audit: Mutex<Vec<SecurityEvent>>,
    pub routed: Mutex<Vec<RouteRequest>>,
    /// Numbers that carriers wanted calls sent on to.
    pub redirected: Mutex<Vec<String>>,
    /// Numbers and the trunks they lie on.
    pub numbers: Mutex<Vec<(String, TrunkId)>>,
    /// Users whose phones may take over the talks of others.
    /// Who leads whom.
    pub leaders: Mutex<Vec<(UserId, Option<UserId>)>>,
    pub recording: bool,
    /// Panics when asked to route to this number (A06).
    pub poison: Option<String>,
}

/// An extension whose secret is `secret-<number>`.
pub fn extension(number: &str) -> ExtensionAccount {
    let n: u8 = number.bytes().fold(0, |sum, byte| sum.wrapping_mul(7).wrapping_add(byte));
    ExtensionAccount {
        tenant: super::tenant(),
        extension: ExtensionId::from_parts(1, &[n; 10]),
        user: None,
        number: number.to_owned(),
        aor: format!("{number}@{DOMAIN}"),
        display_name: Some(format!("Phone {number}")),
        secret: Secret(format!("secret-{number}")),
        contacts_max: 4,
        learn_address: false,
        codecs: Vec::new(),
    }
}

/// A trunk over UDP to a socket.
pub fn trunk(n: u8, to: SocketAddr) -> TrunkSettings {
    TrunkSettings {
        trunk: TrunkId::from_parts(1, &[n; 10]),
        tenant: super::tenant(),
        name: format!("trunk-{n}"),
        enabled: true,
        host: to.ip().to_string(),
        port: Some(to.port()),
        host_weight: 0,
        further_hosts: Vec::new(),
        transport: TransportKind::Udp,
        outbound_proxy: None,
        sources: Vec::new(),
        client_certificate_names: Vec::new(),
        by_certificate: false,
        credentials: None,
        registration: None,
        from_domain: None,
        number_format: NumberFormat::E164Plus,
        caller_id_format: NumberFormat::E164Plus,
        identity_header: IdentityHeader::PAssertedIdentity,
        hide_caller_id: false,
        codecs: Vec::new(),
        channels_max: 0,
        calls_per_second_max: 0,
        options_interval_s: 0,
        dialled_from: DialledFrom::RequestUri,
        reference_headers: Vec::new(),
        header_rules: Vec::new(),
    }
}

impl MemoryDirectory {
    pub fn new(numbers: &[&str], trunks: Vec<TrunkSettings>) -> Arc<Self> {
        Arc::new(Self::plain(numbers, trunks))
    }

    pub fn plain(numbers: &[&str], trunks: Vec<TrunkSettings>) -> Self {
        Self {
            extensions: Mutex::new(numbers.iter().map(|number| extension(number)).collect()),
            trunks: Mutex::new(trunks),
            stored: Mutex::default(),
            bans: Mutex::default(),
            audit: Mutex::default(),
            routed: Mutex::default(),
            redirected: Mutex::default(),
            numbers: Mutex::default(),
            leaders: Mutex::default(),
            recording: false,
            poison: None,
        }
    }

    /// `+…` goes out by every trunk in turn, a known number rings, everything else is refused.
    fn plan(&self, request: &RouteRequest) -> Result<Plan, HangupCause> {
        let extensions = self.extensions.lock().expect("lock");
        let called = extensions.iter().find(|account| account.number == request.to);
        let did = matches!(request.origin, Origin::Trunk(_)).then(|| extensions.first());
        let (direction, targets) = match (E164::parse(&request.to), called.or(did.flatten())) {
            (_, Some(account)) if did.is_some() || called.is_some() => {
                let target = ExtensionTarget {
                    extension: account.extension,
                    user: account.user,
                    aor: account.aor.clone(),
                };
                let direction = match did {
                    Some(_) => Direction::Inbound,
                    None => Direction::Internal,
                };
                (direction, vec![Target::Extension(target)])
            }
            (Ok(number), _) => (Direction::Outbound, self.trunk_targets(&number)),
            (Err(_), _) => return Err(HangupCause::new(EndedBy::System, CauseKind::NotFound)),
        };
        Ok(Plan {
            tenant: request.tenant,
            direction,
            lead: None,
            agent: None,
            extension: None,
            number: None,
            campaign: None,
            targets,
            caller_id: request.from.clone(),
            caller_name: None,
            ring_timeout_ms: 20_000,
            max_duration_ms: 600_000,
            record: RecordPlan { enabled: self.recording, ..RecordPlan::default() },
        })
    }

    pub fn trunk_targets(&self, number: &E164) -> Vec<Target> {
        let caller_id = E164::parse("+918012345678").expect("number");
        let trunks = self.trunks.lock().expect("lock");
        let target = |trunk: &TrunkSettings| {
            Target::Trunk(TrunkTarget {
                trunk: trunk.trunk,
                number: number.clone().into(),
                caller_id: caller_id.clone(),
            })
        };
        trunks.iter().map(target).collect()
    }
}

impl Directory for MemoryDirectory {
    fn realm<'a>(&'a self, domain: &'a str) -> Lookup<'a, Option<Realm>> {
        if domain == OTHER_DOMAIN {
            let realm = Realm { tenant: other_tenant(), domain: OTHER_DOMAIN.to_owned() };
            return async move { Ok(Some(realm)) }.boxed();
        }
        let ours = domain == DOMAIN || domain.parse::<std::net::IpAddr>().is_ok();
        let realm = Realm { tenant: super::tenant(), domain: DOMAIN.to_owned() };
        async move { Ok(ours.then_some(realm)) }.boxed()
    }

    fn extension<'a>(
        &'a self,
        tenant: TenantId,
        user: &'a str,
    ) -> Lookup<'a, Option<ExtensionAccount>> {
        let extensions = self.extensions.lock().expect("lock");
        let fits = |account: &&ExtensionAccount| account.tenant == tenant && account.number == user;
        let found = extensions.iter().find(fits).cloned();
        async move { Ok(found) }.boxed()
    }

    fn trunk_of_number<'a>(&'a self, number: &'a str) -> Lookup<'a, Option<TrunkId>> {
        let numbers = self.numbers.lock().expect("lock");
        let trunk = numbers.iter().find(|(known, _)| known == number).map(|(_, trunk)| *trunk);
        async move { Ok(trunk) }.boxed()
    }

    fn number(&self, text: &str) -> Option<String> {
        E164::parse(text).ok().map(|number| number.to_string())
    }

    fn route(&self, request: RouteRequest) -> BoxFuture<'_, Result<Plan, HangupCause>> {
        async move {
            assert_ne!(self.poison.as_deref(), Some(&*request.to), "poisoned number");
            let plan = self.plan(&request);
            self.routed.lock().expect("lock").push(request);
            plan
        }
        .boxed()
    }

    fn redirect(
        &self,
        request: RedirectRequest,
    ) -> BoxFuture<'_, Result<TrunkTarget, HangupCause>> {
        let number = E164::parse(&request.to).ok().filter(|n| n.as_str().starts_with("+91"));
        let target = number.and_then(|number| {
            self.trunk_targets(&number).into_iter().find_map(|target| match target {
                Target::Trunk(target) if target.trunk == request.trunk => Some(target),
                _ => None,
            })
        });
        self.redirected.lock().expect("lock").push(request.to);
        let refused = HangupCause::new(EndedBy::System, CauseKind::PolicyRefused);
        async move { target.ok_or(refused) }.boxed()
    }

    fn leads(&self, _tenant: TenantId, user: UserId, whom: Option<UserId>) -> Lookup<'_, bool> {
        let leads = self.leaders.lock().expect("lock").contains(&(user, whom));
        async move { Ok(leads) }.boxed()
    }

    fn trunks(&self) -> Lookup<'_, Vec<TrunkSettings>> {
        let trunks = self.trunks.lock().expect("lock").clone();
        async move { Ok(trunks) }.boxed()
    }

    fn bindings(&self) -> Lookup<'_, Vec<StoredBinding>> {
        let stored = self.stored.lock().expect("lock").clone();
        async move { Ok(stored) }.boxed()
    }

    fn bindings_change(&self, changes: Vec<BindingChange>) -> Lookup<'_, ()> {
        let mut stored = self.stored.lock().expect("lock");
        for change in changes {
            let (aor, key) = match &change {
                BindingChange::Keep(binding) => (&binding.aor, &binding.key),
                BindingChange::Forget { aor, key, .. } => (aor, key),
            };
            stored.retain(|known| (&known.aor, &known.key) != (aor, key));
            if let BindingChange::Keep(binding) = change {
                stored.push(*binding);
            }
        }
        async { Ok(()) }.boxed()
    }

    fn bans(&self) -> Lookup<'_, Vec<Ban>> {
        let bans = self.bans.lock().expect("lock").clone();
        async move { Ok(bans) }.boxed()
    }

    fn ban_save(&self, ban: Ban) -> Lookup<'_, ()> {
        self.bans.lock().expect("lock").push(ban);
        async { Ok(()) }.boxed()
    }

    fn audit(&self, event: SecurityEvent) -> Lookup<'_, ()> {
        self.audit.lock().expect("lock").push(event);
        async { Ok(()) }.boxed()
    }
}
