//! What somebody learns who tries names and passwords: nothing, and then they are shut out (B03, B04).

use crate::{
    carriers::{call_of, did, trunk},
    floor::{Floor, SOON},
};
use serde_json::json;
use signaling_proto::{Message, digest::DigestClient};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use testkit::{
    eventually,
    wire::{Ask, Identity, Wire, status},
};
use tokio::task::block_in_place;

/// How many of each kind are tried.
const USERS: u16 = 500;

/// What an answer gives away: everything but what differs every time and what the asker chose.
fn shape(message: &Message, user: &str) -> String {
    let text = String::from_utf8_lossy(message.bytes()).replace(user, "USER");
    let ours = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "via" | "call-id" | "cseq")
    };
    let plain = |line: &str| {
        let cut = ["nonce=\"", ";tag="].iter().filter_map(|mark| line.find(mark)).min();
        line[..cut.unwrap_or(line.len())].to_owned()
    };
    text.lines().filter(ours).map(plain).collect::<Vec<_>>().join("\n")
}

/// One REGISTER with a wrong password, and an INVITE without any: the answers, and how long the refusal took.
fn probe(wire: &mut Wire, who: &Identity) -> (String, Duration) {
    let ask = Ask::register(who, &["Contact: <sip:probe@127.0.0.1:9>"]);
    let challenge = wire.ask(&ask, &[]);
    let mut client = DigestClient::new(&who.user, "not-the-secret", 1);
    let began = Instant::now();
    let refusal = wire.prove(&mut client, &challenge, &ask);
    let took = began.elapsed();
    assert_eq!((status(&challenge), status(&refusal)), (401, 403), "{}", who.user);
    (format!("{}\n\n{}", shape(&challenge, &who.user), shape(&refusal, &who.user)), took)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

/// B03: five hundred extensions that exist and five hundred that do not, in turns and from many addresses: the same
/// codes, the same headers, and medians less than 2 ms apart.
#[tokio::test(flavor = "multi_thread")]
async fn real_and_absent_users_cannot_be_told_apart() {
    let floor = Floor::open().await;
    for n in 0..USERS {
        let new = json!({ "number": format!("{}", 20_000 + n), "name": format!("Phone {n}") });
        floor.admin.post("/extensions", new).await;
    }
    let domain = floor.server.sip_secret("101").await.2;
    let server = floor.server.sip;
    let (shapes, real, absent) = tokio::task::spawn_blocking(move || {
        let mut shapes: BTreeSet<String> = BTreeSet::new();
        let (mut real, mut absent) = (Vec::new(), Vec::new());
        let mut wire = None;
        for n in 0..USERS {
            if n % 25 == 0 {
                // A fresh address: one alone would be slowed down for all it asks.
                let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 3, 1 + (n / 25) as u8));
                wire = Some(Wire::open_at(ip, server));
            }
            let wire = wire.as_mut().expect("opened");
            let user = |base: u16| Identity {
                user: format!("{}", base + n),
                secret: String::new(),
                domain: domain.clone(),
            };
            // In turns, each kind first half of the time.
            for is_real in [n % 2 == 0, n % 2 == 1] {
                let (shape, took) = probe(wire, &user(if is_real { 20_000 } else { 40_000 }));
                shapes.insert(shape);
                if is_real { real.push(took) } else { absent.push(took) }
            }
        }
        (shapes, real, absent)
    })
    .await
    .unwrap();
    assert_eq!(shapes.len(), 1, "one answer for all: {shapes:#?}");
    let (real, absent) = (median(real), median(absent));
    let gap = real.abs_diff(absent);
    assert!(gap < Duration::from_millis(2), "real {real:?}, absent {absent:?}");
}

fn guess(server: SocketAddr, ip: [u8; 4], who: &Identity) -> u16 {
    let mut wire = Wire::open_at(ip.into(), server);
    let ask = Ask::register(who, &["Contact: <sip:103@127.0.0.1:50001>"]);
    status(&wire.ask_as(who, &ask))
}

/// Ten wrong passwords at once from one address.
fn ten_wrong(server: SocketAddr, ip: [u8; 4], right: &Identity) {
    let wrong = Identity { secret: "wrong".into(), ..right.clone() };
    let guesses: Vec<_> = (0..10)
        .map(|_| {
            let wrong = wrong.clone();
            std::thread::spawn(move || guess(server, ip, &wrong))
        })
        .collect();
    for guess in guesses {
        assert_eq!(guess.join().unwrap(), 403);
    }
}

/// B04: who was shut out is still shut out after a restart, and nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_ban_outlasts_a_restart() {
    let mut floor = Floor::open().await;
    let (server, right) = (floor.server.sip, floor.identity("103").await);
    block_in_place(|| ten_wrong(server, [127, 0, 0, 66], &right));
    eventually("the ban in the audit", SOON, || async {
        let audit = floor.admin.get("/audit?action=sip.banned").await;
        audit["items"].get(0).map(|_| ())
    })
    .await;
    floor.server.terminate();
    assert_eq!(floor.server.wait(30), Some(0));
    floor.server.boot();
    block_in_place(|| {
        assert_eq!(
            guess(server, [127, 0, 0, 66], &right),
            403,
            "the right one, and still shut out"
        );
        assert_eq!(guess(server, [127, 0, 0, 67], &right), 200, "its owner is elsewhere");
    });
}

/// B04: guesses that bear a carrier's address, were somebody able to answer a nonce from there, shut that address out
/// for one extension; the carrier's calls come through as ever.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_in_a_carriers_name_shut_no_carrier_out() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let settings =
        json!({ "hosts": [{ "host": "127.0.0.77" }], "source_cidrs": ["127.0.0.77/32"] });
    let id = trunk(&floor, 5060, json!({ "settings": settings })).await;
    did(&floor, &id, "+918047112777", &floor.extension).await;
    let lead = floor.lead("Calls in", "+919811771777").await;
    let (server, right) = (floor.server.sip, floor.identity("103").await);
    block_in_place(|| {
        ten_wrong(server, [127, 0, 0, 77], &right);
        assert_eq!(guess(server, [127, 0, 0, 77], &right), 403, "shut out as a phone");
    });
    let answer = block_in_place(|| {
        let mut wire = Wire::open_at([127, 0, 0, 77].into(), server);
        let uri = format!("sip:+918047112777@{server}");
        status(&wire.ask(&Ask::invite(&uri, "sip:+919811771777@127.0.0.77"), &[]))
    });
    assert_eq!(answer, 200, "the carrier's call comes through");
    let call = call_of(&floor, &lead).await;
    assert_eq!(call["trunk_id"], id.as_str(), "{call}");
}
