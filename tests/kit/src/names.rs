//! A name server on loopback (RFC 1035): answers from records that a story puts in and takes out, late if asked to be.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// "There is no such name".
const NXDOMAIN: u8 = 3;

#[derive(Clone, Debug)]
struct Record {
    name: Vec<u8>,
    kind: u16,
    ttl: u32,
    data: Vec<u8>,
}

#[derive(Debug, Default)]
struct Zone {
    records: Vec<Record>,
    delay: Duration,
    asked: usize,
}

/// A running name server; ends with its handle.
#[derive(Debug)]
pub struct NameServer {
    /// Where it listens.
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    over: Arc<AtomicBool>,
}

impl NameServer {
    /// Starts one that knows nothing yet.
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let address = socket.local_addr().expect("bound");
        let (zone, over) =
            (Arc::new(Mutex::new(Zone::default())), Arc::new(AtomicBool::new(false)));
        let (its_zone, its_end) = (zone.clone(), over.clone());
        thread::spawn(move || serve(&socket, &its_zone, &its_end));
        Self { address, zone, over }
    }

    /// An address.
    pub fn a(&self, name: &str, ip: Ipv4Addr, ttl: u32) {
        self.put(name, A, ttl, ip.octets().to_vec());
    }

    /// A service at a host and port.
    pub fn srv(&self, name: &str, priority: u16, weight: u16, port: u16, host: &str) {
        let mut data = Vec::new();
        for number in [priority, weight, port] {
            data.extend_from_slice(&number.to_be_bytes());
        }
        data.extend(labels(host));
        self.put(name, SRV, 60, data);
    }

    /// A pointer to the name of a service, such as `SIP+D2U`.
    pub fn naptr(&self, name: &str, order: u16, preference: u16, service: &str, replacement: &str) {
        let mut data = order.to_be_bytes().to_vec();
        data.extend_from_slice(&preference.to_be_bytes());
        for text in ["s", service, ""] {
            data.push(u8::try_from(text.len()).expect("short"));
            data.extend_from_slice(text.as_bytes());
        }
        data.extend(labels(replacement));
        self.put(name, NAPTR, 60, data);
    }

    /// Forgets every record of a name.
    pub fn forget(&self, name: &str) {
        let name = labels(name);
        self.zone().records.retain(|record| record.name != name);
    }

    /// From now on answers come so much later.
    pub fn answer_after(&self, delay: Duration) {
        self.zone().delay = delay;
    }

    /// Questions so far.
    pub fn asked(&self) -> usize {
        self.zone().asked
    }

    fn put(&self, name: &str, kind: u16, ttl: u32, data: Vec<u8>) {
        self.zone().records.push(Record { name: labels(name), kind, ttl, data });
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn labels(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        wire.push(u8::try_from(label.len()).expect("short"));
        wire.extend_from_slice(label.to_ascii_lowercase().as_bytes());
    }
    wire.push(0);
    wire
}

fn serve(socket: &UdpSocket, zone: &Mutex<Zone>, over: &AtomicBool) {
    let mut query = [0_u8; 1500];
    while !over.load(Ordering::Relaxed) {
        let Ok((length, asker)) = socket.recv_from(&mut query) else { continue };
        let (answer, delay) = {
            let mut zone = zone.lock().unwrap_or_else(PoisonError::into_inner);
            zone.asked += 1;
            (answer(&query[..length], &zone.records), zone.delay)
        };
        let Some(answer) = answer else { continue };
        if delay.is_zero() {
            let _ = socket.send_to(&answer, asker);
            continue;
        }
        let late = socket.try_clone().expect("a second handle");
        thread::spawn(move || {
            thread::sleep(delay);
            let _ = late.send_to(&answer, asker);
        });
    }
}

/// `None` for what is no question.
fn answer(query: &[u8], records: &[Record]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *query.get(end)? != 0 {
        end += usize::from(query[end]) + 1;
    }
    let name = query[12..=end].to_ascii_lowercase();
    let kind = u16::from_be_bytes([*query.get(end + 1)?, *query.get(end + 2)?]);
    let known = records.iter().any(|record| record.name == name);
    let found: Vec<&Record> =
        records.iter().filter(|record| record.name == name && record.kind == kind).collect();
    let code = if known { 0 } else { NXDOMAIN };
    let mut wire = query[..2].to_vec();
    wire.extend_from_slice(&[
        0x85,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(found.len()).ok()?,
        0,
        0,
        0,
        0,
    ]);
    wire.extend_from_slice(query.get(12..end + 5)?);
    for record in found {
        wire.extend_from_slice(&[0xc0, 12]);
        wire.extend_from_slice(&record.kind.to_be_bytes());
        wire.extend_from_slice(&[0, 1]);
        wire.extend_from_slice(&record.ttl.to_be_bytes());
        wire.extend_from_slice(&u16::try_from(record.data.len()).ok()?.to_be_bytes());
        wire.extend_from_slice(&record.data);
    }
    Some(wire)
}
