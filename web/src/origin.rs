//! Whose pages may talk to us: our own, and programs that are no browser (F04, F05).

use crate::{Config, problem::Problem};
use axum::http::{HeaderMap, header};

/// Refuses requests that a foreign page made a browser send.
pub(crate) fn check(headers: &HeaderMap, config: &Config) -> Result<(), Problem> {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(refused());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let Ok(origin) = origin.to_str() else { return Err(refused()) };
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same_host = own.is_some_and(|host| host_of(origin).is_some_and(|o| same(o, host)));
    let public = config.public_url.as_deref().and_then(host_of);
    let same_public = public.is_some_and(|host| host_of(origin).is_some_and(|o| same(o, host)));
    if same_host || same_public { Ok(()) } else { Err(refused()) }
}

fn refused() -> Problem {
    Problem::forbidden("requests from pages of another origin are refused")
}

/// `host[:port]` of `scheme://host[:port][/path]`.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

fn same(a: &str, b: &str) -> bool {
    let bare = |host: &str| {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(&host);
        host.to_owned()
    };
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect()
    }

    /// F04, F05
    #[test]
    fn only_our_own_pages_and_programs_may_send() {
        let mut config = Config::new([0; 32]);
        config.public_url = Some("https://desk.example.in/".into());
        let host = ("host", "127.0.0.1:4055");
        for (case, fine) in [
            (vec![host], true),
            (vec![host, ("origin", "http://127.0.0.1:4055")], true),
            (vec![host, ("origin", "https://desk.example.in")], true),
            (vec![host, ("origin", "https://desk.example.in:443")], true),
            (vec![host, ("origin", "http://127.0.0.1:4056")], false),
            (vec![host, ("origin", "https://desk.example.in.evil.test")], false),
            (vec![host, ("origin", "https://evil.test")], false),
            (vec![host, ("origin", "null")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "same-origin")], true),
        ] {
            assert_eq!(check(&headers(&case), &config).is_ok(), fine, "{case:?}");
        }
    }
}
