//! The definition of a limit, and everything that can be wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warrener_engine::limit::{Field, Limit, Pieces, Rate, Selector, SelectorTerm, WhenFull};
use warrener_shared::expr::{Roots, Scope, Template};
use warrener_shared::id::LimitName;
use warrener_shared::json::Doc;
use warrener_shared::limits::{LIMIT_COST, Limits};

use crate::filter;
use crate::store::view::filter::{Column, Filter, Test};

/// A limit as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitDefinition {
    /// Filter on kind, queue, name and labels of the tasks that it counts; without, those alone that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Expression of the key; without, one key for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Attempts of a key that may be open at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Attempts of a key, or their costs, that may begin in a span of time: `100/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Cost that may begin at once after a rest. Defaults to the count of the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Expression of the cost of an attempt. Defaults to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Unit that `concurrency` counts: `task` (attempts, the default) or `job` (jobs, each from its first dispatch to
    /// its end).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Consequence for a job that finds no slot, with `per = "job"`: `wait` (the default), `cancel_oldest`,
    /// `cancel_newest` or `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_full: Option<String>,
}

/// Highest count of a rate, and highest burst.
const COUNT_MAX: u64 = 1_000_000_000_000;

impl LimitDefinition {
    /// Makes the limit of it.
    ///
    /// # Errors
    /// All that is wrong, each as the field and a sentence.
    pub fn compile(&self, name: &LimitName) -> Result<Limit, Vec<(&'static str, String)>> {
        let mut problems = Vec::new();
        let mut keep = |field, result: Result<(), String>| problems.extend(result.err().map(|why| (field, why)));
        let (mut on, mut key, mut cost, mut rate) = (None, None, None, None);
        keep("on", self.on.as_deref().map_or(Ok(()), |text| selector(text).map(|made| on = Some(made))));
        keep("key", self.key.as_deref().map_or(Ok(()), |text| expression(text).map(|made| key = Some(made))));
        keep("cost", self.cost.as_deref().map_or(Ok(()), |text| expression(text).map(|made| cost = Some(made))));
        let burst = self.burst;
        keep("rate", self.rate.as_deref().map_or(Ok(()), |text| parse_rate(text, burst).map(|made| rate = Some(made))));
        keep("burst", check_burst(burst, self.rate.is_some()));
        if self.concurrency.is_none() && self.rate.is_none() {
            keep("concurrency", Err("a limit has `concurrency`, `rate` or both".to_owned()));
        }
        if self.cost.is_some() && self.rate.is_none() {
            keep("cost", Err("`cost` belongs to a `rate`, which is missing".to_owned()));
        }
        let mut per_job = None;
        keep("per", self.is_per_job().map(|is| per_job = is.then(WhenFull::default)));
        keep("when_full", self.when_full().map(|word| per_job = per_job.map(|default| word.unwrap_or(default))));
        let limit = Limit { name: name.clone(), on, key, concurrency: self.concurrency, rate, cost, per_job };
        if problems.is_empty() { Ok(limit) } else { Err(problems) }
    }
}

impl LimitDefinition {
    /// Judges a cost that is the same for every task: one that no attempt can have would have all of them refused. Only
    /// for what is being written; a definition that is kept stays a limit of those that name a cost of their own.
    ///
    /// # Errors
    /// The field and a sentence.
    pub fn check_cost(&self) -> Result<(), (&'static str, String)> {
        let Some(text) = &self.cost else { return Ok(()) };
        constant_cost(text).map_err(|why| ("cost", why))
    }

    fn is_per_job(&self) -> Result<bool, String> {
        match self.per.as_deref() {
            None | Some("task") => Ok(false),
            Some("job") => Ok(true),
            Some(other) => Err(format!("{other:?} is none of task, job")),
        }
    }

    fn when_full(&self) -> Result<Option<WhenFull>, String> {
        let Some(word) = self.when_full.as_deref() else { return Ok(None) };
        let found = WHEN_FULL.iter().find(|(known, _)| *known == word).map(|(_, when_full)| *when_full);
        let Some(found) = found else {
            return Err(format!("{word:?} is none of {}", WHEN_FULL.map(|(known, _)| known).join(", ")));
        };
        match found {
            WhenFull::Wait => {}
            _ if self.per.as_deref() != Some("job") => return Err(format!("`{word}` belongs to `per = \"job\"`")),
            _ if self.concurrency.is_none() => return Err(format!("`{word}` belongs to a `concurrency`")),
            _ => {}
        }
        Ok(Some(found))
    }
}

const WHEN_FULL: [(&str, WhenFull); 4] = [
    ("wait", WhenFull::Wait),
    ("cancel_oldest", WhenFull::CancelOldest),
    ("cancel_newest", WhenFull::CancelNewest),
    ("refuse", WhenFull::Refuse),
];

fn check_burst(burst: Option<u64>, has_rate: bool) -> Result<(), String> {
    match burst {
        Some(_) if !has_rate => Err("`burst` belongs to a `rate`, which is missing".to_owned()),
        Some(burst) if !(1..=COUNT_MAX).contains(&burst) => Err(format!("{burst} is not between 1 and {COUNT_MAX}")),
        _ => Ok(()),
    }
}

/// Reads `<count>/<unit>` with one of the units s, m, h and d.
pub(crate) fn parse_rate(text: &str, burst: Option<u64>) -> Result<Rate, String> {
    let wrong = || format!("{text:?} is no rate; write a count from 1 on and s, m, h or d, such as 100/s");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let count = count.trim().parse().ok().filter(|count| (1..=COUNT_MAX).contains(count)).ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    Ok(Rate { count, period_ns: seconds * 1_000_000_000, burst: burst.unwrap_or(count) })
}

