//! Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static READY: AtomicBool = AtomicBool::new(false);

pub fn wait_until_ready() {
    while !READY.load(Ordering::Acquire) {} // EC-RS-401
}

pub fn drain(receiver: &Receiver<Job>) {
    loop {
        match receiver.try_recv() { // EC-RS-402
            Ok(job) => job.run(),
            Err(TryRecvError::Empty) => continue,
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

pub fn numbers(lines: &[String]) -> Vec<u32> {
    let mut all = Vec::new();
    for line in lines {
        let digits = Regex::new(r"\d+").unwrap(); // EC-RS-101
        all.extend(digits.find_iter(line).map(|m| m.as_str().parse::<u32>().unwrap()));
    }
    all
}

pub async fn retry(client: &Client) -> Answer {
    loop {
        if let Ok(answer) = client.ask().await {
            return answer;
        }
        std::thread::sleep(Duration::from_secs(1)); // EC-RS-102
    }
}

pub fn open_orders(orders: &[Order]) -> usize {
    orders.iter().filter(|order| order.open).collect::<Vec<_>>().len() // EC-RS-104
}

pub fn total(prices: &Vec<Price>) -> u64 {
    let mut sum = 0;
    for price in prices.clone() { // EC-RS-107
        sum += price.cents;
    }
    sum
}

pub struct Cache {
    entries: Box<Vec<Entry>>, // EC-RS-110
}

pub fn letters_after(text: &str, letter: char) -> Vec<char> {
    let mut found = Vec::new();
    for i in 0..text.chars().count() {
        if text.chars().nth(i) == Some(letter) { // EC-RS-114
            found.push(letter);
        }
    }
    found
}

pub fn export(orders: &[Order], path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for order in orders {
        writeln!(file, "{},{}", order.id, order.total)?; // EC-RS-115
    }
    Ok(())
}

pub async fn version() -> String {
    let output = Command::new("git").arg("--version").output().unwrap(); // EC-RS-116
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn is_admin(user: &User) -> bool {
    user.role == "admin".to_string() // EC-RS-120
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap() // EC-RS-301
}

pub fn convert(name: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new("sh").arg("-c").arg(format!("convert {name} out.png")).status() // EC-RS-303
}

pub fn unpack(file: File, target: &Path) -> zip::result::ZipResult<()> {
    let mut archive = zip::ZipArchive::new(file)?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i)?;
        let mut out = File::create(target.join(entry.name()))?; // EC-RS-308
        std::io::copy(&mut entry, &mut out)?;
    }
    Ok(())
}

pub fn hash_password(password: &str) -> String {
    hex::encode(Sha256::digest(password.as_bytes())) // EC-RS-309
}

const API_KEY: &str = "f3Kd93jfkQ0x81LmPz77"; // EC-RS-310

pub fn cors() -> Cors {
    Cors::permissive().supports_credentials() // EC-RS-311
}
