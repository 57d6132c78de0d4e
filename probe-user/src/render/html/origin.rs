//! Whose code a function is, told by its name: for colours, where a wrong guess costs nothing.

use serde::Serialize;

use crate::render::names;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// The target's own module.
    Own,
    Dependency,
    Standard,
    Runtime,
    /// C, or an address without a function.
    Unknown,
}

/// Returns whose code `function` is in a program of `module`.
pub(super) fn of(function: &str, module: Option<&str>) -> Origin {
    let package = package(function);
    let is_own = |module| {
        package
            .strip_prefix(module)
            .is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'))
    };
    if package == "main" || module.is_some_and(is_own) {
        return Origin::Own;
    }
    let first = package.split('/').next().unwrap_or_default();
    match first {
        "" => Origin::Unknown,
        _ if first.starts_with(['[', '_']) => Origin::Unknown,
        "runtime" => Origin::Runtime,
        _ if package.starts_with("internal/runtime/") => Origin::Runtime,
        _ if first.contains('.') => Origin::Dependency,
        _ => Origin::Standard,
    }
}

/// Returns the import path; dots in its last element are spelled `%2e` (cmd/internal/objabi, `PathToPrefix`).
fn package(function: &str) -> &str {
    let last = names::package_path_end(function);
    let rest = function.get(last..).unwrap_or_default();
    let Some(dot) = rest.find('.') else { return "" };
    function.get(..last + dot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_code_it_is() {
        for (function, origin) in [
            ("main.main.func2", Origin::Own),
            ("example.com/api/hub.(*Hub).Run", Origin::Own),
            ("example.com/api.Run", Origin::Own),
            ("example.com/apidocs.Run", Origin::Dependency),
            (
                "github.com/x/y.F[example.com/api/hub.T]",
                Origin::Dependency,
            ),
            ("net/http.(*conn).serve", Origin::Standard),
            ("vendor/golang.org/x/net/http2/hpack.init", Origin::Standard),
            ("runtime.mallocgc", Origin::Runtime),
            ("internal/runtime/maps.(*Map).Put", Origin::Runtime),
            ("runtime/debug.FreeOSMemory", Origin::Runtime),
            ("[unknown 0x46b8a0]", Origin::Unknown),
            ("_cgo_wait", Origin::Unknown),
            ("", Origin::Unknown),
        ] {
            assert_eq!(of(function, Some("example.com/api")), origin, "{function}");
        }
    }
}
