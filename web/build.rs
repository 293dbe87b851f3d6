//! Lets the crate build before the desk does: a page that says how to build it. A built desk is
//! never touched.

#![allow(clippy::print_stdout, reason = "that is how build scripts speak")]

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=ui/dist");
    let root = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is");
    let dist = PathBuf::from(root).join("ui/dist");
    let page = dist.join("index.html");
    if page.exists() {
        return;
    }
    fs::create_dir_all(&dist).expect("the crate's folder can be written");
    let text = "<!doctype html>\n<html lang=\"en\">\n<title>TeleHub</title>\n\
        <p>The API runs. The desk is not built yet: run <code>make run</code>, or \
        <code>npm ci && npm run build</code> in <code>web/ui</code>, then build again.\n";
    fs::write(page, text).expect("the placeholder page can be written");
}
