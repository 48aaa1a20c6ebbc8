//! TLS on the listeners, as those see it who call.

mod bounds;
mod browsers;
mod files;
mod passing;
mod protocols;
mod resumption;
mod wire;

use claviger_testkit::{Certificates, Server, ServerBuilder};

use self::wire::Wire;

/// A server whose gateway and portal speak TLS, and a key.
struct Stage {
    certificates: Certificates,
    server: Server,
    key: String,
}

impl Stage {
    fn set() -> Self {
        Self::with("", |builder| builder.profile("default"))
    }

    /// With these settings in a file, and completed so.
    fn with(settings: &str, complete: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let certificates = Certificates::make();
        let mut builder = ServerBuilder::new(crate::PROGRAM).certificates(&certificates);
        let file = builder.directory().join("settings.toml");
        std::fs::write(&file, settings).expect("the test's directory can be written");
        let file = file.to_str().expect("the tests' paths are text").to_owned();
        let builder = builder.argument("--config").argument(&file).variable("CLAVIGER_LOG", "debug");
        let server = complete(builder).start();
        let account = server.operator().account("Acme");
        let (_, key) = server.operator().issue_plain(&account, "n");
        Self { certificates, server, key }
    }

    /// A connection of someone who calls the api and trusts the authority.
    fn caller(&self) -> Wire {
        Wire::to(self.server.gateway, wire::config(&self.certificates))
    }

    /// A request with the key, and with these further fields.
    fn request(&self, fields: &str) -> String {
        format!(
            "GET /v1/things HTTP/1.1\r\nHost: keys.test\r\nAuthorization: Bearer {}\r\n{fields}\r\n",
            self.key
        )
    }

    /// Callers are served.
    #[track_caller]
    fn serves(&self) {
        let mut caller = self.caller();
        caller.send(self.request(""));
        assert!(caller.head().starts_with("HTTP/1.1 200 "), "{}", self.server.log());
    }
}
