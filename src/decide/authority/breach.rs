//! What an alert does beyond the limits of its authority.

use std::fmt;

use crate::domain::{AlertScope, Category, Mode, Position, Severity};
use crate::format::signature::SignatureFault;

/// One thing that an alert does beyond its authority's limits; it is told with its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Breach {
    /// A sender that the authority does not speak for.
    Sender(String),
    /// A format that it does not write.
    Format(String),
    /// A status that it does not send.
    Status(Mode),
    /// A scope that it does not send.
    Scope(AlertScope),
    /// No signature that is right by whom it signs by: what is wrong with it, if it was looked for.
    Signature(Option<SignatureFault>),
    /// A kind of hazard that it does not warn of.
    Category {
        /// Which info.
        info: usize,
        /// Which kind; `None`: the info does not say.
        category: Option<Category>,
    },
    /// An event that it does not warn of.
    Event {
        /// Which info.
        info: usize,
        /// What the info calls it.
        event: String,
    },
    /// Worse than it may claim.
    Severity {
        /// Which info.
        info: usize,
        /// What it claims.
        severity: Severity,
        /// What it may.
        highest: Severity,
    },
    /// Ground beyond its jurisdiction.
    Ground {
        /// The first info that speaks of it.
        info: usize,
        /// A place of it that is beyond.
        at: Position,
    },
    /// Ground so jagged that nobody can say in reasonable time whether it is beyond.
    Intricate {
        /// The first info that speaks of it.
        info: usize,
    },
    /// It came too soon after others, and is too urgent to be sent away.
    Rate,
}

impl Breach {
    /// Whether a person may let it pass: who speaks and how is not for people to say, what is said is.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Sender(_) | Self::Format(_) | Self::Status(_) | Self::Scope(_) | Self::Signature(_) => false,
            Self::Category { .. }
            | Self::Event { .. }
            | Self::Severity { .. }
            | Self::Ground { .. }
            | Self::Intricate { .. }
            | Self::Rate => true,
        }
    }

    /// The reason in one word of the API.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Sender(_) => "SENDER_NOT_ADMITTED",
            Self::Format(_) => "FORMAT_NOT_ADMITTED",
            Self::Status(_) => "STATUS_NOT_ADMITTED",
            Self::Scope(_) => "SCOPE_NOT_ADMITTED",
            Self::Signature(None | Some(SignatureFault::Unsigned)) => "SIGNATURE_REQUIRED",
            Self::Signature(Some(_)) => "SIGNATURE_WRONG",
            Self::Category { .. } => "CATEGORY_NOT_ADMITTED",
            Self::Event { .. } => "EVENT_NOT_ADMITTED",
            Self::Severity { .. } => "SEVERITY_TOO_HIGH",
            Self::Ground { .. } => "OUTSIDE_JURISDICTION",
            Self::Intricate { .. } => "GROUND_TOO_INTRICATE",
            Self::Rate => "RATE_EXCEEDED",
        }
    }

    /// The field that it is about.
    pub fn field(&self) -> String {
        let of = |info: &usize, field: &str| format!("info[{info}].{field}");
        match self {
            Self::Sender(_) => "sender".to_owned(),
            Self::Format(_) => "format".to_owned(),
            Self::Status(_) => "status".to_owned(),
            Self::Scope(_) => "scope".to_owned(),
            Self::Signature(None) => "Signature".to_owned(),
            Self::Signature(Some(fault)) => fault.field().to_owned(),
            Self::Category { info, .. } => of(info, "category"),
            Self::Event { info, .. } => of(info, "event"),
            Self::Severity { info, .. } => of(info, "severity"),
            Self::Ground { info, .. } | Self::Intricate { info } => of(info, "area"),
            Self::Rate => "sent".to_owned(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field();
        match self {
            Self::Sender(sender) => write!(f, "{field}: {sender} is not admitted to send this"),
            Self::Format(format) => write!(f, "{field}: the authority does not write {format}"),
            Self::Status(mode) => write!(f, "{field}: the authority does not send {}", mode.name()),
            Self::Scope(scope) => write!(f, "{field}: the authority does not send {}", scope.name()),
            Self::Signature(None) => write!(f, "{field}: is required, and this format has none"),
            Self::Signature(Some(fault)) => write!(f, "{field}: {fault}"),
            Self::Category { category: Some(category), .. } => {
                write!(f, "{field}: the authority does not warn of {}", category.as_str())
            }
            Self::Category { category: None, .. } => {
                write!(f, "{field}: is not said, and the authority warns of some alone")
            }
            Self::Event { event, .. } => {
                let event: String = event.chars().take(64).collect();
                write!(f, "{field}: the authority does not warn of {event:?}")
            }
            Self::Severity { severity, highest, .. } => {
                write!(f, "{field}: {} is above {}", severity.as_str(), highest.as_str())
            }
            Self::Ground { at, .. } => write!(f, "{field}: {}, {} is outside the jurisdiction", at.lon(), at.lat()),
            Self::Intricate { .. } => write!(f, "{field}: it is too jagged to tell whether it is in the jurisdiction"),
            Self::Rate => write!(f, "{field}: the authority sends too often"),
        }
    }
}
