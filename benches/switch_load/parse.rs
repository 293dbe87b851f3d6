//! What it costs to read a SIP message.

use bytes::Bytes;
use signaling_proto::Message;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

#[path = "../invite.rs"]
mod invite;

const RUNS: usize = 9;
const BATCHES: u32 = 1_000;
/// As few as a socket hands over at once, so that they lie in the cache as those do.
const BATCH: u32 = 16;

/// Microseconds for the INVITE in each run, its parts that every call needs included.
pub(crate) fn invite_us() -> Vec<f64> {
    (0..RUNS).map(|_| run()).collect()
}

fn run() -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..BATCHES {
        let datagrams: Vec<Bytes> =
            (0..BATCH).map(|_| Bytes::from(invite::INVITE.as_bytes().to_vec())).collect();
        let mut messages = Vec::with_capacity(datagrams.len());
        let from = Instant::now();
        for datagram in datagrams {
            let message = Message::parse(datagram).expect("sound");
            black_box((message.via().branch(), message.from_tag(), message.to_tag()));
            black_box((message.cseq().seq, message.call_id().len(), message.body().len()));
            messages.push(message);
        }
        spent += from.elapsed();
    }
    spent.as_secs_f64() * 1e6 / f64::from(BATCHES * BATCH)
}
