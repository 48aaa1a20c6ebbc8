//! What stands for `traces` where the program was built without it: nothing is traced.

use claviger_model::NodeId;
use prometheus_client::registry::Registry;

use super::listener::{Handle, Listener};

#[derive(Clone)]
pub(super) struct Traces;

impl Traces {
    #[expect(clippy::unnecessary_wraps, reason = "it stands for what can fail")]
    pub(super) const fn begin(_: NodeId) -> anyhow::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "it stands for what has something")]
    pub(super) fn of<H: Handle>(&self, _: &Listener, handler: H) -> H {
        handler
    }

    #[expect(clippy::unused_self, reason = "it stands for what has something")]
    pub(super) const fn describe(&self, _: &mut Registry) {}

    #[expect(clippy::unused_async, reason = "it stands for what takes time")]
    pub(super) async fn end(self) {}
}
