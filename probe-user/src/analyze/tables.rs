//! The search for `.gopclntab` and the `moduledata` that vouches for it.

use super::{
    AnalyzeError, BuildInfo, GoVersion, OLDEST,
    elf::{Elf, Extent, Load},
    moduledata::Moduledata,
    pclntab::{FIRST_WORD, Pclntab},
    source::Source,
};

/// Candidates that a scan looks at; a real program has one, and constants in code that look like it.
const MAX_CANDIDATES: usize = 16;

/// UPX puts its mark right behind the program headers.
const UPX_HEADER: u64 = 1 << 10;

pub(super) struct Tables {
    pub(super) pclntab: Pclntab,
    pub(super) module: Moduledata,
}

impl Tables {
    /// Looks where sections say and then through the segments, because external linkers merge the table
    /// into `.data.rel.ro` and stripped files may name no section.
    pub(super) fn find(
        source: &Source,
        elf: &Elf,
        build_info: Option<&BuildInfo>,
        version: Option<GoVersion>,
    ) -> Result<Self, AnalyzeError> {
        let mut search = Search {
            source,
            elf,
            version,
            is_go: build_info.is_some(),
            candidates: 0,
            failure: None,
        };
        let mut loads: Vec<_> = elf.loads.iter().collect();
        loads.sort_by_key(|load| load.executable);
        search
            .in_sections()
            .or_else(|| loads.into_iter().find_map(|load| search.in_segment(load)))
            .ok_or_else(|| {
                search
                    .failure
                    .unwrap_or_else(|| no_table(source, build_info))
            })
    }
}

struct Search<'a> {
    source: &'a Source,
    elf: &'a Elf,
    version: Option<GoVersion>,
    /// Whether anything but a table says that this is a Go program.
    is_go: bool,
    candidates: usize,
    /// The first reason for which something that claimed to be a table was none. Bytes that merely look
    /// like one, in a program of another language that reads such tables, claim nothing.
    failure: Option<AnalyzeError>,
}

impl Search<'_> {
    fn in_sections(&mut self) -> Option<Tables> {
        [".gopclntab", ".data.rel.ro.gopclntab"]
            .iter()
            .filter_map(|name| self.elf.section(name))
            .find_map(|section| self.accept(section.address, section.extent, true))
    }

    fn in_segment(&mut self, load: &Load) -> Option<Tables> {
        let end = load.offset.saturating_add(load.file_size);
        let mut found = None;
        let searched = self.source.reader_over(load.file_size).find_word(
            load.offset,
            end,
            FIRST_WORD,
            |offset| {
                let past = offset.saturating_sub(load.offset);
                let size = load.file_size.saturating_sub(past);
                let address = load.address.saturating_add(past);
                found = self.accept(address, Extent { offset, size }, self.is_go);
                self.candidates = self.candidates.saturating_add(1);
                found.is_some() || self.candidates >= MAX_CANDIDATES
            },
        );
        if let Err(error) = searched {
            self.failure.get_or_insert(AnalyzeError::Read(error));
        }
        found
    }

    fn accept(&mut self, address: u64, extent: Extent, claims: bool) -> Option<Tables> {
        match self.check(address, extent) {
            Ok(tables) => return Some(tables),
            Err(error) if claims => _ = self.failure.get_or_insert(error),
            Err(_) => {}
        }
        None
    }

    fn check(&self, address: u64, extent: Extent) -> Result<Tables, AnalyzeError> {
        let pclntab = Pclntab::read(&mut self.source.reader(), address, extent)?;
        let module = Moduledata::find(self.source, self.elf, &pclntab, self.version)?;
        let Some(mut module) = module else {
            return Err(AnalyzeError::Malformed {
                found: "a .gopclntab, but no runtime.firstmoduledata that refers to it".into(),
            });
        };
        // Inline records had another form before 1.21.
        if self
            .version
            .is_some_and(|version| version.release() < OLDEST)
        {
            module.gofunc = None;
        }
        Ok(Tables { pclntab, module })
    }
}

fn no_table(source: &Source, build_info: Option<&BuildInfo>) -> AnalyzeError {
    let packed = source
        .reader()
        .contains(0, UPX_HEADER.min(source.size()), b"UPX!");
    match build_info {
        None if packed.is_ok_and(|packed| packed) => AnalyzeError::NoFileText {
            found: "no .gopclntab, and the mark of UPX".into(),
        },
        None => AnalyzeError::NotGo {
            found: "no .go.buildinfo, no .gopclntab".into(),
        },
        Some(info) => AnalyzeError::Malformed {
            found: format!("build info of {}, no .gopclntab", info.go_version),
        },
    }
}
