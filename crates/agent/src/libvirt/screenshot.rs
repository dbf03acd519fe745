//! What a guest's screen shows, as libvirt hands it over.

use virt::{
    error::{Error as VirtError, ErrorNumber},
    stream::Stream,
};

use super::{HostError, Libvirt, find};

/// The largest screen that 16 MiB of video memory have room for, uncompressed.
const SCREENSHOT_LIMIT_BYTES: usize = 16 << 20;
const PIECE_BYTES: usize = 64 << 10;

/// A picture in the format that its type names: `image/png`, with QEMU before 7.1 `image/x-portable-pixmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screenshot {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Libvirt {
    /// None where the guest is off, or its picture is larger than any of its screens could be.
    pub async fn screenshot(&self, name: &str) -> Result<Option<Screenshot>, HostError> {
        let name = name.to_owned();
        self.call("take a picture of the guest's screen", move |connection| {
            let Some(domain) = find(connection, &name)? else { return Ok(None) };
            if !domain.is_active()? {
                return Ok(None);
            }
            let stream = Stream::new(connection, 0)?;
            let media_type = match domain.screenshot(&stream, 0, 0) {
                // It stopped meanwhile.
                Err(error) if error.code() == ErrorNumber::OperationInvalid => return Ok(None),
                media_type => media_type?,
            };
            let bytes = receive(&stream)?;
            match bytes {
                Some(bytes) => stream.finish().map(|()| Some(Screenshot { media_type, bytes })),
                None => stream.abort().map(|()| None),
            }
        })
        .await
    }
}

fn receive(stream: &Stream) -> Result<Option<Vec<u8>>, VirtError> {
    let mut all = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = stream.recv(&mut piece)?;
        if count == 0 {
            return Ok(Some(all));
        }
        all.extend_from_slice(&piece[..count]);
        if all.len() > SCREENSHOT_LIMIT_BYTES {
            return Ok(None);
        }
    }
}
