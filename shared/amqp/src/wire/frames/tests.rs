use super::*;

#[path = "../../../../../tests/fuzz/mutate.rs"]
mod mutate;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, 1], &size[..], payload, &[0xce]].concat()
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn properties(flags: u16, properties: &[u8]) -> Vec<u8> {
    frame(HEADER, &[&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], &flags.to_be_bytes()[..], properties].concat())
}

fn headers(entries: &[u8]) -> Vec<u8> {
    properties(1 << 13, &long(entries))
}

fn fed(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    Frames::default().feed(input, &mut output).unwrap();
    output
}

#[test]
fn honest_frames_pass_unchanged_however_they_are_cut() {
    let every_type = [
        &short("ü".as_bytes())[..],
        b"A",
        &long(&[b"V", &b"t\x01"[..], b"b\x01", b"s\x01\x02", b"I\x01\x02\x03\x04", b"D\x01\x02\x03\x04\x05"].concat()),
        &short(b"more"),
        b"F",
        &long(
            &[&short(b"x")[..], b"x", &long(&[0xff]), &short(b"S"), b"S", &long(&[0xff]), &short(b"l"), b"l12345678"]
                .concat(),
        ),
    ]
    .concat();
    let greeting =
        [&[0, 10, 0, 10, 0, 9][..], &long(&[&short(b"version")[..], b"S", &long(b"3.10.8")].concat())].concat();
    let stream = [
        frame(METHOD, &greeting),
        frame(METHOD, &[&[0, 60, 0, 60][..], &short(b"tag"), &[0; 9], &short(b"exchange"), &short(b"key")].concat()),
        headers(&every_type),
        frame(3, &[0xff; 300]),
        frame(8, &[]),
        properties(
            0xfffc,
            &[
                &[short(b"a"), short(b"b"), long(b"")].concat()[..],
                &[2, 4],
                &[1, b'c'].repeat(4),
                &[0; 8],
                &[1, b'd'].repeat(4),
            ]
            .concat(),
        ),
        frame(3, &[]),
    ]
    .concat();
    for size in [1, 2, 3, 7, 8, 64, 10_000] {
        let (mut frames, mut output) = (Frames::default(), Vec::new());
        for piece in stream.chunks(size) {
            frames.feed(piece, &mut output).unwrap();
        }
        assert!(output == stream, "in pieces of {size}");
        assert_eq!(frames.take_version().as_deref(), Some("3.10.8"));
    }
}

#[test]
fn text_becomes_utf8_at_the_same_length() {
    // The flags of correlation_id, reply_to, message_id, type.
    let hostile = [short(b"a\xffb"), short("ü".as_bytes()), short(b"\xc3"), short(b"\xe2\x82x")].concat();
    let clean = [short(b"a?b"), short("ü".as_bytes()), short(b"?"), short(b"??x")].concat();
    let flags = 1 << 10 | 1 << 9 | 1 << 7 | 1 << 5;
    assert_eq!(fed(&properties(flags, &hostile)), properties(flags, &clean));

    let deliver =
        |key: &[u8]| frame(METHOD, &[&[0, 60, 0, 60][..], &short(b"t"), &[0; 9], &short(b"e"), &short(key)].concat());
    assert_eq!(fed(&deliver(b"\xfe")), deliver(b"?"));
    let returned = |key: &[u8]| {
        frame(METHOD, &[&[0, 60, 0, 50, 1, 56][..], &short(b"NO_ROUTE"), &short(b"e"), &short(key)].concat())
    };
    assert_eq!(fed(&returned(b"\xfe")), returned(b"?"));
    // The broker cuts its texts at 255 bytes, wherever that is.
    for (class, method) in [(20, 40), (10, 50)] {
        let closed = |text: &[u8]| frame(METHOD, &[&[0, class, 0, method, 1, 148][..], &short(text), &[0; 4]].concat());
        assert_eq!(fed(&closed(b"no queue '\xc3")), closed(b"no queue '?"));
    }
}

#[test]
fn names_in_headers_become_utf8_at_every_level() {
    let nested = |name: &[u8]| {
        let inner = [&short(name)[..], b"V"].concat();
        headers(&[&short(name)[..], b"A", &long(&[b"F", &long(&inner)[..]].concat())].concat())
    };
    assert_eq!(fed(&nested(b"\xff")), nested(b"?"));
}

