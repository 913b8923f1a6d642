//! Taking Markdown apart, as far as these documents need it.

/// What is in the fenced blocks of a language, in order.
pub(crate) fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    let starts = text.match_indices(&open).map(|(at, _)| &text[at + open.len()..]);
    let found: Vec<_> = starts.map(|rest| &rest[..rest.find("```").expect("a block that begins has an end")]).collect();
    assert!(!found.is_empty(), "there is no block of {language}");
    found
}

/// Where the links of a document lead.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split(')').next())
}

/// What is between `<!-- name -->` and `<!-- /name -->`, with its place.
pub(crate) fn part<'a>(text: &'a str, name: &str) -> (usize, &'a str) {
    let open = format!("<!-- {name} -->\n");
    let at = text.find(&open).expect("the mark that begins the part is there") + open.len();
    let end = text[at..].find(&format!("<!-- /{name} -->")).expect("the mark that ends the part is there");
    (at, &text[at..at + end])
}
