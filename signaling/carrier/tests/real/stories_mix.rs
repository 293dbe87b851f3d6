//! What numbers without a fixed behaviour do, as the command line says.

use crate::phone::{Phone, Say};
use crate::stories::SOUNDS;
use carrier::{Args, Carrier};
use clap::Parser;
use signaling_proto::Transport;
use std::time::Duration;

/// `telehub carrier`, as the binary reads it.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    carrier: Args,
}

fn parsed(arguments: &[&str]) -> Result<Args, clap::Error> {
    let fixed = ["carrier", "--listen", "127.0.0.1:0", "--sounds", SOUNDS];
    Line::try_parse_from(fixed.iter().chain(arguments)).map(|line| line.carrier)
}

/// How calls to twelve numbers end, all at once.
async fn statuses(arguments: &[&str], span: Duration) -> Vec<u16> {
    let carrier = Carrier::start(parsed(arguments).expect("arguments").config()).expect("a port");
    let address = carrier.address();
    let calls: Vec<_> = (0..12)
        .map(|n| {
            tokio::spawn(async move {
                let phone = Phone::new(Transport::Udp, Say::Nothing).await;
                phone.call(address, &format!("+9198123455{n:02}"), span).await.status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.expect("a story"));
    }
    carrier.stop().await;
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_rate_decides_how_many_answer() {
    let span = Duration::from_secs(4);
    let all = statuses(&["--answer-rate", "1"], span).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    let none = statuses(&["--answer-rate", "0"], span).await;
    assert!(none.iter().all(|status| *status != 200), "{none:?}");
    for wrong in ["1.5", "-0.1", "most"] {
        let line = format!("--answer-rate={wrong}");
        assert!(parsed(&[&line]).is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_repeats_a_run_and_another_does_not() {
    // Longer than an announcement before a refusal.
    let span = Duration::from_secs(12);
    let run = async |seed: &str| statuses(&["--answer-rate", "0", "--seed", seed], span).await;
    let (first, again, other) = tokio::join!(run("3"), run("3"), run("4"));
    assert_eq!(first, again);
    assert_ne!(first, other);
}
