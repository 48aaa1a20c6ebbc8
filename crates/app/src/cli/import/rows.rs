//! Rows as a file has them, one at a time: however large the file, and whatever one line of it, little is held.

use std::io::{self, BufRead};

use anyhow::{Context as _, bail};
use claviger_model::import::{FIELDS, RowRefusal, value_of_text};
use csv_core::ReadRecordResult;
use serde_json::{Map, Value};

use crate::cli::wrong_usage;

/// Longest row, in bytes: twice what metadata may have, and room for the rest.
const ROW_MAX: usize = 128 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A row and the line it begins in, counted from 1.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) row: Result<Said, RowRefusal>,
}

/// What a row says, and the text that says it: a member that is there twice is only seen in that.
pub(super) struct Said {
    pub(super) members: Map<String, Value>,
    pub(super) json: String,
}

/// A file of rows.
pub(super) struct Rows<R> {
    input: R,
    newlines: u64,
    /// What the row that is read was read into.
    row: Vec<u8>,
    form: Form,
}

enum Form {
    JsonLines,
    Csv(Box<Csv>),
}

struct Csv {
    reader: csv_core::Reader,
    /// Where the fields of the record end.
    ends: Vec<usize>,
    columns: Vec<&'static str>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values; the first line names the columns
    Csv,
    /// A JSON object on each line
    Jsonl,
}

impl<R: BufRead> Rows<R> {
    /// The rows of `input`: JSON Lines where it begins with a brace, if nobody says what it is.
    pub(super) fn of(mut input: R, format: Option<Format>) -> anyhow::Result<Self> {
        if input.fill_buf().context("the file can't be read")?.starts_with(BYTE_ORDER_MARK) {
            input.consume(BYTE_ORDER_MARK.len());
        }
        let format = match format {
            Some(format) => format,
            None if input.fill_buf()?.trim_ascii_start().starts_with(b"{") => Format::Jsonl,
            None => Format::Csv,
        };
        let mut rows = Self { input, newlines: 0, row: Vec::new(), form: Form::JsonLines };
        if matches!(format, Format::Csv) {
            let mut csv = Csv { reader: csv_core::Reader::new(), ends: Vec::new(), columns: Vec::new() };
            if rows.record(&mut csv)? != Some(Read::Whole) {
                bail!(wrong_usage("the file is empty: its first line names the columns"));
            }
            csv.columns = columns(&rows.fields(&csv.ends))?;
            rows.form = Form::Csv(Box::new(csv));
        }
        Ok(rows)
    }

