//! Data flows one way, and the imports show it: the source is held to the table of
//! CONTRIBUTING, and no two files import each other in a circle.
//!
//! Unit tests are left out, since they may use what they like.

mod source;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use self::{
    source::{Arrow, Source},
    table::Table,
};

/// Crates that a module may import only if its row names them, so that most modules do not
/// depend on protobuf, HTTP or TLS.
const GUARDED_CRATES: [&str; 12] = [
    "axum",
    "headcount_client",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "prost",
    "redb",
    "rustls",
    "tokio_rustls",
    "tonic",
    "tower",
    "x509_parser",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn modules_import_what_contributing_says() {
    let contributing = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let table = table::read(&contributing);
    let source = Source::read(&root().join("src"));
    let forbidden = forbidden(&source, &table);
    assert!(
        forbidden.is_empty(),
        "forbidden imports:\n{}",
        forbidden.join("\n")
    );
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let arrows = Source::read(&root().join("src")).arrows();
    let circle = circle(&arrows);
    assert!(
        circle.is_empty(),
        "these files import each other in a circle: {circle:?}"
    );
}

#[test]
fn every_row_of_the_table_is_a_module() {
    let contributing = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for module in table::read(&contributing).keys() {
        let folder = root().join("src").join(module);
        assert!(
            folder.exists() || folder.with_extension("rs").exists(),
            "src/{module}"
        );
    }
}

/// Each import between top modules, or of a guarded crate, that no row allows.
fn forbidden(source: &Source, table: &Table) -> Vec<String> {
    let is_allowed = |from: &str, to: &str| table.get(from).is_some_and(|row| row.contains(to));
    let mut forbidden = Vec::new();
    for arrow in source.arrows() {
        // The crate's root has no code: it lists the modules.
        if let (Some(from), Some(to)) = (arrow.from.first(), arrow.to.first())
            && from != to
            && !is_allowed(from, to)
        {
            let (from_file, to_file) = (arrow.from_file.display(), arrow.to_file.display());
            forbidden.push(format!(
                "{from} imports {to}: {from_file} uses an item of {to_file}"
            ));
        }
    }
    for (module, name) in source.crates() {
        if let Some(from) = module.first()
            && GUARDED_CRATES.contains(&&*name)
            && !is_allowed(from, &name)
        {
            forbidden.push(format!(
                "{from} imports the crate {name}: {}",
                module.join("::")
            ));
        }
    }
    forbidden
}

/// Files that import each other in a circle, if any do. A module and those within it
/// are one family: they may use each other's items.
fn circle(arrows: &BTreeSet<Arrow>) -> Vec<PathBuf> {
    let mut imports: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for arrow in arrows {
        let is_family = arrow.from.starts_with(&arrow.to) || arrow.to.starts_with(&arrow.from);
        if !is_family {
            let (from, to) = (&*arrow.from_file, &*arrow.to_file);
            imports.entry(from).or_default().insert(to);
        }
    }
    // Takes away every file that imports none of those left, until a circle is left or
    // nothing.
    loop {
        let left: BTreeSet<_> = imports.keys().copied().collect();
        let before = left.len();
        imports.retain(|_, to| to.iter().any(|to| left.contains(to)));
        if imports.len() == before {
            return on_the_way_round(&imports);
        }
    }
}

/// Follows imports, each of which leads to one that is left, until a file comes again.
fn on_the_way_round(imports: &BTreeMap<&Path, BTreeSet<&Path>>) -> Vec<PathBuf> {
    let mut way: Vec<&Path> = Vec::new();
    let mut next = imports.keys().next().copied();
    while let Some(file) = next {
        if let Some(first) = way.iter().position(|passed| *passed == file) {
            return way[first..].iter().map(|file| file.to_path_buf()).collect();
        }
        way.push(file);
        next = imports[file]
            .iter()
            .find(|to| imports.contains_key(*to))
            .copied();
    }
    Vec::new()
}

mod planted {
    use super::*;

    fn table() -> Table {
        table::read(
            "### Allowed imports\n\n| module | may import | because |\n| --- | --- | --- |\n\
             | `domain` | nothing | |\n| `roster`, `grpc` | `domain` | |\n| `grpc` | `domain`, `roster`, `tonic` | |\n",
        )
    }

    const DOMAIN: (&str, &str) = (
        "domain",
        "pub struct Time; pub mod inner { pub struct Id; }",
    );

    #[test]
    fn what_the_table_allows_is_allowed() {
        let source = Source::of([
            DOMAIN,
            (
                "roster",
                "use crate::domain::Time; pub struct Roster(Time);",
            ),
            (
                "grpc",
                "use tonic::Status; use crate::{domain::inner, roster::Roster}; fn f(_: inner::Id) {}",
            ),
        ]);
        assert_eq!(forbidden(&source, &table()), [""; 0]);
        assert!(!source.arrows().is_empty());
    }

    #[test]
    fn a_forbidden_import_is_found_in_each_spelling() {
        let spellings = [
            "use crate::grpc::Service;",
            "use crate::{domain::Time, grpc::{self, Service as It}};",
            "use super::grpc::Service;",
            "fn f() { let _ = crate::grpc::Service; }",
            "use crate::grpc; fn f() -> grpc::Service { grpc::Service }",
            "use crate::grpc::*; fn f() -> Service { Service }",
            "fn f() { println!(\"{}\", crate::grpc::NAME); }",
            "mod inner { use crate::grpc::Service; }",
            "fn f() { use crate::grpc::Service; }",
            "use tonic::Status;",
        ];
        for spelling in spellings {
            let source = Source::of([
                DOMAIN,
                ("grpc", "pub struct Service; pub const NAME: &str = \"\";"),
                ("roster", spelling),
            ]);
            assert_eq!(forbidden(&source, &table()).len(), 1, "{spelling}");
        }
    }

    #[test]
    fn unit_tests_may_import_what_they_like() {
        let source = Source::of([
            ("grpc", "pub struct Service;"),
            (
                "roster",
                "#[cfg(test)] mod tests { use crate::grpc::Service; }",
            ),
        ]);
        assert_eq!(forbidden(&source, &table()), [""; 0]);
    }

    #[test]
    fn a_circle_is_found_behind_a_re_export() {
        let modules = |last| {
            Source::of([
                (
                    "roster",
                    "mod table; mod bell; mod feed; pub use self::bell::Bell;",
                ),
                (
                    "roster::table",
                    "use super::feed::Feed; pub struct Table(Feed);",
                ),
                (
                    "roster::feed",
                    "use crate::roster::Bell; pub struct Feed(Bell);",
                ),
                ("roster::bell", last),
            ])
        };
        let round = circle(&modules("use super::table::Table; pub struct Bell(Table);").arrows());
        assert_eq!(round.len(), 3, "{round:?}");
        let round = circle(&modules("pub struct Bell;").arrows());
        assert!(round.is_empty(), "{round:?}");
    }
}
