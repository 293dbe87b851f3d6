//! Free loopback ports, handed out once per process.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A block of `count` neighbouring ports free for UDP and TCP at this moment. Blocks lie below
/// the ephemeral range, and each process starts its walk elsewhere.
pub fn block(count: u16) -> u16 {
    let offset = (std::process::id() as u16 % 97) * 120;
    for _ in 0..400 {
        let step = NEXT.fetch_add(count, Ordering::Relaxed);
        let first = 10_000 + (offset + step) % 20_000;
        let free = (first..first + count).all(|port| {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
                && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        });
        if free {
            return first;
        }
    }
    panic!("no {count} free ports on this machine");
}

/// One free port.
pub fn one() -> u16 {
    block(1)
}
