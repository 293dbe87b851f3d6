//! What handlers take from a request, with problems where it does not fit.

use crate::problem::{FieldError, Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, Uri, header, request::Parts},
};
use serde::de::DeserializeOwned;
use std::error::Error;
use uuid::Uuid;

/// A JSON body. Unknown fields are refused by the types (`deny_unknown_fields`, F12).
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) struct BodyOrDefault<T>(pub(crate) T);

/// Query parameters.
pub(crate) struct Params<T>(pub(crate) T);

/// The `{id}` of the path.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(&request);
        let bytes = read(request, state).await?;
        if !json {
            return Err(not_json());
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for BodyOrDefault<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(&request);
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !json {
            return Err(not_json());
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found("thing: the id is no UUID"))?;
        Ok(Self(id))
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    })
}

fn not_json() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body is in a form we do not read",
        "send application/json",
    )
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
                rejection.body_text(),
            )
        } else {
            Problem::bad_request(rejection.body_text())
        }
    })
}

/// Reads JSON; says which field is at fault.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(fault)?;
    reader.end().map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(value)
}

fn fault(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let inner = error.into_inner();
    let message = without_position(&inner.to_string());
    if !inner.is_data() {
        return Problem::bad_request(message);
    }
    field_fault(&path, &message)
}

/// Reads query parameters; says which one is at fault.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let read = Query::try_from_uri(uri).map(|Query(value)| value);
    read.map_err(|rejection| {
        // Its source says `name: what is wrong`, or names an unknown parameter in quotes.
        let text = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
        match text.split_once(": ").filter(|(name, _)| !name.contains(' ')) {
            Some((name, message)) => field_fault(name, message),
            None => field_fault("", &text),
        }
    })
}

/// The problem of one field, as serde words it.
fn field_fault(path: &str, message: &str) -> Problem {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let (code, field) = if message.starts_with("unknown field") {
        ("unknown", quoted)
    } else if message.starts_with("missing field") {
        ("required", quoted)
    } else if message.starts_with("duplicate field") {
        ("invalid", quoted)
    } else {
        ("invalid", path)
    };
    let error = FieldError::new(field, code, message);
    if code == "unknown" {
        let mut problem = Problem::bad_request(message);
        problem.errors = vec![error];
        return problem;
    }
    Problem::invalid(vec![error])
}

/// Lays `given` over `before` (RFC 7396, one level) and reads the outcome as a `T`.
pub(crate) fn fit<T: DeserializeOwned>(
    field: &str,
    before: serde_json::Value,
    given: serde_json::Map<String, serde_json::Value>,
) -> Result<T, Problem> {
    let serde_json::Value::Object(mut whole) = before else { return Err(Problem::internal()) };
    whole.extend(given);
    let value = serde_json::Value::Object(whole);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut problem = fault(error);
        for error in &mut problem.errors {
            error.field = format!("{field}.{}", error.field);
        }
        problem
    })
}

fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{accounts::UserChange, leads::LeadQuery};

    /// F12
    #[test]
    fn fields_that_are_not_ours_to_take_are_refused() {
        let problem = parse::<UserChange>(br#"{"tenant_id":"x"}"#).err().unwrap();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (400, "tenant_id"));
    }

    #[test]
    fn a_wrong_value_names_its_field() {
        let problem = parse::<UserChange>(br#"{"role":"king"}"#).err().unwrap();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "role"));
        assert_eq!(parse::<UserChange>(b"{\"role\":").err().unwrap().status, 400);
        assert_eq!(parse::<UserChange>(b"{} x").err().unwrap().status, 400);
    }

    /// F12, API-02: a parameter at fault is named like a field of a body.
    #[test]
    fn a_wrong_parameter_is_named() {
        let cases = [
            ("limit=abc", 422, "limit", "invalid"),
            ("limit=-1", 422, "limit", "invalid"),
            ("status=x", 422, "status", "invalid"),
            ("limit=1&limit=2", 422, "limit", "invalid"),
            ("colour=red", 400, "colour", "unknown"),
            ("q=a%3A%20b&colour=red", 400, "colour", "unknown"),
        ];
        for (text, status, field, code) in cases {
            let uri: Uri = format!("/api/v1/leads?{text}").parse().unwrap();
            let problem = query::<LeadQuery>(&uri).err().unwrap();
            let found = problem.errors.first().map(|e| (e.field.as_str(), e.code.as_str()));
            assert_eq!(
                (problem.status, found),
                (status, Some((field, code))),
                "{text}: {problem:?}"
            );
        }
        let uri: Uri = "/api/v1/leads?limit=7&q=x".parse().unwrap();
        assert_eq!(query::<LeadQuery>(&uri).ok().unwrap().limit, Some(7));
    }
}
