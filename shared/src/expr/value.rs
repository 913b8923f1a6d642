//! Documents as the engine sees them: lists and objects stay bytes until somebody looks inside.

use std::cmp::Ordering;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};

use crate::json::{Doc, Kind};

/// Note of a failure in a place from which the engine carries no error, and count of looks at values: the engine does
/// not count fuel in all places that walk through lists.
#[derive(Clone, Debug)]
pub(super) struct Alarm(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    message: OnceLock<String>,
    /// Number of elements and entries that may still be looked at.
    looks: AtomicU64,
}

impl Alarm {
    /// A silent alarm for an evaluation that may take so much fuel.
    pub(super) fn new(fuel: u64) -> Self {
        let looks = AtomicU64::new(fuel.saturating_mul(LOOKS_PER_FUEL));
        Self(Arc::new(Shared { message: OnceLock::new(), looks }))
    }

    /// Sounds it; the first message counts.
    pub(super) fn sound(&self, message: impl FnOnce() -> String) {
        self.0.message.get_or_init(message);
    }

    /// Description of the failure, if there was one.
    pub(super) fn message(&self) -> Option<&str> {
        self.0.message.get().map(String::as_str)
    }

    /// Counts a look at an element; sounds and answers false when there have been too many.
    fn may_look(&self) -> bool {
        // Evaluations stay on one thread, so a load and a store lose nothing.
        let left = self.0.looks.load(Relaxed);
        self.0.looks.store(left.saturating_sub(1), Relaxed);
        if left == 0 {
            self.sound(|| "it looks at too many elements (limit `expression_fuel`)".to_owned());
        }
        left > 0
    }
}

/// A document as a value of the engine.
pub(super) fn value(doc: Doc, alarm: &Alarm) -> Value {
    let scalar = match doc.kind() {
        Kind::List | Kind::Object => return Value::from_object(Lazy { doc, alarm: alarm.clone() }),
        Kind::Null => Some(Value::from(())),
        Kind::Bool => doc.as_bool().map(Value::from),
        Kind::Number => doc.as_number().and_then(number),
        Kind::Text => doc.as_str().map(|text| Value::from(&*text)),
    };
    scalar.unwrap_or_else(|| Value::from_object(Opaque { doc, alarm: alarm.clone() }))
}

/// The document that a value of the engine stands for, if it still is one.
pub(super) fn document(value: &Value) -> Option<&Doc> {
    let lazy = value.downcast_object_ref::<Lazy>().map(|lazy| &lazy.doc);
    lazy.or_else(|| value.downcast_object_ref::<Opaque>().map(|opaque| &opaque.doc))
}

/// A number as the engine computes with it: an integer of 128 bits or a finite double.
fn number(text: &str) -> Option<Value> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        let signed = text.parse::<i128>().ok().map(|n| i64::try_from(n).map_or_else(|_| Value::from(n), Value::from));
        return signed.or_else(|| text.parse::<u128>().ok().map(Value::from));
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
}

/// A list or an object.
struct Lazy {
    doc: Doc,
    alarm: Alarm,
}

impl Lazy {
    fn value(&self, doc: Doc) -> Value {
        if self.alarm.may_look() {
            return value(doc, &self.alarm);
        }
        Value::from(minijinja::Error::from(minijinja::ErrorKind::OutOfFuel))
    }

    fn sorted(&self) -> Vec<(String, Value)> {
        let entries = self.doc.entries().into_iter().flatten();
        let mut entries: Vec<_> = entries.map(|(key, doc)| (key, self.value(doc))).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.doc.kind() == Kind::List { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.doc.kind() {
            Kind::List => self.doc.element(i64::try_from(key.as_usize()?).ok()?).map(|doc| self.value(doc)),
            _ => self.get_value_by_str(key.as_str()?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.doc.field(key).map(|doc| self.value(doc))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.alarm.message().is_some() {
            return Enumerator::Empty;
        }
        let length = self.doc.len().unwrap_or_default();
        if self.doc.kind() == Kind::List {
            return Enumerator::Seq(length);
        }
        let this = Arc::clone(self);
        Enumerator::KeyValueIter(Box::new((0..length).map(move |at| {
            let (key, doc) = this.doc.entry(at).unwrap_or_else(|| (String::new(), Doc::null()));
            (Value::from(key), this.value(doc))
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.doc.len()
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        if self.doc == other.doc {
            return Some(Ordering::Equal);
        }
        let objects = self.doc.kind() == Kind::Object && other.doc.kind() == Kind::Object;
        objects.then(|| self.sorted().cmp(&other.sorted()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(self.doc.bytes()))
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.doc, f)
    }
}

/// A scalar that can be copied but not computed with: a number beyond 128 bits or doubles, or a text with a lone
/// surrogate. Whoever asks what it is wants to compute, and sounds the alarm.
#[derive(Debug)]
struct Opaque {
    doc: Doc,
    alarm: Alarm,
}

impl Opaque {
    fn refuse(&self) {
        self.alarm.sound(|| {
            let shown: String = String::from_utf8_lossy(self.doc.bytes()).chars().take(SHOWN).collect();
            match self.doc.kind() {
                Kind::Number => format!("the number {shown} is too large to compute with; it can only be copied"),
                _ => format!("the string {shown} has a lone surrogate; it can only be copied"),
            }
        });
    }
}

impl Object for Opaque {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.refuse();
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        if self.doc != other.doc {
            self.refuse();
        }
        Some(self.doc.bytes().cmp(other.doc.bytes()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refuse();
        f.write_str("?")
    }
}

/// Looks that a unit of fuel pays for. Where the engine counts fuel itself, a look costs it half a unit; this is the
/// net below that.
const LOOKS_PER_FUEL: u64 = 10;
/// Enough of a huge number to find it again.
const SHOWN: usize = 40;
