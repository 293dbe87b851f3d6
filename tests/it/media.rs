//! Media of whole calls: figures that are true, silence that ends a call, ports that are closed,
//! a recording that was paused.

use crate::{
    carriers::{call_of, customer, did, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
    inbound::trunk_with_did,
};
use media_proto::{
    Codec, e_model,
    rtcp::{self, REPORT_BYTES_MAX, Report, ReportBlock},
    rtp::Header,
    statistics::ReceiverView,
};
use serde_json::{Value, json};
use signaling_proto::{Message, Method};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use testkit::{
    eventually, ports,
    wire::{Ask, Wire},
};
use tokio::task::block_in_place;

const DID: &str = "+918047112777";
const CUSTOMER: &str = "+919811122777";
/// Twelve seconds: our first report goes out within five.
const PACKETS: u16 = 600;
/// Of so many packets one is lost: 5 %.
const LOST_OF: u16 = 20;
/// Every other packet is this late.
const LATE: Duration = Duration::from_millis(10);
/// The path there and back.
const ROUND_TRIP: Duration = Duration::from_millis(80);

/// A carrier's media behind a bad line, and what is true of it.
struct BadLine {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    to: SocketAddr,
}

impl BadLine {
    /// Talks over the line; the mean interarrival jitter (RFC 3550 §6.4.1) of what was sent.
    fn talk(&self) -> f64 {
        let (begun, word) = (Instant::now(), Codec::Pcma.encode(4000));
        let (mut jitter, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
        let mut before: Option<f64> = None;
        for n in 0..PACKETS {
            let late = if n % 2 == 1 { LATE } else { Duration::ZERO };
            let due = begun + Duration::from_millis(20) * u32::from(n) + late;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if n % LOST_OF == 7 {
                continue;
            }
            let timestamp = u32::from(n) * 160;
            let header = Header { marker: n == 0, sequence: 500 + n, timestamp, ssrc: 77 };
            let mut packet = [word; 172];
            packet[..12].copy_from_slice(&header.to_bytes(8));
            self.rtp.send_to(&packet, self.to).unwrap();
            let transit = begun.elapsed().as_secs_f64() * 1000.0 - f64::from(n) * 20.0;
            if let Some(before) = before.replace(transit) {
                jitter += ((transit - before).abs() - jitter) / 16.0;
                (sum, count) = (sum + jitter, count + 1.0);
            }
        }
        sum / count
    }

    /// Answers every sender report after the round trip, as the far end of the line would.
    fn report(&self, over: &AtomicBool) -> usize {
        let (mut buffer, mut answered) = ([0; 1500], 0);
        self.rtcp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while !over.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.rtcp.recv_from(&mut buffer) else { continue };
            let ours = u32::from_be_bytes(buffer[4..8].try_into().unwrap());
            let Ok(received) = rtcp::parse(&buffer[..length], 77) else { continue };
            let Some(last_report) = received.sender_ntp_middle else { continue };
            std::thread::sleep(ROUND_TRIP);
            let view = ReceiverView { ssrc: ours, ..ReceiverView::default() };
            let block = Some(ReportBlock { view, last_report, delay: 0 });
            let cname = b"0123456789abcdef";
            let report = Report { ssrc: 77, sender: None, block, cname, bye: false };
            let mut bytes = [0; REPORT_BYTES_MAX];
            let length = report.write(&mut bytes);
            self.rtcp.send_to(&bytes[..length], from).unwrap();
            answered += 1;
        }
        answered
    }
}

/// Where the answer wants media.
fn media_of(sdp: &[u8]) -> SocketAddr {
    let text = std::str::from_utf8(sdp).unwrap();
    let field = |prefix: &str, n: usize| {
        let line = text.lines().find(|l| l.starts_with(prefix)).expect("a line");
        line.split(' ').nth(n).expect("a field").to_owned()
    };
    format!("{}:{}", field("c=", 2), field("m=audio", 1)).parse().unwrap()
}

/// The carrier calls and is answered.
fn call(carrier: &mut Wire, server: SocketAddr, port: u16) -> (Ask, Message, BadLine) {
    let open = |port| UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let (rtp, rtcp) = (open(port), open(port + 1));
    carrier.media_port = port;
    let from = format!("sip:{CUSTOMER}@127.0.0.1");
    let invite = Ask::invite(&format!("sip:{DID}@{server}"), &from);
    let answer = carrier.ask(&invite, &[]);
    assert_eq!(answer.status().map(|s| s.code()), Some(200), "{answer:?}");
    carrier.acknowledge(&invite, &answer);
    let to = media_of(&answer.sdp().expect("an answer"));
    (invite, answer, BadLine { rtp, rtcp, to })
}

/// A call over the bad line, to its end; the true jitter, milliseconds.
fn talk_over_a_bad_line(mut carrier: Wire, server: SocketAddr, port: u16) -> f64 {
    let (invite, answer, line) = call(&mut carrier, server, port);
    let over = AtomicBool::new(false);
    let jitter = std::thread::scope(|scope| {
        let reports = scope.spawn(|| line.report(&over));
        let jitter = line.talk();
        over.store(true, Ordering::Relaxed);
        assert!(reports.join().unwrap() >= 1, "no report of ours came");
        jitter
    });
    carrier.hang_up(&invite, &answer);
    jitter
}

fn figure(leg: &Value, name: &str) -> f64 {
    leg[name].as_f64().unwrap_or_else(|| panic!("no {name}: {leg}"))
}

/// TEL-17: 5 % lost, every other packet 10 ms late, 80 ms there and back on the customer's side;
/// none of it on the agent's line.
#[tokio::test(flavor = "multi_thread")]
async fn loss_jitter_round_trip_and_mos_of_each_leg_are_near_the_truth() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let server = floor.server.sip;
    let carrier = Wire::open(server);
    trunk_with_did(&floor, carrier.local.port(), DID).await;
    let lead = floor.lead("Bad line", CUSTOMER).await;
    let media_port = ports::block(2);
    let calling =
        tokio::task::spawn_blocking(move || talk_over_a_bad_line(carrier, server, media_port));
    let true_jitter = calling.await.unwrap();
    talk(0.2).await;
    let path = format!("/calls?lead_id={lead}");
    let quality = eventually("the quality of both legs", SOON, || async {
        let calls = floor.admin.get(&path).await;
        let id = calls["items"][0]["id"].as_str()?.to_owned();
        let quality = floor.admin.get(&format!("/calls/{id}")).await["quality"].clone();
        (quality.as_array()?.len() == 2).then_some(quality)
    })
    .await;
    let leg = |role: &str| {
        let legs = quality.as_array().unwrap();
        legs.iter().find(|leg| leg["role"] == role).unwrap_or_else(|| panic!("{role}: {quality}"))
    };
    let customer = leg("customer");
    let loss = figure(customer, "loss_percent");
    assert!((loss - 5.0).abs() < 0.3, "{customer}");
    let jitter = figure(customer, "jitter_ms");
    assert!(true_jitter > 8.0, "the line jitters: {true_jitter}");
    assert!((jitter - true_jitter).abs() < 2.0, "truth {true_jitter}: {customer}");
    let round_trip = figure(customer, "round_trip_ms");
    assert!((80.0..100.0).contains(&round_trip), "{customer}");
    let truth = e_model::mos(e_model::rating(5.0, true_jitter as f32, Some(80.0)));
    assert!((figure(customer, "mos") - f64::from(truth)).abs() < 0.1, "truth {truth}: {customer}");
    // Five in a hundred lost is heard, and far from the end (G.107: R about 75).
    assert!((3.6..4.0).contains(&figure(customer, "mos")), "{customer}");
    // Nothing is lost on the agent's side; but what was lost before is missing in what the agent
    // hears, and the phone's reports say so.
    let agent = leg("agent");
    assert!(figure(agent, "loss_percent") < 1.0, "{agent}");
    assert!((3.5..4.3).contains(&figure(agent, "mos")), "{agent}");
}

