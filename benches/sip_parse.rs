//! What it costs to read a SIP message: a 1 KB INVITE with everything a call needs, and the same by rsip.

use bytes::Bytes;
use signaling_proto::{Message, MessageBuilder, StatusCode};
use std::hint::black_box;

mod invite;

use invite::INVITE;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// As received: one buffer that the message then shares.
fn datagram() -> Bytes {
    Bytes::from(INVITE.as_bytes().to_vec())
}

// As many as a socket hands over at once, so that they lie in the cache as those do.
#[divan::bench(sample_size = 16)]
fn invite(bencher: divan::Bencher<'_, '_>) {
    bencher.with_inputs(datagram).bench_values(|bytes| {
        let message = Message::parse(bytes).expect("sound");
        black_box((message.via().branch(), message.from_tag(), message.to_tag()));
        black_box((message.cseq().seq, message.call_id().len(), message.body().len()));
        message
    });
}

#[divan::bench(sample_size = 16)]
fn invite_by_rsip(bencher: divan::Bencher<'_, '_>) {
    use rsip::prelude::{HeadersExt, ToTypedHeader};
    bencher.bench(|| {
        let message = rsip::SipMessage::try_from(black_box(INVITE.as_bytes())).expect("sound");
        black_box(message.via_header().expect("there").clone().typed().expect("sound"));
        black_box(message.from_header().expect("there").clone().typed().expect("sound"));
        black_box(message.to_header().expect("there").clone().typed().expect("sound"));
        black_box(message.cseq_header().expect("there").clone().typed().expect("sound"));
        black_box(message.call_id_header().expect("there").to_string());
        message
    });
}

#[divan::bench(sample_size = 16)]
fn response_to_invite(bencher: divan::Bencher<'_, '_>) {
    let mut request = Message::parse(datagram()).expect("sound");
    request.note_source("198.51.100.7:40000".parse().expect("an address"));
    bencher.bench(|| {
        MessageBuilder::response_to(black_box(&request), StatusCode::RINGING)
            .to_tag("8a7sd6f8")
            .into_bytes()
            .expect("sound")
    });
}
