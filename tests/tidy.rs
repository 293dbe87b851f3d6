//! The rules of the house, checked on every test run: who may import whom, where SQL may stand,
//! how long a file or function may be, which words are not ours (`ARCHITECTURE.md`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Crate, folder, and the crates of ours it may import.
const EDGES: &[(&str, &str, &[&str])] = &[
    ("media-proto", "media/proto", &[]),
    ("signaling-proto", "signaling/proto", &[]),
    ("call", "signaling/call", &[]),
    ("media", "media", &["media-proto"]),
    ("signaling", "signaling", &["signaling-proto", "call", "media"]),
    ("carrier", "signaling/carrier", &["signaling-proto", "signaling", "call", "media"]),
    ("crm", "crm", &["call"]),
    ("dialer", "dialer", &["call", "crm"]),
    ("web", "web", &["call", "crm", "dialer"]),
];

const PURE: &[&str] = &["media/proto", "signaling/proto", "signaling/call"];

const MAX_FILE_LINES: usize = 800;
const MAX_FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git", "data", "__generated__"].contains(&name)
            {
                walk(&path, endings, found);
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
}

fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    walk(&root(), endings, &mut paths);
    paths
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(root()).ok()?.to_string_lossy().into_owned();
            Some((name, fs::read_to_string(path).ok()?))
        })
        .collect()
}

fn report(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// Code without line comments, doc comments and string contents is close enough for word rules.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(number, line)| {
        let trimmed = line.trim_start();
        (!trimmed.starts_with("//")).then_some((number + 1, line))
    })
}

/// The crates a manifest imports for its own code, on any target, by the names they really have.
fn imports(manifest: &toml::Table) -> BTreeSet<String> {
    let table = |value: Option<&toml::Value>| value.and_then(|v| v.as_table()).cloned();
    let targets = table(manifest.get("target")).unwrap_or_default();
    let tables = std::iter::once(table(manifest.get("dependencies")))
        .chain(targets.values().map(|target| table(target.get("dependencies"))));
    let real = |(name, value): (String, toml::Value)| match value.get("package") {
        Some(package) => package.as_str().unwrap_or_default().to_owned(),
        None => name,
    };
    tables.flatten().flatten().map(real).collect()
}

/// What a crate in a row must not import.
fn forbidden(name: &str, folder: &str, allowed: &[&str], manifest: &toml::Table) -> Vec<String> {
    let mut faults = Vec::new();
    for dependency in imports(manifest) {
        let dependency = dependency.as_str();
        let ours = EDGES.iter().any(|(name, ..)| *name == dependency);
        if ours && !allowed.contains(&dependency) {
            faults.push(format!("{name} imports {dependency}"));
        }
        if PURE.contains(&folder) && ["tokio", "mio", "async-std"].contains(&dependency) {
            faults.push(format!("{name} is pure and imports {dependency}"));
        }
        if dependency == "sqlx" && name != "crm" {
            faults.push(format!("{name} imports sqlx"));
        }
    }
    faults
}

#[test]
fn crates_import_only_from_rows_above_them() {
    let manifest = |path: PathBuf| -> toml::Table {
        fs::read_to_string(path.join("Cargo.toml")).unwrap().parse().unwrap()
    };
    let mut faults = Vec::new();
    for (name, folder, allowed) in EDGES {
        faults.extend(forbidden(name, folder, allowed, &manifest(root().join(folder))));
    }
    // A name that the workspace gives to another package would hide an edge of every crate.
    let workspace = manifest(root());
    let shared = workspace["workspace"]["dependencies"].as_table().unwrap();
    let renamed = shared.iter().filter(|(_, value)| value.get("package").is_some());
    faults.extend(renamed.map(|(name, _)| format!("the workspace renames {name}")));
    report("forbidden crate edge", &faults);
}

