//! The demo floor: a tenant with people, phones, numbers, leads and words, all invented.

mod content;
mod people;

use super::config::parse_listen_list;
use anyhow::Context;
use call::{ConsentMode, E164, TrunkId, UserId};
use chrono::Utc;
use crm::{
    Store,
    dispositions::{RetryPreset, catalogue},
    extensions::{ExtensionKind, NewExtension},
    fresh,
    leads::NewLead,
    numbers::NewNumber,
    tenants::{CallingSettings, NewTenant, RecordingSettings, Tenant, TenantSettings},
    trunks::{NewTrunk, Trunk, TrunkHost, TrunkPatch, TrunkPreset, TrunkSettings},
    users::{NewUser, Role, UserFilter},
};
use rand::{Rng, distr::Alphanumeric};
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

/// Slug of the demo tenant.
pub(crate) const SLUG: &str = "pratham";
const DOMAIN: &str = "pratham.telehub.local";
const TRUNK: &str = "demo-carrier";
/// The two DIDs of the floor.
const DIDS: [&str; 2] = ["+918047190001", "+918047190002"];
const LEADS: usize = 200;
/// Number of the first of them.
const FIRST_LEAD: &str = "+919876500001";

/// Seeds the floor where it is not there yet. Safe to call at every start.
pub(crate) async fn seed(store: &Store, password: &str) -> anyhow::Result<Tenant> {
    let tenants = store.platform_tenants().await?;
    if let Some(tenant) = tenants.into_iter().find(|t| t.slug == SLUG) {
        return Ok(tenant);
    }
    let tenant = store
        .platform_tenant_create(
            &NewTenant {
                id: fresh(),
                slug: SLUG.into(),
                name: "Pratham Learning".into(),
                sip_domain: DOMAIN.into(),
                timezone: "Asia/Kolkata".into(),
                settings: settings()?,
            },
            Utc::now(),
        )
        .await?;
    store.disposition_seed(tenant.id, &catalogue(RetryPreset::Standard)).await?;
    let agents = seed_users(store, &tenant, password).await?;
    seed_telephony(store, &tenant, &agents).await?;
    seed_leads(store, &tenant, &agents).await?;
    content::seed(store, &tenant).await?;
    Ok(tenant)
}

/// Everything else is as a new tenant has it, but the demo may be tried at any hour.
fn settings() -> anyhow::Result<TenantSettings> {
    Ok(TenantSettings {
        calling: CallingSettings {
            window_start: "00:00".parse().map_err(anyhow::Error::msg)?,
            window_end: "24:00".parse().map_err(anyhow::Error::msg)?,
            daily_attempts: 50,
            default_caller_id: Some(E164::parse(DIDS[0])?),
            ..CallingSettings::default()
        },
        recording: RecordingSettings {
            consent: ConsentMode::Silent,
            ..RecordingSettings::default()
        },
        ..TenantSettings::default()
    })
}

async fn seed_users(store: &Store, tenant: &Tenant, password: &str) -> anyhow::Result<Vec<UserId>> {
    let hash = crm::users::hash_password(password.to_owned()).await;
    let user = |email: &str, name: &str, role, reports_to| NewUser {
        id: fresh(),
        email: format!("{email}@demo.local"),
        name: name.into(),
        role,
        locale: "en".into(),
        team: matches!(role, Role::Telecaller | Role::Manager).then(|| "Admissions".to_owned()),
        reports_to,
        caller_id: None,
        password_hash: hash.clone(),
    };
    let now = Utc::now();
    let manager = user("manager", "Meenakshi Rao", Role::Manager, None);
    for new in [
        user("admin", "Arvind Menon", Role::Admin, None),
        manager.clone(),
        user("field1", "Faisal Khan", Role::FieldAgent, None),
        user("viewer", "Vidya Joshi", Role::Viewer, None),
    ] {
        store.user_create(tenant.id, &new, now).await?;
    }
    let mut agents = Vec::new();
    for (email, name) in people::TELECALLERS {
        let new = user(email, name, Role::Telecaller, Some(manager.id));
        agents.push(store.user_create(tenant.id, &new, now).await?.id);
    }
    Ok(agents)
}

async fn seed_telephony(store: &Store, tenant: &Tenant, agents: &[UserId]) -> anyhow::Result<()> {
    let now = Utc::now();
    let mut extensions = Vec::new();
    for (index, (agent, (_, name))) in agents.iter().zip(people::TELECALLERS).enumerate() {
        let new = NewExtension {
            id: fresh(),
            number: (101 + index).to_string(),
            kind: ExtensionKind::User,
            name: (*name).into(),
            user: Some(*agent),
            nat: true,
            ring_timeout_s: 30,
        };
        extensions.push(store.extension_create(tenant.id, &new, now).await?.id);
    }
    let trunk = NewTrunk {
        id: fresh(),
        name: TRUNK.into(),
        enabled: true,
        preset: TrunkPreset::Simulated,
        priority: 10,
        weight: 1,
        secret: None,
        settings: TrunkSettings::preset(TrunkPreset::Simulated),
    };
    let trunk: TrunkId = store.trunk_create(tenant.id, &trunk, now).await?.id;
    for (did, extension) in DIDS.iter().zip(extensions) {
        let new = NewNumber {
            id: fresh(),
            e164: E164::parse(did)?,
            trunk,
            purpose: "general".into(),
            destination: Some(extension),
            verified: true,
        };
        store.number_create(tenant.id, &new, now).await?;
    }
    Ok(())
}

