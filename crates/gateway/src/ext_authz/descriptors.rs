//! What the messages and calls are called, for those who ask by reflection: Envoy's and gRPC's own names and numbers, with
//! the fields of [`messages`](super::messages) and no others.

use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MessageOptions, MethodDescriptorProto, OneofDescriptorProto,
    ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

const EXTERNAL_AUTH: &str = "envoy/service/auth/v3/external_auth.proto";
const ATTRIBUTES: &str = "envoy/service/auth/v3/attribute_context.proto";
const ADDRESS: &str = "envoy/config/core/v3/address.proto";
const BASE: &str = "envoy/config/core/v3/base.proto";
const HTTP_STATUS: &str = "envoy/type/v3/http_status.proto";
const RPC_STATUS: &str = "google/rpc/status.proto";
const STRUCT: &str = "google/protobuf/struct.proto";
const HEALTH: &str = "grpc/health/v1/health.proto";

/// Everything that is served, each file after those that it needs.
pub(super) fn all() -> FileDescriptorSet {
    let file =
        [structs(), rpc_status(), http_status(), base(), address(), attributes(), external_auth(), health()];
    FileDescriptorSet { file: file.into() }
}

fn external_auth() -> FileDescriptorProto {
    let headers = |name, number| many(of(name, number, ".envoy.config.core.v3.HeaderValueOption"));
    let denied =
        [of("status", 1, ".envoy.type.v3.HttpStatus"), headers("headers", 2), plain("body", 3, Type::String)];
    let ok = [
        headers("headers", 2),
        many(plain("headers_to_remove", 5, Type::String)),
        headers("response_headers_to_add", 6),
    ];
    let mut response = message(
        "CheckResponse",
        [
            of("status", 1, ".google.rpc.Status"),
            alternative(of("denied_response", 2, ".envoy.service.auth.v3.DeniedHttpResponse")),
            alternative(of("ok_response", 3, ".envoy.service.auth.v3.OkHttpResponse")),
            of("dynamic_metadata", 4, ".google.protobuf.Struct"),
        ],
    );
    response.oneof_decl = vec![oneof("http_response")];
    FileDescriptorProto {
        message_type: vec![
            message("CheckRequest", [of("attributes", 1, ".envoy.service.auth.v3.AttributeContext")]),
            message("DeniedHttpResponse", denied),
            message("OkHttpResponse", ok),
            response,
        ],
        service: vec![checking(
            "Authorization",
            ".envoy.service.auth.v3.CheckRequest",
            ".envoy.service.auth.v3.CheckResponse",
        )],
        ..file(EXTERNAL_AUTH, "envoy.service.auth.v3", &[BASE, ATTRIBUTES, HTTP_STATUS, STRUCT, RPC_STATUS])
    }
}

fn attributes() -> FileDescriptorProto {
    let mut http = message(
        "HttpRequest",
        [
            plain("method", 2, Type::String),
            many(of("headers", 3, ".envoy.service.auth.v3.AttributeContext.HttpRequest.HeadersEntry")),
            plain("path", 4, Type::String),
            plain("host", 5, Type::String),
            of("header_map", 13, ".envoy.config.core.v3.HeaderMap"),
        ],
    );
    http.nested_type = vec![entry("HeadersEntry", plain("value", 2, Type::String))];
    let mut attributes = message(
        "AttributeContext",
        [
            of("source", 1, ".envoy.service.auth.v3.AttributeContext.Peer"),
            of("request", 4, ".envoy.service.auth.v3.AttributeContext.Request"),
            many(of(
                "context_extensions",
                10,
                ".envoy.service.auth.v3.AttributeContext.ContextExtensionsEntry",
            )),
        ],
    );
    attributes.nested_type = vec![
        message("Peer", [of("address", 1, ".envoy.config.core.v3.Address")]),
        http,
        message("Request", [of("http", 2, ".envoy.service.auth.v3.AttributeContext.HttpRequest")]),
        entry("ContextExtensionsEntry", plain("value", 2, Type::String)),
    ];
    FileDescriptorProto {
        message_type: vec![attributes],
        ..file(ATTRIBUTES, "envoy.service.auth.v3", &[ADDRESS, BASE])
    }
}

fn address() -> FileDescriptorProto {
    let socket = of("socket_address", 1, ".envoy.config.core.v3.SocketAddress");
    let mut address = message("Address", [alternative(socket)]);
    address.oneof_decl = vec![oneof("address")];
    FileDescriptorProto {
        message_type: vec![message("SocketAddress", [plain("address", 2, Type::String)]), address],
        ..file(ADDRESS, "envoy.config.core.v3", &[])
    }
}

fn base() -> FileDescriptorProto {
    let value =
        [plain("key", 1, Type::String), plain("value", 2, Type::String), plain("raw_value", 3, Type::Bytes)];
    let action = ".envoy.config.core.v3.HeaderValueOption.HeaderAppendAction";
    let mut option = message(
        "HeaderValueOption",
        [
            of("header", 1, ".envoy.config.core.v3.HeaderValue"),
            chosen("append_action", 3, action),
            plain("keep_empty_value", 4, Type::Bool),
        ],
    );
    option.enum_type = vec![choices(
        "HeaderAppendAction",
        &[
            ("APPEND_IF_EXISTS_OR_ADD", 0),
            ("ADD_IF_ABSENT", 1),
            ("OVERWRITE_IF_EXISTS_OR_ADD", 2),
            ("OVERWRITE_IF_EXISTS", 3),
        ],
    )];
    FileDescriptorProto {
        message_type: vec![
            message("HeaderValue", value),
            option,
            message("HeaderMap", [many(of("headers", 1, ".envoy.config.core.v3.HeaderValue"))]),
        ],
        ..file(BASE, "envoy.config.core.v3", &[])
    }
}

