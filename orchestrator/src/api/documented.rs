//! Descriptions of routes for the document of the API: what each takes and answers.
//!
//! They are made of the types that are read and written, with values of these types as examples, so that the document
//! cannot say anything else than the code does.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use warrener_shared::state::{JobState, Outcome, TaskState};

use super::problem::ProblemSort;
use super::shape::List;

/// Schemas by their names.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A resource with an example of itself for the document.
pub(super) trait Example: Serialize + ToSchema {
    /// Value that an answer might have.
    fn example() -> Self;
}

/// Description of a route, beyond what the table of routes says.
pub(super) struct RouteDocument {
    /// Summary in a few words.
    pub(super) summary: &'static str,
    /// Request headers beside the usual ones.
    pub(super) headers: &'static [&'static HeaderDocument],
    /// Body that is taken; `None` if none is.
    pub(super) body: Option<BodyDocument>,
    /// Answers of a success, one for each status.
    pub(super) answers: Vec<AnswerDocument>,
    /// Texts that it may answer with too, each with its content type.
    pub(super) texts: Vec<(&'static str, &'static str)>,
    /// Refusals beside those that follow from the other columns of the table.
    pub(super) problems: Vec<&'static ProblemSort>,
}

/// A header that a request may have.
#[derive(Debug)]
pub(super) struct HeaderDocument {
    /// Name of the header.
    pub(super) name: &'static str,
    /// Purpose, in a sentence.
    pub(super) about: &'static str,
    /// Value that it may have.
    pub(super) example: &'static str,
}

/// Body that a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyDocument {
    /// A job.
    Job,
    /// Schedule.
    Schedule,
    /// Span of ticks to be started.
    Backfill,
    /// Body of any JSON, or none.
    Anything,
    /// A limit.
    Limit,
    /// Settings of a key of a limit.
    LimitKey,
    /// A bulk operation.
    Bulk,
}

/// Answer of a success.
pub(super) struct AnswerDocument {
    /// HTTP status.
    pub(super) status: u16,
    /// Meaning, in a sentence.
    pub(super) about: &'static str,
    /// Body of the answer.
    pub(super) content: Content,
    /// Names of headers that it has, each with a sentence.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// Body of an answer, described.
pub(super) enum Content {
    /// Answer without a body.
    Nothing,
    /// Text of this content type, with an example.
    Text(&'static str, &'static str),
    /// JSON.
    Json {
        /// Schema of the body.
        schema: Value,
        /// Schemas that it refers to, by name.
        schemas: Schemas,
        /// Value that the body may have.
        example: Value,
    },
}

/// Description of a route with a summary alone, to be built on.
pub(super) const fn says(summary: &'static str) -> RouteDocument {
    RouteDocument { summary, headers: &[], body: None, answers: Vec::new(), texts: Vec::new(), problems: Vec::new() }
}

impl RouteDocument {
    /// Adds an answer with a resource of type `T`.
    pub(super) fn one<T: Example>(self, status: u16, about: &'static str) -> Self {
        let (name, schemas) = schemas_of::<T>();
        self.answer(status, about, json(reference(&name), schemas, to_value(&T::example())))
    }

    /// Adds an answer with a page of resources of type `T`.
    pub(super) fn list<T: Example>(self, about: &'static str) -> Self {
        let (name, schemas) = schemas_of::<T>();
        let schema = serde_json::json!({
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": { "type": "array", "items": reference(&name), "maxItems": 1000 },
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "Where the next page begins, for `cursor`; null on the last one.",
                },
            },
        });
        let page = List { items: vec![T::example()], next_cursor: None };
        self.answer(200, about, json(schema, schemas, to_value(&page)))
    }

    /// Adds an answer with text of a content type.
    pub(super) fn text(self, about: &'static str, sort: &'static str, example: &'static str) -> Self {
        self.answer(200, about, Content::Text(sort, example))
    }

    /// Adds a text of another content type to the answer of a success.
    pub(super) fn or_text(mut self, sort: &'static str, example: &'static str) -> Self {
        self.texts.push((sort, example));
        self
    }

    /// Adds an answer with a JSON document that describes itself.
    pub(super) fn json(self, about: &'static str, example: Value) -> Self {
        self.answer(200, about, json(serde_json::json!({ "type": "object" }), Schemas::new(), example))
    }

    /// Adds an answer without a body.
    pub(super) fn nothing(self, about: &'static str) -> Self {
        self.answer(204, about, Content::Nothing)
    }

    /// Adds an answer without headers.
    fn answer(mut self, status: u16, about: &'static str, content: Content) -> Self {
        self.answers.push(AnswerDocument { status, about, content, headers: &[] });
        self
    }

    /// Gives all answers so far these headers.
    pub(super) fn with(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.answers.iter_mut().for_each(|answer| answer.headers = headers);
        self
    }

    /// Adds the body that is taken.
    pub(super) fn takes(self, body: BodyDocument) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Sets the request headers that are looked at.
    pub(super) fn looks_at(self, headers: &'static [&'static HeaderDocument]) -> Self {
        Self { headers, ..self }
    }

    /// Adds refusals.
    pub(super) fn refuses(mut self, problems: &[&'static ProblemSort]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }
}

/// Body of JSON.
fn json(schema: Value, schemas: Schemas, example: Value) -> Content {
    Content::Json { schema, schemas, example }
}

/// Name of a type's schema, and the schemas of it and of all that it refers to.
fn schemas_of<T: ToSchema>() -> (String, Schemas) {
    let mut schemas = Schemas::new();
    T::schemas(&mut schemas);
    let name = T::name().into_owned();
    schemas.push((name.clone(), T::schema()));
    (name, schemas)
}

/// Reference to a schema by its name.
pub(super) fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Example as JSON.
fn to_value<T: Serialize>(value: &T) -> Value {
    // Raw JSON is only understood by a writer of text.
    let text = serde_json::to_string(value).expect("resources have text keys only");
    serde_json::from_str(&text).expect("it was just written")
}

/// Schema of the state of a job.
pub(super) fn job_state() -> Schema {
    words(JobState::ALL.iter().map(|state| state.as_str()), false)
}

/// Schema of the state of a task.
pub(super) fn task_state() -> Schema {
    words(TaskState::ALL.iter().map(|state| state.as_str()), false)
}

/// Schema of the outcome of an attempt; null while it is open.
pub(super) fn outcome() -> Schema {
    words(Outcome::ALL.iter().map(|outcome| outcome.as_str()), true)
}

/// Schema of the number of tasks or items in each state.
pub(super) fn counts() -> Schema {
    let count = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let states = TaskState::ALL.iter().map(|state| state.as_str());
    states.fold(ObjectBuilder::new(), |all, state| all.property(state, count()).required(state)).build().into()
}

/// Schema of a word among these, or of null if that may be.
fn words<'a>(words: impl Iterator<Item = &'a str>, or_null: bool) -> Schema {
    let words = words.map(Value::from).chain(or_null.then_some(Value::Null));
    let sorts = if or_null { vec![Type::String, Type::Null] } else { vec![Type::String] };
    ObjectBuilder::new().schema_type(SchemaType::from_iter(sorts)).enum_values(Some(words)).build().into()
}

/// Schema of any JSON.
pub(super) fn anything() -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into()
}

/// Schema of the points of a line.
pub(super) fn points() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number);
    let point = ArrayBuilder::new().items(number).min_items(Some(2)).max_items(Some(2));
    ArrayBuilder::new().items(point).build().into()
}

/// Schema of a number of items; null while it is not known.
pub(super) fn total() -> Schema {
    let sorts = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(sorts).minimum(Some(0)).build().into()
}