/// The first leads of every telecaller end in 0001, 0002 …, so that each behaviour of the
/// simulated carrier is at hand; the rest draw from its mix.
async fn seed_leads(store: &Store, tenant: &Tenant, agents: &[UserId]) -> anyhow::Result<()> {
    let now = Utc::now();
    let per_agent = LEADS / agents.len().max(1);
    for (a, agent) in agents.iter().enumerate() {
        for n in 0..per_agent {
            let person = people::invented(a * per_agent + n);
            let last = if n < 10 { people::BEHAVIOURS[n] } else { 3000 + (a * per_agent + n) * 7 };
            let phone = E164::parse(&format!("+9198765{a}{last:04}"))?;
            let mut lead = NewLead::named(fresh(), person.name, phone);
            lead.organisation = Some(person.organisation);
            lead.email = Some(person.email);
            lead.language = person.language.into();
            lead.pincode = Some(person.pincode);
            lead.source = person.source.into();
            lead.score = if n == 0 { 95 } else { person.score };
            lead.assigned_to = Some(*agent);
            lead.metadata = json!({ "course": person.course });
            store.lead_create(tenant.id, &lead, now).await?;
        }
    }
    Ok(())
}

/// Points the demo trunk at where the built-in carrier listens this time.
pub(crate) async fn point_trunk(
    store: &Store,
    tenant: &Tenant,
    carrier: SocketAddr,
) -> anyhow::Result<()> {
    let trunks = store.trunk_list(tenant.id).await?;
    let trunk: Trunk =
        trunks.into_iter().find(|t| t.name == TRUNK).context("the demo trunk is gone")?;
    let mut settings = trunk.settings;
    settings.hosts = vec![TrunkHost {
        host: carrier.ip().to_string(),
        port: Some(carrier.port()),
        ..TrunkHost::default()
    }];
    // A `telehub carrier` in another terminal calls in from its usual address.
    let another = carrier::Config::default().listen;
    settings.source_cidrs = vec![carrier.to_string(), another.to_string()];
    let patch = TrunkPatch { settings: Some(settings), ..TrunkPatch::default() };
    store.trunk_update(tenant.id, trunk.id, &patch, Utc::now()).await?;
    Ok(())
}

/// What to type in another terminal so that the carrier calls the first number of the floor, as its first lead.
pub(crate) fn calling_in(sip: &str) -> Option<String> {
    let mut to = *parse_listen_list(sip).ok()?.first()?;
    if to.ip().is_unspecified() {
        to.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let (binary, did) = (std::env::current_exe().ok()?, DIDS[0]);
    Some(format!("{} carrier --call {did} --from {FIRST_LEAD} --to {to}", binary.display()))
}

/// The password of the demo logins: from the environment, from the folder, or new.
pub(crate) fn password(data: &Path) -> anyhow::Result<String> {
    if let Ok(fixed) = std::env::var("TELEHUB_DEMO_PASSWORD") {
        return Ok(fixed);
    }
    if let Ok(text) = std::fs::read_to_string(data.join("logins.json")) {
        let logins: serde_json::Value = serde_json::from_str(&text)?;
        if let Some(password) = logins["password"].as_str() {
            return Ok(password.to_owned());
        }
    }
    Ok(rand::rng().sample_iter(Alphanumeric).take(16).map(char::from).collect())
}

/// Writes `logins.json` and returns what to print.
pub(crate) async fn logins(
    store: &Store,
    tenant: &Tenant,
    data: &Path,
    address: &str,
    password: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    let page =
        store.user_list(tenant.id, &UserFilter { limit: 100, ..UserFilter::default() }).await?;
    let mut users: Vec<(String, String)> =
        page.items.into_iter().map(|u| (u.role.to_string(), u.email)).collect();
    users.sort();
    let by_email: BTreeMap<&str, &str> =
        users.iter().map(|(role, email)| (email.as_str(), role.as_str())).collect();
    let list: Vec<_> = users
        .iter()
        .map(|(role, email)| json!({ "email": email, "role": role, "password": password }))
        .collect();
    let document =
        json!({ "url": address, "password": password, "roles": by_email, "users": list });
    let file = data.join("logins.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&document)?)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(users)
}