/// C12, C13: a party that sends nothing for thirty seconds ends the call, the record says why, and
/// within five seconds its ports are closed.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_seconds_of_silence_end_a_call_and_its_ports_close() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let server = floor.server.sip;
    let carrier = Wire::open(server);
    trunk_with_did(&floor, carrier.local.port(), DID).await;
    let lead = floor.lead("Silent", CUSTOMER).await;
    let media_port = ports::block(2);
    let silence = move || {
        let mut carrier = carrier;
        let (_, _, line) = call(&mut carrier, server, media_port);
        let word = [Codec::Pcma.encode(4000); 160];
        for n in 0..50 {
            let header =
                Header { marker: n == 0, sequence: n, timestamp: u32::from(n) * 160, ssrc: 7 };
            let packet = [header.to_bytes(8).as_slice(), &word].concat();
            line.rtp.send_to(&packet, line.to).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let silent = Instant::now();
        let bye =
            carrier.request(&Method::Bye, Duration::from_secs(45)).expect("the call is ended");
        let after = silent.elapsed();
        carrier.respond(&bye, "200 OK", &[], false);
        let ended = Instant::now();
        let closed = |port| UdpSocket::bind((line.to.ip(), port)).is_ok();
        while !(closed(line.to.port()) && closed(line.to.port() + 1)) {
            assert!(ended.elapsed() < Duration::from_secs(5), "the ports are open still");
            std::thread::sleep(Duration::from_millis(20));
        }
        after
    };
    let after = tokio::task::spawn_blocking(silence).await.unwrap();
    assert!((29.0..35.0).contains(&after.as_secs_f32()), "ended after {after:?} of silence");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "system", "{row}");
    assert!(row["hangup_cause"].to_string().contains("media_timeout"), "{row}");
}

