//! Every operation of the management API, each with a request that would succeed.

use claviger_model::Digest;
use claviger_testkit::{Answer, Operator, Server, ServerBuilder, Visitor};
use serde_json::{Value, json};

use crate::granted::Granted;

/// A server whose profile seals its keys, so that every operation can succeed.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) operator: Operator,
}

/// An operation, one of its uses, and the request: the path and the body.
pub(super) struct Row {
    pub(super) operation: &'static str,
    /// Where one operation has several actions.
    pub(super) to: &'static str,
    pub(super) request: fn(&World) -> (String, Value),
}

impl Row {
    pub(super) fn method(&self) -> &'static str {
        self.operation.split(' ').next().expect("an operation begins with its method")
    }

    /// Whether it may change something. What asks with a secret is no GET, and reads all the same.
    pub(super) fn changes(&self) -> bool {
        self.method() != "GET"
            && !["/verify", "/verify-batch", "/find"].iter().any(|verb| self.operation.ends_with(verb))
    }

    /// Whether it can't succeed here: on one node there is no other to fence.
    pub(super) fn needs_another_node(&self) -> bool {
        self.operation.ends_with("/fence")
    }

    pub(super) fn name(&self) -> String {
        if self.to.is_empty() {
            self.operation.to_owned()
        } else {
            format!("{} ({})", self.operation, self.to)
        }
    }
}

const fn row(operation: &'static str, request: fn(&World) -> (String, Value)) -> Row {
    Row { operation, to: "", request }
}

const fn row_to(operation: &'static str, to: &'static str, request: fn(&World) -> (String, Value)) -> Row {
    Row { operation, to, request }
}

