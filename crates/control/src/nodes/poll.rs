//! Pauses between looks at a node: short at first, for most work there is quick, then doubled up to a limit.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub struct Poll(Duration);

impl Default for Poll {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Poll {
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LAST);
    }
}
