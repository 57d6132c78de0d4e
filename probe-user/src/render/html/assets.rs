//! What is compiled into every page: style and script, and the policy that allows these two alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

pub(super) const STYLE: &str = concat!(
    include_str!("assets/base.css"),
    include_str!("assets/sections.css"),
    include_str!("assets/tables.css"),
    include_str!("assets/charts.css"),
    include_str!("assets/print.css"),
);

/// One scope for all files, so that nothing becomes a property of `window`.
pub(super) const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("assets/units.js"),
    include_str!("assets/dom.js"),
    include_str!("assets/theme.js"),
    include_str!("assets/histogram.js"),
    include_str!("assets/details.js"),
    include_str!("assets/sites.js"),
    include_str!("assets/flame.js"),
    "})();\n",
);

/// Returns the Content Security Policy: nothing is loaded, only [`SCRIPT`] runs and only [`STYLE`] applies,
/// and no string can be turned into markup or code (Trusted Types).
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        source(SCRIPT),
        source(STYLE),
    )
}

/// Returns the hash source of an inline element (CSP Level 3 §2.3.1).
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is inside a script or style element ends at the first thing that looks like an end tag.
    #[test]
    fn assets_do_not_end_their_elements() {
        for text in [STYLE, SCRIPT] {
            let text = text.to_lowercase();
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
    }

    #[test]
    fn assets_load_nothing() {
        for foreign in [
            "http:",
            "https:",
            "url(",
            "@import",
            "fetch(",
            "XMLHttpRequest",
        ] {
            // The name of SVG's namespace is an address that nobody visits.
            let script = SCRIPT.replace("http://www.w3.org/2000/svg", "");
            assert!(!STYLE.contains(foreign), "{foreign}");
            assert!(!script.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn scripts_turn_no_text_into_markup() {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
        ] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }

    #[test]
    fn assets_are_small() {
        assert!(STYLE.len() + SCRIPT.len() < 100 << 10);
    }
}
