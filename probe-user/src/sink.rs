//! Where a report goes, and how wide and colourful it is there.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use probe_user::{
    cli::{self, ColorChoice, OutputConfig},
    failure::{Exit, Failure},
    output::{self, OutputFile},
    render::{self, Format, RenderError, Sort, TextOptions},
    report::Report,
    sys,
};

/// Columns where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 80;

/// The form of a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    format: Format,
    text: TextOptions,
}

impl Page {
    /// Chooses the form, and refuses one that the place cannot take.
    pub(crate) fn new(output: &OutputConfig, color: ColorChoice) -> Result<Self, Failure> {
        let format = match output.format {
            cli::Format::Text => Format::Text,
            cli::Format::Json => Format::Json,
            cli::Format::Html => Format::Html,
            cli::Format::Pprof => Format::Pprof,
            cli::Format::Folded => Format::Folded,
        };
        let to_terminal = output.path.is_none() && io::stdout().is_terminal();
        if format == Format::Pprof && to_terminal {
            return Err(Failure::new(
                Exit::Usage,
                "a pprof profile is binary, and stdout is a terminal",
            )
            .try_("-o profile.pb.gz"));
        }
        let mut page = Self::standard(color);
        page.format = format;
        if output.path.is_some() {
            page.text.color = color == ColorChoice::Always;
            page.text.width = DEFAULT_WIDTH;
        }
        Ok(page)
    }

    /// The form of text on standard output.
    pub(crate) fn standard(color: ColorChoice) -> Self {
        let stdout = io::stdout();
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never
            }
        };
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let width = sys::terminal_width().or(columns).unwrap_or(DEFAULT_WIDTH);
        let ascii = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self {
            format: Format::Text,
            text: TextOptions {
                width,
                color,
                ascii,
                ..TextOptions::default()
            },
        }
    }

    pub(crate) fn text(&self) -> TextOptions {
        self.text
    }

    #[expect(
        clippy::unused_self,
        reason = "what was typed becomes what the page is sorted by"
    )]
    pub(crate) fn sort(&self, sort: cli::Sort) -> Sort {
        match sort {
            cli::Sort::Total => Sort::Total,
            cli::Sort::Count => Sort::Count,
            cli::Sort::P99 => Sort::P99,
            cli::Sort::Max => Sort::Max,
        }
    }
}

/// Where a report is written to.
#[derive(Debug)]
pub(crate) enum Sink {
    Stdout,
    File(OutputFile),
}

impl Sink {
    /// Opens the place, so that one that can't be written fails before anything is attached.
    pub(crate) fn open(config: &OutputConfig) -> Result<Self, Failure> {
        let Some(path) = &config.path else {
            return Ok(Self::Stdout);
        };
        let file = OutputFile::replace(path)
            .map_err(|e| output::refusal(path, "the report", "--output", &e))?;
        Ok(Self::File(file))
    }

    /// Writes the report, and returns the file that now holds it.
    pub(crate) fn write(
        self,
        report: &Report,
        page: &Page,
        text: &TextOptions,
    ) -> Result<Option<PathBuf>, Failure> {
        let mut bytes = Vec::new();
        render::render(report, page.format, text, &mut bytes).map_err(|error| match error {
            RenderError::Write(e) => Failure::io("failed to write the report", &e),
        })?;
        self.write_bytes(&bytes)
    }

    /// Writes what was rendered, and returns the file that now holds it.
    pub(crate) fn write_bytes(self, bytes: &[u8]) -> Result<Option<PathBuf>, Failure> {
        match self {
            Self::Stdout => {
                to_stdout(bytes)?;
                Ok(None)
            }
            Self::File(mut file) => {
                let path = file.path().to_owned();
                let written = file.write_all(bytes).and_then(|()| file.finish());
                written.map(Some).map_err(|e| {
                    Failure::io(
                        &format!("failed to write the report to {}", path.display()),
                        &e,
                    )
                })
            }
        }
    }
}

/// Writes to standard output. A reader that has seen enough is no failure.
pub(crate) fn to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("failed to write to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Returns a path as it can be pasted into a shell.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@,".contains(c);
    if text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
