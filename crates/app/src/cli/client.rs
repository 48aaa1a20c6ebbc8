//! A small HTTP client for the management API: one connection and one answer a call.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    uri::Authority,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{trust, wrong_usage};

/// How long a call may take, the wait for every node included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_MAX: usize = 64 << 20;

/// The management API at one address.
pub(super) struct Client {
    authority: Authority,
    authorization: Option<HeaderValue>,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.origin()).finish()
    }
}

impl Client {
    /// The API at `url`, whose certificate is by an authority in the file `ca` or by a well-known one where it is `https`.
    /// Without an operator key all it tells is whether it is ready.
    pub(super) fn new(url: &str, operator_key: Option<&str>, ca: Option<&Path>) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().map_err(|error| wrong_usage(format!("{url:?} is no URL: {error}")))?;
        let tls = match uri.scheme_str() {
            Some("http") => None,
            Some("https") => Some(trust::connector(ca)?),
            _ => bail!(wrong_usage(format!("{url:?} must be an address such as http://127.0.0.1:8082"))),
        };
        let authority = uri.authority().cloned().context("a URL with a scheme has an authority")?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            bail!(wrong_usage(format!(
                "{url:?} must not have a path: {authority} is enough after the scheme"
            )));
        }
        let authorization = operator_key.map(bearer).transpose()?;
        Ok(Self { authority, authorization, tls })
    }

    fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Fails where the node can't decide, and says why.
    pub(super) async fn ready(&self) -> anyhow::Result<()> {
        let (status, body) = self.answered(Method::GET, "/readyz", None).await?;
        if status.is_success() { Ok(()) } else { Err(self.refusal(status, &body)) }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.call(Method::POST, path, body.map(Value::to_string)).await
    }

    /// The same where the body is JSON already.
    pub(super) async fn post_text(&self, path: &str, body: String) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body.to_string())).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<String>) -> anyhow::Result<Value> {
        let (status, body) = self.answered(method, path, body).await?;
        if status.is_success() {
            let read = serde_json::from_slice(&body);
            return read.with_context(|| format!("{} answered {status} with no JSON", self.origin()));
        }
        Err(self.refusal(status, &body))
    }

    async fn answered(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let changes = method != Method::GET;
        let request = self.request(method, path, body)?;
        let Ok(answered) = tokio::time::timeout(TIMEOUT, self.send(request)).await else {
            let unknown = if changes { "; look whether the change was made before repeating it" } else { "" };
            bail!("{} did not answer within {}s{unknown}", self.origin(), TIMEOUT.as_secs());
        };
        answered
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.authority.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Bytes::from).unwrap_or_default();
        Ok(request.body(Full::new(body))?)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let usual = if self.tls.is_some() { 443 } else { 80 };
        let address = (host, self.authority.port_u16().unwrap_or(usual));
        let stream = TcpStream::connect(address).await.with_context(|| {
            format!(
                "{} can't be reached: is `claviger serve` running, and is that its control listener? \
                 Name another one with --url or CLAVIGER_URL",
                self.origin()
            )
        })?;
        let Some(tls) = &self.tls else { return self.exchange(stream, request).await };
        let name = ServerName::try_from(host.to_owned())?;
        let stream = tls.connect(name, stream).await.with_context(|| {
            format!(
                "{} can't be spoken to by TLS: where its certificate is by an authority of your own, name that one's \
                 file with --ca-file or CLAVIGER_CA_FILE",
                self.origin()
            )
        })?;
        self.exchange(stream, request).await
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let lost = || format!("the connection to {} broke before the answer was complete", self.origin());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(lost)?;
        // An error of the connection is the error of the one call on it.
        tokio::spawn(async move { drop(connection.await) });
        let response = sender.send_request(request).await.with_context(lost)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| anyhow!(error)).with_context(lost)?;
        Ok((status, body.to_bytes()))
    }

    /// What an answer other than success says, for the person at the terminal.
    fn refusal(&self, status: StatusCode, body: &[u8]) -> anyhow::Error {
        if status == StatusCode::UNAUTHORIZED {
            return anyhow!(
                "{} doesn't accept this operator key: is it complete, of this installation, and not revoked?",
                self.origin()
            );
        }
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |field: &str| problem[field].as_str();
        let Some(title) = text("detail").or_else(|| text("title")) else {
            let plainly = if self.tls.is_none() { ", and does it speak http?" } else { "?" };
            return anyhow!(
                "{} answered {status}: is that Claviger's control listener{plainly}",
                self.origin()
            );
        };
        let mut message = title.to_owned();
        for error in problem["errors"].as_array().into_iter().flatten() {
            let (pointer, detail) = (error["pointer"].as_str(), error["detail"].as_str());
            message.push_str("\n  ");
            message.push_str(pointer.unwrap_or_default().trim_start_matches('/'));
            message.push_str(": ");
            message.push_str(detail.unwrap_or_default());
        }
        anyhow!(message)
    }
}

fn bearer(operator_key: &str) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {operator_key}"))
        .or(Err(wrong_usage("what was given as operator key has characters that no operator key has")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// One segment of a path, from an id that someone typed.
pub(super) fn segment(id: &str) -> anyhow::Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || !id.bytes().all(plain) {
        bail!(wrong_usage(format!("{id:?} is no id: ids look like key_01h455vb4pex5vsknk084sn02q")));
    }
    Ok(id)
}

/// A path with a query.
pub(super) fn with_query<'a>(path: &str, query: impl IntoIterator<Item = (&'static str, &'a str)>) -> String {
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        encoded.append_pair(name, value);
    }
    let encoded = encoded.finish();
    if encoded.is_empty() { path.to_owned() } else { format!("{path}?{encoded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_taken() {
        for url in
            ["http://127.0.0.1:8082", "http://[::1]:8082/", "http://claviger.internal", "https://127.0.0.1"]
        {
            let client = Client::new(url, Some("clv_op_x"), None).unwrap();
            assert_eq!(client.origin(), url.trim_end_matches('/'));
        }
        for url in
            ["https://127.0.0.1/v1", "127.0.0.1:8082", "http://h/v1", "http://h?x", "ftp://h", "", "http://"]
        {
            assert!(Client::new(url, Some("clv_op_x"), None).is_err(), "{url}");
        }
        assert!(
            !format!("{:?}", Client::new("http://h", Some("clv_op_secret"), None).unwrap())
                .contains("secret")
        );
        assert!(Client::new("http://h", Some("two\nlines"), None).is_err());
    }

    #[test]
    fn what_is_no_id_goes_nowhere() {
        assert!(segment("key_01h455vb4pex5vsknk084sn02q").is_ok());
        for id in ["", "..", "a/b", "a?b", "a%2fb", "ä", "a b"] {
            assert!(segment(id).is_err(), "{id}");
        }
        assert_eq!(with_query("/v1/x", [("a", "b&c=d"), ("e", "é")]), "/v1/x?a=b%26c%3Dd&e=%C3%A9");
        assert_eq!(with_query("/v1/x", []), "/v1/x");
    }

    #[test]
    fn a_problem_is_told_with_its_fields() {
        let client = Client::new("http://h", Some("k"), None).unwrap();
        let body = br#"{"title":"Some fields can't be taken","errors":[{"pointer":"/name","detail":"can't be empty"}]}"#;
        let told = client.refusal(StatusCode::UNPROCESSABLE_ENTITY, body).to_string();
        assert_eq!(told, "Some fields can't be taken\n  name: can't be empty");
        assert!(client.refusal(StatusCode::NOT_FOUND, b"<html>").to_string().contains("404"));
    }
}
