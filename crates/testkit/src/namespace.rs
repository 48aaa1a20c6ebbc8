//! A network of the test's own, joined to this machine by one cable that can be cut.
//!
//! What is cut is lost without a word, as when a switch dies: nobody is refused and no connection breaks. A connection
//! that outlives the cut goes on after [`heal`](Namespace::heal), when its next retransmission falls due.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd as _,
    panic,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Finished, claim::Claim, peer};

/// How many networks of four addresses 10.64.0.0/10 is divided into here; nobody runs as many tests at a time.
const NETWORKS: u16 = 4_000;

/// An address for documents (RFC 5737, section 3), which nobody has.
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

/// A network namespace. It is removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    number: Claim,
    name: String,
}

/// What a cut one way loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// What the namespace is sent.
    Incoming,
    /// What the namespace sends.
    Outgoing,
}

impl Namespace {
    /// Makes one. That takes root.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it changes the machine's network")]
    pub fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "network namespaces take root: run the tests as root, `sudo ./test unit`"
        );
        let number = Claim::of("network", 0..=NETWORKS - 1, |_| true);
        let name = format!("claviger-{}", number.number);
        let namespace = Self { number, name };
        // Nobody but a test that was killed can have left one with this number.
        namespace.remove();
        namespace.set_up();
        namespace
    }

    #[track_caller]
    fn set_up(&self) {
        let (name, [outside, inside]) = (self.name.as_str(), self.cable());
        let address = |address: IpAddr| format!("{address}/30");
        run(&["ip", "netns", "add", name]);
        run(&["ip", "link", "add", &outside, "type", "veth", "peer", "name", &inside, "netns", name]);
        run(&["ip", "address", "add", &address(self.host_address()), "dev", &outside]);
        run(&["ip", "link", "set", &outside, "up"]);
        run(&["ip", "-n", name, "address", "add", &address(self.address()), "dev", &inside]);
        run(&["ip", "-n", name, "link", "set", &inside, "up"]);
        run(&["ip", "-n", name, "link", "set", "lo", "up"]);
    }

    /// Says what names what is started in it knows, from now on and instead of those before; the first time before anything
    /// is started. Any other name is asked for at an address that nobody answers at. All of this machine's addresses are
    /// reached from there.
    #[track_caller]
    pub fn knows(&self, names: &[(&str, IpAddr)]) {
        let directory = self.directory();
        let begins = !directory.exists();
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        for (name, address) in names {
            writeln!(hosts, "{address} {name}").expect("text can be added to");
        }
        let written = fs::create_dir_all(&directory).and_then(|()| {
            fs::write(directory.join("resolv.conf"), format!("nameserver {NOBODY}\n"))?;
            // In place: what was started before has this very file.
            fs::write(directory.join("hosts"), hosts)
        });
        written.expect("root may write /etc/netns");
        if begins {
            let host = self.host_address().to_string();
            run(&["ip", "-n", &self.name, "route", "add", "default", "via", &host]);
        }
    }

    /// Where `ip netns exec` finds what it puts in the place of files in /etc.
    fn directory(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }

    /// What runs a program in it, for [`ServerBuilder::under`](crate::ServerBuilder::under).
    pub fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Does `work` in it: what connects or listens there stays in it, and so do threads that are begun there.
    #[track_caller]
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let place = File::open(format!("/run/netns/{}", self.name)).expect("a namespace has a file");
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter a namespace");
                work()
            });
            inside.join().unwrap_or_else(|failed| panic::resume_unwind(failed))
        })
    }

    /// Its own address, at which this machine reaches what listens in it.
    pub fn address(&self) -> IpAddr {
        self.nth_address(2)
    }

    /// This machine's address, at which what runs in it reaches what listens on this machine.
    pub fn host_address(&self) -> IpAddr {
        self.nth_address(1)
    }

    /// Loses everything both ways.
    #[track_caller]
    pub fn cut(&self) {
        self.cut_one_way(Lost::Incoming);
        self.cut_one_way(Lost::Outgoing);
    }

    /// Loses everything one way.
    #[track_caller]
    pub fn cut_one_way(&self, lost: Lost) {
        let [_, inside] = self.cable();
        let rule = match lost {
            Lost::Incoming => ["INPUT", "-i", &inside],
            Lost::Outgoing => ["OUTPUT", "-o", &inside],
        };
        self.run(&[&["iptables", "-w", "-A"][..], &rule, &["-j", "DROP"]].concat());
    }

    /// Undoes what was cut.
    #[track_caller]
    pub fn heal(&self) {
        self.run(&["iptables", "-w", "-F"]);
    }

    /// The names of the cable's ends: on this machine, and inside.
    fn cable(&self) -> [String; 2] {
        ["out", "in"].map(|end| format!("clav-{end}-{}", self.number.number))
    }

    /// The nth address of its four.
    fn nth_address(&self, n: u32) -> IpAddr {
        let first = u32::from(Ipv4Addr::new(10, 64, 0, 0));
        Ipv4Addr::from(first + 4 * u32::from(self.number.number) + n).into()
    }

    #[track_caller]
    fn run(&self, words: &[&str]) {
        run(&[&self.prefix()[..], words].concat());
    }

    /// Removes it, if it is there.
    fn remove(&self) {
        // The cable would go with it, but only when the last process in it is gone and the kernel finds the time.
        let [outside, _] = self.cable();
        let _ = Command::new("ip").args(["link", "delete", &outside]).output();
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
        let _ = fs::remove_dir_all(self.directory());
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.remove();
    }
}

#[track_caller]
fn run(words: &[&str]) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    match command.output() {
        Ok(output) => {
            let Finished { code, err, .. } = output.into();
            assert_eq!(code, 0, "`{}` takes root, iproute2 and iptables: {err}", words.join(" "));
        }
        Err(error) => peer::missing(&command, &error),
    }
}
