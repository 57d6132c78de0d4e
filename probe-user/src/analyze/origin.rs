//! Who wrote the code of a source file: the runtime, the standard library, a generator, or the user.
//!
//! Files decide, not names: linkname pushes bodies such as `time.newTimer` and `sync.runtime_Semacquire`
//! from files of package runtime into other packages.

use super::BuildInfo;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    Runtime,
    /// The standard library, what it vendors included.
    Standard,
    /// Wrappers of the compiler and of cgo, test mains, and what has no line at all.
    Generated,
    User,
}

/// What tells the files of this binary apart.
#[derive(Debug)]
pub(super) struct OriginRules {
    /// What precedes `runtime/proc.go`; empty with `-trimpath`, `None` if that file is unknown.
    root: Option<String>,
    /// Import paths of the modules that are not the standard library's.
    modules: Vec<String>,
    /// What is in the paths of the main module's files where they lie in the module cache, as they are when it was built
    /// by `go install`; as they are with `-trimpath`, too.
    main: Option<[String; 2]>,
    /// Whether [`EXTENSIONS`] are somebody else's code, and not what is looked at.
    extends_library: bool,
}

/// What nobody edits who uses it, as little as the standard library: `errgroup`, `singleflight`, `semaphore`.
const EXTENSIONS: [&str; 2] = ["golang.org/x/sync@", "/vendor/golang.org/x/sync/"];

/// Directories below `runtime/` that hold packages of their own for users of the runtime.
const NOT_RUNTIME: &[&str] = &[
    "runtime/coverage/",
    "runtime/debug/",
    "runtime/metrics/",
    "runtime/pprof/",
    "runtime/secret/",
    "runtime/trace/",
];

/// Packages of the standard library in which goroutines wait for each other or for the kernel.
const WAIT: &[&str] = &[
    "internal/poll/",
    "internal/sync/",
    "internal/syscall/",
    "sync/",
    "syscall/",
];

impl OriginRules {
    /// `scheduler_file` is the source file of `runtime.main`.
    pub(super) fn new(scheduler_file: Option<&str>, build_info: &BuildInfo) -> Self {
        let mut modules = build_info.deps.clone();
        match (&build_info.module, &build_info.path) {
            (Some(module), _) => modules.push(module.clone()),
            // Without modules all of the user's packages are below GOPATH; the first element tells most.
            (None, Some(path)) => modules.extend(path.split('/').next().map(str::to_owned)),
            (None, None) => {}
        }
        modules.push("command-line-arguments".into());
        modules.push("main".into());
        let of_module = |module: &String| module == "golang.org/x/sync";
        Self {
            extends_library: !build_info.module.iter().any(of_module),
            root: scheduler_file
                .and_then(|file| file.strip_suffix("runtime/proc.go"))
                .map(str::to_owned),
            modules,
            main: (build_info.module.as_deref())
                .map(|module| [format!("{module}@"), format!("{}@", escaped(module))]),
        }
    }

    /// Returns whether a file is of a module that is not the program's own, which is in the module cache or vendored. A
    /// module that is replaced by a directory is the program's own.
    pub(super) fn is_others(&self, file: &str) -> bool {
        let Some(main) = &self.main else {
            return false;
        };
        let is_main = main.iter().any(|path| file.contains(path));
        !is_main && (file.contains("@v") || file.contains("/vendor/"))
    }

    /// Returns whether a file of the standard library is of a package whose functions wait for something.
    pub(super) fn may_wait(&self, file: &str) -> bool {
        let below = (self.root.as_deref()).and_then(|root| file.strip_prefix(root));
        below.is_some_and(|path| WAIT.iter().any(|package| path.starts_with(package)))
    }

    pub(super) fn is_known(&self) -> bool {
        self.root.is_some()
    }

    pub(super) fn trims_paths(&self) -> bool {
        self.root.as_deref() == Some("")
    }

    pub(super) fn origin(&self, file: &str) -> Origin {
        if is_generated(file) {
            return Origin::Generated;
        }
        if self.extends_library && EXTENSIONS.iter().any(|module| file.contains(module)) {
            return Origin::Standard;
        }
        let below = self
            .root
            .as_deref()
            .and_then(|root| file.strip_prefix(root));
        let Some(path) = below else {
            return Origin::User;
        };
        if self.trims_paths() && !self.is_standard(path) || path.starts_with("cmd/") {
            Origin::User
        } else if is_runtime(path) {
            Origin::Runtime
        } else {
            Origin::Standard
        }
    }

    /// Tells packages of the standard library in a binary built with `-trimpath`, where the paths of all
    /// files start with an import path.
    fn is_standard(&self, path: &str) -> bool {
        let Some((first, _)) = path.split_once('/') else {
            return false;
        };
        let below = |module: &String| {
            path.strip_prefix(module.as_str())
                .is_some_and(|rest| rest.starts_with('/') || rest.starts_with('@'))
        };
        !first.is_empty() && !first.contains(['.', '@', '_']) && !self.modules.iter().any(below)
    }
}

/// Returns a module's path as directories of the module cache are named (golang.org/x/mod/module `EscapePath`).
fn escaped(module: &str) -> String {
    let mut escaped = String::new();
    for char in module.chars() {
        if char.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(char.to_ascii_lowercase());
    }
    escaped
}

