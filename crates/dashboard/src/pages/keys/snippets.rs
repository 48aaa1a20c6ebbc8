//! How a new key is put to use: lines for the shell, files and programs, and the header it travels in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_model::{
    Environment, PlainKey,
    profile::{Carrier, Profile},
};
use zeroize::Zeroizing;

/// A few lines to copy.
pub(super) struct Snippet {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    /// Whether the key itself is in it.
    pub(super) is_secret: bool,
    pub(super) code: Zeroizing<String>,
}

/// The header field that carries a key, ready to send.
pub(super) struct ReadyHeader {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
}

/// The snippets of a key, by the first way in which the api takes keys.
pub(super) fn snippets(profile: &Profile, environment: Environment, plain: &PlainKey) -> Vec<Snippet> {
    let variable = &profile.env_var;
    let url = url(profile, environment);
    let carrier = carrier(profile);
    let word = shell_word(plain.expose());
    let open = |id, label, code: String| Snippet { id, label, is_secret: false, code: Zeroizing::new(code) };
    let secret = |id, label, code| Snippet { is_secret: true, ..open(id, label, code) };
    vec![
        secret("shell", "Shell", format!("export {variable}={}", *word)),
        secret("dotenv", ".env", format!("{variable}={}", plain.expose())),
        open("curl", "curl", curl(carrier, variable, &url)),
        open("javascript", "JavaScript", javascript(carrier, variable, &url)),
        open("python", "Python", python(carrier, variable, &url)),
    ]
}

/// The header field as a client sends it.
pub(super) fn ready_header(profile: &Profile, plain: &PlainKey) -> ReadyHeader {
    let key = plain.expose();
    let (name, value) = match carrier(profile) {
        Carrier::Bearer => ("Authorization", format!("Bearer {key}")),
        Carrier::Basic => ("Authorization", format!("Basic {}", STANDARD.encode(key))),
        Carrier::Scheme(name) => ("Authorization", format!("{name} {key}")),
        Carrier::Header(name) => (name.as_str(), key.to_owned()),
    };
    ReadyHeader { name: name.to_owned(), value: Zeroizing::new(value) }
}

fn carrier(profile: &Profile) -> &Carrier {
    profile.credentials.carriers.first().unwrap_or(&Carrier::Bearer)
}

/// What stands for the address of an api that doesn't say its own.
const STAND_IN: &str = "https://your-api.example.com/";

/// Where requests with such a key go: a host of the api, or what is to be replaced by one.
fn url(profile: &Profile, environment: Environment) -> String {
    host(profile, environment).map_or_else(|| STAND_IN.to_owned(), |host| format!("https://{host}/"))
}

/// What the snippets have in the place of the api's address, where it isn't known.
pub(super) fn stand_in(profile: &Profile, environment: Environment) -> Option<&'static str> {
    host(profile, environment).is_none().then_some(STAND_IN)
}

fn host(profile: &Profile, environment: Environment) -> Option<&str> {
    let suits = |only: Option<Environment>| only.is_none_or(|only| only == environment);
    profile.hosts.iter().find(|rule| suits(rule.environment)).map(|rule| rule.host.as_str())
}

/// Keys are made of characters that no shell takes for its own, but for a tilde.
fn shell_word(key: &str) -> Zeroizing<String> {
    Zeroizing::new(if key.contains('~') { format!("'{key}'") } else { key.to_owned() })
}

fn curl(carrier: &Carrier, variable: &str, url: &str) -> String {
    let credential = match carrier {
        Carrier::Bearer => format!("-H \"Authorization: Bearer ${variable}\""),
        Carrier::Basic => format!("-u \"${variable}:\""),
        Carrier::Scheme(name) => format!("-H \"Authorization: {name} ${variable}\""),
        Carrier::Header(name) => format!("-H \"{name}: ${variable}\""),
    };
    format!("curl {url} \\\n  {credential}")
}

