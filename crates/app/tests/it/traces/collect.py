"""Takes traces by OTLP over HTTP, read by OpenTelemetry's own messages, and prints each export as a line of JSON.

The first line is the port. Ids are printed as hexadecimal digits, as W3C Trace Context writes them.
"""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        is_known = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
        if is_known:
            export = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            print(json.dumps(told(export)), flush=True)
        answer = trace_service_pb2.ExportTraceServiceResponse().SerializeToString()
        self.send_response(200 if is_known else 404)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def attributes(of):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of}


def told(export):
    """The spans, each with what it is of, and all of it as it came, to look for what must not be in it."""
    spans = []
    for of_resource in export.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                spans.append(
                    {
                        "name": span.name,
                        "kind": span.kind,
                        "trace": span.trace_id.hex(),
                        "span": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
                        "failed": span.status.code == 2,
                        "resource": attributes(of_resource.resource.attributes),
                        "attributes": attributes(span.attributes),
                    }
                )
    return {"spans": spans, "all": json_format.MessageToDict(export)}


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
