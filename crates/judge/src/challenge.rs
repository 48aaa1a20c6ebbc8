//! The challenges of a 401 (RFC 9110 §11.6.1), written by one serializer.

use std::fmt;

use claviger_model::profile::{Carrier, CredentialRules};
use http::HeaderValue;

/// Whether the request presented something that could have been a key (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    Nothing,
    Something,
}

struct Challenge<'a> {
    scheme: &'a str,
    parameters: Vec<(&'static str, &'a str)>,
}

/// One challenge for each way a key of this api may travel, each to stand in a field line of its own.
pub(crate) fn challenges(rules: &CredentialRules, presented: Presented) -> Vec<HeaderValue> {
    let mut values = Vec::new();
    for carrier in &rules.carriers {
        let text = Challenge::new(carrier, &rules.realm, presented).to_string();
        let value =
            HeaderValue::from_str(&text).expect("a quoted string holds visible ASCII and spaces only");
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

impl<'a> Challenge<'a> {
    fn new(carrier: &'a Carrier, realm: &'a str, presented: Presented) -> Self {
        let realm = ("realm", realm);
        match (carrier, presented) {
            (Carrier::Bearer, Presented::Nothing) => Self { scheme: "Bearer", parameters: vec![realm] },
            (Carrier::Bearer, Presented::Something) => {
                Self { scheme: "Bearer", parameters: vec![realm, ("error", "invalid_token")] }
            }
            (Carrier::Basic, _) => Self { scheme: "Basic", parameters: vec![realm, ("charset", "UTF-8")] },
            (Carrier::Scheme(name), _) => Self { scheme: name, parameters: vec![realm] },
            (Carrier::Header(_), _) => Self { scheme: "ApiKey", parameters: vec![realm] },
        }
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme)?;
        for (place, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if place == 0 { " " } else { ", " };
            write!(f, "{separator}{name}={}", Quoted(value))?;
        }
        Ok(())
    }
}

/// A quoted-string (RFC 9110 §5.6.4); what isn't visible ASCII or a space becomes `?`.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                ' '..='~' => write!(f, "{letter}")?,
                _ => f.write_str("?")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(carriers: &[Carrier], realm: &str, presented: Presented) -> Vec<String> {
        let rules = CredentialRules { carriers: carriers.to_vec(), realm: realm.into(), forward: false };
        challenges(&rules, presented).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn each_carrier_has_its_challenge() {
        let all = [Carrier::Bearer, Carrier::Basic, Carrier::Header("a".into()), Carrier::Header("b".into())];
        let expected = ["Bearer realm=\"R\"", "Basic realm=\"R\", charset=\"UTF-8\"", "ApiKey realm=\"R\""];
        assert_eq!(written(&all, "R", Presented::Nothing), expected);
        let refused = ["Bearer realm=\"R\", error=\"invalid_token\""];
        assert_eq!(written(&[Carrier::Bearer], "R", Presented::Something), refused);
        let own = [Carrier::Scheme("Api-Key".into())];
        assert_eq!(written(&own, "R", Presented::Something), ["Api-Key realm=\"R\""]);
    }

    #[test]
    fn a_realm_can_not_end_its_quotes() {
        let expected = ["ApiKey realm=\"a\\\"b\\\\c, x=?d?\""];
        assert_eq!(
            written(&[Carrier::Header("a".into())], "a\"b\\c, x=\nd\u{e9}", Presented::Nothing),
            expected
        );
    }
}
