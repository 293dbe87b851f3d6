//! The registrar towards those who behave and those who do not.

use crate::floor::{AGENT_HZ, Floor, SOON};
use serde_json::Value;
use signaling_proto::{HeaderName, Message, digest::DigestClient};
use std::time::{Duration, Instant};
use testkit::{
    eventually,
    peers::{Baresip, BaresipAccount},
    wire::{Ask, Identity, Wire, authorised, status},
};
use tokio::task::block_in_place;

const CONTACT: &str = "Contact: <sip:101@127.0.0.1:50001>";

async fn audited(floor: &Floor, action: &str) -> Value {
    eventually(action, SOON, || async {
        let audit = floor.admin.get(&format!("/audit?action={action}")).await;
        audit["items"].get(0).cloned()
    })
    .await
}

/// A real phone with a wrong password is refused and does not appear as registered.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_with_a_wrong_password_is_refused() {
    let floor = Floor::open().await;
    let right = floor.account(&floor.extension).await;
    let account = BaresipAccount { secret: "not-the-secret".into(), ..right };
    let start = move || {
        let phone = Baresip::start(&account, AGENT_HZ);
        phone.until_log("403 Forbidden", 10);
        phone
    };
    let phone = tokio::task::spawn_blocking(start).await.unwrap();
    assert!(!phone.full_log().contains("[1 binding]"));
    assert_eq!(floor.extension_row(&floor.extension).await["registered"], false);
}

/// RFC 8760: with `[sip] digest` phones prove their secret by SHA-256 or SHA-512-256; what is listed first is offered
/// first, and a wrong secret is refused as ever.
#[tokio::test(flavor = "multi_thread")]
async fn phones_prove_their_secret_by_newer_digests() {
    for (digest, offered) in [
        ("SHA-256", &["SHA-256"][..]),
        ("SHA-512-256", &["SHA-512-256"]),
        ("SHA-512-256, SHA-256, MD5", &["SHA-512-256", "SHA-256", "MD5"]),
    ] {
        let floor = Floor::open_with(&[("TELEHUB_SIP_DIGEST", digest)]).await;
        let who = floor.identity("101").await;
        let told = block_in_place(|| {
            let mut wire = Wire::open(floor.server.sip);
            let ask = Ask::register(&who, &[CONTACT, "Expires: 600"]);
            let challenge = wire.ask(&ask, &[]);
            assert_eq!(status(&challenge), 401);
            let mut client = DigestClient::new(&who.user, &who.secret, 1);
            client.challenged(&challenge, false).expect("a challenge");
            let proof = authorised(&mut client, &ask).join("\n");
            assert!(proof.contains(&format!("algorithm={}", offered[0])), "{proof}");
            assert_eq!(status(&wire.prove(&mut client, &challenge, &ask)), 200, "{digest}");
            let mut guess = DigestClient::new(&who.user, "guess", 2);
            let mut stranger = Wire::open(floor.server.sip);
            let challenge = stranger.ask(&ask, &[]);
            assert_eq!(status(&stranger.prove(&mut guess, &challenge, &ask)), 403, "{digest}");
            let lines = challenge.named("WWW-Authenticate");
            lines.map(|line| line.to_string()).collect::<Vec<_>>()
        });
        assert_eq!(told.len(), offered.len(), "{told:?}");
        for (line, name) in told.iter().zip(offered) {
            assert!(line.contains(&format!("algorithm={name}")), "{line}");
        }
        // The screens hear of it a moment after the phone has its answer.
        floor.phones_are("101", 1, SOON).await;
    }
}

/// The same by a phone that we did not write.
#[tokio::test(flavor = "multi_thread")]
async fn a_linphone_proves_its_secret_by_sha_256() {
    let floor = Floor::open_with(&[("TELEHUB_SIP_DIGEST", "SHA-256")]).await;
    let _phone = floor.linphone().await;
    assert_eq!(floor.extension_row(&floor.extension).await["registered"], true);
}

