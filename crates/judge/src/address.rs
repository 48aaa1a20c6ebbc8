//! Finds the caller's address through the proxies that a profile trusts.
//!
//! How it is found is [`claviger_layer::address`]'s: services that ask a node find the same.

use std::net::IpAddr;

pub use claviger_layer::address::X_FORWARDED_FOR;
use claviger_model::profile::Profile;
use http::HeaderMap;

/// The address of whoever asked the outermost trusted proxy; the peer itself where it isn't a trusted proxy.
///
/// `None` where there is no peer address (a Unix socket) or a trusted proxy notes something that is no address:
/// a key restricted to networks is then refused. A trusted proxy that notes nothing is the caller itself.
pub fn caller_address(profile: &Profile, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    claviger_layer::address::caller_address(|address| profile.trusts(address), peer, headers)
}

/// The same where whoever asks notes what it was asked by, and is believed: the right-most hop stands for the peer.
///
/// `None` where nothing is noted: that somebody asks who may ask says nothing of the caller.
pub fn noted(profile: &Profile, headers: &HeaderMap) -> Option<IpAddr> {
    claviger_layer::address::noted_address(|address| profile.trusts(address), headers)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn caller(trusted: &str) -> Option<IpAddr> {
        let text = include_str!("../../../profiles/default.toml");
        let text = text.replace("env_var", &format!("trusted_proxies = [{trusted}]\nenv_var"));
        let profile = Profile::parse("default.toml", &text).unwrap();
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"))]);
        caller_address(&profile, Some("::ffff:10.0.0.1".parse().unwrap()), &headers)
    }

    #[test]
    fn only_the_proxies_of_the_profile_are_believed() {
        assert_eq!(caller("\"10.0.0.0/8\""), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(caller("\"10.1.0.0/16\""), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(caller(""), Some("10.0.0.1".parse().unwrap()));
    }
}
