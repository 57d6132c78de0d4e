//! The file's ELF headers: which bytes are mapped where, and the few sections that matter, if they are named.

use std::io;

use object::{LittleEndian as LE, elf, pod};

use super::{AnalyzeError, reader::Reader, source::Source};

/// Far more program headers than any linker writes.
const MAX_SEGMENTS: u64 = 4096;
const MAX_SECTIONS: u64 = 1 << 16;

/// The sections that are kept; all others are passed over.
const WANTED: &[&str] = &[
    ".gopclntab",
    ".data.rel.ro.gopclntab",
    ".go.module",
    ".go.buildinfo",
    ".rodata",
    ".noptrdata",
    ".data",
    ".symtab",
    ".debug_info",
    ".debug_abbrev",
    ".zdebug_info",
    ".zdebug_abbrev",
];

/// What a `PT_LOAD` maps from the file; its end is never past the end of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) file_size: u64,
    pub(super) executable: bool,
    pub(super) writable: bool,
}

/// A range of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) size: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) address: u64,
    pub(super) extent: Extent,
    pub(super) compressed: bool,
}

#[derive(Debug)]
pub(super) struct Elf {
    pub(super) loads: Vec<Load>,
    pub(super) notes: Vec<Extent>,
    pub(super) dynamic: Option<Extent>,
    pub(super) sections: Vec<Section>,
    pub(super) position_independent: bool,
}

