//! Answers the switch's questions from the CRM's store.

use super::trunk_settings;
use call::{CauseKind, EndedBy, HangupCause, Plan, TenantId, TrunkId, TrunkTarget};
use chrono::{DateTime, Utc};
use crm::{
    Store,
    audit::AuditRecord,
    extensions::{ExtensionKind, SipBan, SipBinding, SipBindingChange},
};
use serde_json::json;
use signaling::{
    Directory,
    directory::{
        Ban, BindingChange, DirectoryError, ExtensionAccount, Lookup, Realm, RedirectRequest,
        RouteRequest, Secret, SecurityEvent, StoredBinding, TransportKind,
    },
};
use std::{collections::HashSet, future::Future, net::IpAddr, pin::Pin, time::SystemTime};

/// How many phones may be registered for one extension.
const CONTACTS_MAX: u16 = 5;

/// The store, seen by the switch.
pub(crate) struct StoreDirectory {
    store: Store,
    policy: crm::policy::Policy,
    node: call::NodeId,
    /// Name that stands for the default tenant beside its own domain.
    domain: String,
    /// Of the country that national numbers belong to.
    country_code: u16,
}

impl StoreDirectory {
    pub(crate) fn new(
        store: Store,
        policy: crm::policy::Policy,
        node: call::NodeId,
        domain: String,
        country_code: u16,
    ) -> Self {
        Self { store, policy, node, domain: domain.to_ascii_lowercase(), country_code }
    }

    async fn find_realm(&self, domain: &str) -> Result<Option<Realm>, DirectoryError> {
        let by_domain = self.store.platform_tenant_by_domain(domain).await.map_err(away)?;
        let host = domain.trim_start_matches('[').trim_end_matches(']');
        let ours = host == "localhost" || host == self.domain || host.parse::<IpAddr>().is_ok();
        let tenant = match by_domain {
            None if ours => self.store.platform_default_tenant().await.map_err(away)?,
            found => found,
        };
        Ok(tenant.filter(|t| t.active).map(|t| Realm { tenant: t.id, domain: t.sip_domain }))
    }

    async fn find_extension(
        &self,
        tenant: TenantId,
        user: &str,
    ) -> Result<Option<ExtensionAccount>, DirectoryError> {
        let found = self.store.extension_usable(tenant, user).await.map_err(away)?;
        let Some(extension) = found.filter(|e| e.kind == ExtensionKind::User) else {
            return Ok(None);
        };
        let Some(owner) = self.store.tenant_find(tenant).await.map_err(away)? else {
            return Ok(None);
        };
        let secret = self.store.extension_secret(tenant, extension.id).await.map_err(away)?;
        Ok(secret.map(|secret| ExtensionAccount {
            tenant,
            extension: extension.id,
            user: extension.user,
            aor: format!("{}@{}", extension.number, owner.sip_domain),
            number: extension.number,
            display_name: Some(extension.name),
            secret: Secret(secret),
            contacts_max: CONTACTS_MAX,
            learn_address: extension.nat,
            codecs: vec!["PCMA".into(), "PCMU".into()],
        }))
    }

    async fn load_bindings(&self) -> Result<Vec<StoredBinding>, DirectoryError> {
        let rows = self.store.platform_sip_bindings(Utc::now()).await.map_err(away)?;
        // Whoever was switched off in the last moment of the process before stays out.
        let usable = self.store.platform_extensions().await.map_err(away)?;
        let usable: HashSet<_> = usable.into_iter().map(|extension| extension.id).collect();
        let bindings = rows.into_iter().filter_map(binding_from_row);
        Ok(bindings.filter(|binding| usable.contains(&binding.extension)).collect())
    }

    async fn write_audit(&self, event: SecurityEvent) -> Result<(), DirectoryError> {
        // Events that concern no tenant are in the log and the metrics; the audit is a tenant's.
        let Some(tenant) = event.tenant else { return Ok(()) };
        let (action, entity, subject, details) = super::security::describe(&event.kind);
        let detail = json!({ "source": event.source.to_string(), "details": details });
        let record = AuditRecord::new(None, action, entity, subject).with(detail);
        self.store.audit_append(tenant, &record, DateTime::from(event.at)).await.map_err(away)?;
        Ok(())
    }
}

