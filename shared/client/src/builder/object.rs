//! A JSON object that keeps the order in which its members were set.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    members: Vec<(String, Box<RawValue>)>,
}

impl Object {
    pub(super) fn set(&mut self, name: &str, value: &impl Serialize) {
        self.set_raw(name, serde_json::value::to_raw_value(value).expect("texts and objects of JSON are JSON"));
    }

    /// Adds a member, or replaces its value where it stands.
    pub(super) fn set_raw(&mut self, name: &str, value: Box<RawValue>) {
        match self.members.iter_mut().find(|(member, _)| member == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// Sets a member of the object that is the member `outer`.
    pub(super) fn set_inside(&mut self, outer: &str, name: &str, value: &impl Serialize) {
        let inner = self.members.iter().find(|(member, _)| member == outer);
        let mut object = inner.map_or_else(Self::default, |(_, raw)| Self::of(raw));
        object.set(name, value);
        self.set(outer, &object);
    }

    /// Adds an element to the list that is the member `name`.
    pub(super) fn push(&mut self, name: &str, value: &impl Serialize) {
        let list = self.members.iter().find(|(member, _)| member == name);
        let mut list: Vec<Box<RawValue>> =
            list.and_then(|(_, raw)| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        list.push(serde_json::value::to_raw_value(value).expect("texts and objects of JSON are JSON"));
        self.set(name, &list);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn of(raw: &RawValue) -> Self {
        let members: std::collections::BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(raw.get()).unwrap_or_default();
        Self { members: members.into_iter().collect() }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
