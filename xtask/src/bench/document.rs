//! `docs/performance.md`: a section for each part, each of which can be measured again alone.

use std::{collections::BTreeMap, fmt};

use rtprobe_tests::figures::parts::{PARTS, Part};

const HEAD: &str = "\
# Performance

Written by `cargo xtask bench --write`; do not edit.

`cargo xtask bench` measures all of it again on your machine, `cargo xtask bench PART --write` one part of it.
What is compared is measured in turn within one run.
";

/// The sections by their titles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document(BTreeMap<String, String>);

impl Document {
    /// Takes the sections of known parts out of a document.
    pub(super) fn read(text: &str) -> Self {
        let sections = text.split("\n## ").skip(1).filter_map(|section| {
            let (title, body) = section.split_once('\n')?;
            let is_known = PARTS.iter().any(|part| part.title == title);
            is_known.then(|| (title.to_owned(), body.trim().to_owned()))
        });
        Self(sections.collect())
    }

    /// Replaces the section of a part.
    pub(super) fn put(&mut self, part: Part, body: &str) {
        self.0.insert(part.title.to_owned(), body.trim().to_owned());
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for part in PARTS {
            if let Some(body) = self.0.get(part.title) {
                write!(f, "\n## {}\n\n{body}\n", part.title)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_one_part_again_keeps_the_others() {
        let [first, .., last] = PARTS else {
            panic!("too few parts");
        };
        let mut document = Document::default();
        document.put(*last, "the machine\n\n| a | b |\n\n### more\n");
        document.put(*first, "old\n");
        let mut again = Document::read(&document.to_string());
        assert_eq!(again, document);
        again.put(*first, "new");
        let text = again.to_string();
        assert!(text.contains("### more") && text.contains("new") && !text.contains("old"));
        assert!(text.find("new") < text.find("the machine"), "{text}");
    }

    #[test]
    fn sections_of_no_part_are_dropped() {
        let text = format!("{HEAD}\n## What is no part\n\ntext\n");
        assert_eq!(Document::read(&text), Document::default());
    }
}
