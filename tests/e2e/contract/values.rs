//! Values survive as they were written, and expressions compute what they say.

use serde_json::json;

use super::{bench, ended};

#[tokio::test(flavor = "multi_thread")]
async fn values_keep_their_bytes_on_the_whole_way() {
    let (_cluster, client) = bench().await;
    let value =
        r#"{"z":123456789012345678901234567890,"a":1e400,"n":"\u0000\ud83d\ude00","f":3.0,"m":-0.0,"k":[1.10]}"#;
    let mark = client.submit_text(&format!(r#"{{"kind":"demo.echo","input":{value}}}"#)).await;
    let end = client.finished(&mark).await.text();
    assert!(end.contains(&format!(r#""output":{value}"#)), "{end}");
    let graph = format!(
        r#"{{"input":{value},"tasks":{{
            "one":{{"kind":"demo.echo","input":"${{{{ input }}}}"}},
            "two":{{"kind":"demo.echo","input":{{"all":"${{{{ tasks.one.output }}}}","z":"z=${{{{ tasks.one.output.z }}}}"}}}},
            "map":{{"kind":"demo.echo","for_each":"${{{{ tasks.one.output.k }}}}","input":"${{{{ item }}}}"}}
        }},"output":["${{{{ tasks.two.output.all }}}}","${{{{ tasks.two.output.z }}}}","${{{{ tasks.map.output }}}}"]}}"#
    );
    let mark = client.submit_text(&graph).await;
    let end = client.finished(&mark).await.text();
    let whole = format!(r#""output":[{value},"z=123456789012345678901234567890",[1.10]]"#);
    assert!(end.contains(&whole), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_compute() {
    let (_cluster, client) = bench().await;
    let end = client
        .run(&json!({"name": "sums", "labels": {"team": "growth"}, "input": {"n": 7, "list": [3, 1, 2], "text": "abc"},
        "tasks": {"one": {"kind": "demo.echo", "input": {
            "sum": "${{ input.n + input.list[0] }}",
            "float": "${{ input.n / 2 }}",
            "big": "${{ 170141183460469231731687303715884105726 + 1 }}",
            "text": "${{ input.text | upper }}-${{ input.n }}",
            "literal": "$${{ input.n }}",
            "sorted": "${{ input.list | sort }}",
            "length": "${{ input.list | length }}",
            "missing": "${{ input.missing | default(none) }}",
            "choice": "${{ 'big' if input.n > 5 else 'small' }}",
            "job": "${{ job.name }}/${{ job.labels.team }}",
            "brace": "${{ '}}' }}",
        }}}}))
        .await;
    let expected = json!({"sum": 10, "float": 3.5, "big": "?", "text": "ABC-7", "literal": "${{ input.n }}",
        "sorted": [1, 2, 3], "length": 3, "missing": null, "choice": "big", "job": "sums/growth", "brace": "}}"});
    let mut output = end["output"]["one"].clone();
    let big = output["big"].take();
    assert_eq!(big.to_string().trim_matches('"').chars().next(), Some('1'), "{big}");
    output["big"] = json!("?");
    assert_eq!(output, expected, "{end}");
    ended(
        &client.run(&json!({"kind": "demo.echo", "input": "${{ 1 + 1 }}"})).await,
        "succeeded",
        json!("${{ 1 + 1 }}"),
    );
}
