use super::*;

#[test]
fn loopback_is_this_machine_in_every_spelling() {
    let is_here = |url: &str| is_loopback(&Url::parse(url).unwrap());
    for here in [
        "http://127.0.0.1/",
        "http://127.9.9.9:80/",
        "http://localhost:8000/x",
        "http://a.localhost/",
        "http://[::1]:1/",
        "http://[::ffff:127.0.0.1]/",
    ] {
        assert!(is_here(here), "{here}");
    }
    for elsewhere in ["http://10.0.0.1/", "http://localhost.example/", "http://[2001:db8::1]/", "http://model:8000/"] {
        assert!(!is_here(elsewhere), "{elsewhere}");
    }
}
