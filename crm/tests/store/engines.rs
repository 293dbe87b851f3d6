//! Both engines for every test: SQLite in a temporary file, PostgreSQL in a throw-away cluster
//! of this test run (or the one of `TELEHUB_TEST_POSTGRES_URL`).

use crm::{MasterKey, Store, StoreConfig};
use std::{
    future::Future,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// A fresh, empty database of one engine.
#[derive(Clone)]
pub(crate) struct Bench {
    /// Opened.
    pub(crate) store: Store,
    /// To open it again.
    pub(crate) config: StoreConfig,
    /// For files; gone at the end.
    pub(crate) folder: Arc<tempfile::TempDir>,
}

/// Runs a story once per engine.
pub(crate) async fn on_both<F, Fut>(story: F)
where
    F: Fn(Bench) -> Fut,
    Fut: Future<Output = ()>,
{
    // A story may move single fields out of its copy; the folder has to outlive it.
    for bench in [sqlite().await, postgres().await] {
        story(bench.clone()).await;
    }
}

/// An empty SQLite database.
pub(crate) async fn sqlite() -> Bench {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("telehub.db").display());
    bench(url, folder).await
}

/// An empty PostgreSQL database.
pub(crate) async fn postgres() -> Bench {
    let folder = tempfile::tempdir().expect("a temporary folder");
    bench(postgres_url("").await, folder).await
}

/// Where an empty PostgreSQL database is, and what else was asked of the cluster first: `{name}`
/// stands for the database's own name.
pub(crate) async fn postgres_url(first: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(server_url).clone())
        .await
        .expect("the cluster starts");
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = sqlx::PgPool::connect(&server.replace("{db}", "postgres"))
        .await
        .expect("the cluster answers");
    for text in [format!("CREATE DATABASE {name}"), first.replace("{name}", &name)] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&admin).await.expect("a database is made");
    }
    admin.close().await;
    server.replace("{db}", &name)
}

async fn bench(url: String, folder: tempfile::TempDir) -> Bench {
    let config = StoreConfig { url, master: MasterKey::from_bytes([7; 32]) };
    let store = Store::open(config.clone()).await.expect("the store opens");
    Bench { store, config, folder: Arc::new(folder) }
}

static SERVER: OnceLock<String> = OnceLock::new();

/// Starts a cluster that ends with this process: a guard waits for our end of a pipe to close.
fn server_url() -> String {
    if let Ok(url) = std::env::var("TELEHUB_TEST_POSTGRES_URL") {
        return url.replace("/postgres", "/{db}");
    }
    let bin = newest_bin();
    let folder = std::env::temp_dir().join(format!("telehub-pg-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the cluster");
    let root = is_root();
    if root {
        run(Command::new("chown").args(["postgres", &folder.display().to_string()]));
    }
    let data = folder.join("data");
    let socket = folder.display().to_string();
    run(&mut as_postgres(
        root,
        &bin.join("initdb"),
        &[
            "-D",
            &data.display().to_string(),
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        ],
    ));
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{socket}' -c fsync=off \
         -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB"
    );
    run(&mut as_postgres(
        root,
        &bin.join("pg_ctl"),
        &[
            "-D",
            &data.display().to_string(),
            "-l",
            &folder.join("log").display().to_string(),
            "-w",
            "-o",
            &options,
            "start",
        ],
    ));
    let stop = format!(
        "cat >/dev/null; {}{} -D {} -m immediate stop >/dev/null 2>&1; rm -rf {}",
        if root { "runuser -u postgres -- " } else { "" },
        bin.join("pg_ctl").display(),
        data.display(),
        folder.display()
    );
    let guard = Command::new("setsid")
        .args(["sh", "-c", &stop])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the guard starts");
    // Kept open until the process ends, whichever way.
    std::mem::forget(guard);
    format!("postgres://postgres@localhost/{{db}}?host={socket}")
}

fn newest_bin() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("the Debian package postgresql is installed")
        .flatten()
        .map(|e| e.path().join("bin"))
        .filter(|p| p.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("initdb is there")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.starts_with(b"0")
}

fn as_postgres(root: bool, program: &Path, args: &[&str]) -> Command {
    let mut command = if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(args).current_dir("/tmp").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?} failed");
}
