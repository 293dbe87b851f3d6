//! Hold from every side, and DTMF's neighbour: what the waiting party hears.

use crate::{
    carriers::{call_of, customer, did, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use testkit::{ears::Heard, live::Live, peers::Baresip};
use tokio::task::block_in_place;

/// Tone of the customer's phone.
const CUSTOMER_HZ: f32 = 1000.0;

/// An answered call from a customer with a baresip to Asha's baresip.
struct Talk {
    floor: Floor,
    customer: Baresip,
    phone: Baresip,
    live: Live,
    call: String,
}

impl Talk {
    async fn begin(number: &str, our_did: &str) -> Self {
        let floor = Floor::open().await;
        let phone = floor.phone().await;
        floor.ready().await;
        let mut customer = customer(&floor, number, CUSTOMER_HZ, "udp", "PCMA", "").await;
        let trunk = trunk(&floor, customer.sip_port, json!({})).await;
        did(&floor, &trunk, our_did, &floor.extension).await;
        let lead = floor.lead("Holding", number).await;
        customer.command("dial", &format!("sip:{our_did}@{}", floor.server.sip));
        block_in_place(|| customer.until("CALL_ESTABLISHED", 10));
        let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
        let live = floor.live().await;
        Self { floor, customer, phone, live, call }
    }

    /// Ends the call and gives what the customer and the agent heard.
    async fn end(mut self) -> (Vec<Heard>, Vec<Heard>) {
        self.customer.command("hangup", "");
        self.floor.call_over(&self.call).await;
        assert!(block_in_place(|| self.phone.saw("CALL_CLOSED", SOON)));
        talk(0.3).await;
        (self.customer.heard(), self.phone.heard())
    }

    /// Waits until the screen shows whether the customer waits.
    async fn held(&mut self, held: bool) {
        shown_held(&mut self.live, held).await;
    }
}

async fn shown_held(live: &mut Live, held: bool) {
    live.seen.clear();
    let shows = |v: &serde_json::Value| v["data"]["held"] == held;
    live.until(&format!("held {held}"), SOON, shows).await;
}

/// What somebody on hold heard: `tone` first, then something else that is not silence, then
/// `tone` again.
fn tone_music_tone(heard: &Heard, tone: f32, music_at_least: f32) {
    let shown = windows(heard, tone);
    let windows: Vec<char> = shown.chars().collect();
    let first = windows.iter().position(|w| *w == 't');
    let last = windows.iter().rposition(|w| *w == 't');
    let (Some(first), Some(last)) = (first, last) else { panic!("no tone at all: {shown}") };
    let between = &windows[first..=last];
    let music = between.iter().filter(|w| **w == 'm').count() as f32 * 0.25;
    assert!(music >= music_at_least, "hold music between two stretches of tone: {shown}");
    let again = between.iter().rposition(|w| *w == 'm').map_or(0, |at| between.len() - at - 1);
    assert!(again >= 3, "the tone comes back after the music: {shown}");
}

/// What somebody heard who held the other side: baresip writes down nothing after its own hold, so this proves what came
/// before. That the voice comes again for who held is heard by linphone, in a story of its own.
fn heard_before(parts: &[Heard], tone: f32) {
    let shown: Vec<String> = parts.iter().map(|part| windows(part, tone)).collect();
    let before: f32 = parts.iter().map(|part| part.seconds_of(tone)).sum();
    assert!(before > 1.5, "the holder heard the other side: {before} s, {shown:?}");
}

/// One sign for each quarter of a second: tone, something else, silence.
fn windows(heard: &Heard, tone: f32) -> String {
    (0..(heard.seconds() * 4.0) as usize)
        .map(|n| {
            let part = heard.between(n as f32 * 0.25, n as f32 * 0.25 + 0.25);
            match (part.is_silent(), part.share_at(tone) > 0.6) {
                (true, _) => '.',
                (false, true) => 't',
                (false, false) => 'm',
            }
        })
        .collect()
}

/// A18, TEL-13: the agent holds by a key of the phone; the customer hears music, then the agent.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_held_by_the_agents_phone_hears_music_and_then_the_agent_again() {
    let mut talking = Talk::begin("+919811771001", "+918047112301").await;
    talk(2.0).await;
    talking.phone.command("hold", "");
    talking.held(true).await;
    talk(2.5).await;
    talking.phone.command("resume", "");
    talking.held(false).await;
    talk(2.5).await;
    let (customer, agent) = talking.end().await;
    tone_music_tone(&customer[0], AGENT_HZ, 1.5);
    heard_before(&agent, CUSTOMER_HZ);
}

/// A18, TEL-13: a phone that holds by re-INVITE and resumes hears the customer again, the customer hears the agent again,
/// and the recording goes on with both of them at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn who_held_by_the_phone_hears_the_customer_again_after_resuming() {
    let floor = Floor::open().await;
    let mut phone = floor.linphone().await;
    floor.ready().await;
    let (number, our_did) = ("+919811771004", "+918047112304");
    let mut caller = customer(&floor, number, CUSTOMER_HZ, "udp", "PCMA", "").await;
    let trunk = trunk(&floor, caller.sip_port, json!({})).await;
    did(&floor, &trunk, our_did, &floor.extension).await;
    let lead = floor.lead("Held by linphone", number).await;
    caller.command("dial", &format!("sip:{our_did}@{}", floor.server.sip));
    block_in_place(|| caller.until("CALL_ESTABLISHED", 10));
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    let mut live = floor.live().await;
    talk(2.0).await;
    block_in_place(|| phone.command("pause"));
    shown_held(&mut live, true).await;
    talk(2.5).await;
    block_in_place(|| phone.command("resume"));
    shown_held(&mut live, false).await;
    talk(3.0).await;
    caller.command("hangup", "");
    floor.call_over(&call).await;
    talk(0.5).await;

    tone_music_tone(&caller.heard()[0], AGENT_HZ, 1.5);
    // linphone writes down what it plays; while it holds it plays nothing and writes on when it resumes.
    let heard = phone.heard();
    let shown = windows(&heard, CUSTOMER_HZ);
    let together = heard.seconds_of(CUSTOMER_HZ);
    assert!(together > 4.0, "before the hold and after it: {together} s, {shown}\n{}", phone.log());
    let last = heard.between(heard.seconds() - 1.5, heard.seconds()).seconds_of(CUSTOMER_HZ);
    assert!(last > 1.0, "the customer at the end: {last} s, {shown}");
    let row = floor.call(&call).await;
    let time = |key: &str| row[key].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let talked = (time("ended_at") - time("answered_at")).num_milliseconds() as f32 / 1000.0;
    recorded_together(&floor.recording(&call).await, talked);
}

