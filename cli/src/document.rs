//! Job files: reading them, changing them, and finding the line of a problem again.

mod only;
mod set;

use std::io::Read;
use std::path::Path;

use warrener_client::JobDocument;
use warrener_shared::job::yaml::{self, Converted};
use warrener_shared::job::{Problem, SubmitContext, locate, parse};
use warrener_shared::limits::Limits;

pub(crate) use self::set::SetOption;
use crate::exit::Exit;
use crate::failure::{Failure, with_hint};
use crate::output::Tree;

/// A job as a person wrote it.
#[derive(Clone, Debug)]
pub(crate) struct JobSource {
    /// The file as it was named; `stdin` for `-`.
    name: String,
    written: Written,
}

#[derive(Clone, Debug)]
enum Written {
    Json(Vec<u8>),
    Yaml(Converted),
}

impl JobSource {
    /// Reads a file, or stdin for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let (name, bytes) = read_bytes(path)?;
        Self::parse(name, path, bytes)
    }

    fn parse(name: String, path: &Path, mut bytes: Vec<u8>) -> Result<Self, Failure> {
        // Editors on Windows begin a file with a mark that says nothing in UTF-8.
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if is_json(path, &bytes) {
            return Ok(Self { name, written: Written::Json(bytes) });
        }
        match yaml::to_json(&bytes, &Limits::DEFAULT) {
            Ok(converted) => Ok(Self { name, written: Written::Yaml(converted) }),
            Err(error) => {
                let place = format!("{name}:{}:{}: {}", error.line, error.column, error.message);
                Err(Failure::new(Exit::Refused, "the file is no YAML that could be a job").details(vec![place]))
            }
        }
    }

    /// The file as it was named.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The job as JSON.
    pub(crate) fn json(&self) -> &[u8] {
        match &self.written {
            Written::Json(bytes) => bytes,
            Written::Yaml(converted) => converted.json(),
        }
    }

    /// A problem as `file:line:column: message` with its hint below.
    pub(crate) fn place(&self, problem: &Problem) -> String {
        let place = match &self.written {
            Written::Json(bytes) => locate(bytes, &problem.pointer),
            Written::Yaml(converted) => converted.locate(&problem.pointer),
        };
        let (line, column) = place.unwrap_or((1, 1));
        with_hint(&format!("{}:{line}:{column}", self.name), problem)
    }

    /// The job with another input and other values, in that order. Unchanged, its bytes stay as they are.
    pub(crate) fn changed(&self, input: Option<Tree>, set: &[SetOption]) -> Result<JobDocument, Failure> {
        if input.is_none() && set.is_empty() {
            return Ok(JobDocument::from_json(self.json())?);
        }
        let text = String::from_utf8_lossy(self.json());
        let mut tree = Tree::from_json(&text).map_err(|failure| failure.hint(format!("in {}", self.name)))?;
        if let Some(input) = input {
            SetOption::whole("input", input).apply(&mut tree)?;
        }
        for assignment in set {
            assignment.apply(&mut tree)?;
        }
        Ok(JobDocument::from_json(tree.compact())?)
    }
}

impl JobSource {
    /// A job made of this file with these tasks and what they need alone, and the words for all that is left out.
    pub(crate) fn reduced(&self, job: &JobDocument, tasks: &[String]) -> Result<(JobDocument, String), Failure> {
        let spec = parse(job.bytes(), &SubmitContext::default(), &Limits::DEFAULT).map_err(|problems| {
            let places = problems.iter().map(|problem| self.place(problem)).collect();
            Failure::new(Exit::Refused, "--only needs a sound job").details(places)
        })?;
        let mut tree = Tree::from_json(&String::from_utf8_lossy(job.bytes()))?;
        let left_out =
            only::keep(&mut tree, &spec, tasks).map_err(|failure| failure.hint(format!("in {}", self.name)))?;
        Ok((JobDocument::from_json(tree.compact())?, left_out))
    }
}

/// Reads the value of `--input`: JSON, or `@FILE` with JSON or YAML, or `-` for stdin.
pub(crate) fn input(text: &str) -> Result<Tree, Failure> {
    let from = |path: &Path| {
        let source = JobSource::read(path)?;
        Tree::from_json(&String::from_utf8_lossy(source.json()))
    };
    match text.strip_prefix('@') {
        Some(path) => from(Path::new(path)),
        None if text == "-" => from(Path::new("-")),
        None => Tree::from_json(text).map_err(|_| {
            Failure::new(Exit::Usage, format!("--input {text}: it is not JSON"))
                .hint(format!("for text write --input '{}', for a file --input @FILE", Tree::text(text).compact()))
        }),
    }
}

fn read_bytes(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Error, format!("reading {}: {error}", path.display()));
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(("stdin".to_owned(), bytes));
    }
    Ok((path.display().to_string(), std::fs::read(path).map_err(failed)?))
}

/// Tells whether a file is JSON: by its name, else by its first character.
fn is_json(path: &Path, bytes: &[u8]) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => true,
        Some("yaml" | "yml") => false,
        _ => matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')),
    }
}

#[cfg(test)]
mod tests;
