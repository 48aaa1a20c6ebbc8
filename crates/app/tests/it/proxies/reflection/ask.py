"""Learns what can be called at an address by reflection alone, calls it, and prints what was seen as JSON.

Usage: ask.py ADDRESS [AUTHORITY], with a key in the variable KEY. With the certificate of an authority it asks by TLS.
"""

import json
import os
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory, unknown_fields
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, *authority = sys.argv[1:]
if authority:
    with open(authority[0], "rb") as file:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))
else:
    channel = grpc.insecure_channel(address)
database = ProtoReflectionDescriptorDatabase(channel)
pool = descriptor_pool.DescriptorPool(database)


def call(service, method, question):
    """What a method answers, by nothing but what was learnt of it."""
    learnt = pool.FindServiceByName(service).FindMethodByName(method)
    asks = message_factory.GetMessageClass(learnt.input_type)
    answers = message_factory.GetMessageClass(learnt.output_type)
    path = f"/{service}/{method}"
    ask = channel.unary_unary(path, request_serializer=asks.SerializeToString, response_deserializer=answers.FromString)
    answer = ask(json_format.ParseDict(question, asks()), timeout=20)
    return {"answer": json_format.MessageToDict(answer), "unlearnt": unlearnt(answer)}


def unlearnt(message):
    """The numbers of fields in a message, however deep, that reflection didn't tell of."""
    numbers = [field.field_number for field in unknown_fields.UnknownFieldSet(message)]
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if not field.is_repeated:
            inner = [value]
        elif field.message_type.GetOptions().map_entry:
            inner = value.values() if field.message_type.fields_by_name["value"].message_type else []
        else:
            inner = value
        for each in inner:
            numbers += unlearnt(each)
    return numbers


def attempt(key):
    head = {"method": "GET", "path": "/things", "host": "api.example", "headers": {"authorization": f"Bearer {key}"}}
    source = {"address": {"socketAddress": {"address": "203.0.113.9"}}}
    return {"attributes": {"source": source, "request": {"http": head}, "contextExtensions": {"api": "default"}}}


def listed(version):
    """The services that are listed by this version of reflection, whose messages are those of the other."""
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=20)
    return [service.name for answer in answers for service in answer.list_services_response.service]


print(
    json.dumps(
        {
            "v1": listed("v1"),
            "v1alpha": listed("v1alpha"),
            "health": call("grpc.health.v1.Health", "Check", {"service": "envoy.service.auth.v3.Authorization"}),
            "good": call("envoy.service.auth.v3.Authorization", "Check", attempt(os.environ["KEY"])),
            "bad": call("envoy.service.auth.v3.Authorization", "Check", attempt("nonsense")),
        }
    )
)
