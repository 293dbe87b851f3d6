//! Over which carriers, in which order, showing which number.

use super::{DialOrigin, Policy, Refusal, Rule};
use crate::{numbers::Number, tenants::Tenant, trunks::Trunk, users::User};
use call::{CalledNumber, E164, TrunkTarget};
use rand::Rng;

impl Policy {
    /// Usable trunks in the order to try: by priority, drawn by weight among equals. A trunk is
    /// left out when it has no number to show (D10: never the caller's own claim).
    pub(super) async fn routes(
        &self,
        tenant: &Tenant,
        user: Option<&User>,
        to: &CalledNumber,
        origin: DialOrigin,
    ) -> Result<Vec<TrunkTarget>, Refusal> {
        let numbers = self.store.number_list(tenant.id).await?;
        let mut trunks = self.store.trunk_list(tenant.id).await?;
        let usable = |trunk: &Trunk| trunk.enabled && (self.trunk_usable)(trunk.id);
        // Where help is needed and no carrier seems to work, each is tried nonetheless.
        let doubtful = to.is_emergency() && !trunks.iter().any(usable);
        trunks.retain(|trunk| match origin {
            DialOrigin::Test(only) => trunk.id == only,
            DialOrigin::Redirected(only) => trunk.id == only && trunk.enabled,
            DialOrigin::Desk | DialOrigin::Phone => usable(trunk) || (doubtful && trunk.enabled),
        });
        if trunks.is_empty() {
            return Err(Refusal::new(Rule::NoTrunk, "no trunk is switched on and reachable"));
        }
        let routes: Vec<TrunkTarget> = ordered(trunks, &mut rand::rng())
            .into_iter()
            .filter_map(|trunk| {
                let own = user.and_then(|user| user.caller_id.as_ref());
                let caller_id = shown(tenant, own, &trunk, &numbers)?;
                Some(TrunkTarget { trunk: trunk.id, number: to.clone(), caller_id })
            })
            .collect();
        if routes.is_empty() {
            let detail = "no verified number of this account may be shown on a usable trunk";
            return Err(Refusal::new(Rule::NoCallerId, detail));
        }
        Ok(routes)
    }
}

/// TEL-09: the agent's number, else the tenant's default, else the trunk's; always a verified DID
/// of the tenant that may be used for outgoing calls. One that lies on the trunk goes first.
fn shown(tenant: &Tenant, own: Option<&E164>, trunk: &Trunk, numbers: &[Number]) -> Option<E164> {
    let allowed = |e164: &E164| numbers.iter().any(|n| n.e164 == *e164 && n.verified);
    let on_trunk = |e164: &E164| numbers.iter().any(|n| n.e164 == *e164 && n.trunk == trunk.id);
    let wishes = [
        own,
        tenant.settings.calling.default_caller_id.as_ref(),
        trunk.settings.caller_id.as_ref(),
    ];
    let wished: Vec<&E164> = wishes.into_iter().flatten().filter(|n| allowed(n)).collect();
    let own = numbers.iter().filter(|n| n.trunk == trunk.id).map(|n| &n.e164);
    let own = own.filter(|n| allowed(n)).collect::<Vec<_>>();
    wished
        .iter()
        .copied()
        .find(|n| on_trunk(n))
        .or_else(|| own.first().copied())
        .or_else(|| wished.first().copied())
        .cloned()
}

/// By priority; among equals drawn by weight, like SRV records (RFC 2782).
fn ordered(mut trunks: Vec<Trunk>, rng: &mut impl Rng) -> Vec<Trunk> {
    trunks.sort_by_key(|trunk| trunk.priority);
    let mut order = Vec::with_capacity(trunks.len());
    while let Some(first) = trunks.first() {
        let equals = trunks.iter().take_while(|t| t.priority == first.priority).count();
        let total: u32 = trunks[..equals].iter().map(|t| t.weight.max(1)).sum();
        let mut drawn = rng.random_range(0..total);
        let index = trunks[..equals]
            .iter()
            .position(|trunk| {
                let weight = trunk.weight.max(1);
                let hit = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                hit
            })
            .unwrap_or(0);
        order.push(trunks.remove(index));
    }
    order
}
