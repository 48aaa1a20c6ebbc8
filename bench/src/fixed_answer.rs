//! One answer of the product's, for a server that gives the same to everybody.

use claviger_testkit::Answer;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// An answer as data.
#[derive(Serialize, Deserialize)]
pub struct FixedAnswer {
    /// The status code.
    pub status: u16,
    /// The fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl From<Answer> for FixedAnswer {
    fn from(Answer { status, headers, body }: Answer) -> Self {
        Self { status, headers, body }
    }
}

impl FixedAnswer {
    /// How many bytes it is on the wire.
    pub fn length(&self) -> usize {
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let line = "HTTP/1.1 200 ".len() + reason.map_or(0, str::len) + 2;
        let fields: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        line + fields + 2 + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_an_answer_counts() {
        let headers = vec![("content-length".to_owned(), "2".to_owned())];
        let answer = FixedAnswer { status: 404, headers, body: b"no".to_vec() };
        assert_eq!(answer.length(), "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno".len());
    }
}