#[test]
fn what_lies_too_deep_becomes_bytes() {
    let nested = |levels: usize, deepest: &[u8]| {
        let mut value = deepest.to_vec();
        for _ in 0..levels {
            value = [b"A", &long(&value)[..]].concat();
        }
        headers(&[short(b"a"), value].concat())
    };
    let levels = usize::from(u8::MAX) * 100;
    let clean = fed(&nested(levels, b"V"));
    assert_eq!(clean.len(), nested(levels, b"V").len());
    let depth = clean.iter().filter(|&&byte| byte == b'A').count();
    assert_eq!(clean[HEAD + CLASS_WEIGHT_SIZE + 2 + 4 + 2..].iter().position(|&byte| byte == b'x'), Some(7 * 5));
    assert!(depth >= 7);
    // What the broker itself writes is not touched.
    assert_eq!(fed(&nested(4, b"V")), nested(4, b"V"));
}

#[test]
fn what_ends_too_early_passes_as_it_is() {
    for broken in [
        frame(METHOD, &[0, 60, 0, 60, 200]),
        frame(METHOD, &[0]),
        frame(HEADER, &[0, 60]),
        headers(&[3, b'a']),
        headers(&[&short(b"a")[..], b"S", &[0xff; 4]].concat()),
        headers(&[&short(b"a")[..], b"?"].concat()),
    ] {
        assert_eq!(fed(&broken), broken);
    }
    // The answer to a protocol version that the broker doesn't speak.
    assert_eq!(fed(b"AMQP\x00\x00\x09\x01"), b"AMQP\x00\x00\x09\x01");
}

#[test]
fn a_frame_of_impossible_size_is_refused_instead_of_kept() {
    let mut output = Vec::new();
    let error = Frames::default().feed(&[METHOD, 0, 1, 0xff, 0xff, 0xff, 0xff, 0], &mut output).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn random_frames_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let alphabet = b"AFSxVtI\x00\x00\x00\x00\x01\x02\x05\xff";
    for _ in 0..20_000 {
        let length = usize::try_from(random() % 60).unwrap();
        let payload: Vec<u8> =
            (0..length).map(|_| alphabet[usize::try_from(random()).unwrap() % alphabet.len()]).collect();
        let header = headers(&payload);
        assert_eq!(fed(&header).len(), header.len());
        let any = frame(METHOD, &[&[0, 60, 0, 60][..], &payload].concat());
        assert_eq!(fed(&any).len(), any.len());
    }
}

#[test]
fn no_bytes_are_too_much_and_none_change_places() {
    let table = [&short(b"n")[..], b"F", &long(&[&short(b"l")[..], b"A", &long(b"V")].concat())].concat();
    let seeds = [
        frame(METHOD, &[&[0, 60, 0, 60][..], &short(b"tag"), &[0; 9], &short(b"exchange"), &short(b"key")].concat()),
        [headers(&table), frame(3, b"body"), frame(8, &[])].concat(),
        properties(0xfffc, &[&short(b"a")[..], &short(b"b"), &long(b""), &[2, 4], &[1, b'c'].repeat(4)].concat()),
        frame(METHOD, &[&[0, 10, 0, 10, 0, 9][..], &long(&table), &long(b"PLAIN"), &long(b"en_US")].concat()),
    ];
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    let words = &["\u{1}", "\u{2}", "\u{3}", "F", "A", "S", "V", "l", "x", "\u{0}\u{0}\u{0}", "\u{7f}"];
    mutate::fuzz("frames", &seeds, words, |input| {
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        let fed = Frames::default().feed(input, &mut whole);
        let mut frames = Frames::default();
        let in_parts = input.chunks(3).try_for_each(|part| frames.feed(part, &mut cut));
        assert_eq!(fed.is_ok(), in_parts.is_ok(), "it depends on where the stream is cut");
        assert!(whole.len() <= input.len(), "something was added");
        if fed.is_ok() {
            assert_eq!(whole, cut, "what passes depends on where the stream is cut");
            let mut again = Vec::new();
            Frames::default().feed(&whole, &mut again).unwrap();
            assert_eq!(again, whole, "what is harmless was changed");
        }
        let passed = format!("{} {}", whole.len().min(64), whole == input.get(..whole.len()).unwrap_or_default());
        passed + &mutate::in_short(fed.err())
    });
}
