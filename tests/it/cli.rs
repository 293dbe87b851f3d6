//! Every command, as scripts and administrators call it.

use crate::{
    floor::{Floor, SOON, talk},
    inbound::trunk_with_did,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use testkit::{
    api::Api,
    peers::{Baresip, BaresipAccount},
    ports,
    server::{PASSWORD, Telehub},
};
use tokio::task::block_in_place;

const BINARY: &str = env!("CARGO_BIN_EXE_telehub");

/// The binary in a folder, without any `TELEHUB_` variable of ours.
pub(crate) fn telehub(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TELEHUB_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    telehub(folder, arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A process that is ended with the story, whatever happens.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        Self(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }

    /// Its exit code.
    pub(crate) fn ended(&mut self, within: Duration) -> Option<i32> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        panic!("it did not end within {within:?}");
    }

    pub(crate) fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn until_log(log: &Path, line: &str, within: Duration) {
    let deadline = Instant::now() + within;
    while !fs::read_to_string(log).unwrap_or_default().contains(line) {
        let now = fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "no '{line}' within {within:?}\n{now}");
        std::thread::sleep(Duration::from_millis(40));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_version_names_revision_and_libraries() {
    let folder = tempfile::tempdir().unwrap();
    let out = run(folder.path(), &["--version"]);
    assert!(out.status.success());
    let said = text(&out.stdout);
    let first = said.lines().next().unwrap();
    let revision = first.strip_prefix(concat!("telehub ", env!("CARGO_PKG_VERSION"), " ("));
    let revision = revision.and_then(|r| r.strip_suffix(')')).unwrap_or_else(|| panic!("{said}"));
    assert!(revision.len() == 12 || revision == "unknown", "{revision}");
    let sqlite = said.lines().find_map(|l| l.strip_prefix("SQLite ")).expect("SQLite");
    let parts: Vec<u32> = sqlite.split('.').map(|p| p.parse().unwrap()).collect();
    // F24: 3.52.0 was withdrawn, earlier ones lose data.
    assert!(parts >= vec![3, 51, 3] && parts != vec![3, 52, 0], "{sqlite}");
    assert!(said.contains("whisper.cpp"), "{said}");
}

#[test]
fn wrong_arguments_end_with_2_and_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["sevre"][..], "sevre"),
        (&["serve", "--port", "1"], "--port"),
        (&["user", "add", "--role", "admin"], "--email"),
        (&["backup"], "<FILE>"),
        (&[], "Usage"),
    ] {
        let out = run(folder.path(), arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        assert!(text(&out.stderr).contains(words), "{arguments:?}: {}", text(&out.stderr));
    }
    let help = run(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["serve", "demo", "carrier", "check", "user", "openapi", "backup", "restore"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
}

/// H19: what is wrong is named by file, key and reason, before anything is opened.
#[test]
fn check_prints_what_would_be_opened_or_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("telehub.toml");
    let check = |content: &str| {
        fs::write(&file, content).unwrap();
        run(folder.path(), &["check", "--config", "telehub.toml"])
    };
    let good = check(
        "[http]\nlisten = \"127.0.0.1:8088\"\n[sip]\nudp = \"127.0.0.1:5070,[::1]:5070\"\n\
         [database]\nurl = \"postgres://hub:topsecret@db.local/telehub\"\n",
    );
    let said = text(&good.stdout);
    assert!(good.status.success(), "{}", text(&good.stderr));
    for part in ["127.0.0.1:8088", "127.0.0.1:5070", "[::1]:5070", "20000", "db.local"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(!said.contains("topsecret"), "{said}");
    for (content, words) in [
        ("[sip]\nudpp = \"x\"\n", "telehub.toml: [sip] udpp: unknown key"),
        ("[spi]\nudp = \"x\"\n", "telehub.toml: spi: unknown section"),
        ("[rtp]\nport_min = \"many\"\n", "telehub.toml: [rtp] port_min:"),
        ("[rtp]\nport_min = 80\n", "telehub.toml: [rtp] port_min:"),
        ("[http\n", "telehub.toml: syntax:"),
        ("[database]\nurl = \"mysql://x\"\n", "telehub.toml: [database] url:"),
        (
            "[http]\ntls_cert = \"none.pem\"\ntls_key = \"none.key\"\n",
            "telehub.toml: [http] tls_cert:",
        ),
    ] {
        let bad = check(content);
        assert_eq!(bad.status.code(), Some(2), "{content}");
        let said = text(&bad.stderr);
        assert!(said.contains(words), "{content}: {said}");
    }
    let missing = run(folder.path(), &["check", "--config", "nowhere.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("nowhere.toml: file:"), "{}", text(&missing.stderr));
    let variable =
        telehub(folder.path(), &["check"]).env("TELEHUB_SIP_UDPP", "x").output().unwrap();
    assert_eq!(variable.status.code(), Some(2));
    assert!(text(&variable.stderr).contains("TELEHUB_SIP_UDPP"), "{}", text(&variable.stderr));
    assert!(!folder.path().join("data").exists(), "a check makes nothing");
}

#[test]
fn the_openapi_document_is_printed_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let out = run(folder.path(), &["openapi"]);
    assert!(out.status.success());
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for path in [
        "/api/v1/health",
        "/api/v1/auth/login",
        "/api/v1/calls/start",
        "/api/v1/calls/{id}/recording",
        "/api/v1/calls/{id}/disposition",
        "/api/v1/agents/me/state",
        "/api/v1/leads/{id}/timeline",
        "/api/v1/trunks",
        "/api/v1/extensions/{id}/secret",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

/// `serve` without a file: defaults, and everything of ours below the current folder.
#[tokio::test(flavor = "multi_thread")]
async fn serve_needs_no_file_and_the_first_administrator_can_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let add = run(folder.path(), &["user", "add", "--role", "admin", "--email", "me@x.in"]);
    assert!(add.status.success(), "{}", text(&add.stderr));
    let said = text(&add.stdout);
    let password = said.lines().find_map(|l| l.strip_prefix("password: ")).expect("generated");
    assert!(password.len() >= 16, "{said}");
    let typed = typed_password(folder.path(), "boss@x.in", "a long enough 4 word");
    let again = run(folder.path(), &["user", "add", "--role", "admin", "--email", "me@x.in"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"), "{}", text(&again.stderr));
    let bad = run(folder.path(), &["user", "add", "--role", "king", "--email", "k@x.in"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stderr).contains("king"), "{}", text(&bad.stderr));

    let (http, sip, rtp) = (ports::one(), ports::one(), ports::block(20));
    let mut command = telehub(folder.path(), &["serve"]);
    command
        .env("TELEHUB_HTTP_LISTEN", format!("127.0.0.1:{http}"))
        .env("TELEHUB_SIP_UDP", format!("127.0.0.1:{sip}"))
        .env("TELEHUB_SIP_TCP", format!("127.0.0.1:{sip}"))
        .env("TELEHUB_RTP_PORT_MIN", rtp.to_string())
        .env("TELEHUB_RTP_PORT_MAX", (rtp + 19).to_string());
    let log = folder.path().join("log");
    let mut server = Running::start(&mut command, &log);
    let base = format!("http://127.0.0.1:{http}");
    block_in_place(|| until_log(&log, &format!("TeleHub ready: {base}"), SOON * 3));
    for (email, password) in [("me@x.in", password), ("boss@x.in", &typed)] {
        let user = Api::sign_in(&base, email, password).await;
        assert_eq!(user.get("/me").await["role"], "admin");
    }
    let data = folder.path().join("data");
    assert!(data.join("telehub.db").exists());
    assert_eq!(mode(&data.join("master.key")), 0o600);
    let entries: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(entries.len(), 2, "all is below data: {entries:?}");
    server.terminate();
    assert_eq!(block_in_place(|| server.ended(SOON)), Some(0));
}

/// On a terminal the password is asked for, twice, and not shown.
fn typed_password(folder: &Path, email: &str, password: &str) -> String {
    let line = format!("{BINARY} user add --role admin --email {email}");
    let mut script = Command::new("script")
        .args(["-qfec", &line, "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script of util-linux is there");
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    // What came up to and with these words; what comes after them is for the next.
    let mut waiting = String::new();
    let mut read_until = |words: &str| -> String {
        let mut buffer = [0; 512];
        while !waiting.contains(words) {
            let length = screen.read(&mut buffer).unwrap();
            assert!(length > 0, "no '{words}' in {waiting}");
            waiting.push_str(&text(&buffer[..length]));
        }
        let end = waiting.find(words).unwrap() + words.len();
        waiting.drain(..end).collect()
    };
    let prompt = format!("Password for {email}: ");
    // The terminal goes dark a moment after the prompt; nobody types faster than that.
    let a_moment = || std::thread::sleep(Duration::from_millis(500));
    read_until(&prompt);
    a_moment();
    writeln!(keys, "short").unwrap();
    // Refused with a reason, and asked again.
    let mut all = read_until(&prompt);
    assert!(!all.contains("short\r"), "{all}");
    a_moment();
    writeln!(keys, "{password}").unwrap();
    all += &read_until("Once more: ");
    a_moment();
    writeln!(keys, "{password}").unwrap();
    all += &read_until("added to tenant");
    assert!(!all.contains(password), "the password is not shown: {all}");
    assert!(script.wait().unwrap().success());
    password.to_owned()
}

/// The demo honours what `serve` honours, and writes its logins down for their owner only.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_honours_variables_and_keeps_its_password() {
    let mut server = Telehub::prepared(BINARY, &[("TELEHUB_LOG_FORMAT", "json")]);
    server.boot();
    let file = server.data().join("logins.json");
    assert_eq!(mode(&file), 0o600);
    let logins: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(logins["password"], PASSWORD);
    assert_eq!(logins["url"], server.base);
    let users = logins["users"].as_array().unwrap();
    assert_eq!(users.iter().filter(|u| u["role"] == "telecaller").count(), 10, "{logins}");
    for user in users {
        let (email, password) = (user["email"].as_str().unwrap(), user["password"].as_str());
        let who = Api::sign_in(&server.base, email, password.unwrap()).await;
        assert_eq!(who.get("/me").await["role"], user["role"]);
    }
    let json_lines = server.log().lines().filter(|l| l.starts_with('{')).count();
    assert!(json_lines > 0, "[log] format is honoured: {}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_generates_a_password_once() {
    let folder = tempfile::tempdir().unwrap();
    let (http, sip, rtp) = (ports::one(), ports::one(), ports::block(20));
    let config = folder.path().join("demo.toml");
    let content = format!(
        "[http]\nlisten = \"127.0.0.1:{http}\"\n[sip]\nudp = \"127.0.0.1:{sip}\"\ntcp = \"\"\n\
         [rtp]\nport_min = {rtp}\nport_max = {}\n",
        rtp + 19
    );
    fs::write(&config, content).unwrap();
    let mut passwords = Vec::new();
    for n in 0..2 {
        let log = folder.path().join(format!("log{n}"));
        let mut command =
            telehub(folder.path(), &["demo", "--data", "floor", "--config", "demo.toml"]);
        let mut demo = Running::start(&mut command, &log);
        let base = format!("http://127.0.0.1:{http}");
        block_in_place(|| until_log(&log, &format!("TeleHub ready: {base}"), SOON * 3));
        let logins = fs::read(folder.path().join("floor/logins.json")).unwrap();
        let logins: Value = serde_json::from_slice(&logins).unwrap();
        let password = logins["password"].as_str().unwrap().to_owned();
        Api::sign_in(&base, "asha@demo.local", &password).await;
        assert!(fs::read_to_string(&log).unwrap().contains(&password), "it is printed");
        passwords.push(password);
        demo.terminate();
        assert_eq!(block_in_place(|| demo.ended(SOON)), Some(0));
    }
    assert!(passwords[0].len() >= 16);
    assert_eq!(passwords[0], passwords[1]);
}

/// H10: a copy made under calls comes back whole on an empty folder, and only there.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_serving_is_restored_onto_an_empty_folder() {
    let mut floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Kept", "+919811750015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(1.5).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    let (_, secret, _) = floor.server.sip_secret("101").await;
    floor.recording(&call).await;
    let path = format!("/calls/{call}/recording");
    let (_, audio) = floor.admin.bytes(&path, None).await;
    let disposition = json!({ "code": "CI", "notes": "keep this" });
    floor.asha.post(&format!("/calls/{call}/disposition"), disposition).await;
    let live = floor.dial(&lead).await;
    floor.call_is(&live, "in_progress").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup.tar");
    let file = file.to_str().unwrap();
    let out = block_in_place(|| floor.server.run(&["backup", file]));
    assert!(out.status.success(), "{}", text(&out.stderr));
    let twice = block_in_place(|| floor.server.run(&["backup", file]));
    assert_eq!(twice.status.code(), Some(1), "a backup is not overwritten");
    assert_eq!(floor.call(&live).await["status"], "in_progress", "calls go on");
    let leads = floor.admin.get("/leads?limit=200").await;
    let onto = block_in_place(|| floor.server.run(&["restore", file]));
    assert_eq!(onto.status.code(), Some(1), "not onto what is there");
    assert!(text(&onto.stderr).contains("empty"), "{}", text(&onto.stderr));
    let master = fs::read(floor.server.data().join("master.key")).unwrap();
    floor.server.kill();

    let mut other = Telehub::prepared(BINARY, &[]);
    let out = block_in_place(|| other.run(&["restore", file]));
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("master.key"), "{}", text(&out.stdout));
    fs::write(other.data().join("master.key"), master).unwrap();
    block_in_place(|| other.boot());
    let admin = other.api("admin").await;
    assert_eq!(other.sip_secret("101").await.1, secret);
    let back = admin.get("/leads?limit=200").await;
    let ids = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|l| l["id"].clone()).collect()
    };
    assert_eq!(ids(&back), ids(&leads));
    let calls = admin.get("/calls?limit=200").await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 2, "{calls}");
    assert!(calls["items"].as_array().unwrap().iter().all(|c| c["ended_at"].is_string()));
    let row = admin.get(&format!("/calls/{call}")).await;
    assert_eq!(row["outcome"]["notes"], "keep this", "{row}");
    let (status, restored) = admin.bytes(&path, None).await;
    assert!(status.is_success() && restored == audio, "the recording is the same, byte for byte");
}

/// The carrier alone, from anywhere: it answers, speaks its prompts, and calls in.
#[tokio::test(flavor = "multi_thread")]
async fn the_carrier_alone_answers_and_calls_in() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::one();
    let listen = format!("127.0.0.1:{port}");
    let log = folder.path().join("log");
    let mut command = telehub(folder.path(), &["carrier", "--listen", &listen]);
    let mut carrier = Running::start(&mut command, &log);
    block_in_place(|| until_log(&log, "simulated carrier listens", SOON));
    let account = BaresipAccount {
        user: "+919811770099".into(),
        domain: "127.0.0.1".into(),
        secret: String::new(),
        transport: "udp",
        server: listen.clone(),
        auto_answer: true,
        codecs: "PCMA",
    };
    let mut phone = block_in_place(|| Baresip::start(&account, 600.0));
    for digits in ["0015", "0001"] {
        phone.command("dial", &format!("sip:+91981234{digits}@{listen}"));
        block_in_place(|| phone.until("CALL_ESTABLISHED", 10));
        talk(2.5).await;
        phone.command("hangup", "");
        block_in_place(|| phone.until("CALL_CLOSED", 10));
    }
    let heard = phone.heard();
    assert!(heard[0].seconds_of(1000.0) > 1.5, "1 kHz: {}", heard[0].seconds_of(1000.0));
    assert!(heard[1].level() > 0.005, "the greeting is spoken: {}", heard[1].level());
    assert!(heard[1].share_at(1000.0) < 0.3);
    carrier.terminate();
    assert_eq!(block_in_place(|| carrier.ended(SOON)), Some(0));

    let floor = Floor::open().await;
    let mut desk = floor.phone().await;
    let did = "+918047114400";
    trunk_with_did(&floor, port, did).await;
    let to = floor.server.sip.to_string();
    let arguments = [
        "carrier",
        "--listen",
        &listen,
        "--call",
        did,
        "--from",
        "+919811775599",
        "--as",
        "0014",
        "--to",
        &to,
    ];
    let mut calling = Running::start(&mut telehub(folder.path(), &arguments), &log);
    assert_eq!(block_in_place(|| calling.ended(SOON * 2)), Some(0), "it ends with its call");
    assert!(block_in_place(|| desk.saw("CALL_CLOSED", SOON)));
    let calls = floor.admin.get("/calls").await;
    let call = &calls["items"][0];
    assert_eq!(call["from"], "+919811775599", "{calls}");
    assert_eq!(call["status"], "completed", "{calls}");
    assert_eq!(call["hangup_cause"]["by"], "customer", "{calls}");
}
