//! The one place of the agent that runs programs, so that every rule about them is kept in one file: always an
//! argument vector and never a shell, always a time limit, output captured with a bound, and an error that says in
//! one sentence which program failed and what it said last.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Most programs look something up or change one setting.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// More than this of a program's standard output is an error, never a silent cut.
pub const STDOUT_LIMIT_BYTES: usize = 8 << 20;
/// Of standard error the end is kept: that is where programs say why they stopped.
pub const STDERR_KEPT_BYTES: usize = 16 << 10;
/// A sentence for an operator quotes at most this much of a program's last line.
const QUOTE_LIMIT_CHARS: usize = 300;

/// Where programs are looked for, whatever the environment says in which the agent was started.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to run, its arguments, and its limits.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    stdin: Vec<u8>,
    timeout: Duration,
}

/// What a program wrote before it ended with exit code 0.
#[derive(Debug, Clone)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Why a program gave no result. The display form is a sentence for an operator.
#[derive(Debug)]
pub enum CmdError {
    /// The program could not be started, mostly because it is not installed.
    Start { program: String, source: std::io::Error },
    /// It ended with something else than 0. `code` is none where a signal ended it.
    Exit { program: String, code: Option<i32>, stderr: String },
    /// It was killed because its time was over.
    Timeout { program: String, timeout: Duration },
    /// It wrote more than [`STDOUT_LIMIT_BYTES`].
    TooMuchOutput { program: String },
    /// Talking to it failed.
    Pipe { program: String, source: std::io::Error },
}

impl CmdError {
    /// What the program wrote to standard error, empty where it did not get that far.
    pub fn stderr(&self) -> &str {
        match self {
            CmdError::Exit { stderr, .. } => stderr,
            _ => "",
        }
    }
}

impl fmt::Display for CmdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CmdError::Start { program, source } if source.kind() == std::io::ErrorKind::NotFound => {
                write!(f, "{program} is not installed")
            }
            CmdError::Start { program, source } => write!(f, "{program} could not be started: {source}"),
            CmdError::Exit { program, code, stderr } => {
                match code {
                    Some(code) => write!(f, "{program} ended with exit code {code}")?,
                    None => write!(f, "{program} was ended by a signal")?,
                }
                match last_line(stderr) {
                    Some(line) => write!(f, ": {line}"),
                    None => Ok(()),
                }
            }
            CmdError::Timeout { program, timeout } => {
                write!(f, "{program} did not end within {} s and was stopped", timeout.as_secs_f32())
            }
            CmdError::TooMuchOutput { program } => {
                write!(f, "{program} wrote more than {} MiB", STDOUT_LIMIT_BYTES >> 20)
            }
            CmdError::Pipe { program, source } => write!(f, "talking to {program} failed: {source}"),
        }
    }
}

impl std::error::Error for CmdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CmdError::Start { source, .. } | CmdError::Pipe { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn last_line(stderr: &str) -> Option<String> {
    let line = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(QUOTE_LIMIT_CHARS).collect())
}

