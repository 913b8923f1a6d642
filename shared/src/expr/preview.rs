//! A text with expressions, before they are evaluated.

use super::delimiters::{Piece, pieces};

/// As much of a text as is known before its expressions are evaluated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preview {
    /// All of it, as it is written: nothing in it is evaluated.
    Same,
    /// All of it: escapes are resolved, and nothing is evaluated.
    Text(String),
    /// Nothing: it is one expression, and of any type. Here is the inside.
    Value(String),
    /// Some of it, with a stand-in for each expression; nothing that has one inside of an expression that is
    /// evaluated later.
    Part(String),
}

/// Looks at a text ahead of its evaluation.
pub(crate) fn preview(text: &str) -> Preview {
    let Ok(found) = pieces(text) else { return Preview::Part(String::new()) };
    if let [Piece::Expression { outer, inner }] = &found[..]
        && *outer == (0..text.len())
    {
        return Preview::Value((*inner).to_owned());
    }
    if found.is_empty() {
        return Preview::Same;
    }
    let (mut known, mut at, mut is_whole) = (String::with_capacity(text.len()), 0, true);
    for piece in &found {
        let (until, next) = match piece {
            Piece::Escape(dollar) => (*dollar, dollar + 1),
            Piece::Expression { outer, .. } => (outer.start, outer.end),
        };
        known.push_str(&text[at..until]);
        at = next;
        if matches!(piece, Piece::Expression { .. }) {
            known.push(STAND_IN);
            is_whole = false;
        }
    }
    known.push_str(&text[at..]);
    if is_whole {
        return Preview::Text(known);
    }
    let is_inside = |piece: &Piece<'_>| matches!(piece, Piece::Expression { inner, .. } if inner.contains(STAND_IN));
    match pieces(&known) {
        Ok(later) if !later.iter().any(is_inside) => Preview::Part(known.replace(STAND_IN, "x")),
        _ => Preview::Part(String::new()),
    }
}

/// A character that stands for something that is put in its place, and for nothing else.
const STAND_IN: char = '\u{fffc}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_as_far_as_no_expression_decides() {
        for (text, known) in [
            ("plain $ text", Preview::Same),
            ("$${{ a }} b", Preview::Text("${{ a }} b".into())),
            ("$$${{ a }}", Preview::Text("$${{ a }}".into())),
            ("${{ item }}", Preview::Value("item".into())),
            ("${{ item }} ", Preview::Part("x ".into())),
            ("${{ a }} and $${{ tasks.b.output }}", Preview::Part("x and ${{ tasks.b.output }}".into())),
            ("$${{ tasks.${{ item }}.output }}", Preview::Part(String::new())),
            ("$${{ 'x' ~ '${{ item }}' }}", Preview::Part(String::new())),
            ("${{ a", Preview::Part(String::new())),
        ] {
            assert_eq!(preview(text), known, "{text}");
        }
    }
}
