//! The ingress's own process under what is odd, long, slow, or means two things: bounded memory, deadlines, one meaning,
//! and good webhooks served all the while.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{PATIENCE, chosen};
use crate::wire::{Peer, Signer, ask, request, signature, signed};
use crate::world::World;

/// The most that GitHub sends, and the most that `ingress.max_body_bytes` allows.
const LONGEST: usize = 26_214_400;
/// What buffers of connections and the allocator may add to the bodies' own memory.
const SLACK: usize = 24 << 20;

async fn ingress(settings: &str) -> World {
    let mut world = World::new(settings).await;
    world.start_ingress().await;
    world
}

/// A `pull_request.opened` as GitHub sent it.
fn real() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks/pull_request/00-opened.json");
    std::fs::read(file).unwrap()
}

/// The real payload with something more in front of all its fields.
fn with(more: &str) -> Vec<u8> {
    String::from_utf8(real()).unwrap().replacen('{', &format!("{{{more},"), 1).into_bytes()
}

/// The real payload with one place of it changed.
fn but(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(real()).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// The real payload, as long as is asked for.
fn padded(length: usize) -> Vec<u8> {
    let mut body = with("\"padding\":\"\"");
    let at = body.windows(2).position(|two| two == b"\"\"").unwrap() + 1;
    let missing = length - body.len();
    body.splice(at..at, std::iter::repeat_n(b'x', missing));
    body
}

/// It lives, has not panicked, and takes a webhook.
async fn assert_serves(world: &World) {
    assert_eq!(ask(world.address(), &signed("pull_request", &real())).await.status, 202);
    assert!(!world.ingress().output().contains("panicked"), "{}", world.ingress().output());
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_json_that_github_never_sends_is_refused_or_read_around_and_the_process_serves_on() {
    let world = ingress("").await;
    let good = String::from_utf8(real()).unwrap();
    let field = |name: &str, wrong: &str| {
        let mut value: Value = serde_json::from_str(&good).unwrap();
        *value.pointer_mut(name).unwrap() = serde_json::from_str(wrong).unwrap();
        value.to_string().into_bytes()
    };
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let mut odd = vec![
        ("nothing", 400, Vec::new()),
        ("null", 400, b"null".to_vec()),
        ("a list", 400, b"[]".to_vec()),
        ("two payloads", 400, format!("{good}{good}").into_bytes()),
        ("a byte order mark", 400, format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", 400, good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("bytes that are no UTF-8", 400, [b"{\"action\":\"\xff\xfe\"," as &[u8], &good.as_bytes()[1..]].concat()),
        ("the action twice", 400, with("\"action\":\"closed\"")),
        ("the repository twice", 400, with("\"repository\":{\"id\":1,\"full_name\":\"a/b\"}")),
        ("a stranger's field twice", 202, with("\"x\":1,\"x\":2")),
        ("a lone surrogate in a needed text", 400, but("\"action\":\"opened\"", "\"action\":\"\\ud800\"")),
        ("a lone surrogate elsewhere", 202, with("\"x\":\"\\udc00 \\ud800\"")),
        ("endless nesting", 400, format!("{{\"x\":{}", "[".repeat(1 << 20)).into_bytes()),
        ("deep nesting that ends", 202, with(&format!("\"x\":{}", deep(1 << 20)))),
        (
            "deep nesting where an object must be",
            400,
            but("\"pull_request\":{", &format!("\"pull_request\":{},\"x\":{{", deep(1 << 20))),
        ),
        ("a number beyond all bounds", 202, with("\"x\":1e999999999")),
        ("a number of a million digits", 202, with(&format!("\"x\":{}", "9".repeat(1 << 20)))),
    ];
    for number in ["0", "-1", "1.5", "1e3", "18446744073709551616", "1e400", "null", "\"2\"", "[2]"] {
        let wrong = good.replace("\"number\":2,", &format!("\"number\":{number},"));
        odd.push(("a wrong number", 400, wrong.into_bytes()));
    }
    for place in ["/action", "/pull_request", "/repository", "/pull_request/head", "/pull_request/state"] {
        for wrong in ["null", "7", "[]", "true"] {
            odd.push(("a wrong type", 400, field(place, wrong)));
        }
    }
    for name in ["", "acme", "a/b/c", "../..", "a/..", "a b/c", "a/\u{202e}b", "a/\u{0}"] {
        odd.push(("a wrong name", 400, field("/repository/full_name", &Value::from(name).to_string())));
    }
    let accepted = odd.iter().filter(|(_, status, _)| *status == 202).count();
    for (what, status, body) in &odd {
        let reply = ask(world.address(), &signed("pull_request", body)).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
        assert_eq!(reply.status, *status, "{what}: {shown}: {reply:?}");
    }
    assert_eq!(world.stored().await, accepted as u64);
    // An event that is none of ours is not even looked into.
    assert_eq!(ask(world.address(), &signed("push", &odd[4].2)).await.status, 200);
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_beginning_of_a_real_payload_is_taken_for_all_of_it() {
    let world = ingress("").await;
    let (real, address) = (real(), world.address());
    // Every one with ECO_CODER_TEST_STEP=1, which takes a while; else some of the middle, and all near both ends.
    let step = chosen("ECO_CODER_TEST_STEP", 17);
    let mut signer = Signer::new();
    let mut beginnings = Vec::new();
    for end in 0..real.len() {
        if end % step == 0 || end < 300 || end + 100 > real.len() {
            beginnings.push((end, signer.line()));
        }
        signer.update(&real[end..=end]);
    }
    let mut senders = tokio::task::JoinSet::new();
    for share in beginnings.chunks(beginnings.len().div_ceil(4)) {
        let (share, real) = (share.to_vec(), real.clone());
        senders.spawn(async move {
            for (end, signature) in share {
                let raw = request(&[&signature, "X-GitHub-Event: pull_request"], &real[..end]);
                assert_eq!(ask(address, &raw).await.status, 400, "{end} bytes");
            }
        });
    }
    senders.join_all().await;
    assert_eq!(world.stored().await, 0);
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_megabytes_are_taken_in_bounded_memory_and_one_byte_more_is_not_read() {
    let world = ingress("").await;
    assert_serves(&world).await;
    let before = world.ingress().peak_memory();
    assert_eq!(ask(world.address(), &signed("pull_request", &padded(LONGEST))).await.status, 202);
    let taken = world.ingress().peak_memory();
    assert!(taken < before + LONGEST + SLACK, "from {before} to {taken} bytes");

    let over = ask(world.address(), &signed("pull_request", &padded(LONGEST + 1))).await;
    assert_eq!((over.status, over.json["status"].as_str()), (413, Some("refused")));
    assert!(over.json["reason"].as_str().unwrap().contains("26214400 bytes"), "{over:?}");
    assert!(over.json["next"].as_str().unwrap().contains("25 MB"), "{over:?}");
    assert_eq!(world.stored().await, 2);
    assert!(world.ingress().peak_memory() < before + LONGEST + SLACK);
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_at_once_stay_within_the_memory_that_is_set_for_them() {
    const ROOM: usize = 40_000_000;
    let settings = format!("[ingress]\nmax_body_memory_bytes = {ROOM}\nbody_timeout_seconds = 2");
    let world = ingress(&settings).await;
    assert_serves(&world).await;
    let before = world.ingress().peak_memory();
    let (long, address) = (signed("pull_request", &padded(LONGEST)), world.address());
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let long = long.clone();
        senders.spawn(async move { ask(address, &long).await });
    }
    // Whoever gets no room in time is told when to come again; short ones need none.
    assert_serves(&world).await;
    let replies = senders.join_all().await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 202 | 408 | 503)), "{replies:?}");
    let after = world.ingress().peak_memory();
    // A buffer that grows may be there twice while it moves, the old one half as large: half as much again.
    assert!(after < before + ROOM / 2 * 3 + SLACK, "from {before} to {after} bytes");
    assert_eq!(ask(address, &long).await.status, 202, "all room came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_another_form_is_refused_with_what_to_do() {
    let world = ingress("").await;
    let body = real();
    let with = |line: &str| request(&[&signature(&body), "X-GitHub-Event: pull_request", line], &body);
    for (line, words) in [
        ("Content-Encoding: gzip", "without compression"),
        ("Content-Type: application/x-www-form-urlencoded", "content type to application/json"),
        ("Content-Type: text/plain", "content type to application/json"),
    ] {
        let reply = ask(world.address(), &with(line)).await;
        assert_eq!(reply.status, 415, "{line}");
        assert!(reply.json["next"].as_str().unwrap().contains(words), "{reply:?}");
    }
    assert_eq!(world.stored().await, 0);
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_idle_and_slow_peers_are_closed_at_their_deadline_while_good_ones_are_served() {
    let world = ingress("[ingress]\nheader_timeout_seconds = 2\nbody_timeout_seconds = 2").await;
    assert_serves(&world).await;
    let before = world.ingress().open_files().unwrap();
    let good = signed("pull_request", &real());
    let mut peers = Vec::new();
    for n in 0..500 {
        let mut peer = Peer::connect(world.address()).await;
        let started = match n % 5 {
            0 => "POST /webhooks/github HTTP/1.1\r\nHost: h\r\nX-Never-En".len().min(good.len()),
            1 => good.len() - 1,
            2 => 1,
            _ => 0,
        };
        peer.write(&good[..started]).await;
        peers.push((started, peer));
    }
    let mut waits = Vec::new();
    for _ in 0..10 {
        let asked = Instant::now();
        assert_eq!(ask(world.address(), &good).await.status, 202);
        waits.push(asked.elapsed());
    }
    waits.sort();
    assert!(waits[waits.len() / 2] < Duration::from_secs(1), "{waits:?}");
    for (started, peer) in peers {
        let said = peer.closed().await;
        if started == good.len() - 1 {
            assert!(said.starts_with("HTTP/1.1 408 ") && said.matches("HTTP/1.1").count() == 1, "{said}");
        } else {
            assert_eq!(said, "", "{started} bytes were sent");
        }
    }
    let all_closed = async {
        while world.ingress().open_files().unwrap() > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_closed).await.expect("the sockets are given back");
    assert_eq!(world.stored().await, 11);
    assert_serves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_meanings_or_none_gets_one_answer_at_most_and_nothing_behind_it_is_heard() {
    // Some wait for what never comes.
    let world = ingress("[ingress]\nbody_timeout_seconds = 1").await;
    let hidden = String::from_utf8(signed("pull_request", &real())).unwrap();
    let line = "POST /webhooks/github HTTP/1.1\r\nHost: h\r\nX-GitHub-Event: ping";
    let (json, empty) = (signature(b"{}"), signature(b""));
    let chunked = format!("{line}\r\nTransfer-Encoding: chunked");
    let long = 5 + hidden.len();
    for (what, raw) in [
        ("lengths differ", format!("{line}\r\nContent-Length: 2\r\nContent-Length: 9\r\n{json}\r\n\r\n{{}}{hidden}")),
        ("a list of lengths", format!("{line}\r\nContent-Length: 2, 9\r\n{json}\r\n\r\n{{}}{hidden}")),
        ("a negative length", format!("{line}\r\nContent-Length: -2\r\n{json}\r\n\r\n{{}}{hidden}")),
        ("a hexadecimal length", format!("{line}\r\nContent-Length: 0x2\r\n{json}\r\n\r\n{{}}{hidden}")),
        (
            "a length beyond 64 bits",
            format!("{line}\r\nContent-Length: 18446744073709551618\r\n{json}\r\n\r\n{{}}{hidden}"),
        ),
        (
            "length, then chunked",
            format!(
                "{line}\r\nContent-Length: {long}\r\nTransfer-Encoding: chunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        ("chunked, then length", format!("{chunked}\r\nContent-Length: {long}\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}")),
        ("chunked twice", format!("{chunked}\r\nTransfer-Encoding: chunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}")),
        ("chunked, then identity", format!("{chunked}, identity\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}")),
        (
            "a tab before chunked",
            format!("{line}\r\nTransfer-Encoding:\x0bchunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a folded header",
            format!("{line}\r\nX-Folded: a\r\n Content-Length: 9\r\nContent-Length: 2\r\n{json}\r\n\r\n{{}}{hidden}"),
        ),
        ("a folded encoding", format!("{line}\r\nTransfer-Encoding:\r\n chunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}")),
        ("a space before the colon", format!("{line}\r\nContent-Length : 2\r\n{json}\r\n\r\n{{}}{hidden}")),
        (
            "a header hidden by a bare line feed",
            format!("{line}\r\nX: a\nContent-Length: 0\r\nContent-Length: 2\r\n{json}\r\n\r\n{{}}{hidden}"),
        ),
        (
            "a header hidden by a bare carriage return",
            format!("{line}\r\nX: a\rContent-Length: 0\r\nContent-Length: 2\r\n{json}\r\n\r\n{{}}{hidden}"),
        ),
        ("a chunk ended by a bare line feed", format!("{chunked}\r\n{json}\r\n\r\n2\n{{}}\r\n0\r\n\r\n{hidden}")),
        ("a chunk extension", format!("{chunked}\r\n{json}\r\n\r\n2;a=\"b\"\r\n{{}}\r\n0\r\n\r\n{hidden}")),
        (
            "a chunk extension with a line feed",
            format!("{chunked}\r\n{json}\r\n\r\n2;a\nb\r\n{{}}\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a chunk extension without an end",
            format!("{chunked}\r\n{json}\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n{hidden}", "x".repeat(1 << 20)),
        ),
        (
            "trailers without an end",
            format!("{chunked}\r\n{json}\r\n\r\n2\r\n{{}}\r\n0\r\n{}\r\n{hidden}", "X: y\r\n".repeat(1 << 16)),
        ),
        ("a chunk of 2^64", format!("{chunked}\r\n{empty}\r\n\r\n10000000000000000\r\n{hidden}")),
        ("a chunk of 2^64 - 1", format!("{chunked}\r\n{empty}\r\n\r\nffffffffffffffff\r\n{hidden}")),
        ("a negative chunk", format!("{chunked}\r\n{empty}\r\n\r\n-1\r\n{hidden}")),
        ("a chunk shorter than it says", format!("{chunked}\r\n{json}\r\n\r\n2\r\n{{\r\n0\r\n\r\n{hidden}")),
        ("a refused one, and one behind it", format!("{line}\r\nContent-Length: 2\r\n{empty}\r\n\r\n{{}}{hidden}")),
        (
            "a form, and one behind it",
            format!(
                "{line}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n{json}\r\n\r\n{{}}{hidden}"
            ),
        ),
        (
            "another path, and one behind it",
            format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{{}}{hidden}"),
        ),
        ("no HTTP at all", format!("\u{16}\u{3}\u{1}\r\n\r\n{hidden}")),
    ] {
        let mut peer = Peer::connect(world.address()).await;
        peer.write(raw.as_bytes()).await;
        let said = peer.closed().await;
        assert!(said.matches("HTTP/1.").count() <= 1, "{what}: {said}");
        assert!(!said.contains(" 202 "), "{what}: {said}");
        assert_eq!(world.stored().await, 0, "{what}");
    }
    // Two that each have one meaning are two.
    let mut peer = Peer::connect(world.address()).await;
    peer.write(format!("{hidden}{hidden}").as_bytes()).await;
    assert_eq!((peer.reply().await.unwrap().status, peer.reply().await.unwrap().status), (202, 202));
    assert_serves(&world).await;
}
