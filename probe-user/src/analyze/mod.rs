//! An executable file to what its Go tables say: functions, frames, origins, layouts.
//!
//! Everything is read lazily, in bounded steps, from a file that is taken for hostile: every count and
//! offset is checked, nothing is mapped, memory and time are bounded. It understands 64-bit x86 ELF files
//! of Go 1.21 to 1.27, stripped or not; of later versions what has kept its form.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod build_id;
mod build_info;
mod call_site;
mod callees;
mod callers;
mod data_uses;
mod dwarf;
mod elf;
mod frames;
mod functions;
mod g_layout;
mod go_version;
mod inlined;
mod instructions;
mod moduledata;
mod origin;
mod pclntab;
mod reader;
mod relocation;
mod runtime_globals;
mod runtime_layout;
mod shortcomings;
mod source;
mod symtab;
mod tables;
mod text_bitmap;
mod types;
mod user_text;

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    ops::Range,
    sync::OnceLock,
};

pub(crate) use self::instructions::{Jumps, writes};
pub use self::{
    build_info::BuildInfo,
    frames::Frame,
    g_layout::{GLayout, LayoutSource},
    go_version::GoVersion,
    inlined::InlinedCopies,
    origin::Origin,
    runtime_globals::RuntimeGlobals,
    runtime_layout::{HeapStatsLayout, MLayout, RuntimeLayout},
    source::{ReadAt, open_regular},
    text_bitmap::TextBitmap,
    types::{GoType, TypeKind},
    user_text::UserText,
};
use self::{
    dwarf::StructFields,
    elf::Elf,
    functions::{Functions, Row},
    origin::OriginRules,
    source::Source,
    tables::Tables,
};
use crate::{
    address::{FileOffset, VirtAddr},
    report::Binary,
};

/// The versions whose tables were compared with Go's own tools.
const OLDEST: (u32, u32) = (1, 21);
const NEWEST: (u32, u32) = (1, 27);
/// Functions of one name: an assembly function and its wrapper, and a few of package main's `init`s.
const MAX_TWINS: usize = 64;
/// No function that a compiler makes is larger.
const MAX_CODE: u64 = 64 << 20;

/// Why a file cannot be analyzed. [`AnalyzeError::found`] gives the value that was read.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    #[error("not a Go program")]
    NotGo { found: String },
    #[error("not a 64-bit x86 program")]
    Architecture { found: String },
    #[error("the program's text is not in its file, as if it were packed")]
    NoFileText { found: String },
    #[error("built with {release}, and only go{}.{} and later are supported", OLDEST.0, OLDEST.1)]
    Release { release: String, found: String },
    #[error("Go's table of functions has an unknown form")]
    Pclntab { magic: u32 },
    #[error("the executable is malformed")]
    Malformed { found: String },
    #[error("failed to read the executable")]
    Read(#[source] io::Error),
}

impl AnalyzeError {
    /// Returns the value that was read in place of the expected one.
    pub fn found(&self) -> String {
        match self {
            Self::NotGo { found }
            | Self::Architecture { found }
            | Self::NoFileText { found }
            | Self::Release { found, .. }
            | Self::Malformed { found } => found.clone(),
            Self::Pclntab { magic } => {
                let version = match magic {
                    0xffff_fffb => " (Go 1.2 to 1.15)",
                    0xffff_fffa => " (Go 1.16 and 1.17)",
                    0xffff_fff0 => " (Go 1.18 and 1.19)",
                    _ => "",
                };
                format!(
                    ".gopclntab with magic {magic:#x}{version}; known is 0xfffffff1 (Go 1.20 and later)"
                )
            }
            Self::Read(error) => error.to_string(),
        }
    }
}

/// A function as the linker placed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    pub name: String,
    pub entry: VirtAddr,
    /// Where the next function starts: padding (`int3`) included.
    pub end: VirtAddr,
}

/// An executable `PT_LOAD`, as far as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub file_offset: FileOffset,
    pub vaddr: VirtAddr,
    /// In bytes.
    pub len: u64,
}

