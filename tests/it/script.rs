//! Pages in Chromium, driven by scripts in Node.

use crate::carriers::ROOT;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};
use tokio::task::block_in_place;

/// A script of the desk's browser stories, which tells what happens in lines of JSON.
pub(crate) struct Script {
    child: Child,
    told: mpsc::Receiver<Value>,
}

impl Script {
    pub(crate) fn start(file: &str, args: &[&str]) -> Self {
        let mut child = Command::new("node")
            .args(["--no-warnings", file])
            .args(args)
            .current_dir(Path::new(ROOT).join("web/ui"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed, and scripts/ui.sh has brought its packages");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let told = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(told).is_err() {
                    return;
                }
            }
        });
        Self { child, told }
    }

    /// The next thing it tells, which must be this.
    pub(crate) fn tells(&self, what: &str) -> Value {
        let told = block_in_place(|| self.told.recv_timeout(Duration::from_secs(40)));
        let told = told.unwrap_or_else(|_| panic!("the page says nothing, expected: {what}"));
        assert_eq!(told["what"], what, "{told}");
        told
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
