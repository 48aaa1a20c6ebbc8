//! An authority, and the certificate that it gave a server, made by OpenSSL.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const MAKE: &str = "umask 077
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    openssl req -x509 $key -keyout authority.key -out authority.crt -days 9 -subj '/CN=An authority'
    openssl req -new $key -keyout server.key -out server.csr -subj '/CN=A server'
    echo 'subjectAltName = DNS:keys.test, DNS:localhost, IP:127.0.0.1' > names
    openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key -CAcreateserial -out own.crt \
        -days $DAYS -extfile names
    cat own.crt authority.crt > server.crt";

/// An authority's certificate, and that of a server at `keys.test`, `localhost` and `127.0.0.1` with its key.
#[derive(Debug)]
pub struct Certificates(TempDir);

impl Certificates {
    /// Such certificates, good for days.
    #[track_caller]
    pub fn make() -> Self {
        Self::lasting("9")
    }

    /// The same, where the server's has expired.
    #[track_caller]
    pub fn make_expired() -> Self {
        Self::lasting("-1")
    }

    #[track_caller]
    fn lasting(days: &str) -> Self {
        let directory = TempDir::new().expect("a directory can be made");
        let mut making = Command::new("sh");
        making.args(["-ec", MAKE]).current_dir(directory.path()).env("DAYS", days);
        let made = making.output().expect("sh is there");
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        Self(directory)
    }

    /// The authority's certificate, by which callers trust.
    pub fn authority(&self) -> PathBuf {
        self.0.path().join("authority.crt")
    }

    /// The server's certificate, and that of its authority after it.
    pub fn chain(&self) -> PathBuf {
        self.0.path().join("server.crt")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        self.0.path()
    }
}
