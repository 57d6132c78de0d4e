//! Headless Chromium, driven through its debugging pipe: messages of JSON, each ended by a zero byte
//! (Chrome DevTools Protocol, `--remote-debugging-pipe`: Chromium reads descriptor 3 and writes descriptor 4).

use std::{
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _, pipe},
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::END;

/// A running browser with one page; killed on drop.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    commands: PipeWriter,
    messages: Receiver<Value>,
    session: String,
    n_sent: u64,
    /// What the page said unasked: errors, alerts, requests.
    pub(crate) events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser and opens `page` in a window of `width` columns of pixels.
    #[track_caller]
    pub(crate) fn open(page: &Path, width: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (reads, commands) = pipe().unwrap();
        let (answers, writes) = pipe().unwrap();
        let child = command(&profile, &reads, &writes).spawn().unwrap();
        drop((reads, writes));
        let mut browser = Self {
            child,
            commands,
            messages: read(answers),
            session: String::new(),
            n_sent: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        browser.resize(width);
        browser.go(page);
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let to = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &to);
        attached["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    fn resize(&mut self, width: u32) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    #[track_caller]
    fn go(&mut self, page: &Path) {
        let url = format!("file://{}", page.display());
        self.call("Page.navigate", &json!({ "url": url }));
        while !self.has_seen("Page.loadEventFired") {
            self.next();
        }
    }

    /// Whether the page has sent such an event.
    pub(crate) fn has_seen(&self, method: &str) -> bool {
        self.events.iter().any(|event| event["method"] == method)
    }

    /// Returns the value of a JavaScript expression in the page; panics where it throws.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let expression =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", &expression);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].take()
    }

    /// Presses a key as a person would.
    #[track_caller]
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "ArrowDown" => 40,
            _ => panic!("no code for {key}"),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Sends one command and waits for its answer; events on the way are kept.
    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.n_sent += 1;
        let id = self.n_sent;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.commands
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        loop {
            let mut message = self.next();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        let message = self
            .messages
            .recv_timeout(END)
            .expect("the browser is silent");
        if message["method"].is_string() {
            self.events.push(message.clone());
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("failed to end the browser {}: {error}", self.child.id());
        }
    }
}

fn command(profile: &TempDir, reads: &PipeReader, writes: &PipeWriter) -> Command {
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--remote-debugging-pipe",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("about:blank")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (from, to) = (reads.as_raw_fd(), writes.as_raw_fd());
    // SAFETY: the closure only calls `fcntl` and `dup2`, which are async-signal-safe (signal-safety(7)).
    unsafe {
        command.pre_exec(move || {
            // Copies above both numbers first: either end may already be 3 or 4.
            let high = [from, to].map(|fd| libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 10));
            if high.contains(&-1) || libc::dup2(high[0], 3) == -1 || libc::dup2(high[1], 4) == -1 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    command
}

fn read(answers: PipeReader) -> Receiver<Value> {
    let (send, messages) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).unwrap_or(Value::Null);
            if send.send(message).is_err() {
                break;
            }
        }
    });
    messages
}
