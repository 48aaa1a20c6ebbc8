//! Files that changed and rest are read again without a signal, however they were written.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use claviger_testkit::{Program, ServerBuilder};

use super::{Stage, answering};

/// Waits until another server has had to take three changes one after the other: whoever looks as often has looked then.
fn until_others_have_looked(other: &Stage) {
    for number in 1..=3 {
        other.replace(&answering(number));
        other.answers(number);
    }
}

fn errors(stage: &Stage) -> usize {
    stage.server.log().lines().filter(|line| line.contains("ERROR")).count()
}

#[test]
fn a_changed_profile_is_taken_however_it_was_written() {
    let stage = Stage::set();
    stage.replace(&answering(1));
    stage.answers(1);
    fs::write(&stage.profile, answering(2)).unwrap();
    stage.answers(2);
    // As Kubernetes mounts what it may change.
    let volume = stage.server.directory().join("volume");
    let put = |revision: &str, number| {
        fs::create_dir_all(volume.join(revision)).unwrap();
        fs::write(volume.join(revision).join("mine.toml"), answering(number)).unwrap();
        symlink(revision, volume.join("..new")).unwrap();
        fs::rename(volume.join("..new"), volume.join("..data")).unwrap();
    };
    put("..1", 3);
    fs::remove_file(&stage.profile).unwrap();
    symlink(volume.join("..data/mine.toml"), &stage.profile).unwrap();
    stage.answers(3);
    put("..2", 4);
    fs::remove_dir_all(volume.join("..1")).unwrap();
    stage.answers(4);
    stage.logged("the profiles were read again changed=\"default\"");
}

#[test]
fn what_can_not_be_used_is_told_once_and_what_is_put_right_is_taken() {
    let stage = Stage::set();
    let with_logo = format!("{}\n[dashboard]\nlogo = \"logo.svg\"\n", answering(1));
    stage.replace(&with_logo);
    let line = stage.logged("logo.svg can't be read");
    assert!(line.contains("those of before are served"), "{line}");
    until_others_have_looked(&Stage::set());
    assert_eq!(errors(&stage), 1, "{}", stage.server.log());
    assert!(stage.is_reload_failed());
    assert_eq!(stage.refusal().1, "code_0");
    fs::write(stage.profile.with_file_name("logo.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        .unwrap();
    stage.answers(1);
    stage.reload_succeeded();
    assert_eq!(errors(&stage), 1, "{}", stage.server.log());
}

#[test]
fn what_is_being_written_is_not_served_and_its_end_is() {
    let stage = Stage::set();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in (1..).take_while(|_| !over.load(Ordering::SeqCst)) {
                fs::write(&stage.profile, answering(number)).unwrap();
            }
        });
        until_others_have_looked(&Stage::set());
        assert_eq!(stage.refusal().1, "code_0");
        over.store(true, Ordering::SeqCst);
    });
    fs::write(&stage.profile, answering(0).replace("code_0", "code_end")).unwrap();
    stage.logged("the profiles were read again changed=\"default\"");
    assert_eq!(stage.refusal().1, "code_end");
    assert_eq!(errors(&stage), 0, "{}", stage.server.log());
}

#[test]
fn a_pipe_in_a_profiles_place_holds_nothing_up() {
    let stage = Stage::set();
    fs::remove_file(&stage.profile).unwrap();
    let path = stage.profile.to_str().unwrap();
    let _made = Program::at("mkfifo").run(&[path]).expect(0);
    stage.server.ask_to_reload();
    stage.logged("it is no regular file");
    assert_eq!(stage.refusal().1, "code_0");
    stage.replace(&answering(1));
    stage.answers(1);
}

#[test]
fn where_the_settings_say_so_a_signal_is_waited_for() {
    let stage = Stage::of(ServerBuilder::new(crate::PROGRAM).variable("CLAVIGER_WATCH_FILES", "false"));
    stage.replace(&answering(1));
    until_others_have_looked(&Stage::set());
    assert_eq!(stage.refusal().1, "code_0");
    stage.server.ask_to_reload();
    stage.answers(1);
}
