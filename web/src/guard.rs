//! The door: who may pass, by the table in [`crate::access`]; which pages may send; how often.

use crate::{
    AppState,
    access::{self, Access, TABLE, Verb},
    origin,
    problem::Problem,
    sessions::Principal,
};
use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the request came from, seen past a proxy on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Looks at every request of a known route before its handler.
pub(crate) async fn door(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&state, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admit(state: &AppState, request: &mut Request) -> Result<(), Problem> {
    let path = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let path = path.unwrap_or_default();
    let method = request.method().clone();
    let Some(rule) = access::rule(&method, &path) else { return Err(unlisted(&method, &path)) };
    if rule.verb != Verb::Get {
        origin::check(request.headers(), &state.config)?;
    }
    let peer = peer_of(request.extensions(), request.headers());
    match rule.access {
        Access::Public | Access::InHandler(_) => state.limits.address(peer.ip()),
        Access::Bearer(roles) => {
            let principal = match bearer(request.headers()) {
                Some(token) => authenticate(state, token, peer.ip()).await,
                None => {
                    Err(Problem::unauthorized("send `Authorization: Bearer` with an access token"))
                }
            };
            let principal = match principal {
                Ok(principal) => principal,
                // Guessing tokens costs as much as guessing passwords.
                Err(problem) => {
                    return Err(state.limits.address(peer.ip()).err().unwrap_or(problem));
                }
            };
            state.limits.user(principal.user)?;
            if !roles.contains(principal.role) {
                return Err(Problem::forbidden("your role may not do this"));
            }
            request.extensions_mut().insert(principal);
            Ok(())
        }
    }
}

/// A route that is not in the table is closed; a method that is not, of a path that is, is 405.
fn unlisted(method: &Method, path: &str) -> Problem {
    if TABLE.iter().any(|rule| rule.path == path) {
        return method_not_allowed(method);
    }
    tracing::error!(%method, path, "route is served but not listed in the access table");
    Problem::forbidden("this route is not open to anybody")
}

pub(crate) fn method_not_allowed(method: &Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Not with this method",
        format!("{method} is not possible here"),
    )
}

/// Who a token stands for.
pub(crate) async fn authenticate(
    state: &AppState,
    token: &str,
    address: IpAddr,
) -> Result<Principal, Problem> {
    let access = state
        .tokens
        .read_access(token, Utc::now())
        .map_err(|_| Problem::unauthorized("the access token is not valid or has expired"))?;
    state.sessions.principal(&access, address).await
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A proxy on this machine says for whom it asks; nobody else is believed.
fn peer_of(extensions: &Extensions, headers: &HeaderMap) -> SocketAddr {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let direct =
        extensions.get::<ConnectInfo<SocketAddr>>().map_or(nowhere, |ConnectInfo(peer)| *peer);
    if !direct.ip().is_loopback() {
        return direct;
    }
    let forwarded = headers.get("x-forwarded-for").and_then(|v| v.to_str().ok());
    let last = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    last.map_or(direct, |ip| SocketAddr::new(ip, direct.port()))
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Principal>().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for a principal on a route that is open");
            Problem::unauthorized("sign in first")
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(peer_of(&parts.extensions, &parts.headers)))
    }
}
