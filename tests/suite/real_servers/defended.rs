//! The findings that `docs/real-servers.md` defends: the rows of its table, one for each.

use std::fs;

use probe_user::report::Finding;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/real-servers.md");
/// The heading of the table.
const TABLE: &str = "| server | rule | line |";
/// In place of a line: a finding of the whole process.
const PROCESS: &str = "process";

/// A finding that was judged by reading the server's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Defended {
    pub(super) server: String,
    rule: String,
    /// The end of its file, and its line.
    line: String,
}

impl Defended {
    /// Whether it is this finding of the server.
    pub(super) fn is(&self, server: &str, finding: &Finding) -> bool {
        self.server == server
            && self.rule == finding.rule
            && match &finding.call_site {
                None => self.line == PROCESS,
                Some(site) => {
                    format!("/{}:{}", site.file, site.line).ends_with(&format!("/{}", self.line))
                }
            }
    }
}

/// Reads the document.
#[track_caller]
pub(super) fn all() -> Vec<Defended> {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with(TABLE));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(row).collect()
}

#[track_caller]
fn row(line: &str) -> Defended {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let &[server, rule, line, ..] = cells.as_slice() else {
        panic!("a row has a server, a rule and a line: {line}");
    };
    let [rule, line] = [rule, line].map(|cell| cell.trim_matches('`').to_owned());
    let server = server.to_owned();
    Defended { server, rule, line }
}

#[test]
fn the_document_defends_findings_of_servers_and_rules_that_there_are() {
    let servers = super::judged::SERVERS.map(|server| server.program.name);
    let rules = probe_user::diagnose::catalogue::RULES;
    for defended in all() {
        assert!(servers.contains(&defended.server.as_str()), "{defended:?}");
        assert!(
            rules.iter().any(|rule| rule.name == defended.rule),
            "{defended:?}"
        );
    }
}
