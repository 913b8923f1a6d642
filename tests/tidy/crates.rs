//! The modules of each crate, and which of them names which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{files, read};

/// Where a module stands in its crate: the names from the root on.
pub(crate) type Place = Vec<String>;

/// One crate: its folder, and each module with its file.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) folder: String,
    pub(crate) modules: BTreeMap<Place, String>,
}

impl Crate {
    /// All crates of the repository, without their tests.
    pub(crate) fn all() -> Vec<Self> {
        let sources: BTreeSet<_> = files(&[".rs"]).into_iter().collect();
        let mut crates: BTreeMap<String, BTreeMap<Place, String>> = BTreeMap::new();
        for file in sources.iter().filter(|file| !is_test(file)) {
            let Some(folder) = folder_of(file, &sources) else { continue };
            let place = place(file.strip_prefix(&format!("{folder}/")).expect("it is in the folder"));
            // The library of a folder comes before its program, which has hardly any code.
            crates.entry(folder).or_default().entry(place).or_insert_with(|| file.clone());
        }
        crates.into_iter().map(|(folder, modules)| Self { folder, modules }).collect()
    }

    /// Circles of modules that name each other, each sorted. What a module and those inside of it say of each other
    /// is no circle: they are one.
    pub(crate) fn circles(&self) -> Vec<BTreeSet<String>> {
        let names: BTreeMap<_, _> =
            self.modules.iter().map(|(place, file)| (place, self.named_by(place, &read(file)))).collect();
        let reached: BTreeMap<_, _> = names.keys().map(|place| (*place, reach(place, &names))).collect();
        let mut circles: Vec<BTreeSet<String>> = Vec::new();
        for (place, seen) in &reached {
            let circle = seen.iter().filter(|other| reached[other].contains(*place)).map(|other| other.join("/"));
            let circle: BTreeSet<_> = circle.collect();
            if !circle.is_empty() && !circles.contains(&circle) {
                circles.push(circle);
            }
        }
        circles
    }

    /// The modules that the text of one names, but for those around it and inside of it.
    fn named_by(&self, own: &Place, text: &str) -> BTreeSet<Place> {
        let mut named = BTreeSet::new();
        for path in paths(text) {
            let mut target = match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                "self" => own.iter().chain(&path[1..]).cloned().collect(),
                _ => {
                    let up = path.iter().take_while(|name| *name == "super").count();
                    own[..own.len().saturating_sub(up)].iter().chain(&path[up..]).cloned().collect()
                }
            };
            while !self.modules.contains_key(&target) && target.pop().is_some() {}
            if !own.starts_with(&target) && !target.starts_with(own) {
                named.insert(target);
            }
        }
        named
    }
}

/// The folder with the root of the crate that a file belongs to; `None` for one that is a crate by itself.
fn folder_of(file: &str, sources: &BTreeSet<String>) -> Option<String> {
    let folders = Path::new(file).ancestors().skip(1).map(|folder| folder.to_string_lossy().into_owned());
    let is_root = |folder: &String| ["lib", "main"].iter().any(|name| sources.contains(&format!("{folder}/{name}.rs")));
    folders.take_while(|folder| !folder.is_empty()).find(is_root)
}

/// Whether a file is the tests of a module or of a crate.
pub(crate) fn is_test(file: &str) -> bool {
    ["tests.rs", "golden.rs"].iter().any(|end| file.ends_with(end))
        || file.split('/').skip(1).any(|part| part == "tests")
}

fn place(file: &str) -> Place {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

fn reach<'a>(from: &'a Place, names: &'a BTreeMap<&'a Place, BTreeSet<Place>>) -> BTreeSet<Place> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(place) = open.pop() {
        open.extend(names[place].iter().filter(|next| seen.insert((*next).clone())));
    }
    seen
}

/// Every path of the code that begins with `crate`, `super` or `self`, groups taken apart.
fn paths(text: &str) -> Vec<Vec<String>> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let mut found = Vec::new();
    for head in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(head) {
            let is_whole = !code[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before));
            if is_whole {
                path(&code[at..], &[], &mut found);
            }
        }
    }
    found
}

/// Takes one path from the text, or each of a group, and gives what is behind it.
fn path<'a>(text: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        text = group;
        while !text.is_empty() && !text.starts_with('}') {
            text = path(text, before, found);
            text = text.trim_start_matches(|c: char| !"},".contains(c)).trim_start_matches(',').trim_start();
        }
        return text.strip_prefix('}').unwrap_or_default();
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let names: Vec<_> = before.iter().cloned().chain(Some(name.to_owned()).filter(|name| !name.is_empty())).collect();
    match rest.strip_prefix("::") {
        Some(deeper) if !name.is_empty() => path(deeper, &names, found),
        _ => {
            found.extend(Some(names).filter(|names| !names.is_empty()));
            rest
        }
    }
}
