//! Credentials from their making to their end.
