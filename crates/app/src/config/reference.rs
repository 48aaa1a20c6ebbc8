//! `docs/reference/configuration.md`, made of the documented defaults and the flags of `serve`.

use std::collections::BTreeMap;

use clap::Args as _;
use claviger_testkit::hold_reference;

use super::{DEFAULTS, ServeFlags};

const HEAD: &str = "\
# Configuration

Every setting of `claviger serve`, with its default.
This page is made of [claviger.default.toml](../../crates/app/src/claviger.default.toml), which can be given to `--config` as it is.
";

/// A setting as the file of defaults has it.
struct Setting<'a> {
    key: &'a str,
    /// As TOML; `None` where it is left out.
    default: Option<&'a str>,
    /// What may be written, where it is left out.
    example: Option<&'a str>,
}

/// What stands together in the file: what is said, and the settings it is said of.
struct Paragraph<'a> {
    said: Vec<&'a str>,
    settings: Vec<Setting<'a>>,
}

fn paragraphs() -> Vec<Paragraph<'static>> {
    DEFAULTS.split("\n\n").map(paragraph).collect()
}

fn paragraph(text: &str) -> Paragraph<'_> {
    let (mut said, mut settings) = (Vec::new(), Vec::new());
    for line in text.trim().lines() {
        let comment = line.strip_prefix('#').map(str::trim_start);
        match comment.unwrap_or(line).split_once(" = ").filter(|(key, _)| is_key(key)) {
            Some((key, value)) => {
                let (default, example) =
                    if comment.is_some() { (None, Some(value)) } else { (Some(value), None) };
                settings.push(Setting { key, default, example });
            }
            None => said.push(comment.expect("a line is a setting or a comment")),
        }
    }
    Paragraph { said, settings }
}

fn is_key(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

/// The flag and the variable of each setting that has a flag, by its key.
fn flags() -> BTreeMap<String, (String, String)> {
    let command = ServeFlags::augment_args(clap::Command::new("serve"));
    let named = command.get_arguments().filter_map(|flag| {
        let variable = flag.get_env()?.to_str()?.to_owned();
        Some((flag.get_id().to_string(), (format!("--{}", flag.get_long()?), variable)))
    });
    named.collect()
}

fn reference() -> String {
    let (flags, paragraphs) = (flags(), paragraphs());
    let (head, paragraphs) = paragraphs.split_at(1);
    let mut lines = vec![HEAD.to_owned()];
    // What the page is, it says itself.
    lines.extend(head[0].said[2..].iter().map(|&line| line.to_owned()));
    lines.push("\n| setting | flag | variable | default |\n|---|---|---|---|".to_owned());
    let all =
        paragraphs.iter().flat_map(|paragraph| paragraph.settings.iter().map(move |one| (paragraph, one)));
    lines.extend(all.map(|(paragraph, setting)| row(setting, &paragraph.said, &flags)));
    for Paragraph { said, settings } in paragraphs {
        lines.extend(settings.iter().map(|Setting { key, .. }| format!("\n## {key}")));
        lines.push(String::new());
        lines.extend(said.iter().map(|&line| line.to_owned()));
        let examples = settings.iter().filter_map(|setting| Some((setting.key, setting.example?)));
        let examples: Vec<_> = examples.map(|(key, value)| format!("{key} = {value}")).collect();
        if !examples.is_empty() {
            lines.push(format!("\n```toml\n{}\n```", examples.join("\n")));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A setting without a flag has the variable that is spoken of where it is documented, or none.
fn row(setting: &Setting<'_>, said: &[&str], flags: &BTreeMap<String, (String, String)>) -> String {
    let Setting { key, default, .. } = setting;
    let alone = format!("CLAVIGER_{}", key.to_uppercase());
    let (flag, variable) = match flags.get(*key) {
        Some((flag, variable)) => (code(flag), code(variable)),
        None if said.iter().any(|line| line.contains(&alone)) => (String::new(), code(&alone)),
        None => (String::new(), String::new()),
    };
    let default = default.map(code).unwrap_or_default();
    format!("| [`{key}`](#{key}) | {flag} | {variable} | {default} |")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[test]
fn the_reference_is_what_the_defaults_say() {
    hold_reference("configuration.md", &reference());
}

#[test]
fn every_setting_is_documented_with_the_flag_and_the_variable_it_has() {
    let (flags, paragraphs) = (flags(), paragraphs());
    let settings: Vec<_> = paragraphs.iter().flat_map(|paragraph| &paragraph.settings).collect();
    for Setting { key, default, example } in &settings {
        let value = default.or(*example).expect("a setting has a default or an example");
        super::file::parse("claviger.default.toml", &format!("{key} = {value}")).unwrap();
    }
    for (key, (flag, variable)) in &flags {
        let documented = settings.iter().any(|setting| setting.key == key);
        assert!(documented || key == "config", "{flag}, {variable}");
    }
    let alone = include_str!("flags.rs").lines().filter(|line| !line.contains("#[arg"));
    for variable in alone.filter_map(|line| line.split_once("\"CLAVIGER_")?.1.split_once('"')) {
        let key = variable.0.to_lowercase();
        let row = format!("| [`{key}`](#{key}) |  | `CLAVIGER_{}` |", variable.0);
        assert!(reference().contains(&row), "{row}");
    }
}
