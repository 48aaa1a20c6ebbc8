//! Several servers on one database, each with a directory of its own.

use std::{mem, ops::Index};

use crate::{Operator, Server, ServerBuilder, Stopped};

/// Several servers on one database. The nodes are numbered from 0, and keep their numbers when they are started again.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    operator_key: String,
}

#[derive(Debug)]
enum Node {
    Running(Server),
    Stopped(Stopped),
    /// While it changes from one to the other.
    Changing,
}

impl Cluster {
    /// Initialises the empty database at `url` and starts `count` servers of the program at `path` on it, one after
    /// the other. `with` completes the builder of each.
    #[track_caller]
    pub fn start(
        path: &str,
        count: usize,
        url: &str,
        with: impl Fn(ServerBuilder, usize) -> ServerBuilder,
    ) -> Self {
        let mut builders: Vec<_> =
            (0..count).map(|number| with(ServerBuilder::new(path).database(url), number)).collect();
        let operator_key = builders.first_mut().expect("a cluster has a node").initialise();
        let nodes = builders.into_iter().map(|builder| Node::Running(builder.join(&operator_key))).collect();
        Self { nodes, operator_key }
    }

    /// The nodes that run.
    pub fn running(&self) -> impl Iterator<Item = &Server> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Running(server) => Some(server),
            Node::Stopped(_) | Node::Changing => None,
        })
    }

    /// The first operator, at one of the nodes.
    #[track_caller]
    pub fn operator(&self, node: usize) -> Operator {
        self[node].operator()
    }

    /// The first operator's key.
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// Ends a node in the middle of whatever it does (`SIGKILL`).
    #[track_caller]
    pub fn kill(&mut self, node: usize) {
        self.end(node, Server::kill);
    }

    /// Asks a node to end (`SIGTERM`), and waits until it has; returns its exit code.
    #[track_caller]
    pub fn stop(&mut self, node: usize) -> Option<i32> {
        self.end(node, Server::stop)
    }

    /// Starts a node again that was ended, with the same directory.
    #[track_caller]
    pub fn start_again(&mut self, node: usize) {
        self.start_again_with(node, |stopped| stopped);
    }

    /// The same after a change of how it starts.
    #[track_caller]
    pub fn start_again_with(&mut self, node: usize, change: impl FnOnce(Stopped) -> Stopped) {
        let slot = &mut self.nodes[node];
        if let Node::Stopped(stopped) = mem::replace(slot, Node::Changing) {
            *slot = Node::Running(change(stopped).start());
        } else {
            misused(node, "runs already");
        }
    }

    #[track_caller]
    fn end(&mut self, node: usize, how: impl FnOnce(Server) -> Stopped) -> Option<i32> {
        let slot = &mut self.nodes[node];
        if let Node::Running(server) = mem::replace(slot, Node::Changing) {
            let stopped = how(server);
            let code = stopped.code;
            *slot = Node::Stopped(stopped);
            code
        } else {
            misused(node, "doesn't run")
        }
    }
}

impl Index<usize> for Cluster {
    type Output = Server;

    /// A node that runs.
    #[track_caller]
    fn index(&self, node: usize) -> &Server {
        match &self.nodes[node] {
            Node::Running(server) => server,
            Node::Stopped(_) | Node::Changing => misused(node, "doesn't run"),
        }
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test that takes one node for another has failed")]
fn misused(node: usize, how: &str) -> ! {
    panic!("node {node} {how}")
}