impl Elf {
    pub(super) fn read(source: &Source) -> Result<Self, AnalyzeError> {
        let mut reader = source.reader();
        let header = Header::read(&mut reader, source.size())?;
        let mut this = Self {
            loads: Vec::new(),
            notes: Vec::new(),
            dynamic: None,
            sections: Vec::new(),
            position_independent: header.position_independent,
        };
        let first_section = header.first_section(&mut reader);
        this.read_segments(&mut reader, &header, first_section.as_ref(), source.size())?;
        // Sections are a convenience that a hostile or stripped file may lack: nothing depends on them.
        if let Some(first) = first_section {
            this.read_sections(&mut reader, &header, &first, source.size());
        }
        if !this
            .loads
            .iter()
            .any(|load| load.executable && load.file_size > 0)
        {
            return Err(AnalyzeError::NoFileText {
                found: "no executable segment with bytes in the file".into(),
            });
        }
        Ok(this)
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Returns the file offset of `address`, and how many bytes of its segment follow in the file.
    pub(super) fn locate(&self, address: u64) -> Option<Extent> {
        self.loads.iter().find_map(|load| load.locate(address))
    }

    fn read_segments(
        &mut self,
        reader: &mut Reader<'_>,
        header: &Header,
        first_section: Option<&elf::SectionHeader64<LE>>,
        file_size: u64,
    ) -> Result<(), AnalyzeError> {
        let mut count = u64::from(header.n_segments);
        if header.n_segments == elf::PN_XNUM {
            count = first_section.map_or(0, |section| section.sh_info.get(LE).into());
        }
        for index in 0..count.min(MAX_SEGMENTS) {
            let Some(offset) = index
                .checked_mul(size_of::<elf::ProgramHeader64<LE>>() as u64)
                .and_then(|past| past.checked_add(header.segments_at))
            else {
                break;
            };
            let segment: elf::ProgramHeader64<LE> = record(reader, offset)?;
            let extent = clamp(
                segment.p_offset.get(LE),
                segment.p_filesz.get(LE),
                file_size,
            );
            match segment.p_type.get(LE) {
                elf::PT_LOAD => self.loads.push(Load {
                    address: segment.p_vaddr.get(LE),
                    offset: extent.offset,
                    file_size: extent.size,
                    executable: segment.p_flags.get(LE) & elf::PF_X != 0,
                    writable: segment.p_flags.get(LE) & elf::PF_W != 0,
                }),
                elf::PT_NOTE => self.notes.push(extent),
                elf::PT_DYNAMIC => self.dynamic = Some(extent),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_sections(
        &mut self,
        reader: &mut Reader<'_>,
        header: &Header,
        first: &elf::SectionHeader64<LE>,
        file_size: u64,
    ) {
        let count = match header.n_sections {
            0 => first.sh_size.get(LE),
            count => count.into(),
        };
        let names_index = match header.names_index {
            elf::SHN_XINDEX => first.sh_link.get(LE).into(),
            index => u64::from(index),
        };
        let Ok(names) = header.section(reader, names_index) else {
            return;
        };
        let names = clamp(names.sh_offset.get(LE), names.sh_size.get(LE), file_size);
        let mut name = Vec::new();
        for index in 0..count.min(MAX_SECTIONS) {
            let Ok(section) = header.section(reader, index) else {
                return;
            };
            if section.sh_type.get(LE) == elf::SHT_NOBITS {
                continue;
            }
            name.clear();
            let at = names.offset.saturating_add(section.sh_name.get(LE).into());
            let end = names.offset.saturating_add(names.size);
            if reader.c_string(at, end, 64, &mut name).is_err() {
                continue;
            }
            let Some(name) = WANTED.iter().find(|wanted| wanted.as_bytes() == name) else {
                continue;
            };
            self.sections.push(Section {
                name,
                address: section.sh_addr.get(LE),
                extent: clamp(
                    section.sh_offset.get(LE),
                    section.sh_size.get(LE),
                    file_size,
                ),
                compressed: section.sh_flags.get(LE) & u64::from(elf::SHF_COMPRESSED) != 0,
            });
        }
    }
}

impl Load {
    pub(super) fn extent(&self) -> Extent {
        Extent {
            offset: self.offset,
            size: self.file_size,
        }
    }

    pub(super) fn locate(&self, address: u64) -> Option<Extent> {
        let past = address.checked_sub(self.address)?;
        let size = self.file_size.checked_sub(past).filter(|size| *size > 0)?;
        let offset = self.offset.checked_add(past)?;
        Some(Extent { offset, size })
    }
}

struct Header {
    position_independent: bool,
    segments_at: u64,
    n_segments: u16,
    sections_at: u64,
    n_sections: u16,
    names_index: u16,
}

impl Header {
    fn read(reader: &mut Reader<'_>, file_size: u64) -> Result<Self, AnalyzeError> {
        if file_size == 0 {
            return Err(AnalyzeError::NotGo {
                found: "an empty file, or not a regular one".into(),
            });
        }
        let mut ident = [0; 20];
        let known = file_size.min(ident.len() as u64) as usize;
        if let Some(part) = ident.get_mut(..known) {
            reader.read(part, 0).map_err(AnalyzeError::Read)?;
        }
        check_ident(&ident)?;
        let header: elf::FileHeader64<LE> = record(reader, 0)?;
        let kind = header.e_type.get(LE);
        if !matches!(kind, elf::ET_EXEC | elf::ET_DYN) {
            return Err(AnalyzeError::NotGo {
                found: format!("an ELF file of type {kind}, which is neither executable nor PIE"),
            });
        }
        let entry_size = header.e_phentsize.get(LE);
        if usize::from(entry_size) != size_of::<elf::ProgramHeader64<LE>>() {
            return Err(AnalyzeError::Malformed {
                found: format!("program headers of {entry_size} bytes each"),
            });
        }
        Ok(Self {
            position_independent: kind == elf::ET_DYN,
            segments_at: header.e_phoff.get(LE),
            n_segments: header.e_phnum.get(LE),
            sections_at: match usize::from(header.e_shentsize.get(LE)) {
                size if size == size_of::<elf::SectionHeader64<LE>>() => header.e_shoff.get(LE),
                _ => 0,
            },
            n_sections: header.e_shnum.get(LE),
            names_index: header.e_shstrndx.get(LE),
        })
    }

    /// Returns section 0, which holds the counts that do not fit into the file header.
    fn first_section(&self, reader: &mut Reader<'_>) -> Option<elf::SectionHeader64<LE>> {
        (self.sections_at != 0).then(|| self.section(reader, 0).ok())?
    }

    fn section(
        &self,
        reader: &mut Reader<'_>,
        index: u64,
    ) -> Result<elf::SectionHeader64<LE>, AnalyzeError> {
        let offset = index
            .checked_mul(size_of::<elf::SectionHeader64<LE>>() as u64)
            .and_then(|past| past.checked_add(self.sections_at))
            .ok_or_else(|| AnalyzeError::Read(io::ErrorKind::UnexpectedEof.into()))?;
        record(reader, offset)
    }
}

/// Accepts ELFCLASS64, ELFDATA2LSB, `EM_X86_64`.
fn check_ident(ident: &[u8; 20]) -> Result<(), AnalyzeError> {
    let [
        0x7f,
        b'E',
        b'L',
        b'F',
        class,
        data,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        m0,
        m1,
    ] = *ident
    else {
        let [first, second, third, fourth, ..] = *ident;
        return Err(AnalyzeError::NotGo {
            found: format!(
                "no ELF file: it starts with {first:02x} {second:02x} {third:02x} {fourth:02x}"
            ),
        });
    };
    let machine = match data {
        elf::ELFDATA2MSB => u16::from_be_bytes([m0, m1]),
        _ => u16::from_le_bytes([m0, m1]),
    };
    if class == elf::ELFCLASS64 && data == elf::ELFDATA2LSB && machine == elf::EM_X86_64 {
        return Ok(());
    }
    let bits = match class {
        elf::ELFCLASS32 => "32-bit",
        elf::ELFCLASS64 => "64-bit",
        _ => "unknown class",
    };
    let endian = match data {
        elf::ELFDATA2LSB => "little-endian",
        elf::ELFDATA2MSB => "big-endian",
        _ => "unknown endianness",
    };
    let name = match machine {
        elf::EM_386 => " (x86)",
        elf::EM_ARM => " (arm)",
        elf::EM_AARCH64 => " (arm64)",
        elf::EM_RISCV => " (riscv)",
        elf::EM_S390 => " (s390x)",
        elf::EM_PPC64 => " (ppc64)",
        elf::EM_LOONGARCH => " (loong64)",
        elf::EM_MIPS => " (mips)",
        elf::EM_X86_64 => " (x86-64)",
        _ => "",
    };
    Err(AnalyzeError::Architecture {
        found: format!("{bits} {endian} ELF, e_machine {machine}{name}"),
    })
}

/// Reads one of `object`'s ELF structures.
pub(super) fn record<T: pod::Pod>(reader: &mut Reader<'_>, offset: u64) -> Result<T, AnalyzeError> {
    // Words, so that the structure is aligned.
    let mut words = [0_u64; 8];
    let bytes = pod::bytes_of_slice_mut(&mut words);
    let bytes = bytes.get_mut(..size_of::<T>()).unwrap_or_default();
    reader.read(bytes, offset).map_err(AnalyzeError::Read)?;
    pod::from_bytes::<T>(bytes)
        .map(|(record, _)| *record)
        .map_err(|()| AnalyzeError::Malformed {
            found: format!("no ELF structure at {offset:#x}"),
        })
}

/// Cuts a range to what the file holds.
fn clamp(offset: u64, size: u64, file_size: u64) -> Extent {
    let offset = offset.min(file_size);
    Extent {
        offset,
        size: size.min(file_size.saturating_sub(offset)),
    }
}
