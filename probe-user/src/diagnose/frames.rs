//! Whose code a frame is, where only its name is known: stacks of goroutines and of samples.

use crate::{
    generic,
    report::{Location, StackFrame},
};

/// Returns the import path of a function's package: `a/b/c.(*T).M` is of `a/b/c`.
pub fn package(function: &str) -> &str {
    // Type arguments may hold slashes and points.
    let name = function.split('[').next().unwrap_or(function);
    let after_slash = name.rfind('/').map_or(0, |at| at + 1);
    let point = name.get(after_slash..).and_then(|last| last.find('.'));
    point
        .and_then(|at| name.get(..after_slash + at))
        .unwrap_or(name)
}

/// Returns whether a function belongs to the program or its modules, not to Go: package main, the main
/// module, or a path whose first element is a host name.
pub fn is_users(function: &str, module: Option<&str>) -> bool {
    let package = package(function);
    let first = package.split('/').next().unwrap_or(package);
    is_of_module(function, module) || (first.contains('.') && package.contains('/'))
}

/// Returns whether a function belongs to the program itself: package main or the main module.
pub fn is_of_module(function: &str, module: Option<&str>) -> bool {
    let package = package(function);
    let below = |module: &str| {
        package
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    package == "main" || module.is_some_and(below)
}

/// Returns the function that somebody wrote where `function` is one that the compiler makes of a `go` or `defer`
/// statement in it, to hold the arguments: `main.F` of `main.F.deferwrap1`.
pub fn written_in(function: &str) -> &str {
    let outer = function.rsplit_once('.').filter(|(_, last)| {
        let number = (last.strip_prefix("deferwrap")).or(last.strip_prefix("gowrap"));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    });
    outer.map_or(function, |(outer, _)| outer)
}

/// Returns the function that a closure is written in, or `function` itself: `main.F` of `main.F.func1.2`.
pub fn without_closures(function: &str) -> &str {
    function
        .split_once(".func")
        .map_or(function, |(outer, _)| outer)
}

/// Returns the innermost frame of the program's own.
pub fn first_of_user<'a>(stack: &'a [StackFrame], module: Option<&str>) -> Option<&'a StackFrame> {
    stack.iter().find(|frame| is_users(&frame.function, module))
}

/// Returns a place in few words: `pkg.(*T).M (file.go:12)`, of paths the last part only, without type arguments.
pub fn short(place: &Location) -> String {
    let directory = package(&place.function)
        .rfind('/')
        .map_or(0, |slash| slash + 1);
    let function = place.function.get(directory..).unwrap_or_default();
    let file = place.file.rsplit('/').next().unwrap_or(&place.file);
    format!("{} ({file}:{})", generic::short(function), place.line)
}

/// Returns the place of a frame, by the function that somebody wrote.
pub fn location(frame: &StackFrame) -> Location {
    Location {
        function: written_in(&frame.function).to_owned(),
        file: frame.file.to_string(),
        line: frame.line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_names_of_any_form() {
        for (function, name) in [
            ("main.main", "main"),
            (
                "example.com/api/hub.(*Hub).Run.func1",
                "example.com/api/hub",
            ),
            ("runtime.gopark", "runtime"),
            ("internal/sync.(*Mutex).lockSlow", "internal/sync"),
            ("main.F[go.shape.struct { a/b.c int }]", "main"),
            ("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml%2ev3"),
            ("", ""),
        ] {
            assert_eq!(package(function), name, "{function}");
        }
    }

    #[test]
    fn wrappers_are_part_of_the_function_that_holds_the_statement() {
        for (function, outer) in [
            ("main.F.deferwrap1", "main.F"),
            ("a/b.(*T).M.func2.gowrap12", "a/b.(*T).M.func2"),
            ("main.F.deferwrap", "main.F.deferwrap"),
            ("main.F.gowrapped1", "main.F.gowrapped1"),
            ("main.F.func1", "main.F.func1"),
            ("", ""),
        ] {
            assert_eq!(written_in(function), outer);
        }
    }

    #[test]
    fn a_place_in_few_words_has_no_directories() {
        let place = |function: &str, file: &str| {
            short(&Location {
                function: function.to_owned(),
                file: file.to_owned(),
                line: 7,
            })
        };
        assert_eq!(
            place("example.com/api/hub.Map[go.shape.a/b]", "/src/hub/hub.go"),
            "hub.Map[...] (hub.go:7)"
        );
        assert_eq!(place("main.main", "main.go"), "main.main (main.go:7)");
    }

    #[test]
    fn what_others_wrote_is_not_of_the_module() {
        assert!(is_of_module("main.main", None));
        assert!(is_of_module("rsc.io/api/hub.F", Some("rsc.io/api")));
        assert!(!is_of_module("rsc.io/apis.F", Some("rsc.io/api")));
        assert!(!is_of_module("go.uber.org/zap.New", Some("rsc.io/api")));
    }

    #[test]
    fn go_itself_is_not_the_users() {
        for function in [
            "runtime.gopark",
            "net/http.(*conn).serve",
            "sync.(*Pool).Get",
            "internal/poll.x",
        ] {
            assert!(!is_users(function, Some("api")), "{function}");
        }
        for function in [
            "main.main",
            "example.com/x.F",
            "api.F",
            "api/hub.F",
            "rsc.io/quote.F",
        ] {
            assert!(is_users(function, Some("api")), "{function}");
        }
    }
}
