//! Recordings and logs as they are kept: in parts, compressed, encrypted, in a folder or a
//! bucket, and without secrets.

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use testkit::{ears::Heard, eventually, peers::Baresip, ports, server::PASSWORD};
use tokio::task::block_in_place;

/// A call of two seconds to a customer who is a tone; its id, once its recording is stored.
async fn recorded(floor: &Floor, phone: &mut Baresip, number: &str) -> String {
    let lead = floor.lead("Tone", number).await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(2.5).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    let path = format!("/calls/{call}/disposition");
    floor.asha.post(&path, json!({ "code": "INTERESTED" })).await;
    call
}

/// The two channels of an Ogg file, by a decoder we did not write.
fn decoded(ogg: &[u8]) -> (Heard, Heard) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.ogg"), folder.path().join("a.wav"));
    fs::write(&from, ogg).unwrap();
    let out = Command::new("opusdec")
        .args(["--quiet", "--rate", "8000"])
        .args([&from, &to])
        .output()
        .expect("opusdec is installed by scripts/setup.sh test");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let wav = fs::read(&to).unwrap();
    (Heard::channel(&wav, 0), Heard::channel(&wav, 1))
}

fn hears_both(customer: &Heard, ours: &Heard) {
    assert!(customer.seconds_of(1000.0) > 1.5, "left: {}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 1.5, "right: {}", ours.seconds_of(AGENT_HZ));
    assert!(customer.share_at(AGENT_HZ) < 0.05 && ours.share_at(1000.0) < 0.05, "apart");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// True when some stretch of the audio lies in the bytes as it is.
fn lies_open(wav: &[u8], bytes: &[u8]) -> bool {
    let middle = &wav[wav.len() / 2..wav.len() / 2 + 64];
    bytes.windows(4).any(|w| w == b"RIFF" || w == b"OggS") || bytes.windows(64).any(|w| w == middle)
}

/// PBX-18, F09, SEC-07, I12: parts, forms, links; encrypted where it lies; each play written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_played_in_parts_and_in_both_forms_and_lies_encrypted() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let call = recorded(&floor, &mut phone, "+919811750015").await;
    floor.recording(&call).await;
    let path = format!("/calls/{call}/recording");
    let (status, whole) = floor.asha.bytes(&path, None).await;
    assert_eq!(status, StatusCode::OK);
    hears_both(&Heard::channel(&whole, 0), &Heard::channel(&whole, 1));
    let end = whole.len();
    for (range, part) in [
        ("bytes=0-43".to_owned(), &whole[..44]),
        (format!("bytes=100-{}", end + 99), &whole[100..]),
        ("bytes=70000-70999".to_owned(), &whole[70_000..71_000]),
        ("bytes=-500".to_owned(), &whole[end - 500..]),
    ] {
        let (status, bytes) = floor.asha.bytes(&path, Some(&range)).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert!(bytes == part, "{range}: {} bytes", bytes.len());
    }
    let beyond = format!("bytes={end}-");
    assert_eq!(floor.asha.bytes(&path, Some(&beyond)).await.0, StatusCode::RANGE_NOT_SATISFIABLE);

    let (status, ogg) = floor.asha.bytes(&format!("{path}?format=ogg"), None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(ogg.len() * 3 < whole.len(), "{} of {}", ogg.len(), whole.len());
    let (customer, ours) = decoded(&ogg);
    hears_both(&customer, &ours);

    let link = floor.asha.post(&format!("{path}/link"), json!({})).await;
    let url = format!("{}{}", floor.server.base, link["url"].as_str().unwrap());
    let reply = reqwest::get(&url).await.unwrap();
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "audio/wav");
    assert_eq!(reply.headers()[header::ACCEPT_RANGES], "bytes");
    assert!(reply.bytes().await.unwrap() == whole, "an audio element gets the same");
    let forged = reqwest::get(format!("{url}x")).await.unwrap();
    assert_eq!(forged.status(), StatusCode::UNAUTHORIZED);

    let objects = files(&floor.server.data().join("objects"));
    assert_eq!(objects.len(), 2, "one object for each form: {objects:?}");
    for object in &objects {
        let bytes = fs::read(object).unwrap();
        assert!(bytes.len() > 1000 && !lies_open(&whole, &bytes), "{}", object.display());
    }
    assert_eq!(files(&floor.server.data().join("spool")), Vec::<PathBuf>::new());
    let plays = floor.admin.get(&format!("/audit?object_id={call}&limit=50")).await;
    let plays = plays["items"].as_array().unwrap();
    let by_asha = plays
        .iter()
        .filter(|p| p["action"] == "recording.played" && p["user_id"] == floor.asha_id.as_str());
    assert!(by_asha.count() >= 3, "{plays:?}");
}

/// A bucket in memory, ended with the story.
struct Bucket {
    child: Child,
    base: String,
    port: u16,
}

impl Bucket {
    async fn open(port: u16) -> Self {
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache"),
            PathBuf::from,
        );
        let child = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", cache.join("telehub/s3-server"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/setup.sh test installs the S3 server");
        let bucket = Self { child, base: format!("http://127.0.0.1:{port}"), port };
        let make = format!("{}/hub", bucket.base);
        eventually("the bucket is there", Duration::from_secs(60), || async {
            let reply = Client::new().put(&make).send().await.ok()?;
            reply.status().is_success().then_some(())
        })
        .await;
        bucket
    }

    /// Name and bytes of everything in it.
    async fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let list = reqwest::get(format!("{}/hub?list-type=2", self.base)).await.unwrap();
        let list = list.text().await.unwrap();
        let mut found = Vec::new();
        for part in list.split("<Key>").skip(1) {
            let key = part.split("</Key>").next().unwrap().to_owned();
            let object = reqwest::get(format!("{}/hub/{key}", self.base)).await.unwrap();
            found.push((key, object.bytes().await.unwrap().to_vec()));
        }
        found
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// H18: recordings go to an S3-compatible store and are played from it; while it is away they
/// wait, also over a restart.
#[tokio::test(flavor = "multi_thread")]
async fn recordings_live_in_a_bucket_and_wait_while_it_is_away() {
    let bucket = Bucket::open(ports::one()).await;
    let endpoint = bucket.base.clone();
    let mut floor = Floor::open_with(&[
        ("TELEHUB_STORAGE_URL", "s3://hub/floor"),
        ("AWS_ENDPOINT", &endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "ap-south-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "not-to-be-logged"),
    ])
    .await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let call = recorded(&floor, &mut phone, "+919811710015").await;
    let (customer, ours) = floor.recording(&call).await;
    hears_both(&customer, &ours);
    let path = format!("/calls/{call}/recording");
    let (_, wav) = floor.asha.bytes(&path, None).await;
    let (status, part) = floor.asha.bytes(&path, Some("bytes=66000-66999")).await;
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    assert!(part == wav[66_000..67_000]);
    let (_, ogg) = floor.asha.bytes(&format!("{path}?format=ogg"), None).await;
    let (customer, ours) = decoded(&ogg);
    hears_both(&customer, &ours);
    let objects = bucket.objects().await;
    assert_eq!(objects.len(), 2, "{:?}", objects.iter().map(|o| &o.0).collect::<Vec<_>>());
    for (key, bytes) in &objects {
        assert!(key.starts_with("floor/recordings/") && key.contains(&call), "{key}");
        assert!(!lies_open(&wav, bytes), "{key}");
    }
    assert!(files(&floor.server.data().join("objects")).is_empty(), "nothing beside the bucket");

    let port = bucket.port;
    drop(bucket);
    let call = recorded(&floor, &mut phone, "+919811720015").await;
    // The end of a recording is told after the end of its call.
    eventually("the recording waits for the bucket", Duration::from_secs(10), || async {
        let row = floor.call(&call).await;
        (row["recording"]["state"] == "storing").then_some(())
    })
    .await;
    let (status, _) = floor.asha.bytes(&format!("/calls/{call}/recording"), None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let told = Instant::now();
    floor.server.terminate();
    assert_eq!(block_in_place(|| floor.server.wait(60)), Some(0));
    assert!(told.elapsed() < Duration::from_secs(40), "not held up: {:?}", told.elapsed());
    let _bucket = Bucket::open(port).await;
    floor.server.boot();
    let (customer, ours) = floor.recording(&call).await;
    hears_both(&customer, &ours);
    assert!(!floor.server.log().contains("not-to-be-logged"));
}

/// F25, B13: each line is one JSON record; a call's lines carry its id and its legs'; no secret.
#[tokio::test(flavor = "multi_thread")]
async fn logs_are_json_with_call_and_leg_and_without_secrets() {
    let floor =
        Floor::open_with(&[("TELEHUB_LOG_FORMAT", "json"), ("TELEHUB_LOG_FILTER", "debug")]).await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let trunk = json!({
        "name": "with-secret", "preset": "other", "secret": "carrier-secret-55", "priority": 900,
        "settings": {
            "hosts": [{ "host": "127.0.0.1", "port": ports::one() }],
            "transport": "udp", "auth": "digest", "username": "hub",
        },
    });
    floor.admin.post("/trunks", trunk).await;
    let number = "+919811730015";
    let call = recorded(&floor, &mut phone, number).await;
    floor.recording(&call).await;
    let (_, sip_secret, _) = floor.server.sip_secret(&floor.extension).await;
    let log = floor.server.log();
    let (mut of_call, mut of_leg) = (0, 0);
    for line in log.lines().filter(|l| !l.starts_with("  ") && !l.starts_with("TeleHub ready")) {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for key in ["timestamp", "level", "target"] {
            assert!(record[key].is_string(), "{key}: {line}");
        }
        if record["span"]["call.id"] == call.as_str() || record["call.id"] == call.as_str() {
            of_call += 1;
            of_leg += usize::from(record["leg.id"].is_string());
        }
    }
    assert!(of_call >= 3 && of_leg >= 2, "{of_call} lines of the call, {of_leg} of its legs");
    for secret in [
        PASSWORD,
        &sip_secret,
        "carrier-secret-55",
        &floor.asha.token,
        &floor.admin.token,
        "response=\"",
    ] {
        let printed = log.lines().find(|l| l.contains(secret) && l.starts_with('{'));
        assert!(printed.is_none(), "a secret is logged: {printed:?}");
    }
    let open = log.lines().find(|l| l.contains(number) && !l.contains("\"DEBUG\""));
    assert!(open.is_none(), "the customer's number is masked: {open:?}");
}
