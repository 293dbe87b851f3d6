//! Which of our addresses a peer shall reach us at.

use dashmap::DashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// More peers than this are not remembered; asking the kernel again is cheap.
const REMEMBERED_MAX: usize = 20_000;

/// Finds our address towards a peer: the route's source address, or the configured external
/// one for peers outside of our networks.
#[derive(Debug)]
pub(crate) struct LocalAddresses {
    external: Option<IpAddr>,
    /// Bound to this address only.
    fixed: Option<IpAddr>,
    seen: DashMap<IpAddr, IpAddr>,
}

impl LocalAddresses {
    /// With the address that public peers see, if a NAT stands between.
    pub(crate) fn new(external: Option<IpAddr>) -> Self {
        Self { external, fixed: None, seen: DashMap::new() }
    }

    /// For media sockets bound to `listen`.
    pub(crate) fn of_media(external: Option<IpAddr>, listen: IpAddr) -> Self {
        let fixed = (!listen.is_unspecified()).then_some(listen);
        Self { external, fixed, seen: DashMap::new() }
    }

    /// Our address towards `peer`, whatever the port.
    pub(crate) fn address_towards(&self, peer: IpAddr) -> IpAddr {
        let any: IpAddr = match peer {
            IpAddr::V4(_) => [0, 0, 0, 0].into(),
            IpAddr::V6(_) => [0u16; 8].into(),
        };
        // Who speaks the other IP than the configured address is reached by the route to them.
        let fixed = self.fixed.filter(|fixed| fixed.is_ipv4() == peer.is_ipv4());
        self.towards(peer, SocketAddr::new(fixed.unwrap_or(any), 0)).ip()
    }

    /// Our address towards `peer`, for a listener bound to `bound`.
    pub(crate) fn towards(&self, peer: IpAddr, bound: SocketAddr) -> SocketAddr {
        if let Some(external) = self.external
            && is_public(peer)
        {
            return SocketAddr::new(external, bound.port());
        }
        if !bound.ip().is_unspecified() {
            return bound;
        }
        if let Some(found) = self.seen.get(&peer) {
            return SocketAddr::new(*found, bound.port());
        }
        let found = route_source(peer).unwrap_or_else(|| bound.ip());
        if self.seen.len() >= REMEMBERED_MAX {
            self.seen.clear();
        }
        self.seen.insert(peer, found);
        SocketAddr::new(found, bound.port())
    }
}

/// The source address the kernel would use; connecting a UDP socket sends nothing.
fn route_source(peer: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match peer {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(SocketAddr::new(peer, 5060)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Not loopback, private (RFC 1918, RFC 4193), shared (RFC 6598) or link-local.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_peer_reaches_us_on_loopback_and_a_public_one_on_the_external_address() {
        let external: IpAddr = [203, 0, 113, 9].into();
        let local = LocalAddresses::new(Some(external));
        let bound: SocketAddr = ([0, 0, 0, 0], 5060).into();
        let near = local.towards([127, 0, 0, 1].into(), bound);
        assert_eq!(near, ([127, 0, 0, 1], 5060).into());
        let far = local.towards([198, 51, 100, 7].into(), bound);
        assert_eq!(far, SocketAddr::new(external, 5060));
    }

    #[test]
    fn media_bound_to_one_ip_still_reaches_peers_of_the_other() {
        let local = LocalAddresses::of_media(None, [127, 0, 0, 1].into());
        assert_eq!(local.address_towards([127, 0, 0, 9].into()), IpAddr::from([127, 0, 0, 1]));
        let six: IpAddr = [0, 0, 0, 0, 0, 0, 0, 1].into();
        assert_eq!(local.address_towards(six), six);
    }

    #[test]
    fn private_and_shared_addresses_are_not_public() {
        for near in ["10.1.2.3", "192.168.0.4", "100.64.0.1", "169.254.1.1", "::1", "fd00::1"] {
            assert!(!is_public(near.parse().expect("address")), "{near}");
        }
        for far in ["8.8.8.8", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(is_public(far.parse().expect("address")), "{far}");
        }
    }
}
