//! The component's side.

#![allow(unsafe_code, reason = "generated bindings; the ABI is raw pointers")]

use std::hash::{BuildHasher, RandomState};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

wit_bindgen::generate!({
    world: "plugin",
    path: "../../wit",
});

use exports::automation::kv::operation_plugin::{Description, Guest, PluginError};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn describe() -> Description {
        Description {
            name: "wasi".to_string(),
            version: "1.0.0".to_string(),
            documentation: "Looks for what a WASI may have.".to_string(),
            input_schema: "{\"type\":\"string\"}".to_string(),
            output_schema: "{\"type\":\"string\"}".to_string(),
            writes: false,
        }
    }

    fn invoke(input: String) -> Result<String, PluginError> {
        let found = match input.trim_matches('"') {
            "variables" => env::vars().count().to_string(),
            "arguments" => env::args().count().to_string(),
            "folders" => outcome(fs::read_dir("/").map(drop)),
            "files" => outcome(fs::read("/etc/passwd").map(drop)),
            "writing files" => outcome(fs::write("/tmp/a-plugin-was-here", "")),
            "connecting" => outcome(TcpStream::connect("127.0.0.1:5432").map(drop)),
            "listening" => outcome(TcpListener::bind("127.0.0.1:0").map(drop)),
            "datagrams" => outcome(UdpSocket::bind("127.0.0.1:0").map(drop)),
            "names" => outcome(TcpStream::connect("localhost:5432").map(drop)),
            "threads" => outcome(thread::Builder::new().spawn(|| {}).map(drop)),
            "time" => milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            "passing time" => {
                let begun = Instant::now();
                let sum = (0..1_000_000_u64).fold(0_u64, |sum, next| std::hint::black_box(sum.wrapping_add(next)));
                std::hint::black_box(sum);
                milliseconds(begun.elapsed())
            }
            "sleeping" => {
                thread::sleep(Duration::from_secs(3600));
                "awake".to_string()
            }
            "random numbers" => RandomState::new().hash_one(0).to_string(),
            "printing" => {
                println!("this goes nowhere");
                eprintln!("and so does this");
                "printed".to_string()
            }
            other => return Err(PluginError::InvalidInput(format!("{other:?} is nothing to look for"))),
        };
        Ok(format!("{found:?}"))
    }
}

fn outcome(tried: std::io::Result<()>) -> String {
    match tried {
        Ok(()) => "possible".to_string(),
        Err(_) => "impossible".to_string(),
    }
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
