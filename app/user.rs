//! `telehub user add`.

use super::{cli::UserAddArgs, config::Config, open, say};
use anyhow::bail;
use chrono::Utc;
use crm::{
    Store, StoreError,
    dispositions::{RetryPreset, catalogue},
    fresh,
    tenants::{NewTenant, Tenant, TenantSettings},
    users::NewUser,
};
use rand::{Rng, distr::Alphanumeric};
use std::io::IsTerminal;

/// Creates the user, and the first tenant where there is none.
pub(crate) async fn add(config: &Config, args: UserAddArgs) -> anyhow::Result<()> {
    let role = args.role;
    let store = open::store(config).await?;
    let tenant = tenant(&store, args.tenant.as_deref()).await?;
    let typed = std::io::stdin().is_terminal();
    let password = if typed { ask(&args.email)? } else { generated() };
    let name =
        args.name.unwrap_or_else(|| args.email.split('@').next().unwrap_or(&args.email).to_owned());
    let user = NewUser {
        id: fresh(),
        email: args.email.clone(),
        name,
        role,
        locale: "en".into(),
        team: None,
        reports_to: None,
        caller_id: None,
        password_hash: crm::users::hash_password(password.clone()).await,
    };
    match store.user_create(tenant.id, &user, Utc::now()).await {
        Ok(_) => {}
        Err(StoreError::Conflict) => bail!("{} exists already", args.email),
        Err(error) => return Err(error.into()),
    }
    say(&format!("{} added to tenant {} as {role}", args.email, tenant.slug));
    if !typed {
        say(&format!("password: {password}"));
    }
    store.close().await;
    Ok(())
}

fn generated() -> String {
    rand::rng().sample_iter(Alphanumeric).take(20).map(char::from).collect()
}

fn ask(email: &str) -> anyhow::Result<String> {
    loop {
        let first = rpassword::prompt_password(format!("Password for {email}: "))?;
        if let Err(reason) = crm::users::password_fits(&first, email) {
            say(reason);
            continue;
        }
        if rpassword::prompt_password("Once more: ")? == first {
            return Ok(first);
        }
        say("The two differ.");
    }
}

async fn tenant(store: &Store, slug: Option<&str>) -> anyhow::Result<Tenant> {
    let tenants = store.platform_tenants().await?;
    match slug {
        Some(slug) => {
            if let Some(found) = tenants.iter().find(|t| t.slug == slug) {
                return Ok(found.clone());
            }
            if !tenants.is_empty() {
                let known: Vec<&str> = tenants.iter().map(|t| t.slug.as_str()).collect();
                bail!("--tenant {slug}: no such tenant; there are {}", known.join(", "));
            }
            first(store, slug).await
        }
        None if tenants.is_empty() => first(store, "main").await,
        None if tenants.len() == 1 => Ok(tenants[0].clone()),
        None => bail!("there are several tenants: say which with --tenant"),
    }
}

async fn first(store: &Store, slug: &str) -> anyhow::Result<Tenant> {
    let new = NewTenant {
        id: fresh(),
        slug: slug.into(),
        name: slug.into(),
        sip_domain: format!("{slug}.telehub.local"),
        timezone: "Asia/Kolkata".into(),
        settings: TenantSettings::default(),
    };
    let tenant = store.platform_tenant_create(&new, Utc::now()).await?;
    store.disposition_seed(tenant.id, &catalogue(RetryPreset::Standard)).await?;
    Ok(tenant)
}
