//! The smallest ELF file that the analyzer takes for a Go program: one function, every table a parameter.

/// Everything is mapped by one segment, readable, writable and executable.
const BASE: u64 = 0x40_0000;
const ELF_SIZE: usize = 64 + 56;
const TEXT_SIZE: usize = 0x100;
/// Where the header of the table of functions is in the file; its address is this much above [`BASE`].
pub(crate) const PCLNTAB: usize = 0x180;

/// The tables of a program; the default is sound.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The name table; the function's is at offset 0.
    pub(crate) names: Vec<u8>,
    pub(crate) files: Vec<u8>,
    /// Pc-value tables of files, lines and inline-tree indices, one after the other.
    pub(crate) values: [Vec<u8>; 3],
    /// Records of the inline tree: {name, parent's pc}.
    pub(crate) inline_tree: Vec<(i32, i32)>,
    /// What follows the 32 bytes of header of the build info.
    pub(crate) build_info: Vec<u8>,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            names: b"main.main\0main.inlined\0".to_vec(),
            files: b"/src/main.go\0".to_vec(),
            values: [
                pc_values(&[(0, 0x100)]),
                pc_values(&[(7, 0x100)]),
                pc_values(&[(-1, 0x100)]),
            ],
            inline_tree: Vec::new(),
            build_info: [&[8][..], b"go1.21.0", &[0]].concat(),
        }
    }
}

/// Encodes a pc-value table: {value, bytes of code}, from the value −1.
pub(crate) fn pc_values(steps: &[(i32, u32)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut last = -1;
    for (index, (value, len)) in steps.iter().enumerate() {
        let change = value.wrapping_sub(last);
        let zigzag = ((change << 1) ^ (change >> 31)) as u32;
        assert!(index == 0 || zigzag != 0, "a table says nothing twice");
        varint(&mut table, zigzag);
        varint(&mut table, *len);
        last = *value;
    }
    table.push(0);
    table
}

fn varint(table: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        table.push(value as u8 | 0x80);
        value >>= 7;
    }
    table.push(value as u8);
}

impl Program {
    /// Lays the file out: ELF header, text, table of functions, inline tree, build info, moduledata.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = vec![0xcc; ELF_SIZE + TEXT_SIZE];
        file.resize(PCLNTAB, 0);
        let table = self.pclntab(BASE + ELF_SIZE as u64);
        file.extend(&table.bytes);
        let inline_tree = align(&mut file);
        for (name, parent) in &self.inline_tree {
            file.extend([0; 4]);
            file.extend(name.to_le_bytes());
            file.extend(parent.to_le_bytes());
            file.extend([0; 4]);
        }
        align(&mut file);
        file.extend(b"\xff Go buildinf:\x08\x02");
        file.extend([0; 16]);
        file.extend(&self.build_info);
        align(&mut file);
        file.extend(moduledata(&table, inline_tree));
        let header = elf_header(file.len() as u64);
        file[..ELF_SIZE].copy_from_slice(&header);
        file
    }

    fn pclntab(&self, text: u64) -> Pclntab {
        let mut body = Vec::new();
        let mut parts = Vec::new();
        let mut part = |bytes: &[u8]| {
            parts.push(72 + body.len() as u64);
            body.extend(bytes);
            body.resize(body.len().next_multiple_of(8), 0);
        };
        part(&self.names);
        part(&0_u32.to_le_bytes());
        part(&self.files);
        // Offset 0 of the pc-value tables means that there is none.
        let [files, lines, indices] = &self.values;
        part(&[&[0][..], files, lines, indices].concat());
        let at = [1, 1 + files.len(), 1 + files.len() + lines.len()].map(|at| at as u32);
        part(&function_table(at));
        let mut bytes = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
        for word in [1, 1, text].iter().chain(&parts) {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(body);
        Pclntab { bytes, parts, text }
    }
}

struct Pclntab {
    bytes: Vec<u8>,
    /// Offsets of names, units, files, values, functab.
    parts: Vec<u64>,
    text: u64,
}

/// The functab of one function, and its `runtime._func` with three pc-value tables and four function data.
fn function_table([files, lines, indices]: [u32; 3]) -> Vec<u8> {
    let functab = [0, 16, TEXT_SIZE as u32, 0];
    let record = [0, 0, 0, 0, 0, files, lines, 3, 0, 1, 0x0400_0000];
    let tables = [0, 0, indices, u32::MAX, u32::MAX, u32::MAX, 0];
    let words = functab.iter().chain(&record).chain(&tables);
    words.flat_map(|word| word.to_le_bytes()).collect()
}

fn moduledata(table: &Pclntab, inline_tree: usize) -> Vec<u8> {
    let at = BASE + PCLNTAB as u64;
    let mut words = [0; 48];
    words[0] = at;
    for (word, part) in [(1, 0), (4, 1), (7, 2), (10, 3), (13, 4), (16, 4)] {
        words[word] = at + table.parts[part];
    }
    words[17] = 2;
    words[22] = table.text;
    words[23] = table.text + TEXT_SIZE as u64;
    words[40] = BASE + inline_tree as u64;
    words
        .iter()
        .flat_map(|word: &u64| word.to_le_bytes())
        .collect()
}

fn elf_header(size: u64) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for word in [BASE, 64, 0] {
        header.extend(word.to_le_bytes());
    }
    for half in [0_u16, 0, 64, 56, 1, 64, 0, 0] {
        header.extend(half.to_le_bytes());
    }
    header.extend([1, 0, 0, 0, 7, 0, 0, 0]);
    for word in [0, BASE, BASE, size, size, 0x1000] {
        header.extend(word.to_le_bytes());
    }
    header
}

fn align(file: &mut Vec<u8>) -> usize {
    file.resize(file.len().next_multiple_of(16), 0);
    file.len()
}
