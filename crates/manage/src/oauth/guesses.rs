//! Bounds what applications get wrong. Only that is counted, once it was judged: whoever is right is never kept out, whatever
//! others try.

use std::{net::IpAddr, time::Duration};

use claviger_model::oauth::ClientKind;

use super::ClientPermit;
use crate::Manager;

impl Manager {
    /// Counts a client whose secret was wrong or who isn't known, or says how long to wait.
    pub fn count_wrong_client(&self, id: &str, from: Option<IpAddr>) -> Result<(), Duration> {
        self.people.count_guess(Some(id), from, self.clock.now())
    }

    /// Counts a code or refresh token that was wrong, or says how long to wait. A client that has proved who it is may
    /// come with those of many members that have ended, and isn't counted.
    pub fn count_wrong_grant(&self, client: &ClientPermit, from: Option<IpAddr>) -> Result<(), Duration> {
        match client.kind() {
            ClientKind::Public => self.people.count_guess(None, from, self.clock.now()),
            ClientKind::Confidential => Ok(()),
        }
    }
}