/// In the order of the document.
pub(super) const ROWS: &[Row] = &[
    row("POST /v1/keys/verify", |_| ("/v1/keys/verify".into(), json!({"key": "nobody's"}))),
    row("POST /v1/keys/verify-batch", |_| {
        ("/v1/keys/verify-batch".into(), json!({"attempts": [{"key": "nobody's"}]}))
    }),
    row("GET /v1/apis", |_| ("/v1/apis".into(), Value::Null)),
    row("GET /v1/accounts", |_| ("/v1/accounts".into(), Value::Null)),
    row_to("GET /v1/accounts", "by name", |_| ("/v1/accounts?name=acme".into(), Value::Null)),
    row("POST /v1/accounts", |_| ("/v1/accounts".into(), json!({"name": "New"}))),
    row("GET /v1/accounts/{id}", |world| (format!("/v1/accounts/{}", world.account()), Value::Null)),
    row_to("PATCH /v1/accounts/{id}", "rename", |world| {
        (format!("/v1/accounts/{}", world.account()), json!({"name": "Renamed"}))
    }),
    row_to("PATCH /v1/accounts/{id}", "describe", |world| {
        (format!("/v1/accounts/{}", world.account()), json!({"metadata": {"a": 1}}))
    }),
    row_to("PATCH /v1/accounts/{id}", "suspend", |world| {
        (format!("/v1/accounts/{}", world.account()), json!({"state": "suspended"}))
    }),
    row_to("PATCH /v1/accounts/{id}", "reinstate", |world| {
        let account = world.account();
        let path = format!("/v1/accounts/{account}");
        let _ = world.operator.patch(&path, &json!({"state": "suspended"})).expect(200);
        (path, json!({"state": "active"}))
    }),
    row_to("PATCH /v1/accounts/{id}", "everything", |world| {
        let change = json!({"name": "Renamed", "metadata": {"a": 1}, "state": "suspended"});
        (format!("/v1/accounts/{}", world.account()), change)
    }),
    row("POST /v1/accounts/{id}/erase-addresses", |world| {
        (format!("/v1/accounts/{}/erase-addresses", world.account()), Value::Null)
    }),
    row("GET /v1/accounts/{id}/keys", |world| {
        (format!("/v1/accounts/{}/keys", world.account()), Value::Null)
    }),
    row("POST /v1/accounts/{id}/keys", |world| {
        (format!("/v1/accounts/{}/keys", world.account()), json!({"name": "New"}))
    }),
    row("GET /v1/keys", |_| ("/v1/keys".into(), Value::Null)),
    row("POST /v1/keys/find", |world| {
        let key = world.operator.issue_plain(&world.account(), "n").1;
        ("/v1/keys/find".into(), json!({"key": key}))
    }),
    row("POST /v1/keys/import", |world| {
        let new = json!({"account": "cus_1", "digest": Digest::of(world.account().as_bytes()).to_hex()});
        ("/v1/keys/import".into(), json!({"rows": [new]}))
    }),
    row("GET /v1/keys/export", |_| ("/v1/keys/export".into(), Value::Null)),
    row("GET /v1/keys/{id}", |world| (format!("/v1/keys/{}", world.key()), Value::Null)),
    row_to("PATCH /v1/keys/{id}", "rename", |world| {
        (format!("/v1/keys/{}", world.key()), json!({"name": "Renamed"}))
    }),
    row_to("PATCH /v1/keys/{id}", "describe", |world| {
        (format!("/v1/keys/{}", world.key()), json!({"metadata": {"a": 1}, "external_id": "e"}))
    }),
    row_to("PATCH /v1/keys/{id}", "restrict", |world| {
        let change =
            json!({"restrictions": {"networks": ["10.0.0.0/8"]}, "expires_at": "2099-01-01T00:00:00Z"});
        (format!("/v1/keys/{}", world.key()), change)
    }),
    row_to("PATCH /v1/keys/{id}", "everything", |world| {
        let change =
            json!({"name": "Renamed", "metadata": {"a": 1}, "restrictions": {"networks": ["10.0.0.0/8"]}});
        (format!("/v1/keys/{}", world.key()), change)
    }),
    row("POST /v1/keys/{id}/rotate", |world| (format!("/v1/keys/{}/rotate", world.key()), Value::Null)),
    row("POST /v1/keys/{id}/revoke", |world| (format!("/v1/keys/{}/revoke", world.key()), Value::Null)),
    row("POST /v1/keys/{id}/disable", |world| (format!("/v1/keys/{}/disable", world.key()), Value::Null)),
    row("POST /v1/keys/{id}/enable", |world| {
        let path = format!("/v1/keys/{}", world.key());
        let _ = world.operator.post(&format!("{path}/disable"), &Value::Null).expect(200);
        (format!("{path}/enable"), Value::Null)
    }),
    row("POST /v1/keys/{id}/reveal", |world| (format!("/v1/keys/{}/reveal", world.key()), Value::Null)),
    row("GET /v1/members", |world| (format!("/v1/members?account_id={}", world.account()), Value::Null)),
    row_to("GET /v1/members", "by email", |_| ("/v1/members?email=ada@example.com".into(), Value::Null)),
    row("POST /v1/members", |world| ("/v1/members".into(), order(&world.account(), "viewer"))),
    row("GET /v1/members/{id}", |world| (format!("/v1/members/{}", world.member()), Value::Null)),
    row("PATCH /v1/members/{id}", |world| {
        (format!("/v1/members/{}", world.member()), json!({"role": "developer"}))
    }),
    row("POST /v1/members/{id}/remove", |world| {
        (format!("/v1/members/{}/remove", world.member()), Value::Null)
    }),
    row("POST /v1/members/{id}/password-link", |world| {
        (format!("/v1/members/{}/password-link", world.member()), Value::Null)
    }),
    row("GET /v1/sessions", |world| (format!("/v1/sessions?account_id={}", world.session().0), Value::Null)),
    row_to("POST /v1/sessions", "of somebody new", |world| {
        ("/v1/sessions".into(), order(&world.account(), "viewer"))
    }),
    row_to("POST /v1/sessions", "of a member", |world| {
        let (account, _) = world.session();
        ("/v1/sessions".into(), json!({"account_id": account, "email": EMAIL}))
    }),
    row_to("POST /v1/sessions", "in another role", |world| {
        let (account, _) = world.session();
        ("/v1/sessions".into(), order(&account, "developer"))
    }),
    row("POST /v1/sessions/{id}/end", |world| {
        (format!("/v1/sessions/{}/end", world.session().1), Value::Null)
    }),
    row("GET /v1/oauth-clients", |_| ("/v1/oauth-clients".into(), Value::Null)),
    row_to("POST /v1/oauth-clients", "for members", |_| {
        ("/v1/oauth-clients".into(), json!({"name": "New", "redirect_uris": ["https://app.example/cb"]}))
    }),
    row_to("POST /v1/oauth-clients", "for an account", |world| {
        ("/v1/oauth-clients".into(), json!({"name": "New", "account_id": world.account()}))
    }),
    row("GET /v1/oauth-clients/{id}", |world| {
        (format!("/v1/oauth-clients/{}", world.granted().client), Value::Null)
    }),
    row("PATCH /v1/oauth-clients/{id}", |world| {
        (
            format!("/v1/oauth-clients/{}", world.granted().client),
            json!({"name": "Renamed", "verified": true}),
        )
    }),
    row("POST /v1/oauth-clients/{id}/rotate", |world| {
        (format!("/v1/oauth-clients/{}/rotate", world.granted().client), Value::Null)
    }),
    row("POST /v1/oauth-clients/{id}/revoke", |world| {
        (format!("/v1/oauth-clients/{}/revoke", world.granted().client), Value::Null)
    }),
    row("GET /v1/accounts/{id}/connected-apps", |world| {
        (format!("/v1/accounts/{}/connected-apps", world.granted().account), Value::Null)
    }),
    row("POST /v1/accounts/{id}/connected-apps/{client_id}/{member_id}/withdraw", |world| {
        (world.granted().withdrawal(), Value::Null)
    }),
    row("GET /v1/operators", |_| ("/v1/operators".into(), Value::Null)),
    row_to("POST /v1/operators", "of less", |_| {
        ("/v1/operators".into(), json!({"name": "New", "can": ["manage"]}))
    }),
    row_to("POST /v1/operators", "of all", |_| {
        ("/v1/operators".into(), json!({"name": "New", "can": ["all"]}))
    }),
    row_to("POST /v1/operators/{id}/revoke", "of less", |world| {
        let (id, _) = world.operator_with("read");
        (format!("/v1/operators/{id}/revoke"), Value::Null)
    }),
    row_to("POST /v1/operators/{id}/revoke", "of all", |world| {
        let (id, _) = world.operator_with("all");
        (format!("/v1/operators/{id}/revoke"), Value::Null)
    }),
    row("GET /v1/nodes", |_| ("/v1/nodes".into(), Value::Null)),
    row("POST /v1/nodes/{id}/fence", |world| (format!("/v1/nodes/{}/fence", world.node()), Value::Null)),
    row("GET /v1/receipts/{seq}", |_| ("/v1/receipts/1".into(), Value::Null)),
    row("GET /v1/audit-events", |_| ("/v1/audit-events".into(), Value::Null)),
    row("GET /v1/audit-events/check", |_| ("/v1/audit-events/check".into(), Value::Null)),
    row("GET /v1/usage", |_| ("/v1/usage".into(), Value::Null)),
    row("GET /v1/denials", |world| (format!("/v1/denials?key_id={}", world.key()), Value::Null)),
    row("GET /v1/observed", |_| ("/v1/observed".into(), Value::Null)),
    row("GET /healthz", |_| ("/healthz".into(), Value::Null)),
    row("GET /readyz", |_| ("/readyz".into(), Value::Null)),
    row("GET /metrics", |_| ("/metrics".into(), Value::Null)),
    row("GET /problems/{code}", |_| ("/problems/last_key".into(), Value::Null)),
];

