//! The crate's source as a graph: which file uses an item of which other file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Ident, Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// A module's place in the crate: `["roster", "subject"]`. The crate's root is empty.
pub(crate) type ModulePath = Vec<String>;

/// Re-exports that a path may pass through before the test gives up on it.
const HOPS_MAX: usize = 32;

/// One module: a file, or a `mod name { … }` in one.
#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    /// The names of the items that it defines, its child modules apart.
    items: BTreeSet<String>,
    /// What it imports, by the name that the import has here.
    imports: BTreeMap<String, Vec<String>>,
    /// Modules of which it imports everything.
    globs: Vec<Vec<String>>,
    /// Each path that it uses, other than to re-export what it names.
    uses: BTreeSet<Vec<String>>,
}

/// All modules of one crate, its unit tests left out.
#[derive(Debug, Default)]
pub(crate) struct Source {
    modules: BTreeMap<ModulePath, Module>,
}

/// An item that one file uses of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    /// The module that uses the item, and its file.
    pub(crate) from: ModulePath,
    pub(crate) from_file: PathBuf,
    /// The module that defines the item, and its file.
    pub(crate) to: ModulePath,
    pub(crate) to_file: PathBuf,
}

impl Source {
    /// Reads the crate whose root is `root/lib.rs`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut source = Self::default();
        source.read_file(root, &root.join("lib.rs"), Vec::new());
        source
    }

    /// A crate of these modules, path and text of each, in a file of its own.
    pub(crate) fn of<'a>(modules: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut source = Self::default();
        source.add(Path::new(""), Path::new("lib.rs"), Vec::new(), "");
        for (path, text) in modules {
            let path: ModulePath = path.split("::").map(str::to_owned).collect();
            let file = PathBuf::from(path.join("/")).with_extension("rs");
            source.add(Path::new(""), &file, path, text);
        }
        source
    }

    fn read_file(&mut self, root: &Path, file: &Path, path: ModulePath) {
        let text = fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        for child in self.add(root, file, path, &text) {
            let base: PathBuf = child.iter().collect();
            let flat = root.join(&base).with_extension("rs");
            let file = if flat.exists() {
                flat
            } else {
                root.join(&base).join("mod.rs")
            };
            self.read_file(root, &file, child);
        }
    }

    /// Adds a module; returns its child modules that have files of their own.
    fn add(&mut self, root: &Path, file: &Path, path: ModulePath, text: &str) -> Vec<ModulePath> {
        let parsed = syn::parse_file(text)
            .unwrap_or_else(|error| panic!("cannot parse {}: {error}", file.display()));
        let file = file.strip_prefix(root).unwrap_or(file).to_owned();
        let mut children = Vec::new();
        self.add_items(&file, path, &parsed.items, &mut children);
        children
    }

    fn add_items(
        &mut self,
        file: &Path,
        path: ModulePath,
        items: &[Item],
        children: &mut Vec<ModulePath>,
    ) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            match item {
                Item::Mod(ItemMod { ident, content, .. }) => {
                    let child = child_of(&path, ident);
                    match content {
                        Some((_, items)) => self.add_items(file, child, items, children),
                        None => children.push(child),
                    }
                }
                Item::Use(item) => module.add_use(item),
                _ => {
                    module.items.extend(name(item).map(Ident::to_string));
                    Paths(&mut module.uses).visit_item(item);
                }
            }
        }
        self.modules.insert(path, module);
    }

    /// Each use of another file's item.
    pub(crate) fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (path, module) in &self.modules {
            for used in &module.uses {
                let Some(to) = self.resolve(path, used, HOPS_MAX) else {
                    continue;
                };
                let to_file = &self.modules[&to].file;
                if *to_file != module.file {
                    arrows.insert(Arrow {
                        from: path.clone(),
                        from_file: module.file.clone(),
                        to: to.clone(),
                        to_file: to_file.clone(),
                    });
                }
            }
        }
        arrows
    }

    /// The module that defines what `used` names in the module `from`; `None` if that
    /// is of another crate, or the path names a module and no item.
    fn resolve(&self, from: &[String], used: &[String], hops: usize) -> Option<ModulePath> {
        let hops = hops.checked_sub(1)?;
        let (mut at, mut rest) = match used.split_first()? {
            (first, rest) if first == "crate" => (Vec::new(), rest),
            (first, rest) if first == "self" => (from.to_vec(), rest),
            (first, rest) if first == "super" => (from.split_last()?.1.to_vec(), rest),
            _ => (from.to_vec(), used),
        };
        while let Some((segment, after)) = rest.split_first() {
            if segment == "super" {
                at.pop()?;
                rest = after;
                continue;
            }
            let child = [&*at, std::slice::from_ref(segment)].concat();
            let module = self.modules.get(&at)?;
            if self.modules.contains_key(&child) {
                at = child;
                rest = after;
            } else if module.items.contains(segment) {
                return Some(at);
            } else if let Some(target) = module.imports.get(segment) {
                let target = [target, after].concat();
                return self.resolve(&at, &target, hops);
            } else {
                let mut globs = module.globs.iter().map(|glob| [glob, rest].concat());
                let through_glob = globs.find_map(|target| self.resolve(&at, &target, hops));
                // A macro may have defined it there, as generated code does.
                let is_module_named = rest.len() < used.len();
                return through_glob.or_else(|| is_module_named.then_some(at));
            }
        }
        None
    }

    /// The other crates that a module imports from, by the names that its code uses.
    pub(crate) fn crates(&self) -> BTreeSet<(ModulePath, String)> {
        let modules = self.modules.iter();
        let imports = modules.flat_map(|(path, module)| {
            let firsts = module
                .imports
                .values()
                .chain(&module.globs)
                .filter_map(|path| path.first());
            firsts.map(move |first| (path.clone(), first.clone()))
        });
        let is_local = |path: &ModulePath, name: &String| {
            matches!(&**name, "crate" | "self" | "super")
                || self
                    .modules
                    .contains_key(&[&**path, std::slice::from_ref(name)].concat())
        };
        imports
            .filter(|(path, name)| !is_local(path, name))
            .collect()
    }
}