#[test]
fn an_edge_is_seen_under_any_name_and_on_any_target() {
    for hidden in [
        "[dependencies]\ncrm.workspace = true",
        "[dependencies]\nrows = { path = \"../crm\", package = \"crm\" }",
        "[target.'cfg(unix)'.dependencies]\ncrm = { path = \"../crm\" }",
        "[target.'cfg(unix)'.dependencies]\nrows = { path = \"../crm\", package = \"crm\" }",
    ] {
        let manifest: toml::Table = hidden.parse().unwrap();
        assert_eq!(forbidden("media", "media", &[], &manifest), ["media imports crm"], "{hidden}");
    }
    let own: toml::Table = "[dev-dependencies]\ncrm = { path = \"../crm\" }".parse().unwrap();
    assert!(forbidden("media", "media", &[], &own).is_empty(), "tests may look at more");
}

#[test]
fn pure_crates_share_one_clippy_file() {
    let mut texts = BTreeMap::new();
    for folder in PURE {
        texts.insert(fs::read_to_string(root().join(folder).join("clippy.toml")).unwrap(), *folder);
    }
    assert_eq!(texts.len(), 1, "clippy.toml differs between pure crates: {:?}", texts.values());
}

#[test]
fn sql_stands_only_in_the_store() {
    let verbs = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE "];
    let mut faults = Vec::new();
    for (name, text) in sources(&[".rs"]) {
        let allowed = name.starts_with("crm/src/store")
            || name.starts_with("tests/")
            || name.starts_with("crm/tests");
        if allowed {
            continue;
        }
        for (number, line) in code_lines(&text) {
            let quoted = line.split('"').nth(1).unwrap_or_default();
            // RFC 3311 has an UPDATE too.
            let sip = quoted.contains(" sip:") || quoted.contains(" sips:");
            // Where rows are at home they may not be asked for in passing, however the line is broken.
            let passing = name.starts_with("crm/src") && verbs.iter().any(|v| line.contains(v));
            if passing || !sip && verbs.iter().any(|v| quoted.trim_start().starts_with(v)) {
                faults.push(format!("{name}:{number}"));
            }
        }
    }
    report("SQL outside crm/src/store", &faults);
}

#[test]
fn files_and_functions_stay_short() {
    let mut faults = Vec::new();
    for (name, text) in sources(&[".rs", ".ts", ".tsx"]) {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > MAX_FILE_LINES {
            faults.push(format!("{name}: {} lines", lines.len()));
        }
        if !name.ends_with(".rs") {
            continue;
        }
        for (start, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            let declares = trimmed.starts_with("fn ")
                || (trimmed.starts_with("pub")
                    || trimmed.starts_with("async")
                    || trimmed.starts_with("const"))
                    && trimmed.split_whitespace().take(5).any(|w| w == "fn");
            if !declares || trimmed.ends_with(';') {
                continue;
            }
            let indent = &line[..line.len() - trimmed.len()];
            let close = format!("{indent}}}");
            if let Some(length) = lines[start..].iter().position(|l| *l == close)
                && length + 1 > MAX_FUNCTION_LINES
            {
                faults.push(format!("{name}:{}: function of {} lines", start + 1, length + 1));
            }
        }
    }
    report("too long", &faults);
}

#[test]
fn every_module_says_what_it_is_for() {
    let faults: Vec<String> = sources(&[".rs"])
        .into_iter()
        .filter(|(name, text)| {
            !name.starts_with("tests/fuzz") && !text.lines().take(12).any(|l| l.starts_with("//!"))
        })
        .map(|(name, _)| name)
        .collect();
    report("no //! at the top", &faults);
}

#[test]
fn a_todo_names_its_issue() {
    let mut faults = Vec::new();
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for (name, text) in sources(&[".rs", ".ts", ".tsx", ".sh"]) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|m| line.contains(m)) && !line.contains("(#") {
                faults.push(format!("{name}:{}", number + 1));
            }
        }
    }
    report("unowned work left in the code", &faults);
}

