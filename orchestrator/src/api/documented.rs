//! Descriptions of routes for the document of the API: what each takes and what it answers, made of the types that
//! are read and written, with values of these types as examples.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use warrener_shared::state::{JobState, Outcome, TaskState};

use super::problem::ProblemSort;
use super::shape::List;

/// Names with schemas.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A resource that can show what it looks like.
pub(super) trait Example: Serialize + ToSchema {
    /// Makes a value that might be.
    fn example() -> Self;
}

/// Description of a route.
pub(super) struct RouteDocument {
    pub(super) summary: &'static str,
    /// Headers beside the usual ones.
    pub(super) headers: &'static [&'static HeaderDocument],
    pub(super) body: Option<BodyDocument>,
    pub(super) answers: Vec<AnswerDocument>,
    /// Refusals beside those that follow from the other columns of the table.
    pub(super) problems: Vec<&'static ProblemSort>,
}

/// A header that a request may have.
#[derive(Debug)]
pub(super) struct HeaderDocument {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) example: &'static str,
}

/// Body that a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyDocument {
    /// A job.
    Job,
    /// Any JSON, or nothing.
    Anything,
}

/// Answer of a success.
pub(super) struct AnswerDocument {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: Content,
    /// Headers with a path or a number.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// The body of an answer.
pub(super) enum Content {
    /// None.
    Nothing,
    /// Text of this sort, such as this.
    Text(&'static str, &'static str),
    /// JSON.
    Json {
        /// Schema of the content.
        schema: Value,
        /// The schemas that it refers to.
        schemas: Schemas,
        /// Schema of the value.
        example: Value,
    },
}

/// A route that says no more than this yet.
pub(super) const fn says(summary: &'static str) -> RouteDocument {
    RouteDocument { summary, headers: &[], body: None, answers: Vec::new(), problems: Vec::new() }
}

impl RouteDocument {
    /// Adds an answer with a resource.
    pub(super) fn one<T: Example>(self, status: u16, about: &'static str) -> Self {
        let (name, schemas) = schemas_of::<T>();
        self.answer(status, about, json(reference(&name), schemas, to_value(&T::example())))
    }

    /// Adds an answer with a page of resources.
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

    /// Adds an answer with text.
    pub(super) fn text(self, about: &'static str, sort: &'static str, example: &'static str) -> Self {
        self.answer(200, about, Content::Text(sort, example))
    }

    /// Adds an answer with a document that describes itself.
    pub(super) fn json(self, about: &'static str, example: Value) -> Self {
        self.answer(200, about, json(serde_json::json!({ "type": "object" }), Schemas::new(), example))
    }

    /// Adds an answer without a body.
    pub(super) fn nothing(self, about: &'static str) -> Self {
        self.answer(204, about, Content::Nothing)
    }

    fn answer(mut self, status: u16, about: &'static str, content: Content) -> Self {
        self.answers.push(AnswerDocument { status, about, content, headers: &[] });
        self
    }

    /// The answers so far have these headers.
    pub(super) fn with(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.answers.iter_mut().for_each(|answer| answer.headers = headers);
        self
    }

    /// Adds a body that is taken.
    pub(super) fn takes(self, body: BodyDocument) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Adds headers that are looked at.
    pub(super) fn looks_at(self, headers: &'static [&'static HeaderDocument]) -> Self {
        Self { headers, ..self }
    }

    /// Adds refusals.
    pub(super) fn refuses(mut self, problems: &[&'static ProblemSort]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }
}

fn json(schema: Value, schemas: Schemas, example: Value) -> Content {
    Content::Json { schema, schemas, example }
}

fn schemas_of<T: ToSchema>() -> (String, Schemas) {
    let mut schemas = Schemas::new();
    T::schemas(&mut schemas);
    let name = T::name().into_owned();
    schemas.push((name.clone(), T::schema()));
    (name, schemas)
}

/// A reference to a schema by its name.
pub(super) fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn to_value<T: Serialize>(value: &T) -> Value {
    // Raw JSON is only understood by a writer of text.
    let text = serde_json::to_string(value).expect("resources have text keys only");
    serde_json::from_str(&text).expect("it was just written")
}

/// The state of a job.
pub(super) fn job_state() -> Schema {
    words(JobState::ALL.iter().map(|state| state.as_str()), false)
}

/// The state of a task.
pub(super) fn task_state() -> Schema {
    words(TaskState::ALL.iter().map(|state| state.as_str()), false)
}

/// Outcome of an attempt; null while it is open.
pub(super) fn outcome() -> Schema {
    words(Outcome::ALL.iter().map(|outcome| outcome.as_str()), true)
}

/// Number of tasks or items in each state.
pub(super) fn counts() -> Schema {
    let count = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let states = TaskState::ALL.iter().map(|state| state.as_str());
    states.fold(ObjectBuilder::new(), |all, state| all.property(state, count()).required(state)).build().into()
}

/// Makes the schema of a word among these, or of null if that may be.
fn words<'a>(words: impl Iterator<Item = &'a str>, or_null: bool) -> Schema {
    let words = words.map(Value::from).chain(or_null.then_some(Value::Null));
    let sorts = if or_null { vec![Type::String, Type::Null] } else { vec![Type::String] };
    ObjectBuilder::new().schema_type(SchemaType::from_iter(sorts)).enum_values(Some(words)).build().into()
}

/// Any JSON.
pub(super) fn anything() -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into()
}

/// A number of items; null while it is not known.
pub(super) fn total() -> Schema {
    let sorts = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(sorts).minimum(Some(0)).build().into()
}
