//! Lists `models/` for the catalog, so that a new model needs no entry anywhere.

#![allow(clippy::disallowed_methods, reason = "a build script reads the source tree")]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let folder = Path::new(&here).join("../../models");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut models = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder models/ is part of the source") {
        let path = entry.expect("a folder of the source tree can be read").path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let name = file.strip_suffix(".json.gz").or(file.strip_suffix(".json"));
        if let Some(name) = name.filter(|name| *name != "index") {
            models.push((name.to_owned(), path));
        }
    }
    models.sort();
    let mut code = String::from("&[\n");
    for (name, path) in &models {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").expect("writing to a string does not fail");
    }
    code.push(']');
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("models.rs"), code).expect("cargo made the folder");
}
