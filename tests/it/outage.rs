//! The database goes away under a call, and comes back (H07), whatever happens to us meanwhile.

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use testkit::eventually;
use tokio::task::block_in_place;

/// A PostgreSQL of our own, on a socket in a folder of its own.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    bin: PathBuf,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .expect("the Debian package postgresql is installed")
            .flatten()
            .map(|e| e.path().join("bin"))
            .filter(|p| p.join("initdb").exists())
            .collect();
        found.sort();
        let server =
            Self { folder: tempfile::tempdir().unwrap(), bin: found.pop().expect("initdb") };
        let folder = server.folder.path().display().to_string();
        if is_root() {
            let done = Command::new("chown").args(["postgres", &folder]).status().unwrap();
            assert!(done.success());
        }
        let arguments = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "-D"];
        server.run("initdb", &[&arguments[..], &[&server.data()]].concat());
        server.resume();
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Runs one of its programs as the user it wants.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        command.args(arguments).current_dir("/tmp");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().unwrap();
        assert!(status.success(), "{}: {status}", program.display());
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    fn resume(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off",
            self.folder.path().display()
        );
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-w", "-o", &options, "start"]);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.stop();
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0")
}

async fn health_is(floor: &Floor, status: u16) {
    let url = format!("{}/health", floor.server.base);
    eventually(&format!("health {status}"), Duration::from_secs(30), || async {
        let reply = reqwest::get(&url).await.ok()?;
        (reply.status().as_u16() == status).then_some(())
    })
    .await;
}

/// H07, API-07: health says 503, the call goes on with its audio, and nothing of it is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_its_database() {
    let database = block_in_place(Postgres::start);
    let floor = Floor::open_with(&[("TELEHUB_DATABASE_URL", &database.url())]).await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    health_is(&floor, 200).await;
    let lead = floor.lead("Patient", "+919811740015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    block_in_place(|| database.stop());
    health_is(&floor, 503).await;
    talk(2.5).await;
    // The call ends while nothing can be written.
    phone.command("hangup", "");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    block_in_place(|| database.resume());
    health_is(&floor, 200).await;
    let row = floor.call_over(&call).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert!(row["duration_seconds"].as_i64().unwrap() >= 2, "{row}");
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    let heard = phone.heard().pop().unwrap();
    assert!(heard.seconds_of(1000.0) > 2.0, "heard on: {}", heard.seconds_of(1000.0));
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.0, "{}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 2.0, "{}", ours.seconds_of(AGENT_HZ));
}

/// H01, H07: what the database could not take is there although the process died before it came
/// back: the call ended as it ended, not as one that broke off.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ended_without_a_database_is_kept_through_kill_9() {
    let database = block_in_place(Postgres::start);
    let mut floor = Floor::open_with(&[("TELEHUB_DATABASE_URL", &database.url())]).await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Twice unlucky", "+919811750015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    block_in_place(|| database.stop());
    health_is(&floor, 503).await;
    talk(2.5).await;
    phone.command("hangup", "");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    // The other leg's end and the recording's come a moment later.
    talk(1.0).await;
    floor.server.kill();
    block_in_place(|| database.resume());
    floor.server.boot();
    floor.admin = floor.server.api("admin").await;
    let row = floor.call_over(&call).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "normal", "{row}");
    assert!(row["duration_seconds"].as_i64().unwrap() >= 2, "{row}");
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    let (customer, _) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.0, "{}", customer.seconds_of(1000.0));
}
