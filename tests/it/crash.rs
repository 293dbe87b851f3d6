//! `kill -9` under calls (H01): an answered call always has its record, and its recording up to
//! the last second.
//!
//! `TELEHUB_KILL_ROUNDS` rounds (5), seeded by `TELEHUB_KILL_SEED` (1). A round: thirty callers
//! of a carrier reach ten phones, some phones a colleague, and the desk dials some customers; the process dies at a moment of
//! chance, sometimes again while it looks after the last death, and everything is read back over
//! the API. SQLite first; PostgreSQL for `TELEHUB_KILL_ROUNDS_POSTGRES` rounds (2).

use crate::{
    carriers::no_other_carrier,
    floor::{Floor, SOON},
    outage::Postgres,
};
use carrier::{Behaviour, Carrier, Outcome, PlaceCall, PlacedCall};
use chrono::{DateTime, SecondsFormat, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};
use testkit::{
    ears::Heard,
    eventually,
    peers::{Seen, Sipp, SippRun},
    ports,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CALLS: u32 = 30;
/// Phones that call a colleague's.
const COLLEAGUES: u32 = 4;
/// What the callers say.
const CALLER_HZ: f32 = 1000.0;
/// Customers that the desk dials at the beginning of a round.
const CLICKS: u32 = 6;
/// A switch that is alive has an answer on disk, or has given up waiting for it, this much later.
const WRITTEN: f64 = 0.75;
/// Phones register for an hour; well before that they do it again.
const ROUNDS_PER_REGISTRATION: u32 = 60;
/// Who was answered this long before the kill has audio, and at most this much of it is missing.
const LAST_SECOND: f64 = 1.0;

/// Ten phones behind one address, ten numbers on a trunk of a carrier of ours.
struct Crowd {
    floor: Floor,
    accounts: tempfile::NamedTempFile,
    /// Number and DID of each extension.
    dids: Vec<String>,
    numbers: Vec<String>,
    carrier: SocketAddr,
    phones: u16,
    /// The extension that colleagues call.
    last: String,
}

impl Crowd {
    async fn gather(extra: &[(&str, &str)]) -> Self {
        let rtp = ports::block(240);
        let (first, last) = (rtp.to_string(), (rtp + 239).to_string());
        let range = [("TELEHUB_RTP_PORT_MIN", &*first), ("TELEHUB_RTP_PORT_MAX", &*last)];
        let floor = Floor::open_with(&[&range, extra].concat()).await;
        let carrier = SocketAddr::from(([127, 0, 0, 1], ports::one()));
        let trunk = json!({
            "name": "crowd", "preset": "other", "priority": 1,
            "settings": {
                "options_interval_s": 0,
                "hosts": [{ "host": "127.0.0.1", "port": carrier.port() }],
                "transport": "udp", "auth": "ip", "source_cidrs": [carrier.to_string()],
            },
        });
        let trunk = floor.admin.post("/trunks", trunk).await;
        no_other_carrier(&floor).await;
        let extensions = floor.admin.get("/extensions?limit=200").await;
        let (mut lines, mut dids) = (String::from("SEQUENTIAL\n"), Vec::new());
        let mut numbers = Vec::new();
        let mut last = String::new();
        for (n, extension) in extensions["items"].as_array().unwrap().iter().enumerate() {
            let id = extension["id"].as_str().unwrap();
            let secret = floor.admin.get(&format!("/extensions/{id}/secret")).await;
            let text = |key: &str| secret[key].as_str().unwrap().to_owned();
            let (user, domain, secret) = (text("username"), text("domain"), text("secret"));
            let proof = format!("[authentication username={user} password={secret}]");
            writeln!(lines, "{user};{domain};{proof}").unwrap();
            numbers.push(extension["number"].as_str().unwrap().to_owned());
            last = user;
            let did = format!("+9180471144{n:02}");
            let number = json!({
                "number": did, "trunk_id": trunk["id"],
                "destination": { "type": "extension", "id": id },
            });
            floor.admin.post("/numbers", number).await;
            dids.push(did);
        }
        let mut accounts = tempfile::NamedTempFile::new().unwrap();
        accounts.write_all(lines.as_bytes()).unwrap();
        let crowd = Self { floor, accounts, dids, numbers, carrier, phones: ports::one(), last };
        crowd.register().await;
        crowd
    }

    async fn register(&self) {
        let (_, _, domain) = self.floor.server.sip_secret(&self.floor.extension).await;
        let mut sipp = Sipp::named(ROOT, "phones_register");
        sipp.target = Some(self.floor.server.sip.to_string());
        sipp.calls = u32::try_from(self.dids.len()).unwrap();
        let accounts = self.accounts.path().display().to_string();
        sipp.args = ["-inf", &accounts, "-auth_uri", &domain, "-r", "20"].map(str::to_owned).into();
        let run = sipp.start_at(self.phones);
        tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    }

    fn answering(&self) -> SippRun {
        let mut sipp = Sipp::named(ROOT, "phones_answer");
        (sipp.calls, sipp.seconds) = (10_000, 600);
        sipp.args = vec!["-rtp_echo".into()];
        sipp.start_at(self.phones)
    }

    /// The first few phones call the last one.
    fn calling(&self) -> SippRun {
        let mut sipp = Sipp::named(ROOT, "phones_call");
        sipp.target = Some(self.floor.server.sip.to_string());
        (sipp.calls, sipp.seconds) = (COLLEAGUES, 600);
        let accounts = self.accounts.path().display().to_string();
        let asked = format!("{}@{}", self.last, self.floor.server.sip);
        let args = ["-inf", &accounts, "-s", &self.last, "-r", "2", "-auth_uri", &asked];
        sipp.args = args.map(str::to_owned).into();
        sipp.start()
    }

    /// The desk dials customers, each from another phone, once their last outcomes are said.
    async fn click(&self, round: u32) {
        let post = || "POST".parse().unwrap();
        let agents = self.floor.admin.get("/agents?limit=200").await;
        for agent in agents["items"].as_array().unwrap() {
            for call in agent["pending_outcomes"].as_array().unwrap() {
                let path = format!("/calls/{}/disposition", call.as_str().unwrap());
                self.floor.admin.post(&path, json!({ "code": "NO_ANSWER" })).await;
            }
        }
        for (n, extension) in (0..CLICKS).zip(&self.numbers) {
            let to = customer(round, n);
            let wish = json!({ "to": to, "from_extension": extension });
            let (status, said) = self.floor.admin.call(post(), "/calls/start", Some(wish)).await;
            // A colleague may be calling that phone already.
            assert!(status.is_success() || said["rule"] == "agent_busy", "{status}: {said}");
        }
    }

    /// Calls in and out, kill, start again.
    async fn round(&mut self, round: u32, chance: &mut StdRng) -> Killed {
        let phones = self.answering();
        let carrier = carrier::Config { listen: self.carrier, ..carrier::Config::default() };
        let carrier = Carrier::start(carrier).unwrap();
        let mut offered = carrier.offered_calls().await;
        let began = Utc::now();
        let moment = Duration::from_millis(chance.random_range(300..6_000));
        let deadline = tokio::time::Instant::now() + moment;
        self.click(round).await;
        let colleagues = self.calling();
        let mut placed: Vec<(String, PlacedCall)> = Vec::new();
        for n in 0..CALLS {
            let from = format!("+919811{:06}", round * 100 + n);
            // Every sixth hangs up by itself after three seconds.
            let last_digits = if n % 6 == 5 { "0014" } else { "0015" };
            let call = PlaceCall {
                switch: self.floor.server.sip,
                tcp: n % 3 == 2,
                did: self.dids[n as usize % self.dids.len()].clone(),
                from: from.clone(),
                behaviour: last_digits.parse::<Behaviour>().unwrap(),
            };
            placed.push((from, carrier.place_call(call).await));
            let pause = Duration::from_millis(chance.random_range(0..80));
            if tokio::time::timeout_at(deadline, tokio::time::sleep(pause)).await.is_err() {
                break;
            }
        }
        tokio::time::sleep_until(deadline).await;
        let (at, then) = (Utc::now(), Instant::now());
        self.floor.server.kill();
        carrier.stop().await;
        let late = then.elapsed();
        let colleagues = who_was_answered(&colleagues);
        drop(phones);
        let mut calls = HashMap::new();
        for (from, call) in placed {
            let outcome = call.outcome().await.expect("a stopping carrier tells");
            calls.insert(from, outcome);
        }
        let mut clicked = HashMap::new();
        while let Ok(call) = offered.try_recv() {
            let outcome = call.outcome.outcome().await.expect("a stopping carrier tells");
            clicked.insert(call.number, outcome);
        }
        if round % 3 == 1 {
            // Dying while it looks after the last death must not make things worse.
            self.floor.server.spawn();
            let pause = Duration::from_millis(chance.random_range(20..700));
            tokio::time::sleep(pause).await;
            self.floor.server.kill();
        }
        self.floor.server.boot();
        self.floor.admin = self.floor.server.api("admin").await;
        Killed { began, at, late, calls, clicked, colleagues }
    }
}

/// What the far side saw.
struct Killed {
    began: DateTime<Utc>,
    at: DateTime<Utc>,
    /// From the kill until the carrier hung up what was left.
    late: Duration,
    calls: HashMap<String, Outcome>,
    /// The customers that the switch dialled.
    clicked: HashMap<String, Outcome>,
    /// Numbers of the phones whose call to a colleague was answered.
    colleagues: BTreeSet<String>,
}

/// The callers that got a 200 to an INVITE.
fn who_was_answered(run: &SippRun) -> BTreeSet<String> {
    let seen = run.seen();
    let answers = seen.iter().filter(|message| message.received && message.is("200"));
    let invited = answers.filter(|m| m.header("CSeq").is_some_and(|cseq| cseq.ends_with("INVITE")));
    let caller = |m: &Seen| {
        let from = m.header("From")?.split_once("sip:")?.1;
        Some(from.split('@').next()?.to_owned())
    };
    invited.filter_map(caller).collect()
}

impl Killed {
    /// Answered, as the carrier saw it, at least so many seconds before the kill.
    fn answered_before(&self, outcome: &Outcome, seconds: f64) -> bool {
        let talked = outcome.talked;
        talked.is_some_and(|t| t.as_secs_f64() - self.late.as_secs_f64() > seconds)
    }
}

/// Figures over all rounds.
#[derive(Default)]
struct Sum {
    answered: usize,
    between_colleagues: usize,
    clicked: usize,
    cut: usize,
    played: usize,
    /// Most audio missing before a kill, seconds.
    worst: f64,
}

/// Rows of the round, once no recording is on its way any more and no call is left open: a phone may have repeated its
/// INVITE to the new process.
async fn settled_rows(floor: &Floor, killed: &Killed) -> Vec<Value> {
    let from = killed.began.to_rfc3339_opts(SecondsFormat::Millis, true);
    let path = format!("/calls?limit=200&from={from}");
    eventually("every recording of the round is settled", Duration::from_secs(60), || async {
        let rows = floor.admin.get(&path).await["items"].as_array()?.clone();
        let moving = ["expected", "recording", "paused", "storing"].map(Value::from);
        let over = |row: &Value| row["ended_at"].is_string();
        let settled = |row: &Value| over(row) && !moving.contains(&row["recording"]["state"]);
        rows.iter().all(settled).then_some(rows)
    })
    .await
}

async fn check(floor: &Floor, killed: &Killed, sum: &mut Sum) {
    let rows = settled_rows(floor, killed).await;
    let mut by_caller: HashMap<&str, Vec<&Value>> = HashMap::new();
    for row in &rows {
        let over = ["completed", "missed", "failed"].map(Value::from);
        assert!(over.contains(&row["status"]), "a row is stuck open: {row}");
        by_caller.entry(row["from"].as_str().unwrap()).or_default().push(row);
    }
    for from in &killed.colleagues {
        let rows = by_caller.get(from.as_str()).map_or(&[][..], Vec::as_slice);
        assert_eq!(rows.len(), 1, "{from} was answered by a colleague: {rows:?}");
        assert!(rows[0]["answered_at"].is_string(), "{from} was answered: {}", rows[0]);
        sum.between_colleagues += 1;
        let answered = rows[0]["answered_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        if (killed.at - answered).as_seconds_f64() > LAST_SECOND {
            check_length(floor, killed, rows[0], sum).await;
        }
    }
    for (from, outcome) in &killed.calls {
        let rows = by_caller.get(from.as_str()).map_or(&[][..], Vec::as_slice);
        assert!(rows.len() <= 1, "{from} has {} rows: {rows:?}", rows.len());
        if outcome.talked.is_none() {
            continue;
        }
        sum.answered += 1;
        // However late: a caller is not answered before the disk knows.
        assert_eq!(rows.len(), 1, "{from} was answered and has no row");
        assert!(rows[0]["answered_at"].is_string(), "{from} was answered: {}", rows[0]);
        if killed.answered_before(outcome, LAST_SECOND) {
            check_recording(floor, killed, rows[0], sum).await;
        }
    }
    for (to, outcome) in &killed.clicked {
        let to_them = |row: &&Value| row["to"] == to.as_str();
        let rows: Vec<&Value> = rows.iter().filter(to_them).collect();
        assert_eq!(rows.len(), 1, "{to} was dialled: {rows:?}");
        if killed.answered_before(outcome, WRITTEN) {
            sum.clicked += 1;
            assert!(rows[0]["answered_at"].is_string(), "{to} was answered: {}", rows[0]);
        }
        if killed.answered_before(outcome, LAST_SECOND) {
            check_recording(floor, killed, rows[0], sum).await;
        }
    }
}

/// A number that is dialled once in all rounds, and answers with [`CALLER_HZ`].
fn customer(round: u32, n: u32) -> String {
    format!("+9198{:04}0015", round * 10 + n)
}

/// The recording is as long as the call was, but for its last second, and what it holds was said.
async fn check_recording(floor: &Floor, killed: &Killed, row: &Value, sum: &mut Sum) {
    let (customer, ours) = check_length(floor, killed, row, sum).await;
    let length = customer.seconds();
    if row["hangup_cause"]["kind"] == "interrupted" {
        // What is there is what was said, up to its very end, and the phone's echo of it.
        let tail = customer.between(length - 0.3, length);
        let tone = tail.share_at(CALLER_HZ);
        assert!(length < 1.0 || tone > 0.8, "the caller's tone at the end: {tone}, {row}");
        let echo = ours.seconds_of(CALLER_HZ);
        assert!(length < 1.5 || echo > 0.3, "echo of the phone: {echo} s of {length} s, {row}");
    }
}

/// Both channels of the recording, which is as long as the call was, but for its last second.
async fn check_length(
    floor: &Floor,
    killed: &Killed,
    row: &Value,
    sum: &mut Sum,
) -> (Heard, Heard) {
    let time = |key: &str| row[key].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let cut = row["hangup_cause"]["kind"] == "interrupted";
    let end = if cut { killed.at } else { time("ended_at") };
    let talked = (end - time("answered_at")).num_milliseconds() as f64 / 1000.0;
    let state = row["recording"]["state"].as_str().unwrap_or_default();
    assert!(state == "recovered" || (!cut && state == "ready"), "recording of {row}");
    let id = row["id"].as_str().unwrap();
    let (status, bytes) = floor.admin.bytes(&format!("/calls/{id}/recording"), None).await;
    assert!(status.is_success(), "{status}: recording of {row}");
    let (customer, ours) = (Heard::channel(&bytes, 0), Heard::channel(&bytes, 1));
    let length = f64::from(customer.seconds());
    let missing = talked - length;
    assert!(missing <= LAST_SECOND, "{missing:.3} s of {talked:.3} s are missing: {row}");
    let said = row["recording"]["duration_seconds"].as_f64().unwrap();
    assert!((said - length).abs() < 0.1, "says {said} s, has {length} s: {row}");
    assert_eq!(customer.samples.len(), ours.samples.len());
    sum.played += 1;
    if cut {
        sum.cut += 1;
        sum.worst = sum.worst.max(missing);
    }
    (customer, ours)
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// H01, and the bindings of phones that survive each death.
#[tokio::test(flavor = "multi_thread")]
async fn every_answered_call_has_one_row_and_its_audio_after_kill_9() {
    kill_again_and_again(number("TELEHUB_KILL_ROUNDS", 5), &[]).await;
}

/// H01 with the database in another process.
#[tokio::test(flavor = "multi_thread")]
async fn every_answered_call_has_one_row_after_kill_9_on_postgresql_too() {
    let database = tokio::task::block_in_place(Postgres::start);
    let rounds = number("TELEHUB_KILL_ROUNDS_POSTGRES", 2);
    kill_again_and_again(rounds, &[("TELEHUB_DATABASE_URL", &database.url())]).await;
}

async fn kill_again_and_again(rounds: u32, extra: &[(&str, &str)]) {
    let mut chance = StdRng::seed_from_u64(u64::from(number("TELEHUB_KILL_SEED", 1)));
    let mut crowd = Crowd::gather(extra).await;
    let mut sum = Sum::default();
    for round in 0..rounds {
        if round > 0 && round % ROUNDS_PER_REGISTRATION == 0 {
            crowd.register().await;
        }
        let killed = crowd.round(round, &mut chance).await;
        check(&crowd.floor, &killed, &mut sum).await;
        if round % 20 == 19 || round + 1 == rounds {
            tell(round + 1, &sum);
        }
    }
    assert!(sum.answered > rounds as usize, "calls were up: {}", sum.answered);
    assert!(sum.between_colleagues > 0, "colleagues talked");
    assert!(sum.clicked > 0, "the desk's calls were answered");
    crowd.floor.phone_registered().await;
    eventually("the floor is well", SOON, || async {
        let health = crowd.floor.admin.get("/health").await;
        (health["status"] == "up").then_some(())
    })
    .await;
}

fn tell(rounds: u32, sum: &Sum) {
    let Sum { answered, between_colleagues, clicked, cut, played, worst } = sum;
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "H01: {rounds} kills, {answered} answered calls in, {clicked} out and {between_colleagues} \
         between phones, {cut} cut off, {played} recordings played, at most {worst:.2} s missing before a kill"
    );
}
