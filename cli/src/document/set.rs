//! `--set tasks.train.timeout=2h`.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Tree;

/// A value and the place that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetOption {
    written: String,
    path: Vec<String>,
    value: Tree,
}

impl SetOption {
    /// Reads `path=value`. The path starts at the job document; a dot inside a name is written `\.`; a number
    /// picks an element of a list, the number after the last appends. The value is JSON if it can be, else text.
    pub(crate) fn parse(written: &str) -> Result<Self, Failure> {
        let Some((path, value)) = written.split_once('=') else {
            return Err(bad(written, "there is no `=`").hint("write --set tasks.train.timeout=2h"));
        };
        let path = split(path);
        if path.iter().any(String::is_empty) {
            return Err(bad(written, "a part of the path is empty"));
        }
        let value = Tree::from_json(value).unwrap_or_else(|_| Tree::text(value));
        Ok(Self { written: written.to_owned(), path, value })
    }

    /// The assignment of a member of the document itself.
    pub(crate) fn whole(member: &str, value: Tree) -> Self {
        Self { written: member.to_owned(), path: vec![member.to_owned()], value }
    }

    /// Changes the document; objects on the way are made.
    pub(crate) fn apply(&self, document: &mut Tree) -> Result<(), Failure> {
        let (last, way) = self.path.split_last().expect("a path has parts");
        let mut place = document;
        for part in way {
            place = self.step(place, part)?;
        }
        *self.step(place, last)? = self.value.clone();
        Ok(())
    }

    fn step<'t>(&self, place: &'t mut Tree, part: &str) -> Result<&'t mut Tree, Failure> {
        match place {
            Tree::Map(members) => Ok(member(members, part)),
            Tree::List(items) => self.element(items, part),
            Tree::Scalar(text) => {
                Err(bad(&self.written, &format!("there is no {part:?} in {text}, which is no object and no list")))
            }
        }
    }

    fn element<'t>(&self, items: &'t mut Vec<Tree>, part: &str) -> Result<&'t mut Tree, Failure> {
        let count = items.len();
        let index = part.parse().ok().filter(|index: &usize| *index <= count);
        let index =
            index.ok_or_else(|| bad(&self.written, &format!("{part:?} is no index from 0 to {count} of the list")))?;
        if index == count {
            items.push(Tree::Map(Vec::new()));
        }
        Ok(&mut items[index])
    }
}

fn member<'t>(members: &'t mut Vec<(String, Tree)>, name: &str) -> &'t mut Tree {
    let at = members.iter().position(|(member, _)| member == name).unwrap_or_else(|| {
        members.push((name.to_owned(), Tree::Map(Vec::new())));
        members.len() - 1
    });
    &mut members[at].1
}

fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => parts.push(String::new()),
            '\\' => parts.last_mut().expect("never empty").extend(letters.next()),
            _ => parts.last_mut().expect("never empty").push(letter),
        }
    }
    parts
}

fn bad(written: &str, why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("--set {written}: {why}"))
}