const EMAIL: &str = "ada@example.com";

fn order(account: &str, role: &str) -> Value {
    json!({"account_id": account, "email": EMAIL, "role": role})
}

impl World {
    pub(super) fn start() -> Self {
        let profile = crate::attacks::profile_with_oauth("codat");
        let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
        let operator = server.operator();
        Self { server, operator }
    }

    /// A new account, with its first key.
    pub(super) fn account(&self) -> String {
        self.operator.account("Ada")
    }

    /// The node that answers.
    fn node(&self) -> String {
        let nodes = self.operator.get("/v1/nodes").expect(200).json();
        nodes["items"][0]["id"].as_str().expect("a node has an id").to_owned()
    }

    /// A new key that isn't the last of its account.
    pub(super) fn key(&self) -> String {
        self.operator.issue_plain(&self.account(), "n").0
    }

    /// A new member, who looks, of a new account.
    pub(super) fn member(&self) -> String {
        let made = self.operator.post("/v1/members", &order(&self.account(), "viewer")).expect(201).json();
        made["member"]["id"].as_str().expect("a member has an id").to_owned()
    }

    /// A new account, and the session of its only member, who looks.
    pub(super) fn session(&self) -> (String, String) {
        let account = self.account();
        let made = self.operator.post("/v1/sessions", &order(&account, "viewer")).expect(201).json();
        let url = made["url"].as_str().expect("a link has a url");
        let place = url.find("/link/").expect("it leads to the portal");
        let _ = Visitor::new(self.server.portal).get(&url[place..]).expect(303);
        let listed = self.operator.get(&format!("/v1/sessions?account_id={account}")).expect(200).json();
        let id = listed["items"][0]["id"].as_str().expect("a session has an id").to_owned();
        (account, id)
    }