/// Refuses a release, as the linker recorded it, that is older than those whose runtime can be probed. A version
/// without a number may be any.
pub fn require_supported(recorded: &str) -> Result<(), AnalyzeError> {
    match GoVersion::parse(recorded).map(GoVersion::release) {
        Some(release) if release < OLDEST => Err(AnalyzeError::Release {
            release: format!("go{}.{}", release.0, release.1),
            found: recorded.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// An analyzed Go executable.
pub struct GoBinary {
    source: Source,
    elf: Elf,
    tables: Tables,
    build_info: BuildInfo,
    go_version: Option<GoVersion>,
    build_id: Option<String>,
    kind: Binary,
    origins: OriginRules,
    segments: Vec<Segment>,
    g_layout: OnceLock<GLayout>,
    runtime_globals: OnceLock<RuntimeGlobals>,
    runtime_layout: OnceLock<RuntimeLayout>,
    runtime_structs: OnceLock<HashMap<&'static str, StructFields>>,
    degraded: Vec<String>,
}

impl fmt::Debug for GoBinary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoBinary")
            .field("go_version", &self.build_info.go_version)
            .field("build_id", &self.build_id)
            .field("kind", &self.kind)
            .field("pclntab", &self.tables.pclntab)
            .field("module", &self.tables.module)
            .finish_non_exhaustive()
    }
}

impl GoBinary {
    /// Reads the headers and finds Go's tables.
    pub fn open(source: Box<dyn ReadAt>) -> Result<Self, AnalyzeError> {
        let source = Source::new(source);
        let elf = Elf::read(&source)?;
        let build_info = BuildInfo::read(&source, &elf).map_err(AnalyzeError::Read)?;
        let go_version = build_info
            .as_ref()
            .and_then(|info| GoVersion::parse(&info.go_version));
        let recorded = build_info
            .as_ref()
            .map_or("", |info| info.go_version.as_str());
        // Of a release that is too old, this is why its tables are not known.
        let tables = Tables::find(&source, &elf, build_info.as_ref(), go_version)
            .map_err(|error| require_supported(recorded).err().unwrap_or(error))?;
        let mut this = Self {
            build_id: build_id::read(&source, &elf),
            kind: Binary {
                stripped: elf.section(".symtab").is_none(),
                dwarf: elf
                    .section(".debug_info")
                    .or(elf.section(".zdebug_info"))
                    .is_some(),
                pie: elf.position_independent,
                cgo: false,
                trimpath: false,
            },
            segments: segments(&elf),
            build_info: build_info.unwrap_or_else(BuildInfo::unknown),
            origins: OriginRules::new(None, &BuildInfo::default()),
            g_layout: OnceLock::new(),
            runtime_globals: OnceLock::new(),
            runtime_layout: OnceLock::new(),
            runtime_structs: OnceLock::new(),
            degraded: Vec::new(),
            source,
            elf,
            tables,
            go_version,
        };
        let scheduler_file = this
            .with_functions(user_text::scheduler_file)
            .map_err(AnalyzeError::Read)?;
        this.origins = OriginRules::new(scheduler_file.as_deref(), &this.build_info);
        this.kind.cgo = this.has_cgo_files().map_err(AnalyzeError::Read)?;
        this.kind.trimpath =
            this.build_info.setting("-trimpath") == Some("true") || this.origins.trims_paths();
        this.degraded = shortcomings::of(&this);
        Ok(this)
    }

    /// Returns what the linker recorded; next to nothing where the file has no build info.
    pub fn build_info(&self) -> &BuildInfo {
        &self.build_info
    }

    /// Returns the version that built the file; `None` if it does not say, or is a development build.
    pub fn go_version(&self) -> Option<GoVersion> {
        self.go_version
    }

    /// Returns how the file was built; `cgo` means that code generated by cgo is linked in.
    pub fn kind(&self) -> Binary {
        self.kind
    }

    /// Returns Go's build ID, or else the GNU build ID in hexadecimal.
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// Returns where Go's own text is; C code of a cgo program lies outside.
    pub fn text(&self) -> Range<VirtAddr> {
        VirtAddr(self.tables.module.text)..VirtAddr(self.tables.module.etext)
    }

    /// Returns where the linker puts constants; `None` in a file without section headers.
    pub fn read_only_data(&self) -> Option<Range<VirtAddr>> {
        let section = self.elf.section(".rodata")?;
        let end = section.address.checked_add(section.extent.size)?;
        Some(VirtAddr(section.address)..VirtAddr(end))
    }

    /// Returns the executable parts of the file, to be compared with a process's mappings.
    pub fn exec_segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns where in the file the instruction at `addr` is; `None` outside of executable segments.
    pub fn file_offset(&self, addr: VirtAddr) -> Option<FileOffset> {
        self.elf
            .loads
            .iter()
            .filter(|load| load.executable)
            .find_map(|load| load.locate(addr.0))
            .map(|found| FileOffset(found.offset))
    }

    /// Finds functions by their full names in one pass. Names without a function are missing from the
    /// result; an assembly function and its wrapper have one name.
    pub fn find_functions(&self, names: &[&str]) -> HashMap<String, Vec<Function>> {
        let mut found: HashMap<String, Vec<Function>> = HashMap::new();
        let wanted: HashSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let mut name = Vec::new();
        // A table that turns unreadable half-way gives what came before: fewer probes, never wrong ones.
        let _partial = self.with_functions(|functions| {
            functions.each(|functions, row| {
                let record = functions.record(row)?;
                functions.name_into(record.name, longest.saturating_add(1), &mut name)?;
                if let Some(name) = wanted.get(name.as_slice()) {
                    let name = String::from_utf8_lossy(name).into_owned();
                    let twins = found.entry(name.clone()).or_default();
                    if twins.len() < MAX_TWINS {
                        twins.push(function(name, row));
                    }
                }
                Ok(true)
            })
        });
        found
    }

    /// Calls `visit` with every function in address order, until it returns false.
    pub fn each_function(
        &self,
        mut visit: impl FnMut(Function) -> bool,
    ) -> Result<(), AnalyzeError> {
        self.with_functions(|functions| {
            functions.each(|functions, row| {
                let record = functions.record(row)?;
                Ok(visit(function(functions.name(record.name)?, row)))
            })
        })
        .map_err(AnalyzeError::Read)
    }

    /// Returns the function, not inlined, that `pc` lies in.
    pub fn function_at(&self, pc: VirtAddr) -> Option<Function> {
        self.with_functions(|functions| {
            let Some(row) = functions.at(pc.0)? else {
                return Ok(None);
            };
            let record = functions.record(row)?;
            Ok(Some(function(functions.name(record.name)?, row)))
        })
        .ok()
        .flatten()
    }

    /// Reads the instructions of a function.
    pub fn code(&self, function: &Function) -> Result<Vec<u8>, AnalyzeError> {
        let (entry, end) = (function.entry, function.end);
        let malformed = || AnalyzeError::Malformed {
            found: format!(
                "function `{}` at {entry}..{end} is not in the file",
                function.name
            ),
        };
        let len = end
            .0
            .checked_sub(entry.0)
            .filter(|len| *len <= MAX_CODE)
            .ok_or_else(malformed)?;
        let offset = self.file_offset(entry).ok_or_else(malformed)?;
        self.source
            .reader()
            .bytes(offset.0, len)
            .map_err(AnalyzeError::Read)
    }

    /// Returns whether the call at an address, which is of `runtime.growslice`, is always for a slice without a capacity:
    /// `append([]T(nil), s...)` and `slices.Clone`, which copy and do not grow. Its third argument is the old capacity
    /// (src/runtime/slice.go, Go 1.20 to 1.27).
    pub fn grows_from_nothing(&self, call: VirtAddr) -> bool {
        self.code_around(call).is_some_and(|(code, function)| {
            call_site::clears_third_argument(&code, &function, call)
        })
    }

    /// Returns how many bytes of what the call at an address returns a pointer to are read right behind it; `None`
    /// where that is not known, and where all of it is copied.
    pub fn result_bytes_read(&self, call: VirtAddr) -> Option<u64> {
        let (code, function) = self.code_around(call)?;
        call_site::result_bytes_read(&code, &function, call)
    }

    fn code_around(&self, pc: VirtAddr) -> Option<(Vec<u8>, Function)> {
        let function = self.function_at(pc)?;
        Some((self.code(&function).ok()?, function))
    }

    /// Returns whether the function that begins at `entry` calls others, atomic operations not counted; `None` where
    /// none begins there.
    pub fn calls_others(&self, entry: VirtAddr) -> Option<bool> {
        let function = self
            .function_at(entry)
            .filter(|function| function.entry == entry)?;
        let code = self.code(&function).ok()?;
        let does = |callee: callees::Callee| match callee {
            callees::Callee::Unknown => true,
            callees::Callee::At(target) => self
                .function_at(target)
                .is_none_or(|callee| !callees::is_trifle(&callee.name)),
        };
        Some(callees::callees(&code, &function).into_iter().any(does))
    }

    /// Returns by function the instructions that call it directly; functions that nobody calls so are missing from the
    /// result. Reads all of the text.
    pub fn calls_of(&self, names: &[&str]) -> HashMap<String, Vec<VirtAddr>> {
        if names.is_empty() {
            return HashMap::new();
        }
        let functions = self.find_functions(names);
        let entries = functions.values().flatten().map(|function| function.entry);
        let mut calls = (self.calls_to(&entries.collect::<Vec<_>>())).unwrap_or_default();
        let mut of_all = |functions: Vec<Function>| -> Vec<VirtAddr> {
            let entries = functions.into_iter().map(|function| function.entry);
            entries
                .flat_map(|entry| calls.remove(&entry).unwrap_or_default())
                .collect()
        };
        let by_name = functions.into_iter();
        by_name
            .map(|(name, functions)| (name, of_all(functions)))
            .filter(|(_, calls)| !calls.is_empty())
            .collect()
    }

    fn calls_to(&self, entries: &[VirtAddr]) -> io::Result<HashMap<VirtAddr, Vec<VirtAddr>>> {
        let text = self.text();
        let Some(start) = self.file_offset(text.start).filter(|_| !entries.is_empty()) else {
            return Ok(HashMap::new());
        };
        let len = text.end.0.saturating_sub(text.start.0);
        self.source.spend_search(len)?;
        let within = (start.0, start.0.saturating_add(len));
        let mut reader = self.source.reader_over(len);
        let mut calls = callers::candidates(&mut reader, text.start, within, entries)?;
        for calls in calls.values_mut() {
            calls.retain(|call| {
                let around = self.code_around(*call);
                around.is_some_and(|(code, function)| callers::is_call(&code, &function, *call))
            });
        }
        Ok(calls)
    }

    /// Returns the calls at an instruction, innermost first; empty where nothing is known.
    ///
    /// Of a return address the instruction is at the byte before it.
    pub fn frames_at(&self, pc: VirtAddr) -> Vec<Frame> {
        self.with_functions(|functions| match functions.at(pc.0)? {
            Some(row) => frames::frames(functions, row, pc.0),
            None => Ok(Vec::new()),
        })
        .unwrap_or_default()
    }

    /// Returns how many bytes above `rsp` the return address is while the instruction at `pc` is next: 0 where
    /// the function has no frame (the table `pcsp` of `runtime._func`).
    pub fn stack_depth_at(&self, pc: VirtAddr) -> Option<u32> {
        self.with_functions(|functions| {
            let Some(row) = functions.at(pc.0)? else {
                return Ok(None);
            };
            let record = functions.record(row)?;
            functions.value(&record, record.depth_values, pc.0)
        })
        .ok()
        .flatten()
        .and_then(|depth| u32::try_from(depth).ok())
    }

    /// Returns who wrote a frame's code, judged by its file.
    pub fn origin(&self, frame: &Frame) -> Origin {
        self.origins.origin(&frame.file)
    }

    /// Marks the text of all functions that are the user's, judged by the files of the functions
    /// themselves, not of what was inlined into them; generated functions only if the user's code was
    /// inlined there: wrappers of methods, and the `init` of a package.
    pub fn user_text(&self) -> Result<UserText, AnalyzeError> {
        let nothing = TextBitmap::new(self.tables.module.text, self.tables.module.etext);
        self.with_functions(|functions| UserText::read(functions, &self.origins, nothing))
            .map_err(AnalyzeError::Read)
    }

    /// Returns every function of the user's into which `callee` was inlined.
    pub fn inlined_copies(&self, callee: &str) -> Result<Vec<InlinedCopies>, AnalyzeError> {
        self.with_functions(|functions| inlined::copies(functions, &self.origins, callee))
            .map_err(AnalyzeError::Read)
    }

    /// Returns where the fields of `runtime.g` are.
    pub fn g_layout(&self) -> GLayout {
        *self.g_layout.get_or_init(|| {
            let structs = self.runtime_structs();
            structs
                .get("g")
                .zip(structs.get("gobuf"))
                .and_then(|(g, gobuf)| GLayout::from_dwarf(g, gobuf))
                .or_else(|| GLayout::by_version(self.go_version))
                .unwrap_or_else(GLayout::stable)
        })
    }

    /// Returns where the runtime's variables are that tell its state.
    pub fn runtime_globals(&self) -> &RuntimeGlobals {
        self.runtime_globals
            .get_or_init(|| RuntimeGlobals::find(self))
    }

    /// Returns where the fields of the runtime's other structs are.
    pub fn runtime_layout(&self) -> &RuntimeLayout {
        self.runtime_layout.get_or_init(|| {
            RuntimeLayout::find(
                self.runtime_structs(),
                self.go_version,
                self.runtime_globals(),
            )
        })
    }

    fn runtime_structs(&self) -> &HashMap<&'static str, StructFields> {
        self.runtime_structs.get_or_init(|| {
            let names = runtime_layout::structs(self.go_version);
            dwarf::runtime_structs(&self.source, &self.elf, names)
        })
    }

    /// Reads the type descriptor at an address of the file; `None` where there is none, for instance because
    /// the program made the type while it ran.
    pub fn go_type(&self, addr: VirtAddr) -> Option<GoType> {
        types::read(&self.source, &self.elf, self.tables.module.types?, addr.0)
    }

    /// Returns, in full sentences, what cannot be known of this file and what that costs.
    pub fn degraded(&self) -> &[String] {
        &self.degraded
    }

    fn with_functions<T>(
        &self,
        read: impl FnOnce(&mut Functions<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let locate = |address| self.elf.locate(address).map(|found| found.offset);
        read(&mut Functions::new(
            &self.source,
            &self.tables.pclntab,
            &self.tables.module,
            &locate,
        ))
    }

    fn has_cgo_files(&self) -> io::Result<bool> {
        let (start, end) = (self.tables.pclntab.files, self.tables.pclntab.values);
        let mut reader = self.source.reader_over(end.saturating_sub(start));
        reader.contains(start, end, b"_cgo_gotypes.go\0")
    }
}

fn segments(elf: &Elf) -> Vec<Segment> {
    elf.loads
        .iter()
        .filter(|load| load.executable && load.file_size > 0)
        .map(|load| Segment {
            file_offset: FileOffset(load.offset),
            vaddr: VirtAddr(load.address),
            len: load.file_size,
        })
        .collect()
}

fn function(name: String, row: Row) -> Function {
    Function {
        name,
        entry: VirtAddr(row.entry),
        end: VirtAddr(row.end),
    }
}