    /// The next row, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.skip_line_breaks()?;
        let number = self.newlines + 1;
        let mut form = std::mem::replace(&mut self.form, Form::JsonLines);
        let read = match &mut form {
            Form::JsonLines => self.line()?,
            Form::Csv(csv) => self.record(csv)?,
        };
        let row = match (read, &form) {
            (None, _) => None,
            (Some(Read::TooLong), _) => {
                Some(Err(RowRefusal::malformed("row", format!("is longer than {ROW_MAX} bytes"))))
            }
            (Some(Read::Whole), Form::JsonLines) => Some(object(&self.row)),
            (Some(Read::Whole), Form::Csv(csv)) => Some(members(&csv.columns, &self.fields(&csv.ends))),
        };
        self.form = form;
        Ok(row.map(|row| Line { number, row }))
    }

    /// Also the second half of a line break, which isn't part of the next row.
    fn skip_line_breaks(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.input.fill_buf()?;
            let breaks = ahead.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if breaks == 0 {
                return Ok(());
            }
            self.newlines += count_newlines(&ahead[..breaks]);
            self.input.consume(breaks);
        }
    }

    fn line(&mut self) -> io::Result<Option<Read>> {
        self.row.clear();
        let mut read = None;
        loop {
            let ahead = self.input.fill_buf()?;
            if ahead.is_empty() {
                return Ok(read);
            }
            let end = ahead.iter().position(|byte| *byte == b'\n');
            let part = &ahead[..end.unwrap_or(ahead.len())];
            if self.row.len() + part.len() > ROW_MAX {
                read = Some(Read::TooLong);
            } else {
                self.row.extend_from_slice(part);
                read = read.or(Some(Read::Whole));
            }
            let consumed = part.len();
            // The break itself is skipped, and counted, before the next row.
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(read);
            }
        }
    }

    fn record(&mut self, csv: &mut Csv) -> io::Result<Option<Read>> {
        self.row.resize(ROW_MAX, 0);
        csv.ends.resize(FIELDS.len() + 1, 0);
        let (mut written, mut fields, mut read) = (0, 0, Read::Whole);
        loop {
            let ahead = self.input.fill_buf()?;
            let (result, consumed, wrote, ended) =
                csv.reader.read_record(ahead, &mut self.row[written..], &mut csv.ends[fields..]);
            self.newlines += count_newlines(&ahead[..consumed]);
            self.input.consume(consumed);
            (written, fields) = (written + wrote, fields + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                // The rest of it is read over what there was.
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    (written, fields, read) = (0, 0, Read::TooLong);
                }
                ReadRecordResult::Record => {
                    csv.ends.truncate(fields);
                    return Ok(Some(read));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn fields(&self, ends: &[usize]) -> Vec<&[u8]> {
        let begins = std::iter::once(0).chain(ends.iter().copied());
        begins.zip(ends).map(|(begin, end)| &self.row[begin..*end]).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Whole,
    TooLong,
}

fn count_newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').map(|_| 1).sum()
}

/// What the first line says. A name that isn't known is not repeated unless it could be one: a file without a first line of
/// names begins with a customer's key.
fn columns(names: &[&[u8]]) -> anyhow::Result<Vec<&'static str>> {
    let mut columns: Vec<&'static str> = Vec::with_capacity(names.len());
    for (place, name) in (1..).zip(names) {
        let known = FIELDS.into_iter().find(|field| field.as_bytes() == name.trim_ascii());
        let Some(column) = known.filter(|column| !columns.contains(column)) else {
            let plain =
                name.len() <= 32 && name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
            let called =
                if plain { format!(", {:?},", String::from_utf8_lossy(name)) } else { String::new() };
            let what = if known.is_some() { "is there twice" } else { "isn't known" };
            bail!(wrong_usage(format!(
                "column {place} of the first line{called} {what}: the first line names the columns, which are some of {}",
                FIELDS.join(", ")
            )));
        };
        columns.push(column);
    }
    Ok(columns)
}

fn object(line: &[u8]) -> Result<Said, RowRefusal> {
    let text = std::str::from_utf8(line).ok();
    let read = text.and_then(|text| {
        Some(Said { members: serde_json::from_str(text).ok()?, json: text.trim().to_owned() })
    });
    read.ok_or_else(|| RowRefusal::malformed("row", "must be a JSON object on one line"))
}

fn members(columns: &[&'static str], fields: &[&[u8]]) -> Result<Said, RowRefusal> {
    if columns.len() != fields.len() {
        let detail = format!("has {} columns, and the first line {}", fields.len(), columns.len());
        return Err(RowRefusal::malformed("row", detail));
    }
    let mut members = Map::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(fields) {
        let text = std::str::from_utf8(field).ok();
        let text = text.ok_or_else(|| RowRefusal::malformed(column, "must be UTF-8"))?;
        if let Some(value) = value_of_text(column, text)? {
            members.insert((*column).to_owned(), value);
        }
    }
    let json = serde_json::to_string(&members).ok();
    let json = json.ok_or_else(|| RowRefusal::malformed("row", "can't be written as JSON"))?;
    Ok(Said { members, json })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &[u8], format: Option<Format>) -> Vec<(u64, Result<Value, String>)> {
        let mut rows = Rows::of(io::BufReader::with_capacity(7, text), format).unwrap();
        let mut all = Vec::new();
        while let Some(Line { number, row }) = rows.next().unwrap() {
            all.push((
                number,
                row.map(|said| Value::Object(said.members)).map_err(|refusal| refusal.to_string()),
            ));
        }
        all
    }

    #[test]
    fn json_lines_are_read_with_their_numbers() {
        let text = b"\xef\xbb\xbf{\"account\":\"a\"}\r\n\n{\"account\":1}\n[1]\n{\"a\":\"my_live_secret\n{}";
        let refused = || Err("row: must be a JSON object on one line".to_owned());
        let wanted = [
            (1, Ok(json!({"account": "a"}))),
            (3, Ok(json!({"account": 1}))),
            (4, refused()),
            (5, refused()),
            (6, Ok(json!({}))),
        ];
        assert_eq!(read(text, None), wanted);
    }

    #[test]
    fn columns_are_read_with_their_quotes_line_breaks_and_gaps() {
        let text = b"account,name,scopes,metadata\r\ncus_1,\"a, \"\"b\"\"\nc\",x:read,\"{\"\"a\"\":1}\"\r\ncus_2,,,\r\ncus_3\r\n\ncus_4,\xff,,\ncus_5,,,{";
        let wanted = [
            (
                2,
                Ok(
                    json!({"account": "cus_1", "name": "a, \"b\"\nc", "scopes": ["x:read"], "metadata": {"a": 1}}),
                ),
            ),
            (4, Ok(json!({"account": "cus_2"}))),
            (5, Err("row: has 1 columns, and the first line 4".to_owned())),
            (7, Err("name: must be UTF-8".to_owned())),
            (8, Err("metadata: must be JSON".to_owned())),
        ];
        assert_eq!(read(text, None), wanted);
    }

    #[test]
    fn a_row_without_an_end_is_read_over_and_told() {
        let long = "x".repeat(3 * ROW_MAX);
        for (text, format) in [
            (format!("{{}}\n{{\"a\":\"{long}\"}}\n{{}}\n"), Format::Jsonl),
            (format!("account\na\n{long}\nb\n"), Format::Csv),
            (format!("account\na\n\"{long}\"\nb\n"), Format::Csv),
        ] {
            let read = read(text.as_bytes(), Some(format));
            let told: Vec<_> = read.iter().map(|(_, row)| row.is_ok()).collect();
            assert_eq!(told, [true, false, true], "{format:?}");
        }
        let unending = format!("account\na\n\"{long}\nb\n");
        assert_eq!(read(unending.as_bytes(), None).len(), 2);
        let many = format!("account\na\n{}\nb\n", "x,".repeat(ROW_MAX));
        assert!(read(many.as_bytes(), None)[1].1.is_err());
    }

    #[test]
    fn a_first_line_without_names_is_not_repeated() {
        for (text, told) in [
            ("cus_1,my_live_AbCdEf0123\n", "column 1 of the first line isn't known"),
            ("account,my_live_AbCdEf0123\n", "column 2 of the first line isn't known"),
            ("account,tenant\n", "column 2 of the first line, \"tenant\", isn't known"),
            ("account,account\n", "\"account\", is there twice"),
            ("", "the file is empty"),
        ] {
            let refused = Rows::of(text.as_bytes(), None).err().unwrap().to_string();
            assert!(refused.contains(told) && !refused.contains("AbCdEf"), "{refused}");
        }
    }
}
