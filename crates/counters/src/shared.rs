//! Rates on Redis, as the verifier asks for them.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use claviger_model::KeyId;
use claviger_verify::limits::{Judged, SharedLimits, SharedLimitsError, Window};
use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::{
    RedisAddress,
    link::{Link, NoAnswer},
    script::{Judge, judged},
};

/// How long Redis may take: a little less than the verifier waits, so that what was too late is noticed here.
const ANSWER: Duration = Duration::from_millis(45);

/// Windows in one Redis, or in a cluster of them.
pub struct RedisLimits {
    address: RedisAddress,
    link: Link,
    judge: Judge,
}

/// The address can't be used.
#[derive(Debug, thiserror::Error)]
#[error("Redis at {0} can't be used: {1}")]
pub struct UnusableAddress(RedisAddress, RedisError);

impl RedisLimits {
    /// Windows in the Redis at `address`. It needn't be there yet: it is connected to when it is first needed.
    pub fn at(address: RedisAddress) -> Result<Self, UnusableAddress> {
        match Link::to(&address) {
            Ok(link) => Ok(Self { address, link, judge: Judge::new() }),
            Err(error) => Err(UnusableAddress(address, error)),
        }
    }

    /// Begins to connect, so that the first call finds a connection. Where that fails the first call begins another.
    pub fn begin(&self) {
        self.link.begin();
    }

    async fn ask(&self, key: KeyId, windows: &[Window]) -> Result<Vec<u64>, NoAnswer> {
        let known = self.link.ask(&self.judge.known(key, windows), ANSWER, is_unknown_script).await?;
        match known {
            Ok(answer) => Ok(answer),
            Err(_no_script) => {
                Ok(self.link.ask(&self.judge.whole(key, windows), ANSWER, |_| false).await??)
            }
        }
    }
}

/// Redis doesn't know the script yet, or forgot it when it was restarted.
fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

#[async_trait]
impl SharedLimits for RedisLimits {
    async fn judge(&self, key: KeyId, windows: &[Window]) -> Result<Judged, SharedLimitsError> {
        let of_redis = |why: String| SharedLimitsError(format!("Redis at {}: {why}", self.address));
        let answer = self.ask(key, windows).await.map_err(|error| of_redis(error.to_string()))?;
        judged(&answer, windows.len()).ok_or_else(|| of_redis("its answer has another shape".to_owned()))
    }
}

impl fmt::Debug for RedisLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisLimits").field(&self.address).finish()
    }
}
