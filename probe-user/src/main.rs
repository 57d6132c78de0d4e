//! Parses, runs, prints, and chooses the exit code: the only place that does.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use probe_user::{
    attach::BPF_HASH,
    cli::{self, ColorChoice, Command, Format, Invocation, OutputConfig, RecordConfig, Sort},
    failure::{Exit, Failure},
    render::{self, TextOptions},
    report::Report,
    session::{self, output::OutputFile},
};

fn main() -> ExitCode {
    let r = run();
    match r {
        Ok(c) => c,
        Err(f) => {
            eprintln!("{f}");
            ExitCode::from(f.code as u8)
        }
    }
}
fn run() -> Result<ExitCode, Failure> {
    match cli::parse(std::env::args_os(), Some(BPF_HASH))? {
        Invocation::Print(t) => println!("{t}"),
        Invocation::Run(Command::Record(c)) => {
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let r = rt.block_on(session::record(&c))?;
            let f = match c.output.format {
                Format::Text => render::Format::Text,
                Format::Json => render::Format::Json,
                Format::Html => render::Format::Html,
                Format::Pprof => render::Format::Pprof,
                Format::Folded => render::Format::Folded,
            };
            render::render(
                &r.report,
                f,
                &TextOptions {
                    width: 100,
                    ..Default::default()
                },
                &mut io::stdout(),
            )
            .unwrap();
            eprintln!("{:?}", r.saved);
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}
