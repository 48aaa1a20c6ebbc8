//! The apis this node serves, by name.

use std::sync::Arc;

use claviger_model::profile::Profile;

/// A closed list of profiles, each name once.
#[derive(Debug, Default)]
pub struct Apis(Vec<Arc<Profile>>);

impl Apis {
    /// The list of these; `Err` names the first that is there twice, shares a host with another, or has none beside
    /// others: no request could be for it.
    pub fn new(profiles: Vec<Arc<Profile>>) -> Result<Self, String> {
        if profiles.len() > 1
            && let Some(profile) = profiles.iter().find(|profile| profile.hosts.is_empty())
        {
            return Err(format!(
                "the profile {} names no host, and several profiles are told apart by their hosts: give it [hosts]",
                profile.name
            ));
        }
        for (place, profile) in profiles.iter().enumerate() {
            for earlier in &profiles[..place] {
                if earlier.name == profile.name {
                    return Err(format!("two profiles are called {:?}", &*profile.name));
                }
                if let Some(rule) = profile.hosts.iter().find(|rule| earlier.host_rule(&rule.host).is_some())
                {
                    return Err(format!(
                        "the host {} belongs to both {} and {}",
                        rule.host, earlier.name, profile.name
                    ));
                }
            }
        }
        Ok(Self(profiles))
    }

    /// The api called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.iter().find(|profile| &*profile.name == name)
    }

    /// The api, where there is one only.
    pub fn only(&self) -> Option<&Arc<Profile>> {
        if let [profile] = &*self.0 { Some(profile) } else { None }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.iter()
    }
}
