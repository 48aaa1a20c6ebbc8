//! Guessing passwords: slowly, quickly, all at once, and listening to how long it takes.

use std::{sync::Barrier, thread};

use claviger_testkit::{Answer, ServerBuilder, Visitor};
use rustix::time::{ClockId, clock_gettime};

use super::{Request, Scene, is_signed_in};
use crate::attacks::memory::{peak, resident};

const PASSWORD: &str = "correct horse battery staple";

/// A stranger with a form, who can send it as often as they like.
struct Guesser {
    visitor: Visitor,
    csrf: String,
}

impl Guesser {
    fn at(scene: &Scene) -> Self {
        let mut visitor = Visitor::new(scene.server.portal);
        let _ = visitor.get("/sign-in").expect(200);
        let csrf = visitor.csrf();
        Self { visitor, csrf }
    }

    fn request(&self, scene: &Scene, email: &str, password: &str) -> Request {
        let fields = [("csrf", self.csrf.as_str()), ("email", email), ("password", password)];
        Request::form(scene.server.portal, "/sign-in", &fields).of(&self.visitor)
    }

    #[track_caller]
    fn guess(&self, scene: &Scene, email: &str, password: &str) -> Answer {
        scene.ask(email, &self.request(scene, email, password))
    }
}

#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429);
    answer.header("retry-after").expect("it says how long to wait").parse().expect("in seconds")
}

#[test]
fn a_member_is_guessed_at_a_few_times_however_the_address_is_spelt() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let _ = scene.with_password("ada@example.com", PASSWORD);
    let guesser = Guesser::at(&scene);
    let spellings = [
        "ada@example.com",
        "ADA@example.com",
        " ada@example.com",
        "ada@EXAMPLE.com ",
        "\tAda@Example.Com\r\n",
    ];
    for spelling in spellings.iter().cycle().take(10) {
        assert_eq!(guesser.guess(&scene, spelling, "wrong").status, 422, "{spelling:?}");
    }
    for spelling in spellings {
        assert!((1..=61).contains(&retry_after(&guesser.guess(&scene, spelling, PASSWORD))), "{spelling:?}");
    }
    // Nobody else is kept out, nor is she, with a link.
    assert_eq!(guesser.guess(&scene, "bob@example.com", "wrong").status, 422);
    assert_eq!(
        scene.ask("a link", &Request::get(scene.server.portal, &scene.link("ada@example.com"))).status,
        303
    );
    // It passes by itself.
    scene.server.move_clock("+62s");
    assert_eq!(guesser.guess(&scene, "ada@example.com", PASSWORD).status, 303);
    assert_eq!(
        guesser.guess(&scene, "ada@example.com", PASSWORD).status,
        303,
        "what succeeds counts for nothing"
    );
    assert_eq!(guesser.guess(&scene, "ada@example.com", "wrong").status, 422);
    let refused = guesser.guess(&scene, "ada@example.com", "wrong").expect(429);
    let page = refused.text();
    assert!(page.contains("try again in ") && page.contains("value=\"ada@example.com\""), "{page}");
}

#[test]
fn an_address_guesses_a_few_times_whoever_it_tries() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let _ = scene.with_password("ada@example.com", PASSWORD);
    let guesser = Guesser::at(&scene);
    let mut passed = 0;
    let waiting = loop {
        let answer = guesser.guess(&scene, &format!("m{passed}@example.com"), "wrong");
        if answer.status == 429 {
            break retry_after(&answer);
        }
        assert_eq!(answer.status, 422);
        passed += 1;
        assert!(passed <= 60, "there is no bound");
    };
    assert!((40..=45).contains(&passed), "{passed}");
    assert!(waiting <= 11, "{waiting}");
    // Saying that one comes from elsewhere helps nobody: no proxy is trusted here.
    for (name, value) in
        [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")]
    {
        let request = guesser.request(&scene, "ada@example.com", PASSWORD).with(name, value);
        assert_eq!(scene.ask(name, &request).status, 429, "{name}");
    }
    scene.server.move_clock("+1h");
    assert_eq!(guesser.guess(&scene, "ada@example.com", PASSWORD).status, 303);
}

#[test]
fn a_wrong_password_and_a_wrong_address_are_answered_alike() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let _ = scene.with_password("ada@example.com", PASSWORD);
    let _ = scene.member("link@example.com", "viewer");
    let guesser = Guesser::at(&scene);
    let emails = ["ada@example.com", "bob@example.com", "link@example.com"];
    let mut took: [Vec<f64>; 3] = Default::default();
    for round in 0..30 {
        // Enough time for new attempts.
        scene.server.move_clock(&format!("+{}m", round * 5));
        for which in 0..3 {
            let which = (which + round) % 3;
            let begun = clock();
            let answer = guesser.guess(&scene, emails[which], "wrong, and long enough");
            took[which].push(clock() - begun);
            assert_eq!(answer.status, 422);
            let first = guesser.guess(&scene, "nobody@example.com", "wrong, and long enough");
            assert_eq!(masked(&answer, emails[which]), masked(&first, "nobody@example.com"));
        }
    }
    let medians = took.map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    });
    println!("A143: ms to refuse a member, nobody, a member without a password: {medians:.1?}");
    let (least, most) =
        (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
    assert!(most < least * 1.5, "{medians:?}");
}

