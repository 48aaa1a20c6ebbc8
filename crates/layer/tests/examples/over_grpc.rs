//! The service that speaks gRPC, asked by tonic's own client.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};

use crate::{
    api,
    tonic_service::{self, Plain},
};

async fn say(channel: &Channel, key: &str) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(Bytes::from_static(b"hello"));
    request.metadata_mut().insert("x-api-key", key.parse().unwrap());
    let path = PathAndQuery::from_static("/example.Echo/Say");
    client.unary(request, path, Plain).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn tonic() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(tonic_service::serve(listener, api()));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    assert_eq!(say(&channel, "good").await.unwrap(), "acc_1 says hello");
    let denied = say(&channel, "bad").await.unwrap_err();
    assert_eq!(
        (denied.code(), denied.message()),
        (Code::Unauthenticated, "the API key is missing or not valid")
    );
    let unknown = say(&channel, "lost").await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unavailable);
    assert!(unknown.metadata().contains_key("retry-after"));
    // The connection lasts.
    assert!(say(&channel, "good").await.is_ok());
}
