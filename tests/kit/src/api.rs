//! A signed-in user of the HTTP API.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// A user's access token and the address of the server.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    /// Access token.
    pub token: String,
}

impl Api {
    /// Signs in.
    pub async fn sign_in(base: &str, email: &str, password: &str) -> Self {
        let client = Client::new();
        let reply = client
            .post(format!("{base}/api/v1/auth/login"))
            .json(&json!({ "email": email, "password": password }))
            .send()
            .await
            .unwrap();
        let status = reply.status();
        let body: Value = reply.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "sign-in of {email}: {body}");
        let token = body["access_token"].as_str().unwrap().to_owned();
        Self { client, base: base.to_owned(), token }
    }

    /// Any request below `/api/v1`.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("{}/api/v1{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, value)
    }

    /// A GET that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {reply}");
        reply
    }

    /// A PATCH that must succeed.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(Method::PATCH, path, Some(body)).await;
        assert!(status.is_success(), "PATCH {path}: {status} {reply}");
        reply
    }

    /// Bytes of a GET, with an optional Range header.
    pub async fn bytes(&self, path: &str, range: Option<&str>) -> (StatusCode, Vec<u8>) {
        let mut request =
            self.client.get(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let reply = request.send().await.unwrap();
        (reply.status(), reply.bytes().await.unwrap().to_vec())
    }

    /// The server's address, `http://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }
}
