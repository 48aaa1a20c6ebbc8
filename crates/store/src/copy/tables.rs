//! What is copied row by row, and how rows travel from one database to the other: by columns, so many at a time.

use claviger_model::InstallationId;

use crate::audit;

/// A table that both databases have under one name, with the same columns.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// In which order its rows are read: that of the primary key, which costs no sorting.
    pub(crate) order: &'static str,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sixteen bytes.
    Id,
    /// Sixteen bytes, or none where it isn't known and yet part of a primary key.
    IdOrNobody,
    Bytes,
    Text,
    Number,
}

use Kind::{Bytes, Id, IdOrNobody, Number, Text};

/// The tables of what may not be lost, each after those its rows refer to.
///
/// Not among them: `feed_head`, which is moved by hand; `feed_log`, since nobody who follows the old database goes on
/// with the new one; and what only one of the databases has.
pub(crate) const KEPT: &[Table] = &[
    Table {
        name: "accounts",
        columns: &[
            ("id", Id),
            ("api", Text),
            ("name", Text),
            ("external_id", Text),
            ("metadata", Text),
            ("state", Text),
            ("created_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "clients",
        columns: &[
            ("id", Id),
            ("api", Text),
            ("account", Id),
            ("name", Text),
            ("kind", Text),
            ("redirect_uris", Text),
            ("scopes", Text),
            ("verified", Number),
            ("introspects", Number),
            ("created_at", Number),
            ("created_by", Text),
            ("revoked_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "client_secrets",
        columns: &[
            ("client", Id),
            ("number", Number),
            ("digest", Bytes),
            ("hint", Text),
            ("created_at", Number),
            ("ends_at", Number),
        ],
        order: "client, number",
    },
    Table {
        name: "keys",
        columns: &[
            ("id", Id),
            ("account", Id),
            ("name", Text),
            ("environment", Text),
            ("scopes", Text),
            ("restrictions", Text),
            ("state", Text),
            ("created_at", Number),
            ("created_by", Text),
            ("expires_at", Number),
            ("revoked_at", Number),
            ("external_id", Text),
            ("metadata", Text),
            ("client", Id),
        ],
        order: "id",
    },
    Table {
        name: "secrets",
        columns: &[
            ("key", Id),
            ("number", Number),
            ("digest", Bytes),
            ("hint", Text),
            ("sealed", Bytes),
            ("created_at", Number),
            ("ends_at", Number),
            ("expires_at", Number),
            ("lookup", Text),
            ("hash", Text),
            ("imported_as", Bytes),
        ],
        order: "key, number",
    },
    Table {
        name: "operators",
        columns: &[
            ("id", Id),
            ("name", Text),
            ("abilities", Text),
            ("digest", Bytes),
            ("hint", Text),
            ("created_at", Number),
            ("revoked_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "members",
        columns: &[
            ("id", Id),
            ("account", Id),
            ("email", Text),
            ("role", Text),
            ("password", Text),
            ("oidc_issuer", Text),
            ("oidc_subject", Text),
            ("created_at", Number),
            ("created_by", Text),
            ("removed_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "sessions",
        columns: &[
            ("id", Id),
            ("member", Id),
            ("digest", Bytes),
            ("method", Text),
            ("return_to", Text),
            ("address", Text),
            ("agent", Text),
            ("created_at", Number),
            ("seen_at", Number),
            ("expires_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "links",
        columns: &[
            ("id", Id),
            ("member", Id),
            ("digest", Bytes),
            ("purpose", Text),
            ("return_to", Text),
            ("oidc_issuer", Text),
            ("oidc_subject", Text),
            ("created_at", Number),
            ("expires_at", Number),
            ("used_at", Number),
        ],
        order: "id",
    },
    Table {
        name: "consents",
        columns: &[("client", Id), ("member", Id), ("scopes", Text), ("granted_at", Number)],
        order: "client, member",
    },
    Table {
        name: "codes",
        columns: &[
            ("digest", Bytes),
            ("client", Id),
            ("member", Id),
            ("redirect_uri", Text),
            ("challenge", Bytes),
            ("scopes", Text),
            ("created_at", Number),
            ("expires_at", Number),
            ("key", Id),
        ],
        order: "digest",
    },
    Table {
        name: "refresh_tokens",
        columns: &[
            ("digest", Bytes),
            ("key", Id),
            ("access", Number),
            ("predecessor", Bytes),
            ("created_at", Number),
            ("expires_at", Number),
            ("used_at", Number),
            ("ended_at", Number),
        ],
        order: "digest",
    },
    Table {
        name: "audit_events",
        columns: &[
            ("number", Number),
            ("id", Id),
            ("at", Number),
            ("actor", Text),
            ("action", Text),
            ("account", Id),
            ("subject", Text),
            ("request", Text),
            ("detail", Text),
            ("hash", Bytes),
        ],
        order: "number",
    },
    Table {
        name: "audit_subjects",
        columns: &[("subject", Text), ("number", Number)],
        order: "subject, number",
    },
    Table {
        name: "idempotency",
        columns: &[
            ("principal", Text),
            ("key", Text),
            ("fingerprint", Bytes),
            ("subject", Text),
            ("at", Number),
        ],
        order: "principal, key",
    },
    Table {
        name: "receipts",
        columns: &[
            ("seq", Number),
            ("via", Text),
            ("guaranteed_by", Number),
            ("completed_at", Number),
            ("confirmed", Text),
            ("pending", Text),
        ],
        order: "seq",
    },
    Table { name: "settings", columns: &[("name", Text), ("value", Bytes)], order: "name" },
];

/// The tables of what costs numbers only.
pub(crate) const COUNTED: &[Table] = &[
    Table {
        name: "counts",
        columns: &[
            ("key", IdOrNobody),
            ("day", Number),
            ("api", Text),
            ("secret", Number),
            ("environment", Text),
            ("outcome", Text),
            ("count", Number),
        ],
        order: "key, day, api, secret, environment, outcome",
    },
    Table {
        name: "last_uses",
        columns: &[("key", Id), ("secret", Number), ("at", Number), ("address", Text), ("endpoint", Text)],
        order: "key, secret",
    },
    Table {
        name: "quotas",
        columns: &[
            ("key", Id),
            ("name", Text),
            ("begins", Number),
            ("reserved", Number),
            ("granted", Number),
        ],
        order: "key, name, begins",
    },
    // Numbered anew, in the same order.
    Table {
        name: "denials",
        columns: &[
            ("api", Text),
            ("key", Id),
            ("at", Number),
            ("request", Id),
            ("code", Text),
            ("detail", Text),
            ("address", Text),
            ("endpoint", Text),
        ],
        order: "number",
    },
];

/// Where the feed and the trail stand.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) installation: InstallationId,
    pub(crate) seq: u64,
    pub(crate) trail: audit::Head,
}

/// The values of one column.
#[derive(Debug)]
pub(crate) enum Values {
    Ids(Vec<Option<[u8; 16]>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
}

/// Some rows of a table.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) table: &'static Table,
    pub(crate) rows: u64,
    /// One for each column, in the table's order.
    pub(crate) values: Vec<Values>,
}

impl Batch {
    pub(crate) fn of(table: &'static Table) -> Self {
        let values = table.columns.iter().map(|(_, kind)| match kind {
            Id | IdOrNobody => Values::Ids(Vec::new()),
            Bytes => Values::Bytes(Vec::new()),
            Text => Values::Texts(Vec::new()),
            Number => Values::Numbers(Vec::new()),
        });
        Self { table, rows: 0, values: values.collect() }
    }
}