fn away(error: crm::StoreError) -> DirectoryError {
    DirectoryError(error.to_string())
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Directory for StoreDirectory {
    fn realm<'a>(&'a self, domain: &'a str) -> Lookup<'a, Option<Realm>> {
        Box::pin(self.find_realm(domain))
    }

    fn extension<'a>(
        &'a self,
        tenant: TenantId,
        user: &'a str,
    ) -> Lookup<'a, Option<ExtensionAccount>> {
        Box::pin(self.find_extension(tenant, user))
    }

    fn trunk_of_number<'a>(&'a self, number: &'a str) -> Lookup<'a, Option<TrunkId>> {
        Box::pin(async move {
            let Some(e164) = self.policy.number_called(number) else { return Ok(None) };
            let found = self.store.platform_number_by_e164(&e164).await.map_err(away)?;
            Ok(found.map(|number| number.trunk))
        })
    }

    fn number(&self, text: &str) -> Option<String> {
        self.policy.number_written(text)
    }

    fn route(&self, request: RouteRequest) -> Answer<'_, Result<Plan, HangupCause>> {
        Box::pin(async move {
            self.policy
                .route(request.tenant, &request.origin, &request.from, &request.to, Utc::now())
                .await
        })
    }

    fn redirect(&self, request: RedirectRequest) -> Answer<'_, Result<TrunkTarget, HangupCause>> {
        Box::pin(async move {
            let RedirectRequest { tenant, call, user, trunk, to } = request;
            let user = user.ok_or(HangupCause::new(EndedBy::System, CauseKind::PolicyRefused))?;
            let now = Utc::now();
            self.policy
                .redirect(crm::policy::RedirectRequest { tenant, call, user, trunk, to, now })
                .await
        })
    }

    fn leads(
        &self,
        tenant: TenantId,
        user: call::UserId,
        whom: Option<call::UserId>,
    ) -> Lookup<'_, bool> {
        Box::pin(async move {
            let user = self.store.user_find(tenant, user).await.map_err(away)?;
            let Some(user) = user.filter(|user| user.active && user.role.leads()) else {
                return Ok(false);
            };
            let reach = self.store.user_reach(&user).await.map_err(away)?;
            Ok(reach.covers_owner(whom))
        })
    }

    fn trunks(&self) -> Lookup<'_, Vec<signaling::directory::TrunkSettings>> {
        Box::pin(async {
            let rows = self.store.platform_trunks().await.map_err(away)?;
            let mut trunks = Vec::with_capacity(rows.len());
            for row in rows {
                let secret = self.store.trunk_secret(row.tenant, row.id).await.map_err(away)?;
                trunks.push(trunk_settings::for_switch(&row, secret, self.country_code));
            }
            Ok(trunks)
        })
    }

    fn bindings(&self) -> Lookup<'_, Vec<StoredBinding>> {
        Box::pin(self.load_bindings())
    }

    fn bindings_change(&self, changes: Vec<BindingChange>) -> Lookup<'_, ()> {
        Box::pin(async move {
            let changes: Vec<SipBindingChange> =
                changes.into_iter().map(|change| change_to_row(change, self.node)).collect();
            self.store.platform_sip_bindings_change(changes).await.map_err(away)
        })
    }

    fn bans(&self) -> Lookup<'_, Vec<Ban>> {
        Box::pin(async {
            let rows = self.store.platform_sip_bans(Utc::now()).await.map_err(away)?;
            Ok(rows
                .into_iter()
                .filter_map(|row| {
                    let address = row.address.parse().ok()?;
                    Some(Ban { address, aor: row.aor, until: row.expires_at.into() })
                })
                .collect())
        })
    }

    fn ban_save(&self, ban: Ban) -> Lookup<'_, ()> {
        Box::pin(async move {
            let row = SipBan {
                address: ban.address.to_string(),
                aor: ban.aor,
                reason: "failed registrations".into(),
                expires_at: ban.until.into(),
            };
            self.store.platform_sip_ban_save(&row, Utc::now()).await.map_err(away)
        })
    }

    fn audit(&self, event: SecurityEvent) -> Lookup<'_, ()> {
        Box::pin(self.write_audit(event))
    }
}

fn change_to_row(change: BindingChange, node: call::NodeId) -> SipBindingChange {
    match change {
        BindingChange::Keep(binding) => {
            SipBindingChange::Keep(Box::new(binding_to_row(&binding, node)))
        }
        BindingChange::Forget { tenant, aor, key } => {
            SipBindingChange::Remove { tenant, aor, contact: key }
        }
    }
}

fn binding_to_row(binding: &StoredBinding, node: call::NodeId) -> SipBinding {
    SipBinding {
        tenant: binding.tenant,
        aor: binding.aor.clone(),
        contact: binding.key.clone(),
        node,
        body: json!({
            "extension": binding.extension,
            "contact": binding.contact,
            "state": binding.state,
            "transport": binding.transport.as_str(),
            "source": binding.source.to_string(),
            "user_agent": binding.user_agent,
        }),
        expires_at: binding.expires_at.into(),
    }
}

fn binding_from_row(row: SipBinding) -> Option<StoredBinding> {
    let text = |key: &str| row.body[key].as_str().map(str::to_owned);
    Some(StoredBinding {
        tenant: row.tenant,
        extension: text("extension")?.parse().ok()?,
        contact: text("contact")?,
        state: serde_json::from_value(row.body["state"].clone()).ok()?,
        transport: TransportKind::parse(&text("transport")?)?,
        source: text("source")?.parse().ok()?,
        user_agent: text("user_agent"),
        aor: row.aor,
        key: row.contact,
        expires_at: SystemTime::from(row.expires_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_binding_survives_the_database() {
        let binding = StoredBinding {
            tenant: crm::fresh(),
            extension: crm::fresh(),
            aor: "101@pratham.local".into(),
            key: "sip:101@127.0.0.1:5070".into(),
            contact: "sip:101@127.0.0.1:5070;ob".into(),
            state: vec![0, 7, 255],
            transport: TransportKind::Tcp,
            source: "127.0.0.1:5070".parse().unwrap(),
            user_agent: Some("baresip".into()),
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        };
        let row = binding_to_row(&binding, crm::fresh());
        assert_eq!(binding_from_row(row), Some(binding));
    }
}