/// Compiles an expression over what is known of a task as soon as its job is.
pub(crate) fn expression(text: &str) -> Result<Template, String> {
    let roots = Roots { task: true, ..Roots::default() };
    let template = Template::parse(&Doc::text(text), roots, &Limits::DEFAULT).map_err(|problems| {
        let texts = problems.into_iter().map(|problem| match problem.hint {
            Some(hint) => format!("{}; {hint}", problem.detail),
            None => problem.detail,
        });
        texts.collect::<Vec<_>>().join("; ")
    })?;
    match template.references().first() {
        Some(reference) => {
            Err(format!("`tasks.{}` is not known here; there are job, input, kind and queue", reference.task))
        }
        None => Ok(template),
    }
}

/// Checks a cost that is the same for every task. What names something is left to each task.
fn constant_cost(text: &str) -> Result<(), String> {
    let template = expression(text)?;
    if !template.is_expression() {
        return Err(format!("{text:?} is text; a cost is a number, such as ${{{{ 5 }}}}"));
    }
    if text.contains(char::is_alphabetic) {
        return Ok(());
    }
    let (input, job_labels) = (Doc::trusted(b"null".to_vec()), BTreeMap::new());
    let scope = Scope {
        input: &input,
        job_id: "",
        job_name: None,
        job_labels: &job_labels,
        tasks: BTreeMap::new(),
        item: None,
        round: None,
        schedule: None,
        task: None,
    };
    let value = template.resolve(&scope, &Limits::DEFAULT).map_err(|error| error.message)?;
    let is_cost =
        serde_json::from_slice(value.bytes()).is_ok_and(|cost: f64| (0.0..=f64::from(LIMIT_COST)).contains(&cost));
    if is_cost { Ok(()) } else { Err(format!("{text} is no number from 0 to {LIMIT_COST}")) }
}

/// Reads a filter on kind, queue, name and labels.
fn selector(text: &str) -> Result<Selector, String> {
    let Filter { terms } = filter::parse(text)?;
    let mut read = Vec::new();
    for term in terms {
        let (field, patterns) = match term.test {
            Test::Text(Column::Kind, patterns) => (Field::Kind, patterns),
            Test::Text(Column::Name, patterns) => (Field::Name, patterns),
            Test::Queue(patterns) => (Field::Queue, patterns),
            Test::Label(name, patterns) => (Field::Label(name), patterns),
            _ => return Err("a limit is for tasks by kind, queue, name and label.<name>".to_owned()),
        };
        let patterns = patterns.iter().map(|pattern| Pieces(pattern.pieces())).collect();
        read.push(SelectorTerm { negated: term.negated, field, patterns });
    }
    Ok(Selector { terms: read })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(definition: &LimitDefinition) -> Vec<&'static str> {
        let name = LimitName::new("x").unwrap();
        definition.compile(&name).map_or_else(|problems| problems.iter().map(|(field, _)| *field).collect(), |_| vec![])
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let text = |text: &str| Some(text.to_owned());
        let usual = LimitDefinition { concurrency: Some(1), ..LimitDefinition::default() };
        let rated = LimitDefinition { rate: text("60000/m"), burst: Some(1000), ..LimitDefinition::default() };
        assert_eq!((problems(&usual), problems(&rated)), (vec![], vec![]));
        for (definition, expected) in [
            (LimitDefinition::default(), vec!["concurrency"]),
            (LimitDefinition { on: text("state:failed"), ..usual.clone() }, vec!["on"]),
            (LimitDefinition { on: text("kind"), ..usual.clone() }, vec!["on"]),
            (LimitDefinition { key: text("${{ tasks.a.output }}"), ..usual.clone() }, vec!["key"]),
            (LimitDefinition { key: text("${{ item }}"), ..usual.clone() }, vec!["key"]),
            (LimitDefinition { burst: Some(0), cost: text("${{ 1 +"), ..usual.clone() }, vec!["cost", "burst", "cost"]),
            (LimitDefinition { rate: text("0/s"), ..LimitDefinition::default() }, vec!["rate"]),
            (LimitDefinition { rate: text("5/week"), ..LimitDefinition::default() }, vec!["rate"]),
            (LimitDefinition { per: text("queue"), ..usual.clone() }, vec!["per"]),
            (LimitDefinition { when_full: text("refuse"), ..usual.clone() }, vec!["when_full"]),
            (LimitDefinition { per: text("job"), when_full: text("refuse"), ..rated.clone() }, vec!["when_full"]),
            (LimitDefinition { per: text("job"), when_full: text("never"), ..usual.clone() }, vec!["when_full"]),
            (LimitDefinition { burst: Some(0), ..rated }, vec!["burst"]),
        ] {
            assert_eq!(problems(&definition), expected, "{definition:?}");
        }
        let name = LimitName::new("x").unwrap();
        for (word, when_full) in WHEN_FULL {
            let each = LimitDefinition { per: text("job"), when_full: text(word), ..usual.clone() };
            assert_eq!(each.compile(&name).unwrap().per_job, Some(when_full));
        }
        assert_eq!(LimitDefinition { per: text("task"), ..usual.clone() }.compile(&name).unwrap().per_job, None);
        let keyed = LimitDefinition { key: text("${{ queue }}-${{ kind }}"), on: text("kind:llm.*"), ..usual };
        assert_eq!(problems(&keyed), [""; 0]);
    }

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        let rate = parse_rate("60000/m", None).unwrap();
        assert_eq!((rate.count, rate.period_ns, rate.burst), (60_000, 60_000_000_000, 60_000));
        assert_eq!(parse_rate("1/d", Some(7)).unwrap().burst, 7);
    }
}
