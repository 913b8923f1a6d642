use super::*;

#[test]
fn a_second_install_shares_the_recorder_and_seconds_have_buckets() {
    let first = Metrics::install().unwrap();
    let second = Metrics::install().unwrap();
    metrics::counter!("warrener_probe_total").increment(3);
    metrics::histogram!("warrener_probe_seconds").record(0.003);
    assert!(first.render().contains("warrener_probe_total 3"));
    let text = second.render();
    assert!(text.contains("warrener_probe_seconds_bucket{le=\"0.0025\"} 0"), "{text}");
    assert!(text.contains("warrener_probe_seconds_bucket{le=\"0.005\"} 1"), "{text}");
}