/// Words of `ARCHITECTURE.md` "Names" that have a better one here; as parts of identifiers.
#[test]
fn names_are_those_of_the_table() {
    let types = ["Manager", "Helper", "Gateway", "Utils", "CalleeSession", "InboundCall"];
    let functions = ["fn get_", "fn handle2", "mod util", "mod common", "mod helpers"];
    let words =
        ["local_sdp2", "frame_len", "codec_id", "inbound_call:", "ClientTsx", "ServerTsx", " tsx:"];
    let mut faults = Vec::new();
    for (name, text) in sources(&[".rs"]) {
        if name == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in code_lines(&text) {
            let declared = line
                .split_once("struct ")
                .or_else(|| line.split_once("enum "))
                .or_else(|| line.split_once("trait "))
                .map(|(_, rest)| {
                    rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
                });
            let bad_type = declared.is_some_and(|d| types.iter().any(|t| d.ends_with(t)));
            if bad_type
                || functions
                    .iter()
                    .any(|f| line.trim_start().trim_start_matches("pub ").starts_with(f))
                || words.iter().any(|w| line.contains(w))
            {
                faults.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    report("a word that has a better one (ARCHITECTURE.md, Names)", &faults);
}

/// Only policy may open a call or route one to a carrier (D04): nothing dials past it.
#[test]
fn only_policy_opens_calls() {
    let mut faults = Vec::new();
    for (name, text) in sources(&[".rs"]) {
        let allowed = name.starts_with("crm/src/policy")
            || name.starts_with("signaling/call/")
            || name.starts_with("benches/")
            || name.starts_with("tests/")
            || name.contains("/tests/");
        if allowed {
            continue;
        }
        let body = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code_lines(body) {
            let constructs_target = line.contains("TrunkTarget {")
                && !line.contains("struct ")
                && !line.contains("..")
                && !line.contains("let ");
            if line.contains("CallCommand::Originate") || constructs_target {
                faults.push(format!("{name}:{number}"));
            }
        }
    }
    report("dials past crm::policy", &faults);
}

/// G03: what crosses tenants says so in its name: `platform_…`, or `login_…` before there is one.
#[test]
fn only_methods_named_so_cross_tenants() {
    let (mut faults, mut met) = (Vec::new(), 0);
    for (name, text) in sources(&[".rs"]) {
        if !name.starts_with("crm/src/") {
            continue;
        }
        let mut function = "";
        for (number, line) in code_lines(&text) {
            if let Some((_, rest)) = line.split_once("fn ") {
                function =
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
            }
            // Where the scope is turned into words for the database it is a pattern.
            if !line.contains("Scope::Platform") || line.contains("Scope::Platform =>") {
                continue;
            }
            met += 1;
            if !["platform_", "login_"].iter().any(|start| function.starts_with(start)) {
                faults.push(format!("{name}:{number}: {function}"));
            }
        }
    }
    assert!(met > 15, "the scope was renamed: only {met} places");
    report("crosses tenants under a name that does not say so", &faults);
}

/// Every file a packet runs through. That it allocates nothing is measured
/// (`media/tests/allocations.rs`).
#[test]
fn the_packet_path_locks_and_logs_nothing() {
    const PATH: &[&str] = &[
        "media/src/worker/packet.rs",
        "media/src/worker/frame.rs",
        "media/src/recorder/mod.rs",
        "media/src/recorder/chunk.rs",
        "media/src/recorder/align.rs",
    ];
    const REFUSED: &[&str] = &["Mutex", "RwLock", ".lock()", "tracing::", "log::", "println!"];
    let sources = sources(&[".rs"]);
    let of_path: Vec<_> = sources
        .iter()
        .filter(|(name, _)| PATH.contains(&&**name) || name.starts_with("media/proto/src/"))
        .collect();
    assert!(of_path.len() > PATH.len() + 5, "a file of the packet path was moved");
    let mut faults = Vec::new();
    for (name, text) in of_path {
        let lines = code_lines(text).filter(|(_, line)| !line.contains("tracing::trace!"));
        let refused = lines.filter(|(_, line)| REFUSED.iter().any(|word| line.contains(word)));
        faults.extend(refused.map(|(n, line)| format!("{name}:{n}: {}", line.trim())));
    }
    report("no lock and no log where packets pass", &faults);
}

#[test]
fn main_stays_small_and_only_wires() {
    let main = fs::read_to_string(root().join("main.rs")).unwrap();
    assert!(main.lines().count() <= 150, "main.rs has {} lines", main.lines().count());
}
