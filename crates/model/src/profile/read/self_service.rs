//! The self-service endpoints.

use toml::Spanned;

use super::{
    super::{
        Endpoint, Field, FieldValue, IdStyle, KeyRules, SelfService, Storage, Taken,
        grammar::{EndpointText, FieldText, IdsText, SelfServiceText, TakenText},
        template::Template,
    },
    Reading,
};
use crate::{path::PathPattern, restriction::Methods};

/// Statuses of success whose answer has no body (RFC 9110 §15.3.5, §15.3.6).
const NO_CONTENT: [u16; 2] = [204, 205];

impl Reading<'_> {
    pub(super) fn self_service(
        &mut self,
        section: &Spanned<SelfServiceText>,
        keys: Option<&KeyRules>,
    ) -> SelfService {
        let text = section.get_ref();
        let object: Vec<_> =
            text.object.get_ref().iter().filter_map(|field| self.field(field, keys)).collect();
        let list = text.list.as_ref().and_then(|endpoint| self.endpoint(endpoint, false, Some("objects")));
        let create = text.create.as_ref().and_then(|endpoint| self.endpoint(endpoint, false, Some("object")));
        let delete = text.delete.as_ref().and_then(|endpoint| self.endpoint(endpoint, true, None));
        self.names_of_fields(text);
        self.shows_the_secret(text, &object);
        self.same_endpoint(text);
        if text.takes.is_empty() {
            self.object(&section.span(), "takes: at least one of \"json\" and \"form\"");
        }
        if text.name_field.is_empty() {
            self.object(&section.span(), "name_field: can't be empty");
        }
        SelfService {
            ids: match text.ids {
                IdsText::Typed => IdStyle::Typed,
                IdsText::Uuid => IdStyle::Uuid,
            },
            object,
            list,
            create,
            delete,
            takes: text
                .takes
                .iter()
                .map(|taken| match taken {
                    TakenText::Json => Taken::Json,
                    TakenText::Form => Taken::Form,
                })
                .collect(),
            name_field: text.name_field.clone(),
        }
    }

    fn names_of_fields(&mut self, text: &SelfServiceText) {
        let fields = text.object.get_ref();
        for (place, field) in fields.iter().enumerate() {
            let name = &field.get_ref().field;
            if name.is_empty() {
                self.object(&field.span(), "field: can't be empty");
            } else if fields[..place].iter().any(|earlier| earlier.get_ref().field == *name) {
                self.object(&field.span(), format!("field: \"{name}\" is there twice"));
            }
        }
    }

    /// A secret that the answer to a create request leaves out is lost.
    fn shows_the_secret(&mut self, text: &SelfServiceText, object: &[Field]) {
        let Some(create) = &text.create else { return };
        let read_all = object.len() == text.object.get_ref().len();
        if read_all && !object.iter().any(|field| field.value == FieldValue::PlainKey) {
            self.object(
                &text.object.span(),
                "object: needs a field of value \"key\", or nobody ever sees the key that create makes",
            );
        }
        if NO_CONTENT.contains(create.status.get_ref()) {
            self.object(
                &create.status.span(),
                format!("status: create shows the key, and a {} has no body", create.status.get_ref()),
            );
        } else if !create.body.as_ref().is_some_and(|body| body.get_ref().contains("${object}")) {
            let span = create.body.as_ref().map_or(create.path.span(), Spanned::span);
            self.object(&span, "body: create's has ${object}, or nobody ever sees the key it makes");
        }
    }

    /// Only list and create can meet: delete's path alone has an `{id}`.
    fn same_endpoint(&mut self, text: &SelfServiceText) {
        let (Some(list), Some(create)) = (&text.list, &text.create) else { return };
        if list.method.get_ref() == create.method.get_ref() && list.path.get_ref() == create.path.get_ref() {
            self.object(&create.method.span(), "create: has the method and path of list");
        }
    }

    fn field(&mut self, field: &Spanned<FieldText>, keys: Option<&KeyRules>) -> Option<Field> {
        let text = field.get_ref();
        let Some((_, value)) = FieldValue::NAMES.into_iter().find(|(name, _)| *name == text.value) else {
            let known = FieldValue::NAMES.map(|(name, _)| name).join(", ");
            self.object(&field.span(), format!("value: no such value \"{}\"; there are {known}", text.value));
            return None;
        };
        let digest_only = keys.is_some_and(|keys| keys.storage == Storage::Digest);
        if value == FieldValue::PlainKey && digest_only && !text.only_created {
            self.object(
                &field.span(),
                "value: a key stored as a digest is only there when created: add only_created = true",
            );
        }
        Some(Field {
            name: text.field.clone(),
            value,
            omit_empty: text.omit_empty,
            only_created: text.only_created,
        })
    }

    fn endpoint(&mut self, text: &EndpointText, takes_id: bool, blank: Option<&str>) -> Option<Endpoint> {
        let method = text.method.get_ref();
        if !Methods::is_name(method) {
            self.object(&text.method.span(), "method: one method in capitals");
        }
        let path = self.endpoint_path(&text.path, takes_id);
        if !(200..=299).contains(text.status.get_ref()) {
            self.object(&text.status.span(), "status: success is one of 200 to 299");
        }
        if let Some(body) = text.body.as_ref().filter(|_| NO_CONTENT.contains(text.status.get_ref())) {
            let status = text.status.get_ref();
            self.object(&body.span(), format!("body: a {status} has none (RFC 9110 §15.3)"));
        }
        let body = match &text.body {
            Some(body) => Some(self.endpoint_body(body, blank)?),
            None => None,
        };
        Some(Endpoint { method: method.clone(), path: path?, status: *text.status.get_ref(), body })
    }

    /// Profiles write `{id}` where the pattern has its `*`.
    fn endpoint_path(&mut self, text: &Spanned<String>, takes_id: bool) -> Option<PathPattern> {
        let written = text.get_ref();
        if written.contains('*') || written.matches("/{id}").count() != usize::from(takes_id) {
            let wanted = if takes_id { "one segment {id}" } else { "no {id}" };
            self.object(&text.span(), format!("path: has {wanted} and no patterns here"));
            return None;
        }
        self.take(&text.span(), "path", written.replace("{id}", "*").parse())
    }

    fn endpoint_body(&mut self, text: &Spanned<String>, blank: Option<&str>) -> Option<Template> {
        let template: Template = self.take(&text.span(), "body", text.get_ref().parse())?;
        if let Some(unknown) = template.blanks().find(|name| blank != Some(name)) {
            self.object(&text.span(), format!("body: no such blank here: ${{{unknown}}}"));
        }
        let sample = template.render(|name| {
            Some(if name == "objects" { "[{\"a\":\"b\"}]" } else { "{\"a\":\"b\"}" }.to_owned())
        });
        if serde_json::from_str::<serde_json::Value>(&sample).is_err() {
            self.object(&text.span(), format!("body: not JSON once filled: {sample}"));
        }
        Some(template)
    }
}