/// Two channels of one length, that of the talk; each party's words all along, and both of them at the end together. What
/// a phone that holds still sends (linphone goes on, baresip is silent) is on record, though nobody hears it.
fn recorded_together((customer, ours): &(Heard, Heard), talked: f32) {
    assert_eq!(customer.samples.len(), ours.samples.len());
    let end = customer.seconds();
    assert!((end - talked).abs() < 1.2, "{end} s of {talked} s are on record");
    let (theirs, agent) = (windows(customer, CUSTOMER_HZ), windows(ours, AGENT_HZ));
    for (who, channel, hz) in [("customer", customer, CUSTOMER_HZ), ("agent", ours, AGENT_HZ)] {
        let first = channel.between(0.0, 2.0).seconds_of(hz);
        let last = channel.between(end - 2.5, end - 0.5).seconds_of(hz);
        assert!(first > 1.0 && last > 1.5, "the {who}: {first} s, {last} s\n{theirs}\n{agent}");
    }
    let all_along = customer.seconds_of(CUSTOMER_HZ);
    assert!(
        all_along > end - 1.0,
        "the customer never stopped: {all_along} s of {end} s\n{theirs}"
    );
}

/// A18: the customer's side holds; the agent hears music, then the customer.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_held_by_the_customers_phone_hears_music_and_then_the_customer_again() {
    let mut talking = Talk::begin("+919811771002", "+918047112302").await;
    talk(2.0).await;
    talking.customer.command("hold", "");
    talk(2.5).await;
    talking.customer.command("resume", "");
    talk(2.5).await;
    let (customer, agent) = talking.end().await;
    tone_music_tone(&agent[0], CUSTOMER_HZ, 1.5);
    heard_before(&customer, AGENT_HZ);
}

/// TEL-13: held on the screen, by both desk and phone at once: music until both let go.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_held_by_desk_and_phone_waits_until_both_let_go() {
    let mut talking = Talk::begin("+919811771003", "+918047112303").await;
    talk(2.0).await;
    let path = format!("/calls/{}", talking.call);
    talking.floor.asha.post(&format!("{path}/hold"), json!({})).await;
    talking.held(true).await;
    talking.phone.command("hold", "");
    talk(1.5).await;
    talking.floor.asha.post(&format!("{path}/resume"), json!({})).await;
    talk(1.5).await;
    talking.phone.command("resume", "");
    talking.held(false).await;
    talk(2.5).await;
    let (customer, _) = talking.end().await;
    tone_music_tone(&customer[0], AGENT_HZ, 2.5);
}

/// The simulated carrier's 0017 holds and resumes by itself every five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_holds_by_reinvite_puts_music_on_the_agents_phone() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Holds", "+919811770017").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    // It speaks for 6 s, holds at 5 s and resumes at 10 s.
    talk(11.5).await;
    floor.hang_up(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap();
    // The phone was answered at least the second earlier that the carrier rings.
    let held = heard.between(8.0, 10.0);
    assert!(!held.is_silent(), "music while the carrier holds: {}", held.level());
    let after = heard.between(heard.seconds() - 0.6, heard.seconds());
    assert!(after.is_silent(), "no music once it resumed: {}", after.level());
}
