//! `claviger completions` and `claviger man`: made from the command line itself, for every command.

use std::{collections::BTreeSet, fs, process::Command};

use claviger_testkit::{Finished, Program};
use tempfile::TempDir;

use super::fails;

/// Every command as it is typed, as the program's own help names them.
fn commands(program: &Program, above: &[String], found: &mut BTreeSet<String>) {
    let asked = [above, &["--help".to_owned()]].concat();
    let help = program.run(&asked).expect(0).out;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is said of a command may go on for another line, which is further in.
    let named = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    for name in named.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        let command = [above, &[name.to_owned()]].concat();
        found.insert(command.join(" "));
        commands(program, &command, found);
    }
}

fn all(program: &Program) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    commands(program, &[], &mut found);
    assert!(found.contains("serve") && found.contains("key issue"), "{found:?}");
    found
}

#[test]
fn every_command_has_a_page_and_no_page_has_none() {
    let program = Program::at(crate::PROGRAM);
    let root = TempDir::new().unwrap();
    let folder = root.path().join("share/man/man1");
    assert_eq!(program.run(&["man", folder.to_str().unwrap()]).expect(0).out, "");
    let named = |command: &String| format!("claviger-{}.1", command.replace(' ', "-"));
    let mut expected: BTreeSet<_> = all(&program).iter().map(named).collect();
    expected.insert("claviger.1".to_owned());
    let pages = fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    assert_eq!(pages.collect::<BTreeSet<_>>(), expected);
    let first = program.run(&["man"]).expect(0).out;
    assert_eq!(first, fs::read_to_string(folder.join("claviger.1")).unwrap());
}

#[test]
fn pages_say_nothing_of_where_they_were_made() {
    let url = "postgres://claviger:hunter2@db.internal/claviger";
    let program = Program::at(crate::PROGRAM);
    let told = program
        .clone()
        .with("CLAVIGER_DATA", "/var/lib/hunter2")
        .with("CLAVIGER_DATABASE_URL", url)
        .with("CLAVIGER_REDIS_URL", "redis://:hunter2@cache");
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    for (program, folder) in [program, told].iter().zip(&folders) {
        assert_eq!(program.run(&["man", folder.path().to_str().unwrap()]).expect(0).out, "");
    }
    for page in fs::read_dir(&folders[0]).unwrap() {
        let name = page.unwrap().file_name();
        let [one, other] = folders.each_ref().map(|folder| fs::read(folder.path().join(&name)).unwrap());
        assert!(one == other, "{}", name.display());
    }
}

#[test]
fn pages_that_can_not_be_written_are_told() {
    fails(Program::at(crate::PROGRAM).run(&["man", "/proc/man"]), 1, &["can't be written to /proc/man"]);
}

/// What bash offers after `line`, whose last word is being typed.
fn offered(script: &str, line: &str) -> BTreeSet<String> {
    let words: Vec<_> = line.split(' ').collect();
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let asking = format!(
        "source {script}; COMP_WORDS=({line}); COMP_CWORD={}; _claviger claviger '{last}' '{before}'; echo ${{COMPREPLY[@]}}",
        words.len() - 1
    );
    let asked = Command::new("bash").args(["--norc", "-c", &asking]).output().expect("bash runs the tests");
    Finished::from(asked).expect(0).out.split_whitespace().map(ToOwned::to_owned).collect()
}

#[test]
fn bash_completes_every_command() {
    let program = Program::at(crate::PROGRAM);
    let root = TempDir::new().unwrap();
    let script = root.path().join("claviger");
    fs::write(&script, program.run(&["completions", "bash"]).expect(0).out).unwrap();
    let script = script.to_str().unwrap();
    for command in all(&program) {
        let name = command.rsplit(' ').next().unwrap();
        let half = &command[..=command.len() - name.len()];
        let offered = offered(script, &format!("claviger {half}"));
        assert!(offered.contains(name), "{command}: {offered:?}");
    }
    assert!(offered(script, "claviger serve --tls-").contains("--tls-cert-file"));
}

#[test]
fn every_shell_is_told_of_every_command() {
    let program = Program::at(crate::PROGRAM);
    let commands = all(&program);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = program.run(&["completions", shell]).expect(0).out;
        for command in &commands {
            let name = command.rsplit(' ').next().unwrap();
            assert!(script.contains(name), "{shell}: {command}");
        }
    }
    assert_eq!(program.run(&["completions", "tcsh"]).expect(2).out, "");
}