    /// A new application with a grant of a new account's only member.
    fn granted(&self) -> Granted {
        Granted::new(&self.server, &self.account())
    }

    /// A new operator key that can do one thing.
    pub(super) fn operator_with(&self, ability: &str) -> (String, Operator) {
        let order = json!({"name": ability, "can": [ability]});
        let made = self.operator.post("/v1/operators", &order).expect(201).json();
        let text = |field: &str| made[field].as_str().expect("an issued operator key has it").to_owned();
        (text("id"), Operator::new(self.server.control, &text("key")))
    }

    /// Makes a row's request, as `caller` or without any key.
    pub(super) fn call(&self, row: &Row, caller: Option<&Operator>) -> Answer {
        let (path, body) = (row.request)(self);
        self.send(row.method(), &path, &body, caller)
    }

    pub(super) fn send(&self, method: &str, path: &str, body: &Value, caller: Option<&Operator>) -> Answer {
        if let Some(operator) = caller {
            return operator.call(method, path, body);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        claviger_testkit::exchange(self.server.control, method, request.as_bytes())
            .expect("there is an answer")
    }

    /// The document of the running server.
    pub(super) fn document(&self) -> Value {
        self.operator.get("/v1/openapi.json").expect(200).json()
    }

    /// A path of the document with something in each of its places.
    pub(super) fn filled(path: &str) -> String {
        ["{id}", "{client_id}", "{member_id}", "{seq}"]
            .iter()
            .fold(path.replace("{code}", "last_key"), |path, place| path.replace(place, "x"))
    }

    /// Every operation of the document, as the rows name them.
    pub(super) fn operations(&self) -> Vec<String> {
        let document = self.document();
        let paths = document["paths"].as_object().expect("the document has paths");
        let named = |(path, methods): (&String, &Value)| {
            let methods = methods.as_object().expect("a path has methods").clone();
            let path = path.clone();
            methods.into_iter().map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        };
        paths.iter().flat_map(named).collect()
    }
}