fn is_runtime(path: &str) -> bool {
    (path.starts_with("runtime/") || path.starts_with("internal/runtime/"))
        && !NOT_RUNTIME.iter().any(|package| path.starts_with(package))
}

fn is_generated(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(
        name,
        "?" | "<autogenerated>"
            | "_cgo_gotypes.go"
            | "_cgo_import.go"
            | "_cgo_export.c"
            | "_testmain.go"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(scheduler_file: &str, module: Option<&str>, path: &str, deps: &[&str]) -> OriginRules {
        let build_info = BuildInfo {
            module: module.map(str::to_owned),
            path: Some(path.to_owned()),
            deps: deps.iter().map(|&dep| dep.to_owned()).collect(),
            ..BuildInfo::default()
        };
        OriginRules::new(Some(scheduler_file), &build_info)
    }

    #[test]
    fn files_below_goroot_are_told_by_package() {
        let rules = rules(
            "/go/src/runtime/proc.go",
            Some("example.com/a"),
            "example.com/a",
            &[],
        );
        for (file, origin) in [
            ("/go/src/runtime/sema.go", Origin::Runtime),
            ("/go/src/runtime/debug.go", Origin::Runtime),
            ("/go/src/runtime/cgo/callbacks.go", Origin::Runtime),
            ("/go/src/runtime/internal/atomic/types.go", Origin::Runtime),
            ("/go/src/internal/runtime/maps/table.go", Origin::Runtime),
            ("/go/src/runtime/debug/stack.go", Origin::Standard),
            ("/go/src/runtime/pprof/pprof.go", Origin::Standard),
            ("/go/src/net/http/server.go", Origin::Standard),
            (
                "/go/src/vendor/golang.org/x/net/http2/hpack/hpack.go",
                Origin::Standard,
            ),
            ("/go/src/cmd/go/main.go", Origin::User),
            ("/go/srcs/main.go", Origin::User),
            ("/home/u/runtime/proc.go", Origin::User),
            ("<autogenerated>", Origin::Generated),
            ("_cgo_gotypes.go", Origin::Generated),
            ("/tmp/b/_cgo_gotypes.go", Origin::Generated),
            ("?", Origin::Generated),
        ] {
            assert_eq!(rules.origin(file), origin, "{file}");
        }
    }

    #[test]
    fn what_extends_the_library_is_nobodys_code_to_edit() {
        let errgroup = "golang.org/x/sync@v0.10.0/errgroup/errgroup.go";
        let cached = format!("/home/u/go/pkg/mod/{errgroup}");
        let vendored = "/home/u/app/vendor/golang.org/x/sync/errgroup/errgroup.go";
        let module = |name: &str| rules("/go/src/runtime/proc.go", Some(name), name, &[]);
        for file in [&cached, vendored] {
            assert_eq!(module("example.com/a").origin(file), Origin::Standard);
            assert_eq!(module("golang.org/x/sync").origin(file), Origin::User);
        }
        let trimmed = rules(
            "runtime/proc.go",
            Some("app"),
            "app",
            &["golang.org/x/sync"],
        );
        assert_eq!(trimmed.origin(errgroup), Origin::Standard);
    }

    #[test]
    fn trimmed_paths_are_told_by_first_element_and_modules() {
        let rules = rules(
            "runtime/proc.go",
            Some("app"),
            "app/cmd/server",
            &["lib", "rsc.io/quote"],
        );
        for (file, origin) in [
            ("runtime/proc.go", Origin::Runtime),
            ("runtime/trace/trace.go", Origin::Standard),
            ("net/http/server.go", Origin::Standard),
            ("vendor/golang.org/x/net/idna/idna.go", Origin::Standard),
            ("app/main.go", Origin::User),
            ("app/runtime/x.go", Origin::User),
            ("apple/x.go", Origin::Standard),
            ("lib@v0.0.0/x.go", Origin::User),
            ("lib/x.go", Origin::User),
            ("rsc.io/quote@v1.5.2/quote.go", Origin::User),
            ("command-line-arguments/main.go", Origin::User),
            ("cmd/go/main.go", Origin::User),
            ("./main.go", Origin::User),
            ("main.go", Origin::User),
            ("/abs/line/directive.y", Origin::User),
        ] {
            assert_eq!(rules.origin(file), origin, "{file}");
        }
    }

    #[test]
    fn the_module_cache_and_vendored_code_are_somebody_elses() {
        let rules = rules("/go/src/runtime/proc.go", Some("example.com/Api"), "", &[]);
        for (file, is_others) in [
            ("/home/u/api/main.go", false),
            ("/home/u/replaced/lib.go", false),
            ("/go/pkg/mod/example.com/!api@v1.2.0/main.go", false),
            ("example.com/Api@v1.2.0/main.go", false),
            ("/go/pkg/mod/go.uber.org/zap@v1.26.0/logger.go", true),
            ("go.uber.org/zap@v1.26.0/logger.go", true),
            ("/home/u/api/vendor/go.uber.org/zap/logger.go", true),
            ("<autogenerated>", false),
        ] {
            assert_eq!(rules.is_others(file), is_others, "{file}");
        }
    }

    #[test]
    fn without_a_scheduler_file_all_is_the_users() {
        let rules = OriginRules::new(None, &BuildInfo::default());
        assert!(!rules.is_known());
        assert_eq!(rules.origin("/go/src/runtime/proc.go"), Origin::User);
    }
}
