use std::time::Duration;

use warrener_shared::time::Millis;
use warrener_shared::wire::result::Progress;

use super::*;
use crate::Failure;

fn shown(report: &Report) -> String {
    let message = message("7.1.ab", report, "w1");
    assert_eq!((message.correlation_id.as_deref(), message.header_text("worker")), (Some("7.1.ab"), Some("w1")));
    format!("{} {}", message.kind.unwrap(), String::from_utf8(message.body).unwrap())
}

#[test]
fn every_report_is_written_as_the_contract_says() {
    let failed = |failure: Failure| shown(&failure.into_report());
    assert_eq!(shown(&Report::Succeeded { output: b"[1]".to_vec() }), "task.succeeded [1]");
    assert_eq!(failed(Failure::new("busy", "later")), r#"task.failed {"code":"busy","message":"later"}"#);
    assert_eq!(
        failed(Failure::new("bad_input", "no").for_good().with_details(3)),
        r#"task.failed {"code":"bad_input","message":"no","retry":false,"details":3}"#
    );
    assert_eq!(
        failed(Failure::new("busy", "later").retry_after(Duration::from_millis(1500))),
        r#"task.failed {"code":"busy","message":"later","retry":"1s500ms"}"#
    );
    assert_eq!(shown(&Report::Released { code: None, deliveries: None, pause: None }), "task.released {}");
    assert_eq!(
        shown(&Report::Released { code: Some("suspect".into()), deliveries: Some(2), pause: None }),
        r#"task.released {"code":"suspect","deliveries":2}"#
    );
    assert_eq!(shown(&Report::Claimed { lease: Millis(60_000) }), r#"task.claimed {"lease_ms":60000}"#);
    let progress = Progress { done: Some(1.0), total: None, note: Some("half".into()), ..Progress::default() };
    assert_eq!(shown(&Report::Progress(progress)), r#"task.progress {"done":1.0,"note":"half"}"#);
}
