//! Short words for the schemas of JSON Schema 2020-12, as OpenAPI 3.1 uses them.

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AdditionalProperties, AnyOf, ArrayBuilder, OneOf, SchemaType};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Type};

/// A schema, or a reference to one.
pub(in crate::api) type Schema = RefOr<utoipa::openapi::Schema>;

/// A member of an object.
pub(in crate::api) struct Member {
    name: &'static str,
    schema: Schema,
    is_required: bool,
}

/// A member that is always there.
pub(in crate::api) fn must(name: &'static str, schema: impl Into<Schema>) -> Member {
    Member {
        name,
        schema: schema.into(),
        is_required: true,
    }
}

/// A member that may be left out.
pub(in crate::api) fn may(name: &'static str, schema: impl Into<Schema>) -> Member {
    Member {
        is_required: false,
        ..must(name, schema)
    }
}

/// An object of an answer: it may get more members in later versions.
pub(in crate::api) fn object(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    members.into_iter().fold(object, |object, member| {
        let object = object.property(member.name, member.schema);
        if member.is_required {
            object.required(member.name)
        } else {
            object
        }
    })
}

/// An object of a request: every other member is refused.
pub(in crate::api) fn closed(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    object(members).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// Refuses objects that have several of these members.
pub(in crate::api) fn with_one_of(object: ObjectBuilder, names: &[&str]) -> ObjectBuilder {
    let pairs = names.iter().enumerate().flat_map(|(index, name)| {
        let others = names.iter().skip(index + 1);
        others.map(move |other| json!({"required": [name, other]}))
    });
    without(object, json!({"anyOf": pairs.collect::<Vec<_>>()}))
}

/// Refuses what another schema takes. utoipa has no word for `not`, but writes extensions as they are called.
pub(in crate::api) fn without(schema: ObjectBuilder, other: Value) -> ObjectBuilder {
    schema.extensions(Some(Extensions::from_iter([("not", other)])))
}

/// Any JSON.
pub(in crate::api) fn anything(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(description))
}

/// A string.
pub(in crate::api) fn string(description: &str) -> ObjectBuilder {
    of(Type::String, description)
}

/// A string that matches a regular expression, in the words that ECMA-262, Python and Rust share.
pub(in crate::api) fn pattern(pattern: &str, description: &str) -> ObjectBuilder {
    string(description).pattern(Some(pattern))
}

/// One of these strings.
pub(in crate::api) fn word<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// An integer of any size.
pub(in crate::api) fn integer(description: &str) -> ObjectBuilder {
    of(Type::Integer, description)
}

/// An integer that is not negative.
pub(in crate::api) fn natural(description: &str) -> ObjectBuilder {
    integer(description).minimum(Some(0))
}

/// An integer of a range.
pub(in crate::api) fn within(least: u64, most: u64, description: &str) -> ObjectBuilder {
    integer(description).minimum(Some(least)).maximum(Some(most))
}

/// An integer that is at least this.
pub(in crate::api) fn at_least(least: u64, description: &str) -> ObjectBuilder {
    integer(description).minimum(Some(least))
}

/// `true` or `false`.
pub(in crate::api) fn boolean(description: &str) -> ObjectBuilder {
    of(Type::Boolean, description)
}

/// A time in an answer.
pub(in crate::api) fn time(description: &str) -> ObjectBuilder {
    string(description).format(Some(date_time()))
}

/// The same schema, or `null`.
pub(in crate::api) fn or_null(schema: ObjectBuilder, kind: Type) -> ObjectBuilder {
    schema.schema_type(SchemaType::from_iter([kind, Type::Null]))
}

/// A time in an answer, or `null`.
pub(in crate::api) fn time_or_null(description: &str) -> ObjectBuilder {
    or_null(time(description), Type::String)
}

/// A list.
pub(in crate::api) fn list(items: impl Into<Schema>, description: &str) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into()).description(Some(description))
}

/// Exactly one of these.
pub(in crate::api) fn one_of(description: &str, schemas: impl IntoIterator<Item = Schema>) -> Schema {
    let mut choice = OneOf::new();
    choice.description = Some(description.to_string());
    choice.items = schemas.into_iter().collect();
    utoipa::openapi::Schema::OneOf(choice).into()
}

/// One or more of these.
pub(in crate::api) fn any_of(description: &str, schemas: impl IntoIterator<Item = Schema>) -> Schema {
    let mut choice = AnyOf::new();
    choice.description = Some(description.to_string());
    choice.items = schemas.into_iter().collect();
    utoipa::openapi::Schema::AnyOf(choice).into()
}

/// A schema of the document's components.
pub(in crate::api) fn named(name: &str) -> Schema {
    Ref::from_schema_name(name).into()
}

fn of(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description).filter(|text| !text.is_empty()))
}

fn date_time() -> utoipa::openapi::SchemaFormat {
    utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)
}
