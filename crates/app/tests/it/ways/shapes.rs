//! Requests whose end two servers could see in two places, with another request where only one of them sees a body (A105,
//! A106).

/// What says where the body ends. `{ALL}` is the length of everything that follows the head, `{LINE}` that of its first
/// line.
const ENDS: &[(&str, &str)] = &[
    ("both", "Content-Length: {N}\r\nTransfer-Encoding: chunked"),
    ("both, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: {N}"),
    ("both, in another case", "Content-Length: {N}\r\ntRANSFER-eNCODING: cHUNKED"),
    ("a coding that isn't", "Content-Length: {N}\r\nTransfer-Encoding: xchunked"),
    ("a coding after it", "Content-Length: {N}\r\nTransfer-Encoding: chunked, identity"),
    ("a coding before it", "Content-Length: {N}\r\nTransfer-Encoding: identity, chunked"),
    ("twice", "Content-Length: {N}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    ("twice, one isn't", "Content-Length: {N}\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked"),
    ("twice, one is empty", "Content-Length: {N}\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked"),
    ("in quotes", "Content-Length: {N}\r\nTransfer-Encoding: \"chunked\""),
    ("with a parameter", "Content-Length: {N}\r\nTransfer-Encoding: chunked;q=1"),
    ("after a tab", "Content-Length: {N}\r\nTransfer-Encoding:\tchunked"),
    ("after a vertical tab", "Content-Length: {N}\r\nTransfer-Encoding: \x0bchunked"),
    ("space before the colon", "Content-Length: {N}\r\nTransfer-Encoding : chunked"),
    ("underscore", "Content-Length: {N}\r\nTransfer_Encoding: chunked"),
    ("space before the name", "Content-Length: {N}\r\n Transfer-Encoding: chunked"),
    ("folded", "Content-Length: {N}\r\nTransfer-Encoding:\r\n chunked"),
    ("behind a bare LF", "Content-Length: {N}\r\nX-A: b\nTransfer-Encoding: chunked"),
    ("behind a bare CR", "Content-Length: {N}\r\nX-A: b\rTransfer-Encoding: chunked"),
    ("behind a NUL", "Content-Length: {N}\r\nX-A: b\0\r\nTransfer-Encoding: chunked"),
    ("nominated", "Content-Length: {N}\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding"),
    ("the length nominated", "Content-Length: {N}\r\nConnection: Content-Length"),
    ("two lengths", "Content-Length: {N}\r\nContent-Length: 0"),
    ("two lengths, the other way round", "Content-Length: 0\r\nContent-Length: {N}"),
    ("a list of lengths", "Content-Length: {N}, 0"),
    ("a signed length", "Content-Length: +{N}"),
    ("a length with a zero before", "Content-Length: 0{N}"),
    ("a length with a space inside", "Content-Length: 0 {N}"),
    ("a folded length", "Content-Length:\r\n {N}"),
    ("a length with an underscore", "Content_Length: {N}"),
    ("a length with a space before the colon", "Content-Length : {N}"),
];

/// Bodies that are chunked in a way of their own.
const CHUNKS: &[(&str, &str)] = &[
    ("an extension with a line of its own", "2;x\nhi\r\n{HEX}\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n0\r\n\r\n"),
    ("a bare LF after the size", "2\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a bare CR after the size", "2\rhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a size with 0x", "0x2\r\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a size below zero", "-2\r\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a size beyond 64 bits", "10000000000000002\r\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a size with many zeros", "00000000000000000002\r\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a size with a space", "2 \r\nhi\r\n0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a chunk that is longer than its size", "2\r\nhi0\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("a last chunk with two zeros", "2\r\nhi\r\n00\r\n\r\n{SMUGGLED}\r\n\r\n"),
    ("trailers that are a request", "0\r\nX-A: b\r\n{SMUGGLED}\r\n\r\n"),
    ("trailers with a bare LF", "0\r\nX-A: b\n\n{SMUGGLED}\r\n\r\n"),
    ("no last line", "0\r\n{SMUGGLED}\r\n\r\n"),
];

/// All of them; what they name is filled in later, and measured then.
pub(super) fn all() -> Vec<(String, String)> {
    let head = "POST /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n";
    let ends = ENDS.iter().flat_map(|(name, fields)| {
        // One who reads the length sees a body where one who reads chunks sees another request, and the other way round.
        [("ALL", "0\r\n\r\n{SMUGGLED}\r\n\r\n"), ("LINE", "{HEX}\r\n{SMUGGLED}\r\n\r\n\r\n0\r\n\r\n")].map(
            |(length, body)| {
                let fields = fields.replace("{N}", &format!("<{length}>"));
                (format!("A105 {name}, {length}"), format!("{head}{fields}\r\n\r\n{body}"))
            },
        )
    });
    let chunks = CHUNKS.iter().map(|(name, body)| {
        (format!("A106 {name}"), format!("{head}Transfer-Encoding: chunked\r\n\r\n{body}"))
    });
    ends.chain(chunks).map(|(name, text)| (name, text.replace("{HEX}", "<HEX>"))).collect()
}

/// `request` with the lengths that it names: of its whole body, of its body's first line, and of the request in it in
/// hexadecimal digits.
pub(super) fn measured(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    if !["<ALL>", "<LINE>", "<HEX>"].iter().any(|name| text.contains(name)) {
        return request.to_vec();
    }
    let smuggled = text.find("GET /admin/smuggled").unwrap_or(text.len());
    let length = text[smuggled..].find("\r\n\r\n").map_or(0, |length| length + 4);
    let text = text.replace("<HEX>", &format!("{length:x}"));
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let line = body.find("\r\n").map_or(0, |end| end + 2);
    text.replace("<ALL>", &body.len().to_string()).replace("<LINE>", &line.to_string()).into_bytes()
}
