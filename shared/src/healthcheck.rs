//! A program's own health check, for images without a shell: asks the operators' port of the process beside it, and nobody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config::Settings;

/// For all of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// As much of the answer as holds its status.
const MAX_ANSWER: u64 = 1024;

/// As much of a half's table as names its operators' port.
#[derive(Deserialize)]
struct Port {
    operator_listen: Option<String>,
}

/// Does `/healthz` of the process that listens at `TABLE.operator_listen`, or else at `usual`, answer 200? The error says what was
/// asked.
pub async fn check(settings: &Settings, table: &str, usual: &str) -> Result<(), String> {
    let port: Port = settings.table(table).map_err(|error| error.to_string())?;
    let text = port.operator_listen.unwrap_or_else(|| usual.to_owned());
    let address: SocketAddr = text.parse().map_err(|_| format!("{table}.operator_listen: {text} is not an address"))?;
    let address = SocketAddr::new(here(address.ip()), address.port());
    let answer = tokio::time::timeout(PATIENCE, status_line(address)).await;
    match answer {
        Ok(Ok(line)) if line.split(' ').nth(1) == Some("200") => Ok(()),
        Ok(Ok(line)) => Err(format!("http://{address}/healthz answers {:?}", line.get(..40).unwrap_or(&line))),
        Ok(Err(error)) => Err(format!("http://{address}/healthz doesn't answer: {error}")),
        Err(_) => Err(format!("http://{address}/healthz doesn't answer within {} s", PATIENCE.as_secs())),
    }
}

/// Where every address is listened on, this machine's own is asked.
fn here(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

async fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A process that answers one request with this, and the settings that name it.
    async fn beside(answer: &'static str) -> Settings {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        settings(&format!("0.0.0.0:{port}"))
    }

    fn settings(address: &str) -> Settings {
        let environment = [("ECO_CODER_INGRESS_OPERATOR_LISTEN".to_owned(), address.to_owned())];
        Settings::load(None, environment).unwrap()
    }

    async fn checked(settings: &Settings) -> Result<(), String> {
        check(settings, "ingress", "127.0.0.1:1").await
    }

    #[tokio::test]
    async fn healthy_is_who_answers_200() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(checked(&beside(ok).await).await, Ok(()));
        let ill = checked(&beside("HTTP/1.1 503 Service Unavailable\r\n\r\n").await).await.unwrap_err();
        assert!(ill.contains("503"), "{ill}");
        assert!(checked(&beside("garbage").await).await.is_err());
        assert!(checked(&beside("").await).await.is_err());
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = settings(&listener.local_addr().unwrap().to_string());
        drop(listener);
        let error = checked(&gone).await.unwrap_err();
        assert!(error.contains("doesn't answer"), "{error}");
    }
}