impl Module {
    fn add_use(&mut self, item: &ItemUse) {
        let is_public = !matches!(item.vis, Visibility::Inherited);
        self.add_tree(&item.tree, &mut Vec::new(), is_public);
    }

    fn add_tree(&mut self, tree: &UseTree, prefix: &mut Vec<String>, is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_tree(&path.tree, prefix, is_public);
                prefix.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, prefix, is_public);
                }
            }
            UseTree::Glob(_) => self.globs.push(prefix.clone()),
            UseTree::Name(name) => self.add_import(&name.ident, &name.ident, prefix, is_public),
            UseTree::Rename(rename) => {
                self.add_import(&rename.ident, &rename.rename, prefix, is_public)
            }
        }
    }

    fn add_import(&mut self, name: &Ident, here: &Ident, prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut here = here.to_string();
        if name == "self" {
            if here == "self" {
                here = prefix.last().cloned().unwrap_or_default();
            }
        } else {
            path.push(name.to_string());
        }
        // A module that only shows an item of its child does not use it. If it uses it
        // as well, its code names it, which counts.
        if !is_public {
            self.uses.insert(path.clone());
        }
        self.imports.insert(here, path);
    }
}

/// Collects the paths in code.
struct Paths<'a>(&'a mut BTreeSet<Vec<String>>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.0.insert(segments.collect());
        visit::visit_path(self, path);
    }

    // What a macro is given is no syntax yet: only paths that begin with `crate` are read.
    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        let text = invocation.tokens.to_string().replace(" :: ", "::");
        let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let words = text.split(|c| !is_of_path(c));
        let paths = words.filter(|word| word.starts_with("crate::"));
        self.0
            .extend(paths.map(|path| path.split("::").map(str::to_owned).collect()));
        visit::visit_macro(self, invocation);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut inner = Module::default();
        inner.add_use(item);
        self.0.extend(inner.uses);
    }
}

fn child_of(path: &[String], name: &Ident) -> ModulePath {
    [path, &[name.to_string()]].concat()
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<&Ident> {
    Some(match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    })
}
