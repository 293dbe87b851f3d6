//! The torture messages against a whole endpoint (A01, A02): it answers or stays silent, keeps nothing, goes on.

use bytes::Bytes;
use signaling_proto::{
    AdvertisedSet, DialogEvent, Endpoint, EndpointConfig, Event, FlowId, Message, Reply, Source,
    Transport,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn source() -> Source {
    Source {
        transport: Transport::Udp,
        local: "192.0.2.11:5060".parse().expect("an address"),
        remote: "192.0.2.10:5060".parse().expect("an address"),
        flow: FlowId(1),
    }
}

fn messages(set: &str) -> Vec<(PathBuf, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(set);
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the data is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dat"))
        .map(|path| (path.clone(), Bytes::from(std::fs::read(path).expect("readable"))))
        .collect();
    found.sort();
    found
}

/// Refuses whatever is handed up. How much that was.
fn refuse_all(endpoint: &mut Endpoint, now: Instant) -> usize {
    let mut handed_up = 0;
    while let Some(event) = endpoint.poll_event() {
        handed_up += 1;
        match event {
            Event::Invited { dialog, .. } => {
                endpoint.reject(now, dialog, 480, &[]).expect("it was just offered");
            }
            Event::Request { transaction, .. } => {
                endpoint.respond(now, transaction, &Reply::new(403)).expect("just begun");
            }
            Event::Dialog { event: DialogEvent::Ended { .. }, .. } => handed_up -= 1,
            Event::Dialog { .. }
            | Event::Response { .. }
            | Event::RequestFailed { .. }
            | Event::NeedResolve(_) => panic!("nothing of ours was answered"),
        }
    }
    handed_up
}

#[test]
#[allow(clippy::disallowed_methods)] // an Instant comes from nowhere else
fn every_torture_message_is_answered_or_dropped_and_leaves_nothing() {
    for (set, least) in [("rfc4475", 49), ("rfc5118", 9)] {
        let all = messages(set);
        assert!(all.len() >= least, "{set}: {} messages", all.len());
        let mut endpoint = Endpoint::new(
            EndpointConfig::new(AdvertisedSet::one_host("192.0.2.11", 5060, 5061)),
            [1; 32],
        );
        let mut now = Instant::now();
        for (path, bytes) in all {
            let is_request = !bytes.starts_with(b"SIP/");
            endpoint.handle_message(now, source(), bytes.clone());
            let handed_up = refuse_all(&mut endpoint, now);
            let mut finals = 0;
            while let Some(transmit) = endpoint.poll_transmit() {
                assert!(is_request, "{}: a response is never answered", path.display());
                assert!(transmit.bytes.starts_with(b"SIP/2.0 "));
                finals += usize::from(!transmit.bytes.starts_with(b"SIP/2.0 1"));
                if handed_up > 0 {
                    Message::parse(transmit.bytes).expect("answers to sound requests are sound");
                }
            }
            assert!(finals <= 1, "{}: answered {finals} times", path.display());
            assert!(handed_up == 0 || finals == 1, "{}: no final answer", path.display());
            now += Duration::from_millis(10);
        }
        while let Some((at, _)) = endpoint.poll_timeout() {
            now = at;
            endpoint.handle_timeout(now);
        }
        assert_eq!((endpoint.transactions(), endpoint.dialogs()), (0, 0), "{set}");
    }
}
