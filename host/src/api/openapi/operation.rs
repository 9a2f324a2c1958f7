//! What the document says of one operation.

use serde_json::Value;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required, Response, ResponseBuilder};

use super::errors::{self, parsed};
use super::refusals::{BODY, KEY, KEY_WRITE, Refusal, STATE, TOKEN, WRITE};
use super::schema::Schema;
use super::{headers, parameters};

/// The type of nearly all bodies.
pub(in crate::api) const JSON: &str = "application/json";

/// The security scheme.
pub(super) const BEARER: &str = "bearer";

/// An operation under construction.
pub(in crate::api) struct Operation {
    method: HttpMethod,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    tag: &'static str,
    needs_token: bool,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Vec<(u16, Answer)>,
    refusals: Vec<&'static Refusal>,
}

/// A success, or another answer that is no refusal.
pub(in crate::api) struct Answer {
    description: &'static str,
    content: Option<(&'static str, Content)>,
    headers: Vec<&'static str>,
    links: Vec<(&'static str, Link)>,
}

/// Examples: a name, and JSON text.
pub(in crate::api) type Examples<'a> = &'a [(&'static str, &'static str)];

impl Operation {
    /// One that needs no token.
    pub(in crate::api) fn open(id: &'static str, summary: &'static str) -> Self {
        Self {
            method: HttpMethod::Get,
            id,
            summary,
            description: "",
            tag: "",
            needs_token: false,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// One that needs a token of either kind.
    pub(in crate::api) fn with_token(method: HttpMethod, id: &'static str, summary: &'static str) -> Self {
        let operation = Self {
            method,
            needs_token: true,
            ..Self::open(id, summary)
        };
        operation.refuses(&TOKEN)
    }

    /// One that reads a state.
    pub(in crate::api) fn read(id: &'static str, summary: &'static str) -> Self {
        Self::with_token(HttpMethod::Get, id, summary).refuses(&STATE)
    }

    /// One that reads a key.
    pub(in crate::api) fn key_read(id: &'static str, summary: &'static str) -> Self {
        Self::read(id, summary).refuses(&KEY).takes([parameters::key()])
    }

    /// One that may write to a state.
    pub(in crate::api) fn write(method: HttpMethod, id: &'static str, summary: &'static str) -> Self {
        Self::with_token(method, id, summary).refuses(&STATE).refuses(&WRITE)
    }

    /// One that may write to one key.
    pub(in crate::api) fn key_write(method: HttpMethod, id: &'static str, summary: &'static str) -> Self {
        Self::write(method, id, summary)
            .refuses(&KEY)
            .refuses(&KEY_WRITE)
            .takes(parameters::of_key_write())
    }

    /// What it does, in Markdown.
    pub(in crate::api) fn text(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// The group that it is shown in.
    pub(in crate::api) fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    /// Another id, for the same operation on another path.
    pub(in crate::api) fn called(self, id: &'static str) -> Self {
        Self { id, ..self }
    }

    /// Adds parameters.
    pub(in crate::api) fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Takes a parameter away.
    pub(in crate::api) fn takes_no(mut self, name: &str) -> Self {
        self.parameters.retain(|parameter| parameter.name != name);
        self
    }

    /// Takes away what can be called next.
    pub(in crate::api) fn leads_nowhere(mut self) -> Self {
        for (_, answer) in &mut self.answers {
            answer.links.clear();
        }
        self
    }

    /// Sets the body that it must have, in JSON.
    pub(in crate::api) fn body(self, schema: Schema, examples: Examples<'_>) -> Self {
        self.bodies(Required::True, [(JSON, schema, examples)])
    }

    /// Sets the body that it may have, in JSON.
    pub(in crate::api) fn optional_body(self, schema: Schema, examples: Examples<'_>) -> Self {
        self.bodies(Required::False, [(JSON, schema, examples)])
    }

    /// Sets bodies by their types.
    pub(in crate::api) fn bodies<'a>(
        self,
        required: Required,
        bodies: impl IntoIterator<Item = (&'static str, Schema, Examples<'a>)>,
    ) -> Self {
        let body = RequestBodyBuilder::new().required(Some(required));
        let body = bodies.into_iter().fold(body, |body, (media_type, schema, examples)| {
            body.content(media_type, content(schema, examples))
        });
        Self {
            body: Some(body.build()),
            ..self
        }
        .refuses(&BODY)
    }

    /// Adds an answer.
    pub(in crate::api) fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.answers.push((status, answer));
        self
    }

    /// Adds refusals.
    pub(in crate::api) fn refuses(mut self, refusals: &[&'static Refusal]) -> Self {
        self.refusals.extend(refusals);
        self
    }

    /// The answers that its refusals are, by the names of their components.
    pub(super) fn refused(&self) -> impl Iterator<Item = (String, Response)> + use<> {
        errors::answers(&self.refusals)
            .into_iter()
            .map(|(_, name, response)| (name, response))
    }

    /// As the document has it; its refusals are references to components.
    pub(super) fn finish(self) -> (HttpMethod, utoipa::openapi::path::Operation) {
        let mut operation = OperationBuilder::new()
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(self.description).filter(|text| !text.is_empty()))
            .operation_id(Some(self.id))
            .parameters(Some(self.parameters.into_iter().chain(parameters::of_every_call())))
            .request_body(self.body);
        if self.needs_token {
            operation = operation.security(SecurityRequirement::new(BEARER, [""; 0]));
        }
        for (status, answer) in self.answers {
            operation = operation.response(status.to_string(), answer.finish());
        }
        for (status, name, _) in errors::answers(&self.refusals) {
            operation = operation.response(status.to_string(), Ref::from_response_name(name));
        }
        (self.method, operation.build())
    }
}

impl Answer {
    /// With a body of JSON.
    pub(in crate::api) fn json(description: &'static str, schema: Schema, examples: Examples<'_>) -> Self {
        Self::of(description, JSON, content(schema, examples))
    }

    /// With a body of any type.
    pub(in crate::api) fn of(description: &'static str, media_type: &'static str, content: Content) -> Self {
        Self {
            content: Some((media_type, content)),
            ..Self::empty(description)
        }
    }

    /// Without a body.
    pub(in crate::api) fn empty(description: &'static str) -> Self {
        Self {
            description,
            content: None,
            headers: Vec::new(),
            links: Vec::new(),
        }
    }

    /// With headers beside those of every answer.
    pub(in crate::api) fn carries(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.headers.extend(names);
        self
    }

    /// With what can be called next on the same key.
    pub(in crate::api) fn leads_to(mut self, operation_ids: impl IntoIterator<Item = &'static str>) -> Self {
        for id in operation_ids {
            let link = Link::builder()
                .operation_id(id)
                .parameter("path.key", "$request.path.key")
                .build();
            self.links.push((id, link));
        }
        self
    }

    fn finish(self) -> Response {
        let response = ResponseBuilder::new().description(self.description);
        let response = match self.content {
            Some((media_type, content)) => response.content(media_type, content),
            None => response,
        };
        let response = self
            .links
            .into_iter()
            .fold(response, |response, (name, link)| response.link(name, RefOr::T(link)));
        headers::with(response, self.headers).build()
    }
}

/// A schema with examples.
fn content(schema: Schema, examples: Examples<'_>) -> Content {
    let examples = examples.iter().map(|(name, json)| {
        let value: Value = parsed(json);
        (*name, ExampleBuilder::new().value(Some(value)))
    });
    ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples)
        .build()
}