/// C15: what is said while a recording is paused is in neither channel, and the record shows when.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_recording_holds_silence_in_both_channels_and_a_marker() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let mut customer = customer(&floor, "+919811772211", 1000.0, "udp", "PCMU", "").await;
    let id = trunk(&floor, customer.sip_port, json!({})).await;
    let number = "+918047112211";
    did(&floor, &id, number, &floor.extension).await;
    let lead = floor.lead("Card number", "+919811772211").await;
    customer.command("dial", &format!("sip:{number}@{}", floor.server.sip));
    block_in_place(|| customer.until("CALL_ESTABLISHED", 10));
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    floor.call_is(&call, "in_progress").await;
    talk(2.0).await;
    let pause = |paused: bool| {
        let path = format!("/calls/{call}/recording/pause");
        let asha = &floor.asha;
        async move { asha.post(&path, json!({ "paused": paused })).await }
    };
    pause(true).await;
    talk(3.0).await;
    pause(false).await;
    talk(2.0).await;
    customer.command("hangup", "");
    floor.call_over(&call).await;
    let events = floor.admin.get(&format!("/calls/{call}/events?limit=200")).await;
    let at = |paused: bool| {
        let all = events["items"].as_array().unwrap();
        let marker = all
            .iter()
            .find(|e| e["kind"] == "recording_paused" && e["data"]["paused"] == json!(paused));
        marker.unwrap_or_else(|| panic!("no marker {paused}: {events}"))["at"].clone()
    };
    assert_ne!(at(true), at(false));
    let (theirs, ours) = floor.recording(&call).await;
    for (who, heard, hz) in [("customer", &theirs, 1000.0), ("agent", &ours, AGENT_HZ)] {
        // Seven seconds, the middle three silent; edges where the machine was slow are left out.
        assert!(heard.seconds_of(hz) > 2.5, "{who}: {}", heard.seconds_of(hz));
        assert!(heard.seconds_of(hz) < 5.0, "{who}: {}", heard.seconds_of(hz));
        let silent = (0..heard.seconds() as u32 * 4).map(|n| n as f32 / 4.0);
        let silent = silent.filter(|from| heard.between(*from, from + 0.25).level() == 0.0).count();
        assert!(silent >= 10, "{who}: {silent} silent quarters of a second");
    }
}