fn javascript(carrier: &Carrier, variable: &str, url: &str) -> String {
    let header = match carrier {
        Carrier::Bearer => "Authorization: `Bearer ${apiKey}`".to_owned(),
        Carrier::Basic => "Authorization: `Basic ${btoa(apiKey)}`".to_owned(),
        Carrier::Scheme(name) => format!("Authorization: `{name} ${{apiKey}}`"),
        Carrier::Header(name) => format!("\"{name}\": apiKey"),
    };
    format!(
        "const apiKey = process.env.{variable};\n\nconst response = await fetch(\"{url}\", {{\n  headers: {{ {header} }},\n}});"
    )
}

fn python(carrier: &Carrier, variable: &str, url: &str) -> String {
    let imports = if *carrier == Carrier::Basic { "import base64\nimport os" } else { "import os" };
    let header = match carrier {
        Carrier::Bearer => "'Authorization': f'Bearer {api_key}'".to_owned(),
        Carrier::Basic => {
            "'Authorization': 'Basic ' + base64.b64encode(api_key.encode()).decode()".to_owned()
        }
        Carrier::Scheme(name) => format!("'Authorization': f'{name} {{api_key}}'"),
        Carrier::Header(name) => format!("'{name}': api_key"),
    };
    format!(
        "{imports}\nfrom urllib.request import Request, urlopen\n\napi_key = os.environ.get('{variable}')\n\nrequest = Request('{url}', headers={{\n    {header},\n}})\nresponse = urlopen(request)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> Profile {
        let file = format!("{}/../../profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Profile::parse(&file, &std::fs::read_to_string(&file).unwrap()).unwrap()
    }

    fn code(profile: &Profile, label: &str) -> String {
        let snippets = snippets(profile, Environment::Live, &PlainKey::new("k3y"));
        snippets.into_iter().find(|one| one.label == label).map(|one| one.code.to_string()).unwrap()
    }

    #[test]
    fn snippets_are_those_of_the_contracts() {
        let (example, cicosts, codat) = (profile("example"), profile("cicosts"), profile("codat"));
        assert_eq!(code(&example, ".env"), "API_KEY=k3y");
        assert_eq!(code(&cicosts, "Shell"), "export CICOSTS_API_KEY=k3y");
        assert!(code(&example, "JavaScript").contains("process.env.API_KEY;"));
        assert!(code(&example, "Python").contains("os.environ.get('API_KEY')"));
        assert_eq!(
            code(&cicosts, "curl"),
            "curl https://api.cicosts.dev/ \\\n  -H \"Authorization: Bearer $CICOSTS_API_KEY\""
        );
        assert!(code(&codat, "curl").ends_with("-u \"$CODAT_API_KEY:\""));
    }

    #[test]
    fn an_address_that_is_not_known_is_said_to_be_replaced() {
        for name in ["cashcat", "cicosts", "codat", "example", "default"] {
            let profile = profile(name);
            let stand_in = stand_in(&profile, Environment::Live);
            assert_eq!(stand_in.is_some(), profile.hosts.is_empty(), "{name}");
            let line = snippets(&profile, Environment::Live, &PlainKey::new("k3y")).remove(2).code;
            assert_eq!(line.contains(STAND_IN), stand_in.is_some(), "{name}");
        }
    }

    #[test]
    fn the_key_itself_is_only_where_it_is_said_to_be() {
        for name in ["cashcat", "cicosts", "codat", "example", "default"] {
            for snippet in snippets(&profile(name), Environment::Live, &PlainKey::new("k3y")) {
                assert_eq!(snippet.code.contains("k3y"), snippet.is_secret, "{name} {}", snippet.label);
            }
        }
    }

    #[test]
    fn the_ready_header_of_basic_is_the_bare_key_encoded() {
        let header = ready_header(&profile("codat"), &PlainKey::new("k3y"));
        assert_eq!((header.name.as_str(), header.value.as_str()), ("Authorization", "Basic azN5"));
    }
}