/// What an answer gives away, without what differs every time.
fn shape(message: &Message) -> Vec<String> {
    let text = String::from_utf8_lossy(message.bytes()).into_owned();
    let ours = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "via" | "from" | "to" | "call-id" | "cseq")
    };
    text.lines()
        .filter(ours)
        .map(|line| match line.find("nonce=\"") {
            Some(at) => line[..at].to_owned(),
            None => line.to_owned(),
        })
        .collect()
}

/// B03: whether an extension exists cannot be told from the answers, challenged or refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_is_answered_like_a_known_one() {
    let floor = Floor::open().await;
    let known = Identity { secret: "guess".into(), ..floor.identity("101").await };
    let unknown = Identity { user: "987654".into(), ..known.clone() };
    let answers = block_in_place(|| {
        [known, unknown].map(|who| {
            let mut wire = Wire::open(floor.server.sip);
            let ask = Ask::register(&who, &[CONTACT]);
            let mut client = DigestClient::new(&who.user, &who.secret, 1);
            let challenge = wire.ask(&ask, &[]);
            let refusal = wire.prove(&mut client, &challenge, &ask);
            (shape(&challenge), shape(&refusal))
        })
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].0[0].contains("401") && answers[0].1[0].contains("403"), "{answers:?}");
}

/// B04: ten wrong passwords shut that address out for that extension: even the right one is
/// refused from there, another address is not affected, and the administrator can read it.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_shuts_the_guesser_out_and_nobody_else() {
    let floor = Floor::open().await;
    let owner = floor.identity("103").await;
    let server = floor.server.sip;
    let right = owner.clone();
    let (answers, took) = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let wrong = Identity { secret: "wrong".into(), ..right.clone() };
        // Several at once, as a cracker does; the answers are slowed down one by one.
        let guess = |who: Identity| {
            let ip = [127, 0, 0, 66].into();
            std::thread::spawn(move || {
                let mut wire = Wire::open_at(ip, server);
                status(&wire.ask_as(&who, &Ask::register(&who, &[CONTACT])))
            })
        };
        let guesses: Vec<_> = (0..10).map(|_| guess(wrong.clone())).collect();
        let mut answers: Vec<u16> = guesses.into_iter().map(|g| g.join().unwrap()).collect();
        answers.push(guess(right).join().unwrap());
        (answers, began.elapsed())
    })
    .await
    .unwrap();
    assert_eq!(answers, [403; 11], "the last one was right, and too late");
    assert!(took > Duration::from_millis(1500), "guesses are slowed down: {took:?}");
    let elsewhere = block_in_place(|| {
        let mut wire = Wire::open(server);
        status(&wire.ask_as(&owner, &Ask::register(&owner, &[CONTACT])))
    });
    assert_eq!(elsewhere, 200, "the owner is not shut out");
    let entry = audited(&floor, "sip.banned").await;
    assert!(entry.to_string().contains("127.0.0.66"), "{entry}");
}

/// B12: who proved to be 101 may not register as 102.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_cannot_register_as_another() {
    let floor = Floor::open().await;
    let (own, other) = (floor.identity("101").await, floor.identity("102").await);
    let answer = block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let ask = Ask { to: other.uri(), ..Ask::register(&own, &[CONTACT]) };
        status(&wire.ask_as(&own, &ask))
    });
    assert_eq!(answer, 403);
    let entry = audited(&floor, "sip.aor_theft").await;
    assert!(entry["detail"].to_string().contains("102"), "{entry}");
    let (own, other) = (floor.extension_row("101").await, floor.extension_row("102").await);
    assert_eq!((&own["registered"], &other["registered"]), (&false.into(), &false.into()));
}

