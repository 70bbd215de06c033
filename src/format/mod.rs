//! stub
use crate::domain::Alert;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct FormatError;
impl FormatError {
    pub fn reason(&self) -> &str {
        "X"
    }
    pub fn field(&self) -> String {
        String::new()
    }
}
pub struct Refusal {
    pub field: String,
    pub reason: String,
}
pub struct Read {
    pub alert: Alert,
    pub refusals: Vec<Refusal>,
}
pub fn read(_: &[u8], _: Option<&str>) -> Result<Read, FormatError> {
    Err(FormatError)
}
pub fn check(_: &str, _: &[u8], _: Option<&str>, _: crate::domain::Timestamp) -> serde_json::Value {
    serde_json::Value::Null
}
