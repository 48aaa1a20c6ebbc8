//! The layer around a service in the same process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{convert::Infallible, fs, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use claviger_judge::{Api, InProcess, Witness};
use claviger_layer::{ClavigerLayer, Peer};
use claviger_model::{
    AccountId, AccountState, Clock, Digest, Entropy, Environment, InstallationId, KeyId, KeyState, Moment,
    Policy, Restrictions, Scopes, Timestamp, profile::Profile,
};
use claviger_verify::{
    Follower, Permit, Verifier,
    feed::{
        AccountRecord, Changes, FeedSource, Intake, Mark, Position, Record, SecretRecord, Seq, SourceError,
        Terms,
    },
    nodes::NodeCard,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};

const KEY: &str = "cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh";
const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
const HERE: Position =
    Position { history: InstallationId::from_bytes([9; 16]), head: Seq(1), mark: Mark([0; 16]) };

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000)
    }

    fn boot(&self) -> Moment {
        Moment::since_boot(Duration::from_secs(1000))
    }
}

impl Entropy for Standing {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// One key, which may be used from 203.0.113.0/24 only.
struct OneKey;

#[async_trait]
impl FeedSource for OneKey {
    async fn load(&self, into: Arc<dyn Intake>, _: Timestamp) -> Result<Position, SourceError> {
        let api = "cashcat".into();
        into.take(Record::Account(AccountRecord {
            id: ACCOUNT,
            api,
            external_id: None,
            state: AccountState::Active,
        }));
        let restrictions: Restrictions = serde_json::from_str(r#"{"networks":["203.0.113.0/24"]}"#).unwrap();
        let policy = Policy { scopes: Scopes::All, restrictions };
        into.take(Record::Secret(SecretRecord {
            digest: Digest::of(KEY.as_bytes()),
            key: KeyId::from_bytes([2; 16]),
            secret: 1,
            account: ACCOUNT,
            environment: Environment::Live,
            state: KeyState::Active,
            ends_at: None,
            expires_at: None,
            terms: Arc::new(Terms { policy, created_by: "ada".into() }),
            foreign: None,
        }));
        Ok(HERE)
    }

    async fn after(&self, _: Seq) -> Result<Changes, SourceError> {
        Ok(Changes { position: HERE, from: None, clock: None, entries: Vec::new() })
    }

    async fn woken(&self) {
        std::future::pending::<()>().await;
    }
}

/// Says what it learns of a request.
async fn behind(request: Request<Empty<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let permit = request.extensions().get::<Permit>().unwrap();
    let mut names: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
    names.sort_unstable();
    let text = format!("{} {} sees {}", permit.account(), permit.created_by(), names.join(" "));
    Ok(Response::builder().header("x-request-id", "its own").body(Full::new(text.into())).unwrap())
}

async fn answered(request: http::request::Builder) -> Response<String> {
    let file = format!("{}/../../profiles/cashcat.toml", env!("CARGO_MANIFEST_DIR"));
    let profile = Profile::parse(&file, &fs::read_to_string(&file).unwrap()).unwrap();
    let verifier = Verifier::new(Arc::new(Standing), Duration::from_secs(100));
    let card = NodeCard::alone(Duration::from_secs(100));
    let mut follower = Follower::new(Arc::clone(&verifier), Arc::new(OneKey), card, Arc::new(Standing));
    follower.load().await.unwrap();
    let api = Arc::new(Api::new(Arc::new(profile)).unwrap());
    let layer = ClavigerLayer::new(InProcess::new(api, verifier, Arc::new(Standing), Arc::new(Standing)));
    let response =
        layer.layer(service_fn(behind)).oneshot(request.body(Empty::new()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Response::from_parts(head, body)
}

fn asking(peer: &str) -> http::request::Builder {
    let peer = Peer(peer.parse().unwrap());
    Request::get("/v1")
        .header("host", "api.cashcat.app")
        .header("authorization", format!("Bearer {KEY}"))
        .extension(peer)
}

#[tokio::test]
async fn a_permit_reaches_the_service_and_the_credential_and_claims_do_not() {
    let claims = asking("::ffff:203.0.113.9")
        .header("x-claviger-account", "forged")
        .header("X_Claviger_Key", "forged");
    let response = answered(claims.header("x-request-id", "forged")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body(), &format!("{ACCOUNT} ada sees host x-request-id"));
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
}

#[tokio::test]
async fn a_witness_is_told_what_was_decided() {
    let no_key = Request::get("/v1").header("host", "api.cashcat.app");
    for (request, outcome) in [
        (asking("203.0.113.9"), Some("allowed")),
        (asking("198.51.100.7"), Some("network")),
        (no_key, Some("missing")),
        (Request::get("/v1"), None),
    ] {
        let witness = Witness::default();
        let _ = answered(request.extension(witness.clone())).await;
        let seen = witness.seen().map(|seen| (&*seen.api, &*seen.outcome));
        assert_eq!(seen, outcome.map(|outcome| ("cashcat", outcome)));
    }
}

#[tokio::test]
async fn without_a_permit_the_service_is_not_asked() {
    let elsewhere = answered(asking("198.51.100.7")).await;
    assert_eq!(elsewhere.status(), StatusCode::FORBIDDEN);

    let missing = answered(Request::get("/v1").header("host", "api.cashcat.app")).await;
    assert_eq!(missing.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        missing.body(),
        r#"{"error":{"code":"unauthorized","message":"Missing or malformed Authorization header","details":null}}"#
    );

    let nowhere = answered(Request::get("/v1")).await;
    assert_eq!(nowhere.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_server_that_tells_no_peer_leaves_a_key_with_networks_refused() {
    let mut request = asking("203.0.113.9");
    request.extensions_mut().unwrap().remove::<Peer>();
    assert_eq!(answered(request).await.status(), StatusCode::FORBIDDEN);
}
