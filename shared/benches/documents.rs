//! Jobs as clients send them.

/// A job of one task with an input of 200 bytes.
pub(crate) fn single() -> String {
    format!(r#"{{"kind":"demo.echo","input":"{}"}}"#, "x".repeat(198))
}

/// A mapped task of so many items of 20 bytes, whose outputs nobody wants.
pub(crate) fn mapped(items: usize) -> String {
    let items = vec![format!("\"{}\"", "x".repeat(18)); items].join(",");
    format!(
        r#"{{"tasks":{{"each":{{"kind":"demo.echo","for_each":[{items}],"input":"${{{{ item }}}}"}}}},"output":null}}"#
    )
}
