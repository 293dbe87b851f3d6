//! Datagrams from strangers (A04): no panic, one head to a refusal, and a sound message means the same to the next hop,
//! to a stream, to whoever is answered, and to another parser.
#![no_main]

#[path = "../../../signaling/proto/tests/oracle/mod.rs"]
mod oracle;
mod quiet;

use libfuzzer_sys::{Corpus, fuzz_target};
use signaling_proto::{Message, ParseOutcome, message::Limits};

fuzz_target!(|data: &[u8]| -> Corpus {
    match Message::read(data.to_vec().into(), &Limits::DEFAULT) {
        ParseOutcome::Ok(message) => {
            oracle::touch(&message);
            assert_eq!(oracle::survives_the_next_hop(&message), Ok(()));
            let agrees = quiet::while_asking_another(|| oracle::agrees_with_rsip(&message, data));
            assert_eq!(agrees, Ok(()));
        }
        ParseOutcome::Malformed(malformed) => {
            let answer = malformed.response(([192, 0, 2, 1], 5060).into(), "t");
            assert_eq!(oracle::refusal_is_one_head(&answer), Ok(()));
            assert!((400..600).contains(&malformed.status().code()));
        }
        ParseOutcome::Drop(_) => {}
    }
    Corpus::Keep
});
