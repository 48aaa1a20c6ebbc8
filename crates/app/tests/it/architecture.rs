//! The crates depend on each other as the architecture says, and each keeps the rules that newcomers look for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Who may name whom: data plane, control plane, and the binary on top.
const TABLE: [(&str, &[&str]); 14] = [
    ("claviger-model", &[]),
    ("claviger-verify", &["claviger-model"]),
    ("claviger-layer", &[]),
    ("claviger-judge", &["claviger-model", "claviger-verify", "claviger-layer"]),
    ("claviger-gateway", &["claviger-model", "claviger-verify", "claviger-judge"]),
    ("claviger-counters", &["claviger-model", "claviger-verify"]),
    ("claviger-hashes", &["claviger-model", "claviger-verify"]),
    ("claviger-store", &["claviger-model", "claviger-verify"]),
    ("claviger-manage", &["claviger-model", "claviger-verify", "claviger-store"]),
    ("claviger-api", &["claviger-model", "claviger-verify", "claviger-judge", "claviger-manage"]),
    ("claviger-oauth", &["claviger-model", "claviger-judge", "claviger-manage"]),
    ("claviger-dashboard", &["claviger-model", "claviger-verify", "claviger-judge", "claviger-manage"]),
    (
        "claviger",
        &[
            "claviger-model",
            "claviger-verify",
            "claviger-judge",
            "claviger-gateway",
            "claviger-counters",
            "claviger-hashes",
            "claviger-store",
            "claviger-manage",
            "claviger-api",
            "claviger-oauth",
            "claviger-dashboard",
        ],
    ),
    ("claviger-testkit", &["claviger-model", "claviger-verify"]),
];

/// Longest source file, in lines.
const FILE_MAX: usize = 700;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "misc", "core"];

static METADATA: LazyLock<Metadata> =
    LazyLock::new(|| MetadataCommand::new().exec().expect("cargo tells about the workspace"));

fn ours() -> BTreeMap<&'static str, &'static Package> {
    METADATA.workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect()
}

/// Everything that is compiled into what depends on `of`, for this machine or any other.
fn reachable(of: &str) -> BTreeSet<&'static str> {
    let resolve = METADATA.resolve.as_ref().expect("cargo resolves the workspace");
    let (mut seen, mut open) = (BTreeSet::new(), vec![ours()[of].id.clone()]);
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).expect("every package has a node");
        let kept = node
            .deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        for dep in kept {
            if seen.insert(METADATA[&dep.pkg].name.as_str()) {
                open.push(dep.pkg.clone());
            }
        }
    }
    seen
}

fn sources(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).expect("the workspace can be read") {
        let path = entry.expect("the workspace can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(METADATA.workspace_root.join("crates").as_std_path(), &mut found);
    assert!(found.len() > 100, "the sources were found");
    found
}

#[test]
fn crates_name_only_those_that_the_table_lets_them() {
    let ours = ours();
    assert_eq!(ours.keys().copied().collect::<BTreeSet<_>>(), TABLE.iter().map(|(name, _)| *name).collect());
    for (name, allowed) in TABLE {
        for dependency in ours[name].dependencies.iter().filter(|dep| ours.contains_key(dep.name.as_str())) {
            let named = dependency.name.as_str();
            let for_tests = named == "claviger-testkit" || (name, named) == ("claviger", "claviger-layer");
            let tested_with = dependency.kind == DependencyKind::Development && for_tests;
            assert!(tested_with || allowed.contains(&named), "{name} names {named}");
        }
    }
}

#[test]
fn the_testkit_is_in_no_program() {
    for name in ours().keys() {
        assert!(!reachable(name).contains("claviger-testkit"), "{name}");
    }
}

#[test]
fn the_data_plane_knows_no_database_and_no_change() {
    for plane in ["claviger-model", "claviger-verify", "claviger-judge", "claviger-gateway"] {
        let reached = reachable(plane);
        for control in [
            "claviger-store",
            "claviger-manage",
            "claviger-api",
            "rusqlite",
            "libsqlite3-sys",
            "tokio-postgres",
        ] {
            assert!(!reached.contains(control), "{plane} reaches {control}");
        }
    }
}

#[test]
fn only_the_store_names_a_database() {
    for (name, package) in ours() {
        let names_one =
            package.dependencies.iter().any(|dep| ["rusqlite", "tokio-postgres"].contains(&&*dep.name));
        assert!(!names_one || name == "claviger-store", "{name}");
    }
}

#[test]
fn what_is_embedded_compiles_without_c() {
    let reached: BTreeSet<_> = ["claviger-layer", "claviger-judge"].into_iter().flat_map(reachable).collect();
    for package in METADATA.packages.iter().filter(|package| reached.contains(package.name.as_str())) {
        let compiles_c = |name: &str| ["cc", "cmake", "bindgen"].contains(&name);
        let of_c = package
            .dependencies
            .iter()
            .find(|dep| dep.kind == DependencyKind::Build && compiles_c(&dep.name));
        assert!(of_c.is_none(), "{} compiles C", package.name);
    }
}

#[test]
fn the_layer_can_be_published_and_brings_little() {
    let layer = ours()["claviger-layer"];
    assert_eq!(layer.publish, None, "it may be published");
    let always = layer.dependencies.iter().filter(|dep| dep.kind == DependencyKind::Normal && !dep.optional);
    let mut always: Vec<_> = always.map(|dep| dep.name.as_str()).collect();
    always.sort_unstable();
    // What is added here is compiled into the services of others.
    let agreed = [
        "base64",
        "bytes",
        "http",
        "http-body",
        "http-body-util",
        "ipnet",
        "serde",
        "serde_json",
        "thiserror",
        "tokio",
        "tower-layer",
        "tower-service",
        "tracing",
        "zeroize",
    ];
    assert_eq!(always, agreed);
}

#[test]
fn the_model_is_pure() {
    let reached = reachable("claviger-model");
    for of_the_world in ["tokio", "hyper", "http", "getrandom", "tracing", "rustix", "async-trait"] {
        assert!(!reached.contains(of_the_world), "{of_the_world}");
    }
}

#[test]
fn every_crate_has_the_licence_and_the_lints_of_the_workspace() {
    for (name, package) in ours() {
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{name}");
        assert!(package.description.is_some(), "{name}");
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{name}");
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(METADATA.workspace_root.join(licence).is_file(), "{licence}");
    }
}

#[test]
fn files_are_short_and_their_names_say_something() {
    for path in all_sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FILE_MAX, "{} has {lines} lines", path.display());
        let stems = path.iter().filter_map(|part| part.to_str()).map(|part| part.trim_end_matches(".rs"));
        for stem in stems {
            assert!(!EMPTY_NAMES.contains(&stem), "{}", path.display());
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in all_sources().iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("//! "), "{}", path.display());
    }
}

#[test]
fn time_and_chance_enter_at_one_place() {
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let lifted = concat!("clippy::", "disallowed_methods");
        let in_a_product =
            path.iter().any(|part| part == "src") && !path.iter().any(|part| part == "testkit");
        let permitted = !in_a_product || path.ends_with("app/src/system.rs");
        assert!(permitted || !text.contains(lifted), "{}", path.display());
    }
}
