//! What each fuzz target does with any bytes at all. Here, and not in `fuzz/`, so that the corpus and every input that once broke
//! something are also replayed by the ordinary tests, which know neither cargo-fuzz nor a nightly compiler.
//!
//! A target panics if an input breaks a promise; it never reads a clock or a file, and never calls chance.

mod chunked;
mod decoding;
mod filters;
mod front;
mod journals;
mod patterns;
mod policies;
mod reading;
mod saml;
mod selecting;
mod signing;
mod watching;

pub use chunked::chunked_body;
pub use decoding::{
    Service, decode_cbor, decode_ec2, decode_json, decode_query, decode_rest_json, decode_rest_xml, services,
};
pub use filters::filter_policy;
pub use front::{http_front, signed_calls};
pub use journals::journal_recovery;
pub use patterns::filter_pattern;
pub use policies::policy_document;
pub use reading::{digest_reader, record_reader};
pub use saml::saml_response;
pub use selecting::event_selectors;
pub use signing::signature;
pub use watching::{alarm_rule, dashboard_body, log_chunk, metric_block, metric_math};

/// What a target does with an input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their files in `fuzz/fuzz_targets`.
pub const TARGETS: &[(&str, Target)] = &[
    ("alarm_rule", alarm_rule),
    ("chunked_body", chunked_body),
    ("dashboard_body", dashboard_body),
    ("decode_cbor", decode_cbor),
    ("decode_ec2", decode_ec2),
    ("decode_json", decode_json),
    ("decode_query", decode_query),
    ("decode_rest_json", decode_rest_json),
    ("decode_rest_xml", decode_rest_xml),
    ("digest_reader", digest_reader),
    ("event_selectors", event_selectors),
    ("filter_pattern", filter_pattern),
    ("filter_policy", filter_policy),
    ("http_front", http_front),
    ("journal_recovery", journal_recovery),
    ("log_chunk", log_chunk),
    ("metric_block", metric_block),
    ("metric_math", metric_math),
    ("policy_document", policy_document),
    ("record_reader", record_reader),
    ("saml_response", saml_response),
    ("signature", signature),
    ("signed_calls", signed_calls),
];