/// B06: a used `nc` proves nothing again; a forged nonce is stale, and the retry passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_or_stale_proof_is_challenged_anew() {
    let floor = Floor::open().await;
    let own = floor.identity("104").await;
    block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let ask = Ask::register(&own, &[CONTACT]);
        let mut client = DigestClient::new(&own.user, &own.secret, 7);
        client.challenged(&wire.ask(&ask, &[]), false).unwrap();
        let proof = authorised(&mut client, &ask);
        assert_eq!(status(&wire.ask(&ask, &proof)), 200);

        let replayed = wire.ask(&ask, &proof);
        assert_eq!(status(&replayed), 401, "the same proof again");
        let stale = replayed.text(HeaderName::WwwAuthenticate).unwrap().to_string();
        assert!(stale.to_ascii_lowercase().contains("stale=true"), "{stale}");

        client.challenged(&replayed, true).expect("stale is worth another try");
        assert_eq!(status(&wire.ask(&ask, &authorised(&mut client, &ask))), 200);

        let wrong_uri = Ask { uri: format!("sip:elsewhere.{}", own.domain), ..ask.clone() };
        let proof = authorised(&mut client, &wrong_uri);
        assert_ne!(status(&wire.ask(&ask, &proof)), 200, "a proof for another URI");
    });
}

/// B01: expiry by header and by parameter, too short, removal of one and of all.
#[tokio::test(flavor = "multi_thread")]
async fn bindings_come_last_and_go_as_the_rfc_says() {
    let floor = Floor::open().await;
    let own = floor.identity("105").await;
    let mut wire = Wire::open(floor.server.sip);
    let mut ask =
        |lines: &[&str]| block_in_place(|| wire.ask_as(&own, &Ask::register(&own, lines)));
    let first = "Contact: <sip:105@127.0.0.1:50001>";
    let brief = ask(&[first, "Expires: 10"]);
    assert_eq!(status(&brief), 423);
    assert!(brief.min_expires().is_some_and(|min| min >= 60), "{:?}", brief.min_expires());

    let granted = ask(&["Contact: <sip:105@127.0.0.1:50001>;expires=99999"]);
    assert_eq!(status(&granted), 200);
    let contact = granted.text(HeaderName::Contact).unwrap().to_string();
    let left: u32 = contact.split("expires=").nth(1).unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&left), "shortened to the longest: {contact}");

    let both = ask(&["Contact: <sip:105@127.0.0.1:50002>", "Expires: 300"]);
    assert_eq!(both.lines(HeaderName::Contact).count(), 2);
    floor.phones_are("105", 2, SOON).await;

    let one = ask(&["Contact: <sip:105@127.0.0.1:50001>;expires=0"]);
    assert_eq!(one.lines(HeaderName::Contact).count(), 1, "only the other is left");
    assert_eq!(status(&ask(&["Contact: *"])), 400, "`*` needs Expires: 0");
    let none = ask(&["Contact: *", "Expires: 0"]);
    assert_eq!((status(&none), none.lines(HeaderName::Contact).count()), (200, 0));
    floor.phones_are("105", 0, SOON).await;
}

/// B02: a sixth phone takes the place of the one that would lapse first.
#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_phones_are_kept_for_one_extension() {
    let floor = Floor::open().await;
    let own = floor.identity("106").await;
    let last = block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        let ports: Vec<u16> = (50_001..=50_006).collect();
        let answers = ports.iter().map(|port| {
            let contact = format!("Contact: <sip:106@127.0.0.1:{port}>;expires={}", port - 49_800);
            let answer = wire.ask_as(&own, &Ask::register(&own, &[&contact]));
            assert_eq!(status(&answer), 200);
            answer
        });
        answers.last().unwrap()
    });
    let kept: Vec<String> = last
        .lines(HeaderName::Contact)
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect();
    assert_eq!(kept.len(), 5, "{kept:?}");
    assert!(!kept.iter().any(|contact| contact.contains("50001")), "{kept:?}");
    floor.phones_are("106", 5, SOON).await;
}
