//! Address blocks from which a carrier calls.

use std::net::{IpAddr, SocketAddr};

/// `203.0.113.0/24`, `203.0.113.7`, `203.0.113.7:5060`, `2001:db8::/32`, `[2001:db8::1]:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
    port: Option<u16>,
}

impl Network {
    /// `None` for text that names no block.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let address = socket.ip().to_canonical();
            return Some(Self { address, bits: width(address), port: Some(socket.port()) });
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = bits.unwrap_or(width(address));
        (bits <= width(address)).then_some(Self { address, bits, port: None })
    }

    /// Whether a peer's socket address lies within.
    pub(crate) fn contains(&self, peer: SocketAddr) -> bool {
        if self.port.is_some_and(|port| port != peer.port()) {
            return false;
        }
        match (self.address, peer.ip().to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32 - u32::from(self.bits);
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128 - u32::from(self.bits);
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(block: &str, peer: &str) -> bool {
        let block = Network::parse(block).expect("block");
        block.contains(peer.parse().expect("peer"))
    }

    /// B10.
    #[test]
    fn only_addresses_of_the_block_belong_to_the_carrier() {
        assert!(inside("203.0.113.0/24", "203.0.113.77:5060"));
        assert!(!inside("203.0.113.0/24", "203.0.114.77:5060"));
        assert!(inside("203.0.113.7", "203.0.113.7:40000"));
        assert!(!inside("203.0.113.7:5060", "203.0.113.7:40000"));
        assert!(inside("2001:db8::/32", "[2001:db8:1::9]:5060"));
        assert!(!inside("2001:db8::/32", "[2001:db9::9]:5060"));
        assert!(inside("203.0.113.7", "[::ffff:203.0.113.7]:5060"));
        assert!(inside("0.0.0.0/0", "198.51.100.1:1"));
    }

    #[test]
    fn nonsense_is_no_block() {
        for text in ["", "carrier.example", "203.0.113.0/33", "203.0.113", "/24"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
