//! Replays what the fuzzer found worth keeping: the corpus of each target, and every input that once broke something.
#![allow(clippy::disallowed_methods, reason = "reads the corpus that lies beside the code")]

use std::path::{Path, PathBuf};

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listing.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
}

fn replay(name: &str) {
    let (_, target) = fuzzing::TARGETS.iter().find(|(target, _)| *target == name).expect("a target of this name");
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let corpus = inputs(&fuzz.join("corpus").join(name));
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for path in corpus.into_iter().chain(inputs(&fuzz.join("regressions").join(name))) {
        eprintln!("{}", path.display()); // seen only if it fails: the last one is the culprit
        target(&std::fs::read(&path).expect("a file"));
    }
    for nothing in [&[][..], &[0], &[0, 0], &[0xff; 70]] {
        target(nothing);
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_replayed_and_has_a_file() {
            let names: Vec<&str> = fuzzing::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
            let files: Vec<String> = inputs(&targets).iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
            assert_eq!(files, names);
        }
    };
}

replays! {
    alarm_rule chunked_body dashboard_body decode_cbor decode_ec2 decode_json decode_query decode_rest_json decode_rest_xml digest_reader
    event_selectors filter_pattern filter_policy http_front journal_recovery log_chunk metric_block metric_math policy_document record_reader
    saml_response signature signed_calls
}
