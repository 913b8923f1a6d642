//! The code that serves a kind.

use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use warrener_shared::error::code;

use super::{Endpoint, HandlerResult, Program};
use crate::{Context, Failure};

pub(crate) type Answering = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;

/// The code, program or address that serves a kind.
#[derive(Clone)]
pub(crate) enum Handler {
    /// Code of this process.
    Native(Arc<dyn Native>),
    /// A program.
    Program(Arc<Program>),
    /// An address.
    Http(Arc<Endpoint>),
}

/// Code of this process.
pub(crate) trait Native: Send + Sync {
    fn call(&self, context: Context, input: Vec<u8>) -> Answering;
}

impl<F: Fn(Context, Vec<u8>) -> Answering + Send + Sync> Native for F {
    fn call(&self, context: Context, input: Vec<u8>) -> Answering {
        self(context, input)
    }
}

impl Handler {
    /// Code that takes and gives anything that JSON can carry.
    pub(crate) fn typed<I, O, F, Fut>(handler: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize,
        F: Fn(Context, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self::native(move |context, input| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let input = read_input(&input)?;
                let output = handler(context, input).await?;
                write_output(&output)
            })
        })
    }

    /// Code that takes and gives JSON as bytes.
    pub(crate) fn bytes<F, Fut>(handler: F) -> Self
    where
        F: Fn(Context, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HandlerResult> + Send + 'static,
    {
        Self::native(move |context, input| Box::pin(handler(context, input)))
    }

    fn native(handler: impl Fn(Context, Vec<u8>) -> Answering + Send + Sync + 'static) -> Self {
        Self::Native(Arc::new(handler))
    }
}

fn read_input<I: DeserializeOwned>(input: &[u8]) -> Result<I, Failure> {
    serde_json::from_slice(input)
        .map_err(|error| Failure::new(code::BAD_INPUT, format!("reading the input: {error}")).for_good())
}

fn write_output(output: &impl Serialize) -> HandlerResult {
    serde_json::to_vec(output)
        .map_err(|error| Failure::new(code::BAD_OUTPUT, format!("writing the output: {error}")).for_good())
}
