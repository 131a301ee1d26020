//! The one place that prints. Stderr is for a person: log lines in one voice, and progress bars. Stdout is for data alone.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, StdinLock, StdoutLock, Write};
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::with_short_quotes;
use crate::{Error, Result};

/// When to draw progress bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// On a terminal only.
    #[default]
    Auto,
    /// Always; where stderr is not a terminal, a line every tenth.
    Always,
    /// Never.
    Never,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `error: ...`, for people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

struct Settings {
    format: LogFormat,
    progress: ProgressMode,
    bars: MultiProgress,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

fn settings() -> &'static Settings {
    SETTINGS.get_or_init(|| make_settings(LogFormat::Text, ProgressMode::Auto))
}

fn make_settings(format: LogFormat, progress: ProgressMode) -> Settings {
    let bars = MultiProgress::new();
    if progress == ProgressMode::Never || !io::stderr().is_terminal() || format == LogFormat::Json {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    Settings {
        format,
        progress,
        bars,
    }
}

/// Sets the form of logs and progress once, at the start of `main`; later calls have no effect.
pub fn init(format: LogFormat, progress: ProgressMode) {
    let _ = SETTINGS.set(make_settings(format, progress));
}

/// Prints `data` to stdout, where all of it is on return. A reader that has gone (`| head`) wants no more, which is no
/// failure: the tool ends with the exit code that its answer has.
///
/// # Errors
/// When stdout cannot be written, on a full disk for example.
pub fn print(data: impl Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    printed(write!(stdout, "{data}"))
}

/// The outcome of a text that a library wrote to stdout; whatever still stands in the buffer is written first.
pub(crate) fn printed(outcome: io::Result<()>) -> Result<()> {
    match outcome.and_then(|()| io::stdout().flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Error::retry(format!("cannot write to stdout: {e}"))
                .hint("what was printed is cut short: make room where stdout goes, and run again"))
        }
        _ => Ok(()),
    }
}

/// Stdin and stdout as the two ends of a stream of step frames. That the other side has gone is the stream's own failure.
pub fn frames() -> (StdinLock<'static>, StdoutLock<'static>) {
    (io::stdin().lock(), io::stdout().lock())
}

/// A line of information.
pub fn info(message: &str) {
    line("info", message, None, None);
}

/// A warning: the run goes on, but the reader should know.
pub fn warn(message: &str) {
    line("warning", message, None, None);
}

/// A failure, with its place and hint.
pub fn error(error: &Error) {
    let (what, place, hint) = error.parts();
    line("error", what, Some(&place), hint);
}

fn line(level: &str, message: &str, place: Option<&str>, hint: Option<&str>) {
    let settings = settings();
    let place = place.filter(|p| !p.is_empty());
    let message = with_short_quotes(message.to_string());
    let text = match settings.format {
        LogFormat::Json => serde_json::json!({
            "level": level, "message": message, "place": place, "hint": hint
        })
        .to_string(),
        LogFormat::Text => {
            let mut text = if level == "info" {
                message
            } else {
                format!("{level}: {message}")
            };
            if let Some(place) = place {
                text += &format!("\n  at: {place}");
            }
            if let Some(hint) = hint {
                text += &format!("\nhint: {hint}");
            }
            text
        }
    };
    // Where stderr is closed or full there is nobody to tell.
    let _ = settings.bars.suspend(|| writeln!(io::stderr(), "{text}"));
}

/// A progress bar for one long step; cheap to advance from many threads.
pub struct Progress {
    bar: ProgressBar,
    label: String,
    total: u64,
    /// Print a line every tenth, because bars were asked for and there is no terminal.
    lines: bool,
}

impl Progress {
    /// A bar over `total` steps of `unit` ("tokens", "episodes"), labelled by what is being done.
    pub fn new(label: &str, total: u64, unit: &str) -> Self {
        let settings = settings();
        let template =
            format!("{{msg:<28}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit} {{per_sec}} eta {{eta}}");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = settings.bars.add(
            ProgressBar::new(total)
                .with_style(style)
                .with_message(label.to_string()),
        );
        bar.enable_steady_tick(Duration::from_millis(200));
        let lines = settings.progress == ProgressMode::Always && settings.bars.is_hidden();
        Progress {
            bar,
            label: label.to_string(),
            total,
            lines,
        }
    }

    /// Advances by `steps`.
    pub fn add(&self, steps: u64) {
        let before = self.bar.position();
        self.bar.inc(steps);
        let tenth = |position: u64| (position * 10).checked_div(self.total).unwrap_or(0);
        if self.lines && tenth(before) != tenth(before + steps) {
            info(&format!("{}: {} of {}", self.label, before + steps, self.total));
        }
    }

    /// Shows `detail` after the label ("loss 1.23").
    pub fn detail(&self, detail: &str) {
        self.bar.set_message(format!("{} {detail}", self.label));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
