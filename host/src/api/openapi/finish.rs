//! The last touch, for what utoipa 5 has no words for: parameters and headers that many operations have are written
//! once, and the members of links get their names.

use serde_json::{Map, Value, json};

/// Puts what is there more than once among the components, and references in its place. Names the members of links.
pub(super) fn finish(document: &mut Value) {
    let parameters = Shared::among(parameters(document).map(|parameter| (name(parameter), parameter)));
    let headers = Shared::among(headers(document).map(|(name, header)| (name.clone(), header)));
    for_operations(document, |operation| {
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            parameters.put_reference("parameters", parameter);
        }
        for_responses(&mut operation["responses"], "headers", |header| {
            headers.put_reference("headers", header);
        });
        for_responses(&mut operation["responses"], "links", name_members);
    });
    if let Some(responses) = document.pointer_mut("/components/responses") {
        for_responses(responses, "headers", |header| headers.put_reference("headers", header));
    }
    document["components"]["parameters"] = parameters.into_components();
    document["components"]["headers"] = headers.into_components();
}

/// What is there more than once, by the names of their components.
struct Shared(Map<String, Value>);

impl Shared {
    fn among<'a>(named: impl Iterator<Item = (String, &'a Value)>) -> Self {
        let mut seen: Vec<(String, &Value)> = Vec::new();
        let mut shared = Map::new();
        for (name, value) in named {
            if !seen.iter().any(|(_, other)| *other == value) {
                seen.push((name, value));
            } else if !shared.values().any(|other| other == value) {
                let alike = shared
                    .keys()
                    .filter(|other| other.split('.').next() == Some(&name))
                    .count();
                let name = if alike == 0 {
                    name
                } else {
                    format!("{name}.{}", alike + 1)
                };
                shared.insert(name, value.clone());
            }
        }
        Self(shared)
    }

    fn put_reference(&self, kind: &str, value: &mut Value) {
        if let Some((name, _)) = self.0.iter().find(|(_, shared)| *shared == value) {
            *value = json!({"$ref": format!("#/components/{kind}/{name}")});
        }
    }

    fn into_components(self) -> Value {
        Value::Object(self.0)
    }
}

/// utoipa 5 writes `operation_id`.
fn name_members(link: &mut Value) {
    if let Some(id) = link.as_object_mut().and_then(|link| link.remove("operation_id")) {
        link["operationId"] = id;
    }
}

fn name(parameter: &Value) -> String {
    parameter["name"].as_str().unwrap_or_default().to_string()
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().into_iter().flat_map(Map::values);
    paths
        .filter_map(Value::as_object)
        .flat_map(Map::values)
        .filter(|operation| operation.is_object())
}

fn parameters(document: &Value) -> impl Iterator<Item = &Value> {
    operations(document).flat_map(|operation| operation["parameters"].as_array().into_iter().flatten())
}

fn headers(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    operations(document)
        .map(|operation| &operation["responses"])
        .chain(document.pointer("/components/responses"))
        .filter_map(Value::as_object)
        .flat_map(Map::values)
        .filter_map(|response| response["headers"].as_object())
        .flatten()
}

fn for_operations(document: &mut Value, mut change: impl FnMut(&mut Value)) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    let members = paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    members.filter(|operation| operation.is_object()).for_each(&mut change);
}

fn for_responses(responses: &mut Value, kind: &str, mut change: impl FnMut(&mut Value)) {
    let responses = responses.as_object_mut().into_iter().flat_map(Map::values_mut);
    for response in responses {
        let members = response.get_mut(kind).and_then(Value::as_object_mut);
        members.into_iter().flat_map(Map::values_mut).for_each(&mut change);
    }
}