/// Of the codes, those that are usual here; others are told by number.
fn http_status() -> FileDescriptorProto {
    let codes = [
        ("Empty", 0),
        ("OK", 200),
        ("BadRequest", 400),
        ("Unauthorized", 401),
        ("PaymentRequired", 402),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("TooManyRequests", 429),
        ("ServiceUnavailable", 503),
    ];
    FileDescriptorProto {
        message_type: vec![message("HttpStatus", [chosen("code", 1, ".envoy.type.v3.StatusCode")])],
        enum_type: vec![choices("StatusCode", &codes)],
        ..file(HTTP_STATUS, "envoy.type.v3", &[])
    }
}

fn rpc_status() -> FileDescriptorProto {
    FileDescriptorProto {
        message_type: vec![message("Status", [plain("code", 1, Type::Int32)])],
        ..file(RPC_STATUS, "google.rpc", &[])
    }
}

fn structs() -> FileDescriptorProto {
    let mut fields = message("Struct", [many(of("fields", 1, ".google.protobuf.Struct.FieldsEntry"))]);
    fields.nested_type = vec![entry("FieldsEntry", of("value", 2, ".google.protobuf.Value"))];
    let kinds = [
        chosen("null_value", 1, ".google.protobuf.NullValue"),
        plain("number_value", 2, Type::Double),
        plain("string_value", 3, Type::String),
        plain("bool_value", 4, Type::Bool),
        of("struct_value", 5, ".google.protobuf.Struct"),
        of("list_value", 6, ".google.protobuf.ListValue"),
    ];
    let mut value = message("Value", kinds.map(alternative));
    value.oneof_decl = vec![oneof("kind")];
    let list = message("ListValue", [many(of("values", 1, ".google.protobuf.Value"))]);
    FileDescriptorProto {
        message_type: vec![fields, value, list],
        enum_type: vec![choices("NullValue", &[("NULL_VALUE", 0)])],
        ..file(STRUCT, "google.protobuf", &[])
    }
}

fn health() -> FileDescriptorProto {
    let status = ".grpc.health.v1.HealthCheckResponse.ServingStatus";
    let mut response = message("HealthCheckResponse", [chosen("status", 1, status)]);
    response.enum_type =
        vec![choices("ServingStatus", &[("UNKNOWN", 0), ("SERVING", 1), ("NOT_SERVING", 2)])];
    FileDescriptorProto {
        message_type: vec![message("HealthCheckRequest", [plain("service", 1, Type::String)]), response],
        service: vec![checking(
            "Health",
            ".grpc.health.v1.HealthCheckRequest",
            ".grpc.health.v1.HealthCheckResponse",
        )],
        ..file(HEALTH, "grpc.health.v1", &[])
    }
}

fn file(name: &str, package: &str, needs: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        dependency: needs.iter().map(|&name| name.to_owned()).collect(),
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

/// A service with the one call `Check`.
fn checking(name: &str, question: &str, answer: &str) -> ServiceDescriptorProto {
    let check = MethodDescriptorProto {
        name: Some("Check".to_owned()),
        input_type: Some(question.to_owned()),
        output_type: Some(answer.to_owned()),
        ..MethodDescriptorProto::default()
    };
    ServiceDescriptorProto {
        name: Some(name.to_owned()),
        method: vec![check],
        ..ServiceDescriptorProto::default()
    }
}

fn message(name: &str, fields: impl Into<Vec<FieldDescriptorProto>>) -> DescriptorProto {
    DescriptorProto { name: Some(name.to_owned()), field: fields.into(), ..DescriptorProto::default() }
}

/// What a map from text is made of.
fn entry(name: &str, value: FieldDescriptorProto) -> DescriptorProto {
    DescriptorProto {
        options: Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() }),
        ..message(name, [plain("key", 1, Type::String), value])
    }
}

fn choices(name: &str, values: &[(&str, i32)]) -> EnumDescriptorProto {
    let value = |&(name, number): &(&str, i32)| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..EnumValueDescriptorProto::default()
    };
    EnumDescriptorProto {
        name: Some(name.to_owned()),
        value: values.iter().map(value).collect(),
        ..EnumDescriptorProto::default()
    }
}

fn oneof(name: &str) -> OneofDescriptorProto {
    OneofDescriptorProto { name: Some(name.to_owned()), ..OneofDescriptorProto::default() }
}

fn plain(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        json_name: Some(json(name)),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    }
}

/// What a field is called in JSON.
fn json(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

/// A field that is a message of this type.
fn of(name: &str, number: i32, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto { type_name: Some(type_name.to_owned()), ..plain(name, number, Type::Message) }
}

/// A field that is one of the values of this enumeration.
fn chosen(name: &str, number: i32, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto { type_name: Some(type_name.to_owned()), ..plain(name, number, Type::Enum) }
}

fn many(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto { label: Some(Label::Repeated.into()), ..field }
}

/// A field of the message's only oneof.
fn alternative(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto { oneof_index: Some(0), ..field }
}