impl Cmd {
    /// `program` is looked up in the system's folders; it is never interpreted by a shell.
    pub fn new(program: impl AsRef<OsStr>) -> Cmd {
        Cmd { program: program.as_ref().into(), args: Vec::new(), stdin: Vec::new(), timeout: DEFAULT_TIMEOUT }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.args.push(arg.as_ref().into());
        self
    }

    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cmd {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Bytes that the program reads from its standard input; it gets end-of-file after them.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Cmd {
        self.stdin = bytes.into();
        self
    }

    /// The program and its arguments, one after the other, for golden files.
    #[cfg(test)]
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" | ")
    }

    pub fn timeout(mut self, timeout: Duration) -> Cmd {
        self.timeout = timeout;
        self
    }

    /// Runs the program to its end.
    pub async fn run(self) -> Result<Output, CmdError> {
        self.run_watched(|_| {}).await
    }

    /// Runs the program to its end and shows each piece of its standard output as it comes.
    pub async fn run_watched(self, mut on_stdout: impl FnMut(&[u8])) -> Result<Output, CmdError> {
        let program = self.program.to_string_lossy().into_owned();
        let mut child = Command::new(&self.program)
            .args(&self.args)
            // Messages are read by this program too, so they must not depend on the operator's language.
            .env("LC_ALL", "C")
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the agent's terminal must not cut a disk copy.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| CmdError::Start { program: program.clone(), source })?;
        let pipe_error = |source| CmdError::Pipe { program: program.clone(), source };
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let feed = async {
                if let Some(mut pipe) = stdin.take() {
                    // A program that ends without reading all of its input says why on standard error.
                    let _ = pipe.write_all(&self.stdin).await;
                }
                Ok(())
            };
            let (out, err, ()) =
                tokio::try_join!(read_all(stdout, &mut on_stdout), read_tail(stderr), feed).map_err(pipe_error)?;
            let status = child.wait().await.map_err(pipe_error)?;
            Ok((status, out, err))
        };
        let (status, stdout, stderr) = match tokio::time::timeout(self.timeout, talk).await {
            Err(_) => return Err(CmdError::Timeout { program, timeout: self.timeout }),
            Ok(result) => result?,
        };
        let Some(stdout) = stdout else { return Err(CmdError::TooMuchOutput { program }) };
        if !status.success() {
            return Err(CmdError::Exit { program, code: status.code(), stderr });
        }
        Ok(Output { stdout, stderr })
    }
}

/// Everything the pipe yields, none where that is more than the limit.
async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    on_stdout: &mut impl FnMut(&[u8]),
) -> std::io::Result<Option<Vec<u8>>> {
    let Some(mut pipe) = pipe else { return Ok(Some(Vec::new())) };
    let (mut all, mut piece, mut too_much) = (Vec::new(), vec![0; 16 << 10], false);
    loop {
        let len = pipe.read(&mut piece).await?;
        if len == 0 {
            return Ok((!too_much).then_some(all));
        }
        on_stdout(&piece[..len]);
        too_much |= all.len() + len > STDOUT_LIMIT_BYTES;
        if !too_much {
            all.extend_from_slice(&piece[..len]);
        }
    }
}

async fn read_tail(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    let (mut tail, mut piece) = (Vec::new(), vec![0; 4 << 10]);
    loop {
        let len = pipe.read(&mut piece).await?;
        if len == 0 {
            return Ok(String::from_utf8_lossy(&tail).into_owned());
        }
        tail.extend_from_slice(&piece[..len]);
        let surplus = tail.len().saturating_sub(STDERR_KEPT_BYTES);
        tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn arguments_reach_the_program_as_they_are_and_never_a_shell() {
        let hostile = "$(touch /tmp/x); `id` | cat && \"' \n*";
        let output = Cmd::new("printf").args(["%s", hostile]).run().await.unwrap();
        assert_eq!(output.text(), hostile);
    }

    #[tokio::test]
    async fn a_failure_is_a_sentence_with_program_code_and_last_line() {
        let error = Cmd::new("ls").arg("/nonexistent").run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "ls ended with exit code 2: ls: cannot access '/nonexistent': No such file or directory"
        );
        let error = Cmd::new("berth-no-such-program").run().await.unwrap_err();
        assert_eq!(error.to_string(), "berth-no-such-program is not installed");
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_stopped_in_time() {
        let error = Cmd::new("sleep").arg("60").timeout(Duration::from_millis(100)).run().await.unwrap_err();
        assert_eq!(error.to_string(), "sleep did not end within 0.1 s and was stopped");
    }

    #[tokio::test]
    async fn standard_input_is_fed_and_too_much_output_is_refused() {
        let output = Cmd::new("cat").stdin("hello").run().await.unwrap();
        assert_eq!(output.text(), "hello");
        let error = Cmd::new("head").args(["-c", "9000000", "/dev/zero"]).run().await.unwrap_err();
        assert!(matches!(error, CmdError::TooMuchOutput { .. }), "{error}");
    }
}
