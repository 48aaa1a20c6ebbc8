//! Which services and messages there are (`grpc.reflection.v1.ServerReflection`, and `v1alpha`, which most clients still
//! ask first or only), for people who look with `grpcurl` or the like.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use http::{Request, Response};
use tonic::body::Body;
use tonic_reflection::server::Builder;
use tower_service::Service;

use super::{QUESTION_MAX, descriptors};

const V1: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const V1_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Answer = Arc<dyn Fn(Request<Body>) -> Answering + Send + Sync>;

/// What answers by reflection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Reflection {
    v1: Answer,
    v1_alpha: Answer,
}

impl Reflection {
    pub(super) fn new() -> Self {
        let builder = || Builder::configure().register_file_descriptor_set(descriptors::all());
        let complete = "the descriptors are complete, whatever is asked";
        let v1 = builder().build_v1().expect(complete).max_decoding_message_size(QUESTION_MAX);
        let v1_alpha = builder().build_v1alpha().expect(complete).max_decoding_message_size(QUESTION_MAX);
        Self { v1: boxed(v1), v1_alpha: boxed(v1_alpha) }
    }

    /// What answers at this path, if it is one of reflection.
    pub(super) fn at(&self, path: &str) -> Option<&Answer> {
        match path {
            V1 => Some(&self.v1),
            V1_ALPHA => Some(&self.v1_alpha),
            _ => None,
        }
    }
}

/// A service whose type can't be named. It is always ready.
fn boxed<S>(service: S) -> Answer
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    Arc::new(move |call| {
        let answered = service.clone().call(call);
        Box::pin(async move {
            match answered.await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        })
    })
}
