//! The forms of a page, as far as a test needs them: where they lead, and their hidden fields.

/// A form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) action: Option<String>,
    /// Names and values, in the order of the page.
    pub(crate) hidden: Vec<(String, String)>,
}

impl Form {
    /// Whether it is sent to `action`, on a page at `here`.
    pub(crate) fn leads_to(&self, action: &str, here: &str) -> bool {
        self.action.as_deref().filter(|own| !own.is_empty()).unwrap_or(here) == action
    }
}

/// The forms of a page.
pub(crate) fn forms(page: &str) -> Vec<Form> {
    page.split("<form").skip(1).map(form).collect()
}

fn form(text: &str) -> Form {
    let text = text.split("</form").next().unwrap_or(text);
    let inputs = text.split("<input").skip(1).map(head);
    let hidden = inputs.filter(|input| attribute(input, "type").as_deref() == Some("hidden"));
    Form {
        action: attribute(head(text), "action"),
        hidden: hidden
            .filter_map(|input| {
                Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
            })
            .collect(),
    }
}

/// The rest of a tag, to its end; our pages write no `>` within attributes.
fn head(tag: &str) -> &str {
    tag.split('>').next().unwrap_or(tag)
}

/// The value of an attribute in double quotes, or without any.
fn attribute(head: &str, name: &str) -> Option<String> {
    let mut rest = head;
    loop {
        let at = rest.find(name)?;
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        rest = after;
        let begins = before.ends_with(|last: char| last.is_ascii_whitespace());
        if let Some(value) = after.strip_prefix('=').filter(|_| begins) {
            let value = match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next(),
                None => value.split(|end: char| end.is_ascii_whitespace()).next(),
            };
            return value.map(unescaped);
        }
    }
}

/// Undoes what a template escapes.
fn unescaped(text: &str) -> String {
    let pairs =
        [("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&lt;", "<"), ("&#62;", ">")];
    let text = pairs.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    text.replace("&gt;", ">").replace("&#38;", "&").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_found_with_their_hidden_fields() {
        let page = r#"
            <form method="post" action="/keys/new"><input type="hidden" name="csrf" value="a&amp;b">
            <input name="name" type="text" value="typed"><input name=once type=hidden value=n1></form>
            <form method="post" data-action="/lie"><input value="c" name="csrf" type="hidden"></form>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let found = forms(page);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].action.as_deref(), Some("/keys/new"));
        assert_eq!(found[0].hidden, [pair("csrf", "a&b"), pair("once", "n1")]);
        assert_eq!(found[1], Form { action: None, hidden: vec![pair("csrf", "c")] });
        assert!(found[1].leads_to("/here", "/here") && !found[0].leads_to("/here", "/here"));
    }
}