/// The answer without what names the request and the address that was typed.
fn masked(answer: &Answer, email: &str) -> String {
    let id = answer.header("x-request-id").expect("it is there");
    let fields =
        answer.headers.iter().filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
    let text = format!("{:?}\n{}", fields.collect::<Vec<_>>(), answer.text());
    text.replace(id, "*").replace(email, "*")
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds are exact in the mantissa")]
fn clock() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

#[test]
fn hundreds_who_sign_in_at_once_take_neither_the_memory_nor_the_server() {
    const VISITORS: usize = 200;
    // Each from an address of its own: a bound on memory must hold where no bound on guessing does.
    let profile = super::super::stage::profile("default");
    let trusting = profile.replacen("env_var", "trusted_proxies = [\"127.0.0.0/8\"]\nenv_var", 1);
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile_text(&trusting));
    let guesser = Guesser::at(&scene);
    assert_eq!(guesser.guess(&scene, "warm@example.com", "wrong").status, 422);
    let before = resident(&scene.server);
    let start = Barrier::new(VISITORS);
    let statuses: Vec<_> = thread::scope(|scope| {
        let (scene, guesser, start) = (&scene, &guesser, &start);
        let guess = |number: usize| {
            move || {
                let request =
                    guesser.request(scene, &format!("m{number}@example.com"), "wrong, and long enough");
                let request = request.with("X-Forwarded-For", &format!("203.0.113.{number}"));
                start.wait();
                request.send(scene.server.portal).status
            }
        };
        let running: Vec<_> = (0..VISITORS).map(|number| scope.spawn(guess(number))).collect();
        running.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    let peak = peak(&scene.server);
    println!("A144: {} MiB before, {} MiB at most, {:?}", before >> 20, peak >> 20, counts(&statuses));
    // Two hashes of 19 MiB at once, and 200 connections.
    assert!(peak < before + (120 << 20), "{before} bytes before, {peak} at most");
    assert!(statuses.iter().all(|status| [422, 429, 503].contains(status)), "{statuses:?}");
    let refused = statuses.iter().filter(|status| **status != 422).count();
    assert!((1..VISITORS).contains(&refused), "{:?}", counts(&statuses));
    let visitor = scene.with_password("ada@example.com", PASSWORD);
    assert!(is_signed_in(&visitor));
}

fn counts(statuses: &[u16]) -> std::collections::BTreeMap<u16, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for status in statuses {
        *counts.entry(*status).or_default() += 1;
    }
    counts
}

#[test]
fn passwords_of_any_form_are_taken_whole_and_easy_ones_refused() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let letters: String = "abcdehgmnoxyqzprstu 27-".chars().rev().collect();
    let long = |length: usize| {
        letters
            .chars()
            .cycle()
            .zip(1_u32..)
            .map(|(c, n)| if n % 7 == 0 { char::from_digit(n % 10, 10).unwrap_or(c) } else { c })
            .take(length)
            .collect::<String>()
    };
    let unicode = "日本語のとても長い合言葉です、はい".to_owned();
    let rows: Vec<(&str, String, u16)> = vec![
        ("nothing", String::new(), 422),
        ("14 characters", long(14), 422),
        ("15 characters", long(15), 303),
        ("256 characters", long(256), 303),
        ("257 characters", long(257), 422),
        ("50 KB", long(50_000), 422),
        ("unicode", unicode, 303),
        (
            "256 of 4 bytes",
            "🔑🗝🔒🔓🔏🔐🚪🧱"
                .chars()
                .cycle()
                .zip(1_u32..)
                .map(|(c, n)| if n % 9 == 0 { char::from_digit(n / 9 % 10, 10).unwrap_or(c) } else { c })
                .take(256)
                .collect(),
            303,
        ),
        ("a NUL inside", format!("a\0{}", long(20)), 303),
        ("white space around it", format!("  {}  ", long(15)), 303),
        ("one letter", "a".repeat(20), 422),
        ("a word again and again", "passwordpassword".to_owned(), 422),
        ("a row of keys", "qwertyuiopasdfghjkl".to_owned(), 422),
        ("an alphabet", "abcdefghijklmnopqrstuvwxyz".to_owned(), 422),
        ("the address", "m@example.com-padded".replace("-padded", ""), 422),
        ("white space", " ".repeat(30), 422),
    ];
    for (number, (row, password, status)) in rows.iter().enumerate() {
        let email = format!("m{number}@example.com");
        let link = scene.invitation(&email);
        let mut visitor = Visitor::new(portal);
        let _ = visitor.get(&link).expect(200);
        let answer = visitor.submit(&link, &[("password", password), ("again", password)]);
        assert_eq!(answer.status, *status, "{row}");
        if *status == 422 {
            assert!(
                password.is_empty()
                    || password.trim().is_empty()
                    || !answer.text().contains(password.as_str()),
                "{row}: the password is shown"
            );
            continue;
        }
        let (visitor, answer) = scene.attempt(&email, password);
        assert!(answer.status == 303 && is_signed_in(&visitor), "{row}");
        // Whole, and as it is: nothing is cut off, trimmed or folded.
        let mut letters: Vec<char> = password.chars().collect();
        let last = letters.pop().expect("it has letters");
        let cut: String = letters.iter().collect();
        assert_eq!(scene.attempt(&email, &cut).1.status, 422, "{row}: cut");
        letters.push(if last == 'Z' { 'Y' } else { 'Z' });
        assert_eq!(
            scene.attempt(&email, &letters.iter().collect::<String>()).1.status,
            422,
            "{row}: changed"
        );
        if let Some((before, _)) = password.split_once('\0') {
            assert_eq!(scene.attempt(&email, before).1.status, 422, "{row}: up to the NUL");
        }
        if password.trim() != password {
            assert_eq!(scene.attempt(&email, password.trim()).1.status, 422, "{row}: trimmed");
        }
    }
}
