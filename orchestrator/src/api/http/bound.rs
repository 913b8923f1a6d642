//! Bounds of request bodies, each with the setting that says it.

use std::fmt;

/// Most bytes of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct BodyBound {
    /// Most bytes of what the body carries.
    pub(in super::super) bytes: usize,
    /// Most bytes of the body as it is sent.
    pub(super) sent: usize,
    /// Setting that says so; `None` for what nobody can change.
    setting: Option<&'static str>,
}

impl BodyBound {
    /// Bound that nobody can change.
    pub(in super::super) const fn fixed(bytes: usize) -> Self {
        Self { bytes, sent: bytes, setting: None }
    }

    /// Bound that this setting says.
    pub(in super::super) const fn set(bytes: usize, setting: &'static str) -> Self {
        Self { bytes, sent: bytes, setting: Some(setting) }
    }

    /// Same bound for a form that carries the document in a field: on its way a byte may take three.
    pub(in super::super) const fn in_form(self) -> Self {
        Self { sent: self.sent.saturating_mul(3), ..self }
    }

    /// Narrower one of two bounds.
    pub(in super::super) const fn and(self, other: Self) -> Self {
        if other.sent < self.sent { other } else { self }
    }
}

impl fmt::Display for BodyBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting {
            Some(setting) => write!(f, "{} bytes ({setting})", self.bytes),
            None => write!(f, "{} bytes", self.bytes),
        }
    }
}
