//! Settings that cannot be used end the process before it opens anything, and say which.

use crate::{
    cli::{Running, run, telehub, text, until_log},
    floor::SOON,
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};
use testkit::{certificates::Authority, ports, server::Telehub};

/// A server's settings on free ports, with lines of `[http]` and `[sip]` of one's own.
fn settings(http: &str, sip: &str, rest: &str) -> String {
    let (web, signalling, rtp) = (ports::one(), ports::one(), ports::block(20));
    format!(
        "[http]\nlisten = \"127.0.0.1:{web}\"\n{http}\n[sip]\nudp = \"127.0.0.1:{signalling}\"\n\
         tcp = \"\"\n{sip}\n[rtp]\nport_min = {rtp}\nport_max = {}\n{rest}\n",
        rtp + 19
    )
}

/// What `serve` says as it refuses these settings; `check` must say the same.
fn refused(folder: &Path, content: &str) -> String {
    fs::write(folder.join("telehub.toml"), content).unwrap();
    let log = folder.join("log");
    let mut server =
        Running::start(&mut telehub(folder, &["serve", "--config", "telehub.toml"]), &log);
    assert_eq!(server.ended(SOON), Some(2), "{content}\n{}", fs::read_to_string(&log).unwrap());
    fs::read_to_string(log).unwrap()
}

/// H19: a certificate that is missing, broken or of another key is told by its key, not waited for.
#[test]
fn certificates_that_cannot_be_used_end_serve_and_check_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (own, other) =
        (authority.issue("own", &["127.0.0.1"]), authority.issue("other", &["x.in"]));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let (cert, key, foreign) = (name(&own.certificate), name(&own.key), name(&other.key));
    fs::write(folder.path().join("empty.pem"), "no certificate in here\n").unwrap();
    let tls = |cert: &str, key: &str| format!("tls_cert = \"{cert}\"\ntls_key = \"{key}\"");
    for (http, sip, key) in [
        (tls("none.pem", &key), String::new(), "[http] tls_cert: "),
        (tls("empty.pem", &key), String::new(), "[http] tls_cert: "),
        (tls(&cert, "none.key"), String::new(), "[http] tls_key: "),
        (tls(&cert, &foreign), String::new(), "[http] tls_key: "),
        (
            String::new(),
            format!("tls = \"127.0.0.1:0\"\n{}", tls("none.pem", &key)),
            "[sip] tls_cert: ",
        ),
        (
            String::new(),
            format!("tls = \"127.0.0.1:0\"\n{}", tls(&cert, &foreign)),
            "[sip] tls_key: ",
        ),
        (String::new(), "tls_ca = \"none.pem\"".to_owned(), "[sip] tls_ca: "),
        (String::new(), "tls_client_ca = \"empty.pem\"".to_owned(), "[sip] tls_client_ca: "),
    ] {
        let content = settings(&http, &sip, "");
        let said = refused(folder.path(), &content);
        assert!(said.contains(&format!("telehub.toml: {key}")), "{content}\n{said}");
        let check = run(folder.path(), &["check", "--config", "telehub.toml"]);
        assert_eq!(check.status.code(), Some(2), "{content}");
        assert!(text(&check.stderr).contains(&format!("telehub.toml: {key}")), "{content}");
        assert!(!folder.path().join("data").exists(), "nothing was opened: {content}");
    }
}

#[test]
fn a_storage_that_cannot_be_opened_ends_serve_with_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "a file, not a folder").unwrap();
    let said =
        refused(folder.path(), &settings("", "", "[storage]\nurl = \"file://taken/objects\""));
    assert!(said.contains("telehub.toml: [storage] url: "), "{said}");
}

/// Relative paths of the demo's file start at the file, as those of `serve` do.
#[test]
fn the_demo_finds_certificates_beside_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("etc");
    fs::create_dir(&beside).unwrap();
    Authority::new(&beside, "authority").issue("own", &["127.0.0.1"]);
    let content = settings("tls_cert = \"own.crt\"\ntls_key = \"own.key\"", "", "");
    fs::write(beside.join("demo.toml"), content).unwrap();
    let log = folder.path().join("log");
    let arguments = ["demo", "--data", "floor", "--config", "etc/demo.toml"];
    let mut demo = Running::start(&mut telehub(folder.path(), &arguments), &log);
    until_log(&log, "TeleHub ready: https://127.0.0.1:", SOON * 3);
    assert!(folder.path().join("floor/telehub.db").exists());
    assert_eq!(fs::read_dir(&beside).unwrap().count(), 5, "nothing of ours beside the file");
    demo.terminate();
    assert_eq!(demo.ended(SOON), Some(0));
}

/// A server that still starts is told to end as any other.
#[test]
fn a_signal_while_starting_ends_with_0() {
    let mut server = Telehub::prepared(env!("CARGO_BIN_EXE_telehub"), &[]);
    server.spawn();
    let deadline = Instant::now() + SOON;
    while !server.data().join("master.key").exists() {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    server.terminate();
    assert_eq!(server.wait(10), Some(0));
    assert!(!server.log().contains("TeleHub ready"), "it was told before it stood");
}

/// "A second SIGTERM ends at once", also when nothing is left to drain and it only closes.
#[test]
fn a_second_signal_ends_the_closing_at_once() {
    let mut server = Telehub::demo(env!("CARGO_BIN_EXE_telehub"));
    // A request that never becomes whole keeps the web port open for as long as it may.
    let mut slow = TcpStream::connect(server.base.trim_start_matches("http://")).unwrap();
    slow.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: x").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    std::thread::sleep(Duration::from_millis(600));
    slow.set_nonblocking(true).unwrap();
    let still = slow.read(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(still, Err(std::io::ErrorKind::WouldBlock), "it is closing");
    let told = Instant::now();
    server.terminate();
    assert_eq!(server.wait(10), Some(0));
    assert!(told.elapsed() < Duration::from_millis(900), "{:?}", told.elapsed());
    assert!(server.log().contains("told again"), "{}", server.log());
}
