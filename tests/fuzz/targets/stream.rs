//! A TCP stream from a stranger (A07): however it is cut, the same messages come out of it, and none that the bytes do
//! not hold.
#![no_main]

#[path = "../../../signaling/proto/tests/oracle/mod.rs"]
#[expect(dead_code, reason = "the message target uses the rest")]
mod oracle;

use libfuzzer_sys::fuzz_target;
use signaling_proto::{
    framer::{Framed, StreamFramer},
    message::Limits,
};

fuzz_target!(|data: &[u8]| {
    // The first byte says how the rest is cut.
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = oracle::frames([stream]);
    let size = usize::from(*cut % 61) + 1;
    assert_eq!(oracle::frames(stream.chunks(size)), whole, "reads of {size}");

    let mut framer = StreamFramer::new(Limits::DEFAULT);
    framer.push(stream);
    let mut at = 0;
    let mut closed = false;
    while let Some(framed) = framer.poll() {
        assert!(!closed, "something came after the end");
        if let Framed::Message(message) = &framed {
            // It lies in the stream as it is, behind the one before it, and Content-Length is its end.
            let found = find(&stream[at..], message.bytes()).expect("its own bytes");
            at += found + message.bytes().len();
            let length = message.content_length().expect("readable").expect("there");
            assert_eq!(length as usize, message.body().len());
            assert!(message.bytes().ends_with(message.body()));
        }
        closed = matches!(framed, Framed::Close { .. });
    }
    assert!(framer.pending() <= stream.len());
});

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
