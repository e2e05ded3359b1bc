use eco_coder_shared::ids::{PullNumber, RepoId};
use futures_util::future::join_all;

use super::*;

fn target() -> Target {
    Target {
        repository: "o/r".parse().unwrap(),
        repository_id: RepoId(1),
        pull_request: PullNumber::try_from(1).unwrap(),
        head_sha: "a".repeat(40).parse().unwrap(),
        merge_base_sha: "b".repeat(40).parse().unwrap(),
    }
}

/// An engine with one file of these bytes.
fn engine(bytes: &[u8]) -> (tempfile::TempDir, ProfileFiles) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cpu.folded");
    std::fs::write(&path, bytes).unwrap();
    (dir, ProfileFiles::new(Place::Files { head: path, base: None }, Some(10.0)).unwrap())
}

#[tokio::test]
async fn profiles_are_read_one_at_a_time_in_turns() {
    let (_dir, profiles) = engine(b"main;f 100\n");
    assert_eq!(profiles.reader.threads(), 1);
    let target = target();
    let reads = join_all((0..50).map(|_| profiles.profile(&target, None))).await;
    assert!(reads.into_iter().all(|read| read.unwrap().unwrap().profile.samples == 100));
}

#[tokio::test]
async fn a_file_is_read_up_to_the_bound_and_refused_one_past_it() {
    for (bytes, is_read) in [(1000, true), (1001, false)] {
        let line = b"main;f 1\n";
        let padding = bytes - line.len();
        let (_dir, mut profiles) = engine(&[vec![b'\n'; padding], line.to_vec()].concat());
        profiles.limits.max_input_bytes = 1000;
        let answer = profiles.profile(&target(), None).await;
        assert_eq!(answer.is_ok(), is_read, "{answer:?}");
        assert!(answer.is_ok() || answer.unwrap_err().for_model.contains("more than 1000 bytes"));
    }
}
